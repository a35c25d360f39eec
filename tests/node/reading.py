"""A table of what a person should read, and what is otherwise in what the CLI answers."""

import re
from collections.abc import Callable
from typing import Any

import msgspec
import pytest

from tests.operator import until

LONG_SECONDS = 240.0


class Expected(msgspec.Struct, frozen=True):
    """One event that a person should read, once."""

    kind: str
    name: str
    """Of the object, or how it begins, followed by `*`."""
    titles: dict[str, str]
    """What the title may be, each with its severity: a crash loop is another thing than its first restart."""
    cause: str
    """A regular expression that the description matches: what an engineer acts on."""
    metadata: dict[str, Any] = {}
    each: bool = False
    """Every change is an event of its own, so the cause tells one from another."""
    counted: str = ""
    """What of the metadata is the count."""


Stays = dict[tuple[str, str, str], str]
"""What else may be recorded, by kind, object and title, and why it is worth reading."""


def expected(kind: str, name: str, title: str, severity: str, cause: str, **metadata: Any) -> Expected:
    return Expected(kind, name, {title: severity}, cause, metadata)


def agree(wanted: list[Expected], stays: Stays, read: Callable[[], list[dict[str, Any]]]) -> None:
    """Fails with every difference where what is read does not become what is wanted."""
    found: list[str] = []

    def is_right() -> bool:
        found[:] = differences(wanted, stays, read())
        return not found

    try:
        until(is_right, "the table", LONG_SECONDS)
    except AssertionError:
        pytest.fail("\n".join(found), pytrace=False)


def differences(wanted: list[Expected], stays: Stays, events: list[dict[str, Any]]) -> list[str]:
    """What is missing, there twice, otherwise than wanted, or too much."""
    found: list[str] = []
    left = list(events)
    for one in wanted:
        mine = [event for event in left if is_named(one, event)]
        left = [event for event in left if event not in mine]
        if len(mine) != 1:
            found.append(f"{len(mine)} events of {one.kind}/{one.name} {'|'.join(one.titles)} {one.cause if one.each else ''}")
        found += [text for event in mine for text in faults(one, event)]
    for event in left:
        key = (event.get("object_kind", ""), event.get("object_name", ""), event["title"])
        if key not in stays:
            found.append(f"not wanted: {event['severity']} {key} {event.get('description')}")
    return found


def is_named(one: Expected, event: dict[str, Any]) -> bool:
    """Whether an event is this one, rightly told or not."""
    name = event.get("object_name", "")
    named = name.startswith(one.name[:-1]) if one.name.endswith("*") else name == one.name
    right = named and event.get("object_kind") == one.kind and event["title"] in one.titles
    return right and (not one.each or bool(re.search(one.cause, event.get("description", ""))))


def faults(one: Expected, event: dict[str, Any]) -> list[str]:
    """What an event says otherwise than wanted."""
    about = f"{one.kind}/{one.name} {event['title']}"
    found: list[str] = []
    if event["severity"] != one.titles[event["title"]]:
        found.append(f"{about}: severity {event['severity']}")
    if not re.search(one.cause, event.get("description", "")):
        found.append(f"{about}: description {event.get('description')!r}, wanted {one.cause!r}")
    for key, value in one.metadata.items():
        if event["metadata"].get(key) != value:
            found.append(f"{about}: {key} {event['metadata'].get(key)!r}, wanted {value!r}")
    if one.counted and event["count"] != event["metadata"].get(one.counted):
        found.append(f"{about}: count {event['count']}, {one.counted} {event['metadata'].get(one.counted)}")
    missing = {"reason", "count", "first_timestamp", "last_timestamp"} - set(event["metadata"])
    if missing:
        found.append(f"{about}: no {', '.join(sorted(missing))}")
    return found
