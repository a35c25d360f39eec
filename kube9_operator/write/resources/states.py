"""The states of resources: keeps them, and finds what has changed, in the transaction in which that is recorded.

Owns the tables states and baselines.
"""

from array import array
from collections.abc import Callable
from typing import Any, NamedTuple

from kube9_operator.model import changes
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import ServerTime
from kube9_operator.model.observation import Observation, hash64
from kube9_operator.model.resource_states import GONE, OF_SOURCE, UNREADABLE, State, decode
from kube9_operator.settings import Settings
from kube9_operator.write.events import stored
from kube9_operator.write.events.store import Store
from kube9_operator.write.events.updates import Amend
from kube9_operator.write.resources import detect
from kube9_operator.write.resources.detect.dating import Window
from kube9_operator.write.resources.detect.observed import Lives, Seen
from kube9_operator.write.resources.enrichment import Described
from kube9_operator.write.resources.evidence import Evidence
from kube9_operator.write.resources.ongoing import Lasting
from kube9_operator.write.resources.owners import OWNED, Owners
from kube9_operator.write.resources.services import SERVICES, SLICES, Services
from kube9_operator.write.sqlite.database import Connection, one

OUTCOMES = ("filtered", "unchanged", "updated", "stored", "refused")
"""What becomes of a state, from the least to the most that its events say: of several the most. A state that is new, or
changed, without an event is filtered; one that is as it was kept, or whose events were known, is unchanged.
"""
SOURCES = frozenset(OF_SOURCE)
DEPLOYMENTS = "deployments"
CLOCK_MS = 2_000
"""A server's clock that differs less may not differ at all: it tells whole seconds, and an answer takes its time."""
TRIM_MS = 60_000
DAY_MS = 86_400_000


class Times(NamedTuple):
    """What the comparison goes by; all in ms."""

    quiet_ms: int
    settle_ms: int
    """A loss of endpoints lasts for this long before it is told."""
    move_ms: int
    """What lasts is moved this often."""
    confirmation_ms: int
    """A source that nothing has vouched for in this time is not current: what it showed last may be over."""
    departed_ms: int
    """Events about what has gone may come for this long."""
    lives: Lives


def times(settings: Settings, deadlines: Deadlines) -> Times:
    """As they are set."""
    return Times(
        quiet_ms=settings.quiet_minutes * 60_000,
        settle_ms=int(deadlines.settle * 1000),
        move_ms=int(deadlines.lasting * 1000),
        confirmation_ms=int(deadlines.confirmation * 1000),
        departed_ms=2 * settings.event_ttl_seconds * 1000,
        lives=lives(settings),
    )


def lives(settings: Settings) -> Lives:
    """For how long events are kept."""
    return Lives(settings.info_warning_days * DAY_MS, settings.error_critical_days * DAY_MS)


class Check(NamedTuple):
    """What a freshness check of a source has shown."""

    version: str
    """The server's version: what a watch shows up to it happened before the check."""
    ahead_ms: int
    """How far the server's clock is ahead of ours; 0 for less than what delays may explain."""


NO_CHECK = Check("", 0)


