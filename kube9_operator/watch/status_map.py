"""Keeps the status ConfigMap, which tells readers that only ask the API server how the operator is.

It is a thread of a watcher process, since only `watch.client` talks to the API server. A failure here ends nothing, and is
reported to the supervisor.
"""

import contextlib
import json
import queue
import socket
import time
from typing import Any

import msgspec

from kube9_operator import __version__, logs
from kube9_operator.backoff import Backoff
from kube9_operator.clock import iso, now_ms
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.supervise.link import Link
from kube9_operator.supervise.messages import StatusMapReport
from kube9_operator.watch import answers, cluster_identity
from kube9_operator.watch.client import Client
from kube9_operator.watch.cluster_identity import cluster_uid
from kube9_operator.watch.decoding import NOT_DECODED, decode
from kube9_operator.watch.errors import ApiError

NAME = "kube9-operator-status"
"""The name that the extension reads …"""
READ_NAMESPACES = ("kube9-system", "default")
"""… in these namespaces. For any other, the user of the extension has to set which."""
MAX_ERROR_CHARACTERS = 1_000
STOP_SECONDS = 0.2
"""How often a wait checks whether the process is to end."""
HEALTH = {"starting": "degraded"}
"""Readers only know healthy, degraded and unhealthy."""
NOTHING_COLLECTED = {
    "totalSuccessCount": 0,
    "totalFailureCount": 0,
    "collectionsStoredCount": 0,
    "lastSuccessTime": None,
}
"""The statistics until the writer has said what is stored. The extension needs them in every status."""
LASTING = {403: "not permitted", 404: "no such namespace"}
"""HTTP statuses of problems that do not pass by themselves."""


class Owner(msgspec.Struct, frozen=True, rename="camel"):
    """An owner of this pod."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None


class PodMeta(msgspec.Struct, frozen=True, rename="camel"):
    """The metadata of this pod."""

    owner_references: list[Owner] | None = None


class Pod(msgspec.Struct, frozen=True):
    """This pod, for its owners only."""

    metadata: PodMeta


_owned = msgspec.json.Decoder(Pod)


class StatusMap:
    """Writes the ConfigMap at the start, when health changes, and at an interval. Server-side apply creates a missing one."""

    def __init__(self, link: Link, client: Client, namespace: str, interval: float, deadlines: Deadlines) -> None:
        self._link = link
        self._cluster = ""
        self._client = client
        self._namespace = namespace
        self._interval = interval
        self._deadlines = deadlines
        self._backoff = Backoff(deadlines.retry_first, deadlines.retry_most, jitter=(1.0, 1.0))
        self._health: dict[str, Any] = {}
        """The last health document from the supervisor; empty before the first."""
        self._why = ""
        self._is_own = False
        """Whether the problem concerns only the ConfigMap."""
        self._written_ms = 0
        self._owners: list[dict[str, str]] | None = None

    def run(self) -> None:
        """Runs until the process is to end."""
        if self._namespace not in READ_NAMESPACES:
            logs.get().info("status.elsewhere", namespace=self._namespace, extension_setting="kube9.operatorNamespace")
        while not self._link.stop.is_set():
            if self._health and self._publish():
                self._backoff.reset()
                self._link.stop.wait(self._deadlines.beat)  # health may change all the time
                self._listen(self._interval)
            else:
                self._listen(self._backoff.next())
        self._client.close()

    def interrupt(self) -> None:
        """Ends a request that waits; called from another thread when the process is to end."""
        self._client.interrupt()

    def _listen(self, seconds: float) -> None:
        """Waits until health changes, at most this long."""
        until = time.monotonic() + seconds
        while not self._link.stop.is_set() and (left := until - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                self._health = json.loads(self._link.batches.get(True, min(left, STOP_SECONDS)).health)
                return

    def _publish(self) -> bool:
        """Writes the ConfigMap, and reports to the supervisor whether that worked. Returns the same."""
        try:
            self._cluster = self._cluster or cluster_uid(self._client, self._deadlines)
            self._client.apply(
                f"/api/v1/namespaces/{self._namespace}/configmaps/{NAME}", self._document(), self._deadlines.read
            )
        except ApiError as error:
            why = LASTING.get(error.status, "") or logs.one_line(error)
            if not self._why:
                # The supervisor logs once what all requests meet.
                self._is_own = not answers.meaning(error).of_all
                say = logs.get().warning if self._is_own else logs.get().debug
                say("status.failed", configmap=f"{self._namespace}/{NAME}", error=logs.one_line(error))
            self._why = why
            self._link.send(StatusMapReport(self._written_ms, why, error.status in LASTING))
            return False
        if self._why:
            say = logs.get().info if self._is_own else logs.get().debug
            say("status.restored", configmap=f"{self._namespace}/{NAME}")
        self._why, self._written_ms = "", now_ms()
        self._link.send(StatusMapReport(self._written_ms, "", False))
        return True

    def _document(self) -> dict[str, object]:
        status: dict[str, object] = {
            "mode": "operated",
            "version": __version__,
            "health": HEALTH.get(self._health["status"], self._health["status"]),
            "lastUpdate": iso(now_ms()),
            "error": "; ".join(self._health["reasons"])[:MAX_ERROR_CHARACTERS] or None,
            "namespace": self._namespace,
            "clusterId": self._cluster_uid(),
            "collectionStats": self._health["collectionStats"] or NOTHING_COLLECTED,
        }
        status |= {name: self._health[name] for name in ("assessment", "argocd") if self._health[name]}
        if self._owners is None:
            self._owners = self._owner()
        return {
            "apiVersion": "v1",
            "kind": "ConfigMap",
            "metadata": {
                "name": NAME,
                "namespace": self._namespace,
                "labels": {"app.kubernetes.io/name": "kube9-operator"},
                "ownerReferences": self._owners,
            },
            "data": {"namespace": self._namespace, "status": json.dumps(status)},
        }

    def _cluster_uid(self) -> str:
        """Returns which cluster this is; asks again as long as it is not known."""
        if not self._cluster:
            with contextlib.suppress(ApiError):
                self._cluster = cluster_identity.cluster_uid(self._client, self._deadlines)
        return self._cluster

    def _owner(self) -> list[dict[str, str]]:
        """Returns the owner of this pod, with which the ConfigMap is to be deleted; none outside a cluster."""
        try:
            pod = decode(
                _owned,
                self._client.get(
                    f"/api/v1/namespaces/{self._namespace}/pods/{socket.gethostname()}",
                    [],
                    self._deadlines.read,
                    self._deadlines.page,
                ).whole(),
            )
        except (ApiError, *NOT_DECODED):
            return []
        return [
            {"apiVersion": one.api_version, "kind": one.kind, "name": one.name, "uid": one.uid}
            for one in pod.metadata.owner_references or ()
            if one.controller
        ]
