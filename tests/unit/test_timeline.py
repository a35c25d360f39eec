"""events timeline: one line a change of state, in order; the histogram; what is shown of gaps; many events."""

import json
import re
from datetime import timedelta, timezone
from pathlib import Path

import pytest
import yaml

from kube9_cli.query import histogram, timeline
from kube9_cli.render.clock import Clock
from kube9_cli.render.look import Look
from kube9_cli.render.timeline import TIMES, bars, closing, lines
from kube9_cli.render.width import columns
from kube9_schema.hints import HINTS
from tests import cli_database
from tests.cases import Json
from tests.cli import run_cli
from tests.record import MINUTE, Record

ROOT = Path(__file__).parents[2]
DATE = r"(?:\d\d-\d\d )?"
"""Stands before each time of the clock where a midnight is between the first and the last."""
SOURCES = ("events", "pods", "deployments", "replicasets", "nodes", "services", "endpointslices")


def covered(record: Record) -> None:
    """Everything was watched in the last two hours."""
    record.watched(*SOURCES)
    with record.connection:
        values = (record.now_ms - 120 * MINUTE, record.now_ms)
        record.connection.execute("UPDATE sources SET covered_from_ms = ?, proved_until_ms = ?", values)


@pytest.fixture(scope="module")
def incident(tmp_path_factory: pytest.TempPathFactory) -> Record:
    """An image that cannot reach its database, until somebody rolls it back; and a node that was lost for a while."""
    record = Record(tmp_path_factory.mktemp("incident"))
    covered(record)
    record.owns("Deployment/shop/web", "ReplicaSet/shop/web-5d9c")
    record.owns("ReplicaSet/shop/web-5d9c", "Pod/shop/web-5d9c-x2k4p")
    own = {"severity": "info", "source": None}
    record.event("Deployment/shop/web", "ImageChanged", ago=45, description="web:2 → web:3", changed_by="argocd", **own)
    record.event("Pod/shop/web-5d9c-x2k4p", "CrashLoopBackOff", ago=44, lasts=20, severity="error", count=7, title="Crash loop")
    record.event("Deployment/shop/web", "Stuck", ago=44, lasts=22, severity="error", title="Rollout stuck")
    record.event("Deployment/shop/web", "ConfigurationChanged", ago=23, lasts=2, noticed_at="x", **own)
    record.event("Node//n2", "NodeNotReady", ago=40, lasts=5, severity="critical", node="n2", title="Node NotReady")
    record.event("Node//n2", "NodeReady", ago=35, node="n2", title="Node Ready", **own)
    record.event("Service/shop/cart", "NoEndpoints", ago=4, lasts=4, severity="error")
    return record


def asked(record: Record, *arguments: str) -> Json:
    done = run_cli(record.folder, "events", "timeline", *arguments)
    assert done.returncode == 0, done.stderr
    answer: Json = json.loads(done.stdout)
    return answer


