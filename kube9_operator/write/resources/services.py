"""How many ready endpoints the services have, and what they lose for good. Owns the tables slices and endpoints."""

from collections.abc import Callable
from typing import Any

import msgspec

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.write.events import stored
from kube9_operator.write.resources.detect import endpoints
from kube9_operator.write.resources.detect.observed import Seen
from kube9_operator.write.resources.ongoing import Lasting
from kube9_operator.write.sqlite.database import Connection, one

SERVICES, SLICES, NAMESPACES = "services", "endpointslices", "namespaces"
MOST_AT_ONCE = 500
NONE = rows.key(rows.NO_ENDPOINTS)
_known = msgspec.msgpack.Decoder(endpoints.Known)
_state = "SELECT uid, state FROM states WHERE source = ? AND namespace = ? AND name = ?"


class Services:
    """Works in the transaction that the caller holds. `record` applies an observation."""

    def __init__(
        self, connection: Connection, lasting: Lasting, record: Callable[[str, Observation], object], settle_ms: int
    ) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._lasting = lasting
        self._record = record
        self._settle_ms = settle_ms

    def changed(self, seen: Seen, before: str, after: str) -> None:
        """A slice was seen, or is gone, that belonged to the service `before` and belongs to `after` ('': to none)."""
        if before and before != after:
            self._execute(
                "DELETE FROM slices WHERE namespace = ? AND service = ? AND name = ?", (seen.namespace, before, seen.name)
            )
        if after and before != after:
            self._execute("INSERT OR IGNORE INTO slices VALUES (?, ?, ?)", (seen.namespace, after, seen.name))
        for service in sorted({before, after} - {""}):
            self._count(seen, service)

    def gone(self, namespace: str, service: str) -> None:
        """A service is gone; its slices follow, or went before."""
        self._execute(
            """DELETE FROM endpoints WHERE namespace = ?1 AND service = ?2
            AND NOT EXISTS (SELECT 1 FROM slices WHERE namespace = ?1 AND service = ?2)""",
            (namespace, service),
        )

    def discard(self) -> None:
        """Forgets all: what is kept of slices is of another cluster."""
        self._execute("DELETE FROM slices")
        self._execute("DELETE FROM endpoints")
        self._execute("DELETE FROM lasting WHERE source = ?", (SERVICES,))

    def due(self, now_ms: int) -> bool:
        """Whether a loss may have lasted for the settle time. Reads only."""
        sql = "SELECT 1 FROM endpoints WHERE due_ms <= ? OR due_ms > ? LIMIT 1"
        return one(self._connection, sql, self._when(now_ms)) is not None

    def settle(self, now_ms: int) -> None:
        """Tells of the losses that have lasted for the settle time."""
        due: list[tuple[Any, ...]] = self._execute(
            "SELECT namespace, service, known FROM endpoints WHERE due_ms <= ? OR due_ms > ? LIMIT ?",
            (*self._when(now_ms), MOST_AT_ONCE),
        ).fetchall()
        for namespace, service, blob in due:
            known, loss = endpoints.settled(stored.decoded(_known, blob), now_ms, self._settle_ms)
            uid = self._uid(namespace, service)
            if loss is not None and uid is not None:
                seen = Seen(SERVICES, namespace, service, uid, loss.version, now_ms, True)
                self._record(SERVICES, endpoints.told(seen, loss, known.count))
                if not known.count:
                    self._lasting.begins(seen, NONE, loss.none_since_ms)
            self._keep(namespace, service, known)

    def _count(self, seen: Seen, service: str) -> None:
        """Counts the ready endpoints of all slices of a service, each once."""
        ready: set[int] = set()
        slices = 0
        for (blob,) in self._execute(
            """SELECT s.state FROM slices l JOIN states s ON s.source = ? AND s.namespace = l.namespace AND s.name = l.name
            WHERE l.namespace = ? AND l.service = ?""",
            (SLICES, seen.namespace, service),
        ):
            slices += 1
            ready.update(stored.state(SLICES, blob).ready)
        row = one(
            self._connection, "SELECT known FROM endpoints WHERE namespace = ? AND service = ?", (seen.namespace, service)
        )
        known = stored.decoded(_known, row[0]) if row is not None else None
        now = endpoints.counted(known, len(ready), seen.version, seen.now_ms)
        if now is not known:
            self._keep(seen.namespace, service, now)
        if ready and known is not None and not known.count:
            self._lasting.ends(SERVICES, seen.namespace, service, NONE, 0 if seen.listing else seen.now_ms, seen.now_ms)
        if not slices and self._uid(seen.namespace, service) is None:
            self.gone(seen.namespace, service)

    def _keep(self, namespace: str, service: str, known: endpoints.Known) -> None:
        self._execute(
            "INSERT OR REPLACE INTO endpoints VALUES (?, ?, ?, ?)",
            (namespace, service, msgspec.msgpack.encode(known), known.due_ms(self._settle_ms)),
        )

    def _uid(self, namespace: str, service: str) -> str | None:
        """The uid of a service ('' where services are not known); None where it or its namespace is gone or being deleted."""
        for source, place in ((NAMESPACES, ("", namespace)), (SERVICES, (namespace, service))):
            row = one(self._connection, _state, (source, *place))
            if row is None and one(self._connection, "SELECT 1 FROM baselines WHERE source = ?", (source,)) is not None:
                return None
            if row is not None and stored.state(source, row[1]).deleting_since_ms:
                return None
        return row[0] if row is not None else ""

    def _when(self, now_ms: int) -> tuple[int, int]:
        """Due at this time, or later than can be: the clock was set back."""
        return now_ms, now_ms + self._settle_ms
