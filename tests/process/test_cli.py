"""kube9-cli: every answer is compared with plain Python over the same events; in this process, and as a real one where
streams, signals, permissions or the end of the process are what is tested.
"""

import contextlib
import itertools
import json
import os
import random
import re
import select
import shutil
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
import yaml

from kube9_schema import ids
from kube9_schema.codes import EVENT_TYPES, SEVERITIES
from tests import cli_database
from tests.cli import run_cli
from tests.operator import BIN
from tests.terminal import on_a_terminal

ROOT = Path(__file__).parent.parent.parent
COUNT = 3_000
OUTCOMES = ("stored", "updated", "unchanged", "filtered", "dropped", "refused", "undecodable")


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[dict[str, Any]]]:
    folder = tmp_path_factory.mktemp("history")
    return folder, cli_database.build(folder, COUNT)


@pytest.fixture
def folder(history: tuple[Path, list[dict[str, Any]]]) -> Path:
    return history[0]


def run_process(folder: Path, *arguments: str, **options: Any) -> subprocess.CompletedProcess[str]:
    environment = os.environ | {"DB_PATH": str(folder)}
    return subprocess.run(
        [BIN / "kube9-cli", *arguments], env=environment, capture_output=True, text=True, check=False, **options
    )


def listed(folder: Path, *arguments: str) -> dict[str, Any]:
    done = run_cli(folder, "events", "list", *arguments)
    assert (done.returncode, done.stderr) == (0, "")
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


def iso(ms: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03}Z"