def told(answer: Json) -> list[tuple[str, str, int]]:
    """What, of which object, how many minutes after the onset."""
    return [(one["change"], one.get("object_name", ""), one["offset_seconds"] // 60) for one in answer["lines"]]


def test_each_change_of_state_is_a_line_in_order(incident: Record) -> None:
    answer = asked(incident, "--since=1h")
    assert told(answer) == [
        ("changed", "web", -1),
        ("broke", "web", 0),
        ("broke", "web-5d9c-x2k4p", 0),
        ("broke", "n2", 4),
        ("recovered", "n2", 9),
        ("ended", "web-5d9c-x2k4p", 20),
        ("changed", "web", 21),
        ("ended", "web", 22),
        ("broke", "cart", 40),
    ]
    assert answer["onset"] == answer["lines"][1]["at"]
    assert not answer["aggregated"]
    assert answer["events"] == 7
    assert answer["coverage"]["complete"]


def test_a_child_is_below_its_owner_and_an_unknown_time_is_a_range(incident: Record) -> None:
    found = asked(incident, "--since=1h")["lines"]
    assert [one["level"] for one in found[1:4]] == [0, 1, 0]
    assert found[2]["owner"] == {"kind": "Deployment", "name": "web"}
    assert [one["object_name"] for one in found if "at_latest" in one] == ["web"]


def test_an_end_is_told_only_if_that_time_was_watched(incident: Record) -> None:
    begin, end = incident.now_ms - 23 * MINUTE, incident.now_ms - 21 * MINUTE
    incident.connection.execute("INSERT INTO gaps (source, from_ms, to_ms, reason) VALUES ('pods', ?, ?, 'no')", (begin, end))
    try:
        answer = asked(incident, "--since=1h")
    finally:
        incident.connection.execute("DELETE FROM gaps")
    assert "ended" not in [what for what, *_ in told(answer)]
    look = Look(Clock(incident.now_ms / 1000, ages=False), 80)
    (gap,) = [one for one in lines(answer, look) if "not watched" in one]
    before = [one for one in lines(answer, look) if re.match(r"\d", one)]
    assert told(answer)[before.index(gap) - 1][2] <= 21
    (drawn,) = [one for one in bars(answer, look) if one.startswith("not watched")]
    assert drawn.count("░") >= 2


def test_occurrences_are_lines_of_their_own_if_asked_for(incident: Record, tmp_path: Path) -> None:
    record = Record(tmp_path)
    event = record.event("Pod/shop/web", "BackOff", ago=30)
    record.again(event, ago=10)
    assert [one["change"] for one in asked(record, "--since=1h")["lines"]] == ["broke"]
    again = asked(record, "--since=1h", "--occurrences")["lines"]
    assert [(one["change"], one["count"]) for one in again] == [("broke", 2), ("again", 2)]
    record.again(event)
    later = asked(record, "--since=5m", "--occurrences")["lines"]
    assert [(one["change"], one["count"]) for one in later] == [("broke", 3), ("again", 3)], "10 minutes ago is not asked for"


def test_options_select_and_a_moment_gives_its_time(incident: Record) -> None:
    assert {name for _, name, _ in told(asked(incident, "--for=deploy/web", "-n=shop"))} == {"web", "web-5d9c-x2k4p"}
    (node,) = [one for one in asked(incident, "--kind=node")["lines"] if one["change"] == "broke"]
    around = asked(incident, "--around", node["event"], "--window=1m")
    assert around["asked"]["event"] == node["event"]
    assert [one["object_name"] for one in around["lines"]] == ["web", "web-5d9c-x2k4p", "n2", "n2"], (
        "what went on then is there"
    )
    assert asked(incident, "--namespace=nowhere")["lines"] == []


@pytest.mark.parametrize("width", [40, 80, 120, 200])
@pytest.mark.parametrize("colour", [False, True])
def test_a_table_keeps_to_the_width_of_the_terminal(incident: Record, width: int, colour: bool) -> None:
    answer = asked(incident, "--since=1h")
    look = Look(Clock(incident.now_ms / 1000, ages=False), width, colour)
    shown = lines(answer, look)
    plain = [re.sub(r"\x1b\[[0-9;]*m", "", one) for one in shown]
    assert max(map(columns, plain)) <= width
    assert (plain != shown) == colour
    assert len([one for one in plain if re.match(rf"{DATE}\d\d:", one)]) == len(answer["lines"])
    text = "\n".join(plain)
    assert "web:2 → web:3 (by argocd)" in text
    assert f"Crash loop: ended after 20m ({TIMES}7)" in text
    assert ("onset" in text) == (width > 40)
    if colour:
        assert re.search(r"\x1b\[90mchanged .*\x1b\[31mbroke .*\x1b\[32mrecovered", "\n".join(shown), re.DOTALL)


def test_on_paper(incident: Record) -> None:
    """As it reads at 80 columns, with the minutes of the clock replaced."""
    done = run_cli(incident.folder, "events", "timeline", "--since=1h", "-o=table", "--kind=node", "--tz=UTC")
    text = re.sub(r"(?:\d\d-\d\d )?\d\d:\d\d:\d\d", "TIME", done.stdout.partition("\n\n")[2])
    text = text.replace("TIME UTC" + " " * len("12-31 "), "TIME UTC")
    assert text.splitlines() == [
        "TIME UTC  OFFSET  WHAT       OBJECT  MESSAGE",
        "TIME  onset   broke      no/n2   Node NotReady",
        "TIME  +5m     recovered  no/n2   Node Ready",
    ]
    assert "2 events from" in done.stderr
    assert "A bar is 2 min." in done.stderr


# Many events


@pytest.fixture(scope="module")
def many(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("many")
    cli_database.build(folder, 1_200)
    return folder


def test_above_two_hundred_lines_events_of_one_cause_and_owner_share_them(many: Path) -> None:
    answer = json.loads(run_cli(many, "events", "timeline", "--since=7d").stdout)
    assert answer["aggregated"]
    assert 0 < len(answer["lines"]) <= timeline.MOST_LINES
    assert answer["groups_left_out"] > 0
    assert all({"cause", "owner", "events", "occurrences"} <= one.keys() for one in answer["lines"])
    ats = [one["at"][:19] for one in answer["lines"]]
    assert ats == sorted(ats)
    look = Look(Clock(0, ages=False), 80)
    assert max(map(columns, lines(answer, look))) <= 80
    assert "each line is of one cause and one owner; " in closing(answer, look.clock)[1]


@pytest.mark.parametrize(
    "options", [(), ("--severity=error+",), ("--namespace=team-1",), ("--node=node-3*",), ("--search=web",)]
)
@pytest.mark.parametrize("hours", [24, 167])
def test_the_histogram_counts_what_began(many: Path, options: tuple[str, ...], hours: int) -> None:
    """By series and periods, and one by one, compared with the events themselves."""
    answer = json.loads(run_cli(many, "events", "timeline", f"--since={hours}h", *options).stdout)
    drawn, asked_ = answer["histogram"], answer["range"]
    times = f"--since={asked_['since']}", f"--until={asked_['until']}"
    found = json.loads(run_cli(many, "events", "list", "--limit=0", *times, *options).stdout)["events"]
    start, step = timeline._ms(drawn["from"]), drawn["step_seconds"] * 1000
    wanted = {name: [0] * len(drawn[name]) for name in ("problems", "reports")}
    for event in found:
        at = timeline._ms(event["first_seen_at"])
        if at >= timeline._ms(asked_["since"]):
            wanted["reports" if event["severity"] == "info" else "problems"][(at - start) // step] += 1
    assert {name: drawn[name] for name in wanted} == wanted
    assert len(drawn["problems"]) <= 60


def test_the_parts_of_a_histogram_are_few_wherever_it_begins() -> None:
    for length_ms in (1, 999, 60_000, 3_600_000, 86_400_000, 90 * 86_400_000, 4_000 * 86_400_000):
        for most in (10, 60, 120):
            step = histogram.step_ms(length_ms, most)
            assert length_ms / step + 1 <= most
            assert step % 1000 == 0


def test_an_empty_timeline_says_whether_that_is_good_news(tmp_path: Path) -> None:
    record = Record(tmp_path)
    done = run_cli(record.folder, "events", "timeline", "--since=1d", "-o=table")
    assert done.stdout == ""
    assert "so something may have happened" in done.stderr
    for form in ("yaml", "jsonl"):
        assert run_cli(record.folder, "events", "timeline", "-o", form).returncode == 0


def test_a_change_in_the_second_of_the_onset_is_not_the_onset(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.event("Deployment/shop/web", "ImageChanged", severity="info")
    record.event("Pod/shop/web-0", "BackOff")
    shown = lines(asked(record, "--since=1h"), Look(Clock(record.now_ms / 1000, ages=False), 80))
    assert [line.split()[-3:-1] for line in shown if "/shop/" in line] == [["+0s", "changed"], ["onset", "broke"]]


def test_of_two_ranges_that_begin_together_the_one_that_ends_first_is_first(tmp_path: Path) -> None:
    record = Record(tmp_path)
    for description, lasts in (("0 -> 1", 4), ("1 -> 0", 2), ("1 -> 2", 4)):
        record.event("StatefulSet/shop/db", "Scaled", severity="info", lasts=lasts, description=description, noticed_at="x")
    found = asked(record, "--since=1h")["lines"]
    assert [line["description"] for line in found] == ["1 -> 0", "0 -> 1", "1 -> 2"]
    shown = lines({**asked(record, "--since=1h"), "coverage": {"gaps": []}}, Look(Clock(record.now_ms / 1000, ages=False), 80))
    assert all(re.match(rf"{DATE}\d\d:\d\d:\d\d\.\.{DATE}\d\d:\d\d:\d\d ", line) for line in shown if "sts/shop/db" in line)


def test_a_time_before_the_record_is_told_from_when_the_record_began(tmp_path: Path) -> None:
    record = Record(tmp_path)
    began = Clock(0).at(record.now_ms // 1000)
    done = run_cli(record.folder, "events", "timeline", "--until=2020-01-01T14:20:00Z", "-o=table")
    assert (
        f"Recording began at {began:%Y-%m-%d %H:%M:%S} UTC. Incomplete: events not yet recorded before 2020-01-01 14"
        in done.stderr
    )
    zoned = run_cli(record.folder, "events", "list", "--until=2020-01-01T14:20:00Z", "--tz=+01:00", "-o=table").stderr
    assert f"Recording began at {began.astimezone(timezone(timedelta(hours=1))):%Y-%m-%d %H:%M:%S} (UTC+01:00)." in zoned
    assert "Recording began" not in run_cli(record.folder, "events", "list", "--since=1d", "-o=table").stderr


# What a change says at 80 columns


REGISTRY = "registry.example/" * 3
LONG = "/bin/sh -c " + "exec gunicorn --config /etc/web/gunicorn.conf.py " * 4
PATH = "spec.template.spec.containers[web].command"
CHANGES = (
    (
        "ImageChanged",
        "Container app of Deployment web changed its image from shop/web:1.8.2 to shop/web:1.8.3",
        {"container": "app", "previous": "shop/web:1.8.2", "current": "shop/web:1.8.3"},
        "image shop/web:1.8.2 → shop/web:1.8.3 (container app) (by me)",
    ),
    (
        "ImageChanged",
        f"Container app of Deployment web changed its image from {REGISTRY}web:1 to {REGISTRY}web:2",
        {"container": "app", "previous": f"{REGISTRY}web:1", "current": f"{REGISTRY}web:2"},
        "image …y.example/web:1 → …y.example/web:2 (container app) (by me)",
    ),
    (
        "ConfigurationChanged",
        "Deployment web changed: containers[web].command added: sh -c echo 'FATAL: no database' >&2; exit 3",
        {"changed": [PATH], "previous": {}, "current": {PATH: "sh -c echo 'FATAL: no database' >&2; exit 3"}},
        "containers[web].command added: sh -c echo 'FATAL: no database' >&2; exit 3 (by me)",
    ),
    (
        "ConfigurationChanged",
        "Deployment web changed: containers[web].command removed: sh -c echo 'FATAL: no database' >&2; exit 3",
        {"changed": [PATH], "previous": {PATH: "sh -c echo 'FATAL: no database' >&2; exit 3"}, "current": {}},
        "containers[web].command removed: sh -c echo 'FATAL: no database' >&2; exit 3 (by me)",
    ),
    (
        "ConfigurationChanged",
        f"Deployment web changed: containers[web].command from {LONG}--workers=2 {LONG} to {LONG}--workers=4 {LONG}",
        {
            "changed": [PATH],
            "previous": {PATH: f"{LONG}--workers=2 {LONG}"},
            "current": {PATH: f"{LONG}--workers=4 {LONG}"},
        },
        "containers[web].command ….py --workers=2 /bin/sh -c ex… → ….py --workers=4 /bin/sh -c ex… (by me)",
    ),
    (
        "ConfigurationChanged",
        "Deployment web changed: containers[web].env[DATABASE_HOST]; containers[web].env[PASSWORD]",
        {"changed": ["a", "b"], "previous": {}, "current": {}},
        "containers[web].env[DATABASE_HOST]; containers[web].env[PASSWORD] (by me)",
    ),
    ("ConfigMapChanged", "ConfigMap web was changed", {}, "ConfigMap web was changed (by me)"),
)


@pytest.mark.parametrize(("reason", "description", "metadata", "said"), CHANGES)
@pytest.mark.parametrize("width", [80, 110])
def test_what_differs_is_there_at_80_columns(
    tmp_path: Path, reason: str, description: str, metadata: Json, said: str, width: int
) -> None:
    record = Record(tmp_path)
    record.event("Deployment/shop/web", reason, severity="info", description=description, changed_by="me", **metadata)
    shown = lines(asked(record, "--since=1h"), Look(Clock(record.now_ms / 1000, ages=False), width))
    assert max(map(columns, shown)) <= width
    text = " ".join(line.strip() for line in shown)
    assert re.sub(r"\s", "", text).endswith(re.sub(r"\s", "", said))


def test_an_insight_says_what_it_is(tmp_path: Path) -> None:
    record = Record(tmp_path)
    title = "Deployment web: image change followed by exit code 3"
    record.event("Deployment/shop/web", "InsightFound", severity="error", title=title, description="Deployment web … " * 20)
    shown = lines(asked(record, "--since=1h"), Look(Clock(record.now_ms / 1000, ages=False), 80))
    assert shown[-1].strip() == f"insight: {title}"


def test_a_hint_is_no_change_before_an_event(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.event("Node//n2", "CgroupV1", ago=10, node="n2", severity="info")
    record.event("Node//n2", "NodeCordoned", ago=9, node="n2", severity="info")
    record.event("PodDisruptionBudget/shop/web", "UnmanagedPods", ago=9, severity="info")
    name = record.event("Pod/shop/web-1", "BackOff", ago=5, node="n2", severity="error")
    (event,) = json.loads(run_cli(tmp_path, "events", "get", name).stdout)["related"]
    assert event["reason"] == "NodeCordoned"
    assert [one["change"] for one in asked(record, "--since=1h")["lines"]] == ["changed", "broke"]


def test_hints_are_those_of_the_rules() -> None:
    sections = yaml.safe_load((ROOT / "kube9_operator/model/rules/rules.yaml").read_text(encoding="utf-8"))["sections"]
    rules = [rule for section in sections for rule in section["rules"] if "/hints" in rule["id"]]
    of_rules = [rule["match"]["reason"] for rule in rules if rule.get("severity") == "info"]
    assert sorted(reason for some in of_rules for reason in some) == sorted(HINTS)
