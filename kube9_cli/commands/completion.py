"""The command `completion`: a script that lets a shell complete command lines of kube9-cli.

shtab makes the scripts from the parser (`make completions`). They are files of the package: the pod needs no shtab.
"""

from __future__ import annotations

import os

from kube9_cli.arguments import one_of
from kube9_cli.commands import Question

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from typing import Any

SHELLS = ("bash", "zsh", "fish")
SCRIPTS = os.path.join(os.path.dirname(os.path.dirname(__file__)), "completions")
EXAMPLES = (
    ("In this bash: source <(kube9-cli completion bash)", "bash"),
    ("In every zsh: put it in a folder of $fpath, as _kube9-cli", "zsh"),
    ("In every fish: put it in ~/.config/fish/completions, as kube9-cli.fish", "fish"),
)


def add(commands: argparse._SubParsersAction[Any]) -> None:
    """Adds the command."""
    parser = commands.add_parser(
        "completion",
        help="print a script that completes command lines",
        description="Print a script for a shell. It completes commands, options, and values of options that allow only a few.",
        examples=EXAMPLES,
    )
    parser.add_argument("shell", metavar="SHELL", help=f"one of: {', '.join(SHELLS)}")
    parser.set_defaults(check=check)


def check(given: argparse.Namespace) -> Question:
    """Prints the script and raises SystemExit: no database is needed. Raises UsageError for an unknown shell."""
    with open(script(one_of(given.shell, "shell", SHELLS)), encoding="utf-8") as file:
        print(file.read(), end="", flush=True)
    raise SystemExit(0)


def script(shell: str) -> str:
    """The path of the script for a shell."""
    return os.path.join(SCRIPTS, f"kube9-cli.{shell}")
