"""`make demo` ends with commands that can be typed in the folder of the project."""

from tests.commands import parsed
from tests.demo import PROGRAM, next_commands


def test_what_to_try_next_can_be_typed() -> None:
    commands = [command for _, command in next_commands("evt_20261124_103045_000000")]
    assert len(commands) == 3
    for program, *arguments in commands:
        assert program == PROGRAM
        assert "demo" in arguments
        parsed(["kube9-cli", *arguments])
