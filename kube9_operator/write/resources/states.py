"""The states of resources: compares a new state with the stored one, stores it, and records what has changed.

Owns the tables states and baselines.
"""

from array import array
from collections.abc import Collection
from typing import Any, NamedTuple

from kube9_operator.model import changes, versions
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import ServerTime
from kube9_operator.model.observation import ERROR, hash64
from kube9_operator.model.resource_states import GONE, OF_SOURCE, UNDECIDED, UNREADABLE, State, decode
from kube9_operator.settings import Settings
from kube9_operator.write.events import stored
from kube9_operator.write.events.store import Store
from kube9_operator.write.resources import detect
from kube9_operator.write.resources.detect.dating import TOLERANCE_MS, Window
from kube9_operator.write.resources.detect.observed import Lives, Observed
from kube9_operator.write.resources.detect.workloads import REPLICAS
from kube9_operator.write.resources.enrichment import Enrichment
from kube9_operator.write.resources.evidence import Evidence
from kube9_operator.write.resources.mirrors import Mirrors
from kube9_operator.write.resources.ongoing import Ongoing
from kube9_operator.write.resources.owners import OWNED, Owners
from kube9_operator.write.resources.recorder import Recorded, Recorder
from kube9_operator.write.resources.service_pods import ServicePods
from kube9_operator.write.resources.services import SERVICES, SLICES, Services
from kube9_operator.write.resources.waiting import Waiting
from kube9_operator.write.resources.wanted import WORKLOADS, Wanted
from kube9_operator.write.sqlite.database import one
from kube9_operator.write.sqlite.session import Participant, Session

OUTCOMES = ("filtered", "unchanged", "updated", "stored", "refused")
"""What can become of a state, in ascending order. A state gets the highest outcome of its observations. Without an observation
it is filtered if it is new or has changed, and unchanged if it is as stored.
"""
SOURCES = frozenset(OF_SOURCE)
DEPLOYMENTS = "deployments"
CLOCK_MS = 2_000
"""A server's clock that differs by less may not differ at all: it tells whole seconds, and an answer takes its time."""
TRIM_MS = 60_000
DAY_MS = 86_400_000


class Times(NamedTuple):
    """The times of the comparison, in ms."""

    quiet_ms: int
    settle_ms: int
    """How long a loss of endpoints has to last before it is recorded."""
    move_ms: int
    """How often the events of ongoing problems are moved."""
    confirmation_ms: int
    """A source that was not confirmed within this time is not current: what it showed last may be over."""
    departed_ms: int
    """How long Events about an object may arrive after it is gone."""
    lives: Lives
    wait_ms: int
    """How long an object has to wait before that is recorded."""


class Compared(NamedTuple):
    """What became of a state."""

    outcome: str
    """One of OUTCOMES; '' for a state that is accounted for already."""
    recorded: list[Recorded] = []  # noqa: RUF012  (never changed)
    """The observations of its changes."""


REFUSED = Compared("refused")


def times(settings: Settings, deadlines: Deadlines) -> Times:
    """The times as they are set."""
    return Times(
        quiet_ms=settings.quiet_minutes * 60_000,
        settle_ms=int(deadlines.settle * 1000),
        move_ms=int(deadlines.lasting * 1000),
        confirmation_ms=int(deadlines.confirmation * 1000),
        departed_ms=2 * settings.event_ttl_seconds * 1000,
        lives=lives(settings),
        wait_ms=settings.wait_minutes * 60_000,
    )


def lives(settings: Settings) -> Lives:
    """How long events are kept."""
    return Lives(settings.info_warning_days * DAY_MS, settings.error_critical_days * DAY_MS)


class Check(NamedTuple):
    """What a freshness check of a source has shown."""

    version: str
    """The server's version. What a watch shows up to this version happened before the check."""
    ahead_ms: int
    """How far the server's clock is ahead of ours; 0 if delays may explain the difference."""


