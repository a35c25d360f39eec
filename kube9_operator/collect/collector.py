"""The collector process: makes the collections that are due, sends them to the writer, and ends."""

import time
from multiprocessing.connection import Connection

import msgspec

from kube9_operator import logs
from kube9_operator.assess.listing import FORBIDDEN, Listing
from kube9_operator.assess.run import ListFailed, NotPermitted
from kube9_operator.clock import now_ms
from kube9_operator.collect.gather import gather
from kube9_operator.collect.kinds import READINGS
from kube9_operator.collect.payloads import failure, missing, payload
from kube9_operator.model.collection import Collected, CollectionFrame, NotCollected, Task
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.settings import Settings
from kube9_operator.supervise.beating import beating
from kube9_operator.supervise.findings import Findings
from kube9_operator.supervise.link import Link
from kube9_operator.supervise.messages import CollectionsFailed
from kube9_operator.watch.client import Client
from kube9_operator.watch.cluster_identity import cluster_uid
from kube9_operator.watch.decoding import NOT_DECODED
from kube9_operator.watch.errors import ApiError
from kube9_operator.watch.reach import Reach

LATE = "the collector took too long"


class Stopped(Exception):
    """The process has to stop, and begins again with its next start."""


class Version(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What the API server says about itself."""

    git_version: str = ""


_version = msgspec.json.Decoder(Version)


class Api(Listing):
    """The API server, as a source of collections."""

    def __init__(self, client: Client, deadlines: Deadlines, link: Link) -> None:
        super().__init__(client, deadlines, wait=lambda seconds: _wait(link, seconds), readings=READINGS)

    def version(self) -> str:
        """Returns the API server's version. Raises NotPermitted or ListFailed."""
        try:
            return _version.decode(
                self._client.get("/version", [], self._deadlines.read, self._deadlines.page).whole()
            ).git_version
        except NOT_DECODED:
            raise ListFailed("the API server's version is not the JSON that the API promises") from None
        except ApiError as error:
            if error.status == FORBIDDEN:
                raise NotPermitted("the operator lacks the permission to get /version") from None
            raise ListFailed(f"the API server's version could not be read: {logs.one_line(error)}") from None

    def cluster_uid(self) -> str:
        """Returns the uid of kube-system; '' if it may not be read. Raises ListFailed."""
        try:
            return cluster_uid(self._client, self._deadlines)
        except ApiError as error:
            raise ListFailed(f"the namespace kube-system could not be read: {logs.one_line(error)}") from None


def run(link: Link, pipe: Connection, task: Task, _settings: Settings, deadlines: Deadlines) -> None:
    """Makes the collections of a task. Returns when they are committed, or when the link says stop."""
    findings = Findings(link, pipe)
    if task.given_up:
        for request in task.requests:
            findings.send(CollectionFrame(NotCollected(request, now_ms(), task.given_up)))
    else:
        with beating(link, deadlines, deadlines.collect_most + deadlines.assess_grace):
            try:
                _collect(link, findings, task, deadlines)
            except Stopped:
                return
    findings.flush()


def _collect(link: Link, findings: Findings, task: Task, deadlines: Deadlines) -> None:
    """Makes the collections, and sends them. Raises Stopped."""
    began = time.monotonic()

    def progress(kind: str) -> None:
        link.beat(f"reading {kind}")
        if link.stop.is_set():
            raise Stopped
        if time.monotonic() - began > deadlines.collect_most:
            raise ListFailed(LATE)

    api = Api(Client(deadlines.connect, Reach(), deadlines.plugin), deadlines, link)
    gathered = gather(api, [request.type for request in task.requests], progress)
    failed = []
    for request in task.requests:
        why, at = failure(request, gathered), now_ms()
        if why:
            failed.append(request.type)
            frame = CollectionFrame(NotCollected(request, at, why))
        else:
            seconds = time.monotonic() - began
            made = payload(request, gathered, at)
            frame = CollectionFrame(Collected(request, gathered.cluster, at, seconds, missing(request, gathered), made))
        if not findings.send(frame):
            raise Stopped
    link.send(CollectionsFailed(failed))


def _wait(link: Link, seconds: float) -> None:
    link.stop.wait(seconds)
