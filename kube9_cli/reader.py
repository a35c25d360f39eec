"""Reads ordinary command lines without argparse, whose import and parser would take as long as Python's own start.

The commands declare their options on a `Declared` as on a parser of argparse, so an option that is added is read here too. What
this module does not know is left to argparse: help, every error, an unusual spelling, an unusual declaration. tests/unit/
test_reader.py compares both readings.
"""

from __future__ import annotations

from kube9_cli import commands

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

ABSENT = object()
SUPPRESSED = "==SUPPRESS=="
"""argparse.SUPPRESS as a default: there is no attribute then."""


def parse(argv: list[str], prog: str) -> Any:
    """The arguments as argparse returns them. Raises UsageError for a wrong one; prints help and raises SystemExit."""
    given = read(argv, prog)
    if given is None:
        from kube9_cli.parser import get_parser  # argparse: only where it is needed

        return get_parser(prog).parse_args(argv)
    return given


def read(argv: list[str], prog: str) -> Given | None:
    """The arguments of an ordinary command line; None for any other."""
    root = Declared(prog)
    try:
        commands.declare(root, argv)
        return Given(root.read(argv))
    except Unknown:
        return None


class Unknown(Exception):
    """A declaration or a command line that is left to argparse."""


class Given:
    """Has the arguments as attributes, like argparse.Namespace."""

    def __init__(self, values: dict[str, Any]) -> None:
        self.__dict__.update(values)


class Argument:
    """An option, or an argument without a flag."""

    def __init__(self, dest: str, action: str, default: Any, several: bool, choices: Any) -> None:
        self.dest, self.action, self.default, self.several, self.choices = dest, action, default, several, choices
        self.group: Group | None = None

    def add(self, values: dict[str, Any], given: list[str]) -> None:
        """Stores the words that were given: one, or several where several are taken."""
        if self.choices is not None and not all(word in self.choices for word in given):
            raise Unknown
        value: Any = given if self.several else given[0]
        values[self.dest] = [*(values[self.dest] or ()), value] if self.action == "append" else value


class Group:
    """Options of which at most one may be given."""

    def __init__(self, command: Declared) -> None:
        self._command = command

    def add_argument(self, *names: str, **more: Any) -> Argument:
        """Declares one of them."""
        made = self._command.add_argument(*names, **more)
        made.group = self
        return made

    def __getattr__(self, name: str) -> Any:
        raise Unknown


class Declared:
    """A command, or a group of commands. It has those methods of argparse.ArgumentParser that the commands call."""

    def __init__(self, prog: str) -> None:
        self.prog = prog
        self._options: dict[str, Argument] = {}
        self._arguments: list[Argument] = []
        """Those without a flag."""
        self._all: list[Argument] = []
        self._defaults: dict[str, Any] = {}
        self._below: dict[str, Declared] = {}
        self._dest: str | None = None
        """The attribute that has the name of the command below; None if there are no commands below."""
        self._is_known = True

    def add_argument(
        self,
        *names: str,
        dest: str = "",
        action: str = "store",
        default: Any = None,
        nargs: str | None = None,
        choices: Any = None,
        **more: Any,
    ) -> Argument:
        """Declares an option, or an argument without a flag."""
        flags = [name for name in names if name.startswith("-")]
        if not dest and names:
            long = [flag for flag in flags if flag.startswith("--")]
            dest = (long or names)[0].lstrip("-").replace("-", "_") if flags else names[0]
        if action == "store_true" and default is None:
            default = False
        if (
            not more.keys() <= {"help", "metavar"}
            or not names
            or len(flags) not in (0, len(names))
            or action not in (("store", "append", "store_true") if flags else ("store",))
            or nargs not in (None, "+")
            or default == SUPPRESSED
            or dest in self._defaults
        ):
            self._is_known = False
        made = Argument(dest, action, default, nargs == "+", choices)
        self._all.append(made)
        if flags:
            self._options.update(dict.fromkeys(flags, made))
        else:
            self._arguments.append(made)
        return made

    def add_argument_group(self, *_: Any, **__: Any) -> Declared:
        """Only help shows such a group."""
        return self

    def add_mutually_exclusive_group(self, required: bool = False) -> Group:
        """A group of options of which at most one may be given."""
        self._is_known = self._is_known and not required
        return Group(self)

    def set_defaults(self, **values: Any) -> None:
        """Sets attributes that no option sets."""
        if any(one.dest in values for one in self._all):
            self._is_known = False
        self._defaults.update(values)

    def add_subparsers(self, dest: str = "", **_: Any) -> Declared:
        """Below this one there are commands. Only help shows the rest."""
        self._dest = dest
        return self

    def add_parser(self, name: str, aliases: tuple[str, ...] = (), **more: Any) -> Declared:
        """Declares a command below this one."""
        made = Declared(f"{self.prog} {name}")
        made._is_known = more.keys() <= {"help", "description", "examples"}
        self._below.update(dict.fromkeys((name, *aliases), made))
        return made

    def __getattr__(self, name: str) -> Any:
        raise Unknown

    def read(self, words: list[str]) -> dict[str, Any]:
        """The attributes for what follows the name of the command. Raises Unknown."""
        if not self._is_known:
            raise Unknown
        values: dict[str, Any] = {}
        for one in self._all:
            values.setdefault(one.dest, one.default)
        for name, value in self._defaults.items():
            values.setdefault(name, value)
        if self._dest is None:
            return self._read(words, values)
        if not words or words[0] not in self._below or not self._dest or self._arguments:
            raise Unknown
        return values | {self._dest: words[0]} | self._below[words[0]].read(words[1:])

    def _read(self, words: list[str], values: dict[str, Any]) -> dict[str, Any]:
        """Fills in what is given."""
        at, given = 0, list[tuple[int, str]]()
        of_groups: dict[Group, Argument] = {}
        while at < len(words):
            word = words[at]
            at += 1
            if not word.startswith("-"):
                given.append((at, word))
                continue
            option, value = self._option(word)
            if value == "--":  # argparse takes this for no value
                raise Unknown
            if option.group is not None and of_groups.setdefault(option.group, option) is not option:
                raise Unknown
            if option.action == "store_true":
                if value is not ABSENT:
                    raise Unknown
                values[option.dest] = True
                continue
            taken = [] if value is ABSENT else [value]
            while value is ABSENT and at < len(words) and not words[at].startswith("-") and (option.several or not taken):
                taken.append(words[at])
                at += 1
            if not taken:
                raise Unknown
            option.add(values, taken)
        self._place(given, values)
        return values

    def _option(self, word: str) -> tuple[Argument, Any]:
        """The option of a word, and the value in the same word."""
        if word in self._options:
            return self._options[word], ABSENT
        if word.startswith("--"):
            flag, equals, value = word.partition("=")
            if equals and flag in self._options:
                return self._options[flag], value
        elif word[:2] in self._options and word[2] != "=" and not any(flag.startswith(word) for flag in self._options):
            return self._options[word[:2]], word[2:]
        raise Unknown

    def _place(self, given: list[tuple[int, str]], values: dict[str, Any]) -> None:
        """Stores the arguments without a flag; `given` has the place of each among the words."""
        wanted = self._arguments
        if len(wanted) == 1 and wanted[0].several:
            (one,) = wanted
            if not given or given[-1][0] - given[0][0] != len(given) - 1:
                raise Unknown
            one.add(values, [word for _, word in given])
            return
        if len(given) != len(wanted) or any(one.several for one in wanted):
            raise Unknown
        for one, (_, word) in zip(wanted, given, strict=True):
            one.add(values, [word])
