"""The answer of the command `status`: what is recorded, and until when it is confirmed."""

from __future__ import annotations

import time

from kube9_cli.query.connection import TEXT, TEXT_OR_NONE, WHOLE, WHOLE_OR_NONE, Database, number
from kube9_cli.query.events import decoded
from kube9_cli.times import iso
from kube9_schema import facts as names
from kube9_schema import tables
from kube9_schema.codes import SEVERITIES
from kube9_schema.intervals import CONFIRMATION_SECONDS, SILENCE_SECONDS
from kube9_schema.sources import CUSTOM, KINDS

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

CONFIRMATION_MS, SILENCE_MS = int(CONFIRMATION_SECONDS * 1000), int(SILENCE_SECONDS * 1000)
OUTCOMES = tables.Accounting._fields[1:]


def read(database: Database) -> dict[str, Any]:
    """The numbers and the health of the record, and until when each watch is confirmed."""
    facts = dict(database.all("SELECT name, value FROM facts", (), (TEXT,)))
    last_commit, stopped = number(facts, names.LAST_COMMIT), number(facts, names.STOPPED)
    sources = database.all(
        "SELECT source, unavailable, covered_from_ms, proved_until_ms, listing_since_ms, version FROM sources ORDER BY source",
        (),
        (TEXT, TEXT_OR_NONE, WHOLE_OR_NONE, WHOLE_OR_NONE, WHOLE_OR_NONE, TEXT_OR_NONE),
    )
    now_ms = time.time_ns() // 1_000_000
    counted = "sum(count) FROM series" if database.is_moved() else "count(*) FROM events"
    totals = dict(database.all(f"SELECT severity, {counted} GROUP BY severity", (), (WHOLE, WHOLE)))
    return {
        "status": _status(now_ms, last_commit, stopped),
        "tier": "free",
        "version": str(facts.get(names.OPERATOR_VERSION, "unknown")),
        "health": _health(now_ms, facts, sources),
        **({"last_update": iso(last_commit)} if last_commit else {}),
        "events": {
            "total": sum(totals.values()),
            "by_severity": {name: totals.get(number, 0) for number, name in enumerate(SEVERITIES)},
        },
        "database": {
            "size_bytes": database.size_bytes(),
            "schema_version": database.all("SELECT max(version) FROM schema_version")[0][0],
            "dead_letters": database.all("SELECT count(*) FROM dead_letters")[0][0],
        },
        "accounting": {
            row[0]: dict(zip(OUTCOMES, row[1:], strict=True))
            for row in database.all(f"SELECT {tables.columns('books')} FROM books", (), (TEXT, *((WHOLE,) * len(OUTCOMES))))  # noqa: S608
        },
        "watches": {
            source: {
                "state": unavailable or ("stopped" if names.STOPPED in facts else _state(now_ms, confirmed, listing, absent)),
                **({"covered_from": iso(covered)} if covered else {}),
                **({"confirmed_until": iso(confirmed)} if confirmed else {}),
            }
            for source, unavailable, covered, confirmed, listing, version in sources
            for absent in [version is None and KINDS.get(source) in CUSTOM]
        },
    }


def _status(now_ms: int, last_commit: int | None, stopped_ms: int | None) -> str:
    if stopped_ms is not None:
        return "stopped"
    return "running" if last_commit and now_ms - last_commit <= SILENCE_MS else "not running"


def _health(now_ms: int, facts: dict[str, Any], sources: list[tuple[Any, ...]]) -> str:
    """The health that the writer stored last, with its reasons. Before the first one, whether each watch is confirmed."""
    last_commit, stopped_ms = facts.get(names.LAST_COMMIT), facts.get(names.STOPPED)
    if last_commit is None:
        return "unhealthy: the operator has not written anything yet"
    if stopped_ms is not None:
        return f"unhealthy: the operator stopped at {iso(stopped_ms)}"
    if now_ms - last_commit > SILENCE_MS:
        return f"unhealthy: the operator has not written anything since {iso(last_commit)}"
    if names.HEALTH in facts:
        stored = decoded(str(facts[names.HEALTH]))
        reasons = stored.get("reasons")
        reasons = "; ".join(map(str, reasons if isinstance(reasons, list) else ()))
        return f"{stored.get('status', 'unknown')}{': ' if reasons else ''}{reasons}"
    behind = [source for source, _, _, confirmed, *_ in sources if not confirmed or now_ms - confirmed > CONFIRMATION_MS]
    if behind or not sources:
        return f"degraded: not confirmed: {', '.join(behind) or 'any watch'}"
    return "healthy"


def _state(now_ms: int, confirmed_ms: int | None, listing_ms: int | None, absent: bool) -> str:
    """The state of a watch. `absent` is a custom resource that has no version to go on from, because it is not installed."""
    if listing_ms is not None:
        return "listing"
    if not confirmed_ms or now_ms - confirmed_ms > CONFIRMATION_MS:
        return "behind"
    return "not served" if absent else "current"
