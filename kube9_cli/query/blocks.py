"""Which events a search for texts has to read, by the signatures of blocks of events (kube9_schema/signatures.py)."""

from __future__ import annotations

from kube9_cli.query.connection import WHOLE, Database
from kube9_schema.signatures import BLOCK, DESCRIPTIONS, METADATA, NAMES, Term

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from kube9_cli.named_tuple import NamedTuple

Range = tuple[int, int]
"""All events after the first id, up to the second one."""
LAST_ID = 2**62
MOST_RANGES = 300
"""So many are written into the SQL."""
MOST_SINGLE = 10_000
"""So many events may be looked at one by one, in some 30 ms."""
MIXED, SINGLE = 2, 10
"""What it costs to read an event of a mixed range, and to look at one."""
BLOCKS = "SELECT last_event, plain, bits FROM signatures ORDER BY last_event"


class Blocks(NamedTuple):
    """Every event that may have all terms is in one of these ranges, or in `unsigned_events`."""

    described: list[Range]
    """Only a description may have the terms, and it is ASCII."""
    mixed: list[Range]
    """Several texts may have them."""
    single: list[Range]
    """The same, for events that are so few that each may be looked at."""
    named: list[bool]
    """For each term, whether a name may have it, in a mixed range."""
    noted: list[bool]
    """For each term, whether metadata may have it, in a mixed range."""
    plain: bool
    """Whether all descriptions and names of mixed ranges are ASCII."""
    number: int
    """How many events mixed ranges have, at most."""
    unsigned: int
    """How many events there are in `unsigned_events`."""
    reads: int
    """What all of them cost, as a number of texts that are read one after the other."""


def find(database: Database, terms: tuple[str, ...]) -> Blocks:
    """The events that may have all terms. It reads all signatures: 4 KiB for each thousand events."""
    wanted = [Term(term) for term in terms]
    described, mixed = list[Range](), list[Range]()
    named, noted = [False] * len(terms), [False] * len(terms)
    is_plain, begin = True, -1
    for last, plain, bits in database.stream(BLOCKS, (), (WHOLE, WHOLE, (bytes,))):
        in_names = [term.may_be_in(bits, NAMES) for term in wanted]
        in_metadata = [term.may_be_in(bits, METADATA) for term in wanted]
        is_possible = all(
            in_names[at] or in_metadata[at] or term.may_be_in(bits, DESCRIPTIONS) for at, term in enumerate(wanted)
        )
        if is_possible and plain and not any(in_names) and not any(in_metadata):
            described.append((begin, last))
        elif is_possible:
            mixed.append((begin, last))
            named = [one or more for one, more in zip(named, in_names, strict=True)]
            noted = [one or more for one, more in zip(noted, in_metadata, strict=True)]
            is_plain = is_plain and bool(plain)
        begin = last
    reads = len(described) * BLOCK
    sql = f"SELECT count(*) FROM (SELECT 1 FROM texts WHERE event > ? LIMIT {MOST_SINGLE})"  # noqa: S608
    newer: int = database.all(sql, (begin,), (WHOLE,))[0][0]
    unsigned: int = database.all("SELECT count(*) FROM unsigned_events", (), (WHOLE,))[0][0]
    single, number = list[Range](), len(mixed) * BLOCK
    if newer < MOST_SINGLE:
        single.append((begin, LAST_ID))
    else:  # after an upgrade, nothing is signed yet
        mixed.append((begin, LAST_ID))
        named, noted, is_plain = [True] * len(terms), [True] * len(terms), False
        number += int(database.all("SELECT total(count) FROM series")[0][0])
    if number <= MOST_SINGLE:
        single, mixed, number, newer = [*mixed, *single], [], 0, newer + number
    reads += MIXED * number + SINGLE * (newer + unsigned)
    described, mixed = _joined(described), _joined(mixed)
    if len(described) + len(mixed) > MOST_RANGES:  # no other block can have the terms, so to read it does no harm
        described, mixed = [], [(-1, max(described[-1:] + mixed[-1:])[1])]
    return Blocks(described, mixed, _joined(single), named, noted, is_plain, number, unsigned, reads)


def _joined(ranges: list[Range]) -> list[Range]:
    """The same, with neighbours as one range."""
    found = list[Range]()
    for begin, last in ranges:
        if found and found[-1][1] == begin:
            found[-1] = found[-1][0], last
        else:
            found.append((begin, last))
    return found
