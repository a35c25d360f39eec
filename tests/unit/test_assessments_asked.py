"""What the commands `assessments …` answer of what is stored."""

import json
from pathlib import Path
from typing import Any

import pytest

from tests.bench import database as made
from tests.cli import run_cli
from tests.unit.test_assessments_stored import DAY_MS, NON_ROOT, NOW_MS, PRIVILEGED, REPLICAS, Stored


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A database with an old assessment, a newer one that has failed, and one that runs."""
    connection = made.create(str(tmp_path))
    stored = Stored(connection)
    stored.begin(1, at_ms=NOW_MS)
    stored.check(PRIVILEGED, "failing", 1, ("Pod shop/a", "Pod shop/b"))
    stored.check(NON_ROOT, "skipped", 1)
    stored.check(REPLICAS, "passing", 1)
    stored.end(1)
    stored.begin(2, "manual", NOW_MS + DAY_MS)
    stored.check(REPLICAS, "warning", 2)
    stored.end(2, "its process failed 3 times")
    stored.begin(3, at_ms=NOW_MS + 2 * DAY_MS)
    connection.close()
    return tmp_path


def answer(folder: Path, *arguments: str) -> Any:
    done = run_cli(folder, "assessments", *arguments)
    assert done.returncode == 0, done.stderr
    return json.loads(done.stdout)


def table(folder: Path, *arguments: str) -> list[str]:
    done = run_cli(folder, "assessments", *arguments, "-o", "table")
    assert done.returncode == 0, done.stderr
    return str(done.stdout).splitlines()


def test_a_list_has_the_newest_first(folder: Path) -> None:
    runs = answer(folder, "list")["assessments"]
    assert [(one["run_id"], one["state"], one["origin"]) for one in runs] == [
        ("asm_03", "running", "scheduled"),
        ("asm_02", "failed", "manual"),
        ("asm_01", "completed", "scheduled"),
    ]
    assert (runs[0]["completed_at"], runs[1]["failure_reason"]) == (None, "its process failed 3 times")
    numbers = {name: number for name, number in runs[2].items() if name.endswith("_checks")}
    assert numbers == {
        "total_checks": 3,
        "completed_checks": 3,
        "passed_checks": 1,
        "failed_checks": 1,
        "warning_checks": 0,
        "skipped_checks": 1,
        "error_checks": 0,
        "timeout_checks": 0,
    }
    assert [one["run_id"] for one in answer(folder, "list", "--state", "failed")["assessments"]] == ["asm_02"]
    assert [one["run_id"] for one in answer(folder, "list", "--limit", "1")["assessments"]] == ["asm_03"]
    since = answer(folder, "list", "--since", runs[1]["requested_at"])["assessments"]
    assert [one["run_id"] for one in since] == ["asm_03", "asm_02"]
    assert table(folder, "list")[0].split() == ["RUN_ID", "MODE", "STATE", "TOTAL", "PASSED", "FAILED", "REQUESTED"]


def test_one_has_its_results(folder: Path) -> None:
    found = answer(folder, "get", "asm_01")
    by_check = {one["check_id"]: one for one in found["results"]}
    assert by_check[PRIVILEGED]["offenders"] == ["Pod shop/a", "Pod shop/b"]
    assert (by_check[PRIVILEGED]["severity"], by_check[PRIVILEGED]["offenders_total"]) == ("critical", 2)
    assert by_check[REPLICAS]["check_name"] == "High Availability Replica Counts"
    assert answer(folder, "latest")["run_id"] == "asm_02", "one that runs is none yet"
    lines = table(folder, "get", "asm_01")
    assert lines[1] == "1 passed, 1 failed, 1 skipped"
    assert "    It is failing." in lines
    assert "    It is passing." not in lines
    assert "Failed: its process failed 3 times" in table(folder, "latest")


def test_the_history_of_a_check(folder: Path) -> None:
    results = answer(folder, "history", "--check", REPLICAS)["results"]
    assert [(one["run_id"], one["status"]) for one in results] == [("asm_02", "warning"), ("asm_01", "passing")]
    assert len(answer(folder, "history")["results"]) == 4
    failing = answer(folder, "history", "--result", "failing", "--pillar", "security")["results"]
    assert [one["check_id"] for one in failing] == [PRIVILEGED]
    assert answer(folder, "history", "--pillar", "sustainability")["results"] == []
    assert table(folder, "history", "--pillar", "sustainability") == ["No results."]
    assert table(folder, "history")[0].split() == ["ASSESSED", "STATUS", "SEVERITY", "CHECK", "RUN_ID"]


def test_the_checks(folder: Path) -> None:
    assert [one["check_id"] for one in answer(folder, "checks")["checks"]] == sorted((PRIVILEGED, NON_ROOT, REPLICAS))
    assert table(folder, "checks")[0].split() == ["CHECK", "PILLAR", "SEVERITY", "NAME"]


@pytest.mark.parametrize("command", [("list",), ("get", "asm_01"), ("latest",), ("history",), ("checks",)])
def test_a_table_fits_into_the_terminal(folder: Path, monkeypatch: pytest.MonkeyPatch, command: tuple[str, ...]) -> None:
    whole = max(map(len, table(folder, *command)))
    for width in (whole, 80, 60, 40):
        monkeypatch.setenv("COLUMNS", str(width))
        lines = table(folder, *command)
        assert max(map(len, lines)) <= width
        assert lines, command
    wide = run_cli(folder, "assessments", *command, "-o", "wide").stdout.splitlines()
    assert max(map(len, wide)) >= whole


def test_times_and_colours_are_those_of_the_options(folder: Path) -> None:
    (first,) = answer(folder, "list", "--state", "completed")["assessments"]
    day, _, clock = first["requested_at"].partition("T")
    line = table(folder, "list", "--state", "completed", "--time", "utc")[1]
    assert day[5:] in line
    assert line.endswith(clock[:8])
    assert table(folder, "list", "--time", "utc")[0].endswith("REQUESTED UTC")
    assert table(folder, "get", "asm_01", "--tz", "+02:00")[0].count("UTC+02:00") == 1
    assert "\x1b[31mfailing" in "\n".join(table(folder, "get", "asm_01", "--color", "always"))
    assert "\x1b[32mcompleted" in "\n".join(table(folder, "list", "--color", "always"))
    assert "\x1b" not in "\n".join(table(folder, "get", "asm_01"))


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("get", "asm_99"), "Assessment not found"),
        (("get", "evt_1"), "it must look like asm_"),
        (("list", "--state", "done"), "it must be one of: running"),
        (("history", "--pillar", "safety"), "it must be one of: security"),
        (("history", "--result", "failed"), "it must be one of: passing"),
        (("history", "--check", "reliability.replica-count"), "did you mean reliability.replica-counts?"),
        (("list", "--since", "never"), "--since"),
        ((), "needs an action"),
    ],
)
def test_what_cannot_be_answered_is_said(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run_cli(folder, "assessments", *arguments)
    assert done.returncode == 1
    assert said in str(json.loads(done.stderr))


def test_before_the_first_there_is_none(tmp_path: Path) -> None:
    made.create(str(tmp_path)).close()
    assert answer(tmp_path, "list") == {"assessments": []}
    done = run_cli(tmp_path, "assessments", "latest")
    assert done.returncode == 1
    assert "No assessment has ended yet" in done.stderr
