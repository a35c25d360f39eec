"""Applications of Argo CD as they are now, and whether Argo CD is there."""

from __future__ import annotations

from kube9_cli import json_text
from kube9_cli.errors import QueryError, damaged
from kube9_cli.query.connection import TEXT, WHOLE, Database, Types
from kube9_cli.times import iso
from kube9_schema import facts
from kube9_schema.argocd import APPLICATIONS, FIELDS

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any, NamedTuple
else:
    from kube9_cli.named_tuple import NamedTuple

WHERE = f"""source = '{APPLICATIONS}' AND (?1 = '' OR namespace = ?1) AND (?2 = '' OR name = ?2)
    AND seen_ms >= ?3 AND seen_ms < ?4"""
LIST = f"SELECT namespace, name, seen_ms, state FROM states WHERE {WHERE} ORDER BY namespace, name LIMIT ?5 OFFSET ?6"  # noqa: S608
TOTAL = f"SELECT count(*) FROM states WHERE {WHERE}"  # noqa: S608
ROW: Types = (TEXT, TEXT, WHOLE, (bytes,))
FOREVER = 2**62
UNKNOWN = "Unknown"
"""What Argo CD calls a status that it has not determined, and what its API has before it has looked at an Application."""


class Wanted(NamedTuple):
    """Which Applications are asked for; '' is any. Times are in ms since 1970."""

    cluster: str = ""
    namespace: str = ""
    name: str = ""
    since_ms: int = 0
    until_ms: int = FOREVER
    limit: int = 1
    offset: int = 0


def applications(database: Database, wanted: Wanted) -> dict[str, Any]:
    """The Applications, by namespace and name, and how many there are."""
    cluster = _cluster(database)
    found, total = [], 0
    if wanted.cluster in ("", cluster):
        asked = (wanted.namespace, wanted.name, wanted.since_ms, wanted.until_ms)
        for namespace, name, seen_ms, blob in database.all(LIST, (*asked, wanted.limit, wanted.offset), ROW):
            state = _state(blob)
            found.append(
                _named(cluster, namespace, name, seen_ms)
                | {"sync_status": state["sync"] or UNKNOWN, "health_status": state["health"] or UNKNOWN}
            )
        ((total,),) = database.all(TOTAL, asked, (WHOLE,))
    hints = [] if total or _server(database) is not None else ["Argo CD was not detected in this cluster."]
    answer = {"applications": found, "pagination": {"total": total, "limit": wanted.limit, "offset": wanted.offset}}
    return answer | ({"hints": hints} if hints else {})


def application(database: Database, wanted: Wanted) -> dict[str, Any]:
    """One Application. Raises QueryError if it is not known."""
    cluster = _cluster(database)
    rows = []
    if wanted.cluster in ("", cluster):
        rows = database.all(LIST, (wanted.namespace, wanted.name, 0, FOREVER, 1, 0), ROW)
    if not rows:
        raise QueryError(
            "Application not found",
            f"{wanted.namespace}/{wanted.name}; see kube9-cli argocd apps list",
            "APPLICATION_NOT_FOUND",
        )
    ((namespace, name, seen_ms, blob),) = rows
    state = _state(blob)
    operation = {
        "phase": state["phase"],
        "started_at": iso(state["started_ms"]) if state["started_ms"] else None,
        "finished_at": iso(state["finished_ms"]) if state["finished_ms"] else None,
        "revision": state["synced_revision"] or None,
        "initiated_by": state["initiated_by"] or None,
        "automated": state["automated"],
        "message": state["message"] or None,
    }
    status = {
        "project": state["project"] or None,
        "sync_status": state["sync"] or UNKNOWN,
        "revision": state["revision"] or None,
        "health_status": state["health"] or UNKNOWN,
        "health_message": state["health_message"] or None,
        "health_since": iso(state["health_since_ms"]) if state["health_since_ms"] else None,
        "error": state["error"] or None,
        "operation": operation if state["phase"] else None,
    }
    drift = {
        "out_of_sync": state["sync"] == "OutOfSync",
        "wanted_revision": state["revision"] or None,
        "synced_revision": state["synced_revision"] or None,
    }
    return _named(cluster, namespace, name, seen_ms) | {"status": status, "drift": drift}


def namespace_of_server(database: Database) -> str:
    """The namespace of Argo CD's server. Raises QueryError if Argo CD was not detected."""
    found = _server(database)
    if found is None:
        details = "the operator looks for it every minute; docs/argocd.md says what it looks for"
        raise QueryError("Argo CD was not detected in this cluster", details, "ARGOCD_NOT_DETECTED", 7)
    return found


def _server(database: Database) -> str | None:
    """The namespace of Argo CD's server; None if Argo CD was not detected."""
    rows = database.all("SELECT value FROM facts WHERE name = ?", (facts.ARGOCD,), (TEXT,))
    found = _decoded(rows[0][0]) if rows else {}
    return str(found.get("namespace") or "") if found.get("detected") else None


def _decoded(text: str) -> dict[str, Any]:
    try:
        found = json_text.decode(text)
    except ValueError:
        raise damaged(f"the fact {facts.ARGOCD} is not JSON") from None
    return found if isinstance(found, dict) else {}


def _cluster(database: Database) -> str:
    rows = database.all("SELECT value FROM facts WHERE name = ?", (facts.CLUSTER,), (TEXT,))
    return str(rows[0][0]) if rows else ""


def _named(cluster: str, namespace: str, name: str, seen_ms: int) -> dict[str, Any]:
    return {"cluster_id": cluster, "app_namespace": namespace, "app_name": name, "observed_at": iso(seen_ms)}


def _state(blob: bytes) -> dict[str, Any]:
    """The fields of a stored state. Of an older release, the last ones may be absent."""
    import msgspec  # only where it is needed: 7 ms

    try:
        values = msgspec.msgpack.decode(blob, type=list)
    except msgspec.MsgspecError:
        raise damaged("the state of an Application cannot be read") from None
    return dict.fromkeys(FIELDS, "") | dict(zip(FIELDS, values, strict=False))
