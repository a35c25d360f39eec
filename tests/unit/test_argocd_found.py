"""Whether Argo CD is there, and what the status ConfigMap says of it and of its Applications."""

import json
import threading
from typing import Any

import pytest

from kube9_operator.clock import iso
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import ArgoCdFound, ControlFrame
from kube9_operator.model.resource_states import Application
from kube9_operator.settings import from_environment
from kube9_operator.supervise.health import Health
from kube9_operator.supervise.messages import ArgoCdReport
from kube9_operator.watch import argocd
from kube9_operator.watch.argocd import ArgoCd, Server, version
from kube9_operator.watch.client import Client
from kube9_operator.watch.reach import Reach
from kube9_schema.argocd import BASE_URL, TOKEN
from tests.kept import NOW, SECOND, kept, state
from tests.standin.cluster import encode
from tests.unit.api import Clock, Response, Sink, Stop
from tests.unit.test_custom import CustomServer

SERVER = {"metadata": {"labels": {"app.kubernetes.io/version": "v3.1.0"}}}


class Cluster(CustomServer):
    """An API server with Deployments that some selectors find."""

    def __init__(self) -> None:
        super().__init__(Clock())
        self.servers: dict[str, list[Any]] = {}
        self.queries: list[dict[str, str]] = []

    def call(self, path: str, query: dict[str, str]) -> Response:
        if path.startswith("/apis/apps/v1/namespaces/"):
            self.queries.append(query)
            return self.whole(encode({"items": self.servers.get(path.split("/")[5], [])}))
        self.steps = [lambda: None]
        return super().call(path, query)


def looking(cluster: Cluster, **environment: str) -> tuple[ArgoCd, Sink]:
    settings = from_environment({"DB_PATH": "/", **environment})
    sink = Sink(cluster.clock, 0.0)
    client = Client(1.0, Reach(), 1.0, cluster.clock, cluster.connect)
    return ArgoCd(client, sink, cluster.stop, settings, Deadlines(), cluster.clock), sink


def found(sink: Sink) -> list[tuple[bool, str, str]]:
    return [(one.detected, one.namespace, one.version) for one in sink.control if isinstance(one, ArgoCdFound)]


def test_definition_and_server_are_looked_for() -> None:
    cluster = Cluster()
    looks, sink = looking(cluster, ARGOCD_NAMESPACE="gitops", ARGOCD_SELECTOR="app=argocd")
    looks._look()
    cluster.servers["gitops"] = [SERVER]
    looks._look()
    assert found(sink) == [(False, "", "")], "the definition is absent, and only what is new is sent"
    cluster.groups["argoproj.io"] = {"v1alpha1": ["applications"]}
    looks._look()
    assert found(sink)[1:] == [(True, "gitops", "v3.1.0")]
    assert cluster.queries[-1] == {"labelSelector": "app=argocd", "limit": "1"}
    asked = len(cluster.queries)
    looks._look()
    assert len(cluster.queries) == asked, "once found, it is looked for every few hours"
    cluster.servers.clear()
    cluster.clock.passes(6 * 3_600)
    looks._look()
    assert found(sink)[2:] == [(False, "", "")]


def test_taken_for_granted_the_definition_is_not_looked_for() -> None:
    cluster = Cluster()
    cluster.servers["argocd"] = [SERVER]
    looks, sink = looking(cluster, ARGOCD_ENABLED="true")
    looks._look()
    assert found(sink) == [(True, "argocd", "v3.1.0")]
    assert cluster.paths == []


def test_a_server_that_cannot_be_asked_says_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    looks, sink = looking(cluster, ARGOCD_ENABLED="true")
    monkeypatch.setattr(cluster, "call", lambda *_: Response([b"<html>"]))
    looks._look()
    assert sink.control == []


