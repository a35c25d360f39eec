"""What the operator concludes on a real node. The table comes first; each story happens, is concluded once, and is mended.

The last one is about a node that goes bad while another is well. Both are played by kwok, and nobody runs pods on the bad one.
"""

import contextlib
import json
import os
import random
import subprocess
import threading
import time
import zlib
from collections import Counter
from collections.abc import Callable, Iterator
from datetime import datetime
from typing import Any, NamedTuple

import pytest

from tests.node import scenario_objects
from tests.node.images import ROOT
from tests.node.node import Node
from tests.node.pod import RELEASE, OperatorPod
from tests.node.scenario_objects import deployment, made, probe
from tests.operator import until

pytestmark = pytest.mark.long
LONG_SECONDS = 900.0
SETTLE_SECONDS = 30.0
"""After this time without another insight, there is none more to come."""
THRESHOLDS = {
    "settle_s": 0,
    "pending_s": 5,
    "quiet_s": 90,
    "resolve_s": 30,
    "change_baseline_s": 20,
    "quota_s": 20,
    "endpoints_s": 20,
    "endpoints_recreate_s": 20,
    "image_failing_s": 20,
}
"""In life, the stories would take an hour. The others are as in life."""
IMAGE, LIMIT, PROBE, QUOTA, CRON, NODES = (f"insight-{name}" for name in ("image", "limit", "probe", "quota", "cron", "nodes"))
WELL = "insight-well"
HEALTHY_SECONDS = float(os.environ.get("KUBE9_HEALTHY_SECONDS", "60"))
GOOD, BAD = "fake-good", "fake-bad"

TABLE = {
    # A bad image: its pods cannot start.
    IMAGE: {("change-followed-by-failure", "web")},
    # A lowered memory limit: the change, and after the third kill the recurrence.
    LIMIT: {("change-followed-by-failure", "web"), ("recurring-oom", "web")},
    # A broken probe: its pods do not become ready, and the Service has no endpoints.
    PROBE: {("change-followed-by-failure", "web"), ("no-endpoints", "web")},
    # A full quota: the ReplicaSet cannot make the pods that the Deployment wants.
    QUOTA: {("quota", "web")},
    # A CronJob that fails every minute.
    CRON: {("cronjob", "report")},
    # A node on which no sandbox can be made.
    NODES: {("node-suspect", BAD)},
}
"""For each namespace, exactly what is to be concluded: the rule, and the owner. Each once, and resolved when it is mended."""


class Story(NamedTuple):
    """Something that goes wrong on the node, and how it is mended."""

    begin: Callable[[Node], None]
    mend: Callable[[Node], None]


def eats(megabytes: int) -> list[str]:
    return ["python3", "-c", f"kept = bytearray({megabytes} << 20)\nimport time\ntime.sleep(1000000)"]


def limited(memory: str) -> dict[str, Any]:
    return deployment(LIMIT, "web", 2, command=eats(100), resources={"limits": {"memory": memory}})


def probed(command: str) -> dict[str, Any]:
    made_of = deployment(PROBE, "web", 2, readinessProbe=probe(command))
    made_of["spec"] |= {"progressDeadlineSeconds": 20, "strategy": {"type": "Recreate"}}
    return made_of


def service(namespace: str) -> dict[str, Any]:
    return made("v1", "Service", namespace, "web", {"selector": {"app": "web"}, "ports": [{"port": 80}]})


def quota(pods: int) -> dict[str, Any]:
    return made("v1", "ResourceQuota", QUOTA, "few", {"hard": {"pods": str(pods)}})


def cron(command: str) -> dict[str, Any]:
    job = scenario_objects.job(CRON, "report", command, backoffLimit=0)["spec"]
    spec = {"schedule": "* * * * *", "jobTemplate": {"spec": job}, "successfulJobsHistoryLimit": 1, "failedJobsHistoryLimit": 5}
    return made("batch/v1", "CronJob", CRON, "report", spec)


