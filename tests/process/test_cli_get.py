"""`events get`: related events, and what a person reads."""

import json
import re
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kube9_cli.query import related as module
from kube9_cli.render import event as rendered
from kube9_cli.render.clock import Clock
from kube9_cli.render.look import Look
from kube9_cli.render.sparkline import buckets, sparkline
from kube9_cli.render.width import columns
from tests.cli import run_cli
from tests.record import Record

OWNERS = {"web-a": "web-1", "web-b": "web-1", "web-c": "web-2", "web-1": "web", "web-2": "web"}
KINDS = {"web": "Deployment", "web-1": "ReplicaSet", "web-2": "ReplicaSet"}
BEGAN = 60
"""The crash began so many minutes ago."""


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    made = Record(tmp_path)
    yield made
    made.close()


def about(name: str) -> str:
    return f"{KINDS.get(name, 'Pod')}/shop/{name}"


def happened(record: Record, name: str, reason: str, after: int, lasts: int = 0) -> str:
    """Records an event that began so many minutes after the crash; returns its id."""
    return record.event(about(name), reason, ago=BEGAN - after, lasts=lasts, description="exit code 3")


def own(record: Record) -> None:
    for name, owner in OWNERS.items():
        record.owns(about(owner), about(name))


def related(record: Record, event: str) -> list[tuple[str, str]]:
    found = json.loads(run_cli(record.folder, "events", "get", event).stdout).get("related", [])
    return [(one["relation"], f"{one['object_name']} {one['reason']}") for one in found]


def test_what_happened_before_to_the_same_object_its_owners_and_their_others(record: Record) -> None:
    happened(record, "web-c", "TooEarly", -20)
    happened(record, "other", "Unrelated", -1)
    happened(record, "web", "ImageChanged", -5)
    happened(record, "web-2", "Ongoing", -60, lasts=63)
    happened(record, "web-b", "Crashed", -1)
    happened(record, "web-a", "Before", -14)
    crashed = happened(record, "web-a", "Crashed", 0, lasts=2)
    happened(record, "web-a", "Meanwhile", 1)
    happened(record, "web-b", "Meanwhile", 1)
    happened(record, "web-a", "After", 3)
    happened(record, "web-1", "After", 3)
    own_events = [("same object", "web-a Before"), ("same object", "web-a Meanwhile")]
    assert related(record, crashed) == own_events, "nothing is known of owners yet"
    own(record)
    assert related(record, crashed) == [
        ("same owner", "web-2 Ongoing"),
        ("same object", "web-a Before"),
        ("owner", "web ImageChanged"),
        ("same owner", "web-b Crashed"),
        ("same object", "web-a Meanwhile"),
    ]
    assert related(record, happened(record, "alone", "Crashed", 0)) == []


def test_of_many_related_events_those_that_began_last_are_shown(record: Record) -> None:
    for number in range(module.MOST + 9):
        happened(record, "web-a", f"Reason{number}", -5)
    shown = related(record, happened(record, "web-a", "Crashed", 0))
    assert [name for _, name in shown] == [f"web-a Reason{number}" for number in range(9, module.MOST + 9)]


def test_a_family_without_end_is_bounded(record: Record) -> None:
    """Owners in a circle, as only a crafted database has them."""
    crashed = happened(record, "web-a", "Crashed", 0)
    happened(record, "web-1", "Before", -1)
    record.owns(about("web-1"), about("web-a"))
    record.owns(about("web-a"), about("web-1"))
    assert related(record, crashed) == [("owner", "web-1 Before")]


def test_an_owner_of_many_objects_does_not_slow_it_down(record: Record) -> None:
    crashed = happened(record, "web-a", "Crashed", 0)
    own(record)
    statement = "INSERT INTO objects (name, kind, namespace, uid, owner) VALUES (?, 1, 1, ?, ?)"
    owner = record.object(about("web-1"))
    record.connection.executemany(statement, ((f"p{number}", f"u{number}", owner) for number in range(20_000)))
    began = time.process_time()
    assert related(record, crashed) == []
    assert time.process_time() - began < 1.0


