"""What an answer takes, start to finish, beside `python -c pass` in turn; its memory; and the largest pages."""

import itertools
import json
import os
import resource
import statistics
import subprocess
import sys
import time
from pathlib import Path

from tests.operator import BIN

ROUNDS = 7
FILTERS = {
    "type": "--type=operator",
    "type frequent": "--type=cluster",
    "severity": "--severity=critical",
    "severity frequent": "--severity=warning",
    "since": "--since=30h",
    "since all": "--since=30d",
    "until": "--until=2d",
    "kind": "--object-kind=Node",
    "kind frequent": "--object-kind=Pod",
    "namespace": "--object-namespace=team-40",
    "namespace frequent": "--object-namespace=team-0",
    "name": "--object-name={name}",
}


def run(large: Path) -> None:
    """Each filter alone, then every pair of two filters, then pages of 1000."""
    listing = [str(BIN / "kube9-cli"), "events", "list", "--db", str(large)]
    name = json.loads(subprocess.run([*listing, "--limit=1"], capture_output=True, check=True).stdout)["events"][0][
        "object_name"
    ]
    filters = {key: text.format(name=name) for key, text in FILTERS.items()}
    _measure(listing[:], "no filter")
    operator = [str(BIN / "kube9-operator"), "query", *listing[1:]]
    _measure(operator, "kube9-operator query, no filter")
    for key, text in filters.items():
        _measure([*listing, text], key)
    worst = ("", 0.0, 0.0)
    pairs = [pair for pair in itertools.combinations(filters.items(), 2) if pair[0][0].split()[0] != pair[1][0].split()[0]]
    slow = 0
    for (one, first), (other, second) in pairs:
        milliseconds, base = _times([*listing, first, second])
        slow += milliseconds > 100
        worst = max(worst, (f"{one} and {other}", milliseconds, base), key=lambda found: found[1] / found[2])
    print(
        f"all {len(pairs)} pairs: over 100 ms: {slow}; worst: {worst[0]}: {worst[1]:.0f} ms, {worst[1] / worst[2]:.1f} x pass"
    )
    _measure([*listing, "--limit=1000"], "limit 1000")
    _measure([*listing, "--limit=1000", "--severity=warning", "-o", "table"], "limit 1000, filtered, table")
    _measure([str(BIN / "kube9-cli"), "status", "--db", str(large)], "status")


def _measure(command: list[str], name: str) -> None:
    milliseconds, base = _times(command)
    print(f"{name}: {milliseconds:.0f} ms, {milliseconds / base:.1f} x pass; {_peak_mib(command):.0f} MiB", flush=True)


def _times(command: list[str]) -> tuple[float, float]:
    """Medians in ms of the command and of `python -c pass`, run in turn."""
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for times, words in zip(found, (command, [sys.executable, "-c", "pass"]), strict=True):
            began = time.perf_counter()
            subprocess.run(words, stdout=subprocess.DEVNULL, check=True)
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(found[0]), statistics.median(found[1])


def _peak_mib(command: list[str]) -> float:
    """The most resident memory of the command."""
    pid = os.posix_spawn(command[0], command, os.environ, file_actions=[(os.POSIX_SPAWN_OPEN, 1, os.devnull, os.O_WRONLY, 0)])
    _, code, usage = os.wait4(pid, 0)
    assert code == 0
    assert isinstance(usage, resource.struct_rusage)
    return usage.ru_maxrss / 1024
