"""How many ready endpoints each service has, and lasting losses. Owns the tables slices and endpoints."""

from typing import Any

import msgspec

from kube9_operator.model import rows
from kube9_operator.write.events import stored
from kube9_operator.write.resources.detect import endpoints
from kube9_operator.write.resources.detect.observed import Observed
from kube9_operator.write.resources.ongoing import Ongoing
from kube9_operator.write.resources.recorder import Recorded, Recorder
from kube9_operator.write.sqlite.database import Connection, one

SERVICES, SLICES, NAMESPACES = "services", "endpointslices", "namespaces"
MOST_AT_ONCE = 500
NONE = rows.key(rows.NO_ENDPOINTS)
_known = msgspec.msgpack.Decoder(endpoints.Known)
_state = "SELECT uid, state FROM states WHERE source = ? AND namespace = ? AND name = ?"


class Services:
    """Works in the transaction of its caller."""

    def __init__(self, connection: Connection, ongoing: Ongoing, recorder: Recorder, settle_ms: int) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._ongoing = ongoing
        self._recorder = recorder
        self._settle_ms = settle_ms

    def changed(self, observed: Observed, before: str, after: str) -> None:
        """Handles a slice that belonged to the service `before` and belongs to `after` now ('': to none)."""
        if before and before != after:
            self._execute(
                "DELETE FROM slices WHERE namespace = ? AND service = ? AND name = ?",
                (observed.namespace, before, observed.name),
            )
        if after and before != after:
            self._execute("INSERT OR IGNORE INTO slices VALUES (?, ?, ?)", (observed.namespace, after, observed.name))
        for service in sorted({before, after} - {""}):
            self._count(observed, service)

    def gone(self, namespace: str, service: str) -> None:
        """Handles a service that is gone. Its slices follow, or went before."""
        self._execute(
            """DELETE FROM endpoints WHERE namespace = ?1 AND service = ?2
            AND NOT EXISTS (SELECT 1 FROM slices WHERE namespace = ?1 AND service = ?2)""",
            (namespace, service),
        )

    def discard(self) -> None:
        """Forgets everything, because it is about another cluster."""
        self._execute("DELETE FROM slices")
        self._execute("DELETE FROM endpoints")
        self._execute("DELETE FROM lasting WHERE source = ?", (SERVICES,))

    def due(self, now_ms: int) -> bool:
        """Whether a loss may have lasted for the settle time. It only reads."""
        sql = "SELECT 1 FROM endpoints WHERE due_ms <= ? OR due_ms > ? LIMIT 1"
        return one(self._connection, sql, self._when(now_ms)) is not None

    def settle(self, now_ms: int) -> list[Recorded]:
        """Records the losses that have lasted for the settle time."""
        due: list[tuple[Any, ...]] = self._execute(
            "SELECT namespace, service, known FROM endpoints WHERE due_ms <= ? OR due_ms > ? LIMIT ?",
            (*self._when(now_ms), MOST_AT_ONCE),
        ).fetchall()
        recorded = []
        for namespace, service, blob in due:
            known, loss = endpoints.settled(stored.decoded(_known, blob), now_ms, self._settle_ms)
            uid = self._uid(namespace, service)
            if loss is not None and uid is not None:
                observed = Observed(SERVICES, namespace, service, uid, loss.version, now_ms, True)
                recorded.append(self._recorder.record(SERVICES, endpoints.lost(observed, loss, known.count)))
                if not known.count:
                    self._ongoing.begin(observed, NONE, loss.none_since_ms)
            self._store(namespace, service, known)
        return recorded

    def _count(self, observed: Observed, service: str) -> None:
        """Counts the ready endpoints of all slices of a service, each once."""
        ready: set[int] = set()
        slices = 0
        for (blob,) in self._execute(
            """SELECT s.state FROM slices l JOIN states s ON s.source = ? AND s.namespace = l.namespace AND s.name = l.name
            WHERE l.namespace = ? AND l.service = ?""",
            (SLICES, observed.namespace, service),
        ):
            slices += 1
            ready.update(stored.state(SLICES, blob).ready)
        row = one(
            self._connection, "SELECT known FROM endpoints WHERE namespace = ? AND service = ?", (observed.namespace, service)
        )
        known = stored.decoded(_known, row[0]) if row is not None else None
        now = endpoints.counted(known, len(ready), observed.version, observed.now_ms)
        if now is not known:
            self._store(observed.namespace, service, now)
        if ready and known is not None and not known.count:
            self._ongoing.end(
                SERVICES, observed.namespace, service, NONE, 0 if observed.listing else observed.now_ms, observed.now_ms
            )
        if not slices and self._uid(observed.namespace, service) is None:
            self.gone(observed.namespace, service)

    def _store(self, namespace: str, service: str, known: endpoints.Known) -> None:
        self._execute(
            "INSERT OR REPLACE INTO endpoints VALUES (?, ?, ?, ?)",
            (namespace, service, msgspec.msgpack.encode(known), known.due_ms(self._settle_ms)),
        )

    def _uid(self, namespace: str, service: str) -> str | None:
        """The uid of a service; '' if services are not known; None if it or its namespace is gone or being deleted."""
        for source, place in ((NAMESPACES, ("", namespace)), (SERVICES, (namespace, service))):
            row = one(self._connection, _state, (source, *place))
            if row is None and one(self._connection, "SELECT 1 FROM baselines WHERE source = ?", (source,)) is not None:
                return None
            if row is not None and stored.state(source, row[1]).deleting_since_ms:
                return None
        return row[0] if row is not None else ""

    def _when(self, now_ms: int) -> tuple[int, int]:
        """Limits of what is due: due by now, or later than possible, because the clock was set back."""
        return now_ms, now_ms + self._settle_ms
