"""Compares the answer of a command line with the right one, and makes a failing command line short."""

import json
import random
from collections.abc import Callable
from pathlib import Path
from typing import Any, NamedTuple
from unittest import mock

from kube9_operator.write.events import filing, signing
from tests.bench.options import of
from tests.oracle import databases, options, reader
from tests.oracle.answers import Question, answer, is_missing, leaves_nothing

Answered = tuple[int, str, str]
"""Exit code, stdout and stderr."""
Run = Callable[[list[str]], Answered]
MOST_GAPS = 100
PARTS = ("events", "pagination", "coverage", "asked")


class Case(NamedTuple):
    """A database, and how it is asked."""

    seed: int
    folder: Path
    world: reader.World
    now_ms: int


def case(folder: Path, seed: int, now_ms: int) -> Case:
    """A new random database."""
    with (
        mock.patch.multiple(filing, PERIOD_EVENTS=40, LOOK_AFTER=10, AFTER_CUT=10),  # so that there are many periods
        mock.patch.multiple(signing, BLOCK=20, MOST_CHANGED=10, CHANGED_AT_ONCE=5),  # and many blocks
    ):
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
    if why := wrong(case.world, question, case.now_ms, (code, stdout, stderr)):
        return why
    cursor = "" if code else json.loads(stdout)["pagination"].get("next")
    return _second_page(case, given, cursor, run) if cursor else ""


def _second_page(case: Case, given: list[options.Given], cursor: str, run: Run) -> str:
    """What is wrong with the page after the first; '' if nothing is."""
    question = options.question_of(given)
    question.after = question.limit
    why = wrong(case.world, question, case.now_ms, run([*arguments(given), "--after", cursor]))
    return why and f"the second page: {why}"


def wrong(world: reader.World, question: Question, now_ms: int, answered: Answered) -> str:
    """What is wrong with an answer in this state of the database; '' if nothing is."""
    code, stdout, stderr = answered
    if leaves_nothing(world, question):
        return "" if code == 1 and "INVALID_ARGUMENT" in stderr else f"wanted: an error about the range\ngot: exit code {code}"
    if code or is_missing(world, question):
        right = is_missing(world, question) and code == 1 and "Event not found" in stderr
        return "" if right else f"wanted: an answer\ngot: exit code {code}: {stderr}"
    return differs(json.loads(stdout), answer(world, question, now_ms))


def differs(got: dict[str, Any], wanted: dict[str, Any]) -> str:
    """How an answer differs from the right one; '' if it does not."""
    covered, right = got["coverage"], wanted["coverage"]
    if why := differing_gaps(covered["gaps"], covered.get("gaps_left_out", 0), right["gaps"]):
        return why
    got, wanted = _compared(got), _compared(wanted)
    for part in PARTS:
        if got[part] != wanted[part]:
            return f"{part}\nwanted: {_brief(wanted[part], got[part])}\ngot:    {_brief(got[part], wanted[part])}"
    return ""


def _compared(answer: dict[str, Any]) -> dict[str, Any]:
    """What has to be equal: not the gaps, not the name of a time zone, and of a cursor only that there is one."""
    answer = answer | {"pagination": answer["pagination"] | ({"next": True} if answer["pagination"].get("next") else {})}
    rest = {"coverage": ("gaps", "gaps_left_out"), "asked": ("time_zone",)}
    return {
        part: {name: value for name, value in answer[part].items() if name not in rest.get(part, ())}
        if isinstance(answer.get(part), dict)
        else answer.get(part)
        for part in PARTS
    }


def differing_gaps(got: list[dict[str, str]], left_out: int, wanted: list[dict[str, str]]) -> str:
    """How the gaps differ. The newest hundred are there, newest first; some are equal in this order."""
    placed, right = ([(gap["to"], gap["from"], gap["source"]) for gap in gaps] for gaps in (got, wanted[:MOST_GAPS]))
    strange = [gap for gap in got if gap not in wanted]
    if placed == right and not strange and left_out == max(0, len(wanted) - MOST_GAPS):
        return ""
    return f"gaps, {left_out} left out: {got[:5]}\nwanted: {len(wanted)}: {wanted[:5]}\nstrange: {strange[:5]}"


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


def names() -> frozenset[str]:
    """The options of `events list` that select or order events."""
    return of("events list") - options.NOT_ABOUT_EVENTS - options.APART


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
