"""events export: everything once, in the order in which it was recorded; resumed; what stderr says."""

import csv
import io
import json
import os
import pty
import random
import select
import subprocess
from pathlib import Path
from unittest import mock

import pytest

from kube9_cli.commands import export
from kube9_cli.query import events
from kube9_cli.query.events import Row
from kube9_cli.render import event_lines
from kube9_cli.render.serialize import as_json
from kube9_schema.codes import EVENT_TYPES, SEVERITIES
from tests import cli_database
from tests.cases import Json
from tests.cli import run_cli
from tests.operator import BIN
from tests.record import Record

COUNT = 1_500


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("export")
    cli_database.build(folder, COUNT)
    return folder


def exported(folder: Path, *arguments: str) -> list[Json]:
    done = run_cli(folder, "events", "export", *arguments)
    assert done.returncode == 0, done.stderr
    return [json.loads(line) for line in done.stdout.splitlines()]


def test_everything_comes_once_as_a_list_has_it(folder: Path) -> None:
    listed = json.loads(run_cli(folder, "events", "list", "--limit=0", "--sort=created", "--reverse").stdout)["events"]
    assert exported(folder) == listed
    assert len(listed) == COUNT
    some = ("--severity=error+", "--exclude=namespace=team-1", "--since=5d")
    assert {one["id"] for one in exported(folder, *some)} == {
        one["id"] for one in json.loads(run_cli(folder, "events", "list", "--limit=0", *some).stdout)["events"]
    }


def test_an_export_that_was_broken_off_goes_on_after_its_last_event(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = exported(folder)
    assert exported(folder, "--after", whole[699]["id"]) == whole[700:]
    assert exported(folder, "--after", whole[-1]["id"]) == []
    monkeypatch.setattr(export, "IDS_AT_ONCE", 100)
    assert exported(folder) == whole, "in many steps"


def test_what_is_recorded_later_comes_with_the_next_export(tmp_path: Path) -> None:
    record = Record(tmp_path)
    first = record.event("Pod/shop/web-1")
    done = run_cli(tmp_path, "events", "export")
    assert f"To write what is recorded later: --after {first}." in done.stderr
    assert done.stderr.startswith("1 events. ")
    second = record.event("Pod/shop/web-2")
    assert [one["id"] for one in exported(tmp_path, "--after", first)] == [second]


def test_csv_has_no_formulas_and_is_read_by_a_csv_reader(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.event("Pod/shop/web", description='=HYPERLINK("http://evil/","x")', title="@SUM(1)", reason="+1")
    record.event("Pod/shop/web", description='line\none\x1b[31m, "quoted"', title="-2")
    done = run_cli(tmp_path, "events", "export", "-o", "csv")
    rows = list(csv.DictReader(io.StringIO(done.stdout, newline="")))
    assert [row["title"] for row in rows] == ["'@SUM(1)", "'-2"]
    assert rows[0]["description"] == '\'=HYPERLINK("http://evil/","x")'
    assert rows[0]["reason"] == "'+1"
    assert rows[1]["description"] == 'line one [31m, "quoted"'
    assert run_cli(tmp_path, "events", "export", "-o", "csv", "--no-headers").stdout.count("\r\n") == 2


TEXTS = ("", "web", 'a "quoted" \\ text', "line\none\ttwo", "größer 日本語 \U0001f98a", "\u202e\x1b[31m\u2800\x7f", "-")
METADATA = (
    *("{}", '{"source":{"component":"kubelet"}}', '{"a":[1,2.5,true,null],"b":"\\u001b\\n"}', '{"image":"\\u202e x", "z": {}}'),
    *('{"reason":"of the metadata"}', '{"a":1,"count":7,"b":2}', '{"node":"n2","note":"größer"}', f'{{"long":"{"x" * 600}"}}'),
)


def test_a_line_of_an_export_is_the_json_of_the_event() -> None:
    chance = random.Random(1)
    for _ in range(4_000):
        words = [chance.choice(TEXTS) for _ in range(6)]
        first, last, created = (chance.choice((0, 1, 1_795_003_600_123, 2**53, 2**60)) for _ in range(3))
        numbers = chance.randrange(2**62), chance.randrange(len(EVENT_TYPES)), chance.randrange(len(SEVERITIES))
        texts = chance.choice(TEXTS), chance.choice((None, *TEXTS)), chance.choice(METADATA)
        row = Row._make((*words, *numbers, created, first, last, chance.choice((0, 1, 12)), *texts))
        event = events.event(row)
        with mock.patch.object(event_lines, "MOST_KNOWN", 3):
            assert event_lines.line(row) == (event["id"], f"{as_json(event)}\n")


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        ("--after=x", "Invalid event id x"),
        ("--after=evt_20260230_000000_000000", "Invalid --after evt_20260230_000000_000000"),
        ("-o=table", "Invalid --format table"),
        ("--format=", "Invalid --format: it is empty"),
    ],
)
def test_wrong_arguments(folder: Path, arguments: str, error: str) -> None:
    done = run_cli(folder, "events", "export", arguments)
    assert (done.returncode, done.stdout) == (1, "")
    assert error in done.stderr


def test_an_empty_export_says_why(folder: Path) -> None:
    done = run_cli(folder, "events", "export", "-n", "nowhere")
    assert done.stdout == ""
    assert "No event in namespace nowhere was ever recorded" in done.stderr


def test_the_terminal_shows_the_progress_and_a_pipe_does_not(folder: Path) -> None:
    """A real process, with a terminal for stderr."""
    ours, theirs = pty.openpty()
    with open(os.devnull, "wb") as nowhere:
        environment = os.environ | {"DB_PATH": str(folder)}
        done = subprocess.Popen([BIN / "python", "-c", SLOWLY], stdout=nowhere, stderr=theirs, env=environment)
        os.close(theirs)
        shown = b""
        while select.select([ours], [], [], 30)[0]:
            try:
                shown += os.read(ours, 65536)
            except OSError:
                break
        assert done.wait() == 0
    os.close(ours)
    text = shown.decode()
    assert "% of 1,500: " in text
    assert "events, " in text
    assert text.rpartition("\x1b[K")[2].startswith("1500 events."), "the bar is gone"
    assert "% of" not in run_cli(folder, "events", "export").stderr


SLOWLY = """
import sys
from kube9_cli import main
from kube9_cli.render import export
export.BETWEEN_SECONDS = 0
main.end(main.run(["events", "export"], "kube9-cli"))
"""


@pytest.mark.parametrize("form", export.FORMATS)
def test_a_reader_that_goes_away_ends_it_without_a_message(folder: Path, form: str) -> None:
    command = f"{BIN}/kube9-cli events export -o {form} --db {folder} | head -1"
    done = subprocess.run(
        ["bash", "-c", f"set -o pipefail; {command}; echo ${{PIPESTATUS[0]}}"], capture_output=True, text=True
    )
    assert done.stderr == ""
    assert done.stdout.splitlines()[-1] == "141", "SIGPIPE"