def filters(events: list[dict[str, Any]]) -> Iterator[tuple[list[str], Any]]:
    """Every filter with some values, each with the same as a function."""
    some = random.Random(5).sample(events, 4)
    times = sorted(event["last_ms"] for event in some) + [event["first_ms"] // 3_600_000 * 3_600_000 for event in some]
    yield ["--type", "cluster"], lambda event: event["type"] == "cluster"
    yield ["--type=operator,system"], lambda event: event["type"] in ("operator", "system")
    yield ["--severity", "critical"], lambda event: event["severity"] == "critical"
    yield ["--severity=warning,error"], lambda event: event["severity"] in ("warning", "error")
    yield ["--object-kind", "ReplicaSet"], lambda event: event["kind"] == "ReplicaSet"
    yield ["--object-kind", "Nothing"], lambda event: False
    yield ["--object-namespace", "team-3"], lambda event: event["namespace"] == "team-3"
    yield ["--object-namespace=team-59"], lambda event: event["namespace"] == "team-59"
    name = some[0]["name"]
    yield [f"--object-name={name}"], lambda event: event["name"] == name
    for ms in times[1::3]:
        yield [f"--since={iso(ms)}"], lambda event, ms=ms: event["last_ms"] >= ms
        yield [f"--until={iso(ms)}"], lambda event, ms=ms: event["first_ms"] < ms


def test_every_filter_alone_and_in_pairs(history: tuple[Path, list[dict[str, Any]]]) -> None:
    folder, events = history
    choices = list(filters(events))
    pairs = [(choice,) for choice in choices] + list(itertools.combinations(choices, 2))
    for chosen in pairs:
        options = [option for words, _ in chosen for option in words]
        if _backwards(options) or len({words[0].partition("=")[0] for words, _ in chosen}) < len(chosen):
            continue
        expected = [event for event in events if all(matches(event) for _, matches in chosen)]
        expected.sort(key=lambda event: (event["last_ms"], event["id"]), reverse=True)
        answer = listed(folder, *options, "--limit=37", "--offset=11")
        assert answer["pagination"]["total"] == len(expected), options
        assert [event["id"] for event in answer["events"]] == [ids.encode(event["id"]) for event in expected[11:48]], options


def _backwards(options: list[str]) -> bool:
    times = dict(option.split("=") for option in options if option.startswith(("--since", "--until")))
    return len(times) == 2 and times["--since"] >= times["--until"]


@pytest.mark.parametrize("options", [[], ["--severity=warning"], ["--sort=created"], ["--sort=created", "-n", "team-1"]])
def test_pages_put_together_are_the_whole(history: tuple[Path, list[dict[str, Any]]], options: list[str]) -> None:
    folder, events = history
    expected = [event for event in events if "-n" not in options or event["namespace"] == "team-1"]
    expected = [event for event in expected if "--severity=warning" not in options or event["severity"] == "warning"]
    order = (lambda event: event["id"]) if "--sort=created" in options else lambda event: (event["last_ms"], event["id"])
    expected.sort(key=order, reverse=True)
    pages = [listed(folder, *options, "--limit=700", f"--offset={at}")["events"] for at in range(0, len(expected) + 700, 700)]
    assert [event["id"] for page in pages for event in page] == [ids.encode(event["id"]) for event in expected]
    assert pages[-1] == []


def test_words_as_kubectl_takes_them(folder: Path) -> None:
    def total(*options: str) -> int:
        return int(listed(folder, *options)["pagination"]["total"])

    assert total("--object-kind=replicaset") == total("--object-kind=ReplicaSet") > 0
    assert total("--severity=Error") == total("--severity=error") > 0
    assert total("--severity=error", "--severity=critical") == total("--severity=critical,error") > total("--severity=error")
    assert total("-A") == total("--all-namespaces") == total() > total("-n", "team-1") > 0
    assert total("--since=1d12h") == total("--since=36h")


def test_relative_times_and_dates(folder: Path) -> None:
    day, week = listed(folder, "--since", "24h")["pagination"]["total"], listed(folder, "--since=8d")["pagination"]["total"]
    assert 0 < day < week == COUNT
    assert listed(folder, "--until=2020-01-01")["pagination"]["total"] == 0
    assert listed(folder, "--since=2020-01-01T00:00:00+01:00")["pagination"]["total"] == COUNT


def test_an_event_as_clients_read_it(folder: Path) -> None:
    event = listed(folder, "--limit=1", "--type=cluster", "--object-kind=Pod")["events"][0]
    assert re.fullmatch(r"evt_\d{8}_\d{6}_[0-9a-z]{6}", event["id"])
    keys = [
        "id",
        "event_type",
        "severity",
        "title",
        "description",
        "object_kind",
        "object_namespace",
        "object_name",
        "metadata",
    ]
    assert list(event) == [*keys, "created_at", "first_seen_at", "last_seen_at", "count"]
    assert list(event["metadata"])[:4] == ["reason", "count", "first_timestamp", "last_timestamp"]
    assert event["metadata"]["last_timestamp"] == event["last_seen_at"]
    assert re.fullmatch(r"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d\.\d{3}Z", event["created_at"])
    node = listed(folder, "--limit=1", "--object-kind=Node")["events"][0]
    assert "object_namespace" not in node, "absent fields are left out"


@pytest.mark.parametrize(
    "arguments",
    [
        ["events", "list", "--limit=9"],
        ["events", "list", "--limit=9", "-o", "table"],
        ["events", "list", "--until=2001-01-01", "-o", "yaml"],
        ["events", "list", "--sort=name"],
        ["events", "get", "evt_20200101_000000_000000", "-o", "wide"],
        ["status", "-o", "yaml", "--db=/nowhere"],
    ],
    ids=" ".join,
)
def test_a_real_process_answers_the_same(folder: Path, arguments: list[str]) -> None:
    """The other tests of this file ask in this process."""
    done = run_process(folder, *arguments)
    assert (done.returncode, done.stdout, without_ages(done.stderr)) == (
        (same := run_cli(folder, *arguments)).returncode,
        same.stdout,
        without_ages(same.stderr),
    )


def without_ages(text: str) -> str:
    return re.sub(r"\d+ (?:s|min|h|d) ago|\d+ ?m?s\b", "", text)


def test_get(folder: Path) -> None:
    event = listed(folder, "--limit=1")["events"][0]
    found = json.loads(run_cli(folder, "events", "get", event["id"]).stdout)
    occurrences = found.pop("occurrences")
    assert found == event
    assert [one["count"] for one in occurrences] == [1]
    assert yaml.safe_load(run_cli(folder, "events", "get", event["id"], "-o", "yaml").stdout)["id"] == event["id"]
    assert f": {event['title']}\n" in run_cli(folder, "events", "get", event["id"], "-o", "table").stdout
    absent = run_cli(folder, "events", "get", "evt_20200101_000000_000000")
    assert (absent.returncode, absent.stdout) == (1, "")
    assert "Event not found" in run_cli(folder, "events", "get", "evt_99991231_235959_zzzzzz").stderr
    assert json.loads(absent.stderr) == {"error": "Event not found", "event_id": "evt_20200101_000000_000000"}


def test_formats_say_the_same(folder: Path) -> None:
    as_json = listed(folder, "--limit=9")
    as_yaml = run_cli(folder, "events", "list", "--limit=9", "-o", "yaml")
    assert yaml.safe_load(as_yaml.stdout) == as_json
    assert yaml.safe_load(run_cli(folder, "events", "list", "-o", "yaml", "--until=2001-01-01").stdout)["events"] == []
    table = run_cli(folder, "events", "list", "--limit=9", "--format=table")
    lines = table.stdout.splitlines()
    assert lines[0].split() == ["LAST", "SEEN", "SEVERITY", "OBJECT", "REASON", "COUNT", "MESSAGE"]
    assert len(lines) == 10
    assert "\x1b" not in table.stdout
    assert table.stderr.startswith(f"9 of {COUNT} events. ")
    assert yaml.safe_load(run_cli(folder, "status", "-o", "yaml").stdout)["events"]["total"] == COUNT


def test_the_wide_table_has_what_the_other_leaves_out(folder: Path) -> None:
    event = listed(folder, "--limit=1")["events"][0]
    done = run_cli(folder, "events", "list", "--limit=1", "-o", "wide")
    headings, row = done.stdout.splitlines()
    assert headings.split() == ["LAST", "SEEN", "SEVERITY", "OBJECT", "REASON", "COUNT", "NODE", "ID", "TITLE", "MESSAGE"]
    for value in (event["id"], event["title"], event["metadata"]["node"], event["description"]):
        assert value in row
    assert f": {event['title']}\n" in run_cli(folder, "events", "get", event["id"], "-o", "wide").stdout
    plain = run_cli(Path("/nowhere"), "events", "list", "-owide", "--limit=-1")
    assert plain.stderr == "Invalid --limit -1: it must be a whole number from 1 to 1000, or 0 for all\n", (
        "for people errors are plain text"
    )
    long = on_a_terminal([f"{BIN}/kube9-cli", "events", "list", "--limit=9", "-o", "wide", "--db", str(folder)], columns=90)
    assert "…" not in long


WRONG = [
    (["--severity=fatal"], "Invalid --severity fatal", "it must be one or more of: info, warning, error, critical"),
    (["--type=cluster,pods"], "Invalid --type cluster,pods", "it must be one or more of: " + ", ".join(EVENT_TYPES)),
    (["--limit=00"], "Invalid --limit 00", "it must be a whole number from 1 to 1000, or 0 for all"),
    (["--limit=1001"], "Invalid --limit 1001", "it must be a whole number from 1 to 1000"),
    (["--limit=ten"], "Invalid --limit ten", "it must be a whole number from 1 to 1000"),
    (["--offset=-1"], "Invalid --offset -1", "it must be a whole number from 0 to 9007199254740991"),
    (["--format=xml"], "Invalid --format xml", "it must be one of: json, yaml, table, wide"),
    (["--since=tomorrow"], "Invalid --since tomorrow", "it must be an ISO 8601 date or time, such as "),
    (["--since=2h", "--until=3h"], "Invalid range --since 2h --until 3h", "--since must be before --until"),
    (["--sort=name"], "Invalid --sort name", "it must be one of: last, first, created, count, severity"),
    (["--timeout=0"], "Invalid --timeout 0", "it must be a number of seconds above 0, at most 3600"),
    (["--object-name="], "Invalid --object-name: it is empty", "it must be printable text"),
    (["-A", "-n", "shop"], "Argument -n/--namespace: not allowed with argument -A/--all-namespaces", "see "),
    (["--object-name=\udcff"], "Invalid --object-name '\\udcff'", "it must be printable text"),
    (["--db=\udcff"], "Invalid --db '\\udcff'", "it must be printable text"),
    (["--db="], "Invalid --db: it is empty", "it must be a folder or a database file"),
    (["--since=" + "9" * 5000 + "d"], "Invalid --since 9999", "it must be an ISO 8601 date or time"),
    (["--since=2016-12-31T24:00:01Z"], "Invalid --since 2016-12-31T24:00:01Z", "it must be an ISO 8601 date or time"),
    (["--since=1900-01-02", "--until=1900-01-01"], "Invalid range --since 1900-01-02", "--since must be before --until"),
    (["--nonsense"], "Unrecognized arguments: --nonsense", "see kube9-cli events list --help"),
]


@pytest.mark.parametrize(("arguments", "error", "details"), WRONG, ids=lambda value: str(value)[:40])
def test_wrong_arguments_are_named_before_the_database_is_touched(arguments: list[str], error: str, details: str) -> None:
    done = run_cli(Path("/nowhere"), "events", "list", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    said = json.loads(done.stderr)
    assert said["error"].startswith(error)
    assert said["details"].startswith(details)
    assert list(said) == ["error", "details", "code"]
    assert said["code"] == "INVALID_ARGUMENT"
    plain = run_cli(Path("/nowhere"), "events", "list", "-o", "table", *arguments)
    assert plain.stderr.startswith(error)
    assert plain.stderr.count("\n") == 1


def test_a_wrong_id() -> None:
    for text in (
        "evt_1",
        "evt_20200101_000000_00000",
        "evt_20200101_000000_00000A",
        "x",
        "evt_\u0662\u0660200101_000000_000000",
    ):
        said = json.loads(run_cli(Path("/nowhere"), "events", "get", text).stderr)
        assert said["error"] == f"Invalid event id {text}"
        assert said["details"] == "it must look like evt_YYYYMMDD_HHMMSS_xxxxxx, or KIND/NAME"


@pytest.mark.parametrize("encoding", ["ascii", "latin-1", "utf-8"])
def test_errors_are_json_whatever_the_terminal_writes(encoding: str) -> None:
    done = subprocess.run(
        [BIN / "kube9-cli", "events", "list", "--sort", "größe日"],
        env=os.environ | {"PYTHONIOENCODING": encoding},
        capture_output=True,
        check=False,
    )
    assert (done.returncode, json.loads(done.stderr.decode())["error"]) == (1, "Invalid --sort größe日")


def test_an_id_of_a_second_that_never_was(folder: Path) -> None:
    for text in ("evt_20261332_000000_000000", "evt_00000000_000000_000000", "evt_20161231_235960_abcdef"):
        done = run_cli(folder, "events", "get", text)
        assert (done.returncode, json.loads(done.stderr)) == (1, {"error": "Event not found", "event_id": text})


def test_times_of_iso_8601_that_not_each_python_knows(folder: Path) -> None:
    at = listed(folder, "--limit=1", "--offset=1500")["events"][0]["last_seen_at"]
    assert listed(folder, f"--since={at.lower()}")["pagination"] == listed(folder, f"--since={at}")["pagination"]
    for text, same in (
        ("2016-12-31T23:59:60Z", "2017-01-01T00:00:00Z"),
        ("2016-12-31T24:00:00Z", "2017-01-01"),
        ("2016-12-31T24:00", "2017-01-01"),
        ("2016-12-31 24:00:00+01:00", "2016-12-31T23:00Z"),
        ("2016-12-31T23:59:60.5+00:00", "2017-01-01T00:00:00.500"),
    ):
        begins = [listed(folder, f"--since={one}")["coverage"]["gaps"][0]["from"] for one in (text, same)]
        assert begins[0] == begins[1], text
    assert listed(folder, "--since=1900-01-01", "--until=1950-01-01")["pagination"]["total"] == 0
    assert listed(folder, "--since=99999d", "--until=88888d")["pagination"]["total"] == 0


def test_no_database(tmp_path: Path) -> None:
    for command in (["status"], ["events", "list"], ["events", "get", "evt_20200101_000000_000000"]):
        done = run_cli(tmp_path, *command)
        assert (done.returncode, json.loads(done.stderr)["error"]) == (1, "There is no database")
        wanted = f"{tmp_path}/kube9.db: No such file or directory; --db or DB_PATH says where it is"
        assert json.loads(done.stderr)["details"] == wanted
    (tmp_path / "kube9.db").write_bytes(b"this is not a database, whatever its name says" * 100)
    done = run_cli(tmp_path, "status")
    assert (done.returncode, json.loads(done.stderr)["error"]) == (1, "The database cannot be read")
    (tmp_path / "kube9.db").write_bytes(b"")
    assert json.loads(run_cli(tmp_path, "status").stderr)["error"] == "The database is empty or incomplete"


@pytest.mark.parametrize("end", ["", "-wal", "-shm"])
def test_not_permitted(folder: Path, tmp_path: Path, end: str) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    for part in ("-wal", "-shm"):
        (tmp_path / f"kube9.db{part}").touch()
    (tmp_path / f"kube9.db{end}").chmod(0)
    done = without_permission("status", "--db", str(tmp_path))
    said = json.loads(done.stderr)
    assert (done.returncode, said["code"]) == (3, "NOT_PERMITTED")
    assert said["details"] == f"uid {os.getuid()} may not read {tmp_path}/kube9.db{end}, which belongs to uid {os.getuid()}"


def test_a_resource_tree_without_permission_does_not_say_that_there_is_no_application(folder: Path, tmp_path: Path) -> None:
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    (tmp_path / "kube9.db").chmod(0)
    done = without_permission("argocd", "resource-tree", "get", "web", "-n", "argocd", "--db", str(tmp_path))
    said = json.loads(done.stderr)
    assert (done.returncode, said["code"], said["message"]) == (1, "INTERNAL_ERROR", "No permission to read the database")


def without_permission(*arguments: str) -> subprocess.CompletedProcess[str]:
    """Runs kube9-cli as a user who may not read what the mode of a file forbids, which root may."""
    drop = ["setpriv", "--bounding-set=-dac_override,-dac_read_search"] if os.getuid() == 0 else []
    return subprocess.run([*drop, BIN / "kube9-cli", *arguments], capture_output=True, text=True, check=False)


def test_a_copy_of_the_file_alone_is_read_and_left_alone(folder: Path, tmp_path: Path) -> None:
    shutil.copy(folder / "kube9.db", tmp_path / "copy.db")
    done = run_cli(folder, "events", "list", "--db", str(tmp_path / "copy.db"))
    assert json.loads(done.stdout)["pagination"]["total"] == COUNT
    assert [path.name for path in tmp_path.iterdir()] == ["copy.db"]
    (tmp_path / "copy.db").rename(tmp_path / "kube9.db.corrupt-20261124T103045Z")
    done = run_cli(folder, "events", "list", "--db", str(tmp_path / "kube9.db.corrupt-20261124T103045Z"))
    assert json.loads(done.stdout)["pagination"]["total"] == COUNT, "whatever its name"


def test_what_is_no_file_is_not_waited_for(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "kube9.db")
    done = run_process(tmp_path, "status", timeout=60)
    assert (done.returncode, json.loads(done.stderr)["details"]) == (1, f"{tmp_path}/kube9.db: not a file")


def test_a_query_that_takes_too_long_ends(folder: Path) -> None:
    done = run_cli(folder, "events", "list", "--severity=warning,error", "--timeout=0.000001")
    assert (done.returncode, json.loads(done.stderr)["code"]) == (2, "TIMEOUT")


LOCK = """
import sys, apsw
connection = apsw.Connection(sys.argv[1])
connection.execute("PRAGMA locking_mode = EXCLUSIVE; CREATE TABLE other (x)").fetchall()
print("locked", flush=True)
sys.stdin.read()
"""
"""Another program that keeps the whole database for itself."""


@pytest.mark.parametrize("arguments", [["events", "list"], ["status"]])
def test_a_locked_database_is_named_within_the_time_of_the_query(folder: Path, tmp_path: Path, arguments: list[str]) -> None:
    shutil.copy(folder / "kube9.db", tmp_path)
    locking = [sys.executable, "-c", LOCK, str(tmp_path / "kube9.db")]
    with subprocess.Popen(locking, stdin=subprocess.PIPE, stdout=subprocess.PIPE) as other:
        assert other.stdout
        assert other.stdout.readline() == b"locked\n"
        done = run_cli(tmp_path, *arguments, "--timeout=3", "-o", "table")
        other.kill()
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The database is locked: ")
    assert done.stderr.endswith("try again\n")


def test_a_large_answer_through_a_slow_pipe_arrives_whole(folder: Path) -> None:
    command = [BIN / "kube9-cli", "events", "list", "--limit=1000", "--db", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE) as asking:
        assert asking.stdout
        select.select([asking.stdout], [], [])
        time.sleep(0.2)  # the pipe fills up, and the writer waits for its reader
        assert asking.poll() is None
        assert len(json.loads(asking.stdout.read())["events"]) == 1000
    assert asking.returncode == 0


@pytest.mark.parametrize("reader", ["head -1", "true", "sleep 0.1"])
def test_a_reader_that_has_gone_ends_it_quietly(folder: Path, reader: str) -> None:
    for output in ("json", "yaml", "table"):
        command = f"{BIN}/kube9-cli events list --limit=1000 -o {output} --db {folder} | {reader}"
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        assert not re.search(r"Traceback|Error|Broken", done.stderr), done.stderr


def test_ctrl_c_ends_it_quietly(folder: Path) -> None:
    command = [BIN / "kube9-cli", "events", "list", "--limit=1000", "--db", str(folder)]
    with subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.PIPE) as asking:
        assert asking.stdout
        assert asking.stderr
        select.select([asking.stdout], [], [])
        asking.send_signal(signal.SIGINT)
        asking.wait()
        assert (asking.returncode, asking.stderr.read()) == (-signal.SIGINT, b"")


@pytest.mark.parametrize("arguments", [["status"], ["events", "list"], ["--version"], ["--help"], ["events", "list", "-h"]])
def test_an_answer_that_cannot_be_written_is_an_error(folder: Path, arguments: list[str]) -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [BIN / "kube9-cli", *arguments],
            env=os.environ | {"DB_PATH": str(folder)},
            stdout=full,
            stderr=subprocess.PIPE,
            text=True,
            check=False,
        )
    assert (done.returncode, json.loads(done.stderr)["code"]) == (1, "OUTPUT")


