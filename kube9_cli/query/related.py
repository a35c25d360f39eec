"""Events that may have to do with an event: those of the same object and of its owners, and changes of others, from shortly
before it.
"""

from __future__ import annotations

from kube9_cli.query import events
from kube9_cli.query.connection import TEXT, WHOLE, Database
from kube9_cli.query.search import Request, find
from kube9_cli.selection import About, Selection
from kube9_schema.codes import CLUSTER, INFO
from kube9_schema.hints import HINTS

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

BEFORE_MS = 15 * 60_000
"""So long before the event. What happened to the same object while the event went on is related as well."""
MOST = 20
"""So many events, those that began last."""
FAMILY = 1_000
"""So many objects of the same owner are looked at, the newest first."""
MOST_CHANGES = 10
"""So many changes of others, those that began last."""
SAME_OBJECT, OWNER, SAME_OWNER = "same object", "owner", "same owner"
NAMESPACE, NODE = "same namespace", "node"
OTHERS = (NAMESPACE, NODE)
"""What relates the events of others."""
FIELDS = (
    *("id", "severity", "title", "description", "object_kind", "object_namespace", "object_name", "object_api_version"),
    *("first_seen_at", "last_seen_at", "count"),
)

EVENT = """SELECT e.object, e.first_ms, e.last_ms, e.namespace, e.node FROM events e WHERE e.id = ?"""
OWNERS = """WITH RECURSIVE chain (object, far) AS (
    SELECT coalesce(c.object, o.owner), 1 FROM events e JOIN objects o ON o.id = e.object
        LEFT JOIN controllers c ON c.event = e.id WHERE e.id = ?1
    UNION ALL SELECT o.owner, far + 1 FROM chain JOIN objects o ON o.id = chain.object WHERE far < ?2)
    SELECT object FROM chain WHERE object IS NOT NULL ORDER BY far"""
NAMED = """SELECT k.word, g.word, o.name FROM objects o JOIN words k ON k.id = o.kind JOIN words g ON g.id = o.api_group
    WHERE o.id = ?"""
FOUND = """WITH RECURSIVE family (object, far) AS (
    SELECT ?1, 0 UNION
    SELECT o.id, far + 1 FROM family JOIN objects o ON o.owner = family.object WHERE far < ?2 ORDER BY 1 DESC LIMIT ?3)
    SELECT e.id, e.object FROM (SELECT object FROM family UNION SELECT ?4) f JOIN events e ON e.object = f.object
    WHERE e.id <> ?5 AND e.last_ms >= ?6 - ?8 AND e.first_ms <= CASE WHEN e.object = ?4 THEN ?7 ELSE ?6 END
    ORDER BY e.first_ms DESC, e.id DESC LIMIT ?9"""


def read(database: Database, number: int) -> dict[str, Any]:
    """The field `related` of an event: events in the order in which they began, each with what relates it."""
    own = database.all(EVENT, (number,), (WHOLE,) * 5)
    if not own:
        return {}
    object_id, first_ms, last_ms, namespace, node = own[0]
    chain = [row[0] for row in database.all(OWNERS, (number, events.MAX_OWNERS), (WHOLE,))]
    root = chain[-1] if chain else object_id
    database.load(_family(database, root, max(0, first_ms - BEFORE_MS), last_ms))
    values = (
        root,
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
    named = {event: relations.get(about, SAME_OWNER) for event, about in found.items()}
    others = _others(database, number, database.word(namespace), database.word(node), first_ms)
    named = {event: relation for event, relation in others.items() if event != number} | named
    related = [_shown(named[number], event) for number, event in events.Page(database, [*named]).numbered()]
    related.sort(key=lambda one: (one["first_seen_at"], one["id"]))
    return {"related": related} if related else {}


def _family(database: Database, root: int, since_ms: int, until_ms: int) -> Selection:
    """The events about an object and what it owns in this time; more, if its kind is none."""
    kind, group, name = database.all(NAMED, (root,), (TEXT,) * 3)[0]
    wanted: dict[str, Any] = {"object-name": (name,)}
    if kind and name:
        wanted = {"for": (About(f"{kind}.{group}" if group else kind, name),)}
    return Selection(wanted, since_ms=since_ms, until_ms=until_ms + 1)


def _others(database: Database, number: int, namespace: str, node: str, first_ms: int) -> dict[int, str]:
    """What changed in a namespace, and what happened to a node, shortly before an event began.

    Changes have severity info. Hints have it too, and are left out. So are changes of pods: what makes or moves a pod is a
    change of something else.
    """
    wanted = []
    if namespace:
        changes = {"type": (CLUSTER,), "severity": (INFO,), "namespace": (namespace,)}
        wanted.append((NAMESPACE, Selection(changes, {"kind": ("Pod",), "reason": HINTS})))
    if node:
        wanted.append((NODE, Selection({"kind": ("Node",), "name": (node,)}, {"reason": HINTS})))
    clusters = 1 if database.fleet is None else len(database.fleet.clusters)
    request = Request(sort="first", limit=MOST_CHANGES * clusters, counted=False)
    found: dict[int, str] = {}
    for relation, selection in wanted:
        before = selection._replace(since_ms=max(0, first_ms - BEFORE_MS), until_ms=first_ms + 1)
        database.load(before)
        same = [one for one in find(database, before, request).ids if _is_near(database, one, number)]
        found |= dict.fromkeys(same[:MOST_CHANGES], relation)
    return found


def _is_near(database: Database, one: int, other: int) -> bool:
    """Whether two events are of the same cluster."""
    return database.fleet is None or database.fleet.of(one) == database.fleet.of(other)


def _shown(relation: str, event: dict[str, Any]) -> dict[str, Any]:
    metadata = event["metadata"]
    shown = {"id": event["id"], "relation": relation, "reason": metadata["reason"]}
    shown |= {name: metadata[name] for name in ("changed_by", "noticed_at") if name in metadata}
    return shown | {name: event[name] for name in FIELDS if name in event}
