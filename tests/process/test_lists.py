"""Lists beyond one page: the cursor of the next page, everything at once, what happened around a moment, and what is new."""

import json
import os
import select
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kube9_cli import zones
from kube9_cli.commands import event_list
from tests import cli_database
from tests.cli import run_cli
from tests.operator import BIN
from tests.record import MINUTE, Record

COUNT = 2_300


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("lists")
    cli_database.build(made, COUNT)
    return made


def answer(folder: Path, *arguments: str) -> dict[str, Any]:
    done = run_cli(folder, "events", "list", *arguments)
    assert (done.returncode, done.stderr) == (0, ""), done.stderr
    said: dict[str, Any] = json.loads(done.stdout)
    return said


def ids(said: dict[str, Any]) -> list[str]:
    return [event["id"] for event in said["events"]]


def test_a_cursor_leads_to_the_next_page_of_the_same_question(folder: Path) -> None:
    question = ["--kind=pod", "--since=6d", "--severity=warning+", "--limit=400"]
    found, said = [], answer(folder, *question)
    total = said["pagination"]["total"]
    while True:
        found += ids(said)
        assert said["pagination"]["total"] == total
        if "next" not in said["pagination"]:
            break
        said = answer(folder, *question, "--after", said["pagination"]["next"])
    assert len(found) == len(set(found)) == total > 800
    assert found == ids(answer(folder, *question[:-1], "--limit=0"))


def test_a_cursor_of_another_question_is_refused(folder: Path) -> None:
    cursor = answer(folder, "--limit=1")["pagination"]["next"]
    for other in (["--kind=pod"], ["--sort=first"], ["--reverse"], ["--exclude=kind=pod"]):
        done = run_cli(folder, "events", "list", *other, "--after", cursor)
        assert done.returncode == 1
        assert json.loads(done.stderr)["details"].startswith("it must be the pagination.next of an answer to the same question")
    assert "next" not in answer(folder, "--limit=1", "--offset=1")["pagination"], "what an offset skips may move"


def test_a_relative_time_is_that_of_the_first_page(folder: Path) -> None:
    first = answer(folder, "--since=3d", "--limit=1000", "--sort=created", "--reverse")
    rest = answer(folder, "--since=1s", "--limit=1000", "--sort=created", "--reverse", "--after", first["pagination"]["next"])
    both = [*ids(first), *ids(rest)]
    assert both == ids(answer(folder, "--since=3d", "--limit=0", "--sort=created", "--reverse"))[: len(both)]
    assert len(rest["events"]) > 0


@pytest.mark.parametrize("form", ["json", "yaml", "jsonl", "table", "custom-columns=ID:.id"])
def test_everything_comes_in_pages(folder: Path, form: str) -> None:
    done = run_cli(folder, "events", "list", "--limit=0", "-o", form)
    assert done.returncode == 0
    if form == "json":
        said = json.loads(done.stdout)
        assert said["pagination"] == {"total": COUNT, "limit": 0, "offset": 0, "returned": COUNT}
        assert len(set(ids(said))) == COUNT
    else:
        lines = done.stdout.splitlines()
        assert len(lines) == COUNT + 1 if form in ("table", "custom-columns=ID:.id") else len(lines) >= COUNT
        assert len(set(lines)) > COUNT * 0.9


def test_everything_in_several_parts(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    whole = answer(folder, "--limit=0", "--sort=count")
    monkeypatch.setattr(event_list, "IDS_AT_ONCE", 700)
    monkeypatch.setattr(event_list, "ROWS_AT_ONCE", 90)
    for count in ("exact", "none"):
        assert ids(answer(folder, "--limit=0", "--sort=count", f"--count={count}")) == ids(whole)


@pytest.fixture(scope="module")
def minutes(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Record, dict[str, str]]]:
    """An event every ten minutes."""
    record = Record(tmp_path_factory.mktemp("around"))
    found = {record.event(f"Pod/shop/p{ago}", ago=ago): f"p{ago}" for ago in range(120, -1, -10)}
    yield record, found
    record.close()


def around(minutes: tuple[Record, dict[str, str]], *arguments: str) -> tuple[list[str], dict[str, Any]]:
    record, names = minutes
    said = answer(record.folder, *arguments)
    return [names[event["id"]] for event in said["events"]], said


