"""Collections, as clients see them."""

from __future__ import annotations

from kube9_cli import json_text
from kube9_cli.errors import QueryError
from kube9_cli.query.connection import TEXT, WHOLE, Database, Types
from kube9_cli.times import iso

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

ROW_TYPES: Types = (TEXT, TEXT, TEXT, TEXT, WHOLE)
ROWS = """SELECT id, cluster, type, state, collected_ms FROM collections
    WHERE (?1 = '' OR type = ?1) AND (?2 = '' OR cluster = ?2) AND (?3 = '' OR state = ?3)
    AND (?4 IS NULL OR collected_ms >= ?4) AND (?5 IS NULL OR collected_ms <= ?5)
    ORDER BY collected_ms DESC, id DESC LIMIT ?6 OFFSET ?7"""
TYPE_TYPES: Types = (TEXT, WHOLE, WHOLE, WHOLE, WHOLE, TEXT)
OF_TYPES = """SELECT type, succeeded, failed, last_success_ms, last_failure_ms, last_failure FROM collection_types
    WHERE (?1 = '' OR type = ?1) ORDER BY type"""


def listed(
    database: Database,
    kind: str,
    cluster: str,
    state: str,
    between: tuple[int | None, int | None],
    page: tuple[int, int],
) -> dict[str, Any]:
    """Collections, the newest first, and what became of each type; '' is any. `page` is how many, after how many."""
    rows = database.all(ROWS, (kind, cluster, state, *between, *page), ROW_TYPES)
    types = database.all(OF_TYPES, (kind,), TYPE_TYPES)
    return {"collections": [_row(row) for row in rows], "types": [_type(row) for row in types]}


def get(database: Database, name: str) -> dict[str, Any]:
    """What a collection consists of. Raises QueryError if there is none of this id."""
    found: dict[str, Any] = json_text.decode(payload(database, name))
    return found


def payload(database: Database, name: str) -> str:
    """The payload of a collection, as JSON. Raises QueryError if there is none of this id."""
    rows = database.all("SELECT payload FROM collections WHERE id = ?", (name,), (TEXT,))
    if not rows:
        raise QueryError("Collection not found", name, "NOT_FOUND")
    return str(rows[0][0])


def _row(row: Any) -> dict[str, Any]:
    name, cluster, kind, state, collected = row
    return {
        "collection_id": name,
        "cluster_id": cluster or None,
        "type": kind,
        "state": state,
        "collected_at": iso(collected),
    }


def _type(row: Any) -> dict[str, Any]:
    kind, succeeded, failed, success_ms, failure_ms, failure = row
    return {
        "type": kind,
        "succeeded": succeeded,
        "failed": failed,
        "last_success_at": iso(success_ms) if success_ms else None,
        "last_failure_at": iso(failure_ms) if failure_ms else None,
        "last_failure": failure or None,
    }
