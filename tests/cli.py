"""Runs kube9-cli in the process of the test: the same parsing, query and output as the command, without the start of a process.

What only a process has (its streams, signals, start and end) is tested with real ones in tests/process/test_cli.py.
"""

import contextlib
import io
import os
import threading
from pathlib import Path
from typing import NamedTuple

import apsw

from kube9_cli.main import respond
from kube9_cli.render.output import Output

_ALONE = threading.Lock()
"""The streams and the environment belong to the whole process."""


class Answered(NamedTuple):
    """What a command has left: with the names that subprocess.CompletedProcess has."""

    returncode: int
    stdout: str
    stderr: str


def run_cli(folder: Path, *arguments: str, prog: str = "kube9-cli") -> Answered:
    """Answers a command line about the database of `folder`, with stdout as a pipe would be."""
    stdout, stderr = io.StringIO(), io.StringIO()
    with _ALONE, open(os.devnull, "wb") as nowhere:
        before = os.environ.get("DB_PATH")
        os.environ["DB_PATH"] = str(folder)
        try:
            with contextlib.redirect_stdout(stdout), contextlib.redirect_stderr(stderr):
                code = respond(list(arguments), prog, Output(nowhere.fileno()))
        finally:
            apsw.hard_heap_limit(0)  # the command's own limit is one of the process
            if before is None:
                del os.environ["DB_PATH"]
            else:
                os.environ["DB_PATH"] = before
    return Answered(code, stdout.getvalue(), stderr.getvalue())
