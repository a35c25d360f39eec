"""Keeps one watch going, in three nested loops: for ever; one list and the watches after it; one watch.

It keeps no state of the cluster. The version to go on from is in the frames, and with them in the database. The idea is that of
client-go's Reflector (tools/cache/reflector.go).
"""

import contextlib
import random
import threading
from collections.abc import Callable, Iterator
from typing import Protocol

from kube9_operator import logs
from kube9_operator.backoff import Backoff
from kube9_operator.clock import SYSTEM, Clock
from kube9_operator.model import versions
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import (
    Absent,
    Confirmed,
    Control,
    EventTtlLearned,
    ListBegins,
    ListEnds,
    ListReason,
    ServerTime,
    Unavailable,
)
from kube9_operator.model.tally import RECORDED, Tally
from kube9_operator.supervise.messages import Problem, Ready
from kube9_operator.watch import answers
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.errors import (
    AnotherCluster,
    ApiError,
    BrokenAnswer,
    Dropped,
    EmptyWatch,
    Expired,
    NotInstalled,
    Unexpected,
    UnexpectedAgain,
    WentBack,
)
from kube9_operator.watch.event_ttl import Estimate, EventTtl
from kube9_operator.watch.kind import Kind
from kube9_operator.watch.list_decoding import ListMeta
from kube9_operator.watch.lister import Reads
from kube9_operator.watch.outbox import Stopped
from kube9_operator.watch.pager import Page
from kube9_operator.watch.problem import WatchProblem
from kube9_operator.watch.unreadable import UnreadableObjects


class Lister(Protocol):
    """What a reflector asks of the API server: see watch/lister.py. All requests raise ApiError."""

    @property
    def server_ms(self) -> int:
        """The time of the last answer by the server's clock."""

    def locate(self) -> None:
        """Finds where the objects are. Raises NotInstalled if the server does not have such objects."""

    def cluster(self) -> str:
        """Which cluster the server belongs to."""

    def pages(self) -> Iterator[Page]:
        """A list, page by page."""

    def full_list(self) -> Iterator[Page]:
        """A list in one answer."""

    def newest(self) -> ListMeta:
        """At which version the server is."""

    def watch(self, version: str, seconds: int, silent_seconds: float, total_seconds: float) -> Reads:
        """A watch from a version."""

    def namespace_remains(self, namespace: str) -> bool:
        """Whether a namespace exists and is not being deleted."""

    def server_now_ms(self) -> int:
        """The present time by the server's clock."""

    def reload_credentials(self) -> None:
        """Has credentials read again."""

    def interrupt(self) -> None:
        """Ends a read that waits."""

    def close(self) -> None:
        """Closes the connections."""


class Sink(Protocol):
    """Where a reflector puts what it reads: see watch/outbox.py."""

    waits: bool
    dropped: int
    on_room: Callable[[], None]

    def put(self, batch: Batch, confirmed_ms: int = 0, patient: bool = True) -> None:
        """Takes what one read gave."""

    def send(self, control: Control, patient: bool = True) -> None:
        """Takes what the watch says about itself."""


