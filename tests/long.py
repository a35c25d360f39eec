"""`make test-long`: the tests that take minutes to hours, in parts. Reports each with its time, the date and the commit.

PART names one or more parts, separated by commas; without, all run, one after the other. `PART=list` says what there is. A part
takes less than 40 minutes on two cores, but for those that are an hour by their nature.
"""

import os
import platform
import re
import subprocess
import sys
import time
from collections.abc import Mapping
from pathlib import Path
from types import MappingProxyType
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PYTEST = (sys.executable, "-m", "pytest", "-o", "addopts=-ra --strict-markers --import-mode=importlib")


class Part(NamedTuple):
    """A command, and what it is asked for through the environment."""

    what: str
    command: tuple[str, ...]
    environment: Mapping[str, str] = MappingProxyType({})


def pytests(*arguments: str, workers: int | None = None) -> tuple[str, ...]:
    """A run of pytest, with its long tests."""
    return (*PYTEST, "-n", "4" if workers is None else str(workers), "-s", *arguments)


STORE = ("store", "fleet", "sink_kills", "sink_engines", "collector", "clickhouse")
"""The modules of tests/cluster about the sink and `kube9-cli --store`."""
PARTS = {
    "faults": Part(
        "a whole operator meets each fault of an API server alone, and twelve sequences of twenty at random",
        pytests("-m", "long", "tests/process/test_faults.py"),
    ),
    "answers": Part(
        "for every n the n-th answer that an operator gets is a fault; the kinds of faults take turns",
        pytests("tests/faults/test_every_answer.py", workers=0),
    ),
    "every-answer": Part(
        "the same with each kind of fault for every n: hours",
        pytests("tests/faults/test_every_answer.py", workers=0),
        {"KUBE9_EVERY_ANSWER": "1"},
    ),
    "calls": Part(
        "for every n the n-th statement, and the n-th read, write, sync and question of size of the disk, fails",
        pytests(
            "-k",
            "every",
            *(
                f"tests/{one}.py"
                for one in ("faults/test_every_call", "faults/test_every_rescue_call", "process/test_retention")
            ),
        ),
        {"KUBE9_EVERY_CALL": "1"},
    ),
    "properties": Part(
        "each property with forty times as many examples",
        pytests("tests/unit"),
        {"KUBE9_EXAMPLES": "2000"},
    ),
    "oracle": Part(
        "4,000 random command lines as processes, each compared with a plain reading of all rows of its database",
        (sys.executable, "-m", "tests.oracle", "--databases", "40", "--lines", "100", "--processes", "4"),
    ),
    "oracle-writes": Part(
        "ten lists at a time, then lists page by page, while a writer writes 1,000 observations a second and deletes",
        pytests("tests/oracle/test_under_writes.py", workers=0),
        {"KUBE9_ORACLE_SECONDS": "300"},
    ),
    "store": Part(
        "VictoriaLogs answers as the databases do; it, its nodes, a collector and the sink are killed; a view of ClickHouse",
        pytests(*(f"tests/cluster/test_{name}.py" for name in STORE), workers=0),
        {
            "KUBE9_STORE_LINES": "2000",
            "KUBE9_STORE_SEED": "10",
            "KUBE9_FLEET_LINES": "2000",
            "KUBE9_STORE_KILL_SECONDS": "60",
            "KUBE9_STORE_KILL_RATE": "2000",
        },
    ),
    "damage": Part(
        "twenty damaged copies of a database of 100,000 events",
        pytests("tests/faults/test_damage.py", workers=2),
        {"KUBE9_DAMAGED_COPIES": "20", "KUBE9_DAMAGED_EVENTS": "100000"},
    ),
    "leaks": Part(
        "nothing grows over 50 starts and 60 restarts of all children",
        pytests("-k", "starts or generations", "tests/faults/test_leaks.py"),
        {"KUBE9_STARTS": "50", "KUBE9_GENERATIONS": "60"},
    ),
    "load": Part(
        "nothing grows in an hour of 200 Events a second",
        pytests("-k", "load", "tests/faults/test_leaks.py", workers=0),
        {"KUBE9_LOAD_SECONDS": "3600"},
    ),
    "flood": Part(
        "an hour of 250 Events a second into a volume of 64 MiB",
        (sys.executable, "-m", "tests.bench", "flood"),
        {"KUBE9_FLOOD_RATE": "250"},
    ),
    "kills": Part(
        "any process is killed while a real API server restarts twelve times and etcd forgets; other seeds of short rounds",
        pytests(
            *("tests/cluster/test_kills.py", "tests/faults/test_kills.py"),
            *("tests/process/test_states_killed.py", "tests/process/test_insights.py"),
        ),
        {"KUBE9_KILL_ROUNDS": "12", "KUBE9_KILL_SEEDS": "1,2,3,4", "KUBE9_WRITER_KILLS": "40"},
    ),
    "soak": Part(
        "a thousand SIGKILLs while 50,000 Events come, rise and expire",
        (sys.executable, "-m", "tests.faults.soak"),
    ),
    "demo": Part(
        "the demo as the README starts it, to its end",
        pytests("-k", "demo", "tests/packaging/test_make.py", workers=0),
    ),
    "cluster": Part(
        "what is long of the tests on a control plane and a node",
        pytests("-m", "long", *(f"--ignore-glob=*/test_{name}.py" for name in STORE), "tests/cluster", "tests/node", workers=3),
    ),
    "healthy": Part(
        "an hour on the node in which nothing is wrong: nothing is concluded",
        pytests("-k", "healthy", "tests/node/test_insights.py", workers=0),
        {"KUBE9_HEALTHY_SECONDS": "3600"},
    ),
    "away": Part(
        "the scenario on the node; its operator is stopped for three minutes twice, the second time without a compaction",
        pytests("tests/node/test_scenario.py", workers=0),
        {"KUBE9_AWAY_SECONDS": "180"},
    ),
}
NOT_IN_ALL = {"every-answer"}
"""Only where it is named."""


