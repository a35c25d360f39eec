"""The way of findings, end by end: which are sent again, which are acknowledged, and what a broken pipe does to the others."""

import os
import queue
import threading
import time
from collections.abc import Iterator
from multiprocessing import Pipe
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, ClassVar
from unittest import mock

import apsw
import pytest

from kube9_operator.model.assessment import AssessmentFrame, Begun, Request
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.findings import MAX_FINDING_BYTES, Numbered, decode, encode
from kube9_operator.model.insight import InsightFrame
from kube9_operator.settings import from_environment
from kube9_operator.supervise import sides as module
from kube9_operator.supervise.findings import MAX_UNCOMMITTED, Findings
from kube9_operator.supervise.link import GivenPipe
from kube9_operator.supervise.messages import Acknowledged, FindingsRefused, Heartbeat, NewPipe, Ready
from kube9_operator.supervise.process import Role
from kube9_operator.supervise.sides import SideProcesses, SideRole
from kube9_operator.write import findings as of_writer
from kube9_operator.write.assessments import Assessments
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.store import Store
from kube9_operator.write.insights import Insights
from kube9_operator.write.sqlite.session import Session
from tests.bench import database as made
from tests.operator import until


def found(number: int) -> AssessmentFrame:
    """A finding, of which one event tells."""
    request = Request(f"asm_{number}", "manual", "single-check", "", f"check {number}", 60.0, 1_795_000_000_000 + number)
    return AssessmentFrame([Begun(request, request.requested_ms, 1)])


def told(number: int) -> str:
    """The description of that event."""
    return f"A manual assessment of check {number} has started. Checks: 1."


class Link:
    """The end of a control pipe, with a supervisor that is this test."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.pipes: queue.SimpleQueue[Any] = queue.SimpleQueue()
        self.phases: list[str] = []
        self.sent: list[Any] = []

    def beat(self, phase: str) -> None:
        self.phases.append(phase)

    def send(self, message: Any) -> None:
        self.sent.append(message)


@pytest.fixture
def link() -> Link:
    return Link()


# The side process


def sending(link: Link) -> tuple[Findings, Connection]:
    reader, end = Pipe(duplex=False)
    return Findings(link, end), reader  # type: ignore[arg-type]


def given(number: int, end: Connection) -> GivenPipe:
    descriptor = os.dup(end.fileno())
    end.close()
    return GivenPipe(NewPipe("tester", number), descriptor)


def numbers(reader: Connection, many: int) -> list[int]:
    assert all(reader.poll(60) for _ in range(1))
    return [decode(reader.recv_bytes()).number for _ in range(many)]


def test_what_a_dead_writer_did_not_commit_is_sent_to_the_next(link: Link) -> None:
    findings, reader = sending(link)
    for number in range(3):
        assert findings.send(found(number))
    assert numbers(reader, 3) == [1, 2, 3]
    link.pipes.put(Acknowledged(1))
    reader.close()
    assert findings.send(found(3)), "the pipe is broken, and the next is not there yet"
    reader, end = Pipe(duplex=False)
    link.pipes.put(given(2, end))
    assert findings.send(found(4))
    assert numbers(reader, 4) == [2, 3, 4, 5]
    link.pipes.put(Acknowledged(5))
    assert findings.flush()
    assert not reader.poll()
    reader.close()


def test_it_waits_for_the_writer_and_says_so(link: Link) -> None:
    findings, reader = sending(link)
    for number in range(MAX_UNCOMMITTED):
        assert findings.send(found(number))
    sender = threading.Thread(target=lambda: findings.send(found(MAX_UNCOMMITTED)))
    sender.start()
    until(lambda: len(link.phases) > 2, "heartbeats")
    assert set(link.phases) == {"waiting for the writer"}
    assert numbers(reader, MAX_UNCOMMITTED)[-1] == MAX_UNCOMMITTED
    link.pipes.put(Acknowledged(1))
    sender.join(60)
    assert numbers(reader, 1) == [MAX_UNCOMMITTED + 1]
    link.stop.set()
    assert not findings.flush(), "it has to stop, and not everything is committed"
    reader.close()


def test_a_finding_that_is_too_large_is_refused_where_it_is_made(link: Link) -> None:
    findings, reader = sending(link)
    large = AssessmentFrame(found(1).changes * 5_000)
    with pytest.raises(ValueError, match=f"at most {MAX_FINDING_BYTES} are allowed"):
        findings.send(large)
    reader.close()


# The writer


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    opened = made.create(str(tmp_path))
    yield opened
    opened.close()


class Reading:
    """The writer's end, with its database."""

    def __init__(self, link: Link, connection: apsw.Connection) -> None:
        self.session = Session(connection)
        coverage = Coverage(self.session, Store(self.session, quiet_ms=3_600_000), event_ttl_ms=3_600_000)
        assessments = Assessments(self.session, from_environment({"DB_PATH": "/"}), link)  # type: ignore[arg-type]
        insights = Insights(connection, 2**30)
        apply: dict[Any, Any] = {AssessmentFrame: assessments.apply, InsightFrame: insights.apply}
        self.findings = of_writer.Findings(link, self.session, coverage, apply)  # type: ignore[arg-type]
        self.link = link
        self.stored: list[str] = []

    def pipe(self, number: int, process: str = "tester") -> Connection:
        reader, end = Pipe(duplex=False)
        self.link.pipes.put(GivenPipe(NewPipe(process, number), os.dup(reader.fileno())))
        reader.close()
        return end

    def commit(self) -> bool:
        """Takes what is there, and commits it."""
        if not self.findings.take():
            return False
        with self.session.transaction(1_795_000_000_000):
            applied = self.findings.apply(1_795_000_000_000)
        self.findings.committed()
        self.stored += [observation.description for observation, outcome in applied if outcome == "stored"]
        return True


