"""The format of `contributors.steps`: when a count was seen to rise, and what it was then."""

from collections.abc import Iterator

STEP_BYTES = 10
"""Six bytes of milliseconds since 1970, then four bytes of the count, both big-endian."""
MAX_STEPS = 200
"""A contributor keeps its first step and its newest ones, so many together."""


def encode(ms: int, count: int) -> bytes:
    """One step; a number that is too large is stored as the largest."""
    return min(ms, 2**48 - 1).to_bytes(6, "big") + min(count, 2**32 - 1).to_bytes(4, "big")


def decode(steps: bytes) -> Iterator[tuple[int, int]]:
    """The time in ms since 1970 and the count of each step."""
    for at in range(0, len(steps), STEP_BYTES):
        yield int.from_bytes(steps[at : at + 6], "big"), int.from_bytes(steps[at + 6 : at + STEP_BYTES], "big")
