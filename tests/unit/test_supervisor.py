"""A queue or process that cannot be made ends a worker generation, and the next attempt follows. The main loop never stops."""

import math
from collections.abc import Callable, Iterator
from multiprocessing import connection
from typing import Any
from unittest import mock

import pytest

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.supervise.supervisor import Supervisor


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    given: dict[str, Any] = {name: mock.Mock() for name in ("writer", "health", "metrics", "operator_events")}
    made = Supervisor(watchers=[], sides=[], deadlines=Deadlines(), log_level="info", preload="", **given)
    made._context = mock.Mock()
    made._wakeup.setblocking(False)  # as `run` does first
    yield made
    made._wakeup.close()
    made._wakeup_writer.close()


def test_the_resource_tracker_dies_while_a_queue_is_made(supervisor: Supervisor) -> None:
    """As seen: multiprocessing writes to the pipe of a process that has been killed this very moment."""
    context: Any = supervisor._context
    context.Queue.side_effect = BrokenPipeError(32, "Broken pipe")
    ending = supervisor._start_writer()
    assert ending is not None
    assert (ending.for_good, ending.process) == (False, "")
    assert ending.reason == "a queue cannot be made: BrokenPipeError: [Errno 32] Broken pipe"
    supervisor._stop_children(ending)
    context.Process.assert_not_called()


def test_the_fork_server_dies_while_a_process_is_started(supervisor: Supervisor) -> None:
    context: Any = supervisor._context
    context.Pipe.return_value = (mock.Mock(), mock.Mock())
    context.Process.return_value.start.side_effect = EOFError()
    role: Any = supervisor._writer_role
    role.name, role.arguments = "writer", ()
    ending = supervisor._start_writer()
    assert ending is not None
    assert (ending.for_good, ending.process) == (False, "writer")
    assert ending.reason == "writer cannot be started: EOFError"
    supervisor._stop_children(ending)
    context.Queue.return_value.close.assert_called_once()


class Ended(Exception):
    """The loop has turned often enough."""


@pytest.mark.parametrize(
    "wait_for",
    [
        lambda supervisor, _one: supervisor._supervise(),
        lambda supervisor, _one: supervisor._sleep(600.0),
        lambda supervisor, one: supervisor._join([one], 600.0),
    ],
    ids=["a child that opens the database", "the next worker generation", "a child to end"],
)
def test_the_loop_turns_whatever_it_waits_for(
    supervisor: Supervisor, monkeypatch: pytest.MonkeyPatch, wait_for: Callable[[Supervisor, Any], object]
) -> None:
    """/livez fails where it does not turn for the deadline of a child that hangs."""
    asked: list[float] = []

    def wait(_objects: object, seconds: float) -> list[Any]:
        asked.append(seconds)
        if len(asked) == 20:
            raise Ended
        return []

    monkeypatch.setattr(connection, "wait", wait)
    one: Any = mock.Mock(expected_by=math.inf, receives_health=False)
    one.pipe.poll.return_value = False
    supervisor._children = [one]
    with pytest.raises(Ended):
        wait_for(supervisor, one)
    assert max(asked) <= Deadlines().beat
    health: Any = supervisor._health
    assert health.note_loop.call_count == 19