def test_closed_output_is_an_error(folder: Path) -> None:
    for closed, code in ((">&-", 1), ("2>&-", 0)):
        command = f"{BIN}/kube9-cli events list -o table --db {folder} {closed}"
        done = subprocess.run(["sh", "-c", command], capture_output=True, text=True, check=False)
        assert (done.returncode, "Traceback" in done.stderr) == (code, False)


def test_a_damaged_database_is_one_line(folder: Path, tmp_path: Path) -> None:
    whole = (folder / "kube9.db").read_bytes()
    chance = random.Random(11)
    for _ in range(25):
        damaged = bytearray(whole)
        for _ in range(40):
            at = chance.randrange(4096, len(damaged) - 64)
            damaged[at : at + 64] = chance.randbytes(64)
        (tmp_path / "kube9.db").write_bytes(damaged)
        done = run_cli(tmp_path, "events", "list", "--limit=1000", "--severity=warning")
        assert "Traceback" not in done.stderr
        assert done.returncode == 0 or json.loads(done.stderr)["code"] == "DATABASE_UNUSABLE", done.stderr


@pytest.mark.parametrize(
    "changed", ["severity = 9", "severity = -1", "type = 77", "last_ms = 1 << 62", "created_ms = -(1 << 62)", "title = 999999"]
)
def test_a_row_that_makes_no_sense_is_one_line(folder: Path, tmp_path: Path, changed: str) -> None:
    """Damage that SQLite does not find."""
    shutil.copy(folder / "kube9.db", tmp_path)
    writer = apsw.Connection(str(tmp_path / "kube9.db"))
    writer.execute(f"UPDATE events SET {changed} WHERE id = (SELECT max(id) FROM events)")
    event = writer.execute("SELECT max(id) FROM events").get
    writer.close()
    for arguments in (("list", "--limit=1000"), ("list", "--limit=1000", "--format=table"), ("get", ids.encode(event))):
        done = run_cli(tmp_path, "events", *arguments)
        assert "Traceback" not in done.stderr
        assert done.returncode == 0 or "damaged" in done.stderr, done.stderr
        assert done.stderr.count("\n") <= 1


