"""Signatures of the texts of a block of events: bits that tell which texts none of its events can have.

A signature has a bit for each run of three bytes of each word, by a hash of the run. A word is what is between white space, in
lower case. So if a text has a term, the signature has all runs of the term's words.
"""

from __future__ import annotations

import array
import sys

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Iterable, Iterator
    from typing import Any

BLOCK = 1_000
"""Events of a block."""
DESCRIPTIONS, NAMES, METADATA = range(3)
"""The parts of a signature, in their order. Titles, reasons and nodes are among the names."""
BYTES = (2_048, 1_024, 256)
"""How long each part is: powers of two. All together fit into one page of the database."""
BEGINS = (0, 2_048, 3_072)
END = sum(BYTES)
RUN, RUN_MASK = 3, 0xFFFFFF
APART = "\0\0\0"
"""Between two words, so that no run is of both. A text has no such character."""
FACTOR, SHIFT = 0x9E3779B1, 12
"""Multiplicative hashing: the high bits of the product depend on all bits of the run."""


def words_of(text: str) -> list[str]:
    """The words of a text or of a term."""
    return text.casefold().split()


def values_of(metadata: Any) -> Iterator[str]:
    """The strings and numbers in decoded JSON: what is searched of metadata."""
    waiting = [metadata]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, str | int | float) and not isinstance(one, bool):
            yield str(one)


def part(words: Iterable[str], which: int) -> bytes:
    """A part of the signature of distinct words. All three parts take some 9 us for an event."""
    data = f"{APART.join(words)}\0".encode("utf-8", "surrogatepass")
    fours = set[int]()
    for begin in range(4):  # four bytes at once, of which the first three are the run
        numbers = array.array("I", data[begin : begin + (len(data) - begin) // 4 * 4])
        if sys.byteorder == "big":
            numbers.byteswap()
        fours.update(numbers)
    runs = {four & RUN_MASK for four in fours}
    bits = bytearray(BYTES[which])
    for run in runs:
        at = _place(run, which)
        bits[at >> 3] |= 1 << (at & 7)
    return bytes(bits)


def united(one: bytes, other: bytes) -> bytes:
    """The signature of both blocks."""
    return (int.from_bytes(one, "little") | int.from_bytes(other, "little")).to_bytes(END, "little")


class Term:
    """What a signature has if a text of the block has this term: words and white space, in any case."""

    def __init__(self, term: str) -> None:
        runs = {run for word in words_of(term) for run in _runs(word.encode("utf-8", "surrogatepass"))}
        places = [sorted({_place(run, which) for run in runs}) for which in range(len(BYTES))]
        self._bits = [[(BEGINS[which] + (at >> 3), 1 << (at & 7)) for at in of] for which, of in enumerate(places)]

    def may_be_in(self, bits: bytes, which: int) -> bool:
        """Whether a text of this part may have the term."""
        return all(bits[at] & bit for at, bit in self._bits[which])


def _runs(word: bytes) -> list[int]:
    """The runs of a word. One of two letters has none, and may be anywhere."""
    return [int.from_bytes(word[at : at + RUN], "little") for at in range(len(word) - RUN + 1)]


def _place(run: int, which: int) -> int:
    return run * FACTOR >> SHIFT & (BYTES[which] * 8 - 1)
