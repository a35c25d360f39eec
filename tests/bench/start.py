"""What a cold start of kube9-cli takes: processor time of whole processes, in turns with `python -c pass`, and its imports."""

import json
import re
import statistics
import subprocess
import tempfile
from pathlib import Path

from tests.bench import queries

ROUNDS = 25
MODULES = (
    *("re", "enum", "argparse", "typing", "json", "functools", "contextlib", "signal", "datetime", "importlib.metadata"),
    *("collections", "apsw"),
)
LISTED = 12
"""Modules of kube9-cli that are listed, the slowest first."""
SCRIPT = "import sys\nfrom kube9_cli.main import main\nsys.exit(main())\n"
"""The start as pip writes it since 25.0, and as the image has it. Earlier releases of pip import re there."""


def run(large: Path) -> None:
    """Whole processes first, then single imports, then what kube9-cli imports."""
    with tempfile.TemporaryDirectory() as folder:
        programs = queries._as_installed(Path(folder))
        (Path(folder) / "kube9-cli").write_text(SCRIPT, encoding="ascii")
        python = str(programs / "python")
        ours = [python, str(Path(folder) / "kube9-cli")]
        database = ["--db", str(large)]
        page = subprocess.run([*ours, "events", "list", "--limit=1", *database], capture_output=True, check=True).stdout
        event = json.loads(page)["events"][0]["id"]
        _print(
            {
                "python -c pass": [python, "-c", "pass"],
                "the same, ended by os._exit": [python, "-c", "import os; os._exit(0)"],
                "50 events": [*ours, "events", "list", *database],
                "the same, read by argparse (-o=json)": [*ours, "events", "list", "-o=json", *database],
                "the same, with the script of this pip": [str(programs / "kube9-cli"), "events", "list", *database],
                "50 events since an ISO time": [*ours, "events", "list", "--since", "2026-01-01T00:00:00Z", *database],
                "50 events as a table": [*ours, "events", "list", "-o", "table", *database],
                "no events (-n nowhere)": [*ours, "events", "list", "-n", "nowhere", *database],
                "get": [*ours, "events", "get", event, *database],
                "status": [*ours, "status", *database],
                "help events list": [*ours, "help", "events", "list"],
                "--version": [*ours, "--version"],
            }
        )
        print("single imports, more than `python -c pass`:")
        _print({"python -c pass": [python, "-c", "pass"]} | {name: [python, "-c", f"import {name}"] for name in MODULES})
        _imports([python, "-X", "importtime", *ours[1:], "events", "list", *database])


def _print(commands: dict[str, list[str]]) -> None:
    """Medians of the processor time, in turns, as ms and as a multiple of the first command."""
    taken: dict[str, list[float]] = {name: [] for name in commands}
    for _ in range(ROUNDS):
        for name, command in commands.items():
            taken[name].append(queries._took_ms(command)[1])
    medians = {name: statistics.median(found) for name, found in taken.items()}
    base = next(iter(medians.values()))
    for name, ms in medians.items():
        print(f"{name}: {ms:.1f} ms, {ms / base:.2f} x, {ms - base:+.1f} ms", flush=True)


def _imports(command: list[str]) -> None:
    """The time of each module of ours without what it imports, as Python measures it; the least of all rounds."""
    taken: dict[str, list[int]] = {}
    for _ in range(ROUNDS):
        said = subprocess.run(command, capture_output=True, text=True, check=True).stderr
        for us, name in re.findall(r"^import time: +(\d+) \| +\d+ \| +(\S+)$", said, re.MULTILINE):
            taken.setdefault(name, []).append(int(us))
    ours = {name: min(found) for name, found in taken.items() if name.startswith(("kube9", "apsw"))}
    print(f"{len(ours)} modules of a list take {sum(ours.values()) / 1000:.1f} ms; the slowest, in us:")
    for name in sorted(ours, key=ours.__getitem__, reverse=True)[:LISTED]:
        print(f"  {ours[name]:.0f}  {name}")