def test_on_a_terminal_it_is_a_table_that_fits(folder: Path) -> None:
    text = on_a_terminal([f"{BIN}/kube9-cli", "events", "list", "--limit=20", "--db", str(folder)], columns=90)
    lines = [re.sub(r"\x1b\[[0-9;]*m", "", line) for line in text.splitlines()]
    assert lines[0].startswith("LAST SEEN")
    assert max(len(line) for line in lines[:21]) <= 90
    assert "\x1b[33m" in text
    plain = on_a_terminal(["env", "NO_COLOR=1", f"{BIN}/kube9-cli", "events", "list", "--db", str(folder)], columns=200)
    assert "\x1b" not in plain
    dumb = on_a_terminal(["env", "TERM=dumb", f"{BIN}/kube9-cli", "events", "list", "--db", str(folder)], columns=200)
    assert "\x1b" not in dumb
    asked = ["env", "TERM=dumb", f"{BIN}/kube9-cli", "events", "list", "--color=always", "--db", str(folder)]
    assert "\x1b[33m" in on_a_terminal(asked, columns=200)
    assert on_a_terminal([f"{BIN}/kube9-cli", "events", "list", "--limit=-1"], 80).startswith("Invalid --limit -1: it must be")
    asked = on_a_terminal([f"{BIN}/kube9-cli", "events", "list", "--limit=-1", "-o", "json"], 80)
    assert json.loads(asked)["code"] == "INVALID_ARGUMENT"
    for columns, most in ((40, 40), (0, 80)):  # without a size it is taken for a usual one
        text = on_a_terminal(["env", "NO_COLOR=1", f"{BIN}/kube9-cli", "events", "list", "--db", str(folder)], columns)
        assert 30 < max(len(line) for line in text.splitlines()[:-1]) <= most