class Reflector:
    """The watch of one source. It goes on from the version that is recorded, or lists first."""

    def __init__(
        self,
        kind: Kind,
        ready: Ready,
        lister: Lister,
        sink: Sink,
        stop: threading.Event,
        deadlines: Deadlines,
        tally: Tally,
        backoff: Backoff,
        event_ttl_ms: int = 0,
        clock: Clock = SYSTEM,
        log: logs.Logger | None = None,
    ) -> None:
        """`event_ttl_ms` is the Event TTL of the setting; 0 for the one that `ready` has."""
        self._kind = kind
        self._version = ready.versions.get(kind.source, "")
        self._cluster = ready.cluster
        self._lister = lister
        self._sink = sink
        self._stop = stop
        self._deadlines = deadlines
        self._tally = tally
        self._backoff = backoff
        self._clock = clock
        self._log = (log or logs.get()).bind(source=kind.source)
        self._ttl = EventTtl(Estimate(event_ttl_ms or ready.event_ttl_ms, ready.event_ttl_ms), lister, clock)
        self._reason: ListReason = ""
        """Why the next list is needed."""
        self._full_list = False
        """The next list comes in one answer."""
        self._bookmarked = False
        """The last watch has received a bookmark."""
        self._checked_version = ""
        """The server's version at the last freshness check."""
        self._caught_up = False
        """The watch has delivered everything that was there at that check."""
        self._shown_ms = 0
        """When the last list began to arrive."""
        self.failures = 0
        """Requests and watches that failed."""
        self._room_again = threading.Event()
        """Something was dropped, and now there is room: it is time to list again."""
        self._active_at = clock.monotonic()
        self._problem = WatchProblem(self._log, kind.source, clock)
        self.unreadable = UnreadableObjects(self._log, clock.monotonic)
        self._absent = False
        """The API server does not have this custom resource."""
        self._failed_at: str | None = None
        """The version from which the last unexpected failure happened."""
        sink.on_room = self._list_when_possible

    def run(self) -> None:
        """Runs until the process is to end. Whatever goes wrong with the API server is handled here."""
        self._log.info("watch.started", version=self._version or "none, so a list comes first")
        while not self._stop.is_set():
            try:
                self._run_until_an_error()
            except Stopped:
                break
        self._lister.close()

    def _run_until_an_error(self) -> None:
        began = self._active_at = self._clock.monotonic()
        try:
            self._list_and_watch()
        except NotInstalled:
            self._wait_until_installed()
        except ApiError as error:
            if self._absent and error.status == answers.BUSY:
                # The server makes the storage of a resource that was just installed.
                self._stop.wait(max(error.retry_after, self._deadlines.retry_first))
            elif not self._stop.is_set():
                dropped = Dropped(f"{self._sink.dropped} dropped so far")
                self._answer(dropped if self._room_again.is_set() else error, self._clock.monotonic() - began)
        except Stopped:
            raise
        except Exception as error:
            # It would end the thread, and with it all watches. If it happens again from the same version, a list skips it.
            again, self._failed_at = self._failed_at == self._version, self._version
            self._log.error("watch.crashed", error=logs.one_line(error), again=again)
            self._log.debug("watch.crashed.traceback", exc_info=True)
            failed = UnexpectedAgain if again else Unexpected
            self._answer(failed(logs.one_line(error)), self._clock.monotonic() - began)

    def _wait_until_installed(self) -> None:
        """Notes that there is no object, because a custom resource is absent, and waits a moment. That is no problem."""
        if not self._absent:
            say = self._log.info if self._version else self._log.debug
            say("watch.not_installed")
        self._absent, self._version, self._reason = True, "", "installed"
        self._problem.over()
        self._backoff.reset()
        self._sink.send(Absent(self._clock.now_ms()))
        self._stop.wait(self._deadlines.absent_retry)

    def problem(self) -> str:
        """Returns what is wrong at the moment; '' if nothing is. May be called from another thread."""
        return self._problem.why

    def problems(self) -> dict[str, Problem | None]:
        """Returns what the supervisor is to log: see WatchProblem.reported. May be called from another thread."""
        return self._problem.reported()

    def idle_seconds(self) -> float:
        """Returns how long ago the watch last did anything. Waiting for the writer counts as doing something.

        May be called from another thread.
        """
        return 0.0 if self._sink.waits else self._clock.monotonic() - self._active_at

    def interrupt(self) -> None:
        """Ends a read that waits for the API server; called from another thread when the process is to end."""
        self._lister.interrupt()

    def _list_when_possible(self) -> None:
        """There is room again after something was dropped; called by the sink."""
        self._room_again.set()
        self._lister.interrupt()

    def _list_and_watch(self) -> None:
        """Lists if there is no version to go on from, then watches from version to version."""
        if not self._version:
            self._list()
        while not self._stop.is_set():
            self._active_at = self._clock.monotonic()
            self._check_freshness()
            self._watch()
            self._backoff.reset()

    def _list(self) -> None:
        """Makes one complete list. It is ordered by name, so only its end has a version to go on from."""
        self._room_again.clear()
        self._lister.locate()
        began_ms, cluster = self._clock.now_ms(), self._lister.cluster()
        meta, listed = self._list_once(cluster)
        if not listed and self._kind.of_states:
            # An empty list would mean that all objects are gone, and servers have sent one by mistake.
            self._stop.wait(self._deadlines.empty_list)
            began_ms = self._clock.now_ms()
            meta, listed = self._list_once(cluster)
        if not meta.resource_version:
            raise BrokenAnswer("a list without a resourceVersion")
        self._sink.send(ListEnds(meta.resource_version, began_ms, self._shown_ms, self._reason, cluster))
        if not self._reason or self._absent:
            self._problem.over()  # after any other list, only a watch that works ends the problem
        self._version, self._cluster, self._reason = meta.resource_version, cluster or self._cluster, ""
        self._absent = False
        self._log.info("watch.listed", version=self._version, objects=listed)

    def _list_once(self, cluster: str) -> tuple[ListMeta, int]:
        """Puts a list into the sink, all but its end. Returns its metadata and how many objects it has."""
        self._sink.send(ListBegins(cluster))
        full, self._full_list = self._full_list, False
        meta, listed, first = ListMeta(), 0, True
        try:
            for page in self._lister.full_list() if full else self._lister.pages():
                version = page.meta.resource_version
                if page.token and version != meta.resource_version and self._kind.of_states:
                    raise BrokenAnswer(f"the pages of a list are of versions {meta.resource_version} and {version}")
                self._active_at = self._clock.monotonic()
                if first:
                    self._shown_ms, first = self._clock.now_ms(), False
                meta, listed = page.meta, listed + page.batch.counts.received
                self._count(page.batch)
                self._sink.put(page.batch)
                self._handed_over(page.batch, page.began)
        except Expired:
            # The continue token expires sooner than the next page is requested: the next list comes in one answer.
            self._full_list = bool(meta.continue_)
            raise
        return meta, listed

    def _check_freshness(self) -> None:
        """Raises ApiError if this is another server than the one that gave the version, or an older state of it: a watch
        would wait in silence.
        """
        self._lister.locate()
        cluster = self._lister.cluster()
        if cluster and self._cluster and cluster != self._cluster:
            raise AnotherCluster(f"the uid of kube-system is {cluster}, it was {self._cluster}")
        meta = self._lister.newest()
        if versions.order(meta.resource_version) < versions.order(self._version):
            raise WentBack(f"the server is at {meta.resource_version}, the record at {self._version}")
        self._checked_version, self._caught_up = meta.resource_version, False
        if self._lister.server_ms:
            self._sink.send(ServerTime(self._lister.server_ms, meta.resource_version, self._clock.now_ms()))

    def _watch(self) -> None:
        """Runs one watch until it ends. Each read is sent with the version of its last line. A clean end confirms it."""
        began, reads = self._clock.monotonic(), self._begin_watch()
        self._problem.accepted()
        received, versioned = 0, False
        with contextlib.closing(reads):
            for batch, read_at in reads:
                received += batch.lines
                versioned = versioned or bool(batch.version)
                self._bookmarked = self._bookmarked or batch.bookmarks > 0
                self._count(batch)
                self._deliver(batch, read_at)
                if self._stop.is_set():
                    raise Stopped
                if self._room_again.is_set():
                    break
        if self._room_again.is_set():
            raise Dropped
        if self._stop.is_set():
            raise Stopped
        if not versioned:
            if received:
                raise BrokenAnswer(f"none of {received} lines of the watch has a resourceVersion")
            if self._clock.monotonic() - began < self._deadlines.empty_watch:
                raise EmptyWatch("the watch ended at once without a line")
        self._sink.send(Confirmed(self._clock.now_ms()))
        self._problem.over()

    def _begin_watch(self) -> Reads:
        """Begins a watch from the version. It may take long if the last one had bookmarks: they confirm it in between."""
        times = self._deadlines
        least, most, silent = times.watch_least, times.watch_most, times.watch_most + times.watch_silence
        if self._bookmarked:
            least, most, silent = times.bookmarked_least, times.bookmarked_most, times.bookmark
        self._bookmarked = False
        seconds = random.randint(least, most)
        total = seconds + times.watch_silence
        return self._lister.watch(self._version, seconds, min(silent, total), total)

    def _count(self, batch: Batch) -> None:
        """Counts a read for /metrics, and reports what could not be decoded."""
        self.unreadable.saw(batch.unreadable)
        for type_, number in batch.types.items():
            self._tally.add("kube9_events_received_total", type_, number=number)

    def _handed_over(self, batch: Batch, began: float) -> None:
        """Observes for /metrics how long Events took from being read, at `began`, into the sink."""
        if batch.counts.received and not self._kind.of_states:
            self._tally.observe(RECORDED, self._clock.monotonic() - began)

    def _deliver(self, batch: Batch, read_at: float) -> None:
        if batch.lines:
            self._active_at = self._clock.monotonic()
            # Lines without a version confirm nothing: anything between here and the server may have sent them. Nor do lines
            # from before the freshness check: more of these may follow. A bookmark follows all of them.
            newer = versions.order(batch.version) > versions.order(self._checked_version)
            self._caught_up = self._caught_up or newer or batch.bookmarks > 0
            confirmed_ms = self._clock.now_ms() if batch.version and self._caught_up else 0
            if ttl_ms := self._learn_ttl(batch):
                self._sink.send(EventTtlLearned(ttl_ms), patient=self._kind.of_states)
            # States wait as long as it takes: a list recovers what the server forgets meanwhile.
            self._sink.put(batch, confirmed_ms, patient=self._kind.of_states)
            self._handed_over(batch, read_at)
            if batch.version:
                self._version = batch.version
                self._problem.over()

    def _learn_ttl(self, batch: Batch) -> int:
        """Returns the Event TTL in ms if Events that disappeared show another one than before, otherwise 0."""
        ttl_ms = self._ttl.learn(batch.gone)
        if ttl_ms:
            self._log.warning("event_ttl.changed", seconds=ttl_ms // 1000)
        return ttl_ms

    def _answer(self, error: ApiError, lived_seconds: float) -> None:
        """Does after a failure what the table of answers says, and waits."""
        self.failures += 1
        found = answers.meaning(error)
        self._problem.failed(found, error)
        if found.reload_credentials:
            self._lister.reload_credentials()
        if found.then == "list again":
            self._version = ""
            self._reason = found.reason if found.reason != "expired" else self._reason or "expired"
        if found.then == "wait long":
            self._sink.send(Unavailable(found.why))
        if lived_seconds > self._deadlines.retry_reset:
            self._backoff.reset()
        jittered = self._backoff.next()
        seconds = self._deadlines.denied_retry if found.then == "wait long" else jittered
        self._stop.wait(max(seconds, min(error.retry_after, self._deadlines.retry_most)))
