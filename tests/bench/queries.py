"""What an answer takes, start to finish, beside `python -c pass` in turn; its memory; and the largest pages.

Beside the time by the clock stands the processor's, which says the same on a busy machine.
"""

import itertools
import json
import os
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path
from typing import NamedTuple

import apsw

ROUNDS = 7
MOST_MS = 100
"""The bar."""
FILTERS = {
    "type": "--type=operator",
    "type frequent": "--type=cluster",
    "severity": "--severity=critical",
    "severity frequent": "--severity=warning",
    "since": "--since=3d",
    "since all": "--since=30d",
    "until": "--until=1d",
    "kind": "--object-kind=Node",
    "kind frequent": "--object-kind=Pod",
    "namespace": "--object-namespace=team-40",
    "namespace frequent": "--object-namespace=team-0",
    "name": "--object-name={name}",
}


def run(large: Path) -> None:
    """Each filter alone, then every pair of two filters, then pages of 1000."""
    with tempfile.TemporaryDirectory() as folder:
        _run(_as_installed(Path(folder)), large)


def _run(bin_folder: Path, large: Path) -> None:
    listing = [str(bin_folder / "kube9-cli"), "events", "list", "--db", str(large)]
    name = json.loads(subprocess.run([*listing, "--limit=1"], capture_output=True, check=True).stdout)["events"][0][
        "object_name"
    ]
    filters = {key: text.format(name=name) for key, text in FILTERS.items()}
    _measure(listing[:], "no filter")
    operator = [str(bin_folder / "kube9-operator"), "query", *listing[1:]]
    _measure(operator, "kube9-operator query, no filter")
    for key, text in filters.items():
        _measure([*listing, text], key)
    pairs = [pair for pair in itertools.combinations(filters.items(), 2) if pair[0][0].split()[0] != pair[1][0].split()[0]]
    found = {f"{one} and {other}": _times([*listing, first, second]) for (one, first), (other, second) in pairs}
    slow = sum(times.wall_ms > MOST_MS for times in found.values())
    busy = sum(times.cpu_ms > MOST_MS for times in found.values())
    worst = max(found, key=lambda name: found[name].cpu_ms)
    print(f"all {len(pairs)} pairs: over {MOST_MS} ms by the clock: {slow}, of the processor: {busy}; worst: {worst}: ", end="")
    print(found[worst], flush=True)
    _measure([*listing, "--limit=1000"], "limit 1000")
    _measure([*listing, "--limit=1000", "--severity=warning", "-o", "table"], "limit 1000, filtered, table")
    _measure([str(bin_folder / "kube9-cli"), "status", "--db", str(large)], "status")


class Times(NamedTuple):
    """Medians in ms of a command, by the clock and of the processor, and by the clock of `python -c pass`, run in turn."""

    wall_ms: float
    cpu_ms: float
    pass_ms: float

    def __str__(self) -> str:
        return f"{self.wall_ms:.0f} ms, {self.cpu_ms:.0f} of the processor, {self.wall_ms / self.pass_ms:.1f} x pass"


def _measure(command: list[str], name: str) -> None:
    print(f"{name}: {_times(command)}; {_peak_mib(command):.0f} MiB", flush=True)


def _times(command: list[str]) -> Times:
    python = [str(Path(command[0]).parent / "python"), "-c", "pass"]
    taken = [(_took_ms(command), _took_ms(python)) for _ in range(ROUNDS)]
    walls, cpus = zip(*(own for own, _ in taken), strict=True)
    return Times(statistics.median(walls), statistics.median(cpus), statistics.median(base for _, (base, _) in taken))


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
