"""What a command line asks, and the right answer to it. It shares no code with kube9_cli."""

import dataclasses
from collections.abc import Callable, Iterable
from datetime import timedelta
from typing import Any, NamedTuple

from tests.oracle.coverage import EVERY_TYPE, Asked, coverage
from tests.oracle.reader import SEVERITIES, Event, Object, World
from tests.oracle.times import EPOCH, iso

Condition = Callable[[World, Event], bool]
NO_LIMIT_ASKED = 50
"""So many events are listed by default."""


class Around(NamedTuple):
    """A moment, or an event, and how much time on each side of it."""

    at_ms: int
    """The moment; nothing if it is an event."""
    event: int | None
    window_ms: int


@dataclasses.dataclass
class Question:
    """What all options of a command line say together."""

    conditions: list[Condition] = dataclasses.field(default_factory=list)
    since_ms: int | None = None
    until_ms: int | None = None
    until_is_clock: bool = False
    """`--until` is a time of the clock without a day. It is after `--since`."""
    sort: str = "last"
    reverse: bool = False
    limit: int = NO_LIMIT_ASKED
    """0 for all."""
    offset: int = 0
    after: int = 0
    """So many events are in the pages before."""
    counts: bool = True
    around: "Around | None" = None
    types: frozenset[str] = EVERY_TYPE
    severities: frozenset[str] = frozenset(SEVERITIES)
    kinds: list[Callable[[str], bool]] = dataclasses.field(default_factory=list)
    watches: list[Callable[[str], bool]] = dataclasses.field(default_factory=list)
    owners: frozenset[str] = frozenset()
    """These three and the two before are for the coverage: see Asked."""
    zoned: bool = False
    """A time is given as clocks show it, or with a time zone: the answer says which time that is."""
    refused: bool = False
    """The arguments are wrong."""

    def is_refused(self) -> bool:
        """Whether the command has to fail."""
        is_empty = self.since_ms is not None and self.until_ms is not None and self.since_ms >= self.until_ms
        return self.refused or is_empty or (self.limit == 0 and (self.around is not None or self.offset > 0))

    def matches(self, world: World, event: Event) -> bool:
        """Whether an event is wanted: it overlaps the range, and all conditions hold."""
        if self.since_ms is not None and event.last_ms < self.since_ms:
            return False
        if self.until_ms is not None and event.first_ms >= self.until_ms:
            return False
        return all(holds(world, event) for holds in self.conditions)


SORTED_BY: dict[str, Callable[[Event], Any]] = {
    "last": lambda event: event.last_ms,
    "first": lambda event: event.first_ms,
    "created": lambda event: 0,  # ids have the order in which events were first recorded
    "count": lambda event: event.times,
    "severity": lambda event: SEVERITIES.index(event.severity),
}


def in_order(question: Question, events: Iterable[Event]) -> list[Event]:
    """The latest, most frequent or worst first; of equal ones that which was recorded last."""
    value = SORTED_BY[question.sort]
    return sorted(events, key=lambda event: (value(event), event.id), reverse=not question.reverse)


def answer(world: World, question: Question, now_ms: int) -> dict[str, Any]:
    """The JSON of `events list` at a time."""
    if question.around is not None:
        return _around(world, question, question.around, now_ms)
    matches = in_order(question, matching(world, question))
    begin = question.offset + question.after
    page = matches[begin:] if question.limit == 0 else matches[begin : begin + question.limit]
    has_next = question.offset == 0 and begin + len(page) < len(matches)
    return _document(world, question, now_ms, page, len(matches), has_next)


def is_missing(world: World, question: Question) -> bool:
    """Whether the question is about an event that does not exist: then the command has to say so."""
    return question.around is not None and question.around.event is not None and question.around.event not in world.events


def leaves_nothing(world: World, question: Question) -> bool:
    """Whether --since and --until leave nothing of the time around a moment: then the command has to say so."""
    around = question.around
    if around is None or is_missing(world, question):
        return False
    since, until = _range(world, around)
    since = since if question.since_ms is None else max(since, question.since_ms)
    return since >= (until if question.until_ms is None else min(until, question.until_ms))