def test_a_finding_that_comes_again_changes_nothing(link: Link, connection: apsw.Connection) -> None:
    reading = Reading(link, connection)
    end = reading.pipe(1)
    for number in (1, 2, 2, 1):
        end.send_bytes(encode(Numbered(number, found(number))))
    until(lambda: reading.commit() and reading.findings.acknowledged() == {"tester": (1, 1)}, "all of them")
    assert reading.stored == [told(1), told(2)]
    end.close()


def test_what_the_store_stumbles_over_holds_up_no_other(
    link: Link, connection: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    apply = Store.apply

    def stumble(store: Store, seen: Any) -> Any:
        if seen.description == told(2):
            raise KeyError(seen.title)
        return apply(store, seen)

    monkeypatch.setattr(Store, "apply", stumble)
    reading = Reading(link, connection)
    end = reading.pipe(1)
    for number in (1, 2, 3):
        end.send_bytes(encode(Numbered(number, found(number))))
    until(lambda: reading.commit() and reading.findings.acknowledged() == {"tester": (1, 3)}, "all of them")
    assert reading.stored == [told(1), told(3)], "the other is not sent again for ever"
    end.close()


def test_what_a_process_said_before_it_was_replaced_is_applied_first(link: Link, connection: apsw.Connection) -> None:
    reading = Reading(link, connection)
    old, new, other = reading.pipe(1), reading.pipe(2), reading.pipe(3, "another")
    new.send_bytes(encode(Numbered(1, found(2))))
    other.send_bytes(encode(Numbered(1, found(3))))
    until(lambda: reading.commit(), "the other process")
    assert not reading.commit()
    assert reading.stored == [told(3)], "the old one may still say something"
    old.send_bytes(encode(Numbered(7, found(1))))
    old.close()
    until(lambda: reading.commit() and told(2) in reading.stored, "the rest")
    assert reading.stored == [told(3), told(1), told(2)]
    assert reading.findings.acknowledged() == {"tester": (2, 1), "another": (3, 1)}
    new.close()
    other.close()


@pytest.mark.parametrize(
    ("sent", "reason"),
    [
        (b"\x00\x00\x00\x04\xc1abc", "DecodeError: MessagePack data is malformed"),
        (b"\x00\x00\x00\x03\x93\x01\x02", "ValidationError: Expected"),
        ((MAX_FINDING_BYTES + 1).to_bytes(4, "big"), "OSError: bad message length"),
        (b"\x00\x00\x00\x09cut", "OSError: got end of file during message"),
    ],
)
def test_what_is_no_finding_is_reported(link: Link, connection: apsw.Connection, sent: bytes, reason: str) -> None:
    reading = Reading(link, connection)
    end = reading.pipe(4)
    os.write(end.fileno(), sent)
    end.close()
    until(lambda: reading.findings.take() or link.sent, "the report")
    (report,) = link.sent
    assert isinstance(report, FindingsRefused)
    assert (report.process, report.pipe) == ("tester", 4)
    assert report.reason.startswith(reason)


# The supervisor


READY = Ready({}, "", 0)


class Child:
    """A process that runs until it is killed or ended."""

    made: ClassVar["list[Child]"] = []

    def __init__(self, role: Role, arguments: tuple[Any, ...], *_: object) -> None:
        self.name, self.arguments = role.name, arguments
        self.pipe = mock.Mock(closed=False)
        self.pipe.poll.return_value = False
        self.process = mock.Mock(exitcode=None, sentinel=len(self.made))
        self.process.is_alive = lambda: self.process.exitcode is None
        self.expected_by = time.monotonic() + 10
        self.phase, self.failure = "running", ""
        self.sent: list[Any] = []
        self.made.append(self)

    def how_it_ended(self) -> str:
        return f"ended with exit code {self.process.exitcode}"

    def kill(self) -> None:
        if self.process.exitcode is None:
            self.process.exitcode = -9

    def send(self, data: bytes) -> None:
        self.sent.append(data)

    def send_pipe(self, order: NewPipe, _end: Connection) -> None:
        self.sent.append(order)

    def note_heartbeat(self, heartbeat: Heartbeat) -> None:
        self.phase = heartbeat.phase


class Clock:
    def __init__(self) -> None:
        self.seconds = 1_000.0

    def monotonic(self) -> float:
        return self.seconds


class Supervised:
    """Side processes without processes."""

    def __init__(self, due: Any) -> None:
        Child.made = []
        self.health, self.metrics, self.events = mock.Mock(), mock.Mock(), mock.Mock()
        self.runs = mock.Mock(due=due)
        role = SideRole(Role("tester", "", ("given",)), self.runs)
        self.sides = SideProcesses([role], Deadlines(), "info", mock.Mock(Pipe=Pipe), self.health, self.metrics, self.events)
        self.writer: Any = Child(Role("writer", "", ()), ())

    @property
    def last(self) -> Child:
        return Child.made[-1]

    def phases(self) -> Any:
        self.sides.turn()
        return self.health.set_side_processes.call_args.args


@pytest.fixture
def clock(monkeypatch: pytest.MonkeyPatch) -> Clock:
    made = Clock()
    monkeypatch.setattr(module, "ChildProcess", Child)
    monkeypatch.setattr(module, "time", made)
    return made


def test_it_starts_when_there_is_a_writer_and_goes_on_with_the_next(clock: Clock) -> None:
    under = Supervised(tuple)
    under.sides.turn()
    assert under.sides.children() == []
    under.sides.writer_ready(under.writer, READY)
    under.sides.turn()
    assert under.writer.sent == [NewPipe("tester", 1)]
    assert under.last.arguments[1:] == ("given",)
    under.sides.writer_ends()
    under.sides.acknowledge({"tester": (1, 5)})
    assert len(under.last.sent) == 1
    tester, under.writer = under.last, Child(Role("writer", "", ()), ())
    under.sides.writer_ready(under.writer, READY)
    assert under.writer.sent == [NewPipe("tester", 2)]
    assert tester.sent[1:] == [NewPipe("tester", 2)]
    under.sides.acknowledge({"tester": (1, 6)})
    under.sides.acknowledge({"tester": (2, 5)})
    assert len(tester.sent) == 2, "the one is of the dead writer, the other is known"
    under.sides.acknowledge({"tester": (2, 6)})
    assert len(tester.sent) == 3


def test_it_is_started_again_after_growing_waits_until_it_works(clock: Clock) -> None:
    under = Supervised(tuple)
    under.sides.writer_ready(under.writer, READY)
    began, waits = clock.seconds, []
    for _ in range(12):
        under.sides.turn()
        under.last.process.exitcode = 1
        under.sides.turn()
        failed_at = clock.seconds
        while under.sides.children() == []:
            clock.seconds += 1
            under.sides.turn()
        waits.append(clock.seconds - failed_at)
    assert waits == [1, 2, 4, 8, 16, 32, 64, 128, 256, 300, 300, 300]
    minutes = int(clock.seconds - began) // 60
    phases, failures = under.phases()
    assert failures == [f"the tester has failed again and again for {minutes} minutes: it ended with exit code 1"]
    assert phases == {"tester": "running"}
    under.last.pipe.poll.side_effect = [True, False]
    under.last.pipe.recv_bytes.return_value = module.messages.encode(Heartbeat("running", 10.0))
    clock.seconds += Deadlines().healthy_after + 1
    under.last.expected_by = clock.seconds + 10
    assert under.phases()[1] == []
    assert [one.kwargs["is_restart"] for one in under.metrics.process_started.call_args_list] == [False] + [True] * 12


def test_one_that_has_done_its_work_starts_when_it_is_due(clock: Clock) -> None:
    due: list[Any] = [("first",), None, None, None, None, ("second",)]
    under = Supervised(lambda: due.pop(0))
    under.sides.writer_ready(under.writer, READY)
    under.sides.turn()
    assert under.last.arguments[1:] == ("first", "given")
    under.last.process.exitcode = 0
    for _ in range(3):
        under.sides.turn()
        assert under.phases() == ({}, [])
        clock.seconds += Deadlines().side_first
    under.sides.turn()
    assert under.last.arguments[1:] == ("second", "given")
    under.events.note_side_failure.assert_not_called()
    assert [one.kwargs["is_restart"] for one in under.metrics.process_started.call_args_list] == [False, False]
    under.runs.ended.assert_called_once_with("")


def test_one_that_hangs_or_sends_nonsense_is_killed(clock: Clock) -> None:
    under = Supervised(tuple)
    under.sides.writer_ready(under.writer, READY)
    under.sides.turn()
    clock.seconds = under.last.expected_by + 1
    under.sides.turn()
    under.sides.turn()
    under.events.note_side_failure.assert_called_with("tester", "tester hangs in phase 'running'")
    clock.seconds += 1
    under.sides.turn()
    under.sides.refuse(FindingsRefused("tester", 1, "an old one"))
    assert under.last.process.exitcode is None
    under.sides.refuse(FindingsRefused("tester", 2, "nonsense"))
    under.sides.turn()
    under.events.note_side_failure.assert_called_with("tester", "tester sent an invalid finding: nonsense")
    under.runs.ended.assert_called_with("sent an invalid finding: nonsense")
    clock.seconds += 2
    under.sides.turn()
    under.last.pipe.poll.return_value = True
    under.last.pipe.recv_bytes.return_value = b"nonsense"
    under.sides.turn()
    under.sides.turn()
    assert "tester sent an invalid message" in under.events.note_side_failure.call_args.args[1]


def test_a_pipe_that_cannot_be_made_is_a_failure_like_any_other(clock: Clock) -> None:
    under = Supervised(tuple)
    under.sides._context.Pipe = mock.Mock(side_effect=OSError(24, "Too many open files"))  # type: ignore[method-assign]
    under.sides.writer_ready(under.writer, READY)
    under.sides.turn()
    under.events.note_side_failure.assert_called_with(
        "tester", "tester cannot be started: OSError: [Errno 24] Too many open files"
    )