def test_both_sides_of_a_moment_in_ascending_order(minutes: tuple[Record, dict[str, str]]) -> None:
    record, _ = minutes
    at = record.now_ms - 60 * MINUTE
    moment = time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1000)) + f".{at % 1000:03}Z"
    found, said = around(minutes, f"--around={moment}")
    assert found == ["p70", "p60", "p50"]
    assert said["asked"] == {"around": moment}
    assert said["pagination"]["total"] == 3
    assert around(minutes, f"--around={moment}", "--window=25m")[0] == ["p80", "p70", "p60", "p50", "p40"]
    assert around(minutes, f"--around={moment}", "--window=10m")[0] == ["p70", "p60", "p50"], "both ends are in it"
    assert around(minutes, f"--around={moment}", "--window=2h", "--limit=4")[0] == ["p80", "p70", "p60", "p50"]
    assert around(minutes, f"--around={moment}", "--window=1h", "--name=p9*,p8*,p1*", "--limit=3")[0] == ["p90", "p80", "p10"]
    assert around(minutes, f"--around={moment}", "--window=1h", "--since=55m")[0] == ["p50", "p40", "p30", "p20", "p10", "p0"]


def test_times_that_leave_nothing_of_the_window_are_an_error(minutes: tuple[Record, dict[str, str]]) -> None:
    record, names = minutes
    event = next(key for key, name in names.items() if name == "p60")
    for moment in ("1h", event):
        done = run_cli(record.folder, "events", "list", "-o", "table", "--around", moment, "--since=20m")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr == f"Invalid --around {moment}: --since and --until leave nothing of the time around it\n"


def test_a_moment_is_shown_as_it_was_asked_for(minutes: tuple[Record, dict[str, str]]) -> None:
    folder = minutes[0].folder
    shown = run_cli(folder, "events", "list", "-o", "table", "--around=2026-07-01T12:00Z", "--tz=Europe/Berlin").stderr
    assert "Around 2026-07-01 14:00:00 (Europe/Berlin)." in shown
    assert (
        "Around 2026-07-01T12:00:00.000Z."
        in run_cli(folder, "events", "list", "-o", "table", "--around=2026-07-01T12:00Z").stderr
    )


def test_around_a_time_of_a_clock_names_the_zone(
    minutes: tuple[Record, dict[str, str]], monkeypatch: pytest.MonkeyPatch
) -> None:
    record, _ = minutes
    monkeypatch.setenv("TZ", "Asia/Kolkata")
    at = zones.zone("Asia/Kolkata").at(record.now_ms - 60 * MINUTE)
    found, said = around(minutes, f"--around={at:%H:%M:%S}")
    assert found in (["p70", "p60", "p50"], ["p70", "p60"]), "a clock has no milliseconds"
    assert said["asked"]["time_zone"] == "Asia/Kolkata"
    assert set(said["asked"]) == {"time_zone", "since", "until", "around"}


def test_around_an_event_marks_it(minutes: tuple[Record, dict[str, str]]) -> None:
    record, names = minutes
    event = next(key for key, name in names.items() if name == "p30")
    found, said = around(minutes, "--around", event, "--window=20m", "--limit=4")
    assert found == ["p50", "p40", "p30", "p20"]
    assert [one["id"] for one in said["events"] if one.get("marked")] == [event]
    assert said["asked"]["event"] == event
    table = run_cli(record.folder, "events", "list", "-o", "table", "--around", event)
    assert [line for line in table.stdout.splitlines() if line.startswith("> ")] == [
        line for line in table.stdout.splitlines() if "shop/p30" in line
    ]
    assert f"Around {event} (marked with >): from 15m before it began to 15m after it was last seen." in table.stderr
    others = run_cli(record.folder, "events", "list", "-o", "table", "--around", event, "--name=p4*")
    assert f"Around {event}, which does not match: from 15m before" in others.stderr
    unknown = run_cli(record.folder, "events", "list", "--around", "evt_20200101_000000_000000")
    assert json.loads(unknown.stderr) == {"error": "Event not found", "event_id": "evt_20200101_000000_000000"}


