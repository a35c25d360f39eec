"""The command `rules check`: what it says of files of rules and of Events, right and wrong."""

import io
import json
import sys
from pathlib import Path
from typing import Any

import pytest

from kube9_operator.parser import get_parser
from kube9_operator.rules_check import check
from tests.unit.test_events import event

ROOT = Path(__file__).parent.parent.parent
OWN = ROOT / "docs" / "events.md"
RULES = """
rules:
- {id: quiet, match: {kind: Pod, reason: Unhealthy}, ignore: true}
- {id: loud, match: {reason: Odd}, severity: critical, title: "\\e[31m{reason}"}
"""


def about(kind: str, reason: str, message: str = "", version: str = "v1", **fields: Any) -> dict[str, Any]:
    reference = {"kind": kind, "namespace": "shop", "name": "web", "uid": "u1", "apiVersion": version}
    return event(involvedObject=reference, reason=reason, message=message, **fields)


@pytest.fixture
def rules(tmp_path: Path) -> str:
    path = tmp_path / "rules.yaml"
    path.write_text(RULES.replace("\\e[31m", "Very "), encoding="utf-8")
    return str(path)


def written(folder: Path, text: str) -> str:
    path = folder / "events.json"
    path.write_text(text, encoding="utf-8")
    return str(path)


