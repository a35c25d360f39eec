"""The timeline of a selection: each change of state as a line, in the order in which the changes happened."""

from __future__ import annotations

from kube9_cli import times
from kube9_cli.grouping import Grouping
from kube9_cli.query import events, histogram
from kube9_cli.query.connection import Database
from kube9_cli.query.search import Request, find
from kube9_cli.selection import Selection
from kube9_cli.times import iso
from kube9_schema.hints import HINTS

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any, NamedTuple

    from kube9_cli.query.histogram import Histogram
else:
    from kube9_cli.named_tuple import NamedTuple

MOST_LINES = 200
"""If there are more, events of one cause and one owner share lines."""
MOST_GROUPS = MOST_LINES // 2
"""A group has a line for its beginning, and one for its end."""
QUIET_MS = 600_000
"""A problem has ended if it was not seen again for so long, and that time was watched."""
CHANGED, BROKE, AGAIN, RECOVERED, ENDED = "changed", "broke", "again", "recovered", "ended"
ORDER = (ENDED, RECOVERED, CHANGED, BROKE, AGAIN)
"""Of lines about one moment."""
RECOVERIES = frozenset(("NodeReady", "NodeUncordoned", "InsightResolved"))
"""The reasons of events which say that something is good again."""
OF_EVENT = (
    *("cluster", "severity", "title", "description", "object_kind", "object_namespace", "object_name", "object_api_version"),
    *("metadata", "count", "last_seen_at"),
)
"""The fields of an event that a line about it has."""

Line = dict[str, "Any"]


class Timeline(NamedTuple):
    """The answer of `events timeline`."""

    lines: list[Line]
    onset_ms: int | None
    """When the first problem within the asked time began; None without problems."""
    events: int
    """All that match."""
    aggregated: bool
    """Each line is about the events of one cause and one owner."""
    left_out: int
    """Groups without lines: those of the least severity."""
    histogram: Histogram

    def shown(self, selection: Selection, coverage: dict[str, Any]) -> dict[str, Any]:
        """The whole answer as clients see it."""
        return {
            "lines": self.lines,
            **({} if self.onset_ms is None else {"onset": iso(self.onset_ms)}),
            "aggregated": self.aggregated,
            **({"groups_left_out": self.left_out} if self.left_out else {}),
            "range": {"since": iso(selection.since_ms or 0), "until": iso(selection.until_ms or 0)},
            "histogram": self.histogram.shown(),
            "events": self.events,
            "coverage": coverage,
        }


class Watched:
    """What was watched, as far as it matters for the ends of problems."""

    def __init__(self, coverage: dict[str, Any]) -> None:
        self._until_ms = _ms(coverage["until"]) if "until" in coverage else 0
        self._gaps = [(_ms(gap["from"]), _ms(gap["to"])) for gap in coverage["gaps"]]

    def shows_the_end(self, last_ms: int) -> bool:
        """Whether what was last seen then would have been seen since, if it had gone on."""
        quiet_ms = last_ms + QUIET_MS
        return quiet_ms <= self._until_ms and not any(begin < quiet_ms and end > last_ms for begin, end in self._gaps)


def read(
    database: Database, selection: Selection, coverage: dict[str, Any], path: str, marks: int, occurrences: bool = False
) -> Timeline:
    """The timeline, with a histogram of at most so many marks. The selection has both times.

    With `occurrences` there is also a line for each time in it at which the count of an event rose. The caller has begun a
    snapshot. Raises QueryError.
    """
    watched, bars = Watched(coverage), histogram.read(database, selection, marks)
    matches = find(database, selection, Request("first", reverse=True, limit=MOST_LINES, most=MOST_LINES))
    total = matches.total or 0
    if total <= MOST_LINES:
        lines = _of_events(database, matches.ids, watched, selection.since_ms or 0 if occurrences else None)
        if len(lines) <= MOST_LINES or (occurrences and len(_of_events(database, matches.ids, watched, None)) <= MOST_LINES):
            return _finished(selection, lines, total, bars)
    from kube9_cli.query import summary  # only where it is needed

    by = ("cause", "owner") if database.fleet is None else ("cause", "owner", "cluster")
    found = summary.read(database, selection, Grouping(by, "severity", MOST_GROUPS), path)
    lines = [line for group in found.groups for line in _of_group(group, watched)]
    return _finished(selection, lines, total, bars)._replace(aggregated=True, left_out=found.total - len(found.groups))


