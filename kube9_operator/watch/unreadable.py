"""Objects that could not be decoded: their names for health and, at a bounded rate, for the log. Users can make any number."""

import time
from collections import deque
from collections.abc import Callable
from typing import NamedTuple

from kube9_operator import logs
from kube9_operator.text.limits import MAX_NAME_CHARACTERS
from kube9_operator.watch.decoding import Identity, printable

LATEST = 5
"""How many names are kept for each source."""
WINDOW_SECONDS = 60.0
MOST_NAMESPACES = 10
"""In a window, one object of each namespace is logged, for this many namespaces. The next window begins with the number of
those that were not.
"""


class Unreadable(NamedTuple):
    """An object that could not be decoded, and why."""

    identity: Identity
    why: str


class UnreadableObjects:
    """Those of one source. The watch calls `saw`; any thread may call `latest`."""

    def __init__(self, log: logs.Logger, clock: Callable[[], float] = time.monotonic) -> None:
        self._log = log
        self._clock = clock
        self._latest: deque[str] = deque(maxlen=LATEST)
        self._ends = 0.0
        self._named: set[str] = set()
        self._unnamed = 0

    def saw(self, found: list[Unreadable]) -> None:
        """Notes those of a batch, and logs what the rate allows."""
        for one in found:
            name = printable(one.identity, 3 * MAX_NAME_CHARACTERS)
            if name in self._latest:
                self._latest.remove(name)
            self._latest.append(name)
            self._report(one.identity.namespace or "", name, one.why)

    def latest(self) -> list[str]:
        """Returns the latest names, the newest last."""
        return list(self._latest)

    def _report(self, namespace: str, name: str, why: str) -> None:
        if self._clock() >= self._ends:
            if self._unnamed:
                self._log.warning("lines.undecodable.more", objects=self._unnamed)
            self._ends, self._named, self._unnamed = self._clock() + WINDOW_SECONDS, set(), 0
        if namespace in self._named or len(self._named) >= MOST_NAMESPACES:
            self._unnamed += 1
            return
        self._named.add(namespace)
        self._log.warning("lines.undecodable", object=name, why=printable(why, logs.MAX_ERROR_CHARACTERS))