def main(named: str) -> int:
    """Runs these parts; returns 1 where one has failed."""
    if named == "list":
        for name, part in PARTS.items():
            print(f"{name:14}{part.what}")
        return 0
    chosen = [name for name in named.split(",") if name] or [name for name in PARTS if name not in NOT_IN_ALL]
    if unknown := [name for name in chosen if name not in PARTS]:
        print(f"make test-long: there is no PART={unknown[0]}; there are {', '.join(PARTS)}", file=sys.stderr)
        return 2
    reports, failed = [], False
    for name in chosen:
        print(f"== {name}: {PARTS[name].what}", flush=True)
        began = time.monotonic()
        code, last = run(PARTS[name])
        failed |= code != 0
        minutes = (time.monotonic() - began) / 60
        reports.append(f"| {name} | {'passed' if code == 0 else f'FAILED ({code})'} | {minutes:.1f} min | {last} |")
    print(f"\n{time.strftime('%Y-%m-%d')}, commit {commit()}, CPython {platform.python_version()}, {os.cpu_count()} cores")
    print("\n".join(["| part | result | time | last line |", "| --- | --- | --- | --- |", *reports]))
    return int(failed)


def run(part: Part) -> tuple[int, str]:
    """Runs a part and shows what it prints; returns its exit code and its last line."""
    last = ""
    environment = os.environ | {"KUBE9_REQUIRE_TOOLS": "1"} | dict(part.environment)
    with subprocess.Popen(part.command, cwd=ROOT, env=environment, stdout=subprocess.PIPE, text=True) as running:
        assert running.stdout
        for line in running.stdout:
            print(line, end="", flush=True)
            last = line.strip() or last
    return running.returncode, re.sub("=+", "", last).strip()


def commit() -> str:
    """The commit that is tested, with a + where files differ from it."""
    ask = ["git", "describe", "--always", "--dirty=+", "--exclude=*"]
    return subprocess.run(ask, cwd=ROOT, capture_output=True, text=True, check=False).stdout.strip() or "unknown"


if __name__ == "__main__":
    sys.exit(main(sys.argv[1] if len(sys.argv) > 1 else ""))
