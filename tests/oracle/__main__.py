"""Asks random command lines about random databases, in this process or as processes, and reports every wrong answer.

`python -m tests.oracle --seed 3 --line 17` repeats one. `--databases` and `--lines` say how many more there are.
"""

import argparse
import contextlib
import functools
import os
import subprocess
import sys
import tempfile
import time
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path
from unittest import mock

from kube9_cli.query import blocks, search, texts
from tests.cli import run_cli
from tests.oracle import comparison
from tests.oracle.comparison import Answered, Case

NOW_MS = 1_795_003_600_123
"""The time by the clock of all commands, so that a seed always gives the same answers."""
CLOCK = str(Path(__file__).parent.parent / "clock")
PROGRAM = str(Path(sys.executable).parent / "kube9-cli")


def main() -> int:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle", description=__doc__)
    parser.add_argument("--seed", type=int, default=0, help="of the first database (default: 0)")
    parser.add_argument("--databases", type=int, default=1, help="how many databases (default: 1)")
    parser.add_argument("--line", type=int, default=0, help="the first command line of each database (default: 0)")
    parser.add_argument("--lines", type=int, default=1, help="how many command lines for each database (default: 1)")
    parser.add_argument("--processes", type=int, default=0, help="so many processes at a time (default: 0, in this one)")
    given = parser.parse_args()
    wrong: list[str] = []
    for seed in range(given.seed, given.seed + given.databases):
        with tempfile.TemporaryDirectory() as folder:
            case = comparison.case(Path(folder), seed, NOW_MS)
            lines = range(given.line, given.line + given.lines)
            wrong += asked_by_processes(case, lines, given.processes) if given.processes else asked(case, lines)
    for each in wrong:
        print(each, end="\n\n")
    print(f"{given.databases * given.lines:,} command lines, {len(wrong)} answered wrongly")
    return int(bool(wrong))


COSTS = (search.ROW, 0, 10**9)
"""What reading a row costs, by which the search chooses a way. With each of them, other ways are taken."""
SINGLES, MANIES = (blocks.MOST_SINGLE, 50), (texts.MANY, 3, 10)
"""The same for ways to search texts."""


def asked(case: Case, lines: range) -> list[str]:
    """What is wrong with the answers to these command lines, given in this process."""
    with contextlib.ExitStack() as stack:
        stack.enter_context(mock.patch.object(time, "time_ns", return_value=case.now_ms * 1_000_000))
        stack.enter_context(mock.patch.object(search, "ROW", COSTS[case.seed % len(COSTS)]))
        stack.enter_context(mock.patch.object(blocks, "MOST_SINGLE", SINGLES[case.seed % len(SINGLES)]))
        stack.enter_context(mock.patch.multiple(texts, FEW=1, MANY=MANIES[case.seed % len(MANIES)]))
        found = [_wrong(case, lambda arguments: run_cli(case.folder, *arguments), line) for line in lines]
    return [one for one in found if one]


def asked_by_processes(case: Case, lines: range, at_once: int) -> list[str]:
    """The same of real processes."""
    with ThreadPoolExecutor(at_once) as pool:
        return [one for one in pool.map(functools.partial(_wrong, case, functools.partial(process, case)), lines) if one]


def process(case: Case, arguments: list[str]) -> Answered:
    """Runs kube9-cli with the clock of the case."""
    environment = os.environ | {"PYTHONPATH": CLOCK, "KUBE9_TEST_NOW_MS": str(case.now_ms), "DB_PATH": str(case.folder)}
    done = subprocess.run([PROGRAM, *arguments], env=environment, capture_output=True, text=True, check=False)
    return done.returncode, done.stdout, done.stderr


def _wrong(case: Case, run: comparison.Run, line: int) -> str:
    try:
        comparison.check(case, line, run)
    except AssertionError as error:
        return str(error)
    return ""


if __name__ == "__main__":
    sys.exit(main())
