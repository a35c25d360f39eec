"""From rows to answers: what an event and the status look like to a client. No SQL of events, no output."""

import json
import time
from collections.abc import Iterator
from typing import Any

from kube9_cli.errors import QueryError, damaged
from kube9_cli.parser import EVENT_TYPES, SEVERITIES
from kube9_cli.query.connection import TEXT, TEXT_OR_NONE, WHOLE, WHOLE_OR_NONE, Database, Row
from kube9_cli.selection import ID_CHARACTERS, MAX_ID, MAX_MS, SUFFIXES

AT_ONCE = 100
"""Events that are read with one query: at most some 14 KiB each."""

CONFIRMATION_MS = 120_000
"""A source for which nothing has vouched for this long is not covered up to now."""
WORD_MS = 90_000
"""Three of the intervals at which the writer says that it lives."""


def events(database: Database, ids: list[int]) -> Iterator[dict[str, Any]]:
    """The events of these ids as clients see them, a bounded number of them in memory; those that are gone are left out."""
    for at in range(0, len(ids), AT_ONCE):
        for row in database.events(ids[at : at + AT_ONCE]):
            yield _event(row)
            database.look_at_the_clock()


def _event(row: Row) -> dict[str, Any]:
    first, last = iso(row.first_ms), iso(row.last_ms)
    figures = {"reason": row.reason, "count": row.times, "first_timestamp": first, "last_timestamp": last}
    if row.node:
        figures["node"] = row.node
    shown = {
        "id": format_id(row.id),
        "event_type": _named(EVENT_TYPES, row.type),
        "severity": _named(SEVERITIES, row.severity),
        "title": row.title,
        "description": row.description,
        "object_kind": row.kind,
        "object_namespace": row.namespace,
        "object_name": row.name,
        "metadata": figures | _decoded(row.metadata),
        "created_at": iso(row.created_ms),
        "first_seen_at": first,
        "last_seen_at": last,
        "count": row.times,
    }
    return {key: value for key, value in shown.items() if value}


def _named(names: tuple[str, ...], number: int) -> str:
    if not 0 <= number < len(names):
        raise damaged(f"{number} is none of {', '.join(names)}")
    return names[number]


def _decoded(text: str) -> dict[str, Any]:
    try:
        decoded = json.loads(text)
    except (ValueError, RecursionError) as error:
        raise damaged(f"JSON: {error}") from None
    if not isinstance(decoded, dict):
        raise damaged("JSON: not an object")
    return decoded


def event_with_occurrences(database: Database, event_id: int, given: str) -> dict[str, Any]:
    """An event with the owners of its object, the nearest first, and when each step of its count was seen.

    Raises QueryError, with the id as it was given, where it is not there.
    """
    found = next(events(database, [event_id]), None) if event_id < MAX_ID else None
    if found is None:
        raise QueryError("Event not found", given, "NOT_FOUND")
    owners = [{"kind": kind, "name": name} for kind, name in database.owners(event_id)]
    occurrences = [{"at": iso(ms), "count": count} for ms, count in database.occurrences(event_id)]
    return found | ({"owners": owners} if owners else {}) | {"occurrences": occurrences}


def status(database: Database) -> dict[str, Any]:
    """What is recorded, and how far it is known to be whole."""
    facts = dict(database.all("SELECT name, value FROM facts", (), (TEXT,)))
    last_commit, stopped = whole(facts, "last_commit_ms"), whole(facts, "stopped_ms")
    sources = database.all(
        "SELECT source, unavailable, covered_from_ms, proved_until_ms, listing_since_ms FROM sources ORDER BY source",
        (),
        (TEXT, TEXT_OR_NONE, WHOLE_OR_NONE, WHOLE_OR_NONE, WHOLE_OR_NONE),
    )
    now_ms = time.time_ns() // 1_000_000
    tallied = dict(
        database.all("SELECT severity, sum(count) FROM tallies WHERE of_first = 0 GROUP BY severity", (), (WHOLE, WHOLE))
    )
    return {
        "status": _status(now_ms, last_commit, stopped),
        "tier": "free",
        "version": str(facts.get("operator_version", "unknown")),
        "health": _health(now_ms, facts, sources),
        **({"last_update": iso(last_commit)} if last_commit else {}),
        "events": {
            "total": sum(tallied.values()),
            "by_severity": {name: tallied.get(number, 0) for number, name in enumerate(SEVERITIES)},
        },
        "database": {
            "size_bytes": database.size_bytes(),
            "schema_version": database.all("SELECT max(version) FROM schema_version")[0][0],
            "dead_letters": database.all("SELECT count(*) FROM dead_letters")[0][0],
        },
        "books": {
            row[0]: dict(zip(OUTCOME_COLUMNS, row[1:], strict=True))
            for row in database.all(ACCOUNTING_SQL, (), ACCOUNTING_TYPES)
        },
        "watches": {
            source: {
                "state": unavailable or ("stopped" if "stopped_ms" in facts else _state(now_ms, confirmed, listing)),
                **({"covered_from": iso(covered)} if covered else {}),
                **({"proved_until": iso(confirmed)} if confirmed else {}),
            }
            for source, unavailable, covered, confirmed, listing in sources
        },
    }


