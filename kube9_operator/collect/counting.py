"""Counts values into histograms of a bounded size, and hides names. Pure."""

import hashlib
from collections import Counter

NOT_SET, OTHER = "notSet", "other"
MAX_VALUES = 100
"""So many different values has a histogram. The rarest beyond these are counted as OTHER."""
MAX_DIFFERENT = 10_000
"""So many are told apart while counting."""


class Histogram:
    """How often each value occurs."""

    def __init__(self) -> None:
        self._counts: Counter[str] = Counter()

    def add(self, value: str | int | None) -> None:
        """Counts a value; None is one that is not set."""
        word = NOT_SET if value is None else str(value)
        known = word in self._counts or len(self._counts) < MAX_DIFFERENT
        self._counts[word if known else OTHER] += 1

    def values(self) -> dict[str, int]:
        """Returns the number of each value, the most frequent first."""
        named = Counter({word: number for word, number in self._counts.items() if word != OTHER})
        most = sorted(named.items(), key=lambda item: (-item[1], item[0]))
        others = self._counts[OTHER] + sum(number for _, number in most[MAX_VALUES:])
        return dict(most[:MAX_VALUES]) | ({OTHER: others} if others else {})


class Choice:
    """How often a field is true, false or not set."""

    def __init__(self) -> None:
        self._counts = {"true": 0, "false": 0, NOT_SET: 0}

    def add(self, value: bool | None) -> None:
        """Counts a value."""
        self._counts[NOT_SET if value is None else "true" if value else "false"] += 1

    def values(self) -> dict[str, int]:
        """Returns the number of each."""
        return dict(self._counts)


class Words:
    """How often each of some known words occurs. Any other text is not kept."""

    def __init__(self, *known: str, other: str = OTHER) -> None:
        self._other = other
        self._counts = dict.fromkeys((*known, other), 0)

    def add(self, word: str) -> None:
        """Counts a word."""
        self._counts[word if word in self._counts else self._other] += 1

    def values(self) -> dict[str, int]:
        """Returns the number of each known word, and of other ones if there are any."""
        return {word: number for word, number in self._counts.items() if number or word != OTHER}


def hidden(namespace: str) -> str:
    """Returns what stands for the name of a namespace."""
    return f"namespace-{hashlib.sha256(namespace.encode()).hexdigest()[:12]}"