def test_coverage_of_a_time_before_the_first_start(folder: Path) -> None:
    covered = listed(folder, "--since=2020-01-01")["coverage"]
    assert [gap["reason"] for gap in covered["gaps"]] == ["before recording began"]
    assert [gap["reason"] for gap in listed(folder, "--until=2020-01-01")["coverage"]["gaps"]] == ["before recording began"]
    assert [gap["reason"] for gap in listed(folder, "--since=2999-01-01")["coverage"]["gaps"]] == ["this time is in the future"]
    assert listed(folder, "--since=2020-01-01", "--type=operator")["coverage"]["complete"], "Events cannot be of this type"


def test_status_says_the_health_that_was_stored(folder: Path, tmp_path: Path) -> None:
    copy = tmp_path / "kube9.db"
    shutil.copy(folder / "kube9.db", copy)

    def health(*facts: tuple[str, object]) -> str:
        connection = apsw.Connection(str(copy))
        connection.executemany("INSERT OR REPLACE INTO facts VALUES (?, ?)", facts)
        connection.close()
        return str(json.loads(run_cli(tmp_path, "status").stdout)["health"])

    now = time.time_ns() // 1_000_000
    assert health(("last_commit_ms", now)).startswith(("healthy", "degraded: not confirmed: ")), "by the watches"
    assert health(("health", '{"status": "healthy", "reasons": []}')) == "healthy"
    assert health(("health", '{"status": "degraded", "reasons": ["nodes: not permitted"]}')) == "degraded: nodes: not permitted"
    assert health(("last_commit_ms", now - 100_000)).startswith("unhealthy: the operator has not written anything since ")


