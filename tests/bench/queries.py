"""What an answer takes, start to finish, beside `python -c pass` in turn; its memory; and the largest pages."""

import itertools
import json
import shutil
import statistics
import subprocess
import sys
import tempfile
import time
from pathlib import Path

import apsw

ROUNDS = 7
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
    worst = ("", 0.0, 1.0)
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
    _measure([str(bin_folder / "kube9-cli"), "status", "--db", str(large)], "status")


def _measure(command: list[str], name: str) -> None:
    milliseconds, base = _times(command)
    print(f"{name}: {milliseconds:.0f} ms, {milliseconds / base:.1f} x pass; {_peak_mib(command):.0f} MiB", flush=True)


def _times(command: list[str]) -> tuple[float, float]:
    """Medians in ms of the command and of `python -c pass`, run in turn."""
    found: tuple[list[float], list[float]] = ([], [])
    for _ in range(ROUNDS):
        for times, words in zip(found, (command, [str(Path(command[0]).parent / "python"), "-c", "pass"]), strict=True):
            began = time.perf_counter()
            subprocess.run(words, stdout=subprocess.DEVNULL, stderr=subprocess.DEVNULL, check=True)
            times.append((time.perf_counter() - began) * 1000)
    return statistics.median(found[0]), statistics.median(found[1])


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
