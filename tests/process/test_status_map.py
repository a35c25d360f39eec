"""The ConfigMap that says how the operator is: at start, on change, at the interval; trouble with it stops nothing."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kube9_operator import __version__
from tests.operator import Operator, until
from tests.standin import StandIn, warning

PATH = "/api/v1/namespaces/kube9-system/configmaps/kube9-operator-status"


@pytest.fixture
def operator(tmp_path: Path, standin: StandIn) -> Iterator[Operator]:
    environment = {"POD_NAMESPACE": "kube9-system", "STATUS_UPDATE_INTERVAL_SECONDS": "1"}
    with Operator(tmp_path, standin.kubeconfig(tmp_path), **environment) as running:
        yield running


def published(standin: StandIn) -> Any:
    """The status as the extension reads it, None as long as there is none."""
    found = standin.control("applied").get(PATH)
    return json.loads(found["data"]["status"]) if found else None


def test_it_says_what_the_extension_reads(operator: Operator, standin: StandIn) -> None:
    until(lambda: (found := published(standin)) and found["health"] == "healthy", "the ConfigMap")
    said = until(lambda: "argocd" in (found := published(standin)) and found, "the first look for Argo CD")
    last_update = said.pop("lastUpdate")
    cluster = said.pop("clusterId")
    assert said.pop("assessment")["lastScheduledOutcome"] == "none"
    assert said.pop("argocd") | {"lastChecked": ""} == {
        "detected": False,
        "namespace": None,
        "version": None,
        "lastChecked": "",
    }
    assert said == {
        "mode": "operated",
        "version": __version__,
        "health": "healthy",
        "error": None,
        "namespace": "kube9-system",
        "collectionStats": {
            "totalSuccessCount": 0,
            "totalFailureCount": 0,
            "collectionsStoredCount": 0,
            "lastSuccessTime": None,
        },
    }
    assert len(cluster) == 36
    document = standin.control("applied")[PATH]
    assert document["metadata"]["name"] == "kube9-operator-status"
    assert document["data"]["namespace"] == "kube9-system"
    assert document["query"] == "fieldManager=kube9-operator&force=true"
    until(lambda: published(standin)["lastUpdate"] > last_update, "the interval")
    assert operator.health()[1]["status_configmap"]["trouble"] == ""


def test_it_has_the_newest_scheduled_assessment(tmp_path: Path, standin: StandIn) -> None:
    """Whoever is killed meanwhile."""
    environment = {"POD_NAMESPACE": "kube9-system", "ASSESSMENT_TIMEOUT_SECONDS": "60"}
    short = {"assess_first": 0.0, "side_first": 0.05}
    with Operator(tmp_path, standin.kubeconfig(tmp_path), short, **environment) as operator:
        for victim in ("assessor", "writer", "assessor"):
            operator.kill(victim)
        block = until(
            lambda: (found := (published(standin) or {}).get("assessment")) and found["lastScheduledChecks"] and found, "it"
        )
        assert (block["lastScheduledOutcome"], block["lastScheduledRunState"]) == ("success", "completed")
        assert block["lastScheduledTotals"]["completedChecks"] == block["lastScheduledTotals"]["totalChecks"] == 31
        keys = [(one["pillar"], one["checkName"]) for one in block["lastScheduledChecks"]]
        assert len(keys) == 31
        assert keys == sorted(keys)
        assert all(("message" in one) == (one["status"] != "passing") for one in block["lastScheduledChecks"])
        events = operator.events("--type=assessment")
        assert sorted(one["metadata"]["reason"] for one in events) == ["AssessmentCompleted", "AssessmentStarted"]
        assert {one["metadata"]["run_id"] for one in events} == {block["lastScheduledRunId"]}
        until(lambda: operator.counter("kube9_assessment_runs_total", state="completed") == 1, "it to be counted")
        assert operator.counter("kube9_assessment_last_score_ratio") > 0


def test_it_follows_health(operator: Operator, standin: StandIn) -> None:
    until(lambda: (published(standin) or {}).get("health") == "healthy", "the ConfigMap")
    standin.control("refuse", {"nodes": 403})
    until(lambda: "not permitted" in (published(standin)["error"] or ""), "the change")
    assert published(standin)["health"] == "degraded"
    standin.control("refuse", {"nodes": 0})
    until(lambda: published(standin)["health"] == "healthy", "it to heal")
    assert published(standin)["error"] is None


def test_where_it_may_not_be_written_recording_goes_on(operator: Operator, standin: StandIn) -> None:
    standin.control("answer_apply", 403)
    reasons = ["the status ConfigMap cannot be written: not permitted"]
    found = until(lambda: (said := operator.health()[1])["reasons"] == reasons and said, "health to say so")
    assert found["status"] == "degraded"
    standin.write(warning("one", "BackOff", "again"))
    until(lambda: operator.events(), "the event")
    assert len([line for line in operator.log() if line["event"] == "status.failed"]) == 1
    standin.control("answer_apply", 200)
    until(lambda: operator.health()[0] == 200, "it to heal")
    until(lambda: (published(standin) or {}).get("health") == "healthy", "the ConfigMap to say so")


def test_a_passing_trouble_is_no_change_of_health(operator: Operator, standin: StandIn) -> None:
    until(lambda: published(standin), "the ConfigMap")
    standin.control("answer_apply", 500)
    until(lambda: operator.health()[1]["status_configmap"]["trouble"], "the trouble")
    until(lambda: operator.health()[0] == 200, "health, whatever the trouble")
    assert operator.health()[1]["status_configmap"]["trouble"]
    standin.control("answer_apply", 200)
    until(lambda: not operator.health()[1]["status_configmap"]["trouble"], "it to heal")


def test_without_a_namespace_there_is_none(tmp_path: Path, standin: StandIn) -> None:
    with Operator(tmp_path, standin.kubeconfig(tmp_path), POD_NAMESPACE="") as running:
        until(lambda: running.health()[1]["watches"]["events"]["confirmed_until"], "the list")
        assert running.health()[1]["status_configmap"] == {"last_written": None, "trouble": ""}
        assert standin.control("applied") == {}


def test_elsewhere_the_log_says_what_the_extension_needs(tmp_path: Path, standin: StandIn) -> None:
    with Operator(tmp_path, standin.kubeconfig(tmp_path), POD_NAMESPACE="monitoring") as running:
        until(lambda: standin.control("applied"), "the ConfigMap")
        (said,) = [line for line in running.log() if line["event"] == "status.elsewhere"]
        assert (said["namespace"], said["extension_setting"]) == ("monitoring", "kube9.operatorNamespace")