def _range(world: World, around: Around) -> tuple[int, int]:
    """The time around a moment, or around an event from its beginning to its end."""
    begin, end = around.at_ms, around.at_ms
    if around.event is not None:
        begin, end = world.events[around.event].first_ms, world.events[around.event].last_ms
    return begin - around.window_ms, end + around.window_ms + 1


def matching(world: World, question: Question) -> list[Event]:
    """All events that are wanted."""
    return [event for event in world.events.values() if question.matches(world, event)]


def _around(world: World, question: Question, around: Around, now_ms: int) -> dict[str, Any]:
    """The events nearest to a moment, the earliest first: half of them before it, unless there are fewer.

    The moment of an event is its beginning. The event itself is always among them, if it matches.
    """
    at_ms = around.at_ms if around.event is None else world.events[around.event].first_ms
    since, until = _range(world, around)
    narrowed = dataclasses.replace(
        question,
        since_ms=max(0, since, question.since_ms or 0),
        until_ms=max(0, until if question.until_ms is None else min(until, question.until_ms)),
    )
    matches = sorted(matching(world, narrowed), key=lambda event: (event.last_ms, event.id))
    before = [event for event in matches if event.last_ms < at_ms]
    later = matches[len(before) : len(before) + question.limit]
    most_before = max(question.limit // 2, question.limit - len(later))
    before = before[max(0, len(before) - most_before) :]
    later = later[: question.limit - len(before)]
    if itself := [event for event in matches if event.id == around.event and event not in later]:
        later = [*later[:-1], *itself]
    found = _document(world, narrowed, now_ms, [*before, *later], len(matches), False)
    named = {} if around.event is None else {"event": text_of(around.event)}
    found["asked"] = (found["asked"] or {}) | {"around": iso(at_ms)} | named
    for event in found["events"]:
        if event["id"] == named.get("event"):
            event["marked"] = True
    return found


def _document(world: World, question: Question, now_ms: int, page: list[Event], total: int, has_next: bool) -> dict[str, Any]:
    asked = Asked(
        question.types,
        question.severities,
        question.kinds,
        question.watches,
        question.owners,
        question.since_ms,
        question.until_ms,
    )
    counted = ({"total": total} if question.counts else {}) | ({"next": True} if has_next else {})
    times = {"since": question.since_ms, "until": question.until_ms}
    return {
        "events": [shown(event, world.about(event)) for event in page],
        "pagination": counted | {"limit": question.limit, "offset": question.offset, "returned": len(page)},
        "coverage": coverage(world, asked, now_ms),
        "asked": {name: iso(ms) for name, ms in times.items() if ms is not None} if question.zoned else None,
    }


def shown(event: Event, about: Object) -> dict[str, Any]:
    """An event in JSON. Absent values are left out."""
    first, last = iso(event.first_ms), iso(event.last_ms)
    metadata = {"reason": event.reason, "count": event.times, "first_timestamp": first, "last_timestamp": last}
    if event.node:
        metadata["node"] = event.node
    fields = {
        "id": text_of(event.id),
        "event_type": event.type,
        "severity": event.severity,
        "title": event.title,
        "description": event.description,
        "object_kind": event.kind,
        "object_namespace": event.namespace,
        "object_name": about.name,
        "object_api_version": about.api_version,
        "metadata": metadata | event.metadata,
        "created_at": iso(event.created_ms),
        "first_seen_at": first,
        "last_seen_at": last,
        "count": event.times,
    }
    return {name: value for name, value in fields.items() if value not in ("", None)}


DIGITS = "0123456789abcdefghijklmnopqrstuvwxyz"


def text_of(number: int) -> str:
    """An id as text: its second, and its number within this second in six digits to the base of 36."""
    second, rest = divmod(number, len(DIGITS) ** 6)
    digits = ""
    for _ in range(6):
        rest, digit = divmod(rest, len(DIGITS))
        digits = DIGITS[digit] + digits
    return f"{EPOCH + timedelta(seconds=second):evt_%Y%m%d_%H%M%S}_{digits}"
