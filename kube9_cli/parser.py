"""The parser of kube9-cli, by argparse: help, errors, and every unusual command line. The man page is built from it.

It imports no module outside of the standard library and this repository, because the man page is built before anything is
installed. What a command needs to answer, it imports when it answers.
"""

import argparse
import sys
from typing import Any, NoReturn

from kube9_cli import commands, terminal
from kube9_cli.arguments import Examples, UsageError, invalid, nearest

DESCRIPTION = """\
Query what kube9-operator has recorded: what happened in a Kubernetes cluster, to which object, when and how often. Each list
says for which time it is complete. kube9-cli only reads. It works while the operator runs, after it has stopped, and on a copy
of the database. One command, assessments run, asks the operator, and needs one that runs. Answers go to stdout, everything
else to stderr. Exit codes: 0 success; 1 invalid argument, unknown id or unusable database; 2 the query took longer than
--timeout; 3 no permission to read the database."""

WIDTH = 80
EXAMPLES: Examples = (
    ("What broke in the last 30 minutes", "events list --since 30m --severity error+"),
    ("What went wrong in a namespace since yesterday", "events list -n shop --severity error+ --since yesterday"),
    ("A deployment with all its pods", "events list --for deploy/web -n shop"),
    ("What changed in a namespace today", "events list -n shop --severity info --since today"),
    ("What happened around a moment, my time", "events list --around 'yesterday 14:05' --tz Europe/Berlin"),
    ("What is wrong, in groups, the worst first", "events summary --severity warning+"),
    ("What the operator has concluded, and what goes on", "insights list --status active,quiet"),
    ("Which namespaces are noisiest", "events summary --by namespace"),
    ("What changed, broke and recovered in the last hour, in order", "events timeline --since 1h"),
    ("One event in detail", "events get evt_20261124_103045_000000"),
    ("Everything of a week, one JSON object on each line", "events export --since 7d"),
    ("A page about the last two hours, to hand over", "report -n shop --since 2h --output shop.html"),
    ("Check that everything is being recorded", "status"),
    ("The options of a command", "help events list"),
)
IN_A_CLUSTER = "kubectl exec -n kube9-system kube9-operator-0 -- kube9-cli"

SECTIONS = (
    {
        "heading": "environment",
        "content": """\
.TP
.B DB_PATH
The folder that holds kube9.db, or a database file. It is used when
.B \\-\\-db
is not given. Default:
.I /data
.TP
.B TZ
The time zone of times such as 14:05 or yesterday, and of
.BR "\\-\\-time local" ,
when
.B \\-\\-tz
is not given.
.TP
.B COLUMNS
The width of tables, in columns. Default: the width of the terminal; without a terminal, tables are not cut.
.TP
.B KUBE9_OUTPUT
The format of answers when
.B \\-o
is not given.
.TP
.B KUBE9_STORE
The URL of a store that is asked in place of a database, as
.B \\-\\-store
does. It is not used if
.B \\-\\-db
is given.
.TP
.BR KUBE9_STORE_HEADERS_FILE ", " KUBE9_STORE_CA_FILE
Files, as
.BR \\-\\-store\\-headers " and " \\-\\-store\\-ca
take them.
.TP
.B KUBE9_EXIT_ON_STDIN_CLOSE
When it is set and not empty, the end of stdin ends every query, as
.B \\-\\-exit\\-on\\-stdin\\-close
does.
.TP
.B NO_COLOR
When it is set and not empty, tables have no colour.
.TP
.B FORCE_COLOR
When it is set and not empty, and
.B NO_COLOR
is not, tables have colours also without a terminal.
.TP
.B TERM
When it is
.BR dumb ,
tables have no colour.""",
    },
    {
        "heading": "examples",
        "content": "\n".join(
            f".TP\n{title}:\n.B {command}"
            for title, command in (
                *((title, f"kube9-cli {arguments}") for title, arguments in EXAMPLES),
                ("In a cluster", f"{IN_A_CLUSTER} status"),
            )
        ).replace("-", "\\-"),
    },
)
"""What the man page has besides the options and commands."""


class Formatter(argparse.HelpFormatter):
    """Help as wide as the terminal. argparse would import shutil to find the width, which takes 5 ms."""

    def __init__(self, prog: str) -> None:
        super().__init__(prog, width=(terminal.columns(sys.stdout.isatty()) or terminal.DEFAULT_COLUMNS) - 2)


