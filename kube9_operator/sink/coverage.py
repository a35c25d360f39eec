"""The record of coverage: for which time what was recorded is complete, and how much of it was sent."""

from typing import Any

import msgspec

from kube9_cli.query.connection import TEXT, Database
from kube9_operator.clock import iso
from kube9_operator.model.sink_position import Position
from kube9_operator.sink.records import Value
from kube9_schema import facts
from kube9_schema.codes import SEVERITIES
from kube9_schema.gaps import DELETED_FOR_SIZE

MAX_GAPS = 100
MAX_REASONS = 20
SOURCES = """SELECT source, covered_from_ms, proved_until_ms, unavailable, unavailable_since_ms FROM sources ORDER BY source"""
GAPS = """SELECT id, source, from_ms, to_ms, reason FROM gaps WHERE reason <> ? ORDER BY to_ms DESC, id DESC LIMIT ?"""
"""What was deleted here for the size limit is no gap in the other store. What was not sent before has a gap of its own."""
_encode = msgspec.json.Encoder().encode


def values(database: Database, position: Position) -> dict[str, Value]:
    """The attributes of the record, from one snapshot. Raises QueryError."""
    with database.snapshot():
        stored: dict[str, Any] = dict(database.all("SELECT name, value FROM facts", (), (TEXT,)))
        sources = database.all(SOURCES)
        gaps = database.all(GAPS, (DELETED_FOR_SIZE, MAX_GAPS))
        total = database.all("SELECT count(*) FROM gaps WHERE reason <> ?", (DELETED_FOR_SIZE,))[0][0]
        counts = dict(database.all("SELECT severity, sum(count) FROM series GROUP BY severity"))
    health = _object(stored.get(facts.HEALTH))
    troubles = _object(health.get("troubles"))
    reasons = health.get("reasons")
    reasons = [str(one) for one in reasons[:MAX_REASONS]] if isinstance(reasons, list) else []
    retention = {severity: stored.get(name) for name, severities in facts.RETENTION.items() for severity in severities}
    return {
        "kube9.coverage.version": str(stored.get(facts.OPERATOR_VERSION, "")),
        "kube9.coverage.sources": _text([_source(row, str(troubles.get(row[0], ""))) for row in sources]),
        "kube9.coverage.gaps": _text([_gap(row) for row in gaps]) if gaps else "",
        **({"kube9.coverage.gaps_left_out": total - len(gaps)} if total > len(gaps) else {}),
        "kube9.coverage.first_start": _time(stored.get(facts.FIRST_START)),
        "kube9.coverage.started": _time(stored.get(facts.STARTED)),
        "kube9.coverage.last_commit": _time(stored.get(facts.LAST_COMMIT)),
        "kube9.coverage.health": str(health.get("status", "")),
        "kube9.coverage.health_reasons": _text(reasons) if reasons else "",
        "kube9.coverage.events": _text({name: counts.get(number, 0) for number, name in enumerate(SEVERITIES)}),
        "kube9.coverage.retention": _text({name: ms for name, ms in retention.items() if isinstance(ms, int)}),
        "kube9.coverage.sent_from": _time(position.from_ms),
        "kube9.coverage.settled_until": _time(position.until_ms),
        "kube9.coverage.verified_until": _time(position.verified_ms),
        **({"kube9.coverage.missing": position.missing} if position.missing else {}),
        **({"kube9.coverage.refused": position.refused} if position.refused else {}),
    }


def _source(row: tuple[Any, ...], trouble: str) -> dict[str, str]:
    source, from_ms, until_ms, unavailable, unavailable_since_ms = row
    found = {
        "source": source,
        "from": _time(from_ms),
        "until": _time(until_ms),
        "unavailable": unavailable or "",
        "unavailable_since": _time(unavailable_since_ms),
        "trouble": trouble,
    }
    return {name: text for name, text in found.items() if text}


def _gap(row: tuple[Any, ...]) -> dict[str, Value]:
    number, source, from_ms, to_ms, reason = row
    return {"id": number, "source": source, "from": iso(from_ms), "to": iso(to_ms), "reason": reason}


def _object(found: Any) -> dict[str, Any]:
    """A JSON object, or its text; {} for anything else."""
    if isinstance(found, str):
        try:
            found = msgspec.json.decode(found)
        except msgspec.MsgspecError:
            return {}
    return found if isinstance(found, dict) else {}


def _time(ms: Any) -> str:
    return iso(ms) if isinstance(ms, int) and ms > 0 else ""


def _text(value: Any) -> str:
    return _encode(value).decode()
