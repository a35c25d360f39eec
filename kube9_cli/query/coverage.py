"""For which time an answer is complete: the gaps of the sources that a selection touches, and why. It reads no events."""

from __future__ import annotations

import os
import time

from kube9_cli.errors import QueryError
from kube9_cli.query import sources
from kube9_cli.query.connection import TEXT, TEXT_OR_NONE, WHOLE, WHOLE_OR_NONE, Database, number
from kube9_cli.query.events import decoded
from kube9_cli.query.sources import allowed
from kube9_cli.selection import Selection
from kube9_cli.times import iso
from kube9_schema import facts
from kube9_schema.codes import CLUSTER, EVENT_TYPES, SEVERITIES
from kube9_schema.intervals import CONFIRMATION_SECONDS, SILENCE_SECONDS
from kube9_schema.sources import EVENTS, OPERATOR

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any, NamedTuple
else:
    from kube9_cli.named_tuple import NamedTuple

MAX_GAPS = 100
CONFIRMATION_MS, SILENCE_MS = int(CONFIRMATION_SECONDS * 1000), int(SILENCE_SECONDS * 1000)
KEPT = "events of severity"
"""How the reason of a gap before what retention keeps begins."""
BEFORE_FIRST = "before recording began"
NEVER_LISTED = "not listed yet"
NOT_YET = "this time is in the future"
DID_NOT_RUN = "the operator was not running, or this is a copy of its database"
JUST_STARTED = "the operator has just started, and is not watching yet"
NOT_WATCHED = "the operator is running, but it could not watch; its log says why"
UNWRITTEN = "the operator is running, but it could not write its database"

MS_IN_DAY = 86_400_000


class Gap(NamedTuple):
    """A time in which something may be missing, in ms since 1970."""

    source: str
    from_ms: int
    to_ms: int
    reason: str
    ongoing: bool = False
    """The source is still not watched. The gap ends where the time that is asked for does."""


class Source(NamedTuple):
    """A row of the table sources."""

    name: str
    covered_from: int | None
    confirmed_until: int | None
    unavailable: str | None
    unavailable_since: int | None


class Limit(NamedTuple):
    """Since when events of some severities are kept, in ms since 1970, and the reason of a gap before that."""

    since: int
    reason: str


class Asked(NamedTuple):
    """The time that is asked for, in ms since 1970. Without `since` it begins with what is kept."""

    since: int | None
    until: int
    now: int
    limits: list[Limit]
    """The limits of the severities that are asked for."""

    def begin(self) -> int:
        """When the time begins: 0 is the beginning of the record."""
        return min((limit.since for limit in self.limits), default=0) if self.since is None else self.since


