"""Bounds on what a single namespace can make grow, and which namespaces have reached one lately. No SQL."""

import time

from kube9_operator import logs
from kube9_operator.model.tally import LIMITED, MOST_NAMESPACE_LABELS, OTHER, Tally
from kube9_operator.write.sqlite.session import Participant

WORDS, LOG_LINES = "words", "log lines"
SAID = {
    WORDS: "more new reasons, kinds, hosts and titles than a namespace may have: each further one is recorded as (other)",
    LOG_LINES: "more log lines than a namespace may have: further ones are left out",
}
"""What health and the log say when a namespace has reached a bound."""

WORDS_PART = 256
WORDS_LEAST_BYTES, WORDS_MOST_BYTES = 64 * 1024, 1024 * 1024
"""New words of a namespace may take this part of the size limit, within these two bounds. 1,000 node names take 100 KiB."""
WORDS_SECONDS = 86_400.0
"""After this long without new words a namespace may add as many again."""
LINES, LINES_SECONDS = 60, 600.0
"""Log lines about objects of one namespace: this many at once, and as many again after this time."""

MOST_NAMESPACES = 10_000
"""Namespaces in memory. Those that used the least of their bound are forgotten first."""
MOST_NAMED = 5
"""Namespaces that one reason of health names."""
MOST_CHARACTERS = 63
"""Of a namespace's name: what Kubernetes allows."""
LASTS_SECONDS = 900.0
"""Health says that a bound was reached for this long afterwards."""


class Allowance:
    """A leaky bucket for each namespace: use empties it, and it fills up evenly within `seconds`."""

    def __init__(self, most: float, seconds: float) -> None:
        self._most = most
        self._rate = most / seconds
        self._used: dict[str, tuple[float, float]] = {}
        """For each namespace how much was used, and when that was computed (monotonic clock)."""
        self._unsettled: list[tuple[str, float]] = []
        """What was used since the last `settle`."""

    def take(self, namespace: str, amount: float, now: float) -> bool:
        """Uses `amount` of a namespace's bucket. Returns False if less than that is left."""
        used = self._now(namespace, now) + amount
        if used > self._most:
            return False
        if len(self._used) >= MOST_NAMESPACES and namespace not in self._used:
            self._forget(now)
        self._used[namespace] = used, now
        self._unsettled.append((namespace, amount))
        return True

    def settle(self) -> None:
        """Makes what was used final."""
        self._unsettled.clear()

    def take_back(self) -> None:
        """Returns what was used since the last `settle`: the same will be asked for again."""
        for namespace, amount in self._unsettled:
            if namespace in self._used:
                used, at = self._used[namespace]
                self._used[namespace] = max(0.0, used - amount), at
        self._unsettled.clear()

    def _now(self, namespace: str, now: float) -> float:
        used, at = self._used.get(namespace, (0.0, now))
        return max(0.0, used - (now - at) * self._rate)

    def _forget(self, now: float) -> None:
        """Forgets the half of the namespaces that used the least."""
        left = sorted(self._used, key=lambda namespace: self._now(namespace, now))[len(self._used) // 2 :]
        self._used = {namespace: self._used[namespace] for namespace in left}


class Bounds(Participant):
    """The bounds of all namespaces, in the writer's thread."""

    def __init__(self, max_bytes: int = 2**30, tally: Tally | None = None) -> None:
        self._tally = tally or Tally()
        most = min(max(max_bytes // WORDS_PART, WORDS_LEAST_BYTES), WORDS_MOST_BYTES)
        self._words = Allowance(most, WORDS_SECONDS)
        self._lines = Allowance(LINES, LINES_SECONDS)
        self._reached: dict[str, dict[str, float]] = {}
        """For each bound and namespace when it was last reached."""
        self._labels: set[str] = set()
        self.notice = ""
        """What health says about the size limit; '' for nothing."""

    def may_add(self, namespace: str, word_bytes: int) -> bool:
        """Whether a namespace may add a word of this size. Counts the word, or the refusal."""
        return self._may(self._words, WORDS, namespace, word_bytes)

    def committed(self) -> None:
        """What the namespaces used counts for good."""
        self._words.settle()
        self._lines.settle()

    def rolled_back(self) -> None:
        """The words that the transaction added were rolled back with it."""
        self._words.take_back()

    def may_log(self, namespace: str) -> bool:
        """Whether there may be another log line about an object of this namespace. Counts the line, or the refusal."""
        return self._may(self._lines, LOG_LINES, namespace, 1)

    def _may(self, allowance: Allowance, bound: str, namespace: str, amount: float) -> bool:
        now = time.monotonic()
        if allowance.take(namespace, amount, now):
            return True
        self._note(bound, namespace, now)
        return False

    def _note(self, bound: str, namespace: str, now: float) -> None:
        shown = printable(namespace)
        since = self._reached.setdefault(bound, {})
        is_kept = shown in since or len(since) < MOST_NAMESPACES
        if is_kept and now - since.get(shown, now - LASTS_SECONDS) >= LASTS_SECONDS:
            logs.get().warning("namespace.limited", namespace=shown, bound=bound, why=SAID[bound])
        if is_kept:
            since[shown] = now
        if len(self._labels) < MOST_NAMESPACE_LABELS:
            self._labels.add(shown)
        self._tally.add(LIMITED, shown if shown in self._labels else OTHER, bound)

    def reasons(self) -> list[str]:
        """What makes health degraded: something is recorded differently from what was received."""
        return ([self.notice] if self.notice else []) + self._lately(WORDS)

    def notes(self) -> list[str]:
        """What health mentions without being degraded, because recording is complete.

        Otherwise anybody who may write Events could raise the alarm.
        """
        return self._lately(LOG_LINES)

    def _lately(self, bound: str) -> list[str]:
        """A line that names the first few namespaces that have reached a bound lately; none if there are none."""
        now = time.monotonic()
        lines = []
        if since := self._reached.get(bound):
            for namespace in [one for one, at in since.items() if now - at >= LASTS_SECONDS]:
                del since[namespace]
            if since:
                names = ", ".join(sorted(since)[:MOST_NAMED])
                more = f" and {len(since) - MOST_NAMED} more" if len(since) > MOST_NAMED else ""
                lines.append(f"namespace {names}{more}: {SAID[bound]}")
        return lines


def printable(namespace: str) -> str:
    """A namespace's name, or a reason, for logs, metrics and health: cut, without control characters, and not empty for
    cluster-scoped objects.
    """
    if not namespace:
        return "(cluster-scoped)"
    cut = namespace[:MOST_CHARACTERS]
    if cut.isprintable() and '"' not in cut:  # nearly all; to look at each character takes ten times as long
        return cut
    return "".join(one if one.isprintable() and one != '"' else "?" for one in cut)
