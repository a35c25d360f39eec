"""Asks while a writer writes and retention deletes: each answer must be right for one state that the database had meanwhile."""

import contextlib
import itertools
import json
import random
import subprocess
import sys
import threading
import time
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

from tests.oracle import __main__ as oracle
from tests.oracle import comparison, history, options, reader, writing
from tests.oracle.comparison import Answered, Case


class Asked(NamedTuple):
    """A command that ran while the database was written."""

    begun_ns: int
    ended_ns: int
    now_ms: int
    given: list[options.Given]
    answered: Answered


@contextlib.contextmanager
def writer(folder: Path, seed: int, part_new: float, kept: int) -> Iterator[None]:
    """A process that writes the database of a folder, from when there is enough to ask about to the end of the block.

    So many of its observations begin events; the others update them. So many events are kept.
    """
    command = [
        sys.executable,
        "-m",
        "tests.oracle.writing",
        str(folder),
        f"--seed={seed}",
        f"--new={part_new}",
        f"--kept={kept}",
    ]
    with subprocess.Popen(command, stdin=subprocess.PIPE, stdout=subprocess.PIPE, text=True) as process:
        assert process.stdin
        assert process.stdout
        assert process.stdout.readline() == "ready\n"
        try:
            yield
        finally:
            process.stdin.close()
    assert process.returncode == 0


def ask(folder: Path, seed: int, seconds: float, at_once: int) -> list[Asked]:
    """Runs random commands, so many at once, one after the other in each thread, and at least one in each."""
    asked: list[Asked] = []
    connection = reader.open_read_only(folder)
    world = reader.read(connection)
    connection.close()
    until = time.monotonic() + seconds

    def work(number: int) -> None:
        for line in itertools.count():
            now_ms = time.time_ns() // 1_000_000
            maker = options.Maker(random.Random(f"{seed} {number} {line}"), world, now_ms)
            given = options.command_line(maker, comparison.names())
            begun_ns = time.monotonic_ns()
            answered = oracle.process(Case(seed, folder, world, now_ms), comparison.arguments(given))
            asked.append(Asked(begun_ns, time.monotonic_ns(), now_ms, given, answered))
            if time.monotonic() > until:
                return

    threads = [threading.Thread(target=work, args=(number,)) for number in range(at_once)]
    for thread in threads:
        thread.start()
    for thread in threads:
        thread.join()
    return asked


def wrong(folder: Path, asked: list[Asked]) -> list[str]:
    """What is wrong with these answers. The states between begin and end of a command are read from the journal."""
    states = history.States(folder / writing.JOURNAL)
    found = ((one, _wrong(states, one)) for one in asked)
    return [f"{comparison.arguments(one.given)}\n{why}" for one, why in found if why]


def _wrong(states: history.States, one: Asked) -> str:
    """Compares an answer with each state that it may be of."""
    question = options.question_of(one.given)
    if question.is_refused():
        return comparison.difference(Case(0, Path(), history.EMPTY, one.now_ms), one.given, lambda _: one.answered)
    if why := _contradicts_itself(one.answered):
        return why
    span = states.span(one.begun_ns, one.ended_ns)
    closest = ""
    for _, world in states.of(span):
        closest = comparison.wrong(world, question, one.now_ms, one.answered)
        if not closest:
            return ""
    return f"of no state of {len(span)} that the database had meanwhile; for the last one: {closest}"


def _contradicts_itself(answered: Answered) -> str:
    code, stdout, _ = answered
    if code:
        return ""
    got = json.loads(stdout)
    ids = [event["id"] for event in got["events"]]
    if len(set(ids)) < len(ids):
        return f"an event twice: {ids}"
    pages = got["pagination"]
    if pages["returned"] != len(ids):
        return f"{len(ids)} events, and {pages}"
    return ""
