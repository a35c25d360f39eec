"""Argo CD's and Flux's resources, whose definitions are installed and removed while the operator runs and is killed."""

from pathlib import Path
from typing import Any

import pytest

from kube9_operator.model.sources import CUSTOM
from tests.operator import Operator, until
from tests.standin.client import StandIn

DEFINITIONS = list(CUSTOM)
CONFIRMED = {"confirmed": True, "confirmed_until": "", "trouble": ""}


@pytest.fixture
def operator(tmp_path: Path, standin: StandIn) -> Operator:
    return Operator(tmp_path, standin.kubeconfig(tmp_path))


def application(sync: str = "", health: str = "", **operation: Any) -> dict[str, Any]:
    status: dict[str, Any] = {}
    if sync:
        status = {"sync": {"status": sync, "revision": "0f3e1d"}, "health": {"status": health}}
    if operation:
        status["operationState"] = {"operation": {"initiatedBy": {"username": "ada"}}, **operation}
    return {"metadata": {"namespace": "argocd", "name": "web"}, "status": status}


def kustomization(ready: str, reason: str) -> dict[str, Any]:
    conditions = [{"type": "Ready", "status": ready, "reason": reason, "message": "as it is"}]
    return {"metadata": {"namespace": "flux-system", "name": "apps"}, "status": {"conditions": conditions}}


def recorded(operator: Operator) -> list[tuple[str, int]]:
    found = operator.cli("events", "list", "--limit", "0")["events"]
    return sorted((one["title"], one["count"]) for one in found if one.get("object_kind") in ("Application", "Kustomization"))


def is_healthy(operator: Operator) -> bool:
    return operator.health()[0] == 200


def absent(operator: Operator) -> set[str]:
    """The sources whose definition was removed."""
    return {line["source"] for line in operator.log() if line["event"] == "watch.not_installed" and line["level"] == "info"}


def states(operator: Operator) -> set[str]:
    watches = operator.cli("status")["watches"]
    return {watches.get(source, {}).get("state", "") for source in CUSTOM}


def is_current(standin: StandIn) -> bool:
    return all(any("watch=1" in target for target in standin.control("requests", source)) for source in CUSTOM)


def test_definitions_come_and_go(operator: Operator, standin: StandIn) -> None:
    with operator:
        until(lambda: is_healthy(operator), "health without any definition")
        watches = operator.health()[1]["watches"]
        assert all(watches[source] | {"confirmed_until": ""} == CONFIRMED for source in CUSTOM)
        until(lambda: states(operator) == {"not served"}, "the status to say so")
        assert operator.cli("events", "list")["coverage"]["complete"], "nothing is missing of what is not there"
        standin.control("install", DEFINITIONS)
        until(lambda: is_current(standin), "the watches")
        until(lambda: states(operator) == {"current"}, "the status to say so")
        standin.put("applications", application())
        standin.put("kustomizations", kustomization("Unknown", "Progressing"))
        standin.put("applications", application("OutOfSync", "Missing"))
        began = {"phase": "Running", "startedAt": "2026-11-30T10:00:00Z"}
        standin.put("applications", application("OutOfSync", "Missing", **began))
        standin.put("kustomizations", kustomization("False", "BuildFailed"))
        wanted = [
            ("Application out of sync", 1),
            ("Application sync started", 1),
            ("Application unhealthy", 1),
            ("Kustomization failed: BuildFailed", 1),
        ]
        until(lambda: recorded(operator) == wanted, "a change each")
        operator.kill("watcher-rest")
        ended = began | {"phase": "Succeeded", "finishedAt": "2026-11-30T10:00:09Z"}
        standin.put("applications", application("Synced", "Healthy", **ended))
        operator.kill("writer")
        standin.put("kustomizations", kustomization("True", "ReconciliationSucceeded"))
        wanted += [
            ("Application healthy", 1),
            ("Application sync succeeded", 1),
            ("Application synced", 1),
            ("Kustomization ReconciliationSucceeded", 1),
        ]
        until(lambda: recorded(operator) == sorted(wanted), "what happened while they were dead")
        standin.control("install", [])
        until(lambda: "applications" in absent(operator), "the absence")
        standin.control("install", DEFINITIONS)
        standin.put("applications", application("Synced", "Healthy"))
        standin.put("applications", application("Synced", "Degraded"))
        until(lambda: ("Application degraded", 1) in recorded(operator), "the change after it is installed again")
        assert recorded(operator) == sorted([*wanted, ("Application degraded", 1)])
        until(lambda: is_healthy(operator), "health")
    problems = [line["event"] for line in operator.log() if line["level"] in ("warning", "error")]
    assert not {event for event in problems if event.startswith(("watch.", "problem."))}, problems


def test_a_permission_that_is_missing_is_said(operator: Operator, standin: StandIn) -> None:
    standin.control("install", ["applications"])
    standin.control("refuse", {"applications": 403})
    with operator:
        until(lambda: operator.health()[1]["reasons"] == ["applications: not permitted"], "the reason")
        assert operator.health()[1]["status"] == "degraded"
        standin.control("install", [])
        until(lambda: is_healthy(operator), "no permission for what is absent is no fault")


def test_switched_off_they_are_not_asked_for(operator: Operator, standin: StandIn) -> None:
    standin.control("install", DEFINITIONS)
    operator.environment |= {"ARGOCD_ENABLED": "false", "FLUX_ENABLED": "false"}
    with operator:
        until(lambda: is_healthy(operator), "health")
        assert not set(operator.health()[1]["watches"]) & set(CUSTOM)
    assert not any(standin.control("requests", source) for source in CUSTOM)
