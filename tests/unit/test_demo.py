"""`make demo` asks what can be asked, and ends with commands that can be typed in the folder of the project."""

import shlex
from datetime import UTC, datetime

import pytest

from tests.commands import parsed
from tests.demo import LAST_QUESTIONS, PROGRAM, QUESTIONS, latest_1405, next_commands
from tests.incident_pages import ASKED


def test_what_to_try_next_can_be_typed() -> None:
    commands = [command for _, command in next_commands()]
    assert len(commands) == 3
    for program, *arguments in commands:
        assert program == PROGRAM
        assert "demo" in arguments
        parsed(["kube9-cli", *arguments])


def test_it_asks_what_the_document_asks() -> None:
    lines = [line for _, line in (*QUESTIONS, *LAST_QUESTIONS)]
    for line in lines:
        parsed(shlex.split(line))
    same = {line.replace("kube9-cli", "kubectl kube9") for line in lines[:-1]}
    assert same < set(ASKED), "all but the report, which is about a time of a clock"


@pytest.mark.parametrize(
    ("now", "day"),
    [("2026-11-24T14:40:00", 24), ("2026-11-24T23:59:00", 24), ("2026-11-24T14:20:00", 23), ("2026-11-24T00:00:00", 23)],
)
def test_the_incident_has_passed(now: str, day: int) -> None:
    found = latest_1405(datetime.fromisoformat(now).replace(tzinfo=UTC))
    assert found == datetime(2026, 11, day, 14, 5, tzinfo=UTC)
