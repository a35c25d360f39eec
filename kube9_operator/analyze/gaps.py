"""What may be missing in the record, by source: its gaps, and the time in which a source is not confirmed."""

from kube9_cli.query.connection import TEXT, TEXT_OR_NONE, WHOLE, WHOLE_OR_NONE, Database, number
from kube9_schema import facts
from kube9_schema.sources import EVENTS, KINDS

MOST_GAPS = 5_000
"""If there are more, the time of the others is one gap."""
SOURCES = "SELECT source, covered_from_ms, proved_until_ms, unavailable FROM sources"
GAPS = "SELECT source, from_ms, to_ms FROM gaps WHERE to_ms > ? ORDER BY to_ms DESC LIMIT ?"
TOUCHING = "SELECT 1 FROM gaps WHERE source = ? AND to_ms > ? AND from_ms < ? LIMIT 1"

Spans = dict[str, list[tuple[int, int]]]


def gaps(database: Database, since_ms: int, now_ms: int) -> Spans:
    """For each source the parts of [since, now] that may be incomplete, in the order of time."""
    found: Spans = {source: [] for source in (EVENTS, *KINDS)}
    known: set[str] = set()
    for source, from_ms, until_ms, unavailable in database.all(SOURCES, (), (TEXT, WHOLE_OR_NONE, WHOLE_OR_NONE, TEXT_OR_NONE)):
        known.add(source)
        spans = found.setdefault(source, [])
        if unavailable or from_ms is None or until_ms is None:
            spans.append((since_ms, now_ms))
            continue
        spans += [(since_ms, from_ms), (until_ms, now_ms)]
    for source in found.keys() - known:
        found[source].append((since_ms, now_ms))
    rows = database.all(GAPS, (since_ms, MOST_GAPS), (TEXT, WHOLE, WHOLE))
    for source, from_ms, to_ms in rows:
        found.setdefault(source, []).append((from_ms, to_ms))
    if len(rows) == MOST_GAPS:
        for spans in found.values():
            spans.append((since_ms, rows[-1][2]))
    return {source: joined(spans, since_ms, now_ms) for source, spans in found.items()}


def joined(spans: list[tuple[int, int]], since_ms: int, until_ms: int) -> list[tuple[int, int]]:
    """The parts of [since, until] that are in one of the spans."""
    made: list[tuple[int, int]] = []
    for begin_ms, end_ms in sorted((max(begin, since_ms), min(end, until_ms)) for begin, end in spans):
        if begin_ms >= end_ms:
            continue
        if made and begin_ms <= made[-1][1]:
            made[-1] = made[-1][0], max(made[-1][1], end_ms)
        else:
            made.append((begin_ms, end_ms))
    return made


def fact(database: Database, name: str) -> int:
    """A fact that is a number; 0 if it is absent."""
    rows = database.all("SELECT name, value FROM facts WHERE name = ?", (name,), (TEXT,))
    return number(dict(rows), name) or 0


def kept_since(database: Database, now_ms: int) -> int:
    """Since when events of all severities are kept."""
    ages = [age for name in facts.RETENTION if (age := fact(database, name))]
    return now_ms - min(ages) if ages else 0


def is_covered(database: Database, source: str, since_ms: int, until_ms: int, now_ms: int) -> bool:
    """Whether the record has all of a source in [since, until)."""
    if since_ms < kept_since(database, now_ms):
        return False
    for name, from_ms, confirmed_ms, unavailable in database.all(
        SOURCES, (), (TEXT, WHOLE_OR_NONE, WHOLE_OR_NONE, TEXT_OR_NONE)
    ):
        if name == source:
            if unavailable or from_ms is None or confirmed_ms is None or from_ms > since_ms or confirmed_ms < until_ms:
                return False
            return not database.all(TOUCHING, (source, since_ms, until_ms))
    return False
