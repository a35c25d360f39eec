"""Keeps the ConfigMap that says how the operator is, for readers that ask the API server alone. A thread of a watcher process,
since only `watch.client` speaks to the API server; what goes wrong here ends nobody, and is told to the supervisor.
"""

import contextlib
import json
import queue
import socket
import time
from typing import Any

import msgspec

from kube9_operator import __version__, logs
from kube9_operator.clock import iso, now_ms
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.supervise.link import Link
from kube9_operator.supervise.messages import StatusMapReport
from kube9_operator.watch import answers, cluster_identity
from kube9_operator.watch.client import ApiError, Client
from kube9_operator.watch.cluster_identity import cluster_uid
from kube9_operator.watch.decoding import NOT_DECODED, decode

NAME = "kube9-operator-status"
"""The extension looks for this name …"""
LOOKED_AT = ("kube9-system", "default")
"""… in these namespaces; for another its user has to set which."""
MAX_ERROR_CHARACTERS = 1_000
STOP_SECONDS = 0.2
"""How often a wait looks whether the process is to end."""
HEALTH = {"starting": "degraded"}
"""Readers know healthy, degraded and unhealthy only."""
ONCE = {403: "not permitted", 404: "no such namespace"}
"""What does not pass by itself."""


class Owner(msgspec.Struct, frozen=True, rename="camel"):
    """An owner of this pod."""

    api_version: str
    kind: str
    name: str
    uid: str
    controller: bool | None = None


class PodMeta(msgspec.Struct, frozen=True, rename="camel"):
    """Of this pod's metadata."""

    owner_references: list[Owner] | None = None


class Pod(msgspec.Struct, frozen=True):
    """This pod, for its owners alone."""

    metadata: PodMeta


_owned = msgspec.json.Decoder(Pod)


class StatusMap:
    """Writes at start, when health changes, and at an interval; by server-side apply, which makes it where it is not there."""

    def __init__(self, link: Link, client: Client, namespace: str, interval: float, deadlines: Deadlines) -> None:
        self._link = link
        self._cluster = ""
        self._client = client
        self._namespace = namespace
        self._interval = interval
        self._deadlines = deadlines
        self._told: dict[str, Any] = {}
        self._why = ""
        self._is_ours = False
        """Whether what is wrong is of the ConfigMap alone."""
        self._written_ms = 0
        self._owners: list[dict[str, str]] | None = None

    def run(self) -> None:
        """Until the process is to end."""
        wait = self._deadlines.retry_first
        if self._namespace not in LOOKED_AT:
            logs.get().info("status.elsewhere", namespace=self._namespace, extension_setting="kube9.operatorNamespace")
        while not self._link.stop.is_set():
            if self._told and self._publish():
                wait = self._deadlines.retry_first
                self._link.stop.wait(self._deadlines.beat)  # health that changes all the time is not written all the time
                self._listen(self._interval)
            else:
                self._listen(wait)
                wait = min(wait * 2, self._deadlines.retry_most)
        self._client.close()

    def interrupt(self) -> None:
        """Ends a wait; called from another thread when the process is to end."""
        self._client.interrupt()

    def _listen(self, seconds: float) -> None:
        """Waits until health changes, no longer than this."""
        until = time.monotonic() + seconds
        while not self._link.stop.is_set() and (left := until - time.monotonic()) > 0:
            with contextlib.suppress(queue.Empty):
                self._told = json.loads(self._link.batches.get(True, min(left, STOP_SECONDS)).health)
                return

    def _publish(self) -> bool:
        """Writes the ConfigMap, and tells the supervisor whether that went well."""
        try:
            self._cluster = self._cluster or cluster_uid(self._client, self._deadlines)
            self._client.apply(
                f"/api/v1/namespaces/{self._namespace}/configmaps/{NAME}", self._document(), self._deadlines.read
            )
        except ApiError as error:
            why = ONCE.get(error.status, "") or logs.one_line(error)
            if not self._why:
                # What all requests meet is said once, by the supervisor.
                self._is_ours = not answers.meaning(error).of_all
                say = logs.get().warning if self._is_ours else logs.get().debug
                say("status.trouble", configmap=f"{self._namespace}/{NAME}", error=logs.one_line(error))
            self._why = why
            self._link.send(StatusMapReport(self._written_ms, why, error.status in ONCE))
            return False
        if self._why:
            say = logs.get().info if self._is_ours else logs.get().debug
            say("status.restored", configmap=f"{self._namespace}/{NAME}")
        self._why, self._written_ms = "", now_ms()
        self._link.send(StatusMapReport(self._written_ms, "", False))
        return True

    def _document(self) -> dict[str, object]:
        status = {
            "mode": "operated",
            "version": __version__,
            "health": HEALTH.get(self._told["status"], self._told["status"]),
            "lastUpdate": iso(now_ms()),
            "error": "; ".join(self._told["reasons"])[:MAX_ERROR_CHARACTERS] or None,
            "namespace": self._namespace,
            "clusterId": self._cluster_uid(),
            "collectionStats": {
                "totalSuccessCount": 0,
                "totalFailureCount": 0,
                "collectionsStoredCount": 0,
                "lastSuccessTime": None,
            },
        }
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
        """Known from the start but for the first one."""
        if not self._cluster:
            with contextlib.suppress(ApiError):
                self._cluster = cluster_identity.cluster_uid(self._client, self._deadlines)
        return self._cluster

    def _owner(self) -> list[dict[str, str]]:
        """What made this pod, so that the ConfigMap goes with it when it is uninstalled; none outside a cluster."""
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
