"""Two clusters, each with its own control plane and operator, send to one VictoriaLogs of two storage nodes.

Its answers are those of the operators' own databases. `make test-long PART=store` asks 2,000 random command lines.
"""

import json
import os
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

import pytest

from kube9_cli.central import fleet as central
from tests import fleet
from tests.cli import run_cli
from tests.cluster.plane import ControlPlane
from tests.cluster.recorder import DEADLINES, LONG_SECONDS, logged
from tests.engine import OTLP, EngineCluster, engine_cluster
from tests.operator import Operator, until
from tests.oracle import reader

pytestmark = pytest.mark.long

LINES = int(os.environ.get("KUBE9_FLEET_LINES", "40"))
SEED = int(os.environ.get("KUBE9_FLEET_SEED", "0"))
EVENTS = 60
NAMESPACES = ("shop", "team-1", "default")
ABOUT = (
    ("Pod", "v1"),
    ("Pod", "v1"),
    ("Node", "v1"),
    ("Deployment", "apps/v1"),
    ("Job", "batch/v1"),
    ("Widget", "example.com/v1"),
)
REASONS = ("BackOff", "Unhealthy", "FailedMount", "FailedScheduling", "Failed", "Evicted")
RECENT_MS = 90_000
"""For the test: so old may the newest record of coverage be, of which one comes each minute."""


class Site(NamedTuple):
    """A cluster, and the operator that records it."""

    name: str
    plane: ControlPlane
    operator: Operator

    def events(self, *arguments: str) -> list[tuple[str, str, int, str]]:
        """The newest events of the last hour in its own database."""
        return _shown(self.operator.cli("events", "list", "--since", "1h", "--limit", "1000", *arguments), self.name)


@pytest.fixture(scope="module")
def nodes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[EngineCluster]:
    with engine_cluster(tmp_path_factory.mktemp("engines")) as running:
        yield running


@pytest.fixture(scope="module")
def sites(binaries: Path, nodes: EngineCluster, tmp_path_factory: pytest.TempPathFactory) -> Iterator[list[Site]]:
    folders = [tmp_path_factory.mktemp(name) for name in ("eu", "us")]
    for folder in folders:
        (folder / "plane").mkdir()
    with ControlPlane(folders[0] / "plane", binaries) as eu, ControlPlane(folders[1] / "plane", binaries) as us:
        made = []
        for folder, plane in zip(folders, (eu, us), strict=True):
            given = {"SINK_URL": f"{nodes.insert.url}{OTLP}", "CLUSTER_NAME": folder.name.rstrip("0"), "NO_PROXY": "127.0.0.1"}
            deadlines = DEADLINES | {"side_first": 0.05}
            made.append(Site(given["CLUSTER_NAME"], plane, Operator(folder, plane.kubeconfig(folder), deadlines, **given)))
        with made[0].operator, made[1].operator:
            for site in made:
                until(lambda site=site: logged(site.operator, "watch.listed", source="events"), "the first list", LONG_SECONDS)
                for namespace in NAMESPACES[:-1]:
                    site.plane.api("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})
                _write(site, range(EVENTS))
            yield made


def _write(site: Site, numbers: range) -> None:
    """Makes Events of many kinds; of some the count rises."""
    chance = random.Random(f"{site.name} {numbers.start}")
    before = len(site.events("--type", "cluster"))
    for number in numbers:
        kind, version = chance.choice(ABOUT)
        namespace = "" if kind == "Node" else chance.choice(NAMESPACES)
        about = {"apiVersion": version, "kind": kind, "namespace": namespace, "name": f"web-{number}", "uid": f"uid-{number}"}
        count, last = chance.randrange(1, 9), time.time() - chance.randrange(3_000)
        event = {
            "metadata": {"namespace": namespace or "default", "name": f"web-{number}.17a"},
            "involvedObject": about,
            "reason": chance.choice(REASONS),
            "message": f'It failed with „{number}" on {site.name}',
            "type": "Warning",
            "count": count,
            "firstTimestamp": _stamp(last - 60 * count),
            "lastTimestamp": _stamp(last),
            "source": {"component": "kubelet", "host": f"node-{number % 3}"},
        }
        path = f"/api/v1/namespaces/{namespace or 'default'}/events"
        site.plane.api("POST", path, event)
        if chance.random() < 0.3:
            site.plane.api("PATCH", f"{path}/web-{number}.17a", {"count": count + 5, "lastTimestamp": _stamp(last + 60)})
    until(lambda: len(site.events("--type", "cluster")) >= before + len(numbers), "all of them to be recorded", LONG_SECONDS)


def _stamp(seconds: float) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(seconds))


