"""Classes of how long events last. An event of a class lasted at a moment only if it began within a known time before it."""

SHORTEST_MS = 4_000
"""Class 1 ends here; each further class is four times as long."""
LAST = 13
"""The class of everything longer."""


def span(lasting_ms: int) -> int:
    """The class of an event that lasts so long, in ms; 0 for a moment."""
    if lasting_ms <= 0:
        return 0
    return min(1 + ((lasting_ms // SHORTEST_MS).bit_length() + 1) // 2, LAST)


def longest_ms(of: int) -> int | None:
    """How long an event of a class lasts at most; None if there is no limit."""
    if of == 0:
        return 0
    return None if of >= LAST else SHORTEST_MS * 4 ** (of - 1)