def _finished(selection: Selection, lines: list[Line], total: int, bars: Histogram) -> Timeline:
    """The lines in their order, each with its distance from the onset."""
    lines = [line for line in lines if line["at_ms"] < (selection.until_ms or 0)]
    lines.sort(key=_place)
    begun = [line["at_ms"] for line in lines if line["change"] == BROKE]
    onset = min((ms for ms in begun if ms >= (selection.since_ms or 0)), default=min(begun, default=None))
    above, below_owner = None, False
    for line in lines:
        at_ms, root = line.pop("at_ms"), line.pop("root")
        if onset is not None:
            line["offset_seconds"] = (at_ms - onset) // 1000
        below_owner = (root == above and below_owner) or not line["level"]
        if not below_owner:
            line["level"] = 0
        above = root
    return Timeline(lines, onset, total, False, 0, bars)


def _place(line: Line) -> tuple[Any, ...]:
    """Where a line stands. Of two ranges that begin together, the one that ends first is first, and then the older event."""
    latest = line.get("at_latest", line["at"])
    return line["at_ms"] // 1000, line["level"], line["at_ms"], ORDER.index(line["change"]), latest, line["event"]


def _of_events(database: Database, numbers: Any, watched: Watched, again_from_ms: int | None) -> list[Line]:
    """The lines of single events; with a time, also for each rise of a count since then."""
    found = []
    for number, event in events.Page(database, numbers).numbered():
        if event["severity"] == "info" and event["metadata"]["reason"] in HINTS:
            continue  # nothing has changed
        chain = events.owners(database, number)
        own = event.get("object_kind", ""), event.get("object_name", "")
        kind, name = chain[-1] if chain else own
        shared = {"event": event["id"]} | {key: event[key] for key in OF_EVENT if key in event}
        shared |= {
            "root": (event.get("cluster", ""), event.get("object_namespace", ""), kind, name),
            "level": min(len(chain), 1),
        }
        if chain:
            shared["owner"] = {"kind": kind, "name": name}
        first_ms, last_ms = _ms(event["first_seen_at"]), _ms(event["last_seen_at"])
        found.append(_line(_begun(event), first_ms) | shared)
        if "noticed_at" in event["metadata"] and last_ms > first_ms:
            found[-1]["at_latest"] = event["last_seen_at"]
        if again_from_ms is not None:
            found += [
                _line(AGAIN, ms) | shared | {"count": count}
                for ms, count in events.occurrences(database, number)
                if ms > first_ms and ms >= again_from_ms and count > 1
            ]
        if event["severity"] != "info" and watched.shows_the_end(last_ms):
            found.append(_line(ENDED, last_ms) | shared | {"lasted_seconds": (last_ms - first_ms) // 1000})
    return _without_said_twice(found)


def _begun(event: dict[str, Any]) -> str:
    """What the beginning of an event is."""
    if event["severity"] != "info":
        return BROKE
    return RECOVERED if event["metadata"]["reason"] in RECOVERIES else CHANGED


def _without_said_twice(lines: list[Line]) -> list[Line]:
    """The lines without those ends of problems that an event tells, too: a node that is ready again."""
    told = {
        (line["root"], line["at_ms"] // 60_000 + near) for line in lines if line["change"] == RECOVERED for near in (-1, 0, 1)
    }
    return [line for line in lines if line["change"] != ENDED or (line["root"], line["at_ms"] // 60_000) not in told]


def _of_group(group: dict[str, Any], watched: Watched) -> list[Line]:
    """The lines of a group of events."""
    owner = group["group"].get("owner", {})
    first_ms, last_ms = _ms(group["first_seen_at"]), _ms(group["last_seen_at"])
    shared = {key: group[key] for key in ("severity", "events", "occurrences", "last_seen_at")}
    shared |= {"event": group["newest"], "cause": group["group"].get("cause", ""), "owner": owner}
    if "cluster" in group["group"]:
        shared["cluster"] = group["group"]["cluster"]
    shared |= {
        "root": (shared.get("cluster", ""), owner.get("namespace", ""), owner.get("kind", ""), owner.get("name", "")),
        "level": 0,
    }
    if group["severity"] == "info":
        return [_line(CHANGED, first_ms) | shared]
    lines = [_line(BROKE, first_ms) | shared]
    if watched.shows_the_end(last_ms):
        lines.append(_line(ENDED, last_ms) | shared | {"lasted_seconds": (last_ms - first_ms) // 1000})
    return lines


def _line(change: str, at_ms: int) -> Line:
    return {"change": change, "at": iso(at_ms), "at_ms": at_ms}


def _ms(text: str) -> int:
    return times.parse(text, 0)
