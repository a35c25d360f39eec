"""The formats of answers, and what decides which one it is."""

import csv
import io
import json
import re
import time
from pathlib import Path
from typing import Any

import apsw
import pytest
import yaml

from kube9_cli.render import listing, serialize
from kube9_schema import ids
from tests import cli_database
from tests.cli import run_cli

COUNT = 40
LINES = ("name", "jsonl", "csv", "custom-columns=ID:.id")


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("output")
    cli_database.build(made, COUNT)
    return made


@pytest.fixture
def listed(folder: Path) -> list[dict[str, Any]]:
    events: list[dict[str, Any]] = json.loads(run_cli(folder, "events", "list", "--limit=9").stdout)["events"]
    return events


def output(folder: Path, form: str, *more: str) -> str:
    done = run_cli(folder, "events", "list", "--limit=9", "-o", form, *more)
    assert done.returncode == 0, done.stderr
    assert done.stderr.startswith(f"9 of {COUNT} events. "), "how many, and the coverage"
    return done.stdout


def test_names_are_ids_that_get_takes(folder: Path, listed: list[dict[str, Any]]) -> None:
    names = output(folder, "name").splitlines()
    assert names == [event["id"] for event in listed]
    several = json.loads(run_cli(folder, "events", "get", *names).stdout)["events"]
    assert [one["id"] for one in several] == names
    assert [json.loads(run_cli(folder, "events", "get", name).stdout) for name in names] == several
    by_line = run_cli(folder, "events", "get", *names, "-o", "jsonl").stdout.splitlines()
    assert [json.loads(line) for line in by_line] == several
    assert yaml.safe_load(run_cli(folder, "events", "get", *names, "-o", "yaml").stdout) == {"events": several}


def test_json_lines(folder: Path, listed: list[dict[str, Any]]) -> None:
    assert [json.loads(line) for line in output(folder, "jsonl").splitlines()] == listed


def test_csv(folder: Path, listed: list[dict[str, Any]]) -> None:
    text = output(folder, "csv")
    assert text.count("\r\n") == text.count("\n") == 10
    rows = list(csv.DictReader(io.StringIO(text)))
    for row, event in zip(rows, listed, strict=True):
        assert json.loads(row.pop("metadata")) == event["metadata"]
        assert (row.pop("reason"), row.pop("node")) == (event["metadata"]["reason"], event["metadata"]["node"])
        assert {key: value for key, value in row.items() if value} == {
            key: str(value) for key, value in event.items() if key != "metadata"
        }
    assert output(folder, "csv", "--no-headers") == text.partition("\r\n")[2]


FORMULAS = ("=1+1", "+1", "-1", "@SUM(A1)", " =1", "\t=1", "\n=1", "\uff1d1", '=HYPERLINK("http://x","a, b")')


@pytest.mark.parametrize("text", FORMULAS)
def test_no_cell_of_csv_is_a_formula(tmp_path: Path, text: str) -> None:
    cli_database.build(tmp_path, 2)
    connection = apsw.Connection(str(tmp_path / "kube9.db"))
    connection.execute("UPDATE texts SET description = ?", (text,))
    connection.execute("UPDATE words SET word = ? WHERE id = (SELECT title FROM events LIMIT 1)", (text,))
    connection.close()
    rows = list(csv.DictReader(io.StringIO(run_cli(tmp_path, "events", "list", "-o", "csv").stdout)))
    assert [row["description"][0] for row in rows] == ["'", "'"]
    assert any(row["title"].startswith("'") for row in rows)
    assert all(not re.match("\\s*[=+@\uff1d-]", cell) for row in rows for cell in row.values())
    assert rows[0]["description"].lstrip("' ") == text.strip()


def test_a_long_table_is_printed_in_parts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = {form: output(folder, form).split() for form in ("table", "wide", "custom-columns=ID:.id")}
    monkeypatch.setattr(listing, "ROWS", 2)
    for form, words in whole.items():
        assert output(folder, form).split() == words, "headings only once"


@pytest.mark.parametrize("text", ["1e5", "0o7", "1_000", ".5", "+1", "-", "08:30", "2026-01-01", "true", "~"])
def test_a_text_that_looks_like_a_number_is_a_text_in_yaml(text: str) -> None:
    shown = serialize.as_yaml({"name": text})
    assert shown == f"name: '{text}'\n"
    assert yaml.safe_load(shown) == {"name": text}


