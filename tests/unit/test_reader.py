"""The fast reader of command lines reads what argparse reads, or nothing at all."""

import argparse
import functools
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube9_cli import commands
from kube9_cli.arguments import UsageError
from kube9_cli.parser import Parser, get_parser
from kube9_cli.reader import Declared, Unknown, read
from tests.commands import levels

PROG = "kube9-cli"
NASTY = ("", "-", "--", "-1", "-x", "--x", "=", "a=b", "a b", "-a b", "-n", "--help", "-h", "--version", "list", "é", "\udcff")
VALUES = ("x", "pod", "1h", "a,b", "10", "error+", "x=y", "two words", "")
LEAVES = [
    one
    for one in levels(get_parser())
    if not any(isinstance(part, argparse._SubParsersAction) or part.nargs == "*" for part in one._actions)
]
"""The commands that have no commands below them, without `help`, which is left to argparse."""
WITH_OPTIONS = [one for one in LEAVES if sum(bool(part.option_strings) for part in one._actions) > 1]
"""Those that have options besides --help."""


def path(parser: argparse.ArgumentParser) -> list[str]:
    return parser.prog.split()[1:]


def options(parser: argparse.ArgumentParser) -> list[argparse.Action]:
    return [action for action in parser._actions if action.option_strings and action.dest != "help"]


def arguments(parser: argparse.ArgumentParser) -> list[str]:
    """What must be given without a flag."""
    return ["x" for action in parser._actions if not action.option_strings]


def spellings(action: argparse.Action, value: str) -> Iterator[list[str]]:
    """The ordinary ways to give an option."""
    for flag in action.option_strings:
        if action.nargs == 0:
            yield [flag]
            continue
        yield [flag, value]
        if flag.startswith("--"):
            yield [f"{flag}={value}"]
        elif value and not value.startswith("="):
            yield [f"{flag}{value}"]


@functools.cache
def whole() -> argparse.ArgumentParser:
    """The parser of every command: to make it takes a hundred times as long as to read a line with it."""
    return get_parser(PROG)


def by_argparse(parser: argparse.ArgumentParser, words: list[str]) -> dict[str, Any] | None:
    """The attributes; None for an error, or for help."""
    try:
        return comparable(vars(parser.parse_args(words)))
    except (UsageError, SystemExit, OSError, argparse.ArgumentError):
        return None


def comparable(values: dict[str, Any]) -> dict[str, Any]:
    """The function that checks the arguments is made anew by each declaration, where it is a closure."""
    return {name: value.__qualname__ if callable(value) else value for name, value in values.items()}


@pytest.mark.parametrize("parser", WITH_OPTIONS, ids=lambda parser: str(parser.prog))
def test_every_option_is_read_without_argparse_in_each_ordinary_spelling(parser: argparse.ArgumentParser) -> None:
    chosen = options(parser)
    assert chosen
    for number, action in enumerate(chosen):
        for place, value in enumerate(VALUES):
            ways = list(spellings(action, value))
            for words in ways if (number + place) % 3 == 0 else ways[:1]:
                line = [*path(parser), *arguments(parser), *words]
                found = read(line, PROG)
                assert found is not None, line
                assert comparable(vars(found)) == by_argparse(whole(), line)
    assert read([*path(parser), *arguments(parser)], PROG) is not None


WORDS = st.sampled_from(NASTY + VALUES) | st.text(max_size=4)


