"""The help of both programs: at every level it ends with examples, which can be typed as they stand."""

import argparse
import json
import os
import re
import shlex
from pathlib import Path

import pytest

from kube9_cli.arguments import UsageError
from kube9_cli.commands.events import ACTIONS
from kube9_cli.main import respond
from kube9_cli.parser import get_parser as cli_parser
from kube9_cli.render.output import Output
from kube9_operator.parser import get_parser as operator_parser
from tests.cli import run_cli
from tests.commands import levels, parsed

LEVELS = [*levels(cli_parser()), *levels(cli_parser("kube9-operator query")), *levels(operator_parser())]


@pytest.mark.parametrize("parser", LEVELS, ids=lambda parser: str(parser.prog))
def test_the_help_ends_with_examples_that_can_be_typed(parser: argparse.ArgumentParser) -> None:
    shown = parser.format_help().partition("\nexamples:\n")[2]
    assert all(len(line) <= 80 for line in shown.splitlines() if not line.startswith("  #"))
    shown = re.sub(r" \\\n +", " ", shown)
    assert re.fullmatch(r"(?:  # .+\n  .+\n\n?)+", shown)
    for line in re.findall(r"^  ([^#\n].*)$", shown, re.MULTILINE):
        words = [word for word in shlex.split(line) if not re.match("[A-Z_]+=", word)]
        assert " ".join(words).startswith(parser.prog)
        parsed(words)


@pytest.mark.parametrize("parser", LEVELS, ids=lambda parser: str(parser.prog))
def test_no_option_can_be_abbreviated(parser: argparse.ArgumentParser, capsys: pytest.CaptureFixture[str]) -> None:
    """A new option would change the meaning of a script."""
    for flag in (flag for action in parser._actions for flag in action.option_strings if flag.startswith("--")):
        with pytest.raises((UsageError, SystemExit), match=r"^(Unrecognized arguments: .*|2)$"):
            parser.parse_args([*(["x"] * needed(parser)), flag[:-1]])
    assert capsys.readouterr().out == "", "no help"


def needed(parser: argparse.ArgumentParser) -> int:
    """How many arguments a command needs besides its options."""
    return sum(not action.option_strings and action.nargs != "*" for action in parser._actions if action.required)


def test_the_help_of_a_command_can_be_asked_for_by_its_name(capsys: pytest.CaptureFixture[str]) -> None:
    def said(*arguments: str) -> str:
        with pytest.raises(SystemExit, match=r"^0$"), open(os.devnull, "wb") as nowhere:
            respond(list(arguments), "kube9-cli", Output(nowhere.fileno()))
        return capsys.readouterr().out

    assert said("help", "events", "list") == said("events", "list", "--help")
    assert said("help") == said("--help") == said()
    for topic in (("nothing",), ("events", "nothing")):
        done = run_cli(Path("/nowhere"), "help", *topic)
        assert done.returncode == 1
        assert "INVALID_ARGUMENT" in done.stderr


def test_a_group_without_its_action_is_an_error_that_names_them() -> None:
    done = run_cli(Path("/nowhere"), "events")
    assert done.returncode == 1
    assert "kube9-cli events needs an action" in done.stderr
    with pytest.raises(UsageError):
        parsed(["kube9-cli", "events", "nothing"])


COMMANDS = "it must be one of: status, events, insights, assessments, assess, argocd, collections, report, completion, help"
ALLOWED = f"it must be one of: {', '.join(ACTIONS)}"
MISTYPED = [
    ("events lst", "Invalid command lst", f"{ALLOWED}; did you mean kube9-cli events list?"),
    ("event list", "Invalid command event", f"{COMMANDS}; did you mean kube9-cli events?"),
    ("EVENTS list", "Invalid command EVENTS", f"{COMMANDS}; did you mean kube9-cli events?"),
    ("list", "Invalid command list", f"{COMMANDS}; did you mean kube9-cli events list?"),
    ("summry --by reason", "Invalid command summry", f"{COMMANDS}; did you mean kube9-cli events summary?"),
    ("help events lst", "Invalid command lst", f"{ALLOWED}; did you mean kube9-cli events list?"),
    ("nothing", "Invalid command nothing", COMMANDS),
    ("''", "Invalid command: it is empty", COMMANDS),
    ("--versoin", "Unrecognized arguments: --versoin", "Did you mean --version? See kube9-cli --help"),
    ("--db /tmp status", "Unrecognized arguments: --db", "options come after the command; see kube9-cli --help"),
    ("events --limit 5 list", "Unrecognized arguments: --limit", "options come after the command; see kube9-cli events --help"),
    ("events list --limit", "Argument --limit: expected one argument", "it takes N; see kube9-cli events list --help"),
    (
        "events list --since -1h",
        "Argument --since: expected one argument",
        "a value that begins with a hyphen is written --since=-1h; it takes TIME; see kube9-cli events list --help",
    ),
    (
        "events list --since --until 1h",
        "Argument --since: expected one argument",
        "it takes TIME; see kube9-cli events list --help",
    ),
]


@pytest.mark.parametrize(("typed", "error", "details"), MISTYPED)
def test_what_is_mistyped_is_named_with_what_is_near(typed: str, error: str, details: str) -> None:
    done = run_cli(Path("/nowhere"), *shlex.split(typed))
    said = json.loads(done.stderr)
    assert (done.returncode, done.stdout, said["code"]) == (1, "", "INVALID_ARGUMENT")
    assert (said["error"], said["details"]) == (error, details)
