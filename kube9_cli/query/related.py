"""Events that may have to do with an event: those of the same object and of its owners, from shortly before it."""

from __future__ import annotations

from kube9_cli.query import events
from kube9_cli.query.connection import WHOLE, Database
from kube9_schema import ids

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

BEFORE_MS = 15 * 60_000
"""So long before the event. What happened to the same object while the event went on is related as well."""
MOST = 20
"""So many events, those that began last."""
FAMILY = 1_000
"""So many objects of the same owner are looked at, the newest first."""
SAME_OBJECT, OWNER, SAME_OWNER = "same object", "owner", "same owner"
FIELDS = (
    *("id", "severity", "title", "description", "object_kind", "object_namespace", "object_name", "object_api_version"),
    *("first_seen_at", "last_seen_at", "count"),
)

EVENT = """SELECT e.object, e.first_ms, e.last_ms FROM events e WHERE e.id = ?"""
OWNERS = """WITH RECURSIVE chain (object, far) AS (
    SELECT coalesce(c.object, o.owner), 1 FROM events e JOIN objects o ON o.id = e.object
        LEFT JOIN controllers c ON c.event = e.id WHERE e.id = ?1
    UNION ALL SELECT o.owner, far + 1 FROM chain JOIN objects o ON o.id = chain.object WHERE far < ?2)
    SELECT object FROM chain WHERE object IS NOT NULL ORDER BY far"""
FOUND = """WITH RECURSIVE family (object, far) AS (
    SELECT ?1, 0 UNION
    SELECT o.id, far + 1 FROM family JOIN objects o ON o.owner = family.object WHERE far < ?2 ORDER BY 1 DESC LIMIT ?3)
    SELECT e.id, e.object FROM (SELECT object FROM family UNION SELECT ?4) f JOIN events e ON e.object = f.object
    WHERE e.id <> ?5 AND e.last_ms >= ?6 - ?8 AND e.first_ms <= CASE WHEN e.object = ?4 THEN ?7 ELSE ?6 END
    ORDER BY e.first_ms DESC, e.id DESC LIMIT ?9"""


def read(database: Database, number: int) -> dict[str, Any]:
    """The field `related` of an event: events in the order in which they began, each with what relates it."""
    own = database.all(EVENT, (number,), (WHOLE,) * 3)
    if not own:
        return {}
    object_id, first_ms, last_ms = own[0]
    chain = [row[0] for row in database.all(OWNERS, (number, events.MAX_OWNERS), (WHOLE,))]
    values = (
        chain[-1] if chain else object_id,
        events.MAX_OWNERS,
        FAMILY,
        object_id,
        number,
        first_ms,
        last_ms,
        BEFORE_MS,
        MOST,
    )
    found = dict(database.all(FOUND, values, (WHOLE, WHOLE)))
    relations = dict.fromkeys(chain, OWNER) | {object_id: SAME_OBJECT}
    named = {ids.encode(event): relations.get(about, SAME_OWNER) for event, about in found.items()}
    related = [_shown(named[event["id"]], event) for event in events.Page(database, [*reversed(found)]).events()]
    return {"related": related} if related else {}


def _shown(relation: str, event: dict[str, Any]) -> dict[str, Any]:
    shown = {"id": event["id"], "relation": relation, "reason": event["metadata"]["reason"]}
    return shown | {name: event[name] for name in FIELDS if name in event}
