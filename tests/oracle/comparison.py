"""Compares the answer of a command line with the right one, and makes a failing command line short."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple

from tests.bench.options import of
from tests.oracle import databases, options, reader
from tests.oracle.answers import answer

Answered = tuple[int, str, str]
"""Exit code, stdout and stderr."""
Run = Callable[[list[str]], Answered]
PARTS = ("events", "pagination", "coverage")


class Case(NamedTuple):
    """A database, and how it is asked."""

    seed: int
    folder: Path
    world: reader.World
    now_ms: int


def case(folder: Path, seed: int, now_ms: int) -> Case:
    """A new random database."""
    databases.build(folder, seed, now_ms)
    connection = reader.open_read_only(folder)
    try:
        return Case(seed, folder, reader.read(connection), now_ms)
    finally:
        connection.close()


def difference(case: Case, given: list[options.Given], run: Run) -> str:
    """What is wrong with the answer to these options; '' if nothing is."""
    question = options.question_of(given)
    code, stdout, stderr = run(arguments(given))
    if question.is_refused():
        refused = code == 1 and not stdout and json.loads(stderr)["code"] == "INVALID_ARGUMENT"
        return "" if refused else f"wanted: an error about the arguments\ngot: exit code {code}, {stdout[:500]}{stderr}"
    if code:
        return f"wanted: an answer\ngot: exit code {code}: {stderr}"
    return differs(json.loads(stdout), answer(case.world, question, case.now_ms))


def differs(got: dict[str, Any], wanted: dict[str, Any]) -> str:
    """How an answer differs from the right one; '' if it does not."""
    for one in (got, wanted):
        in_order(one["coverage"]["gaps"])
    for part in PARTS:
        if got.get(part) != wanted[part]:
            return f"{part}\nwanted: {_brief(wanted[part], got.get(part))}\ngot:    {_brief(got.get(part), wanted[part])}"
    return ""


def in_order(gaps: list[dict[str, str]]) -> None:
    """Gaps of one source that begin at the same time have no order of their own."""
    gaps.sort(key=lambda gap: (gap["to"], gap["reason"]))
    gaps.sort(key=lambda gap: (gap["from"], gap["source"] != "events", gap["source"]))


def arguments(given: list[options.Given]) -> list[str]:
    """The command line."""
    return ["events", "list", *(token for one in given for token in one.tokens)]


def shortest(case: Case, given: list[options.Given], run: Run) -> list[options.Given]:
    """As few of the options as still give a wrong answer."""
    for one in given:
        fewer = [other for other in given if other is not one]
        if difference(case, fewer, run):
            return shortest(case, fewer, run)
    return given


def names() -> set[str]:
    """The options of `events list` that select or order events."""
    return of("events list") - options.NOT_ABOUT_EVENTS


def check(case: Case, line: int, run: Run) -> None:
    """Asks the n-th random command line of a database. Raises AssertionError with a short form of it."""
    maker = options.Maker(random.Random(f"{case.seed} {line}"), case.world, case.now_ms)
    given = options.command_line(maker, names())
    if difference(case, given, run):
        given = shortest(case, given, run)
        repeat = f"python -m tests.oracle --seed {case.seed} --line {line}"
        raise AssertionError(f"{arguments(given)}\n{difference(case, given, run)}\nto repeat: {repeat}")


def _brief(one: Any, other: Any) -> str:
    """What differs: of a list of events their ids, or the first that differs."""
    if isinstance(one, list) and isinstance(other, list):
        ids, others = ([event.get("id") for event in each] for each in (one, other))
        if ids != others:
            return f"{len(ids)} events: {ids[:10]}"
        return str(next(mine for mine, theirs in zip(one, other, strict=True) if mine != theirs))
    return json.dumps(one, ensure_ascii=False)[:1_500]
