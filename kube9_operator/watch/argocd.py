"""Finds out whether Argo CD is installed, which version, and whether its API answers with the token that is configured.

It is a thread of the watcher that watches Applications. What it finds goes to the writer, with the frames of that source.
"""

import os
import threading
from typing import Protocol

import msgspec

from kube9_cli.errors import QueryError
from kube9_cli.query import argocd_api
from kube9_operator import logs
from kube9_operator.clock import SYSTEM, Clock
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import ArgoCdFound, Control
from kube9_operator.model.sources import APPLICATIONS, CUSTOM
from kube9_operator.settings import ON, Settings
from kube9_operator.watch.client import Client
from kube9_operator.watch.custom import discover
from kube9_operator.watch.decoding import NOT_DECODED, decode
from kube9_operator.watch.errors import ApiError, BrokenAnswer, NotInstalled
from kube9_operator.watch.metadata import name
from kube9_operator.watch.outbox import Stopped

SECONDS_IN_HOUR = 3_600
VERSION_LABELS = ("app.kubernetes.io/version", "argocd.argoproj.io/version", "version")
PROBE_SECONDS = 10.0
MAX_MESSAGE_CHARACTERS = 200


class Container(msgspec.Struct, frozen=True, gc=False):
    """A container of the server."""

    image: str = ""


class PodSpec(msgspec.Struct, frozen=True, gc=False):
    """The pods of the server."""

    containers: list[Container] = []


class Template(msgspec.Struct, frozen=True, gc=False):
    """What the pods of the server are made from."""

    spec: PodSpec | None = None


class Spec(msgspec.Struct, frozen=True, gc=False):
    """The spec of the server."""

    template: Template | None = None


class Meta(msgspec.Struct, frozen=True, gc=False):
    """The metadata of the server."""

    labels: dict[str, str] | None = None


class Server(msgspec.Struct, frozen=True, gc=False):
    """A Deployment of Argo CD's server."""

    metadata: Meta | None = None
    spec: Spec | None = None


class Servers(msgspec.Struct, frozen=True, gc=False):
    """A list of such Deployments."""

    items: list[Server] = []


class Sink(Protocol):
    """Where it puts what it has found."""

    def send(self, control: Control, patient: bool = True) -> None:
        """Takes it."""


_servers = msgspec.json.Decoder(Servers)


class ArgoCd:
    """Looks for Argo CD: every minute until it is found, then every few hours."""

    def __init__(
        self, client: Client, sink: Sink, stop: threading.Event, settings: Settings, deadlines: Deadlines, clock: Clock = SYSTEM
    ) -> None:
        self._client = client
        self._sink = sink
        self._stop = stop
        self._settings = settings
        self._deadlines = deadlines
        self._clock = clock
        self._found: ArgoCdFound | None = None
        self._looked_at = 0.0

    def run(self) -> None:
        """Runs until the process is to end."""
        while not self._stop.is_set():
            try:
                self._look()
            except Stopped:
                break
            self._stop.wait(self._deadlines.detect)
        self._client.close()

    def interrupt(self) -> None:
        """Ends a request that waits; called from another thread when the process is to end."""
        self._client.interrupt()

    def _look(self) -> None:
        """Looks, and sends what has changed since the last look."""
        before = self._found
        hours = self._settings.argocd_detection_hours
        is_due = self._clock.monotonic() - self._looked_at >= hours * SECONDS_IN_HOUR
        found = before
        if found is None or not found.detected or is_due:
            try:
                found = self.detect()
            except ApiError as error:
                # The watches meet the same, and report it.
                logs.get().debug("argocd.undetected", error=logs.one_line(error))
                return
            self._looked_at = self._clock.monotonic()
        made = self._with_capability(found)
        is_new = before is None or is_due or msgspec.structs.replace(made, checked_ms=0) != _undated(before)
        if is_new:
            self._found = made
            self._sink.send(made)

    def detect(self) -> ArgoCdFound:
        """Looks for the definition of Applications, unless that is taken for granted, and for the server. Raises ApiError."""
        found = ArgoCdFound(checked_ms=self._clock.now_ms())
        if self._settings.argocd != ON:
            try:
                discover(CUSTOM[APPLICATIONS], self._client, self._deadlines)
            except NotInstalled:
                return found
        namespace = self._settings.argocd_namespace
        path = f"/apis/apps/v1/namespaces/{namespace}/deployments"
        query = [("labelSelector", self._settings.argocd_selector), ("limit", "1")]
        answer = self._client.get(path, query, self._deadlines.read, self._deadlines.page)
        try:
            servers = decode(_servers, answer.whole()).items
        except NOT_DECODED:
            raise BrokenAnswer("the answer is not a list of Deployments") from None
        if not servers:
            return found
        return msgspec.structs.replace(found, detected=True, namespace=namespace, version=version(servers[0]))

    def _with_capability(self, found: ArgoCdFound) -> ArgoCdFound:
        """Adds whether Argo CD's API answers, if a token is configured."""
        if not found.detected or not argocd_api.is_configured(os.environ):
            return msgspec.structs.replace(found, capable=None, error_code="", error_message="")
        try:
            argocd_api.probe(argocd_api.access(os.environ, found.namespace), PROBE_SECONDS)
        except QueryError as error:
            said = str(error)[:MAX_MESSAGE_CHARACTERS]
            return msgspec.structs.replace(found, capable=False, error_code=error.code, error_message=said)
        return msgspec.structs.replace(found, capable=True, error_code="", error_message="")


def _undated(found: ArgoCdFound) -> ArgoCdFound:
    return msgspec.structs.replace(found, checked_ms=0)


def version(server: Server) -> str:
    """The version of Argo CD: of the labels of its server, otherwise the tag of its image; '' if neither says it."""
    labels = (server.metadata or Meta()).labels or {}
    labelled = next((labels[label] for label in VERSION_LABELS if labels.get(label)), "")
    if labelled:
        return name(labelled)
    containers = ((server.spec or Spec()).template or Template()).spec or PodSpec()
    image = containers.containers[0].image if containers.containers else ""
    tag = image.partition("@")[0].rpartition("/")[2].partition(":")[2]
    return name(tag)
