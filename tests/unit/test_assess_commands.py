"""The commands `assess …` of alto9/kube9-operator: its options, its fields, its words."""

import json
from pathlib import Path
from typing import Any

import pytest

from kube9_schema import requests as words
from tests.cli import run_cli
from tests.unit.test_asking import Says, says
from tests.unit.test_assessments_asked import folder
from tests.unit.test_assessments_stored import NON_ROOT, PRIVILEGED, REPLICAS

__all__ = ["folder", "says"]  # fixtures
NUMBERS = ("passed", "failed", "warning", "skipped", "error", "timeout")


def answer(folder: Path, *arguments: str) -> Any:
    done = run_cli(folder, "assess", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    return json.loads(done.stdout)


def table(folder: Path, *arguments: str) -> list[str]:
    return run_cli(folder, "assess", *arguments, "-o", "table").stdout.splitlines()


def test_the_list_has_the_fields_of_the_original(folder: Path) -> None:
    found = answer(folder, "list")
    assert found["pagination"] == {"total": 3, "limit": 50, "offset": 0, "returned": 3}
    oldest = found["assessments"][-1]
    assert list(oldest) == [
        *("run_id", "mode", "state", "requested_at", "started_at", "completed_at", "total_checks", "completed_checks"),
        *(f"{word}_checks" for word in NUMBERS),
    ]
    assert [one["state"] for one in answer(folder, "list", "--state", "failed")["assessments"]] == ["failed"]
    assert answer(folder, "list", "--state", "queued")["assessments"] == []
    assert answer(folder, "list", "--limit", "1")["pagination"] == {"total": 3, "limit": 1, "offset": 0, "returned": 1}
    assert table(folder, "list")[0].split() == ["RUN_ID", "MODE", "STATE", "TOTAL", "PASSED", "FAILED", "REQUESTED"]


def test_one_has_no_results_and_nothing_that_has_no_value(folder: Path) -> None:
    found = answer(folder, "get", "asm_02")
    assert (found["state"], found["failure_reason"], found["warning_checks"]) == ("failed", "its process failed 3 times", 1)
    assert "results" not in found
    assert "completed_at" not in answer(folder, "get", "asm_03")
    assert table(folder, "get", "asm_02")[1:] == ["Failed: its process failed 3 times", "1 warning"]


def test_the_summary_adds_up_the_newest(folder: Path) -> None:
    found = answer(folder, "summary")
    assert found == {
        "total_runs": 3,
        "recent_runs": 3,
        "by_state": {"running": 1, "failed": 1, "completed": 1},
        "by_mode": {"full": 3},
        "totals": {f"{word}_checks": number for word, number in zip(NUMBERS, (1, 1, 1, 1, 0, 0), strict=True)},
    }
    assert answer(folder, "summary", "--limit", "2")["by_state"] == {"running": 1, "failed": 1}
    assert table(folder, "summary")[0] == "3 assessments in all. The newest 3:"
    assert table(folder, "summary", "--since", "2100-01-01") == ["No assessments."]


def test_the_history_has_the_fields_of_the_original(folder: Path) -> None:
    found = answer(folder, "history", "--severity", "info")
    assert found["pagination"] == {"total": 4, "limit": 100, "offset": 0, "returned": 4}
    assert [one["check_id"] for one in found["history"]] == [REPLICAS, REPLICAS, PRIVILEGED, NON_ROOT]
    assert {"severity", "offenders", "error_code"}.isdisjoint(found["history"][0])
    assert {"id", "run_id", "check_id", "pillar", "check_name", "status", "message", "assessed_at", "duration_ms"} <= set(
        found["history"][0]
    )
    failing = answer(folder, "history", "--pillar", "security", "--result", "failing", "--limit", "1")
    assert failing["pagination"] == {"total": 1, "limit": 1, "offset": 0, "returned": 1}
    assert table(folder, "history")[0].split() == ["ASSESSED", "STATUS", "CHECK", "RUN_ID"]


def test_a_run_shows_its_numbers_and_is_no_error_if_it_fails(folder: Path, says: Says, monkeypatch: pytest.MonkeyPatch) -> None:
    asked = says({"accepted": "asm_02"}, {"ended": "asm_02"})
    found = answer(folder, "run", "--mode", "single-check", "--check-id", "no.such", "--timeout-ms", "1500")
    assert (found["run_id"], found["state"]) == ("asm_02", "failed")
    assert asked == [{"mode": "single-check", "pillar": "", "check_id": "no.such", "timeout_seconds": 1.5}]


def test_the_same_under_the_name_of_the_operator(folder: Path) -> None:
    done = run_cli(folder, "assess", "lst", prog="kube9-operator")
    assert "did you mean kube9-operator assess list?" in done.stderr
    assert words.FOLDER


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        ("run --mode pillar", "--pillar is missing"),
        ("run --mode single-check", "--check-id is missing"),
        ("run --mode all", "it must be one of: full, pillar, single-check"),
        ("run --pillar safety", "it must be one of: security"),
        ("run --timeout-ms 300001", "it must be a whole number from 1 to 300000"),
        ("list --limit 1001", "it must be a whole number from 1 to 1000"),
        ("summary --limit 101", "it must be a whole number from 1 to 100"),
        ("history --severity bad", "it must be one of: critical"),
        ("get evt_1", "it must look like asm_"),
        ("get asm_99", "Assessment not found"),
    ],
)
def test_a_wrong_argument_is_an_error(folder: Path, arguments: str, said: str) -> None:
    done = run_cli(folder, "assess", *arguments.split())
    assert (done.returncode, done.stdout) == (1, "")
    assert said in done.stderr