def test_columns_of_the_user(folder: Path, listed: list[dict[str, Any]]) -> None:
    event = listed[0]
    said = output(folder, "custom-columns=ID:.id,HOST:.metadata.source.host,NONE:.metadata.x[0].y,SOURCE:{.metadata['source']}")
    heading, first = (re.split(" {2,}", line) for line in said.splitlines()[:2])
    assert heading == ["ID", "HOST", "NONE", "SOURCE"]
    source = event["metadata"]["source"]
    assert first == [event["id"], source["host"], "<none>", json.dumps(source)]
    assert output(folder, "custom-columns=ID:id", "--no-headers").split() == [one["id"] for one in listed]


@pytest.mark.parametrize("columns", ["", "ID", ":.id", "ID:", "ID:.", "ID:.a[", "ID:.a[x]", "ID:.id,", "I\x1bD:.id"])
def test_columns_that_are_none(columns: str) -> None:
    done = run_cli(Path("/nowhere"), "events", "list", "-o", f"custom-columns={columns}")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(("Invalid --format custom-columns=", "Invalid --format 'custom-columns=I\\x1bD:.id'"))
    assert "custom-columns=ID:.id,NODE:.metadata.node" in done.stderr


def test_an_unknown_format_and_where_it_came_from(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    assert "Invalid --format xml" in run_cli(folder, "events", "list", "-o", "xml").stderr
    refused = run_cli(folder, "status", "-o", "csv")
    assert (refused.returncode, "json, yaml, table, wide" in refused.stderr) == (1, True)
    monkeypatch.setenv("KUBE9_OUTPUT", "xml")
    assert "Invalid KUBE9_OUTPUT xml" in run_cli(folder, "events", "list").stderr


def test_the_environment_sets_another_default(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    for form in ("yaml", "table", *LINES):
        monkeypatch.delenv("KUBE9_OUTPUT", raising=False)
        asked = run_cli(folder, "events", "list", "--limit=2", "-o", form)
        monkeypatch.setenv("KUBE9_OUTPUT", form)
        by_default = run_cli(folder, "events", "list", "--limit=2")
        assert by_default.stdout.splitlines()[:2] == asked.stdout.splitlines()[:2]
        assert json.loads(run_cli(folder, "events", "list", "-o", "json", "--limit=2").stdout)["events"], "-o wins"
    assert json.loads(run_cli(folder, "status").stdout)["status"], "a format that it does not have is ignored"


@pytest.mark.parametrize(
    ("form", "as_json"), [("json", True), ("jsonl", True), ("yaml", True), ("csv", False), ("name", False)]
)
@pytest.mark.parametrize("flag", ["-o {}", "-o{}", "--output {}", "--output={}", "--format={}"])
def test_errors_are_json_for_programs_and_text_for_people(form: str, as_json: bool, flag: str) -> None:
    for wrong in ("--limit=no", "--nonsense"):
        done = run_cli(Path("/nowhere"), "events", "list", wrong, *flag.format(form).split())
        assert done.stderr.startswith("{") is as_json
    done = run_cli(Path("/nowhere"), "events", "list", *flag.format(form).split())
    assert done.stderr.startswith("{") is as_json


def test_colours_are_for_terminals_unless_asked_for(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def coloured(*arguments: str) -> bool:
        return "\x1b[" in run_cli(folder, "events", "list", "-o", "table", *arguments).stdout

    assert not coloured()
    assert coloured("--color=always")
    monkeypatch.setenv("FORCE_COLOR", "1")
    assert coloured()
    assert not coloured("--color=never")
    monkeypatch.setenv("NO_COLOR", "1")
    assert not coloured()
    assert coloured("--color=always")
    done = run_cli(folder, "events", "list", "--color=sometimes")
    assert "it must be one of: auto, always, never" in done.stderr


def test_times_by_the_clock(folder: Path, listed: list[dict[str, Any]], monkeypatch: pytest.MonkeyPatch) -> None:
    def first(*arguments: str) -> list[str]:
        return run_cli(folder, "events", "list", "--limit=1", "-o", "table", *arguments).stdout.splitlines()

    heading, row = first("--time=utc")
    assert heading.startswith("LAST SEEN UTC ")
    assert listed[0]["last_seen_at"][11:19] in row
    assert first("--tz=+00:00")[1].split()[:2] == row.split()[:2], "a zone alone asks for the clock"
    assert first("--time=utc", "--tz=Europe/Berlin") == [heading, row]
    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    assert first("--time=local")[0].startswith("LAST SEEN UTC+0545 ")
    assert first()[1].split()[1] in ("info", "warning", "error", "critical"), "ages, as without TZ"
    for wrong in ("Mars/Base", "../../etc/passwd", "/etc/passwd", "CET-1CEST", "\x1b["):
        done = run_cli(folder, "events", "list", f"--tz={wrong}")
        assert json.loads(done.stderr)["error"] == f"Invalid --tz {wrong if wrong.isprintable() else repr(wrong)}"
    assert "it must be one of: age, utc, local" in run_cli(folder, "events", "list", "--time=gmt").stderr


def test_a_question_with_times_of_the_clock_gets_such_an_answer(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def heading(*arguments: str) -> str:
        return run_cli(folder, "events", "list", "--limit=1", "-o", "table", *arguments).stdout.splitlines()[0]

    monkeypatch.setenv("TZ", "Asia/Kathmandu")
    assert heading("--until=23:59", "--since=2020-01-01").startswith("LAST SEEN UTC+0545 ")
    assert heading("--since=2020-01-01", "--until=yesterday", "--tz=UTC").startswith("LAST SEEN UTC ")
    assert heading("--around=now", "--window=9d").startswith("LAST SEEN UTC ")
    assert heading("--since=yesterday", "--since=8d", "--time=age").startswith("LAST SEEN  SEVERITY")
    assert heading("--since=8d").startswith("LAST SEEN  SEVERITY")
    summary = run_cli(folder, "events", "summary", "--since=yesterday", "-o", "table")
    assert "UTC+0545" in summary.stdout.splitlines()[0]


def test_several_ids_are_answered_together_or_not_at_all(folder: Path, listed: list[dict[str, Any]]) -> None:
    one, two = listed[0]["id"], listed[1]["id"]
    absent = [ids.encode(1), ids.encode(2)]
    done = run_cli(folder, "events", "get", one, *absent)
    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads(done.stderr) == {"error": "Event not found", "event_id": ", ".join(absent)}
    assert json.loads(run_cli(folder, "events", "get", one, one).stdout)["id"] == one
    said = run_cli(folder, "events", "get", one, two, "-o", "table").stdout
    assert [line.split()[1] for line in said.splitlines() if line.startswith("Id ")] == [one, two]
    many = [ids.encode(number) for number in range(101)]
    assert "at most 100 are allowed" in run_cli(folder, "events", "get", *many).stderr


def test_the_status_for_people(folder: Path) -> None:
    status = json.loads(run_cli(folder, "status").stdout)
    assert status["coverage"].keys() >= {"complete", "gaps", "unavailable"}
    said = run_cli(folder, "status", "-o", "table").stdout
    labels = re.findall("^[A-Z][a-z]+", said, re.MULTILINE)
    assert labels == ["Operator", "Health", "Record", "Events", "Lost", "Database"]
    assert f"Events    {COUNT}: " in said
    assert "\nevents  current " in said
    assert "accounting" not in said
    assert "accounting" in run_cli(folder, "status", "-o", "wide").stdout


def test_the_status_of_watches_in_different_states(tmp_path: Path) -> None:
    cli_database.build(tmp_path, 2)
    connection = apsw.Connection(str(tmp_path / "kube9.db"))
    watches = "INSERT INTO sources (source, covered_from_ms, proved_until_ms, unavailable) VALUES (?, ?, ?, ?)"
    now = time.time_ns() // 1_000_000
    for number, name in enumerate(("jobs", "nodes", "pods", "services")):
        connection.execute(watches, (name, now - 600_000 - number, now - number * 10_000, None))
    connection.execute(watches, ("cronjobs", None, None, "not permitted"))
    connection.execute("UPDATE books SET received = received + 5, refused = refused + 2, dropped = dropped + 3")
    connection.close()
    said = run_cli(tmp_path, "status", "-o", "table").stdout
    rows = [re.split(" {2,}", line)[:2] for line in said.partition("\nWATCH")[2].splitlines()[1:]]
    assert rows == [["cronjobs", "not permitted"], ["events", "current"], ["4 others", "current"]]
    assert re.search("^4 others +current +10m +3[01]s$", said, re.MULTILINE), "complete from the latest to the earliest"
    assert "\nLost      3 observations dropped, 2 observations refused\n" in said
    wide = run_cli(tmp_path, "status", "-o", "wide").stdout
    assert len(re.findall("^(?:jobs|nodes|pods|services) +current", wide, re.MULTILINE)) == 4
    colours = run_cli(tmp_path, "status", "-o", "table", "--color=always").stdout
    assert "\x1b[31mnot permitted" in colours
    assert "\x1b[32mcurrent" in colours
