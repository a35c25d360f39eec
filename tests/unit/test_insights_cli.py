"""`insights list` and `insights get`, and insights in `events get`."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kube9_cli.render.details import sheet
from kube9_operator.model.insight import Change, Details, InsightFrame
from kube9_operator.model.ref import Ref
from kube9_operator.write.insights import Insights
from kube9_operator.write.sqlite.session import Session
from kube9_schema import ids
from kube9_schema.codes import ACTIVE, CATEGORIES, PENDING, QUIET, RESOLVED, SEVERITIES
from tests.cli import run_cli
from tests.record import MINUTE, Record
from tests.unit.test_insights_stored import insight

WEB = Ref("Deployment", "", "shop", "web", "uid-web")
REPLICAS = Ref("ReplicaSet", "", "shop", "web-5d", "uid-web-5d")
POD = Ref("Pod", "", "shop", "web-5d-1", "uid-web-5d-1")
API_POD = Ref("Pod", "", "bill", "api-1", "uid-api-1")
IMAGE = Ref("Image", "", "", "registry.example/shop/web:2.4")


class World:
    def __init__(self, folder: Path) -> None:
        self.folder = folder
        self.record = Record(folder)
        record = self.record
        self.change = record.event("Deployment/shop/web", "DeploymentImageChanged", severity="info", ago=40)
        self.crash = record.event(
            "Pod/shop/web-5d-1", "BackOff", ago=38, severity="error", node="n1", description="exit code 3"
        )
        self.pull = record.event("Pod/bill/api-1", "Failed", ago=20, severity="error")
        record.owns("ReplicaSet/shop/web-5d", "Pod/shop/web-5d-1")
        record.owns("Deployment/shop/web", "ReplicaSet/shop/web-5d")
        record.behind("shop/front", "web-5d-1", since=60)
        self.changed = self.put(
            1, POD, rule="change-followed-by-failure", severity="error", about=[REPLICAS, WEB], owner=WEB, nodes=["n1"],
            evidence={self.change: 0, self.crash: 1}, title="web fails since 2.4", ago=38,
        )  # fmt: skip
        self.images = self.put(
            2, IMAGE, rule="image-or-registry", severity="critical", about=[API_POD], owner=IMAGE, evidence={self.pull: 1},
            status=RESOLVED, ended="recovered", title="an image cannot be pulled", ago=20,
        )  # fmt: skip
        self.oom = self.put(
            3, API_POD, rule="recurring-oom", severity="warning", category="optimization", status=QUIET, owner=API_POD,
            evidence={}, title="api is killed", ago=600, last=500,
        )  # fmt: skip
        self.pending = self.put(4, POD, status=PENDING, owner=WEB, evidence={}, title="not confirmed")

    def put(self, number: int, about_object: Ref, **given: Any) -> str:
        now = self.record.now_ms
        usual: dict[str, Any] = {"about": [], "nodes": [], "rule": "stuck", "severity": "error", "category": "issue"}
        given = usual | {"status": ACTIVE, "ended": "", "ago": 10, "last": 1} | given
        one = insight(
            id=f"ins_{number:016x}",
            subject=number,
            object=about_object,
            rule=given["rule"],
            title=given["title"],
            text="It crashes.",
            severity=SEVERITIES.index(given["severity"]),
            category=CATEGORIES.index(given["category"]),
            status=given["status"],
            first_ms=now - given["ago"] * MINUTE,
            last_ms=now - given["last"] * MINUTE,
            details=Details(
                owner=given["owner"],
                about=given["about"],
                nodes=given["nodes"],
                ended=given["ended"],
                recommendation="Roll back.",
                unknown=["The order is unknown."],
                figures={"pods": 3},
                related=["ins_0000000000000003"],
            ),
            evidence={ids.decode(event): role for event, role in given["evidence"].items()},
        )
        session = Session(self.record.connection)
        with session.transaction(now):
            Insights(self.record.connection, 2**30).apply(InsightFrame([Change(one)], now), now)
        return one.id

    def listed(self, *arguments: str) -> list[str]:
        return [one["id"] for one in self.json("insights", "list", *arguments)["insights"]]

    def json(self, *arguments: str) -> Any:
        done = run_cli(self.folder, *arguments, "-o", "json")
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def table(self, *arguments: str, width: int = 80) -> tuple[list[str], str]:
        with pytest.MonkeyPatch.context() as patch:
            patch.setenv("COLUMNS", str(width))
            done = run_cli(self.folder, *arguments, "-o", "table")
        assert done.returncode == 0, done.stderr
        return done.stdout.splitlines(), done.stderr


@pytest.fixture(scope="module")
def world(tmp_path_factory: pytest.TempPathFactory) -> Iterator[World]:
    made = World(tmp_path_factory.mktemp("insights"))
    yield made
    made.record.close()


def test_what_goes_on_comes_first_and_the_worst_of_it(world: World) -> None:
    assert world.listed() == [world.changed, world.oom, world.images]
    assert world.listed("--reverse") == [world.images, world.oom, world.changed]
    assert world.listed("--sort", "first") == [world.images, world.changed, world.oom]
    assert world.listed("--limit", "1", "--offset", "1") == [world.oom]


@pytest.mark.parametrize(
    ("arguments", "found"),
    [
        (("--status", "active,quiet"), "changed oom"),
        (("--status", "pending"), "pending"),
        (("--category", "optimization"), "oom"),
        (("--rule", "image-*,recurring-oom"), "oom images"),
        (("--reason", "Image-or-registry"), "images"),
        (("--severity", "error+"), "changed images"),
        (("--for", "deploy/web"), "changed"),
        (("--for", "deploy", "web", "-n", "shop"), "changed"),
        (("--for", "rs/web-5d"), "changed"),
        (("--for", "pod/api-1"), "oom images"),
        (("--for", "svc/front"), "changed"),
        (("--for", "no/n1"), "changed"),
        (("--for", "ns/shop"), "changed"),
        (("--for", "sts/web"), ""),
        (("-n", "bill"), "oom images"),
        (("-n", "sh*"), "changed"),
        (("--kind", "pods"), "changed oom"),
        (("--kind", "pods", "--exclude", "namespace=bill"), "changed"),
        (("--name", "web-*"), "changed"),
        (("--node", "n1"), "changed"),
        (("--search", "killed"), "oom"),
        (("--search", "roll"), "changed oom images"),
        (("--type", "cluster"), ""),
        (("--source", "kube9-operator"), "changed oom images"),
        (("--object-kind", "Pod"), "changed oom"),
        (("--object-namespace", "shop"), "changed"),
        (("--object-name", "api-1"), "oom"),
        (("--since", "15m"), "changed oom images"),
        (("--until", "1h ago"), "oom"),
        (("--exclude", "severity=critical"), "changed oom"),
    ],
)
def test_filters(world: World, arguments: tuple[str, ...], found: str) -> None:
    assert world.listed(*arguments) == [getattr(world, name) for name in found.split()]


def test_an_insight_as_json(world: World) -> None:
    answer = world.json("insights", "list", "--rule", "change-*")
    (one,) = answer["insights"]
    assert one["evidence"] == [world.change, world.crash]
    assert {key: one[key] for key in ("status", "severity", "category", "recommendation", "nodes")} == {
        "status": "active",
        "severity": "error",
        "category": "issue",
        "recommendation": "Roll back.",
        "nodes": ["n1"],
    }
    assert one["owner"] == {"kind": "Deployment", "namespace": "shop", "name": "web"}
    assert one["figures"] == {"pods": 3}
    assert answer["pagination"] == {"total": 1, "limit": 50, "offset": 0, "returned": 1}
    assert "complete" in answer["coverage"]
    assert "analyzed_at" in answer


def test_get_has_the_evidence(world: World) -> None:
    one = world.json("insights", "get", world.changed)
    assert [(each["id"], each["role"], each["reason"]) for each in one["evidence"]] == [
        (world.change, "cause", "DeploymentImageChanged"),
        (world.crash, "effect", "BackOff"),
    ]
    several = world.json("insights", "get", world.changed, world.oom)
    assert [each["id"] for each in several["insights"]] == [world.changed, world.oom]


def test_get_for_people(world: World) -> None:
    shown, _ = world.table("insights", "get", world.changed)
    text = "\n".join(shown)
    for part in (
        "ERROR: web fails since 2.4",
        "Roll back.",
        "The order is unknown.",
        "What came before:",
        "exit code 3",
        "pods: 3",
    ):
        assert part in text, part
    assert all(len(line) <= 80 for line in shown)


def test_evidence_that_is_gone(tmp_path: Path) -> None:
    world = World(tmp_path)
    world.record.connection.execute("DELETE FROM events WHERE id = ?", (ids.decode(world.crash),))
    (cause, effect) = world.json("insights", "get", world.changed)["evidence"]
    assert "expired" not in cause
    assert effect == {"id": world.crash, "role": "effect", "expired": True}
    assert "  1 event has expired." in world.table("insights", "get", world.changed)[0]
    world.record.close()


@pytest.mark.parametrize("width", [40, 80, 200])
def test_the_table_fits(world: World, width: int) -> None:
    shown, said = world.table("insights", "list", width=width)
    text = "\n".join(shown)
    assert all(len(line) <= max(width, 60) for line in shown)
    assert "web fails since 2.4" in text
    assert world.changed in text
    assert "3 of 3 insights." in said
    assert "The operator last looked" in said


def test_an_event_names_the_insights_that_rest_on_it(world: World) -> None:
    event = world.json("events", "get", world.crash)
    assert [(one["id"], one["role"], one["status"]) for one in event["insights"]] == [(world.changed, "effect", "active")]
    shown, _ = world.table("events", "get", world.crash)
    assert "Insights that rest on it:" in shown
    assert any(world.changed in line and "web fails since 2.4" in line for line in shown)


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("get", "ins_1"), "Invalid insight id ins_1"),
        (("get", "evt_20261124_103045_000000"), "Invalid insight id"),
        (("get", "ins_00000000000000ff"), "Insight not found"),
        (("list", "--status", "actve"), "did you mean active?"),
        (("list", "--category", "bug"), "Invalid --category bug"),
        (("list", "--sort", "count"), "Invalid --sort count"),
        (("list", "--rule", "stcuk"), "did you mean stuck?"),
        (("list", "--rule", "stuck,oom-*"), "Invalid --rule oom-*"),
        (("list", "--for", "nonsense/x"), "Invalid --for nonsense"),
        (("list", "--limit", "0"), "Invalid --limit 0"),
    ],
)
def test_errors(world: World, arguments: tuple[str, ...], error: str) -> None:
    done = run_cli(world.folder, "insights", *arguments)
    assert done.returncode == 1
    assert error in done.stderr


@pytest.mark.parametrize("form", ["csv", "jsonl", "name", "yaml", "wide"])
def test_other_formats(world: World, form: str) -> None:
    done = run_cli(world.folder, "insights", "list", "-o", form)
    assert done.returncode == 0
    assert world.changed in done.stdout


def test_nothing_is_no_good_news_if_nobody_has_looked(tmp_path: Path) -> None:
    record = Record(tmp_path)
    done = run_cli(tmp_path, "insights", "list", "-o", "table")
    assert "No insights." in done.stderr
    assert "The operator has not looked for insights yet." in done.stderr
    record.close()


def test_a_summary_begins_with_insights(world: World) -> None:
    answer = world.json("events", "summary")
    assert [one["id"] for one in answer["insights"]] == [world.changed, world.oom, world.images]
    assert answer["insights_total"] == 3
    assert "change_before" not in answer["insights"][0]  # a change is among its evidence
    shown, _ = world.table("events", "summary", width=200)
    assert shown[0].startswith("ERROR: web fails since 2.4 (since ")
    assert world.changed in shown[0]
    assert any(line.startswith("CRITICAL: an image cannot be pulled (") and "recovered" in line for line in shown)
    assert "insights" not in world.json("events", "summary", "--name", "nothing")


@pytest.mark.parametrize(
    ("changed_ago", "reason", "watched", "said"),
    [
        (None, "", True, " No tracked change in the 60 minutes before."),
        (45, "DeploymentImageChanged", True, ""),
        (45, "DeploymentCreated", True, ""),
        (95, "DeploymentImageChanged", True, " No tracked change in the 60 minutes before."),
        (None, "", False, " Cannot tell whether something changed in the 60 minutes before: not everything was watched."),
    ],
)
def test_whether_a_change_came_before_it(
    tmp_path: Path, changed_ago: int | None, reason: str, watched: bool, said: str
) -> None:
    record = Record(tmp_path)
    if watched:
        record.watched("deployments", "pods", "replicasets")
        record.connection.execute(
            "UPDATE sources SET covered_from_ms = ?, proved_until_ms = ?", (record.now_ms - 600 * MINUTE, record.now_ms)
        )
    crash = record.event("Pod/shop/web-1", ago=30)
    if changed_ago is not None:
        record.event("Deployment/shop/web", reason, severity="info", ago=changed_ago)
    world = World.__new__(World)
    world.folder, world.record = tmp_path, record
    world.put(9, POD, owner=WEB, evidence={crash: 1}, title="web crashes", ago=30)
    shown, _ = world.table("events", "summary", width=250)
    assert shown[0].partition(").")[2].removesuffix(f" ins_{9:016x}") == said
    record.close()


def test_figures_are_said_in_words() -> None:
    assert sheet({"new": False, "pods": 1, "each": [True]}) == ["new: no", "pods: 1", "each:", "  yes"]
