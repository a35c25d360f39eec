"""events timeline: one line a change of state, in order; the histogram; what is shown of gaps; many events."""

import json
import re
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
    record.again(event)
    assert [one["change"] for one in asked(record, "--since=1h")["lines"]] == ["broke"]
    again = asked(record, "--since=1h", "--occurrences")["lines"]
    assert [(one["change"], one["count"]) for one in again] == [("broke", 2), ("again", 2)]


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
    assert len([one for one in plain if re.match(r"\d\d:", one)]) == len(answer["lines"])
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