def test_a_file_of_rules_alone(rules: str, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(rules, None, "table") == 0
    assert capsys.readouterr() == (f"{rules}: 2 rules, no errors.\n", "")


def test_a_wrong_file_of_rules(tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text('rules: [{id: "\\e[31mred", match: {reason: X}, severity: fatal}]', encoding="utf-8")
    assert check(str(path), None, "table") == 1
    out, err = capsys.readouterr()
    assert out == ""
    wrong = "rule '\\x1b[31mred': severity: 'fatal': must be info, warning, error or critical"
    assert err == f"kube9-operator rules check: {path}: {wrong}\n"


EVENTS = [
    about("Pod", "Unhealthy", "Readiness probe failed: x"),
    about("Pod", "Odd", type="Normal"),
    about("Pod", "Killing", type="Normal"),
    about("Pod", "FailedScheduling", "0/1 nodes are available"),
    about("Pod", "Started", type="Normal"),
    about("Pod", "Pulled", type="Normal"),
]


@pytest.mark.parametrize(
    "text",
    [
        json.dumps({"kind": "List", "items": EVENTS}, indent=4),
        json.dumps(EVENTS),
        "".join(json.dumps(one) + "\n\n" for one in EVENTS),
    ],
    ids=["list of kubectl", "array", "lines"],
)
def test_what_each_event_would_become(
    text: str, rules: str, tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setenv("EVENT_REASONS_EXCLUDE", "Pulled")
    monkeypatch.setenv("EVENT_REASONS_INCLUDE", "Started")
    assert check(rules, written(tmp_path, text), "json") == 0
    answer = json.loads(capsys.readouterr().out)
    assert (answer["file"], answer["rules"]) == (rules, 2)
    assert [
        (one["reason"], one["recorded"], one["by"], one["source"], one["severity"], one["title"]) for one in answer["events"]
    ] == [
        ("Unhealthy", False, "quiet", "file", None, None),
        ("Odd", True, "loud", "file", "critical", "Very Odd"),
        ("Killing", False, "normal", "built-in", None, None),
        ("FailedScheduling", True, "cannot schedule", "built-in", "error", "Pod scheduling failed"),
        ("Started", True, "EVENT_REASONS_INCLUDE", "setting", "info", "Pod Started"),
        ("Pulled", False, "EVENT_REASONS_EXCLUDE", "setting", None, None),
    ]
    assert check(rules, written(tmp_path, text), "table") == 0
    lines = capsys.readouterr().out.splitlines()
    assert lines[0] == f"{rules}: 2 rules, no errors."
    assert lines[1].split() == ["SEVERITY", "TITLE", "OBJECT", "REASON", "RULE"]
    assert lines[2].split() == ["-", "left", "out", "pod/shop/web", "Unhealthy", "quiet", "(file)"]
    assert lines[3].split() == ["critical", "Very", "Odd", "pod/shop/web", "Odd", "loud", "(file)"]
    assert lines[-1] == "6 Events: 3 would be recorded, 3 left out."
    assert len({line.index(line.split()[-2]) for line in lines[2:4]}) == 1, "columns"


def test_events_from_standard_input(rules: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    class Input:
        buffer = io.BytesIO(json.dumps(EVENTS[0]).encode())

    monkeypatch.setattr(sys, "stdin", Input)
    assert check(rules, "-", "table") == 0
    assert "1 Event: 0 would be recorded, 1 left out." in capsys.readouterr().out


def test_nothing_acts_on_the_terminal(rules: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    evil = about("Pod\x1b[31m", "Odd\x1b]0;x\x07", "x")
    assert check(rules, written(tmp_path, json.dumps(evil)), "table") == 0
    out = capsys.readouterr().out
    assert "\x1b" not in out
    assert "\x07" not in out
    assert check(rules, written(tmp_path, json.dumps(evil)), "json") == 0
    assert "\x1b" not in capsys.readouterr().out


@pytest.mark.parametrize(
    ("text", "said"),
    [
        ("", ""),
        ("{", "line 1: is not JSON: "),
        ("[1]", "item 1: is not an Event: "),
        ('{"items": [{"metadata": {}}, {"reason": "X"}]}', "item 2: is not an Event: Object missing required field `metadata`"),
        ('{"metadata": {}}\n{"metadata": 5}\n', "line 2: is not an Event: "),
        ('{"metadata": {}, "regarding": {}}', "item 1: is an Event of events.k8s.io; kubectl get events -o json"),
        ("[" * 100_000, "line 1: is not JSON: "),
        ('{"items": 5}', "item 1: is not an Event: "),
    ],
)
def test_events_that_cannot_be_read(
    text: str, said: str, rules: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]
) -> None:
    path = written(tmp_path, text)
    assert check(rules, path, "table") == (1 if said else 0)
    err = capsys.readouterr().err
    assert err.startswith(f"kube9-operator rules check: {path}: {said}" if said else "")
    assert len(err.splitlines()) == (1 if said else 0)


def test_a_file_of_events_that_is_not_there(rules: str, tmp_path: Path, capsys: pytest.CaptureFixture[str]) -> None:
    assert check(rules, str(tmp_path / "absent"), "table") == 1
    assert capsys.readouterr().err.endswith("absent: No such file or directory\n")
    assert check(rules, str(tmp_path), "table") == 1
    assert capsys.readouterr().err.endswith(": Is a directory\n")


def test_a_wrong_setting(rules: str, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("EVENT_WAIT_MINUTES", "soon")
    assert check(rules, None, "table") == 1
    assert "EVENT_WAIT_MINUTES=soon: must be a whole number of minutes" in capsys.readouterr().err


def test_the_command_line() -> None:
    given = get_parser().parse_args(["rules", "check", "rules.yaml", "--events", "-", "-o", "json"])
    assert (given.command, given.action, given.file, given.events, given.output) == (
        "rules",
        "check",
        "rules.yaml",
        "-",
        "json",
    )


def test_the_document_shows_what_is_printed(
    tmp_path: Path, capsys: pytest.CaptureFixture[str], monkeypatch: pytest.MonkeyPatch
) -> None:
    blocks = OWN.read_text(encoding="utf-8").split("\n\n")
    (example,) = [block for block in blocks if block.startswith("    rules:\n")]
    (shown,) = [block for block in blocks if block.startswith("    rules.yaml: ")]
    monkeypatch.chdir(tmp_path)
    Path("rules.yaml").write_text("".join(line[4:] + "\n" for line in example.splitlines()), encoding="utf-8")
    events = [
        about("HorizontalPodAutoscaler", "FailedGetResourceMetric", "no metrics", "autoscaling/v2"),
        about("Certificate", "Failed", "The certificate request has failed", "cert-manager.io/v1"),
        about("Pod", "FailedMount", 'MountVolume.SetUp failed for volume "data" : timed out'),
        about("Pod", "Killing", "Stopping container app", type="Normal"),
        about("Service", "SyncLoadBalancerFailed", "Error syncing load balancer: no subnet"),
    ]
    assert check("rules.yaml", written(tmp_path, json.dumps({"items": events})), "table") == 0
    printed = capsys.readouterr().out
    assert [line[4:].rstrip() for line in shown.splitlines()] == [line.rstrip() for line in printed.splitlines()], printed