STORIES = {
    IMAGE: Story(
        lambda node: node.apply(deployment(IMAGE, "web", 2, image="localhost/none:1", imagePullPolicy="IfNotPresent")),
        lambda node: node.apply(deployment(IMAGE, "web", 2)),
    ),
    LIMIT: Story(lambda node: node.apply(limited("48Mi")), lambda node: node.apply(limited("256Mi"))),
    PROBE: Story(lambda node: node.apply(probed("exit 1")), lambda node: node.apply(probed("true"))),
    QUOTA: Story(lambda node: node.apply(deployment(QUOTA, "web", 4)), lambda node: node.apply(quota(10))),
    CRON: Story(lambda node: node.apply(cron("exit 1")), lambda node: node.apply(cron("true"))),
}


def prepare(node: Node) -> None:
    """Everything as it is while it is well."""
    node.make_namespaces(*STORIES)
    node.apply(
        deployment(IMAGE, "web", 2),
        limited("256Mi"),
        probed("true"),
        service(PROBE),
        quota(2),
        deployment(QUOTA, "web", 2),
    )
    for namespace in (IMAGE, LIMIT, PROBE, QUOTA):
        until(lambda namespace=namespace: _ready(node, namespace) == 2, f"the pods of {namespace}", LONG_SECONDS)


def _ready(node: Node, namespace: str) -> int:
    return int(node.get("deployments", "-n", namespace)["items"][0]["status"].get("readyReplicas", 0))


@pytest.fixture
def concluding(node: Node, image: str, request: pytest.FixtureRequest) -> Iterator[OperatorPod]:
    """An operator with a record of its own, which looks every five seconds. Nothing of another test is left to be recorded."""
    for namespace in (*STORIES, NODES, WELL):
        node.kubectl("delete", "namespace", namespace, "--ignore-not-found", "--wait=true")
    pod = OperatorPod(node, f"concluding-{zlib.crc32(request.node.name.encode()):08x}")
    pod.make_volume()
    thresholds = [f"insights.thresholds.{name}={value}" for name, value in THRESHOLDS.items()]
    pod.install(image, ROOT, "--set", ",".join(["insights.intervalSeconds=5", *thresholds]))
    pod.until_ready()
    yield pod
    node.program("helm", "uninstall", RELEASE, "-n", pod.namespace)


def insights(operator: OperatorPod, namespace: str) -> list[dict[str, Any]]:
    """The insights of a namespace, or all of them where it is ''; [] while there is no pod that answers."""
    where = ("-n", namespace) if namespace else ()
    said = operator.exec("kube9-cli", "insights", "list", *where, "-o", "json", fail=True)
    return json.loads(said)["insights"] if said.startswith("{") else []


def concluded(operator: OperatorPod, namespace: str) -> set[tuple[str, str]]:
    """Rule and owner of each."""
    return {(one["rule"], (one.get("owner") or {}).get("name", one["object_name"])) for one in insights(operator, namespace)}


def told(operator: OperatorPod, namespace: str) -> Counter[tuple[str, str]]:
    """For each insight how often its events tell that it was found and resolved."""
    found = operator.events("--type", "insight", "--object-namespace", namespace)
    return Counter((one["metadata"]["insight_id"], one["metadata"]["reason"]) for one in found)


@pytest.mark.parametrize("killed", [False, True], ids=["undisturbed", "killed"])
def test_each_story_is_concluded_once_and_resolved_when_mended(node: Node, concluding: OperatorPod, killed: bool) -> None:
    prepare(node)
    time.sleep(2 * THRESHOLDS["change_baseline_s"])
    assert {namespace: concluded(concluding, namespace) for namespace in STORIES} == {namespace: set() for namespace in STORIES}
    with deaths(concluding) if killed else contextlib.nullcontext():
        for story in STORIES.values():
            story.begin(node)
        for namespace in STORIES:
            until(lambda namespace=namespace: concluded(concluding, namespace) >= TABLE[namespace], namespace, LONG_SECONDS)
    time.sleep(SETTLE_SECONDS)
    assert {namespace: concluded(concluding, namespace) for namespace in STORIES} == {
        namespace: TABLE[namespace] for namespace in STORIES
    }
    for story in STORIES.values():
        story.mend(node)
    for namespace in STORIES:
        until(
            lambda namespace=namespace: all(one["status"] == "resolved" for one in insights(concluding, namespace)),
            f"the end of {namespace}",
            LONG_SECONDS,
        )
        found = insights(concluding, namespace)
        assert told(concluding, namespace) == Counter(
            (one["id"], reason) for one in found for reason in ("InsightFound", "InsightResolved")
        )


