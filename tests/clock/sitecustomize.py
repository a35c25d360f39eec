"""With this folder in PYTHONPATH a program's wall clock is ahead by the seconds that the file KUBE9_TEST_CLOCK says."""

import contextlib
import os
import time

_time_ns = time.time_ns


def _ahead_ns() -> int:
    with contextlib.suppress(OSError, ValueError), open(os.environ["KUBE9_TEST_CLOCK"], encoding="ascii") as file:
        return int(file.read()) * 1_000_000_000
    return 0


time.time_ns = lambda: _time_ns() + _ahead_ns()
time.time = lambda: time.time_ns() / 1e9