def test_what_changed_before_in_the_namespace_and_on_the_node(record: Record) -> None:
    def changed(about: str, ago: int, **more: Any) -> None:
        record.event(about, "Changed", ago=BEGAN + ago, severity=more.pop("severity", "info"), description="a to b", **more)

    changed("ConfigMap/shop/config", 1, changed_by="helm")
    changed("StatefulSet/shop/db", 14, changed_by="kubectl-scale", noticed_at="2026-01-01T00:00:00Z")
    changed("StatefulSet/shop/too-early", 16)
    changed("StatefulSet/shop/later", -1)
    changed("StatefulSet/dev/elsewhere", 2)
    changed("Pod/shop/moved", 2)
    changed("StatefulSet/shop/warned", 2, severity="warning")
    changed("Node//n1", 3, node="n1", severity="critical")
    changed("Node//n2", 3, node="n2")
    changed("Pod/dev/on-n1", 3, node="n1")
    changed("Deployment/shop/web", 2, changed_by="argocd")
    crashed = record.event("Pod/shop/web-a", "Crashed", ago=BEGAN, node="n1", description="exit code 3")
    own(record)
    assert related(record, crashed) == [
        ("same namespace", "db Changed"),
        ("node", "n1 Changed"),
        ("owner", "web Changed"),
        ("same namespace", "config Changed"),
    ]
    said = run_cli(record.folder, "events", "get", crashed, "-o", "table").stdout
    beside, _, others = said.partition("Related events")[2].partition(
        "\nWhat changed in its namespace and on its node, in the "
    )
    assert "a to b (by argocd)" in beside
    assert [by for by in ("helm", "kubectl-scale", "argocd") if f"a to b (by {by})" in others] == ["helm", "kubectl-scale"]
    assert re.search(r"7[34]m\.\.7[34]m", others), "nobody knows when in this range it was changed"


def test_of_many_changes_those_that_were_made_last_are_shown(record: Record) -> None:
    for number in range(module.MOST_CHANGES + 5):
        record.event(f"ConfigMap/shop/c{number}", "Changed", ago=BEGAN + 1, severity="info")
    shown = related(record, happened(record, "web-a", "Crashed", 0))
    assert [name for _, name in shown] == [f"c{number} Changed" for number in range(5, module.MOST_CHANGES + 5)]


def got(record: Record, *arguments: str) -> str:
    """The id that is shown, or the error."""
    done = run_cli(record.folder, "events", "get", *arguments, "-o", "name")
    return done.stdout.strip().replace("\n", " ") or done.stderr.strip()


def test_the_newest_event_of_an_object(record: Record) -> None:
    old = record.event("Pod/shop/web-5d9c7b8f6d-x2k4p", "Old", ago=50)
    newest = record.event("Pod/shop/web-5d9c7b8f6d-x2k4p", "Crashed", ago=40, uid="another", lasts=20)
    record.event("Pod/shop/web-5d9c7b8f6d-x2k4p", "Killed", ago=30)
    elsewhere = record.event("Pod/dev/web-5d9c7b8f6d-x2k4p", "Crashed", ago=20)
    node = record.event("Node//n1", "NodeNotReady")
    longhorn = record.event("Node/longhorn-system/n1", "Degraded", api_version="longhorn.io/v1beta2")
    record.owns("ReplicaSet/shop/web-5d9c7b8f6d", "Pod/shop/web-5d9c7b8f6d-x2k4p")
    for arguments in (
        ["po/shop/web-5d9c7b8f6d-x2k4p"],
        ["pods/web-5d9c7b8f6d-x2k4p", "-n", "shop"],
        ["pod", "web-5d9c7b8f6d-x2k4p", "--namespace=shop"],
        ["po/shop/web-5d9…x2k4p"],
        ["po/sh…/web-5d9…x2k4p"],
        ["po/shop/web-*"],
    ):
        assert got(record, *arguments) == newest
    assert got(record, "node/n1") == node
    assert got(record, "nodes.longhorn.io/n1") == longhorn
    assert got(record, old, "po/dev/web-5d9c7b8f6d-x2k4p", "no/n1") == f"{old} {elsewhere} {node}"
    assert got(record, "pod/web-5d9c7b8f6d-x2k4p") == (
        "Several objects are pod/web-5d9c7b8f6d-x2k4p: say which one, with -n NAMESPACE or the whole name: "
        "Pod/dev/web-5d9c7b8f6d-x2k4p, Pod/shop/web-5d9c7b8f6d-x2k4p"
    )
    assert got(record, "po/shop/web-5d9c").endswith("was ever recorded; did you mean web-5d9c7b8f6d-x2k4p?")
    assert got(record, "rs/web-5d9c7b8f6d").endswith(
        "what it owned may have some: kube9-cli events list --for rs/web-5d9c7b8f6d"
    )
    assert got(record, "pood/web").startswith("Invalid object pood: neither Kubernetes nor the record has such a kind; did you")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (["web"], "Invalid event id web: it must look like evt_YYYYMMDD_HHMMSS_xxxxxx, or KIND/NAME"),
        (["po/a/b/c"], "Invalid object po/a/b/c: it must be KIND/NAME, such as pod/web-0, or KIND/NAMESPACE/NAME"),
        (["po//b"], "Invalid object po//b: it must be KIND/NAME"),
        (["po/shop/web", "-n", "dev"], "Invalid object po/shop/web in namespace dev: it names another namespace"),
        (["evt_20260101_000000_000000", "-n", "dev"], "Argument --namespace: not allowed with ids"),
        (["po/web", "-n", ""], "Invalid --namespace: it is empty"),
    ],
)
def test_a_wrong_object_is_named(record: Record, arguments: list[str], error: str) -> None:
    assert got(record, *arguments).startswith(error)


