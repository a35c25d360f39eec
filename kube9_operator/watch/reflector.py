"""Keeps one watch going: three nested loops, each with its own failures. For ever; list and watch; one stream.

It keeps no state of the cluster. Where it goes on is in the frames, and with them in the database.
"""

import random
import threading
import time

from kube9_operator import logs
from kube9_operator.child import Ready
from kube9_operator.clock import now_ms
from kube9_operator.deadlines import Deadlines
from kube9_operator.frame import Counts, Hole, News
from kube9_operator.tally import PROCESSING, Tally
from kube9_operator.watch import answers, lines
from kube9_operator.watch.client import TOO_LARGE, ApiError, Client
from kube9_operator.watch.lifetime import Lifetime
from kube9_operator.watch.outbox import Outbox, Stopped
from kube9_operator.watch.whole_list import WholeList

PAGE_LIMIT = 500
"""Items in a page of a list: client-go's default, some 500 KiB of Events."""
CLUSTER_PATH = "/api/v1/namespaces/kube-system"
"""Its uid is what all take for the identity of a cluster."""


class Reflector:
    """The watch of one source: its list and watch requests, from where the record ends."""

    def __init__(
        self,
        source: str,
        path: str,
        ready: Ready,
        client: Client,
        outbox: Outbox,
        stop: threading.Event,
        deadlines: Deadlines,
        tally: Tally,
    ) -> None:
        self._path = path
        self._version = ready.versions.get(source, "")
        self._cluster = ready.cluster
        self._life = Lifetime(ready.event_life_ms)
        self._hole: Hole = ""
        self._take_whole = False
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
        self._log = logs.get().bind(source=source)
        self._trouble = Trouble(self._log)

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

    def trouble(self) -> str:
        """What is wrong at the moment, '' where nothing is; may be called from another thread."""
        return self._trouble.why

    def still_seconds(self) -> float:
        """How long ago the watch last did anything; may be called from another thread."""
        return time.monotonic() - self._turned

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
        began_ms, cluster = now_ms(), self._cluster_uid()
        self._outbox.put([], Counts(), News(mark="list begins", cluster=cluster))
        meta = self._whole() if self._take_whole else self._pages()
        if not meta.resource_version:
            raise ApiError(0, "a list without a resourceVersion")
        self._outbox.put([], Counts(), News("list ends", meta.resource_version, began_ms, self._shown_ms, self._hole, cluster))
        if not self._hole:
            self._trouble.over()  # otherwise a watch that goes on is the end of it
        self._version, self._cluster, self._hole = meta.resource_version, cluster or self._cluster, ""
        self._log.info("watch.listed", version=self._version)

    def _pages(self) -> lines.ListMeta:
        """A list page by page. Where a page is too large, or a continue token expires, the next one is taken as a stream."""
        token: str | None = ""
        while token is not None:
            query = [("limit", str(PAGE_LIMIT))] + ([("continue", token)] if token else [])
            try:
                body = self._client.get(self._path, query, self._deadlines.read, self._deadlines.page).whole()
                began = time.monotonic()
                meta, batch = lines.page(body)
            except ApiError as error:
                self._take_whole = error.status == TOO_LARGE or (bool(token) and error.status == 410)
                raise
            self._turned = time.monotonic()
            self._shown_ms = self._shown_ms if token else now_ms()
            self._count(batch, began)
            self._outbox.put(batch.sightings, batch.counts, News())
            token = meta.continue_ or None
        return meta

    def _whole(self) -> lines.ListMeta:
        """A list in one answer, which has no tokens that expire, and is never held whole."""
        self._take_whole = False
        reading, self._shown_ms = WholeList(), 0
        for chunk in self._client.get(self._path, [], self._deadlines.read).chunks():
            self._turned = time.monotonic()
            self._shown_ms = self._shown_ms or now_ms()
            began = time.monotonic()
            batch = reading.feed(chunk)
            self._count(batch, began)
            self._outbox.put(batch.sightings, batch.counts, News())
        return reading.end()

    def _look(self) -> None:
        """Raises ApiError where the server is not, or no longer, the one that gave the version: a watch would not say so."""
        cluster = self._cluster_uid()
        if cluster and self._cluster and cluster != self._cluster:
            raise ApiError(answers.ANOTHER_CLUSTER, f"the uid of kube-system is {cluster}, it was {self._cluster}")
        meta, _ = lines.page(self._client.get(self._path, [("limit", "1")], self._deadlines.read, self._deadlines.page).whole())
        if _order(meta.resource_version) < _order(self._version):
            raise ApiError(answers.BEHIND, f"the server is at {meta.resource_version}, the record at {self._version}")
        self._outbox.put([], Counts(), News(server_ms=self._client.server_ms))

    def _cluster_uid(self) -> str:
        """Which cluster this is; '' where the server does not say."""
        try:
            return lines.uid(self._client.get(CLUSTER_PATH, [], self._deadlines.read, self._deadlines.page).whole())
        except ApiError as error:
            if error.status in (403, 404):
                return ""
            raise

    def _stream(self) -> None:
        """One watch until it ends. Each read is a frame with the version of its last line; a clean end is a proof."""
        seconds = random.randint(self._deadlines.watch_least, self._deadlines.watch_most)
        query = [
            ("watch", "1"),
            ("resourceVersion", self._version),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", str(seconds)),
        ]
        began, from_version = time.monotonic(), self._version
        most = seconds + self._deadlines.watch_silence
        answer = self._client.get(self._path, query, most, most, long=True)
        stream, received = lines.Stream(), 0
        for chunk in answer.chunks():
            read = time.monotonic()
            try:
                batch = stream.feed(chunk)
            except lines.ErrorLine as line:
                self._count(line.batch, read)
                self._deliver(line.batch)
                raise line.error from None
            received += batch.lines
            self._count(batch, read)
            self._deliver(batch)
            if self._stop.is_set():
                raise Stopped
            if self._heal.is_set():
                break
        if self._heal.is_set():
            raise ApiError(answers.DROPPED, "")
        if self._stop.is_set():
            raise Stopped
        if self._version == from_version:
            if received:
                raise ApiError(0, f"none of {received} lines of the watch has a resourceVersion")
            if time.monotonic() - began < self._deadlines.empty_watch:
                raise ApiError(answers.EMPTY_WATCH, "the watch ended at once without a line")
        self._outbox.put([], Counts(), News(proved_ms=now_ms()))
        self._trouble.over()

    def _count(self, batch: lines.Batch, began: float) -> None:
        """Counts a read for /metrics; it was decoded from `began` on."""
        self._tally.observe(PROCESSING, time.monotonic() - began)
        for type_, number in batch.types.items():
            self._tally.add("kube9_events_received_total", type_, number=number)

    def _deliver(self, batch: lines.Batch) -> None:
        if batch.lines:
            self._turned = time.monotonic()
            # Lines without a version prove nothing: they may be anything that somebody between sends.
            proved_ms = now_ms() if batch.version else 0
            news = News("", batch.version, proved_ms, life_ms=self._shorter_life(batch))
            self._outbox.put(batch.sightings, batch.counts, news, patient=False)
            if batch.version:
                self._version = batch.version
                self._trouble.over()

    def _shorter_life(self, batch: lines.Batch) -> int:
        """How long Events live, where those that went show that it is shorter than was known; otherwise 0."""
        shorter = 0
        for namespace, written_ms in batch.gone:
            age_ms = now_ms() - written_ms
            if self._life.early(age_ms) and self._stays(namespace) and self._life.gone(age_ms):
                shorter = self._life.life_ms
                self._log.warning("events.live_shorter", seconds=shorter // 1000)
        return shorter

    def _stays(self, namespace: str) -> bool:
        """Whether a namespace is there and is not being deleted: with it its Events would have gone."""
        try:
            return lines.stays(
                self._client.get(f"/api/v1/namespaces/{namespace}", [], self._deadlines.read, self._deadlines.page).whole()
            )
        except ApiError:
            return False

    def _answer(self, error: ApiError, lived_seconds: float) -> None:
        """Acts on a failed request or stream as the table of answers says, and waits."""
        self.failures += 1
        found = answers.meaning(error)
        self._trouble.begins(found.why, error)
        if found.reload_credentials:
            self._client.reload_credentials()
        if found.then == "list again":
            self._version = ""
            self._hole = found.hole if found.hole != "expired" else self._hole or "expired"
        if found.then == "wait long":
            self._outbox.put([], Counts(), News(unavailable=found.why))
        if lived_seconds > self._deadlines.retry_reset:
            self._wait = self._deadlines.retry_first
        jittered = self._wait * random.uniform(0.5, 1.0)
        self._wait = min(self._wait * 2, self._deadlines.retry_most)
        seconds = self._deadlines.denied_retry if found.then == "wait long" else jittered
        self._stop.wait(max(seconds, min(error.retry_after, self._deadlines.retry_most)))


def _order(version: str) -> tuple[int, str]:
    """Orders the versions of one resource as apimachinery's CompareResourceVersion does: decimal numbers of any length."""
    return len(version), version


class Trouble:
    """One line in the log when a trouble begins, and one when it is over, with how often and how long."""

    def __init__(self, log: logs.Logger) -> None:
        self._log = log
        self.why = ""
        self._times = 0
        self._since = 0.0

    def begins(self, why: str, error: ApiError) -> None:
        """Notes a failure; says so in the log where it is not the one already known."""
        if not self._times:
            self._since = time.monotonic()
        self._times += 1
        if why != self.why:
            self._log.warning("watch.trouble", why=why, error=logs.one_line(error))
        self.why = why

    def over(self) -> None:
        """Notes that the watch works; says so where it did not."""
        if self._times:
            seconds = round(time.monotonic() - self._since, 1)
            self._log.info("watch.restored", why=self.why, times=self._times, seconds=seconds)
        self.why, self._times = "", 0
