"""What the options that select events find: by owner, service and node, by patterns, by text, and what they leave out."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kube9_schema import facts
from tests.cli import run_cli
from tests.record import Record

LONGHORN = "longhorn.io/v1beta2"


@pytest.fixture(scope="module")
def named(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, dict[str, str]]]:
    """A record, and short names of its events by their ids."""
    record = Record(tmp_path_factory.mktemp("selecting"))
    event = record.event
    found = {
        event("Deployment/shop/web", "ScalingReplicaSet", severity="info", source="deployment-controller"): "deployment",
        event("ReplicaSet/shop/web-1", "FailedCreate", source="replicaset-controller"): "replicaset",
        event("Pod/shop/web-1-a", "BackOff", ago=30, lasts=20, node="n1", severity="error", exit_code=137): "pod",
        event("Pod/shop/web-1-a", "BackOff", uid="old", node="n2", ago=200): "pod of that name before",
        event("Deployment/dev/web", "ScalingReplicaSet", severity="info", source="deployment-controller"): "other deployment",
        event(
            "Pod/dev/web-2-a", "Unhealthy", node="n1", description='Readiness probe failed: "Connection REFUSED"'
        ): "other pod",
        event("Pod/shop/gone", "Evicted", node="n2", ago=50, source=None): "evicted",
        event("Job/shop/backup-1", "BackoffLimitExceeded", source="job-controller"): "job",
        event("Pod/shop/backup-1-x", "Failed", source=None, termination_message="no route to größe.example"): "job's pod",
        event("Node//n1", "NodeNotReady", node="n1", severity="critical", source="node-controller"): "node",
        event("Node/longhorn-system/n1", "Degraded", api_version=LONGHORN, source="longhorn-node-controller"): "longhorn node",
        event("Gateway/edge/public", "Invalid", api_version="gateway.networking.k8s.io/v1", source="envoy"): "gateway",
        event("Gateway/mesh/public", "Invalid", api_version="networking.istio.io/v1", source="istiod"): "istio gateway",
        event("Pod/gateway/front", "Unhealthy", node="n2", source=""): "pod in gateway",
        event("Namespace//shop", "NamespaceDeleted", source=None): "namespace",
        event("ResourceQuota/shop/compute", "FailedCreate", source="replicaset-controller"): "quota",
        event("Service/shop/api", "NoEndpoints", source=None): "service",
        event("Pod/shop/api-1", "Unhealthy", ago=20): "while behind",
        event("Pod/shop/api-2", "Unhealthy", ago=3): "after it left",
        event("Pod/shop/api-2", "Killing", uid="twin", ago=3): "another of that name",
        event("", "GapFound", event_type="operator", source=None): "operator",
    }
    record.owns("Deployment/shop/web", "ReplicaSet/shop/web-1")
    record.owns("ReplicaSet/shop/web-1", "Pod/shop/web-1-a")
    record.owns("CronJob/shop/backup", "Job/shop/backup-1")
    record.owns("Job/shop/backup-1", "Pod/shop/backup-1-x")
    record.owns("Deployment/shop/web", "ReplicaSet/shop/web-0")
    record.owns("ReplicaSet/shop/web-0", "Pod/shop/gone")
    record.stopped_by_quota(next(key for key, name in found.items() if name == "quota"), "ReplicaSet/shop/web-1")
    record.behind("shop/api", "api-1", since=60)
    record.behind("shop/api", "api-2", since=60, until=30)
    record.close()
    return record.folder, found


def answer(folder: Path, *arguments: str) -> dict[str, Any]:
    done = run_cli(folder, "events", "list", *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


@pytest.mark.parametrize("moved", [True, False])
def test_an_event_about_a_namespace_without_a_name_is_in_none(tmp_path: Path, moved: bool) -> None:
    record = Record(tmp_path)
    expected = {record.event("Namespace//shop", "NamespaceDeleted"), record.event("Pod/shop/web", "BackOff")}
    record.event("Namespace//", "NamespaceDeleted")
    record.event("Node//n1", "NodeNotReady")
    if not moved:
        record.connection.execute("INSERT INTO facts VALUES (?, 0)", (facts.MOVE_UNTIL,))
    record.close()
    assert {event["id"] for event in answer(tmp_path, "-n", "*")["events"]} == expected


BEFORE = {"pod of that name before", "pod in gateway"}
DEPLOYMENT = {"deployment", "replicaset", "pod", "evicted", "quota"}
CASES: list[tuple[str, set[str]]] = [
    ("--for deploy/web -n shop", DEPLOYMENT),
    ("--for deployments.apps web -n shop", DEPLOYMENT),
    ("--for Deployment/web", DEPLOYMENT | {"other deployment"}),
    ("--for rs/web-1", {"replicaset", "pod", "quota"}),
    ("--for pod/web-1-a", {"pod", "pod of that name before"}),
    ("--for pod web-1-a gone", {"pod", "pod of that name before", "evicted"}),
    ("--for pod/gone --for rs/web-1", {"evicted", "replicaset", "pod", "quota"}),
    ("--for cronjob/backup", {"job", "job's pod"}),
    ("--for cj/back*", {"job", "job's pod"}),
    (" ".join(f"--for svc/s{n}* pod/p{n} node/m{n} ns/a{n}" for n in range(12)) + " --for pod/gone", {"evicted"}),
    ("--for node/n1", {"node", "pod", "other pod"}),
    ("--for node/n1 -n dev", {"other pod"}),
    ("--for nodes.longhorn.io/n1", {"longhorn node"}),
    ("--for nodes.v1beta2.longhorn.io n1", {"longhorn node"}),
    ("--for ns/dev", {"other deployment", "other pod"}),
    ("--for svc/api", {"service", "while behind"}),
    ("--for svc/api -n dev", set()),
    ("--for gateway/public", {"gateway", "istio gateway"}),
    ("--for gateways.networking.istio.io/public", {"istio gateway"}),
    ("--for deploy/nothing", set()),
    ("-n dev", {"other deployment", "other pod"}),
    ("-n gateway,mesh", {"pod in gateway", "istio gateway"}),
    ("-n sh?p --kind ns", {"namespace"}),
    ("-n shop --type operator", set()),
    ("-n longhorn-*", {"longhorn node"}),
    ("-n dev -n mesh", {"other deployment", "other pod", "istio gateway"}),
    ("-n nothing", set()),
    ("--kind deployments,RS", {"deployment", "other deployment", "replicaset"}),
    ("--kind no", {"node"}),
    ("--kind nodes.longhorn.io", {"longhorn node"}),
    ("--kind no,nodes.longhorn.io", {"node", "longhorn node"}),
    ("--kind GATEWAYS", {"gateway", "istio gateway"}),
    ("--kind gateway.gateway.networking.k8s.io", {"gateway"}),
    ("--kind statefulset", set()),
    ("--name web", {"deployment", "other deployment"}),
    ("--name web-?,backup-1", {"replicaset", "job"}),
    ("--name *-a -n dev", {"other pod"}),
    ("--reason backofflimitexceeded,Evic*", {"job", "evicted"}),
    ("--node n2", {"pod of that name before", "evicted", "pod in gateway"}),
    ("--node n*", {"pod", "pod of that name before", "other pod", "evicted", "node", "pod in gateway"}),
    ("--severity error+", {"pod", "node"}),
    ("--severity error", {"pod"}),
    ("--source kube9-operator --type cluster", {"evicted", "job's pod", "namespace", "service"}),
    ("--source Job-Controller,istio*", {"job", "istio gateway"}),
    ("--search refused", {"other pod"}),
    ('--search "connection%refused"', {"other pod"}),
    ('--search "refused%connection"', set()),
    ("--search probe%REFUSED%web-2", {"other pod"}),
    ("--search probe --search nothing", set()),
    ("--search 137", {"pod"}),
    ("--search GRÖSSE", {"job's pod"}),
    ("--search BackoffLimit", {"job"}),
    ("--search longhorn-node-controller", {"longhorn node"}),
    ("--search exit_code", set()),
    ("--search n2", {"pod of that name before", "evicted", "pod in gateway"}),
    ("--kind pod --exclude namespace=shop", {"other pod", "pod in gateway"}),
    ("-n dev --exclude kind=deploy", {"other pod"}),
    ("--for deploy/web -n shop --exclude for=rs/web-1,pod/gone", {"deployment"}),
    (
        "--node n1,n2 --exclude search=refused --exclude severity=error+",
        {"pod of that name before", "evicted", "pod in gateway"},
    ),
    ("--type operator --exclude reason=Nothing,never", {"operator"}),
    ("--exclude type=cluster", {"operator"}),
    ("--kind po --exclude source=kubelet --exclude name=go*", {"job's pod", "pod in gateway"}),
    ("--kind pod --exclude node=n?", {"job's pod", "while behind", "after it left", "another of that name"}),
    ("--object-kind gateway", {"gateway", "istio gateway"}),
    ("--object-kind gateways", {"gateway", "istio gateway"}),
    ("--object-kind Node", {"node", "longhorn node"}),
    ("--object-kind Unknown", set()),
    ("--object-kind unknown.example.org", set()),
    ("--object-kind gateways.networking.istio.io", {"istio gateway"}),
    ("--object-kind po.v1 -n gateway", {"pod in gateway"}),
    ("--object-kind deployments.apps -n dev", {"other deployment"}),
    ("--object-namespace shop --object-kind ns", set()),
    ("--object-namespace *", set()),
    ("--object-name web-1-a", {"pod", "pod of that name before"}),
    ("--object-name web-?", set()),
    ("--name web --count none", {"deployment", "other deployment"}),
]


@pytest.mark.parametrize(("options", "expected"), CASES, ids=lambda value: value if isinstance(value, str) else "")
def test_what_an_option_selects(named: tuple[Path, dict[str, str]], options: str, expected: set[str]) -> None:
    folder, names = named
    found = answer(folder, *(option.replace("%", " ") for option in options.split()))
    assert {names[event["id"]] for event in found["events"]} == expected
    assert found["pagination"].get("total", len(expected)) == len(expected) == len(found["events"])
    assert ("total" in found["pagination"]) is ("none" not in options)


@pytest.mark.parametrize("sort", ["last", "first", "created", "count", "severity", "seen"])
@pytest.mark.parametrize("reverse", [False, True])
@pytest.mark.parametrize("options", [[], ["--for=deploy/web"], ["-n", "shop"]])
def test_every_order_is_total_and_can_be_reversed(
    named: tuple[Path, dict[str, str]], sort: str, reverse: bool, options: list[str]
) -> None:
    folder, _ = named
    arguments = [*options, f"--sort={sort}", *(["--reverse"] if reverse else [])]
    whole = answer(folder, *arguments)["events"]
    levels = ["info", "warning", "error", "critical"]
    keys = {
        "last": lambda event: event["last_seen_at"],
        "first": lambda event: event["first_seen_at"],
        "created": lambda event: event["id"],
        "count": lambda event: event["count"],
        "severity": lambda event: levels.index(event["severity"]),
    }
    key = keys["last" if sort == "seen" else sort]
    expected = sorted(whole, key=lambda event: (key(event), event["id"]), reverse=not reverse)
    assert [event["id"] for event in whole] == [event["id"] for event in expected]
    pages = [answer(folder, *arguments, "--limit=4", f"--offset={at}")["events"] for at in range(0, len(whole), 4)]
    assert [event for page in pages for event in page] == whole


@pytest.mark.parametrize("kinds", [["svc"], ["deploy"], ["node"], ["ns"], ["svc", "pod", "node", "ns", "nodes.longhorn.io"]])
@pytest.mark.parametrize("end", ["", "*"])
def test_as_many_objects_as_an_option_takes(named: tuple[Path, dict[str, str]], kinds: list[str], end: str) -> None:
    objects = [f"{kind}/web{number}{end}" for number in range(50 // len(kinds)) for kind in kinds]
    assert answer(named[0], *(word for one in objects for word in ("--for", one)))["events"] == []
    assert len(answer(named[0], f"--exclude=for={','.join(objects)}")["events"]) == len(named[1])


def test_an_unknown_kind_is_an_error_that_suggests_the_nearest(named: tuple[Path, dict[str, str]]) -> None:
    for option, value, hint in (
        ("--kind", "deplyoment", "did you mean deployment?"),
        ("--kind", "gatewy", "did you mean gateway?"),
        ("--for", "statfulset/db", "did you mean statefulset?"),
        ("--kind", "nodes.example.org", "did you mean nodes?"),
        ("--kind", "qqqqq", ""),
        ("--kind", "po*", "a kind is not a pattern"),
        ("--exclude kind", "pood", "did you mean pod?"),
        ("--exclude for", "pood/web", "did you mean pod?"),
    ):
        flag, _, field = option.partition(" ")
        done = run_cli(named[0], "events", "list", flag, f"{field}={value}" if field else value)
        said = json.loads(done.stderr)
        assert (done.returncode, done.stdout) == (1, "")
        assert said["error"] == f"Invalid {option} {value.partition('/')[0]}"
        assert said["details"].startswith("neither Kubernetes nor the record has such a kind")
        assert said["details"].endswith(hint)
        assert said["code"] == "INVALID_ARGUMENT"


def test_an_answer_names_the_time_zone_of_what_was_asked(named: tuple[Path, dict[str, str]]) -> None:
    folder, _ = named
    arguments = ["--tz=Asia/Kolkata", "--since=2026-07-01T10:00Z", "--until=2026-07-01T12:00Z"]
    said = answer(folder, *arguments)
    assert said["asked"] == {
        "time_zone": "Asia/Kolkata",
        "since": "2026-07-01T10:00:00.000Z",
        "until": "2026-07-01T12:00:00.000Z",
    }
    line = run_cli(folder, "events", "list", "-o", "table", *arguments).stderr
    asked = "Asked for: since 2026-07-01 15:30:00, until 2026-07-01 17:30:00 (Asia/Kolkata)."
    assert asked in line
    assert answer(folder, "--tz=+02:00", "--since=yesterday")["asked"]["since"].endswith("T22:00:00.000Z")
    assert "asked" not in answer(folder, "--since=2h ago")


HINTS = [
    ("--for deploy/wep -n shop", ["about deploy/wep or what it owned was ever recorded; did you mean web?"]),
    (
        "--for svc/apj,x -n shpo",
        ["in namespace shpo was ever recorded; did you mean shop?", "about svc/apj,x or what it owned"],
    ),
    ("-n dev,nothing --name x* --node n3", ["about an object named x*", "on node n3", "in namespace nothing"]),
    ("--reason Evictd", ["with reason Evictd was ever recorded; did you mean Evicted?"]),
    ("--name bac", ["about an object named bac was ever recorded; did you mean backup-1, or bac*?"]),
    ("--object-name bac", ["about an object named bac was ever recorded; did you mean backup-1?"]),
    ("--name b…-x", ["about an object named b…-x was ever recorded; did you mean backup-1-x?"]),
    ("--for job/back", ["about job/back or what it owned was ever recorded; did you mean backup-1?"]),
    ("--node n", ["on node n was ever recorded; did you mean n1, or n*?"]),
    ("--object-kind Unknown", ["about kind Unknown was ever recorded."]),
    ("--kind sts", ["about kind sts was ever recorded."]),
    ("--severity critical --kind pod", []),
    ("--source kubelt", ["reported by kubelt was ever recorded; did you mean kubelet?"]),
    ("--source KUBELET --reason Evictd", ["with reason Evictd"]),
    ("--severity error --exclude severity=error+", ["can match: --exclude severity leaves out all that --severity asks for."]),
    ("--kind pod --exclude kind=po", ["can match: --exclude kind leaves out all that --kind asks for."]),
    ("-n shop,dev --exclude namespace=sh*,dev", ["can match: --exclude namespace leaves out all that --namespace asks for."]),
    ("--object-namespace shop --exclude namespace=shop", ["leaves out all that --object-namespace asks for."]),
    ("--for deploy/web --exclude for=deployments/web", ["can match: --exclude for leaves out all that --for asks for."]),
    ("--source kubelet --exclude source=Kubelet", ["can match: --exclude source leaves out all that --source asks for."]),
    ("-n shop --kind node", ["can match: a Node is in no namespace; leave out --namespace."]),
    ("-n shop --object-kind Node", ["can match: a Node is in no namespace; leave out --namespace."]),
    ("-n shop --kind node,pod --severity critical", []),
]


@pytest.mark.parametrize(("options", "hints"), HINTS, ids=lambda value: value if isinstance(value, str) else "")
def test_an_empty_answer_says_what_was_never_recorded(
    named: tuple[Path, dict[str, str]], options: str, hints: list[str]
) -> None:
    found = answer(named[0], *options.split())
    assert found["events"] == []
    said = found.get("hints", [])
    assert len(said) == len(hints)
    assert all(any(one.startswith("No event ") and hint in one for one in said) for hint in hints), said
    line = run_cli(named[0], "events", "list", "-o", "table", *options.split()).stderr
    assert all(one in line for one in said)
