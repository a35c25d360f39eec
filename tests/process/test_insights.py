"""The whole operator concludes something from what it records, whichever of its processes is killed."""

import itertools
import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests.operator import Operator, until
from tests.standin import StandIn, warning

IMAGE = "registry.example/shop/web:2.4"
LIMITS = '{"image_failing_s": 0, "settle_s": 0, "pending_s": 1}'


def pod(name: str, waiting: str = "") -> dict[str, Any]:
    state = {"waiting": {"reason": waiting}} if waiting else {"running": {}}
    return {
        "metadata": {"namespace": "shop", "name": name, "uid": f"uid-{name}"},
        "spec": {"containers": [{"name": "app"}], "nodeName": "node1"},
        "status": {
            "phase": "Pending" if waiting else "Running",
            "containerStatuses": [{"name": "app", "restartCount": 0, "state": state}],
        },
    }


def pull(name: str) -> dict[str, Any]:
    return warning(name, "Failed", f'Failed to pull image "{IMAGE}": not found', when=time.time())


def begin(standin: StandIn) -> None:
    """The story. An Event has whole seconds: what begins in the second of the start would be listed without events."""
    time.sleep(1.1)
    standin.put("pods", pod("web-1", "ImagePullBackOff"), pod("api-1", "ImagePullBackOff"))
    standin.write(pull("web-1"), pull("api-1"))


class Concluding(Operator):
    """An operator that looks every second."""

    def __init__(self, folder: Path, standin: StandIn, **environment: str) -> None:
        given = {"INSIGHTS_INTERVAL_SECONDS": "1", "INSIGHTS_THRESHOLDS": LIMITS} | environment
        super().__init__(folder, standin.kubeconfig(folder), {"side_first": 0.05, "side_most": 0.5}, **given)

    def said(self) -> list[str]:
        """What its events of type insight tell of, the oldest first."""
        return [one["metadata"]["reason"] for one in reversed(self.events("--type=insight", "--sort=created"))]


def test_a_story_is_told_once(tmp_path: Path, standin: StandIn) -> None:
    with Concluding(tmp_path, standin) as operator:
        until(lambda: operator.health()[1]["status"] == "healthy", "every list")
        begin(standin)
        until(lambda: operator.said() == ["InsightFound"], "the insight")
        (found,) = operator.events("--type=insight")
        assert (found["object_kind"], found["object_name"], found["severity"]) == ("Image", IMAGE, "error")
        assert found["metadata"]["rule"] == "image-or-registry"
        assert found["metadata"]["category"] == "issue"
        evidence = found["metadata"]["evidence"]
        assert sorted(evidence) == sorted(one["id"] for one in operator.events("--reason=Failed"))
        counted = {"category": "issue", "severity": "error"}
        until(lambda: operator.counter("kube9_insights_unresolved", **counted) == 1, "the gauge")
        assert time.time() - operator.counter("kube9_insights_last_look_timestamp_seconds") < 60
        standin.put("pods", pod("web-1"), pod("api-1"))
        until(lambda: operator.said() == ["InsightFound", "InsightResolved"], "its end")
        until(lambda: operator.counter("kube9_insights_unresolved", **counted) == 0, "the gauge")
        until(lambda: operator.counter("kube9_events_total", event_type="insight", severity="info") == 1, "the counter")
        assert "analyzer" in operator.health()[1]["processes"]
        assert operator.stop() == 0
    assert not [line for line in operator.log() if line["level"] == "error"]


@pytest.mark.parametrize("seed", [1, pytest.param(2, marks=pytest.mark.long)])
def test_whoever_is_killed_the_insights_are_the_same(tmp_path: Path, standin: StandIn, seed: int) -> None:
    chance = random.Random(seed)
    victims = itertools.cycle(chance.sample(("analyzer", "writer", "watcher-events", "watcher-pods", "supervisor"), 5))
    with Concluding(tmp_path, standin) as operator:

        def kill_some(number: int) -> None:
            for victim in itertools.islice(victims, number):
                time.sleep(chance.random())
                operator.kill(victim)
                if victim == "supervisor":
                    operator.start()

        until(lambda: operator.health()[1]["status"] == "healthy", "every list")
        begin(standin)
        kill_some(5)
        until(lambda: "InsightFound" in operator.said(), "the insight")
        kill_some(2)
        standin.put("pods", pod("web-1"), pod("api-1"))
        kill_some(3)
        until(lambda: "InsightResolved" in operator.said(), "its end")
        time.sleep(2.5)
        assert operator.said() == ["InsightFound", "InsightResolved"]
        assert len({one["metadata"]["insight_id"] for one in operator.events("--type=insight")}) == 1


def test_insights_can_be_switched_off(tmp_path: Path, standin: StandIn) -> None:
    with Concluding(tmp_path, standin, INSIGHTS_ENABLED="false") as operator:
        until(lambda: operator.health()[1]["status"] == "healthy", "every list")
        assert "analyzer" not in operator.health()[1]["processes"]
        assert operator.pid("analyzer") is None