NO_CHECK = Check("", 0)


class States(Participant):
    """Works in the transaction of its caller."""

    def __init__(
        self,
        session: Session,
        store: Store,
        owners: Owners,
        enrichment: Enrichment,
        recorder: Recorder,
        times: Times,
    ) -> None:
        self._connection = session.connection
        self._execute = session.connection.execute
        self._times = times
        self._owners = owners
        self._enrichment = enrichment
        self._recorder = recorder
        self._ongoing = Ongoing(session.connection, store, times.quiet_ms, times.move_ms)
        self._service_pods = ServicePods(session.connection, times.lives.of(ERROR))
        wanted = Wanted(session.connection, owners, self._service_pods)
        self._services = Services(session.connection, self._ongoing, self._service_pods, wanted, recorder, times.settle_ms)
        self._waiting = Waiting(session.connection, recorder, times.wait_ms)
        self._mirrors = Mirrors(session, store.names, store.filing, times.quiet_ms)
        # What each list under way has shown, as 64 bits of namespace and name: 8 bytes an object.
        self._shown: dict[str, array[int]] = {}
        self._shown_before: dict[str, tuple[array[int], int]] = {}
        self._confirmed: dict[str, int] = {}
        """When each source was confirmed in this worker generation."""
        self._trimmed_ms = 0
        self._times_before: tuple[dict[str, int], int] = ({}, 0)
        self._checks: dict[str, Check] = {}
        self._evidence = Evidence(session.connection, store)
        session.register(self)

    def begin(self, _now_ms: int) -> None:
        """Remembers how much each list under way has shown."""
        self._shown_before = {source: (shown, len(shown)) for source, shown in self._shown.items()}
        self._times_before = (self._confirmed.copy(), self._trimmed_ms)

    def rolled_back(self) -> None:
        """Goes back to what each list had shown."""
        self._shown = {source: shown for source, (shown, _) in self._shown_before.items()}
        for shown, length in self._shown_before.values():
            del shown[length:]
        self._confirmed, self._trimmed_ms = self._times_before

    def confirmed(self, source: str, now_ms: int) -> None:
        """Notes that a source was confirmed in this worker generation."""
        self._confirmed[source] = now_ms

    def checked(self, source: str, control: ServerTime) -> None:
        """Notes what a freshness check has shown. After a rollback the same check is noted again."""
        ahead_ms = control.server_ms - control.checked_ms if control.checked_ms else 0
        self._checks[source] = Check(control.version, ahead_ms if abs(ahead_ms) > CLOCK_MS else 0)

    def scaled(self, scalings: list[changes.Scaling]) -> None:
        """Takes what Events say about when Deployments were scaled."""
        if scalings:
            self._evidence.add(scalings)

    def due(self, now_ms: int) -> bool:
        """Whether `tick` has something to do. It only reads."""
        return (
            self._ongoing.due(now_ms)
            or (self._is_current(SLICES, now_ms) and self._services.due(now_ms))
            or any(self._is_current(source, now_ms) and self._waiting.due(source, now_ms) for source in detect.WAITS)
        )

    def tick(self, now_ms: int) -> list[Recorded]:
        """Does what time alone causes: moves ongoing problems, and records losses and waits that have lasted."""
        recorded = []
        if self._ongoing.due(now_ms):
            self._ongoing.move(now_ms)
        if self._is_current(SLICES, now_ms) and self._services.due(now_ms):
            recorded = self._services.settle(now_ms)
        for source in detect.WAITS:
            if self._is_current(source, now_ms) and self._waiting.due(source, now_ms):
                recorded += self._waiting.settle(source, now_ms)
        if not 0 <= now_ms - self._trimmed_ms < TRIM_MS:
            self._trimmed_ms = now_ms
            self._owners.forget_gone(now_ms - self._times.departed_ms)
            self._mirrors.forget_gone(now_ms - self._times.departed_ms)
            self._service_pods.forget(now_ms)
            self._evidence.forget(now_ms - self._times.departed_ms)
        return recorded

    def _is_current(self, source: str, now_ms: int) -> bool:
        return 0 <= now_ms - self._confirmed.get(source, 0) <= self._times.confirmation_ms

    def list_begins(self, source: str, cluster: str, now_ms: int) -> None:
        """Begins a complete list. Stored states of another cluster are deleted: there is nothing to compare."""
        self._shown[source] = array("q")
        row = one(self._connection, "SELECT cluster FROM baselines WHERE source = ?", (source,))
        if row is not None and cluster and row[0] and row[0] != cluster:
            for table in ("baselines", "states", "lasting", "waiting"):
                self._execute(f"DELETE FROM {table} WHERE source = ?", (source,))  # noqa: S608  (of four names)
            if source == SLICES:
                self._services.discard(now_ms)

    def list_ends(self, source: str, cluster: str, now_ms: int) -> list[Recorded]:
        """Ends a complete list: a stored object that the list has not shown is gone. From now on there is a baseline."""
        shown = self._shown.pop(source, None)
        if shown is None:
            return []
        listed, whole = frozenset(shown), self.has_baseline(source)
        gone = [
            row
            for row in self._execute("SELECT namespace, name, uid, resource_version FROM states WHERE source = ?", (source,))
            if hash64(row[0], row[1]) not in listed
        ]
        recorded: list[Recorded] = []
        for namespace, name, uid, version in gone:
            observed = Observed(source, namespace, name, uid, version, now_ms, whole, listing=True)
            recorded += self._compare(observed, GONE).recorded
        self._execute(
            """INSERT INTO baselines VALUES (?, ?)
            ON CONFLICT DO UPDATE SET cluster = coalesce(nullif(excluded.cluster, ''), cluster)""",
            (source, cluster),
        )
        return recorded

    def absent(self, source: str, now_ms: int) -> list[Recorded]:
        """A custom resource is not installed: that is a complete list without an object."""
        self._shown[source] = array("q")
        return self.list_ends(source, "", now_ms)

    def forget_all_but(self, watched: Collection[str]) -> None:
        """Forgets the sources that are not watched any more, because a setting was changed: nothing confirms them."""
        for source in SOURCES.difference(watched):
            for table in ("baselines", "states", "lasting", "sources"):
                self._execute(f"DELETE FROM {table} WHERE source = ?", (source,))  # noqa: S608  (of four names)

    def has_baseline(self, source: str) -> bool:
        """Whether a complete list of a source is stored."""
        return one(self._connection, "SELECT 1 FROM baselines WHERE source = ?", (source,)) is not None

    def apply(self, source: str, state: State, now_ms: int, whole: bool) -> Compared:
        """Compares a state with the stored one, stores it, and records the changes. `whole`: there is a baseline.

        Raises one of database.REFUSED if it cannot be stored.
        """
        shown = self._shown.get(source)
        if shown is not None:
            shown.append(hash64(state.namespace, state.name))
        if state.reduced == UNREADABLE:
            return Compared("")
        if state.reduced == UNDECIDED:
            return Compared("filtered")
        listing = shown is not None
        observed = Observed(source, state.namespace, state.name, state.uid, state.version, now_ms, whole, listing)
        return self._compare(observed, state.reduced, state.evidence)

    def _compare(self, observed: Observed, reduced: bytes, evidence: bytes = b"") -> Compared:
        row = one(
            self._connection,
            "SELECT uid, resource_version, state FROM states WHERE source = ? AND namespace = ? AND name = ?",
            (observed.source, observed.namespace, observed.name),
        )
        if row is not None and row[0] != observed.uid and observed.source == "pods":
            observed, row = _of_mirror(observed, reduced, row)
        if row is not None and row[0] == observed.uid:
            # Watch lines come in order, so an older one is of before a list; lists show what a server has, which may go back.
            if row[2] == reduced or (not observed.listing and versions.order(observed.version) < versions.order(row[1])):
                return Compared("unchanged")
            return self._change(observed, row[2], reduced, evidence)
        if reduced == GONE:
            return Compared("filtered")
        if row is None:
            return self._change(observed, None, reduced, evidence)
        # Another object of that name: the stored one is gone.
        old = self._change(observed._replace(uid=row[0], version=row[1]), row[2], GONE)
        new = self._change(observed, None, reduced, evidence)
        return Compared(max(old.outcome, new.outcome, key=OUTCOMES.index), old.recorded + new.recorded)

    def _change(self, observed: Observed, before: bytes | None, after: bytes, evidence: bytes = b"") -> Compared:
        """Stores the state of an object (of one uid) and records the changes. `before` is None if it was not stored."""
        previous = stored.state(observed.source, before) if before is not None else None
        current = decode(observed.source, after) if after != GONE else None
        if observed.source == "pods" and current is not None:
            self._mirrors.pod_found(observed.namespace, observed.name, observed.uid, current)
        place = (observed.source, observed.namespace, observed.name)
        ongoing_before, ongoing = (detect.ongoing(observed.source, each) for each in (previous, current))
        if ongoing_before:
            observed = observed._replace(ongoing=self._ongoing.of(*place))
        if previous is not None:
            observed = self._dated(observed, previous, current, changes.decode(evidence))
        elif current is not None and observed.source in detect.EXISTENCE:
            observed = self._new(observed, changes.decode(evidence))
        if current is None:
            self._execute("DELETE FROM states WHERE source = ? AND namespace = ? AND name = ?", place)
        else:
            self._execute(
                "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*place, observed.uid, observed.version, after, observed.now_ms),
            )
        found = detect.compare(observed, previous, current, self._times.lives)
        recorded = [self._recorder.record(observed.source, each) for each in found]
        if observed.source in detect.WAITS:
            self._waiting.changed(observed, previous, current)
        if ongoing_before or ongoing:
            self._update_ongoing(observed, ongoing_before, ongoing, current)
        self._update_related(observed, previous, current)
        return Compared(max((each.outcome for each in recorded), key=OUTCOMES.index, default="filtered"), recorded)

    def _dated(self, observed: Observed, previous: Any, current: Any, evidence: changes.Evidence) -> Observed:
        """Adds what is known about the time and the author of a change."""
        check = self._checks.get(observed.source, NO_CHECK)
        replayed = not observed.listing and versions.order(observed.version) <= versions.order(check.version)
        window = Window(
            noticed_ms=observed.now_ms,
            unchanged_ms=min(self._confirmed_ms(observed.source), observed.now_ms),
            live=not (observed.listing or replayed),
            one_write=not observed.listing,
            writes=_writes(previous, current),
            untimed=_untimed(previous, current, evidence.writers),
            ahead_ms=check.ahead_ms,
        )
        observed = observed._replace(change=window, writers=evidence.writers, deleted_ms=evidence.deleted_ms)
        if window.live or observed.source != DEPLOYMENTS or current is None:
            return observed
        scaled = self._evidence.scaled_ms(observed, previous.replicas, current.replicas, window.unchanged_ms)
        return observed._replace(scaled_ms=scaled, replicasets_ms=self._evidence.replicasets_ms(observed, window))

    def _new(self, observed: Observed, evidence: changes.Evidence) -> Observed:
        """Adds what is known about the creation. What is older than the record is a baseline, although it was not stored.

        It was there when the record began, but could not be read.
        """
        began_ms = self._since_ms(observed.source) + self._checks.get(observed.source, NO_CHECK).ahead_ms - TOLERANCE_MS
        whole = observed.whole and (not evidence.created_ms or evidence.created_ms >= began_ms)
        return observed._replace(whole=whole, created_ms=evidence.created_ms, writers=evidence.writers)

    def _update_ongoing(self, observed: Observed, before: dict[int, int], now: dict[int, int], current: Any) -> None:
        """Begins and ends ongoing problems. If nobody saw the end, it is the last time at which the problem was confirmed."""
        for key in before.keys() - now.keys():
            end_ms = detect.ended_ms(observed.source, current, key)
            if not end_ms:
                end_ms = self._confirmed_ms(observed.source) if observed.listing else observed.now_ms
            self._ongoing.end(observed.source, observed.namespace, observed.name, key, end_ms, observed.now_ms)
        for key in now.keys() - before.keys():
            self._ongoing.begin(observed, key, now[key])

    def _update_related(self, observed: Observed, previous: Any, current: Any) -> None:
        """Updates what a state says about other objects: owners, services, and events about claims and autoscalers."""
        if observed.source == "pods" and current is None and previous is not None:
            self._mirrors.pod_gone(previous, observed.now_ms)
        if observed.source in WORKLOADS and _wants_some(previous) and not _wants_some(current):
            self._services.unwanted(observed.namespace, observed.now_ms)
        if observed.source in OWNED:
            owner = previous.owner if previous is not None else None
            if current is None and owner is not None:
                self._owners.object_gone(observed.uid, owner, observed.now_ms)
            elif current is not None and current.owner is not None and current.owner != owner:
                self._owners.owner_found(observed.source, observed.namespace, observed.name, observed.uid, current.owner)
        elif observed.source == SLICES:
            self._services.changed(observed, previous, current)
        elif observed.source == SERVICES and current is None:
            self._services.gone(observed.namespace, observed.name, observed.now_ms)
            end_ms = 0 if observed.listing else observed.now_ms
            for key in self._ongoing.of(observed.source, observed.namespace, observed.name):
                self._ongoing.end(observed.source, observed.namespace, observed.name, key, end_ms, observed.now_ms)
        elif current is not None:
            self._enrichment.state_changed(observed, current)

    def _confirmed_ms(self, source: str) -> int:
        row = one(self._connection, "SELECT proved_until_ms FROM sources WHERE source = ?", (source,))
        return int(row[0] or 0) if row is not None else 0

    def _since_ms(self, source: str) -> int:
        row = one(self._connection, "SELECT covered_from_ms FROM sources WHERE source = ?", (source,))
        return int(row[0] or 0) if row is not None else 0