def test_status_has_the_words_of_the_glossary(folder: Path) -> None:
    said = json.loads(run_cli(folder, "status").stdout)
    assert list(said["accounting"]["events"]) == ["received", *OUTCOMES]
    assert said["accounting"]["events"]["received"] == sum(said["accounting"]["events"][name] for name in OUTCOMES)
    assert {"covered_from", "confirmed_until", "state"} >= set(said["watches"]["events"])
    assert said["database"]["dead_letters"] == 0


def test_versions_and_help() -> None:
    for program, name in (
        (["kube9-cli"], "kube9-cli"),
        (["kube9-operator"], "kube9-operator"),
        (["kube9-operator", "query"], ""),
    ):
        done = subprocess.run([BIN / program[0], *program[1:], "--version"], capture_output=True, text=True, check=True)
        assert re.fullmatch(rf"{name or 'kube9-operator'} \d+\.\d+\.\d+\n", done.stdout)
        asked = subprocess.run([BIN / program[0], *program[1:], "--help"], capture_output=True, text=True, check=True)
        assert asked.stdout.startswith(f"usage: {' '.join(program)}")
    for program in (["kube9-cli"], ["kube9-operator", "query"]):
        bare = subprocess.run([BIN / program[0], *program[1:]], capture_output=True, text=True, check=True)
        assert bare.stdout.startswith(f"usage: {' '.join(program)}"), "without arguments as kubectl: the help, and exit code 0"
        assert bare.stderr == ""
    assert SEVERITIES[0] == "info"


