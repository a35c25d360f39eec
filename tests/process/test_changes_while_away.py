"""The operator is stopped in the midst of changes and started again: each net change is recorded once, dated or with a range
that contains it, with who made it; and no time is called complete in which one may still be found.
"""

import time
from datetime import datetime
from pathlib import Path
from typing import Any

import pytest

from tests.managed import IMAGE, MEMORY, REPLICAS, Managed, deployment, scaled, stamp
from tests.operator import Operator, until
from tests.standin import StandIn

AWAY_SECONDS = 6.0
NAMES = ("scaled", "imaged", "limited", "both", "edited", "twice", "there-and-back")
UNKNOWN = "changes in between unknown"


@pytest.fixture
def operator(tmp_path: Path, standin: StandIn) -> Operator:
    return Operator(tmp_path, standin.kubeconfig(tmp_path), WATCH_CONFIG_MAPS="true")


def seconds(text: str) -> float:
    return datetime.fromisoformat(text).timestamp()


class World:
    """What changes, and when each change was made."""

    def __init__(self, standin: StandIn) -> None:
        self._standin = standin
        self.deployments = {name: deployment(name) for name in NAMES}
        self.config = Managed("settings")
        self.made: dict[str, list[float]] = {}
        for one in self.deployments.values():
            standin.put("deployments", one.object())
        standin.put("configmaps", self.config.write("helm", at=time.time() - 3_600, data__level="info"))
        standin.put("namespaces", {"metadata": {"name": "old"}})

    def change(self, name: str, manager: str, subresource: str = "", **values: Any) -> None:
        """One write of a Deployment."""
        self.made.setdefault(name, []).append(time.time())
        if subresource:
            (replicas,) = values.values()
            self._standin.write(scaled(name, self.deployments[name].object()["spec"]["replicas"], replicas))
        self._standin.put("deployments", self.deployments[name].write(manager, subresource, **values))

    def happens(self) -> None:
        """All of it, in some seconds."""
        self.change("scaled", "kubectl", "scale", **{REPLICAS: 5})
        self.change("imaged", "kubectl-set", **{IMAGE: "web:2"})
        self.change("both", "kubectl-set", **{IMAGE: "web:2"})
        self.change("twice", "kubectl-edit", **{IMAGE: "web:2"})
        self.change("there-and-back", "kubectl-edit", **{REPLICAS: 9})
        time.sleep(AWAY_SECONDS / 2)
        self.change("limited", "kubectl-set", **{MEMORY: "128Mi"})
        self.change("both", "argocd-controller", **{REPLICAS: 3})
        self.change("edited", "kubectl-edit", **{REPLICAS: 4})
        self.change("there-and-back", "kubectl-edit", **{REPLICAS: 2})
        time.sleep(AWAY_SECONDS / 2)
        self.change("edited", "kubectl-edit", **{IMAGE: "web:3"})
        self.change("twice", "kubectl-edit", **{IMAGE: "web:3"})
        self.made["settings"] = [time.time()]
        self._standin.put("configmaps", self.config.write("kubectl-edit", data__level="debug"))
        self.made["old"] = [time.time()]
        self._standin.put("namespaces", {"metadata": {"name": "old", "deletionTimestamp": stamp(time.time())}})
        self._standin.remove("namespaces", "", "old")


def current(operator: Operator) -> bool:
    watches = operator.cli("status")["watches"]
    return all(watches.get(source, {}).get("state") == "current" for source in ("deployments", "configmaps", "namespaces"))


def changes(operator: Operator) -> dict[tuple[str, str], list[dict[str, Any]]]:
    """The events of what changed, by object and title."""
    found: dict[tuple[str, str], list[dict[str, Any]]] = {}
    for event in operator.events():
        found.setdefault((event["object_name"], event["title"]), []).append(event)
    return found


def is_dated(event: dict[str, Any], at: float) -> bool:
    """Within two seconds of when it was made."""
    assert "noticed_at" not in event["metadata"]
    return event["first_seen_at"] == event["last_seen_at"] and abs(seconds(event["first_seen_at"]) - at) <= 2.0