def _of_mirror(observed: Observed, reduced: bytes, row: tuple[Any, ...]) -> tuple[Observed, tuple[Any, ...]]:
    """A pod and the stored row of its name, with one uid if both are of one mirror pod.

    The line that says that it is gone has the API server's uid, and so has what an older release stored.
    """
    if reduced == GONE:
        is_same = stored.state(observed.source, row[2]).mirror_uid == observed.uid
        return (observed._replace(uid=row[0]) if is_same else observed), row
    is_same = decode(observed.source, reduced).mirror_uid == row[0]
    return observed, ((observed.uid, *row[1:]) if is_same else row)


def _wants_some(workload: Any) -> bool:
    """Whether a workload is there, is to stay, and wants a pod."""
    return workload is not None and workload.replicas > 0 and not workload.deleting_since_ms


def _writes(previous: Any, current: Any) -> int:
    """How often the spec was written between two states, by metadata.generation; 0 if that is unknown."""
    before, after = getattr(previous, "generation", 0), getattr(current, "generation", 0)
    return max(0, after - before) if before and after else 0


def _untimed(previous: Any, current: Any, writers: list[changes.Writer]) -> int:
    """How many writes have no time in managedFields, at the least: one if the number of replicas was changed by such."""
    scaled = getattr(previous, "replicas", 0) != getattr(current, "replicas", 0)
    return int(scaled and any(not one.time_ms and REPLICAS in one.paths for one in writers))