def test_a_database_of_another_release_is_named(folder: Path, tmp_path: Path) -> None:
    """While the operator migrates it, and for an old copy, an answer would be wrong or a missing table."""
    shutil.copytree(folder, tmp_path, dirs_exist_ok=True)
    for statement, which in (
        ("UPDATE schema_version SET version = version + 1000", "newer"),
        ("UPDATE schema_version SET version = version - 2000", "older"),
    ):
        with contextlib.closing(sqlite3.connect(tmp_path / "kube9.db", isolation_level=None)) as connection:
            connection.execute(statement)
        done = run_cli(tmp_path, "events", "list")
        assert done.returncode == 1
        assert json.loads(done.stderr)["error"] == f"The database is {which} than this program"


SLOW = {
    *("argparse", "calendar", "contextlib", "dataclasses", "datetime", "enum", "functools", "gettext", "importlib.metadata"),
    *("inspect", "json", "pathlib", "random", "re", "shutil", "signal", "string", "subprocess", "tempfile", "threading"),
    *("typing", "urllib.parse", "yaml"),
}
"""Each of these takes milliseconds, or imports what does. docs/internals.md says what to use instead."""


@pytest.mark.parametrize("program", ["kube9_cli", "kube9_operator"])
@pytest.mark.parametrize(
    ("arguments", "needed"),
    [
        ("list", set()),
        ("list --since=1h -n team-1 -ojson --severity error", set()),
        ("list --since=2026-11-24T10:00:00Z -o json", {"datetime"}),
        ("list -o table", {"datetime"}),
        ("get ID -o json", set()),
    ],
)
def test_a_start_imports_only_what_it_needs(folder: Path, program: str, arguments: str, needed: set[str]) -> None:
    """In an interpreter without site-packages: a developer's have hooks that import half of these before."""
    paths = (ROOT, ROOT / "typings", Path(apsw.__file__).parent.parent)
    lines = (
        "import os, sys",
        f"sys.path += {list(map(str, paths))}",
        f"sys.argv[1:1] = {['query'] if program == 'kube9_operator' else []}",
        "end, before = os._exit, set(sys.modules)",
        "def ended(code):",
        "    print(*set(sys.modules) - before, file=sys.stderr)",
        "    end(code)",
        "os._exit = ended",
        f"from {program}.main import main",
        "main()",
    )
    words = arguments.replace("ID", listed(folder, "--limit=1")["events"][0]["id"]).split()
    command = [BIN / "python", "-I", "-S", "-c", "\n".join(lines), "events", *words, "--db", str(folder)]
    done = subprocess.run(command, capture_output=True, text=True, check=True)
    assert done.stdout
    imported = set(done.stderr.split())
    assert "kube9_cli.query.events" in imported
    assert SLOW & imported == needed
