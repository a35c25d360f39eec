"""Keeps one watch going: three nested loops, each with its own failures. For ever; list and watch; one stream.

It keeps no state of the cluster. Where it goes on is in the frames, and with them in the database.
"""

import random
import threading
import time

from kube9_operator import logs
from kube9_operator.clock import now_ms
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import (
    Confirmed,
    EventTtlLearned,
    ListBegins,
    ListEnds,
    ListReason,
    ServerTime,
    Unavailable,
)
from kube9_operator.model.tally import RECORDED, Tally
from kube9_operator.supervise.child import Ready
from kube9_operator.watch import answers, cluster_identity, lines
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.client import Answer, ApiError, Client
from kube9_operator.watch.event_ttl import EventTtl
from kube9_operator.watch.items import ListMeta
from kube9_operator.watch.kind import Kind
from kube9_operator.watch.lifetime import Lifetime
from kube9_operator.watch.outbox import Outbox, Stopped
from kube9_operator.watch.pager import Pager
from kube9_operator.watch.trouble import Trouble
from kube9_operator.watch.unreadable import UnreadableObjects
from kube9_operator.watch.whole_list import WholeList


class Reflector:
    """The watch of one source: its list and watch requests, from where the record ends."""

    def __init__(
        self,
        kind: Kind,
        ready: Ready,
        client: Client,
        outbox: Outbox,
        stop: threading.Event,
        deadlines: Deadlines,
        tally: Tally,
        event_ttl_ms: int = 0,
    ) -> None:
        """`event_ttl_ms` is the Event TTL by the setting; 0 where it is the one that `ready` says."""
        self._kind = kind
        self._version = ready.versions.get(kind.source, "")
        self._cluster = ready.cluster
        self._ttl = EventTtl(Lifetime(event_ttl_ms or ready.event_ttl_ms, ready.event_ttl_ms), client, deadlines)
        self._pager = Pager(kind, client, deadlines)
        self._reason: ListReason = ""
        self._take_whole = False
        self._bookmarked = False
        self._checked_version = ""
        """The server's version at the last freshness check."""
        self._caught_up = False
        """Whether the watch has delivered everything that was there at that check."""
        self._shown_ms = 0
        self._client = client
        self._outbox = outbox
        self._stop = stop
        self._deadlines = deadlines
        self._tally = tally
        self.failures = 0
        """Requests and streams that failed."""
        self._wait = deadlines.retry_first
        self._heal = threading.Event()
        self._turned = time.monotonic()
        outbox.on_room = self._list_when_possible
        self._log = logs.get().bind(source=kind.source)
        self._trouble = Trouble(self._log, kind.source)
        self.problems = self._trouble.problems
        self.unreadable = UnreadableObjects(self._log)
        self._failed_at: str | None = None
        """The version from which something unexpected happened last."""

    def run(self) -> None:
        """For ever, until the process is to end: whatever goes wrong with the API server is answered here."""
        self._log.info("watch.begins", version=self._version or "none: it is listed first")
        while not self._stop.is_set():
            try:
                self._live_until_an_error()
            except Stopped:
                break
        self._client.close()

    def _live_until_an_error(self) -> None:
        began = self._turned = time.monotonic()
        try:
            self._list_and_watch()
        except ApiError as error:
            if not self._stop.is_set():
                given_up = ApiError(answers.DROPPED, f"{self._outbox.dropped} given up so far")
                self._answer(given_up if self._heal.is_set() else error, time.monotonic() - began)
        except Stopped:
            raise
        except Exception as error:
            # The thread would end of it again, and with it all watches: what fails twice is passed over by a list.
            twice, self._failed_at = self._failed_at == self._version, self._version
            self._log.error("watch.failed", error=logs.one_line(error), again=twice)
            self._log.debug("watch.failed.traceback", exc_info=True)
            status = answers.FAILED_TWICE if twice else answers.FAILED
            self._answer(ApiError(status, logs.one_line(error)), time.monotonic() - began)

    def trouble(self) -> str:
        """What is wrong at the moment, '' where nothing is; may be called from another thread."""
        return self._trouble.why

    def still_seconds(self) -> float:
        """How long ago the watch last did anything but wait for the writer; may be called from another thread."""
        return 0.0 if self._outbox.waits else time.monotonic() - self._turned

    def interrupt(self) -> None:
        """Ends a read that waits for the API server; called from another thread when the process is to end."""
        self._client.interrupt()

    def _list_when_possible(self) -> None:
        """There is room again after something was given up; called by the outbox."""
        self._heal.set()
        self._client.interrupt()

    def _list_and_watch(self) -> None:
        """A list where there is no version to go on from, then streams from version to version."""
        if not self._version:
            self._list()
        while not self._stop.is_set():
            self._turned = time.monotonic()
            self._look()
            self._stream()
            self._wait = self._deadlines.retry_first

    def _list(self) -> None:
        """One complete list, page by page; its order is by name, so only its end carries a version."""
        self._heal.clear()
        began_ms, cluster = now_ms(), cluster_identity.cluster_uid(self._client, self._deadlines)
        meta, listed = self._listed_once(cluster)
        if not listed and self._kind.of_states:
            # It would say that every object is gone, and servers have been known to say so by mistake.
            self._stop.wait(self._deadlines.empty_list)
            began_ms = now_ms()
            meta, listed = self._listed_once(cluster)
        if not meta.resource_version:
            raise ApiError(0, "a list without a resourceVersion")
        self._outbox.send(ListEnds(meta.resource_version, began_ms, self._shown_ms, self._reason, cluster))
        if not self._reason:
            self._trouble.over()  # otherwise a watch that goes on is the end of it
        self._version, self._cluster, self._reason = meta.resource_version, cluster or self._cluster, ""
        self._log.info("watch.listed", version=self._version, objects=listed)

    def _listed_once(self, cluster: str) -> tuple[ListMeta, int]:
        """Takes a list to the outbox, all but its end; returns its metadata and of how many objects it is."""
        self._outbox.send(ListBegins(cluster))
        return self._whole() if self._take_whole else self._pages()

    def _pages(self) -> tuple[ListMeta, int]:
        """A list page by page. Where a continue token expires, the next one is taken as a stream."""
        meta, listed = ListMeta(), 0
        try:
            for page in self._pager.pages():
                version = page.meta.resource_version
                if page.token and version != meta.resource_version and self._kind.of_states:
                    raise ApiError(0, f"the pages of a list are of versions {meta.resource_version} and {version}")
                self._turned = time.monotonic()
                self._shown_ms = self._shown_ms if page.token else now_ms()
                meta, listed = page.meta, listed + page.batch.counts.received
                self._count(page.batch)
                self._outbox.put(page.batch)
                self._handed_over(page.batch, page.began)
        except ApiError as error:
            self._take_whole = error.status == 410 and bool(meta.continue_)
            raise
        return meta, listed

    def _whole(self) -> tuple[ListMeta, int]:
        """A list in one answer, which has no tokens that expire, and is never held whole."""
        self._take_whole = False
        reading, self._shown_ms, listed = WholeList(self._kind), 0, 0
        answer = self._client.get(self._kind.path, [], self._deadlines.read, accept=self._kind.accept(watch=False))
        for chunk in answer.chunks():
            self._turned = time.monotonic()
            self._shown_ms = self._shown_ms or now_ms()
            began = time.monotonic()
            batch = reading.feed(chunk, self._client.server_now_ms())
            self._count(batch)
            listed += batch.counts.received
            self._outbox.put(batch)
            self._handed_over(batch, began)
        return reading.end(), listed

    def _look(self) -> None:
        """Raises ApiError where the server is not, or no longer, the one that gave the version: a watch would not say so."""
        cluster = cluster_identity.cluster_uid(self._client, self._deadlines)
        if cluster and self._cluster and cluster != self._cluster:
            raise ApiError(answers.ANOTHER_CLUSTER, f"the uid of kube-system is {cluster}, it was {self._cluster}")
        meta = self._pager.look()
        if _order(meta.resource_version) < _order(self._version):
            raise ApiError(answers.BEHIND, f"the server is at {meta.resource_version}, the record at {self._version}")
        if self._client.server_ms:
            self._outbox.send(ServerTime(self._client.server_ms, meta.resource_version, now_ms()))
        self._checked_version, self._caught_up = meta.resource_version, False

    def _stream(self) -> None:
        """One watch until it ends. Each read is a frame with the version of its last line; a clean end is a proof."""
        began, answer = time.monotonic(), self._watch()
        self._trouble.accepted()
        stream, received, versioned = lines.Stream(self._kind), 0, False
        for chunk in answer.chunks():
            read = time.monotonic()
            try:
                batch = stream.feed(chunk, self._client.server_now_ms())
            except lines.ErrorLine as line:
                self._count(line.batch)
                self._deliver(line.batch, read)
                raise line.error from None
            received += batch.lines
            versioned = versioned or bool(batch.version)
            self._count(batch)
            self._bookmarked = self._bookmarked or batch.bookmarks > 0
            self._deliver(batch, read)
            if self._stop.is_set():
                raise Stopped
            if self._heal.is_set():
                break
        if self._heal.is_set():
            raise ApiError(answers.DROPPED, "")
        if self._stop.is_set():
            raise Stopped
        if not versioned:
            if received:
                raise ApiError(0, f"none of {received} lines of the watch has a resourceVersion")
            if time.monotonic() - began < self._deadlines.empty_watch:
                raise ApiError(answers.EMPTY_WATCH, "the watch ended at once without a line")
        self._outbox.send(Confirmed(now_ms()))
        self._trouble.over()

    def _watch(self) -> Answer:
        """The answer to a watch from the version on. One that has had bookmarks may take long: they vouch for it."""
        times = self._deadlines
        least, most, silent = times.watch_least, times.watch_most, times.watch_most + times.watch_silence
        if self._bookmarked:
            least, most, silent = times.bookmarked_least, times.bookmarked_most, times.bookmark
        self._bookmarked = False
        seconds = random.randint(least, most)
        query = [
            ("watch", "1"),
            ("resourceVersion", self._version),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", str(seconds)),
        ]
        in_all = seconds + times.watch_silence
        accept = self._kind.accept(watch=True)
        return self._client.get(self._kind.path, query, min(silent, in_all), in_all, long=True, accept=accept)

    def _count(self, batch: Batch) -> None:
        """Counts a read for /metrics; names what could not be decoded."""
        self.unreadable.saw(batch.unreadable)
        for type_, number in batch.types.items():
            self._tally.add("kube9_events_received_total", type_, number=number)

    def _handed_over(self, batch: Batch, began: float) -> None:
        """Times for /metrics how long Events took from being read, at `began`, to the outbox."""
        if batch.counts.received and not self._kind.of_states:
            self._tally.observe(RECORDED, time.monotonic() - began)

    def _deliver(self, batch: Batch, began: float) -> None:
        if batch.lines:
            self._turned = time.monotonic()
            # Lines without a version prove nothing: they may be anything that somebody between sends. Nor do lines of before
            # the freshness check: more of these may follow. A bookmark follows all of them.
            newer = _order(batch.version) > _order(self._checked_version)
            self._caught_up = self._caught_up or newer or batch.bookmarks > 0
            confirmed_ms = now_ms() if batch.version and self._caught_up else 0
            if ttl_ms := self._other_ttl(batch):
                self._outbox.send(EventTtlLearned(ttl_ms), patient=self._kind.of_states)
            # States wait as long as it takes: what the server forgets meanwhile, a list says.
            self._outbox.put(batch, confirmed_ms, patient=self._kind.of_states)
            self._handed_over(batch, began)
            if batch.version:
                self._version = batch.version
                self._trouble.over()

    def _other_ttl(self, batch: Batch) -> int:
        """The Event TTL, where Events that went show that it is not the one that was known; otherwise 0."""
        ttl_ms = self._ttl.learn(batch.gone)
        if ttl_ms:
            self._log.warning("event_ttl.changed", seconds=ttl_ms // 1000)
        return ttl_ms

    def _answer(self, error: ApiError, lived_seconds: float) -> None:
        """Acts on a failed request or stream as the table of answers says, and waits."""
        self.failures += 1
        found = answers.meaning(error)
        self._trouble.begins(found, error)
        if found.reload_credentials:
            self._client.reload_credentials()
        if found.then == "list again":
            self._version = ""
            self._reason = found.reason if found.reason != "expired" else self._reason or "expired"
        if found.then == "wait long":
            self._outbox.send(Unavailable(found.why))
        if lived_seconds > self._deadlines.retry_reset:
            self._wait = self._deadlines.retry_first
        jittered = self._wait * random.uniform(0.5, 1.0)
        self._wait = min(self._wait * 2, self._deadlines.retry_most)
        seconds = self._deadlines.denied_retry if found.then == "wait long" else jittered
        self._stop.wait(max(seconds, min(error.retry_after, self._deadlines.retry_most)))


def _order(version: str) -> tuple[int, str]:
    """Orders the versions of one resource as apimachinery's CompareResourceVersion does: decimal numbers of any length."""
    return len(version), version
