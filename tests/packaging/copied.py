"""A folder in which targets of the Makefile can be made, whatever they write there: the source is behind symbolic links."""

import os
import shutil
import subprocess
import sys
from pathlib import Path

ROOT = Path(__file__).parent.parent.parent
WRITTEN = ("docs", "kube9_cli")
"""What targets write into: copied."""


def copied(folder: Path) -> Path:
    """Makes the folder."""
    folder.mkdir()
    for path in ROOT.iterdir():
        if path.name in WRITTEN:
            shutil.copytree(path, folder / path.name, ignore=shutil.ignore_patterns("__pycache__"))
        elif not path.name.startswith(".") and path.name not in ("build", "dist", "man", "demo"):
            (folder / path.name).symlink_to(path)
    return folder


def make(folder: Path, *arguments: str) -> str:
    """What `make` says, with the Python environment of this test."""
    ready = ("-o", ".venv/done", f"BIN={Path(sys.executable).parent}")
    environment = os.environ | {"PYTHONPATH": str(folder)}
    command = ["make", "--no-print-directory", *ready, *arguments]
    done = subprocess.run(command, cwd=folder, env=environment, capture_output=True, text=True, check=False)
    assert done.returncode == 0, f"{done.stdout[-1000:]}{done.stderr[-2000:]}"
    return done.stdout
