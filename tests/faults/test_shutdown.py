"""Shutdown under load: in its time, with the number of what was not flushed in the log, and nothing missing afterwards."""

import json
import queue
import re
from pathlib import Path
from typing import Any

import apsw
import pytest

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import Counts, EventFrame, encode
from kube9_operator.settings import from_environment
from kube9_operator.write.writer import Writer
from tests.bench import database as made
from tests.faults.test_trouble import all_held, recorded_or_none
from tests.operator import OF_EVENTS, Operator, until
from tests.process.test_writer import Asked
from tests.standin import StandIn, warning

MANY = 6_000
WAITING = 4_000
"""More than the outboxes, two frames and a batch take together."""


def not_flushed(operator: Operator) -> list[dict[str, Any]]:
    return [line for line in operator.log() if line["event"] == "shutdown.not_flushed"]


def test_what_comes_too_fast_to_be_flushed_is_counted(tmp_path: Path, capfd: pytest.CaptureFixture[str]) -> None:
    """The writer ends in its time, whatever waits."""
    connection = made.create(str(tmp_path))
    frames: queue.Queue[bytes] = queue.Queue()
    seen = list(made.observations(30))
    for at in range(0, len(seen), 10):
        counts = Counts(received=10)
        frames.put(encode(EventFrame("events", counts, seen[at : at + 10], str(at), sequence=at // 10 + 1)))
    writer = Writer(Asked(), frames, connection, from_environment({"DB_PATH": "/"}), Deadlines(flush=0.0))  # type: ignore[arg-type]
    writer.write_until_stopped()
    committed = connection.execute("SELECT count(*) FROM events").get
    connection.close()
    assert f"frames_in_queue={3 - committed // 10}" in re.sub(r"\x1b\[[0-9;]*m", "", capfd.readouterr().out)
    assert committed < 30


def test_a_burst_is_flushed_in_time(tmp_path: Path, standin: StandIn) -> None:
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), {"compare": 600.0})
    with operator:
        standin.write(warning("before", "BackOff", "again"))
        until(lambda: recorded_or_none(operator) == {"before": 1}, "the list")
        standin.control("prepare", {"from": 0, "count": MANY, "reason": "BackOff", "times": 1})
        standin.control("release")
        until(lambda: len(recorded_or_none(operator) or ()) > 1_000, "some of them")
        assert operator.stop() == 0
        at_the_end = operator.accounting()
        assert "process.killed" not in operator.log_text()
        operator.start()
        until(lambda: all_held(operator, standin), "the rest", seconds=120)
        assert operator.cli("events", "list", OF_EVENTS)["coverage"]["complete"]
        lost = sum(line["observations"] for line in not_flushed(operator) if line["process"] != "writer")
        print(f"{at_the_end['stored']:,} of {MANY:,} recorded when it was stopped, {lost} not flushed, the rest not read yet")
        operator.accounting()
        assert operator.stop() == 0
    assert operator.integrity() == "ok"


def test_what_waits_for_a_locked_database_is_counted(tmp_path: Path, standin: StandIn) -> None:
    # A process says what it could not hand over a third, or a half, into its time: the rest is for a busy machine.
    patient = {"hang": 60.0, "stop_watchers": 6.0, "flush": 10.0}
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), {"database_retry_most": 0.2, "busy": 0.1} | patient)
    operator.frames = 2
    with operator:
        standin.write(warning("before", "BackOff", "again"))
        until(lambda: recorded_or_none(operator) == {"before": 1}, "the list")
        holder = apsw.Connection(str(operator.data / "kube9.db"))
        holder.execute("BEGIN IMMEDIATE")
        standin.control("prepare", {"from": 0, "count": WAITING, "reason": "BackOff", "times": 1})
        standin.control("release")
        until(lambda: "database.failed" in operator.log_text(), "the trouble")
        until(lambda: waiting(operator) > 500, "more to wait than the queue takes")
        assert operator.stop() == 0
        found = not_flushed(operator)
        assert [line for line in found if line["process"] == "watcher-events" and line["observations"] > 500], json.dumps(found)
        assert [line for line in found if line["process"] == "writer" and line["frames_in_queue"] > 0], json.dumps(found)
        assert all(line["why"].startswith("read again") for line in found)
        holder.execute("COMMIT")
        holder.close()
        operator.start()
        until(lambda: all_held(operator, standin), "all of them", seconds=120)
        assert operator.stop() == 0
    assert operator.integrity() == "ok"


def waiting(operator: Operator) -> float:
    """Observations that wait in the outboxes."""
    _, text = operator.health("/metrics")
    return sum(float(value) for value in re.findall(r"^kube9_events_queue_size(?:\{.*\})? ([0-9.e+]+)$", text, re.MULTILINE))