def test_around_an_event_that_lasted_are_those_nearest_to_its_beginning(tmp_path: Path) -> None:
    record = Record(tmp_path)
    for ago in (100, 70, 62, 50, 40, 25, 6, 2):
        record.event(f"Pod/shop/p{ago}", ago=ago)
    crash = record.event("Pod/shop/crash", ago=60, count=9, lasts=40)
    try:
        for limit, found in (
            (50, ["p70", "p62", "p50", "p40", "p25", "crash", "p6"]),
            (6, ["p70", "p62", "p50", "p40", "p25", "crash"]),
            (4, ["p70", "p62", "p50", "crash"]),
            (2, ["p62", "crash"]),
            (1, ["crash"]),
        ):
            said = answer(tmp_path, "--around", crash, "-n=shop", f"--limit={limit}")
            assert [one["object_name"] for one in said["events"]] == found
            assert [one["object_name"] for one in said["events"] if one.get("marked")] == ["crash"]
            assert said["pagination"]["total"] == 7
            assert said["asked"]["around"] == said["events"][-2 if limit == 50 else -1]["first_seen_at"]
        without = answer(tmp_path, "--around", crash, "-n=shop", "--name=p*", "--limit=3")
        assert [one["object_name"] for one in without["events"]] == ["p62", "p50", "p40"]
    finally:
        record.close()


class Watching:
    """A command that goes on, as a process."""

    def __init__(self, folder: Path, *arguments: str) -> None:
        self.process = subprocess.Popen(
            [BIN / "kube9-cli", "events", "list", "--watch", "--db", str(folder), *arguments],
            stdout=subprocess.PIPE,
            stderr=subprocess.PIPE,
            env=os.environ | {"COLUMNS": "200"},
        )
        assert self.process.stdout
        os.set_blocking(self.process.stdout.fileno(), False)
        self.text = b""

    def line(self, seconds: float = 30.0) -> str:
        """The next line."""
        end = time.monotonic() + seconds
        assert self.process.stdout
        while b"\n" not in self.text:
            assert time.monotonic() < end, "no line came"
            if select.select([self.process.stdout], [], [], 1.0)[0]:
                self.text += self.process.stdout.read() or b""
        found, _, self.text = self.text.partition(b"\n")
        return found.decode()

    def end(self) -> int:
        """Closes stdout as a reader does that goes away; returns the exit code."""
        assert self.process.stdout
        assert self.process.stderr
        self.process.stdout.close()
        code = self.process.wait(30)
        with self.process.stderr:
            assert self.process.stderr.read().count(b"omplete") <= 1, "the coverage, in as many lines as the width needs"
        return code


def test_watching_goes_on_with_what_is_new_or_changed(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.event("Pod/shop/first", severity="error", ago=9)
    second = record.event("Pod/shop/second", severity="error")
    record.event("Pod/shop/other")
    watching = Watching(tmp_path, "-o", "json", "--severity=error", "--timeout=3")
    assert [json.loads(watching.line())["object_name"] for _ in range(2)] == ["first", "second"]
    time.sleep(4.5)  # longer than --timeout
    third = record.event("Pod/shop/third", severity="error", ago=0)
    record.event("Pod/shop/fourth", ago=0)
    assert json.loads(watching.line())["id"] == third
    record.again(second)
    changed = json.loads(watching.line())
    assert (changed["id"], changed["count"]) == (second, 2)
    assert watching.end() in (0, -13)
    record.close()


def test_watching_outlasts_a_database_that_is_away_for_a_while(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.event("Pod/shop/first")
    watching = Watching(tmp_path, "-o", "jsonl", "--timeout=6")
    assert json.loads(watching.line())["object_name"] == "first"
    for away, back in (("", ".away"), (".away", "")):
        (tmp_path / f"kube9.db{away}").rename(tmp_path / f"kube9.db{back}")
        time.sleep(2.5)
    record.event("Pod/shop/second", ago=0)
    assert json.loads(watching.line())["object_name"] == "second"
    (tmp_path / "kube9.db").unlink()
    assert watching.process.wait(60) == 1
    assert watching.process.stderr
    assert json.loads(watching.process.stderr.read().splitlines()[-1])["error"] == "There is no database"
    watching.process.stderr.close()
    assert watching.process.stdout
    watching.process.stdout.close()
    record.close()


def test_watching_prints_the_headings_once(tmp_path: Path) -> None:
    record = Record(tmp_path)
    watching = Watching(tmp_path, "-o", "table")
    time.sleep(2)
    for name in ("a", "b"):
        record.event(f"Pod/shop/{name}", ago=0)
        if name == "a":
            heading = watching.line()
            assert heading.startswith("LAST SEEN UTC"), "the age of an event would be that of the moment when it was printed"
        shown = watching.line()
        assert shown.index(f"Pod/shop/{name}") == heading.index("OBJECT")
    assert watching.end() in (0, -13)
    record.close()