OUTCOME_COLUMNS = ("received", "stored", "updated", "unchanged", "filtered", "dropped", "refused", "undecodable")
ACCOUNTING_SQL = f"SELECT source, {', '.join(OUTCOME_COLUMNS)} FROM books"  # noqa: S608
ACCOUNTING_TYPES = (TEXT, *((WHOLE,) * len(OUTCOME_COLUMNS)))


def whole(facts: dict[str, Any], name: str) -> int | None:
    """A fact that is a number, None where it is not there. Raises QueryError where it is something else."""
    value = facts.get(name)
    if value is None or isinstance(value, int):
        return value
    raise damaged(f"{name} is no whole number")


def _status(now_ms: int, last_commit: int | None, stopped_ms: int | None) -> str:
    if stopped_ms is not None:
        return "stopped"
    return "running" if last_commit and now_ms - last_commit <= WORD_MS else "not running"


def _health(now_ms: int, facts: dict[str, Any], sources: list[tuple[Any, ...]]) -> str:
    """As the writer last stored it, with the reasons; by the proofs alone where none has been stored yet."""
    last_commit, stopped_ms = facts.get("last_commit_ms"), facts.get("stopped_ms")
    if last_commit is None:
        return "unhealthy: nothing has been written yet"
    if stopped_ms is not None:
        return f"unhealthy: stopped at {iso(stopped_ms)}"
    if now_ms - last_commit > WORD_MS:
        return f"unhealthy: no word since {iso(last_commit)}"
    if "health" in facts:
        stored = _decoded(str(facts["health"]))
        told = stored.get("reasons")
        reasons = "; ".join(map(str, told if isinstance(told, list) else ()))
        return f"{stored.get('status', 'unknown')}{': ' if reasons else ''}{reasons}"
    behind = [source for source, _, _, confirmed, _ in sources if not confirmed or now_ms - confirmed > CONFIRMATION_MS]
    if behind or not sources:
        return f"degraded: nothing vouches for {', '.join(behind) or 'any source'}"
    return "healthy"


def _state(now_ms: int, confirmed_ms: int | None, listing_ms: int | None) -> str:
    if listing_ms is not None:
        return "listing"
    return "current" if confirmed_ms and now_ms - confirmed_ms <= CONFIRMATION_MS else "behind"


def iso(ms: int) -> str:
    """A time as clients see it: UTC, 2025-12-02T10:30:45.123Z."""
    seconds, rest = divmod(min(ms, MAX_MS), 1000)
    try:
        year, month, day, hour, minute, second, *_ = time.gmtime(seconds)
    except (OverflowError, OSError, ValueError):
        return f"+{ms}ms"
    # A third of the time that strftime takes, five times an event.
    return f"{year:04}-{month:02}-{day:02}T{hour:02}:{minute:02}:{second:02}.{rest:03}Z"


def format_id(number: int) -> str:
    """The text of an id, evt_YYYYMMDD_HHMMSS_xxxxxx."""
    second, suffix = divmod(number, SUFFIXES)
    characters = ""
    for _ in range(6):
        suffix, digit = divmod(suffix, len(ID_CHARACTERS))
        characters = ID_CHARACTERS[digit] + characters
    return time.strftime("evt_%Y%m%d_%H%M%S_", time.gmtime(second)) + characters
