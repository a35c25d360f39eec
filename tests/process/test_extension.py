"""The contract with the extension, as far as it needs no node: its exact arguments, without a shell, a terminal or stdin."""

import itertools
import json
import os
import subprocess
import time
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from typing import Any

import pytest

from tests.operator import BIN, Operator, until
from tests.standin import StandIn, warning

EVENTS = 1_000
AT_ONCE = 10
LONG = "wörd " * 190
CALL = ("query", "events", "list")
REST = ("--limit=25", "--format=json")
FILTERS = ("--object-namespace=shop", "--since=2020-01-02T03:04:05.678Z", "--object-kind=Pod")
SUBSETS = [each for length in range(len(FILTERS) + 1) for each in itertools.combinations(FILTERS, length)]
ALWAYS = {"id", "severity", "title", "event_type", "created_at", "metadata"}
OF_A_KUBERNETES_EVENT = {"reason", "count", "first_timestamp", "last_timestamp"}


@pytest.fixture(scope="module")
def served() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


@pytest.fixture(scope="module")
def operator(served: StandIn, tmp_path_factory: pytest.TempPathFactory) -> Iterator[Operator]:
    """An operator that has recorded EVENTS events with long texts."""
    folder = tmp_path_factory.mktemp("extension")
    with Operator(folder, served.kubeconfig(folder)) as running:
        until(lambda: running.health("/readyz")[0] == 200, "the database")
        write(served, "pod", EVENTS)
        until(lambda: total(running) == EVENTS, "all of them", 60)
        yield running


def write(served: StandIn, name: str, count: int) -> None:
    for number in range(count):
        served.write(warning(f"{name}-{number}", "Odd", f"{number} {LONG} end"))


def start(operator: Operator, *arguments: str) -> subprocess.Popen[bytes]:
    """As the API's exec starts it: nothing but pipes, and an environment that knows no terminal."""
    environment = {"DB_PATH": str(operator.data), "PATH": os.environ["PATH"]}
    command = [BIN / "kube9-operator", *arguments]
    pipes = {"stdin": subprocess.DEVNULL, "stdout": subprocess.PIPE, "stderr": subprocess.PIPE}
    return subprocess.Popen(command, env=environment, cwd="/", start_new_session=True, **pipes)  # type: ignore[call-overload, no-any-return]


def ask(operator: Operator, *arguments: str) -> tuple[int, str, str]:
    """Exit code, stdout, stderr."""
    with start(operator, *arguments) as asking:
        said, complaint = asking.communicate(timeout=60)
    return asking.returncode, said.decode(), complaint.decode()


def only_object(text: str) -> dict[str, Any]:
    """The JSON object of which the text consists, with one newline behind it."""
    value, end = json.JSONDecoder().raw_decode(text)
    assert isinstance(value, dict)
    assert text[end:] == "\n"
    return value


def total(operator: Operator) -> int:
    return int(operator.cli("events", "list", "-n", "shop", "--object-kind", "Pod", "--limit=1")["pagination"]["total"])


@pytest.mark.parametrize("filters", SUBSETS, ids=lambda chosen: "+".join(one.split("=")[0] for one in chosen) or "none")
def test_each_of_its_calls(operator: Operator, filters: tuple[str, ...]) -> None:
    code, said, complaint = ask(operator, *CALL, *filters, *REST)
    assert (code, complaint) == (0, "")
    answer = only_object(said)
    assert 0 < len(answer["events"]) <= 25
    for event in answer["events"]:
        assert set(event) >= ALWAYS
        assert None not in event.values()
        if event["event_type"] == "cluster":
            assert set(event["metadata"]) >= OF_A_KUBERNETES_EVENT


@pytest.mark.parametrize("value", ["none", "a;b", "$(id)", "a b", "'", '"', "*", "-n", "ö", "%s", "a=b"])
def test_a_value_is_a_value_whatever_is_in_it(operator: Operator, value: str) -> None:
    """There is no shell that could make anything else of it."""
    code, said, complaint = ask(operator, *CALL, f"--object-namespace={value}", *REST)
    assert (code, complaint) == (0, "")
    assert only_object(said)["events"] == []


