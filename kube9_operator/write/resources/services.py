"""How many ready endpoints the services have, what they lose for good, and which pods stand behind them.

Owns the tables slices and endpoints.
"""

from collections.abc import Callable
from typing import Any

import msgspec

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Slice
from kube9_operator.write.events import stored
from kube9_operator.write.resources.detect import endpoints
from kube9_operator.write.resources.detect.observed import Seen
from kube9_operator.write.resources.ongoing import Lasting
from kube9_operator.write.resources.service_pods import ServicePods, pods_of
from kube9_operator.write.resources.wanted import Wanted
from kube9_operator.write.sqlite.database import Connection, one

SERVICES, SLICES, NAMESPACES = "services", "endpointslices", "namespaces"
MOST_AT_ONCE = 500
NONE = rows.key(rows.NO_ENDPOINTS)
_known = msgspec.msgpack.Decoder(endpoints.Known)
_state = "SELECT uid, state FROM states WHERE source = ? AND namespace = ? AND name = ?"


class Services:
    """Works in the transaction that the caller holds. `record` applies an observation."""

    def __init__(
        self,
        connection: Connection,
        lasting: Lasting,
        pods: ServicePods,
        wanted: Wanted,
        record: Callable[[str, Observation], object],
        settle_ms: int,
    ) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._lasting = lasting
        self._pods = pods
        self._wanted = wanted
        self._record = record
        self._settle_ms = settle_ms

    def changed(self, seen: Seen, previous: Slice | None, current: Slice | None) -> None:
        """A slice was seen, or is gone."""
        before, after = (one.service if one is not None else "" for one in (previous, current))
        if before and before != after:
            self._execute(
                "DELETE FROM slices WHERE namespace = ? AND service = ? AND name = ?", (seen.namespace, before, seen.name)
            )
        if after and before != after:
            self._execute("INSERT OR IGNORE INTO slices VALUES (?, ?, ?)", (seen.namespace, after, seen.name))
        for service in sorted({before, after} - {""}):
            slices = self._slices(seen.namespace, service)
            self._count(seen, service, slices)
            had = pods_of(previous) if service == before else set()
            has = pods_of(current) if service == after else set()
            if had != has:
                gone = had.difference(has, *map(pods_of, slices))
                # Of what stood there at first nobody knows since when.
                from_ms = seen.now_ms if seen.whole else 0
                self._pods.changed((seen.namespace, service), gone, has - had, from_ms, seen.now_ms)

    def gone(self, namespace: str, service: str, now_ms: int) -> None:
        """A service is gone; its slices follow, or went before."""
        self._pods.gone((namespace, service), now_ms)
        self._execute(
            """DELETE FROM endpoints WHERE namespace = ?1 AND service = ?2
            AND NOT EXISTS (SELECT 1 FROM slices WHERE namespace = ?1 AND service = ?2)""",
            (namespace, service),
        )

    def discard(self, now_ms: int) -> None:
        """Forgets all: what is kept of slices is of another cluster."""
        self._pods.discard(now_ms)
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
            if loss is not None and uid is not None and not self._is_enough(namespace, service, known.count, loss):
                seen = Seen(SERVICES, namespace, service, uid, loss.version, now_ms, True)
                self._record(SERVICES, endpoints.told(seen, loss, known.count))
                if not known.count:
                    self._lasting.begins(seen, NONE, loss.none_since_ms)
            self._keep(namespace, service, known)

    def unwanted(self, namespace: str, now_ms: int) -> None:
        """A workload of a namespace wants no pods any more: with that the outage of a service behind which it was is over."""
        lasting: list[tuple[Any, ...]] = self._execute(
            "SELECT name, since_ms FROM lasting WHERE source = ? AND namespace = ?", (SERVICES, namespace)
        ).fetchall()
        for service, since_ms in lasting:
            if self._wanted.replicas(namespace, service, since_ms) == 0:
                self._lasting.ends(SERVICES, namespace, service, NONE, now_ms, now_ms)

    def _is_enough(self, namespace: str, service: str, count: int, loss: endpoints.Loss) -> bool:
        """Whether there are as many endpoints as somebody wants: who scales down has fewer, and to zero none."""
        wanted = self._wanted.replicas(namespace, service, loss.since_ms)
        return wanted is not None and count >= wanted

    def _slices(self, namespace: str, service: str) -> list[Slice]:
        """All slices of a service."""
        return [
            stored.state(SLICES, blob)
            for (blob,) in self._execute(
                """SELECT s.state FROM slices l JOIN states s ON s.source = ? AND s.namespace = l.namespace AND s.name = l.name
                WHERE l.namespace = ? AND l.service = ?""",
                (SLICES, namespace, service),
            )
        ]

    def _count(self, seen: Seen, service: str, slices: list[Slice]) -> None:
        """Counts the ready endpoints of all slices of a service, each once."""
        ready = {one for each in slices for one in each.ready}
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
            self.gone(seen.namespace, service, seen.now_ms)

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
