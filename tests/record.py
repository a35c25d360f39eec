"""A small record for tests of the CLI: objects with owners, pods behind services, and events about them."""

import json
import time
from pathlib import Path
from typing import Any

import msgspec

from kube9_operator.model.frame import Confirmed, ControlFrame, ListEnds
from kube9_operator.model.observation import Observation, hash64
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.lifecycle import Lifecycle
from kube9_operator.write.events.names import Names
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite.session import Session
from kube9_schema import ids
from kube9_schema.codes import CLUSTER, EVENT_TYPES, SEVERITIES
from tests.bench import database

MINUTE = 60_000


class Record:
    """A database in a folder, written by the operator's own store."""

    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.connection = database.create(str(folder))
        self._session = Session(self.connection)
        self._store = Store(self._session, quiet_ms=60 * MINUTE)
        self.lifecycle = Lifecycle(self.connection, Coverage(self._session, self._store, event_ttl_ms=60 * MINUTE))
        self._observations: list[Observation] = []
        self._numbers: dict[str, int] = {}
        self._events = 0
        self.now_ms = time.time_ns() // 1_000_000
        self.watched("events")

    def watched(self, *sources: str) -> None:
        """Lists these sources, so that they are confirmed until now."""
        coverage = Coverage(self._session, self._store, event_ttl_ms=60 * MINUTE)
        with self._session.transaction(self.now_ms):
            for source in sources:
                coverage.update(ControlFrame(source, ListEnds("1", self.now_ms - 60 * MINUTE)), {}, self.now_ms)
            self.lifecycle.started(self.now_ms)
            self.lifecycle.alive(self.now_ms)

    def confirmed(self, *sources: str) -> None:
        """Nothing of these sources is missing up to now."""
        coverage = Coverage(self._session, self._store, event_ttl_ms=60 * MINUTE)
        with self._session.transaction(self.now_ms):
            for source in sources:
                coverage.update(ControlFrame(source, Confirmed(self.now_ms)), {}, self.now_ms)
            self.lifecycle.alive(self.now_ms)

    def event(
        self,
        about: str,
        reason: str = "BackOff",
        *,
        uid: str = "",
        api_version: str = "",
        ago: int = 5,
        lasts: int = 0,
        severity: str = "warning",
        event_type: str = "cluster",
        source: str | None = "kubelet",
        node: str = "",
        title: str = "",
        description: str = "",
        count: int = 1,
        **metadata: Any,
    ) -> str:
        """Records an event about `Kind/namespace/name`, `ago` minutes ago, which lasts some minutes; returns its id."""
        kind, namespace, name = about.split("/") if about else ("", "", "")
        self._events += 1
        at_ms = self.now_ms - ago * MINUTE
        own = {"source": {"component": source}} if source is not None else {}
        observation = Observation(
            kind=kind,
            namespace=namespace,
            name=name,
            uid=uid or (f"uid-{name}" if kind != "Node" else ""),
            key=hash64("test", str(self._events)),
            contributor=hash64("test", str(self._events)),
            contributor_hour=at_ms // 3_600_000,
            contributor_name=f"{name}.{self._events}",
            primary=True,
            from_status=False,
            count=count,
            first_ms=at_ms,
            last_ms=at_ms + lasts * MINUTE,
            event_type=EVENT_TYPES.index(event_type) if event_type else CLUSTER,
            severity=SEVERITIES.index(severity),
            title=title or f"{kind} {reason}",
            description=description,
            metadata=json.dumps(own | metadata),
            reason=reason,
            node=node,
            text_hash=self._events,
            api_version=api_version,
        )
        self._observations.append(observation)
        event = ids.encode(self._recorded(observation))
        self._numbers[event] = len(self._observations) - 1
        return event

    def again(self, event: str, ago: int = 0) -> None:
        """Counts an event once more, which happened some minutes ago."""
        at = self._numbers[event]
        before, last_ms = self._observations[at], time.time_ns() // 1_000_000 - ago * MINUTE
        self._observations[at] = msgspec.structs.replace(before, count=before.count + 1, last_ms=last_ms)
        self._recorded(self._observations[at])

    def _recorded(self, observation: Observation) -> int:
        """Stores an observation as the writer does, in a transaction of its own; returns the event."""
        now_ms = time.time_ns() // 1_000_000
        with self._session.transaction(now_ms):
            found = self._store.apply(observation).event_id
            self.lifecycle.alive(now_ms)
        return found

    def object(self, about: str, uid: str = "", api_version: str = "") -> int:
        """The number of an object `Kind/namespace/name`, which is added if it is new."""
        kind, namespace, name = about.split("/")
        with self._session.transaction(self.now_ms):
            names: Names = self._store.names
            api = names.api(namespace, kind, api_version)
            known = uid or (f"uid-{name}" if kind != "Node" else "")
            number: int = names.about(names.word(kind), names.word(namespace), name, known, api).number
        return number

    def owns(self, owner: str, owned: str, owner_uid: str = "", owned_uid: str = "") -> None:
        """One object is the controller of the other."""
        numbers = self.object(owner, owner_uid), self.object(owned, owned_uid)
        with self._session.transaction(self.now_ms):
            self.connection.execute("UPDATE objects SET owner = ? WHERE id = ?", numbers)
            self._store.filing.rooted(numbers[1])

    def stopped_by_quota(self, event: str, controller: str) -> None:
        """The event about a quota names this controller."""
        values = (ids.decode(event), self.object(controller))
        with self._session.transaction(self.now_ms):
            self.connection.execute("INSERT INTO controllers VALUES (?, ?)", values)
            self._store.filing.file(values[:1])

    def behind(self, service: str, pod: str, since: int, until: int | None = None, uid: str = "") -> None:
        """A pod stood behind a service (`namespace/name`), from some minutes ago to some minutes ago, or until now."""
        namespace, name = service.split("/")
        end = None if until is None else self.now_ms - until * MINUTE
        values = (namespace, name, uid or f"uid-{pod}", self.now_ms - since * MINUTE, pod, end)
        with self._session.transaction(self.now_ms):
            self.connection.execute("INSERT INTO service_pods VALUES (?, ?, ?, ?, ?, ?)", values)

    def close(self) -> None:
        """Closes the database."""
        self.connection.close()