def _typed(command: str) -> str:
    """A command as it is typed on lines of 80 columns: a long one goes on after a backslash, with its next option."""
    first, *options = command.replace(" --", "\n--").split("\n")
    lines = [f"  {first}"]
    for option in options:
        if len(f"{lines[-1]} {option} \\") <= WIDTH:
            lines[-1] += f" {option}"
        else:
            lines.append(f"      {option}")
    return " \\\n".join(lines)


class Parser(argparse.ArgumentParser):
    """Raises UsageError instead of printing errors, so that every error is printed in one place."""

    def __init__(self, *arguments: Any, examples: Examples = (), manpage: Any = (), **options: Any) -> None:
        """`manpage` has the sections that the man page has besides the options and commands."""
        super().__init__(*arguments, **options | {"allow_abbrev": False, "formatter_class": Formatter})
        self._examples = examples
        self._manpage = manpage  # read by argparse-manpage
        self._words: list[str] = []
        """What is parsed."""

    def format_help(self) -> str:
        """The help with examples at its end. They are not an epilog, because the man page has a section for them."""
        lines = [f"  # {title}\n{_typed(f'{self.prog} {arguments}'.rstrip())}\n" for title, arguments in self._examples]
        return f"{super().format_help()}\nexamples:\n" + "\n".join(lines)

    def parse_known_args(self, args: Any = None, namespace: Any = None) -> Any:
        """Raises UsageError for an unknown option of a command, with the option that is nearest.

        argparse would leave that to the parser of the program, which does not know the options of the command.
        """
        self._words = sys.argv[1:] if args is None else list(args)
        if self._subparsers and self._words and self._words[0].startswith("-") and not self._is_own(self._words[0]):
            raise self._unrecognized(self._words[:1], f"options come after the command; see {self.prog} --help")
        found, unknown = super().parse_known_args(args, namespace)
        if unknown and not self._subparsers:
            raise self._unrecognized(unknown, f"see {self.prog} --help")
        return found, unknown

    def _is_own(self, word: str) -> bool:
        """Whether a word is an option of this parser, with or without a value."""
        return any(word.partition("=")[0] in action.option_strings for action in self._actions)

    def _unrecognized(self, words: list[str], details: str) -> UsageError:
        """The error for unknown words, with the option that is nearest to the first of them that is one."""
        known = [one for action in self._actions for one in action.option_strings]
        option = next((one.partition("=")[0] for one in words if one.startswith("-")), "")
        hint = nearest(option, known, 0.7).removeprefix("; ")
        if hint:
            details = f"{hint[:1].upper()}{hint[1:]} See {self.prog} --help"
        return UsageError(f"Unrecognized arguments: {' '.join(words)}", details)

    def _check_value(self, action: argparse.Action, value: Any) -> None:
        """Raises UsageError for an unknown command, with the one that is nearest. argparse calls it for each value."""
        if not isinstance(action.choices, dict) or value in action.choices:
            super()._check_value(action, value)
            return
        names = {name: name for name in action.choices}
        for name, command in action.choices.items():  # somebody may type `list` for `events list`
            for below in (one.choices for one in command._actions if isinstance(one.choices, dict)):
                names |= {each: f"{name} {each}" for each in below if each not in names}
        hint = nearest(value, names)
        if hint:
            near = hint.removeprefix("; did you mean ").removesuffix("?")
            hint = f"; did you mean {self.prog} {names[near]}?"
        allowed = f"it must be one of: {', '.join(action.choices)}{hint}"
        raise invalid("command", value, allowed)

    def error(self, message: str) -> NoReturn:
        """Raises UsageError. For an option without a value it says how one is written that begins with a hyphen."""
        details = f"see {self.prog} --help"
        for action in self._actions:
            if message.startswith(f"argument {'/'.join(action.option_strings)}: expected "):
                places = [at for at, word in enumerate(self._words[:-1]) if word in action.option_strings]
                wrong = [self._words[at] + "=" + self._words[at + 1] for at in places if self._words[at + 1][:1] == "-"]
                details = f"it takes {action.metavar}; {details}"
                if wrong and not self._is_own(wrong[0].partition("=")[2]):
                    details = f"a value that begins with a hyphen is written {wrong[0]}; {details}"
        raise UsageError(message[:1].upper() + message[1:], details)

    def _print_message(self, message: str, file: Any = None) -> None:
        """Raises OSError if the help cannot be written. argparse would hide that."""
        print(message, end="", file=file or sys.stderr, flush=True)


def get_parser(prog: str = "kube9-cli") -> argparse.ArgumentParser:
    """The parser of all commands. `prog` is how the user calls the program."""
    parser = Parser(prog=prog, description=DESCRIPTION, examples=EXAMPLES, manpage=SECTIONS)
    commands.declare(parser)
    return parser
