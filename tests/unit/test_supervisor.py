"""What the supervisor makes of a queue that cannot be made: a generation that failed, and another try."""

from collections.abc import Iterator
from typing import Any
from unittest import mock

import pytest

from kube9_operator.deadlines import Deadlines
from kube9_operator.supervisor import Supervisor


@pytest.fixture
def supervisor() -> Iterator[Supervisor]:
    given: dict[str, Any] = {name: mock.Mock() for name in ("writer", "health", "figures", "diary")}
    made = Supervisor(watchers=[], deadlines=Deadlines(), log_level="info", preload="", **given)
    made._context = mock.Mock()
    yield made
    made._wakeup.close()
    made._wakeup_writer.close()


def test_the_resource_tracker_dies_while_a_queue_is_made(supervisor: Supervisor) -> None:
    """As seen: multiprocessing writes to the pipe of a process that has been killed this very moment."""
    context: Any = supervisor._context
    context.Queue.side_effect = BrokenPipeError(32, "Broken pipe")
    ending = supervisor._start()
    assert ending is not None
    assert (ending.for_good, ending.process) == (False, "")
    assert ending.reason == "a queue cannot be made: BrokenPipeError: [Errno 32] Broken pipe"
    supervisor._end(ending)
    context.Process.assert_not_called()


def test_the_fork_server_dies_while_a_process_is_started(supervisor: Supervisor) -> None:
    context: Any = supervisor._context
    context.Pipe.return_value = (mock.Mock(), mock.Mock())
    context.Process.return_value.start.side_effect = EOFError()
    role: Any = supervisor._writer_role
    role.name, role.arguments = "writer", ()
    ending = supervisor._start()
    assert ending is not None
    assert (ending.for_good, ending.process) == (False, "writer")
    assert ending.reason == "writer cannot be started: EOFError"
    supervisor._end(ending)
    context.Queue.return_value.close.assert_called_once()
