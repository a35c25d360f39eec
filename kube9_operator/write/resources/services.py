"""How many ready endpoints each service has, lasting losses, and the pods behind each. Owns the tables slices and endpoints."""

from typing import Any

import msgspec

from kube9_operator.model import rows
from kube9_operator.model.resource_states import Slice
from kube9_operator.write.events import stored
from kube9_operator.write.resources.detect import endpoints
from kube9_operator.write.resources.detect.observed import Observed
from kube9_operator.write.resources.ongoing import Ongoing
from kube9_operator.write.resources.recorder import Recorded, Recorder
from kube9_operator.write.resources.service_pods import ServicePods, pods_of
from kube9_operator.write.resources.wanted import Wanted
from kube9_operator.write.sqlite.database import Connection, one

SERVICES, SLICES, NAMESPACES = "services", "endpointslices", "namespaces"
MOST_AT_ONCE = 500
NONE = rows.key(rows.NO_ENDPOINTS)
_known = msgspec.msgpack.Decoder(endpoints.Known)
_state = "SELECT uid, state FROM states WHERE source = ? AND namespace = ? AND name = ?"


class Services:
    """Works in the transaction of its caller."""

    def __init__(
        self,
        connection: Connection,
        ongoing: Ongoing,
        pods: ServicePods,
        wanted: Wanted,
        recorder: Recorder,
        settle_ms: int,
    ) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._ongoing = ongoing
        self._pods = pods
        self._wanted = wanted
        self._recorder = recorder
        self._settle_ms = settle_ms

    def changed(self, observed: Observed, previous: Slice | None, current: Slice | None) -> None:
        """Handles a slice that has changed. It may belong to another service than before, or to none."""
        before, after = (one.service if one is not None else "" for one in (previous, current))
        if before and before != after:
            self._execute(
                "DELETE FROM slices WHERE namespace = ? AND service = ? AND name = ?",
                (observed.namespace, before, observed.name),
            )
        if after and before != after:
            self._execute("INSERT OR IGNORE INTO slices VALUES (?, ?, ?)", (observed.namespace, after, observed.name))
        for service in sorted({before, after} - {""}):
            slices = self._slices(observed.namespace, service)
            self._count(observed, service, slices)
            had = pods_of(previous) if service == before else set()
            has = pods_of(current) if service == after else set()
            if had != has:
                gone = had.difference(has, *map(pods_of, slices))
                # In the baseline nobody knows since when.
                from_ms = observed.now_ms if observed.whole else 0
                self._pods.changed((observed.namespace, service), gone, has - had, from_ms, observed.now_ms)

    def gone(self, namespace: str, service: str, now_ms: int) -> None:
        """Handles a service that is gone. Its slices follow, or went before."""
        self._pods.gone((namespace, service), now_ms)
        self._execute(
            """DELETE FROM endpoints WHERE namespace = ?1 AND service = ?2
            AND NOT EXISTS (SELECT 1 FROM slices WHERE namespace = ?1 AND service = ?2)""",
            (namespace, service),
        )

    def discard(self, now_ms: int) -> None:
        """Forgets everything, because it is about another cluster."""
        self._pods.discard(now_ms)
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
            if loss is not None and uid is not None and not self._is_enough(namespace, service, known.count, loss):
                observed = Observed(SERVICES, namespace, service, uid, loss.version, now_ms, True)
                recorded.append(self._recorder.record(SERVICES, endpoints.lost(observed, loss, known.count)))
                if not known.count:
                    self._ongoing.begin(observed, NONE, loss.none_since_ms)
            self._store(namespace, service, known)
        return recorded

    def unwanted(self, namespace: str, now_ms: int) -> None:
        """A workload of a namespace wants no pods any more: that ends the outage of a service in front of it."""
        lasting: list[tuple[Any, ...]] = self._execute(
            "SELECT name, since_ms FROM lasting WHERE source = ? AND namespace = ?", (SERVICES, namespace)
        ).fetchall()
        for service, since_ms in lasting:
            if self._wanted.replicas(namespace, service, since_ms) == 0:
                self._ongoing.end(SERVICES, namespace, service, NONE, now_ms, now_ms)

    def _is_enough(self, namespace: str, service: str, count: int, loss: endpoints.Loss) -> bool:
        """Whether there are as many endpoints as somebody wants: a workload that is scaled down has fewer."""
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

    def _count(self, observed: Observed, service: str, slices: list[Slice]) -> None:
        """Counts the ready endpoints of all slices of a service, each once."""
        ready = {one for each in slices for one in each.ready}
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
            self.gone(observed.namespace, service, observed.now_ms)

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
