"""What answers take: processor time of a cold process as a multiple of `python -c pass`, in turns, and peak memory.

The worst command lines are not a list. For each bar, a search over random combinations of options looks for the one that takes
longest: it changes one option at a time and keeps what is slower (hill climbing, from several random starts). It measures in
this process, which is much cheaper than a new one; the worst that it finds are then measured as processes.
"""

import json
import os
import random
import shlex
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import NamedTuple

import apsw

from kube9_cli.selection import FILTERS
from tests.bench import mixes, options
from tests.bench.database import bytes_of
from tests.cli import run_cli

ROUNDS, VERY_SLOW_MS = 7, 3_000
"""Measurements of a command line; of a very slow one, one is enough."""
STARTS, TRIES, ENOUGH = 6, 150, 25
"""Random starts; command lines that are tried for one bar; so many changes without a slower one end a climb."""
SEARCH_SECONDS, SLOW_MS = 40, 300
"""Processor time for the search for one bar; what takes longer than SLOW_MS is measured once only."""
MOST_MIB = 30
GOAL_BYTES, MOST_BYTES = 400, 450
"""Of an event on disk."""
LIST = ("events", "list")
FROM_HELP = (
    "--help",
    "--format",
    "--timeout",
    "--db",
    "--all-namespaces",
    "--no-headers",
    "--color",
    "--tz",
    "--time",
    "--watch",
    "--exit-on-stdin-close",
)
"""Options that select and sort nothing."""


class Bar(NamedTuple):
    """A limit of processor time, and the command lines that it is for."""

    name: str
    multiple: float
    """Of `python -c pass`; 0 for a second by the clock."""
    command: tuple[str, ...]
    fixed: dict[str, str]
    """Options that every command line has."""
    filters: int | None
    """At most so many, without --search; None for any number, and for searching, paging and sorting too."""


BARS = (
    Bar("up to two filters, 50 rows", 4, LIST, {}, 2),
    Bar("any combination, without totals", 8, LIST, {"--count": "none"}, None),
    Bar("any combination, exact totals", 20, LIST, {}, None),
    Bar("summary over 7 days", 20, ("events", "summary"), {"--since": "7d"}, 0),
    Bar("summary over 7 days, by namespace", 20, ("events", "summary"), {"--since": "7d", "--by": "namespace"}, 0),
    Bar("summary, any other --by", 0, ("events", "summary"), {"--by": "severity,reason"}, None),
    Bar("timeline over a day", 20, ("events", "timeline"), {"--since": "24h"}, 0),
)


class Found(NamedTuple):
    """A command line, and its processor time in this process in ms."""

    ms: float
    arguments: tuple[str, ...]


def run(seed: int, only: Sequence[str], events: int, bars: Sequence[str]) -> None:
    """Searches and measures the worst command lines of each bar in each mix; of these bars only, if there are any."""
    with tempfile.TemporaryDirectory() as installed, mixes.kept_in() as databases:
        bin_folder = _as_installed(Path(installed))
        print(f"seed {seed}; x is the processor time of a cold process / that of `python -c pass`")
        for mix in only:
            folder = mixes.built(mix, events, databases)
            size = bytes_of(str(folder)) / events
            print(f"\n{mix}: {size:,.0f} bytes an event (goal {GOAL_BYTES}, bar {MOST_BYTES}: {_met(size <= MOST_BYTES)})")
            print("| mix | bar | x | ms | MiB | | command |\n| --- | --- | --- | --- | --- | --- | --- |", flush=True)
            for name, arguments in _always(folder) if not bars else ():
                _report(bin_folder, folder, mix, Bar(name, 4, (), {}, None), arguments)
            for bar in (one for one in BARS if not bars or one.name in bars):
                for found in worst(folder, bar, random.Random(f"{seed} {mix} {bar.name}")):
                    _report(bin_folder, folder, mix, bar, found.arguments)


def _always(folder: Path) -> list[tuple[str, tuple[str, ...]]]:
    """What is measured without a search: the plain list, one event, the status."""
    connection = apsw.Connection(str(folder / "kube9.db"), flags=apsw.SQLITE_OPEN_READONLY)
    object_ids = "SELECT id FROM objects WHERE name = ? LIMIT 1"
    (number,) = connection.execute(f"SELECT max(id) FROM events WHERE object = ({object_ids})", (mixes.BUSY,)).fetchone()
    connection.close()
    from kube9_schema import ids

    return [("list", LIST), ("get", ("events", "get", ids.encode(number))), ("status", ("status",))]


# The search


def worst(folder: Path, bar: Bar, chance: random.Random, most: int = 2) -> list[Found]:
    """The slowest command lines that a search for a bar finds; none if there is no such command or option."""
    known = options.of(" ".join(bar.command))
    if not set(bar.fixed) <= known:
        return []
    domain = {name: values for name, values in options.domain(folder, known).items() if name not in bar.fixed}
    unknown = known - set(domain) - set(bar.fixed) - set(FROM_HELP) - {"--window", "--count", "--by", "--after"}
    assert not unknown, f"no values for {sorted(unknown)}: name some in tests/bench/options.py"
    filters = {one.flags[-1] for one in FILTERS} | set(options.NARROWING)
    if bar.filters is not None:
        domain = {name: values for name, values in domain.items() if name in filters - {"--search"}}
    tried: dict[tuple[str, ...], float] = {}

    def cost(chosen: dict[str, str]) -> float:
        arguments = (*bar.command, *options.arguments(bar.fixed | chosen))
        if arguments not in tried:
            tried[arguments] = _cost_ms(folder, arguments)
        return tried[arguments]

    until = time.process_time() + SEARCH_SECONDS
    for start in range(STARTS if bar.filters != 0 else 1):
        if not start or time.process_time() < until:
            _climb(domain, bar.filters, chance, cost, tried, until)
    return sorted((Found(ms, arguments) for arguments, ms in tried.items()), reverse=True)[:most]