@pytest.mark.parametrize(
    ("arguments", "code", "name"),
    [
        ((*CALL, "--severity=terrible", *REST), 1, "INVALID_ARGUMENT"),
        ((*CALL, "--limit=1001", "--format=json"), 1, "INVALID_ARGUMENT"),
        ((*CALL, "--object-kind", "--format=json"), 1, "INVALID_ARGUMENT"),
        ((*CALL, "--db=/nowhere", *REST), 1, "DATABASE_UNUSABLE"),
        ((*CALL, "--severity=warning,error", "--timeout=0.000001", *REST), 2, "TIMEOUT"),
    ],
)
def test_an_error_is_one_object_on_stderr(operator: Operator, arguments: tuple[str, ...], code: int, name: str) -> None:
    ended, said, complaint = ask(operator, *arguments)
    assert (ended, said) == (code, "")
    error = only_object(complaint)
    assert list(error) == ["error", "details", "code"]
    assert error["code"] == name


def test_an_unknown_id(operator: Operator) -> None:
    ended, said, complaint = ask(operator, "query", "events", "get", "evt_20200101_000000_000000", "--format=json")
    assert (ended, said) == (1, "")
    assert only_object(complaint) == {"error": "Event not found", "event_id": "evt_20200101_000000_000000"}


def test_a_huge_answer_to_a_slow_reader_arrives_whole(operator: Operator) -> None:
    with start(operator, *CALL, "--object-kind=Pod", "--limit=1000", "--format=json") as asking:
        assert asking.stdout
        said = bytearray(asking.stdout.read(1))
        # The pipe has room for 64 KiB; there it stands until somebody reads on.
        until(lambda: sleeps_in_a_pipe(asking.pid), "it to wait for its reader")
        while more := asking.stdout.read(50_000):
            said += more
            time.sleep(0.001)
    assert asking.returncode == 0
    assert len(said) > 1_000_000
    assert len({event["object_name"] for event in only_object(said.decode())["events"]}) == EVENTS


def test_a_reader_may_take_longer_than_the_query(operator: Operator) -> None:
    seconds = 3.0
    with start(operator, *CALL, "--object-kind=Pod", "--limit=1000", f"--timeout={seconds}") as asking:
        assert asking.stdout
        until(lambda: sleeps_in_a_pipe(asking.pid), "it to wait for its reader")
        later = time.monotonic() + 2 * seconds
        until(lambda: time.monotonic() > later, "its time to be over")
        said, complaint = asking.communicate(timeout=60)
    assert (asking.returncode, complaint) == (0, b"")
    assert len(only_object(said.decode())["events"]) == EVENTS


def test_an_answer_that_nobody_reads_ends(operator: Operator) -> None:
    """Where a client of the API's exec goes away the pipe stays open."""
    with start(operator, *CALL, "--object-kind=Pod", "--limit=1000", "--timeout=1") as asking:
        assert asking.stderr
        complaint = asking.stderr.read().decode()
    assert asking.returncode == 1
    assert only_object(complaint)["code"] == "OUTPUT"


def test_a_reader_that_goes_away_leaves_no_process(operator: Operator) -> None:
    with start(operator, *CALL, "--object-kind=Pod", "--limit=1000", "--format=json") as asking:
        assert asking.stdout
        assert asking.stdout.read(1)
        until(lambda: sleeps_in_a_pipe(asking.pid), "it to wait for its reader")
        asking.stdout.close()
        asking.wait(60)
    assert asking.stderr
    assert asking.returncode < 0


def sleeps_in_a_pipe(pid: int) -> bool:
    """Whether a process waits, and did so already a moment ago."""

    def seen() -> tuple[str, str]:
        fields = Path(f"/proc/{pid}/stat").read_text(encoding="ascii").rpartition(")")[2].split()
        switches = Path(f"/proc/{pid}/status").read_text(encoding="ascii").rpartition("voluntary_ctxt_switches:")[0]
        return fields[0], switches + "/".join(fields[11:13])

    before = seen()
    time.sleep(0.05)
    return seen() == before and before[0] == "S"


def test_ten_at_once_while_events_come_in(operator: Operator, served: StandIn) -> None:
    before = total(operator)
    with ThreadPoolExecutor(AT_ONCE + 1) as pool:
        writing = pool.submit(write, served, "late", 200)
        asked = [
            pool.submit(ask, operator, *CALL, "--object-kind=Pod", "--limit=1000", "--format=json") for _ in range(AT_ONCE)
        ]
        answers = [one.result() for one in asked]
        writing.result()
    assert [(code, complaint) for code, _, complaint in answers] == [(0, "")] * AT_ONCE
    for _, said, _ in answers:
        answer = only_object(said)
        assert len(answer["events"]) == 1000 <= answer["pagination"]["total"] <= before + 200
    until(lambda: total(operator) == before + 200, "what came in meanwhile")
    assert operator.accounting()["dropped"] == 0