def contains(event: dict[str, Any], at: float) -> bool:
    """A range that contains the time."""
    assert event["metadata"]["noticed_at"] == event["last_seen_at"]
    return seconds(event["first_seen_at"]) <= at <= seconds(event["last_seen_at"])


SCALED, IMAGED, CONFIGURED = "Deployment scaled", "Deployment image changed", "Deployment configuration changed"


@pytest.mark.parametrize("compacted", [False, True], ids=["the watch goes on", "only a list is left"])
def test_changes_while_nothing_was_watched(operator: Operator, standin: StandIn, compacted: bool) -> None:
    world = World(standin)
    with operator:
        until(lambda: operator.health()[0] == 200 and current(operator), "every watch")
        assert operator.stop() == 0
        world.happens()
        if compacted:
            standin.control("compact")
        operator.start()
        expected = 10 if compacted else 13
        until(lambda: sum(map(len, changes(operator).values())) >= expected, "the changes", seconds=30.0)
        until(lambda: current(operator), "every watch", seconds=30.0)
        found = changes(operator)
        check(world, dict(found), compacted)
        answer = operator.cli("events", "list", "--object-kind=Deployment")
        gaps = [gap for gap in answer["coverage"]["gaps"] if gap["source"] == "deployments"]
        if compacted:
            assert not answer["coverage"]["complete"]
            (gap,) = gaps
            assert gap["reason"].startswith(UNKNOWN)
            assert "net" in gap["reason"]
            ranged = [event for events in found.values() for event in events if "noticed_at" in event["metadata"]]
            assert ranged
            for event in ranged:
                if event["object_kind"] == "Deployment":
                    assert gap["from"] <= event["first_seen_at"], "the whole range is in the gap"
                # Asked for the first half of the range alone, it is found.
                middle = datetime.fromtimestamp((seconds(event["first_seen_at"]) + seconds(event["last_seen_at"])) / 2)
                asked = operator.events(f"--until={middle.astimezone().isoformat()}", f"--since={event['first_seen_at']}")
                assert event["id"] in {one["id"] for one in asked}
        else:
            assert gaps == [], "the watch went on from where it had stopped"
        assert operator.stop() == 0
        operator.start()
        until(lambda: current(operator), "every watch")
        assert changes(operator) == found, "each once"


def check(world: World, found: dict[tuple[str, str], list[dict[str, Any]]], compacted: bool) -> None:
    """When each was made, and by whom."""
    made = world.made

    def only(name: str, title: str) -> dict[str, Any]:
        (event,) = found.pop((name, title))
        return event

    for name, title, manager in (
        ("scaled", SCALED, "kubectl-scale"),
        ("imaged", IMAGED, "kubectl-set"),
        ("limited", CONFIGURED, "kubectl-set"),
        ("settings", "ConfigMap changed", "kubectl-edit"),
    ):
        event = only(name, title)
        assert event["metadata"]["changed_by"] == manager
        assert is_dated(event, made[name][0]), (event, made[name])
    assert is_dated(only("both", IMAGED), made["both"][0]), "two managers, each of whom wrote once"
    assert is_dated(only("both", SCALED), made["both"][1])
    deleted = only("old", "Namespace deleted")
    if compacted:
        assert contains(deleted, made["old"][0])
        image = only("edited", IMAGED)
        assert contains(image, made["edited"][1]), "one manager that wrote twice"
        assert contains(only("edited", SCALED), made["edited"][0])
        assert image["metadata"]["changed_by"] == "kubectl-edit"
        twice = only("twice", IMAGED)
        assert (twice["metadata"]["previous"], twice["metadata"]["current"]) == ("web:1", "web:3")
        assert contains(twice, made["twice"][1])
    else:
        assert is_dated(deleted, made["old"][0])
        assert is_dated(only("edited", SCALED), made["edited"][0])
        assert is_dated(only("edited", IMAGED), made["edited"][1])
        both = found.pop(("twice", IMAGED))
        assert sorted(event["metadata"]["current"] for event in both) == ["web:2", "web:3"]
        back = found.pop(("there-and-back", SCALED))
        assert sorted(event["metadata"]["new_replicas"] for event in back) == [2, 9]
    assert not found