def covered(database: Database, selection: Selection, path: str) -> dict[str, Any]:
    """For which part of the time the record is complete, for the sources whose events can match.

    Between `from` and `until` nothing is missing, except in the gaps.
    """
    if database.fleet is not None:
        return database.fleet.covered(selection)
    return at(database, selection, path, time.time_ns() // 1_000_000)


def at(database: Database, selection: Selection, path: str, now: int) -> dict[str, Any]:
    """The same at a time, in ms since 1970."""
    answer: dict[str, Any] = {"complete": True, "gaps": [], "unavailable": []}
    until = min(now, now if selection.until_ms is None else selection.until_ms)
    asked = Asked(selection.since_ms, until, now, _limits(database, selection, now))
    of_cluster = CLUSTER in allowed(selection, "type", EVENT_TYPES)
    source = EVENTS if of_cluster else OPERATOR
    if asked.since is not None and asked.since >= now:
        return answer | {"complete": False, "gaps": [_shown(Gap(source, asked.since, asked.since, NOT_YET))]}
    gaps = _expired(database, asked, source)
    if not of_cluster:  # the operator records its own events itself
        begin, end = max(asked.begin(), first_start(database) or 0), min(asked.until, _last_commit(database))
        known = {"from": iso(begin), "until": iso(end)} if begin < end else {}
        return answer | known | {"complete": not gaps, "gaps": [_shown(gap) for gap in gaps]}
    wanted = sources.Touched(selection)
    watched = [one for one in _sources(database) if wanted.by(one.name)]
    answer["unavailable"] = [one.name for one in watched if one.unavailable]
    recorded, older = _recorded(database, asked, watched)
    gaps += recorded
    why, troubles = _why_unconfirmed(database, path, now)
    for one in watched:
        gaps += _unrecorded(database, asked, one, troubles.get(one.name, why))
    gaps.sort(key=lambda gap: (-gap.to_ms, -gap.from_ms, gap.source != EVENTS, gap.source))
    confirming = [(one.covered_from, one.confirmed_until) for one in watched if one.covered_from and not one.unavailable]
    if confirming:
        kept = max((limit.since for limit in asked.limits), default=0)  # for all severities that are asked for
        begin = max(asked.since or 0, kept, *(first or 0 for first, _ in confirming))
        end = min(asked.until, *(last or 0 for _, last in confirming))
        if begin < end:
            answer |= {"from": iso(begin), "until": iso(end)}
    left_out = older + len(gaps[MAX_GAPS:])
    return answer | {
        "complete": not (gaps or answer["unavailable"]),
        "gaps": [_shown(gap) for gap in gaps[:MAX_GAPS]],
        **({"gaps_left_out": left_out} if left_out else {}),
    }


def _sources(database: Database) -> list[Source]:
    rows = database.all(
        "SELECT source, covered_from_ms, proved_until_ms, unavailable, unavailable_since_ms FROM sources",
        (),
        (TEXT, WHOLE_OR_NONE, WHOLE_OR_NONE, TEXT_OR_NONE, WHOLE_OR_NONE),
    )
    found = [Source(*row) for row in rows]
    if not any(one.name == EVENTS for one in found):
        found.append(Source(EVENTS, None, None, None, None))
    return sorted(found, key=lambda one: (one.name != EVENTS, one.name))


def _limits(database: Database, selection: Selection, now: int) -> list[Limit]:
    rows = dict(database.all("SELECT name, value FROM facts WHERE name IN (?, ?)", tuple(facts.RETENTION), (TEXT,)))
    kept = {name: number(rows, name) for name in facts.RETENTION}
    wanted = allowed(selection, "severity", SEVERITIES)
    return [
        Limit(now - ms, f"{KEPT} {' and '.join(named)} are kept for {ms / MS_IN_DAY:g} days")
        for name, named in facts.RETENTION.items()
        if (ms := kept[name]) is not None and any(SEVERITIES.index(one) in wanted for one in named)
    ]


def _expired(database: Database, asked: Asked, source: str) -> list[Gap]:
    """Times before what retention keeps. Without --since, only what is kept is asked for."""
    first = max(asked.since or 0, first_start(database) or 0)
    return [
        Gap(source, first, min(limit.since, asked.until), limit.reason)
        for limit in asked.limits
        if first < min(limit.since, asked.until) and (asked.since is not None or asked.until <= asked.begin())
    ]


def _recorded(database: Database, asked: Asked, watched: list[Source]) -> tuple[list[Gap], int]:
    """The newest gaps that the writer recorded, cut to the time that is asked for, and how many more there are."""
    marks = ", ".join(f"?{3 + number}" for number in range(len(watched)))
    where = f"to_ms > ?1 AND from_ms < ?2 AND source IN ({marks})"
    values = (asked.begin(), asked.until, *(one.name for one in watched))
    rows = database.all(
        f"SELECT source, max(from_ms, ?1), min(to_ms, ?2), reason FROM gaps WHERE {where} "  # noqa: S608
        f"ORDER BY to_ms DESC, from_ms DESC LIMIT {MAX_GAPS}",
        values,
        (TEXT, WHOLE, WHOLE, TEXT),
    )
    total = len(rows)
    if total == MAX_GAPS:
        total = database.all(f"SELECT count(*) FROM gaps WHERE {where}", values, (WHOLE,))[0][0]  # noqa: S608
    return [Gap(*row) for row in rows], total - len(rows)


def _unrecorded(database: Database, asked: Asked, source: Source, why: str) -> list[Gap]:
    """Gaps that are not in the database: before the first list, and since the source was last confirmed."""
    if source.covered_from is None or source.confirmed_until is None:
        begin = asked.since or source.unavailable_since or first_start(database) or asked.until
        return [Gap(source.name, min(begin, asked.until), asked.until, source.unavailable or NEVER_LISTED, ongoing=True)]
    found: list[Gap] = []
    begin = max(asked.begin(), source.covered_from) if asked.since is None else asked.since
    if (0 if asked.since is None and asked.until <= source.covered_from else begin) < source.covered_from:
        found.append(Gap(source.name, asked.since or 0, min(source.covered_from, asked.until), BEFORE_FIRST))
    late = asked.now - source.confirmed_until > CONFIRMATION_MS or source.unavailable is not None
    if late and source.confirmed_until < asked.until:
        begin = max(source.confirmed_until, begin)
        found.append(Gap(source.name, begin, asked.until, source.unavailable or why, ongoing=True))
    return found


def _why_unconfirmed(database: Database, path: str, now: int) -> tuple[str, dict[str, str]]:
    """Why sources are not confirmed up to now: of all, and what is known of some of them."""
    if now - _last_commit(database) <= SILENCE_MS:
        started = _fact(database, facts.STARTED)
        return JUST_STARTED if started and now - started <= CONFIRMATION_MS else NOT_WATCHED, _troubles(database)
    return (UNWRITTEN if _held(path + ".lock") else DID_NOT_RUN), {}


def _troubles(database: Database) -> dict[str, str]:
    """What is wrong with each watch, as the operator last stored it."""
    troubles = None
    for (stored,) in database.all("SELECT value FROM facts WHERE name = ?", (facts.HEALTH,)):
        try:
            troubles = decoded(str(stored)).get("troubles")
        except QueryError:  # a crafted one is no reason to answer nothing
            continue
    return {source: str(why) for source, why in troubles.items()} if isinstance(troubles, dict) else {}


def _held(path: str) -> bool:
    """Whether a writer holds its lock file. It looks into the kernel's list, because taking the lock could disturb a writer."""
    try:
        inode = str(os.stat(path).st_ino)
        with open("/proc/locks", encoding="ascii", errors="replace") as locks:
            return any(line.split()[1:2] == ["FLOCK"] and line.split()[5].rpartition(":")[2] == inode for line in locks)
    except (OSError, IndexError):
        return False


def first_start(database: Database) -> int | None:
    """When the operator first started, in ms since 1970; None if it never did."""
    return _fact(database, facts.FIRST_START)


def _last_commit(database: Database) -> int:
    return _fact(database, facts.LAST_COMMIT) or 0


def _fact(database: Database, name: str) -> int | None:
    return number(dict(database.all("SELECT name, value FROM facts WHERE name = ?", (name,), (TEXT,))), name)


def _shown(gap: Gap) -> dict[str, Any]:
    shown = {"source": gap.source, "from": iso(gap.from_ms), "to": iso(gap.to_ms), "reason": gap.reason}
    return shown | ({"ongoing": True} if gap.ongoing else {})