class States:
    """Works in the transaction that the caller holds. What is in memory can be taken back: see `forget`."""

    def __init__(
        self,
        connection: Connection,
        store: Store,
        record: Callable[[str, Observation], str],
        times: Times,
    ) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._times = times
        self._record = record
        amend = Amend(connection, store.names)
        self.lasting = Lasting(connection, amend, times.quiet_ms, times.move_ms)
        self.services = Services(connection, self.lasting, record, times.settle_ms)
        self.owners = Owners(connection, store.names)
        self.described = Described(connection, amend)
        # Of each list under way what it has shown, as 64 bits of place and name: 8 bytes an object.
        self._shown: dict[str, array[int]] = {}
        self._shown_before: dict[str, tuple[array[int], int]] = {}
        self._slices_heard_ms = 0
        self._trimmed_ms = 0
        self._checks: dict[str, Check] = {}
        self._evidence = Evidence(connection)

    def begin(self) -> None:
        """To be called first in each transaction."""
        self._shown_before = {source: (shown, len(shown)) for source, shown in self._shown.items()}

    def forget(self) -> None:
        """To be called after a rollback."""
        self._shown = {source: shown for source, (shown, _) in self._shown_before.items()}
        for shown, length in self._shown_before.values():
            del shown[length:]

    def heard(self, source: str, now_ms: int) -> None:
        """Something has vouched for a source, in this generation."""
        if source == SLICES:
            self._slices_heard_ms = now_ms

    def checked(self, source: str, control: ServerTime) -> None:
        """Notes what a freshness check has shown. The next one replaces it, also after a rollback."""
        ahead_ms = control.server_ms - control.checked_ms if control.checked_ms else 0
        self._checks[source] = Check(control.version, ahead_ms if abs(ahead_ms) > CLOCK_MS else 0)

    def due(self, now_ms: int) -> bool:
        """Whether time alone gives `tick` something to do. Reads only."""
        return self.lasting.due(now_ms) or (self._slices_are_current(now_ms) and self.services.due(now_ms))

    def tick(self, now_ms: int) -> None:
        """What time alone brings about: a loss has lasted, what lasts goes on. To be called in each transaction."""
        if self.lasting.due(now_ms):
            self.lasting.move(now_ms)
        if self._slices_are_current(now_ms) and self.services.due(now_ms):
            self.services.settle(now_ms)
        if not 0 <= now_ms - self._trimmed_ms < TRIM_MS:
            self._trimmed_ms = now_ms
            self.owners.forget_departed(now_ms - self._times.departed_ms)
        self.owners.adopt()

    def _slices_are_current(self, now_ms: int) -> bool:
        return 0 <= now_ms - self._slices_heard_ms <= self._times.confirmation_ms

    def list_begins(self, source: str, cluster: str) -> None:
        """A complete list is to come. What is kept of another cluster is nothing to compare it with."""
        self._shown[source] = array("q")
        row = one(self._connection, "SELECT cluster FROM baselines WHERE source = ?", (source,))
        if row is not None and cluster and row[0] and row[0] != cluster:
            for table in ("baselines", "states", "lasting"):
                self._execute(f"DELETE FROM {table} WHERE source = ?", (source,))  # noqa: S608  (of three names)
            if source == SLICES:
                self.services.discard()

    def list_ends(self, source: str, cluster: str, now_ms: int) -> None:
        """The list was complete: what is kept and was not in it is gone, and what comes and is not kept is new."""
        shown = self._shown.pop(source, None)
        if shown is None:
            return
        there, whole = frozenset(shown), self.is_whole(source)
        gone = [
            row
            for row in self._execute("SELECT namespace, name, uid, resource_version FROM states WHERE source = ?", (source,))
            if hash64(row[0], row[1]) not in there
        ]
        for namespace, name, uid, version in gone:
            self._apply(Seen(source, namespace, name, uid, version, now_ms, whole, listing=True), GONE)
        self._execute(
            """INSERT INTO baselines VALUES (?, ?)
            ON CONFLICT DO UPDATE SET cluster = coalesce(nullif(excluded.cluster, ''), cluster)""",
            (source, cluster),
        )

    def is_whole(self, source: str) -> bool:
        """Whether all objects of a source are kept."""
        return one(self._connection, "SELECT 1 FROM baselines WHERE source = ?", (source,)) is not None

    def apply(self, source: str, state: State, now_ms: int, whole: bool) -> str | None:
        """What became of a state, one of OUTCOMES; None of one that is accounted for already.

        Raises one of database.REFUSED for what cannot be stored.
        """
        shown = self._shown.get(source)
        if shown is not None:
            shown.append(hash64(state.namespace, state.name))
        if state.reduced == UNREADABLE:
            return None
        return self._apply(
            Seen(source, state.namespace, state.name, state.uid, state.version, now_ms, whole, listing=shown is not None),
            state.reduced,
            state.evidence,
        )

    def _apply(self, seen: Seen, reduced: bytes, evidence: bytes = b"") -> str:
        row = one(
            self._connection,
            "SELECT uid, resource_version, state FROM states WHERE source = ? AND namespace = ? AND name = ?",
            (seen.source, seen.namespace, seen.name),
        )
        if row is not None and row[0] == seen.uid:
            # Watch lines come in order, so an older one is of before a list; lists show what a server has, which may go back.
            if row[2] == reduced or (not seen.listing and _order(seen.version) < _order(row[1])):
                return "unchanged"
            return self._changed(seen, row[2], reduced, evidence)
        if reduced == GONE:
            return "filtered"
        outcome = "filtered"
        if row is not None:  # another object of that name
            outcome = self._changed(seen._replace(uid=row[0], version=row[1]), row[2], GONE)
        return max(outcome, self._changed(seen, None, reduced, evidence), key=OUTCOMES.index)

    def _changed(self, seen: Seen, before: bytes | None, after: bytes, evidence: bytes = b"") -> str:
        """One object (of one uid) as it was kept, None where it was not, and as it is."""
        previous = stored.state(seen.source, before) if before is not None else None
        current = decode(seen.source, after) if after != GONE else None
        place = (seen.source, seen.namespace, seen.name)
        lasted, lasts = (detect.lasting(seen.source, one) for one in (previous, current))
        if lasted:
            seen = seen._replace(lasting=self.lasting.of(*place))
        if previous is not None:
            seen = self._dated(seen, previous, current, changes.decode(evidence))
        if current is None:
            self._execute("DELETE FROM states WHERE source = ? AND namespace = ? AND name = ?", place)
        else:
            self._execute(
                "INSERT OR REPLACE INTO states VALUES (?, ?, ?, ?, ?, ?, ?)",
                (*place, seen.uid, seen.version, after, seen.now_ms),
            )
        outcomes = [self._record(seen.source, one) for one in detect.compare(seen, previous, current, self._times.lives)]
        if lasted or lasts:
            self._goes_on(seen, lasted, lasts, current)
        self._relate(seen, previous, current)
        return max(outcomes, key=OUTCOMES.index, default="filtered")

    def _dated(self, seen: Seen, previous: Any, current: Any, evidence: changes.Evidence) -> Seen:
        """Adds what is known about the time and the author of a change."""
        check = self._checks.get(seen.source, NO_CHECK)
        replayed = not seen.listing and _order(seen.version) <= _order(check.version)
        window = Window(
            noticed_ms=seen.now_ms,
            unchanged_ms=min(self._confirmed_ms(seen.source), seen.now_ms),
            live=not (seen.listing or replayed),
            one_write=not seen.listing,
            writes=_writes(previous, current),
            ahead_ms=check.ahead_ms,
        )
        seen = seen._replace(change=window, writers=evidence.writers, deleted_ms=evidence.deleted_ms)
        if window.live or seen.source != DEPLOYMENTS or current is None:
            return seen
        scaled = self._evidence.scaled_ms(seen, previous.replicas, current.replicas, window.unchanged_ms)
        return seen._replace(scaled_ms=scaled, replicasets_ms=self._evidence.replicasets_ms(seen, window))

    def _goes_on(self, seen: Seen, lasted: dict[int, int], lasts: dict[int, int], current: Any) -> None:
        """What begins to last, and what is over: where nobody saw when, at the last time at which it was seen to last."""
        for key in lasted.keys() - lasts.keys():
            end_ms = detect.ended_ms(seen.source, current)
            if not end_ms:
                end_ms = self._confirmed_ms(seen.source) if seen.listing else seen.now_ms
            self.lasting.ends(seen.source, seen.namespace, seen.name, key, end_ms, seen.now_ms)
        for key in lasts.keys() - lasted.keys():
            self.lasting.begins(seen, key, lasts[key])

    def _relate(self, seen: Seen, previous: Any, current: Any) -> None:
        """What a state says of others: of owners, services, claims and autoscalers."""
        if seen.source in OWNED:
            owned = previous.owner if previous is not None else None
            if current is None and owned is not None:
                self.owners.departed(seen.uid, owned, seen.now_ms)
            elif current is not None and current.owner is not None and current.owner != owned:
                self.owners.learned(seen.source, seen.namespace, seen.name, seen.uid, current.owner)
        elif seen.source == SLICES:
            self.services.changed(seen, previous.service if previous else "", current.service if current else "")
        elif seen.source == SERVICES and current is None:
            self.services.gone(seen.namespace, seen.name)
            for key in self.lasting.of(seen.source, seen.namespace, seen.name):
                self.lasting.ends(seen.source, seen.namespace, seen.name, key, 0 if seen.listing else seen.now_ms, seen.now_ms)
        elif current is not None:
            self.described.learned(seen, current)

    def _confirmed_ms(self, source: str) -> int:
        row = one(self._connection, "SELECT proved_until_ms FROM sources WHERE source = ?", (source,))
        return int(row[0] or 0) if row is not None else 0


def _writes(previous: Any, current: Any) -> int:
    """How often what is asked for was written between two states, by metadata.generation; 0 if that is unknown."""
    before, after = getattr(previous, "generation", 0), getattr(current, "generation", 0)
    return max(0, after - before) if before and after else 0


def _order(version: str) -> tuple[int, str]:
    """Orders the versions of one resource as apimachinery's CompareResourceVersion does: decimal numbers of any length."""
    return len(version), version