@contextlib.contextmanager
def deaths(operator: OperatorPod) -> Iterator[None]:
    """Kills a process of the operator every few seconds: the analyzer, the writer, a watcher, or all of them."""
    chance, ended = random.Random(7), threading.Event()

    def kill() -> None:
        while not ended.wait(5 + 5 * chance.random()):
            # Of the processes of the container, any but this shell.
            pids = operator.exec("sh", "-c", "ls -d /proc/[0-9]* | sed s,/proc/,,", fail=True).split()
            if pids:
                operator.exec("kill", "-9", chance.choice(pids), fail=True)

    thread = threading.Thread(target=kill)
    thread.start()
    try:
        yield
    finally:
        ended.set()
        thread.join()
        operator.until_ready()


def test_a_healthy_time_gives_none(node: Node, concluding: OperatorPod) -> None:
    """Rollouts, scaling and a CronJob that succeeds, with low thresholds; an hour of it with `make test-long PART=healthy`."""
    node.make_namespaces(WELL)
    schedule = cron("true")
    schedule["metadata"]["namespace"] = WELL
    node.apply(service(WELL), schedule)
    until_at, rounds = time.monotonic() + HEALTHY_SECONDS, 0
    while time.monotonic() < until_at:
        rounds += 1
        release = [{"name": "RELEASE", "value": str(rounds // 5)}]
        node.apply(deployment(WELL, "web", 2 + rounds % 2, readinessProbe=probe("true"), env=release))
        time.sleep(min(60.0, HEALTHY_SECONDS / 3))
    assert insights(concluding, WELL) == []
    looked = concluding.cli("insights", "list", "-o", "json")["analyzed_at"]
    assert time.time() - datetime.fromisoformat(looked).timestamp() < LONG_SECONDS


AT_ONCE = {"nodePlayStageParallelism": 4, "podPlayStageParallelism": 4, "nodeLeaseParallelism": 4}
READY = """conditions: [{type: Ready, status: "True", reason: KubeletReady, lastTransitionTime: {{ Now | Quote }}}]
capacity: {cpu: "8", memory: 8Gi, pods: "110"}
allocatable: {cpu: "8", memory: 8Gi, pods: "110"}"""
RUNNING = """
phase: Running
conditions: [{type: Ready, status: "True", lastTransitionTime: {{ Now | Quote }}}]
containerStatuses: [{name: main, image: "example.invalid/app:1", ready: true, restartCount: 0, state: {running: {}}}]
"""


def stage(name: str, kind: str, at: dict[str, Any], template: str) -> dict[str, Any]:
    """What kwok does with an object that is so."""
    spec = {
        "resourceRef": {"apiGroup": "v1", "kind": kind},
        "selector": {"matchExpressions": [at]},
        "next": {"statusTemplate": template},
    }
    return {"apiVersion": "kwok.x-k8s.io/v1alpha1", "kind": "Stage", "metadata": {"name": name}, "spec": spec}


@contextlib.contextmanager
def two_nodes(node: Node) -> Iterator[None]:
    """Two nodes of kwok, both ready. Pods run on the good one only."""
    parts = (
        {"apiVersion": "config.kwok.x-k8s.io/v1alpha1", "kind": "KwokConfiguration", "options": AT_ONCE},
        stage("ready", "Node", {"key": ".status.conditions", "operator": "DoesNotExist"}, READY),
        stage("running", "Pod", {"key": ".spec.nodeName", "operator": "In", "values": [GOOD]}, RUNNING),
    )
    config = node.folder / "kwok.yaml"
    config.write_text("\n---\n".join(map(json.dumps, parts)), encoding="utf-8")
    words = [node.binaries / "kwok", "--config", config, "--kubeconfig", node.kubeconfig, "--manage-all-nodes=false"]
    words += ["--manage-nodes-with-annotation-selector", "kwok.x-k8s.io/node=fake", "--node-lease-duration-seconds", "8"]
    with (node.folder / "kwok.log").open("ab") as log:
        process = subprocess.Popen([*map(str, words)], stdout=log, stderr=log, env=node.environment())
    try:
        for name in (GOOD, BAD):
            metadata = {
                "name": name,
                "labels": {"fake": "yes", "kubernetes.io/hostname": name},
                "annotations": {"kwok.x-k8s.io/node": "fake"},
            }
            node.plane.api("POST", "/api/v1/nodes", {"metadata": metadata})
        yield
    finally:
        process.terminate()
        process.wait()
        for name in (GOOD, BAD):
            node.kubectl("delete", "node", name, "--ignore-not-found")


def spread(name: str) -> dict[str, Any]:
    """A Deployment with two pods on each of the nodes of kwok."""
    made_of = deployment(NODES, name, 4)
    even = {
        "maxSkew": 1,
        "topologyKey": "kubernetes.io/hostname",
        "whenUnsatisfiable": "DoNotSchedule",
        "labelSelector": {"matchLabels": {"app": name}},
    }
    made_of["spec"]["template"]["spec"] |= {
        "nodeSelector": {"fake": "yes"},
        "tolerations": [{"operator": "Exists"}],
        "topologySpreadConstraints": [even],
    }
    return made_of


def no_sandbox(pod: dict[str, Any]) -> dict[str, Any]:
    """What a kubelet says of a pod for which no sandbox can be made."""
    name, at = pod["metadata"]["name"], time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    about = {"apiVersion": "v1", "kind": "Pod", "namespace": NODES, "name": name, "uid": pod["metadata"]["uid"]}
    return {
        "metadata": {"namespace": NODES, "name": f"{name}.sandbox"},
        "involvedObject": about,
        "reason": "FailedCreatePodSandBox",
        "message": 'Failed to create pod sandbox: plugin type="ptp" failed (add): no IP addresses available in range set',
        "type": "Warning",
        "count": 1,
        "firstTimestamp": at,
        "lastTimestamp": at,
        "source": {"component": "kubelet", "host": BAD},
    }


def test_a_node_goes_bad_while_another_is_well(node: Node, concluding: OperatorPod) -> None:
    node.make_namespaces(NODES)
    with two_nodes(node):
        node.apply(spread("web"), spread("api"))

        def on(name: str) -> list[dict[str, Any]]:
            pods = node.get("pods", "-n", NODES)["items"]
            return [one for one in pods if one["spec"].get("nodeName") == name]

        until(lambda: len(on(BAD)) == len(on(GOOD)) == 4, "the pods on both nodes", LONG_SECONDS)
        until(lambda: all(one["status"]["phase"] == "Running" for one in on(GOOD)), "those that run", LONG_SECONDS)
        for pod in on(BAD):
            node.plane.api("POST", f"/api/v1/namespaces/{NODES}/events", no_sandbox(pod))

        def found() -> list[dict[str, Any]]:
            return [one for one in insights(concluding, "") if one["rule"] == "node-suspect"]

        until(found, "the conclusion", LONG_SECONDS)
        time.sleep(SETTLE_SECONDS)
        assert concluded(concluding, "") == TABLE[NODES]
        (one,) = found()
        assert (one["nodes"], len(one["evidence"])) == ([BAD], 4)
        node.kubectl("delete", "deployments", "--all", "-n", NODES)
        # No kubelet ends them.
        node.kubectl("delete", "pods", "--all", "-n", NODES, "--force", "--grace-period=0")
        node.kubectl("delete", "namespace", NODES)
        until(lambda: [one["status"] for one in found()] == ["resolved"], "its end", LONG_SECONDS)