def _ask(nodes: EngineCluster, *arguments: str) -> Any:
    done = run_cli(Path("/nowhere"), *arguments, "-o", "json", "--store", nodes.select.url)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def _shown(answer: Any, cluster: str = "") -> list[tuple[str, str, int, str]]:
    return [(one["last_seen_at"], one["id"], one["count"], cluster or one["cluster"]) for one in answer["events"]]


def _union(nodes: EngineCluster, sites: list[Site]) -> list[tuple[str, str, int, str]]:
    """What the store lists of the last hour, as soon as it is what the databases list."""
    found: list[tuple[str, str, int, str]] = []

    def is_same() -> bool:
        nonlocal found
        nodes.flush()
        found = _shown(_ask(nodes, "events", "list", "--since", "1h", "--limit", "1000"))
        return sorted(found) == sorted(one for site in sites for one in site.events())

    until(is_same, "the store to have what the databases have", LONG_SECONDS)
    return found


def test_the_union_is_in_order(nodes: EngineCluster, sites: list[Site]) -> None:
    found = _union(nodes, sites)
    assert len(found) >= 2 * EVENTS
    assert [one[:2] for one in found] == sorted((one[:2] for one in found), reverse=True)
    assert {one[3] for one in found} == {"eu", "us"}


def test_the_answer_about_each_cluster_is_that_of_its_own_database(nodes: EngineCluster, sites: list[Site]) -> None:
    _union(nodes, sites)
    cases = []
    for number, site in enumerate(sites):
        connection = reader.open_read_only(site.operator.data)
        cases.append(fleet.Case(SEED + number, site.operator.data, reader.read(connection), time.time_ns() // 1_000_000))
        connection.close()
    wrong = []
    for line in range(LINES):
        case, site = cases[line % 2], sites[line % 2]
        arguments = fleet.command_line(case, line)
        if fleet.difference(case, nodes.select.url, site.name, arguments):
            _union(nodes, sites)  # something may have been recorded meanwhile
            if why := fleet.difference(case, nodes.select.url, site.name, arguments):
                wrong.append(f"{line}: {site.name} {arguments}\n{why}")
    assert not wrong, f"{len(wrong)} of {LINES}:\n" + "\n\n".join(wrong[:5])


def test_a_node_of_the_store_that_is_down_harms_nothing(nodes: EngineCluster, sites: list[Site]) -> None:
    before = len(_union(nodes, sites))
    down = nodes.storage[1]
    down.stop()
    done = run_cli(Path("/nowhere"), "events", "list", "--since", "1h", "-o", "table", "--store", nodes.select.url)
    assert (done.returncode, done.stdout) == (1, "")
    assert str(down.port) in done.stderr
    nodes.insert.kill()
    for site in sites:
        _write(site, range(EVENTS, EVENTS + 10))
        assert site.operator.health()[0] == 200
        accounting = site.operator.accounting()
        assert (accounting["dropped"], accounting["refused"], accounting["undecodable"]) == (0, 0, 0)
    nodes.insert.start()
    down.start()
    until(lambda: run_cli(Path("/nowhere"), "status", "--store", nodes.select.url).returncode == 0, "an answer")
    assert len(_union(nodes, sites)) >= before + 20


def test_a_cluster_whose_operator_is_stopped_is_named_with_since_when(nodes: EngineCluster, sites: list[Site]) -> None:
    _union(nodes, sites)
    stopped = sites[1]
    stopped.operator.stop()
    nodes.flush()
    heard = {one["cluster"]: one["last_heard"] for one in _ask(nodes, "status")["clusters"]}["us"]
    with mock.patch.object(central, "RECENT_MS", RECENT_MS):

        def silent() -> Any:
            covered = _ask(nodes, "events", "list", "--since", "1h")["coverage"]
            ongoing = [gap for gap in covered["gaps"] if gap.get("ongoing") and "nothing came" in gap["reason"]]
            return covered if {gap["cluster"] for gap in ongoing} == {"us"} else None

        covered = until(silent, "the answer to name the silent cluster", LONG_SECONDS)
    assert not covered["complete"]
    found = (gap for gap in covered["gaps"] if gap["cluster"] == "us" and gap.get("ongoing"))
    gaps = {gap["source"]: gap for gap in found if "nothing came" in gap["reason"]}
    assert "events" in gaps, "each source that was listed has one"
    assert {gap["reason"] for gap in gaps.values()} == {f"nothing came from this cluster since {heard}"}
    assert max(gap["from"] for gap in gaps.values()) <= heard
    stopped.operator.start()
    until(
        lambda: all(one["status"] == "running" for one in _ask(nodes, "status")["clusters"]), "it to send again", LONG_SECONDS
    )
    _union(nodes, sites)
