"""Pages with --after: what was there at the first page comes exactly once, also while a writer writes."""

import json
import random
import time
from datetime import datetime, timedelta
from pathlib import Path
from typing import Any, NamedTuple

from tests.oracle import __main__ as oracle
from tests.oracle import comparison, history, options, reader
from tests.oracle.answers import Question, in_order, matching, shown, text_of
from tests.oracle.comparison import Case
from tests.oracle.reader import World
from tests.oracle.times import EPOCH

SELECTING = ("--type", "--severity", "--reason", "--namespace", "--name", "--node", "--since", "--until", "--sort", "--reverse")
"""What a paged question has: what changes the rows that match, but not the owners of objects."""
LIMITS = (37, 250, 1000)
LEAST_PAGES = 6


class Page(NamedTuple):
    """One page, and when the command ran."""

    begun_ns: int
    ended_ns: int
    answer: dict[str, Any]


class Pages(NamedTuple):
    """All pages of a question."""

    given: list[options.Given]
    pages: list[Page]


def read_some(folder: Path, seed: str, seconds: float) -> list[Pages]:
    """Reads random questions, one after the other, at least so many that they have LEAST_PAGES."""
    connection = reader.open_read_only(folder)
    world = reader.read(connection)
    connection.close()
    until = time.monotonic() + seconds
    found: list[Pages] = []
    while sum(len(one.pages) for one in found) < LEAST_PAGES or time.monotonic() < until:
        found.append(read(folder, f"{seed} {len(found)}", world, time.time_ns() // 1_000_000))
    return found


def read(folder: Path, seed: str, world: World, now_ms: int) -> Pages:
    """Reads a random question page by page to its end."""
    maker = options.Maker(random.Random(seed), world, now_ms)
    given = [one for one in options.command_line(maker, SELECTING) if one.name != "--around"]
    while options.question_of(given).is_refused():
        given = given[1:]
    arguments = [*comparison.arguments(given), f"--limit={maker.chance.choice(LIMITS)}"]
    pages: list[Page] = []
    after: list[str] = []
    while True:
        begun_ns = time.monotonic_ns()
        code, stdout, stderr = oracle.process(Case(0, folder, world, now_ms), [*arguments, *after])
        assert code == 0, (arguments, stderr)
        answer = json.loads(stdout)
        pages.append(Page(begun_ns, time.monotonic_ns(), answer))
        if "next" not in answer["pagination"]:
            return Pages(given, pages)
        after = [f"--after={answer['pagination']['next']}"]


def wrong(states: history.States, read: Pages) -> str:
    """What is wrong with the pages; '' if nothing is. The states of the database meanwhile are read from the journal."""
    question = options.question_of(read.given)
    got = [event["id"] for page in read.pages for event in page.answer["events"]]
    if len(set(got)) < len(got):
        return f"twice: {[one for one in got if got.count(one) > 1][:5]}"
    rows = [{number_of(event["id"]): event for event in page.answer["events"]} for page in read.pages]
    spans = [states.span(page.begun_ns, page.ended_ns) for page in read.pages]
    unknown = set(range(len(rows)))  # pages that are of no state so far
    due: set[int] | None = None
    possible: set[int] = set()
    for at, world in states.of(range(spans[0].start, spans[-1].stop)):
        matches = {event.id for event in matching(world, question)}
        due = matches if due is None else due & matches
        if at in spans[0]:  # which of these the first page is of is not known
            possible |= matches
        unknown -= {page for page in unknown if at in spans[page] and _is_of(world, rows[page])}
    numbers = set(map(number_of, got))
    missing, strange = (due or set()) - numbers, numbers - possible
    if not (missing or strange or unknown):
        return ""
    lists = (sorted(map(text_of, each))[:5] for each in (missing, strange))
    return "missing: {}; not there at the first page: {}; pages of no state: {}".format(*lists, sorted(unknown))


def number_of(text: str) -> int:
    """The id of its text."""
    second, _, suffix = text.rpartition("_")
    at = datetime.strptime(f"{second}Z", "evt_%Y%m%d_%H%M%S%z")
    return (at - EPOCH) // timedelta(seconds=1) * 36**6 + int(suffix, 36)


def _is_of(world: World, rows: dict[int, Any]) -> bool:
    """Whether all rows of a page are as they are in a state."""
    return all(
        number in world.events and shown(world.events[number], world.about(world.events[number])) == row
        for number, row in rows.items()
    )


def in_one_order(question: Question, world: World, read: Pages) -> bool:
    """Whether the pages together are what one page would be. Only where nothing is written."""
    ids = [text_of(event.id) for event in in_order(question, matching(world, question))]
    return ids == [event["id"] for page in read.pages for event in page.answer["events"]]
