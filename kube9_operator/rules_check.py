"""The command `rules check`: whether a file of rules can be used, and what each Event of a file would become."""

import os
import sys
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec

from kube9_operator import settings
from kube9_operator.model.rules import loader
from kube9_operator.model.rules.loader import RulesError
from kube9_operator.model.rules.matcher import Chosen, Table, Verdict
from kube9_operator.watch import observations
from kube9_schema.codes import SEVERITIES
from kube9_schema.plain import plain

MAX_EVENTS_BYTES = 512 * 2**20
MAX_CELL_CHARACTERS = 100
HEADER = ("SEVERITY", "TITLE", "OBJECT", "REASON", "RULE")
SETTINGS = ("reasons_include", "reasons_exclude", "wait_minutes")


class EventsError(ValueError):
    """A file of Events that cannot be read."""


class Result(msgspec.Struct, frozen=True):
    """What an Event would become."""

    event_namespace: str
    event_name: str
    object_kind: str
    object_namespace: str
    object_name: str
    reason: str
    recorded: bool
    by: str
    """The id of a rule, or the variable that decides."""
    source: str
    """Of the rule: `file`, `built-in` or `setting`."""
    severity: str | None = None
    title: str | None = None


def check(file: str, events_file: str | None, output: str) -> int:
    """Checks the file, and prints the outcome; returns the exit code."""
    try:
        rules = loader.read(Path(file))
        found = settings.values(os.environ, SETTINGS)
        table = Table(rules, found["wait_minutes"] * 60)
        chosen = Chosen(found["reasons_include"], found["reasons_exclude"], table=table)
        results = [] if events_file is None else [_result(event, chosen) for event in _events(events_file)]
    except RulesError as error:
        return _wrong(f"{file}: {error}")
    except settings.SettingError as error:
        return _wrong(*error.args)
    except EventsError as error:
        return _wrong(f"{events_file}: {error}")
    if output == "json":
        text = msgspec.json.format(msgspec.json.encode({"file": file, "rules": len(rules), "events": results})).decode() + "\n"
    else:
        text = _table(file, len(rules), None if events_file is None else results)
    try:
        sys.stdout.write(text)
        sys.stdout.flush()
    except OSError as error:
        _wrong(f"the result cannot be written: {error.strerror}")
        os._exit(1)  # at an ordinary end Python would try again
    return 0


def _wrong(*reasons: str) -> int:
    sys.stderr.write("".join(f"kube9-operator rules check: {plain(reason)}\n" for reason in reasons))
    return 1


def _events(file: str) -> Iterator[observations.Event]:
    """The Events of a list as kubectl prints it, of a single Event, or of lines with an Event each. Raises EventsError."""
    try:
        if file == "-":
            data = sys.stdin.buffer.read(MAX_EVENTS_BYTES + 1)
        else:
            with open(file, "rb") as opened:
                data = opened.read(MAX_EVENTS_BYTES + 1)
    except (OSError, ValueError) as error:
        raise EventsError(getattr(error, "strerror", None) or str(error)) from None
    if len(data) > MAX_EVENTS_BYTES:
        raise EventsError(f"is larger than {MAX_EVENTS_BYTES // 2**20} MiB")
    try:
        document = msgspec.json.decode(data)
        items = document["items"] if isinstance(document, dict) and "items" in document else document
        numbered = [("item", number, one) for number, one in enumerate(items if isinstance(items, list) else [items], 1)]
    except (msgspec.DecodeError, RecursionError):
        numbered = list(_lines(data))
    for what, number, one in numbered:
        if isinstance(one, dict) and "regarding" in one and "involvedObject" not in one:
            raise EventsError(f"{what} {number}: is an Event of events.k8s.io; kubectl get events -o json prints those of v1")
        try:
            yield msgspec.convert(one, observations.Event)
        except msgspec.ValidationError as error:
            raise EventsError(f"{what} {number}: is not an Event: {error}") from None


def _lines(data: bytes) -> Iterator[tuple[str, int, Any]]:
    for number, line in enumerate(data.splitlines(), 1):
        if line.strip():
            try:
                yield "line", number, msgspec.json.decode(line)
            except (msgspec.DecodeError, RecursionError) as error:
                raise EventsError(f"line {number}: is not JSON: {error}") from None


def _result(event: observations.Event, chosen: Chosen) -> Result:
    verdict = observations.verdict_of(event, chosen)
    observation = observations.normalise(event, chosen)
    about = event.involved_object or observations.Reference()
    by, source = _by(verdict)
    return Result(
        event_namespace=event.metadata.namespace or "",
        event_name=event.metadata.name or "",
        object_kind=about.kind or "",
        object_namespace=about.namespace or "",
        object_name=about.name or "",
        reason=event.reason or "",
        recorded=observation is not None,
        by=by,
        source=source,
        severity=None if observation is None else SEVERITIES[observation.severity],
        title=None if observation is None else observation.title,
    )


def _by(verdict: Verdict) -> tuple[str, str]:
    """What decided: a rule or a setting, and where that is."""
    if verdict.rule is None:
        return "EVENT_REASONS_EXCLUDE", "setting"
    if verdict.included:
        return "EVENT_REASONS_INCLUDE", "setting"
    return verdict.rule.id, "file" if verdict.rule.of_user else "built-in"


def _table(file: str, rules: int, results: list[Result] | None) -> str:
    text = f"{plain(file)}: {rules} {'rule' if rules == 1 else 'rules'}, no errors.\n"
    if results is None:
        return text
    rows = [HEADER, *(_row(one) for one in results)]
    widths = [max(len(row[column]) for row in rows) for column in range(len(HEADER) - 1)]
    for row in rows:
        text += "  ".join([*(cell.ljust(width) for cell, width in zip(row, widths, strict=False)), row[-1]]) + "\n"
    left_out = sum(not one.recorded for one in results)
    counted = f"{len(results)} {'Event' if len(results) == 1 else 'Events'}"
    return text + f"{counted}: {len(results) - left_out} would be recorded, {left_out} left out.\n"


def _row(result: Result) -> tuple[str, ...]:
    place = "/".join(part for part in (result.object_kind.lower(), result.object_namespace, result.object_name) if part)
    source = f"{result.by} ({result.source})"
    cells = (result.severity or "-", result.title or "left out", place, result.reason, source)
    return tuple(plain(cell)[:MAX_CELL_CHARACTERS] for cell in cells)
