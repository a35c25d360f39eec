"""A group of a summary: what its events add up to, and how many of them were going on in each part of the time."""

from typing import Any, NamedTuple

MOST_MARKS = 16
STEPS_SECONDS = (
    *(1, 2, 5, 10, 15, 30, 60, 120, 300, 600, 900, 1_800, 3_600, 7_200, 10_800, 21_600, 43_200),
    *(86_400, 172_800, 604_800),
)
"""What a mark of the activity may stand for, so that marks begin at full minutes, hours or days."""

Key = tuple[Any, ...]
"""One value for each field that is grouped by."""


class Span(NamedTuple):
    """The time that a summary is about, and the marks that it is divided into. Times are in ms since 1970."""

    since: int
    until: int
    start: int
    """When the first mark begins: a multiple of the step."""
    step: int
    marks: int


Part = tuple[int, int, int, int, int, int, int, int]
"""Some events of one key: how many, their occurrences, the first and the last time, the greatest id, the severity, and the
marks in which they were first and last seen.
"""


class Group:
    """The events of one key."""

    __slots__ = ("events", "existed", "first_ms", "last_ms", "newest", "occurrences", "rises", "severity")

    def __init__(self, marks: int) -> None:
        self.events = self.occurrences = self.newest = self.last_ms = self.severity = 0
        self.first_ms = 2**63
        self.existed = False
        """Whether it has events in the equally long time before."""
        self.rises = [0] * (marks + 1)
        """For each mark how many events begin there, less those that ended in the mark before."""

    def add(self, part: Part) -> None:
        """Counts these events."""
        events, occurrences, first_ms, last_ms, newest, severity, first_mark, last_mark = part
        self._count(events, occurrences, first_ms, last_ms, newest, severity)
        self.rises[first_mark] += events
        self.rises[last_mark + 1] -= events

    def join(self, other: "Group") -> None:
        """Counts the events of another group."""
        self._count(other.events, other.occurrences, other.first_ms, other.last_ms, other.newest, other.severity)
        self.rises = [own + more for own, more in zip(self.rises, other.rises, strict=True)]

    def _count(self, events: int, occurrences: int, first_ms: int, last_ms: int, newest: int, severity: int) -> None:
        self.events += events
        self.occurrences += occurrences
        # This is called for each event: min() and max() take four times as long.
        if first_ms < self.first_ms:
            self.first_ms = first_ms
        if last_ms > self.last_ms:
            self.last_ms = last_ms
        if newest > self.newest:
            self.newest = newest
        if severity > self.severity:
            self.severity = severity

    def activity(self) -> list[int]:
        """How many events were going on in each mark."""
        going_on, found = 0, []
        for rise in self.rises[:-1]:
            going_on += rise
            found.append(going_on)
        return found


def span(since: int, until: int) -> Span:
    """Divides a time into at most MOST_MARKS marks of equal length."""
    seconds = (until - since) / 1000
    step = next((one for one in STEPS_SECONDS if seconds / one <= MOST_MARKS - 1), STEPS_SECONDS[-1])
    while seconds / step > MOST_MARKS - 1:
        step *= 2
    step *= 1000
    start = since // step * step
    return Span(since, until, start, step, (until - start - 1) // step + 1)
