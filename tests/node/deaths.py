"""Kills processes of an operator's pod with SIGKILL, at random moments."""

import contextlib
import os
import random
import signal
import threading
from pathlib import Path

PAUSE_SECONDS = (1.0, 8.0)
ROUND = 4
"""One of so many kills is of process 1, which takes the whole container with it."""


class Deaths:
    """Kills for as long as the `with` block; the seed decides when, and which."""

    def __init__(self, namespace: str, seed: int) -> None:
        self._namespace = namespace
        self._random = random.Random(seed)
        self._done = threading.Event()
        self._thread = threading.Thread(target=self._kill_all, name="deaths")
        self.of_supervisor = self.of_others = 0
        """How many were killed."""

    def __enter__(self) -> "Deaths":
        self._thread.start()
        return self

    def __exit__(self, *_: object) -> None:
        self._done.set()
        self._thread.join()

    def _kill_all(self) -> None:
        while not self._done.wait(self._random.uniform(*PAUSE_SECONDS)):
            wants_first = (self.of_supervisor + self.of_others) % ROUND == ROUND - 1
            found = [pid for pid, is_first in processes(self._namespace) if is_first == wants_first]
            if not found:
                continue
            with contextlib.suppress(ProcessLookupError):
                os.kill(self._random.choice(sorted(found)), signal.SIGKILL)
                self.of_supervisor += wants_first
                self.of_others += not wants_first


def processes(namespace: str) -> list[tuple[int, bool]]:
    """Of the operator of a namespace the processes, as this machine numbers them, and whether each is the first of its pod."""
    found = []
    for entry in Path("/proc").iterdir():
        if not entry.name.isdigit():
            continue
        with contextlib.suppress(OSError):
            if f"POD_NAMESPACE={namespace}".encode() in (entry / "environ").read_bytes().split(b"\0"):
                status = (entry / "status").read_text(encoding="utf-8")
                inside = next(line for line in status.splitlines() if line.startswith("NSpid:")).split()[-1]
                if b"kube9-cli" not in (entry / "cmdline").read_bytes():
                    found.append((int(entry.name), inside == "1"))
    return found