def test_whether_its_api_answers(monkeypatch: pytest.MonkeyPatch) -> None:
    cluster = Cluster()
    cluster.servers["argocd"] = [SERVER]
    looks, sink = looking(cluster, ARGOCD_ENABLED="true")
    monkeypatch.setenv(TOKEN, "abc")
    monkeypatch.setenv(BASE_URL, "https://127.0.0.1:9")
    looks._look()
    looks._look()
    (one,) = sink.control
    assert isinstance(one, ArgoCdFound)
    assert (one.capable, one.error_code) == (False, "ARGOCD_API_UNREACHABLE")
    monkeypatch.setattr(argocd.argocd_api, "probe", lambda *_: None)
    looks._look()
    last = sink.control[-1]
    assert isinstance(last, ArgoCdFound)
    assert (last.capable, last.error_code) == (True, "")


@pytest.mark.parametrize(
    ("labels", "image", "expected"),
    [
        ({"app.kubernetes.io/version": "v3.1.0", "version": "1"}, "", "v3.1.0"),
        ({"argocd.argoproj.io/version": "v2.9"}, "", "v2.9"),
        ({"version": "v2.8"}, "argocd:v1", "v2.8"),
        ({}, "quay.io:443/argoproj/argocd:v2.14.1@sha256:0", "v2.14.1"),
        ({}, "quay.io:443/argoproj/argocd", ""),
        ({}, "", ""),
    ],
)
def test_the_version(labels: dict[str, str], image: str, expected: str) -> None:
    containers = [{"image": image}] if image else []
    made = {"metadata": {"labels": labels}, "spec": {"template": {"spec": {"containers": containers}}}}
    assert version(argocd.msgspec.convert(made, Server)) == expected


def test_the_block_of_the_status() -> None:
    sent: list[ArgoCdReport] = []

    def blocks() -> list[dict[str, Any]]:
        return [json.loads(one.block) for one in sent if isinstance(one, ArgoCdReport)]

    with kept() as keeper:
        keeper.writer._link.send = sent.append  # type: ignore[assignment]
        times = iter(range(0, 1_000, 10))
        keeper.writer._argo_cd._monotonic = lambda: float(next(times))
        keeper.lists("applications", state("web", Application("v1", sync="Synced", health="Healthy"), namespace="argocd"))
        assert blocks() == [], "not known yet"
        keeper.take(ControlFrame("applications", ArgoCdFound(True, "argocd", "v3.1.0", NOW, False, "TIMEOUT", "late")))
        assert blocks() == [
            {
                "detected": True,
                "namespace": "argocd",
                "version": "v3.1.0",
                "lastChecked": iso(NOW),
                "applications": {
                    "storedCount": 1,
                    "lastCollectedAt": iso(NOW),
                    "syncStatusCounts": {"Synced": 1},
                    "healthStatusCounts": {"Healthy": 1},
                },
                "resourceTreeCapable": False,
                "resourceTreeLastError": {"code": "TIMEOUT", "message": "late"},
            }
        ]
        keeper.waits(SECOND, "applications")
        assert len(blocks()) == 1, "nothing has changed"
        keeper.sees("applications", state("web", Application("v1", sync="OutOfSync"), 2, namespace="argocd"))
        assert blocks()[1]["applications"]["syncStatusCounts"] == {"OutOfSync": 1}
        assert blocks()[1]["applications"]["healthStatusCounts"] == {"Unknown": 1}
        keeper.take(ControlFrame("applications", ArgoCdFound(checked_ms=NOW)))
        assert (blocks()[2]["detected"], blocks()[2]["namespace"]) == (False, None)


def test_the_block_reaches_the_config_map() -> None:
    health = Health(("events",), 120.0, 10.0)
    assert json.loads(health.for_status_map().health)["argocd"] is None
    health.receive("writer", ArgoCdReport('{"detected": true}'))
    assert json.loads(health.for_status_map().health)["argocd"] == {"detected": True}


def test_it_ends_when_it_is_told() -> None:
    looks, _ = looking(Cluster())
    stop: threading.Event = Stop(Clock())
    stop.set()
    looks._stop = stop
    looks.run()
