"""What filing keeps about events must be what a walk over all of them finds."""

import json
from bisect import bisect_right
from collections import Counter

import apsw

from kube9_operator.model.tally import OTHER
from kube9_schema.sources import ITSELF
from kube9_schema.spans import span

EVENTS = """SELECT e.id, e.first_ms, e.last_ms, e.series, e.last_period, e.first_period, e.span, e.namespace, e.kind, e.reason,
    e.severity, e.type, o.api_group, o.name, k.word, t.metadata
    FROM events e JOIN objects o ON o.id = e.object JOIN words k ON k.id = e.kind JOIN texts t ON t.event = e.id"""
SERIES = "SELECT id, namespace, kind, reason, severity, type, api_group, source, place FROM series"


def assert_filed(connection: apsw.Connection, unfiled: int = 0) -> None:
    """Compares series, periods and totals with the rows of events, of which `unfiled` are not moved yet."""
    words = dict(connection.execute("SELECT id, word FROM words"))
    series = {row[0]: row[1:] for row in connection.execute(SERIES)}
    starts = connection.execute("SELECT start_ms, id FROM periods ORDER BY start_ms").fetchall()
    totals: Counter[tuple[int, int, int]] = Counter()
    of_series: Counter[int] = Counter()
    waiting = 0
    for event, first_ms, last_ms, number, last, first, lasts, *shared, name, kind, metadata in connection.execute(EVENTS):
        if number is None:
            waiting += 1
            continue
        *others, group = shared
        source = json.loads(metadata).get("source")
        said = ITSELF if source is None else source.get("component", "")
        place = name if kind == "Namespace" and not group else words[shared[0]]
        *found, its_source, its_place = series[number]
        assert tuple(found) == (*others, group), event
        assert words[its_source] in (said, OTHER), event  # a namespace may not add any number of words
        assert words[its_place] in (place, OTHER), event
        periods = [starts[bisect_right(starts, (ms, 2**62)) - 1][1] for ms in (last_ms, first_ms)]
        assert (last, first, lasts) == (*periods, span(last_ms - first_ms)), event
        for of_first, period in enumerate(periods):
            totals.update([(of_first, period, number), (of_first, period, 0)])
        of_series[number] += 1
    assert waiting == unfiled
    stored = {tuple(row[:3]): row[3] for row in connection.execute("SELECT of_first, period, series, count FROM totals")}
    assert stored == totals
    counts = dict(connection.execute("SELECT id, count FROM series WHERE count <> 0"))
    assert counts == of_series