def _climb(
    domain: dict[str, list[str]],
    most: int | None,
    chance: random.Random,
    cost: Callable[[dict[str, str]], float],
    tried: dict[tuple[str, ...], float],
    until: float,
) -> None:
    """Changes one option at a time, as long as that makes the command slower, and until this much processor time is used."""
    room = len(tried) + TRIES // STARTS
    count = chance.randint(0, min(4, len(domain)) if most is None else most)
    best = {name: chance.choice(domain[name]) for name in chance.sample(sorted(domain), count)}
    slowest, in_vain = cost(best), 0
    while domain and in_vain < ENOUGH and len(tried) < room and time.process_time() < until:
        changed = dict(best)
        if changed and chance.random() < 0.3:
            del changed[chance.choice(sorted(changed))]
        if chance.random() < 0.8:
            name = chance.choice(sorted(domain))
            changed[name] = chance.choice(domain[name])
        if most is not None and len(changed) > most:
            del changed[chance.choice(sorted(changed))]
        if (taken := cost(changed)) > slowest:
            best, slowest, in_vain = changed, taken, 0
        else:
            in_vain += 1


def _cost_ms(folder: Path, arguments: tuple[str, ...]) -> float:
    """Processor time of the command in this process, the shorter of two; 0 for a command line that is refused."""
    times = []
    for _ in range(2):
        began = time.process_time()
        done = run_cli(folder, *arguments)
        times.append((time.process_time() - began) * 1000)
        if done.returncode:
            assert json.loads(done.stderr)["code"] in ("INVALID_ARGUMENT", "TIMEOUT"), (arguments, done.stderr)
            return times[0] if done.returncode == 2 else 0.0
        if times[0] > SLOW_MS:
            break
    return min(times)


# The measurement


class Times(NamedTuple):
    """Medians in ms: by the clock and of the processor, and of the processor for `python -c pass`, run in turns."""

    wall_ms: float
    cpu_ms: float
    pass_ms: float


def _report(bin_folder: Path, folder: Path, mix: str, bar: Bar, arguments: tuple[str, ...]) -> None:
    command = [str(bin_folder / "kube9-cli"), *arguments, "--db", str(folder), "--timeout=600"]
    times, mib = _times(command), _peak_mib(command)
    multiple = times.cpu_ms / times.pass_ms
    met = (multiple <= bar.multiple if bar.multiple else times.wall_ms <= 1_000) and mib <= MOST_MIB
    limit = f"{bar.multiple:g} x" if bar.multiple else "1 s"
    shown = shlex.join(arguments)
    figures = f"{multiple:.1f} | {times.cpu_ms:.0f} | {mib:.0f} | {_met(met)}"
    print(f"| {mix} | {bar.name}: {limit} | {figures} | `{shown}` |", flush=True)


def _met(met: bool) -> str:
    return "met" if met else "NOT MET"


def _times(command: list[str]) -> Times:
    python = [str(Path(command[0]).parent / "python"), "-c", "pass"]
    taken = [(_took_ms(command), _took_ms(python))]
    rounds = ROUNDS if taken[0][0][1] < VERY_SLOW_MS else 1
    taken += [(_took_ms(command), _took_ms(python)) for _ in range(rounds - 1)]
    walls, cpus = zip(*(own for own, _ in taken), strict=True)
    return Times(statistics.median(walls), statistics.median(cpus), statistics.median(base for _, (_, base) in taken))


def _took_ms(command: list[str]) -> tuple[float, float]:
    """By the clock and of the processor."""
    began = time.perf_counter()
    process = subprocess.Popen(command, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL)
    _, status, used = os.wait4(process.pid, 0)
    process.returncode = os.waitstatus_to_exitcode(status)
    assert process.returncode == 0, command
    return (time.perf_counter() - began) * 1000, (used.ru_utime + used.ru_stime) * 1000


def _peak_mib(command: list[str]) -> float:
    """The most resident memory of the command, taken by a small process: a large parent's own would count."""
    script = (
        "import resource, subprocess, sys; quiet = subprocess.DEVNULL; "
        "subprocess.run(sys.argv[1:], stdout=quiet, stderr=quiet, check=True); "
        "print(resource.getrusage(resource.RUSAGE_CHILDREN).ru_maxrss)"
    )
    python = str(Path(command[0]).parent / "python")
    done = subprocess.run([python, "-c", script, *command], capture_output=True, check=True)
    return int(done.stdout) / 1024


def _as_installed(folder: Path) -> Path:
    """The bin folder of an environment with the program as users install it: a developer's has hooks that every start pays."""
    subprocess.run([sys.executable, "-m", "venv", "--without-pip", folder], check=True)
    tree = Path(__file__).parent.parent.parent
    build = [sys.executable, "-m", "build", "--wheel", "--no-isolation", "-o", folder, tree]
    subprocess.run(build, check=True, capture_output=True)
    pip = [sys.executable, "-m", "pip", "-q", "--python", folder, "install", "--no-deps", "--no-index"]
    subprocess.run([*pip, next(folder.glob("*.whl"))], check=True)
    site = next(folder.glob("lib/python*/site-packages"))
    shutil.copytree(Path(apsw.__file__).parent, site / "apsw")
    subprocess.run([folder / "bin" / "python", "-m", "compileall", "-q", site], check=True)
    return folder / "bin"
