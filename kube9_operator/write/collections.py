"""Stores collections, and makes the events that tell of them.

Owns the tables collections and collection_types. Everything is keyed by the id of the collection, so what arrives twice does
nothing.
"""

import json
from typing import NamedTuple

from kube9_operator.clock import iso
from kube9_operator.model import operator_event
from kube9_operator.model.collection import Collected, CollectionFrame, NotCollected
from kube9_operator.model.observation import Observation
from kube9_operator.model.tally import COLLECTION_SECONDS
from kube9_operator.supervise.link import Link
from kube9_operator.supervise.messages import CollectionReport
from kube9_operator.text import limits
from kube9_operator.write.ended_runs import EndedRuns
from kube9_operator.write.sqlite.database import Connection, one, rows
from kube9_operator.write.sqlite.session import Session
from kube9_schema import codes, tables
from kube9_schema.collections import COMPLETE, FAILED, PARTIAL, RETENTION_DAYS, TYPES

TOTAL = "kube9_collections_total"
ROW_BYTES, ROWS_PART = 65_536, 64
"""What a collection takes at most, and the part of the size limit that all may take."""
LEAST_ROWS = 12
DELETED_AT_ONCE = 10
DAY_MS = 86_400_000
MAX_FAILURE_CHARACTERS = 400

PUT = f"{tables.insert('collections')} ON CONFLICT DO NOTHING"
PUT_TYPE = tables.insert("collection_types", replace=True)
OF_TYPE = f"SELECT {tables.columns('collection_types')} FROM collection_types WHERE type = ?"  # noqa: S608
STATS = "SELECT coalesce(sum(succeeded), 0), coalesce(sum(failed), 0), coalesce(max(last_success_ms), 0) FROM collection_types"
# The newest of each type stays, however many of the others are newer.
TOO_MANY = """SELECT id FROM collections WHERE id NOT IN (SELECT max(id) FROM collections GROUP BY type)
    ORDER BY id DESC LIMIT -1 OFFSET max(0, ? - (SELECT count(DISTINCT type) FROM collections))"""
NEVER = ("", 0, 0, "", 0, 0, "")


class Ended(NamedTuple):
    """What became of a collection in this transaction."""

    type: str
    state: str
    seconds: float | None
    """How long it took; None if it failed."""


class Collections(EndedRuns[Ended, CollectionReport]):
    """Works in the transactions of the session, and reports what was stored when that is durable."""

    def __init__(self, session: Session, max_bytes: int, link: Link) -> None:
        super().__init__(session, link)
        self._connection = session.connection
        self._execute = session.connection.execute
        self._most = max(LEAST_ROWS, max_bytes // ROWS_PART // ROW_BYTES)

    def count(self, run: Ended) -> None:
        """Counts a collection in the metrics."""
        self._link.tally.add(TOTAL, run.type, run.state)
        if run.seconds is not None:
            self._link.tally.observe(COLLECTION_SECONDS, run.seconds)

    # Reading

    def collected_ms(self) -> dict[str, int]:
        """Returns when each type was last collected, in ms since 1970; 0 for never."""
        found = dict(rows(self._connection, "SELECT type, last_success_ms FROM collection_types"))
        return {kind: found.get(kind, 0) for kind in TYPES}

    def report(self) -> CollectionReport:
        """Returns what the status ConfigMap and the metrics say about collections."""
        ((succeeded, failed, last_ms),) = rows(self._connection, STATS)
        ((stored,),) = rows(self._connection, "SELECT count(*) FROM collections")
        stats = {
            "totalSuccessCount": succeeded,
            "totalFailureCount": failed,
            "collectionsStoredCount": stored,
            "lastSuccessTime": iso(last_ms) if last_ms else None,
        }
        return CollectionReport(json.dumps(stats), self.collected_ms())

    # Writing

    def apply(self, frame: CollectionFrame, _now_ms: int) -> list[Observation]:
        """Applies what the collector says. Returns the events about it, which the caller records."""
        request = frame.collection.request
        before = tables.CollectionType(*(one(self._connection, OF_TYPE, (request.type,)) or NEVER))
        if before.last_id == request.id:
            return []
        after = before._replace(type=request.type, last_id=request.id)
        if isinstance(frame.collection, NotCollected):
            return [self._failed(frame.collection, after)]
        return [self._stored(frame.collection, after)]

    def _stored(self, made: Collected, totals: tables.CollectionType) -> Observation:
        request, at_ms = made.request, made.collected_ms
        state = PARTIAL if made.missing else COMPLETE
        self._execute(PUT, tables.Collection(request.id, request.type, made.cluster, state, at_ms, made.payload))
        self._execute(PUT_TYPE, totals._replace(succeeded=totals.succeeded + 1, last_success_ms=at_ms))
        for (old,) in rows(self._connection, TOO_MANY, (self._most,)):
            self._execute("DELETE FROM collections WHERE id = ?", (old,))
        self._ended.append(Ended(request.type, state, made.seconds))
        metadata = {"collection_id": request.id, "collection_type": request.type, "missing": made.missing}
        # The type is in the titles, because collections of one run may be made in the same millisecond.
        if made.missing:
            text = f"The collection {request.type} is partial: {'; '.join(made.missing)}."
            title = f"Collection partial: {request.type}"
            return operator_event.observation("CollectionPartial", codes.WARNING, title, text, at_ms, metadata)
        text = f"The collection {request.type} is complete."
        title = f"Collection completed: {request.type}"
        return operator_event.observation("CollectionCompleted", codes.INFO, title, text, at_ms, metadata)

    def _failed(self, failed: NotCollected, totals: tables.CollectionType) -> Observation:
        request, at_ms = failed.request, failed.failed_ms
        reason, _ = limits.line(failed.reason, MAX_FAILURE_CHARACTERS)
        after = totals._replace(failed=totals.failed + 1, last_failure_ms=at_ms, last_failure=reason)
        self._execute(PUT_TYPE, after)
        self._ended.append(Ended(request.type, FAILED, None))
        text = f"The collection {request.type} has failed: {reason}. It is tried again."
        metadata = {"collection_id": request.id, "collection_type": request.type, "why": reason}
        title, key = f"Collection failed: {request.type}", f"CollectionFailed {request.type}"
        return operator_event.observation("CollectionFailed", codes.ERROR, title, text, at_ms, metadata, key=key)


def delete_expired(connection: Connection, now_ms: int) -> bool:
    """Deletes some of the collections that are older than RETENTION_DAYS. Returns whether there were any."""
    find = "SELECT id FROM collections WHERE collected_ms < ? LIMIT ?"
    found = rows(connection, find, (now_ms - RETENTION_DAYS * DAY_MS, DELETED_AT_ONCE))
    for (name,) in found:
        connection.execute("DELETE FROM collections WHERE id = ?", (name,))
    return bool(found)