@st.composite
def lines(draw: st.DrawFn) -> list[str]:
    """Command lines of ordinary and of strange words; among them cut and joined options."""
    parser = draw(st.sampled_from(WITH_OPTIONS))
    pieces: list[list[str]] = []
    for _ in range(draw(st.integers(0, 5))):
        action = draw(st.sampled_from(options(parser)))
        piece = draw(st.sampled_from(list(spellings(action, draw(WORDS)))))
        if draw(st.integers(0, 9)) == 0:
            piece = [piece[0][: draw(st.integers(0, len(piece[0])))], *piece[1:]]
        pieces.append(piece)
    given = arguments(parser) + draw(st.lists(WORDS, max_size=1))
    for word in given if draw(st.booleans()) else arguments(parser):
        pieces.insert(draw(st.integers(0, len(pieces))), [word])
    begin = path(parser) if draw(st.integers(0, 9)) else draw(st.lists(WORDS, max_size=2))
    return [*begin, *(word for piece in pieces for word in piece)]


@given(lines())
def test_it_reads_as_argparse_or_leaves_it_to_argparse(words: list[str]) -> None:
    found = read(words, PROG)
    if found is not None:
        assert comparable(vars(found)) == by_argparse(whole(), words)


FLAGS = ("-a", "-b", "-Z", "--long", "--lo", "--other-name", "-ab")
KEYWORDS = {
    "action": st.sampled_from(["store", "append", "store_true", "count", "store_const"]),
    "default": st.sampled_from([None, "d", 3, "==SUPPRESS=="]) | st.lists(st.just("d"), max_size=1),
    "dest": st.sampled_from(["a", "b", "long"]),
    "choices": st.sampled_from([("x", "pod"), ["1h"]]),
    "nargs": st.sampled_from([None, "+", "*", "?", 2]),
    "type": st.just(int),
    "required": st.booleans(),
    "help": st.just("help"),
    "metavar": st.just("M"),
}


@st.composite
def declarations(draw: st.DrawFn) -> list[tuple[str, tuple[str, ...], dict[str, Any]]]:
    """Calls of a parser's methods: where, names and keywords."""
    made = []
    for _ in range(draw(st.integers(1, 5))):
        flags = draw(st.lists(st.sampled_from(FLAGS), min_size=1, max_size=2, unique=True))
        names = tuple(flags) if draw(st.integers(0, 3)) else (draw(st.sampled_from(["id", "name"])),)
        keywords = {}
        for name in draw(st.lists(st.sampled_from(sorted(KEYWORDS)), max_size=2, unique=True)):
            keywords[name] = draw(KEYWORDS[name])
        made.append((draw(st.sampled_from(["parser", "group", "one of"])), names, keywords))
    if draw(st.integers(0, 4)) == 0:
        made.append(("defaults", (), {draw(st.sampled_from(["a", "check"])): "set"}))
    return made


def declare(parser: Any, made: list[tuple[str, tuple[str, ...], dict[str, Any]]]) -> Any:
    """Makes these calls on the parser of a command below."""
    command = parser.add_subparsers(dest="command").add_parser("do")
    places = {"parser": command, "group": command.add_argument_group("group")}
    places["one of"] = command.add_mutually_exclusive_group()
    for where, names, keywords in made:
        if where == "defaults":
            command.set_defaults(**keywords)
        else:
            places[where].add_argument(*names, **keywords)
    return parser


@given(declarations(), st.lists(st.sampled_from(FLAGS + NASTY + VALUES + ("--long=x", "-ax", "-bpod", "--lo=1h")), max_size=6))
def test_any_declaration_is_read_as_argparse_reads_it_or_left_to_it(made: Any, words: list[str]) -> None:
    """Also options that nobody has declared yet."""
    try:
        parser = declare(Parser(prog="p"), made)
    except (TypeError, ValueError, argparse.ArgumentError):
        return  # argparse does not know such a declaration either
    try:
        found = declare(Declared("p"), made).read(["do", *words])
    except Unknown:
        return
    assert found == by_argparse(parser, ["do", *words])


def test_what_only_argparse_has_is_left_to_it(monkeypatch: pytest.MonkeyPatch) -> None:
    def add(parser: Any, _: list[str] | None = None) -> None:
        parser.register("type", "kind", str)

    monkeypatch.setattr(commands, "declare", add)
    assert read(["status"], PROG) is None
