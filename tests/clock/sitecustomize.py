"""With this folder in PYTHONPATH a program's wall clock is what the environment says.

It is ahead by the seconds that the file KUBE9_TEST_CLOCK says, or it stands still at KUBE9_TEST_NOW_MS.
"""

import contextlib
import os
import time

_time_ns = time.time_ns


def _now_ns() -> int:
    if still := os.environ.get("KUBE9_TEST_NOW_MS"):
        return int(still) * 1_000_000
    with contextlib.suppress(OSError, ValueError, KeyError), open(os.environ["KUBE9_TEST_CLOCK"], encoding="ascii") as file:
        return _time_ns() + int(file.read()) * 1_000_000_000
    return _time_ns()


time.time_ns = _now_ns
time.time = lambda: time.time_ns() / 1e9