NOW = 1_767_488_400.0  # 2026-01-04T01:00:00Z


def shown(event: dict[str, Any], width: int = 80, **look: Any) -> list[str]:
    return rendered.lines(event, Look(Clock(NOW), width, **look))


def test_what_a_person_reads(record: Record) -> None:
    happened(record, "web", "ImageChanged", -5)
    crashed = happened(record, "web-a", "Crashed", 0, lasts=2)
    own(record)
    said = run_cli(record.folder, "events", "get", crashed, "-o", "table").stdout
    assert said.startswith("WARNING: Pod Crashed\nObject     Pod/shop/web-a\nWhy        exit code 3\nReason     Crashed\n")
    assert "\nOwners     ReplicaSet/web-1, Deployment/web\n" in said
    assert f"\nId         {crashed}\n" in said
    assert "ImageChanged" in said.partition("Related events")[2]
    assert "\nMetadata:\n  reason: Crashed\n" in said
    before = json.loads(run_cli(record.folder, "events", "get", crashed).stdout)["related"][0]["id"]
    assert before not in said
    assert before in run_cli(record.folder, "events", "get", crashed, "-o", "wide").stdout, "to ask on"


EVENT: dict[str, Any] = {
    "id": "evt_20260102_030405_000000",
    "severity": "error",
    "title": "Container crashed" + " again" * 20,
    "description": "exit code 3: FATAL: cannot reach postgres 日本語 " * 9,
    "object_kind": "Pod",
    "object_namespace": "shop",
    "object_name": "web-" + "x" * 90,
    "metadata": {"reason": "Crashed", "node": "node-1", "container": "app", "termination_message": "no route to host " * 9},
    "insights": [{"id": "ins_160a730602c1b713", "title": "Deployment web: an image change followed by it", "status": "active"}],
    "first_seen_at": "2026-01-01T00:00:00Z",
    "last_seen_at": "2026-01-01T01:00:00Z",
    "count": 12,
    "occurrences": [
        {"at": "2026-01-01T00:00:00Z", "count": 5},
        {"at": "2026-01-01T00:59:00Z", "count": 11},
        {"at": "2026-01-01T01:00:00Z", "count": 12},
    ],
}


@pytest.mark.parametrize("width", [40, 80, 132])
def test_nothing_of_it_is_cut_and_it_fits(width: int) -> None:
    lines = shown(EVENT, width)
    assert max(map(columns, lines)) <= width
    said = "".join(line[11:] if line[:1] == " " else line for line in lines)
    assert "…" not in said
    assert said.replace(" ", "").count("FATAL:cannotreachpostgres") == 9
    assert "x" * 90 in "".join(line.strip() for line in lines)
    text = "".join(line.strip() for line in lines).replace(" ", "")
    assert text.count("noroutetohost") == 9
    assert "ins_160a730602c1b713Deploymentweb:animagechangefollowedbyit(active)" in text


def test_when_it_happened() -> None:
    (when,) = [line for line in shown(EVENT, 132) if line.startswith("When ")]
    assert when.startswith("When       12 times in 60m, 2026-01-01 00:00 to 01:00 UTC (")
    once = EVENT | {"count": 1, "last_seen_at": EVENT["first_seen_at"], "occurrences": EVENT["occurrences"][:1]}
    assert any(line.startswith("When       once, 2026-01-01 00:00 UTC (") for line in shown(once, 132))
    between = once | {"last_seen_at": "2026-01-01T00:05:00Z", "metadata": EVENT["metadata"] | {"noticed_at": "x"}}
    assert any("When       between 2026-01-01 00:00 and 00:05 UTC" in line for line in shown(between, 132))


def test_the_timeline() -> None:
    lines = shown(EVENT)
    (bars,) = [line for line in lines if "|" in line]
    assert bars.strip().startswith("00:00:00 |")
    assert bars.count("█") == 1
    assert [line.split()[-1] for line in lines[lines.index(bars) + 1 :][:3]] == ["5", "11", "12"]


def test_bars() -> None:
    assert sparkline([0, 1, 4, 8]) == " ▁▄█"
    assert sparkline([1, 10_000]) == "▁█", "what there is is never a blank"
    assert sparkline([]) == ""
    assert buckets([(0.0, 1), (5.0, 2), (10.0, 4)], 0.0, 10.0, 4) == [1, 0, 2, 4]
    assert buckets([(3.0, 1)], 3.0, 3.0, 2) == [1, 0]


def test_colours_only_where_they_are_wanted() -> None:
    assert not any("\x1b" in line for line in shown(EVENT))
    assert re.fullmatch("\x1b\\[31mERROR: Container crashed( again)+\x1b\\[0m", shown(EVENT, colour=True)[0])
