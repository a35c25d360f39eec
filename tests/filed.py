"""What filing keeps about events must be what a walk over all of them finds."""

import json
from bisect import bisect_right
from collections import Counter
from typing import Any

import apsw

from kube9_operator.model.tally import OTHER
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite.session import Session
from kube9_schema.causes import Recorded, cause_of
from kube9_schema.sources import ITSELF
from kube9_schema.spans import span

EVENTS = """SELECT e.id, e.first_ms, e.last_ms, e.series, e.last_period, e.first_period, e.span, e.namespace, e.kind, e.reason,
    e.severity, e.type, o.api_group, o.name, k.word, t.metadata, e.count, t.description, e.node, e.cause, e.root, e.object
    FROM events e JOIN objects o ON o.id = e.object JOIN words k ON k.id = e.kind JOIN texts t ON t.event = e.id"""
SERIES = "SELECT id, namespace, kind, reason, severity, type, api_group, source, place FROM series"


def assert_filed(connection: apsw.Connection, unfiled: int = 0) -> None:
    """Compares series, periods and totals with the rows of events, of which `unfiled` are not moved yet."""
    words = dict(connection.execute("SELECT id, word FROM words"))
    series = {row[0]: row[1:] for row in connection.execute(SERIES)}
    starts = connection.execute("SELECT start_ms, id FROM periods ORDER BY start_ms").fetchall()
    totals: Counter[tuple[int, int, int]] = Counter()
    of_series: Counter[int] = Counter()
    of_occurrences: Counter[Any] = Counter()
    problems: Counter[tuple[Any, ...]] = Counter()
    causes = dict(connection.execute("SELECT id, cause FROM causes"))
    owners = dict(connection.execute("SELECT id, owner FROM objects"))
    names: dict[Any, Any] = {
        row[0]: row[1:] for row in connection.execute("SELECT id, name, kind, namespace, api_group FROM objects")
    }
    first_of_name = {names[number]: number for number in sorted(names, reverse=True)}
    controllers = dict(connection.execute("SELECT event, object FROM controllers"))
    waiting = 0
    for (
        event,
        first_ms,
        last_ms,
        number,
        last,
        first,
        lasts,
        *shared,
        times,
        description,
        node,
        cause,
        root,
        about,
    ) in connection.execute(EVENTS):
        if number is None:
            waiting += 1
            continue
        *others, group, name, kind, metadata = shared
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
            totals.update([(of_first, period, number), (of_first, period, 0), (of_first, period, -1 - shared[0])])
        of_series[number] += 1
        of_occurrences[number] += times
        recorded = Recorded(
            words[shared[2]], shared[3], kind, words[shared[0]], name, words[node], description or "", json.loads(metadata)
        )
        assert causes[cause] == cause_of(recorded), event
        chain = [controllers[event]] if event in controllers else [about, owners[about]]
        while chain[-1] is not None and len(chain) < (3 if event in controllers else 4):
            chain.append(owners[chain[-1]])
        outermost = next(one for one in reversed(chain) if one is not None)
        assert root == first_of_name[names[outermost]], event
        problems.update([(root, cause, shared[3])])
        problems[root, cause, 4] += times
    assert waiting == unfiled
    stored = {tuple(row[:3]): row[3] for row in connection.execute("SELECT of_first, period, series, count FROM totals")}
    assert stored == totals
    counts = dict(connection.execute("SELECT id, count FROM series WHERE count <> 0"))
    assert counts == of_series
    sums = dict(connection.execute("SELECT id, occurrences FROM series WHERE occurrences <> 0"))
    assert sums == of_occurrences
    found_problems: Counter[tuple[Any, ...]] = Counter()
    for problem_root, problem_cause, *numbers in connection.execute(
        "SELECT root, cause, info, warning, error, critical, occurrences FROM problems"
    ):
        found_problems.update({(problem_root, problem_cause, at): number for at, number in enumerate(numbers) if number})
    assert found_problems == problems
    assert dict(connection.execute("SELECT id, count FROM causes")) == Counter(
        cause for (_, cause, severity), number in problems.items() if severity != 4 for _ in range(number)
    )


def file_again(connection: apsw.Connection) -> None:
    """Files all events anew, after a test has changed rows by itself."""
    session = Session(connection)
    filing = Store(session, quiet_ms=3_600_000).filing
    with session.transaction(0):
        connection.execute("UPDATE events SET series = NULL; DELETE FROM totals; DELETE FROM problems; DELETE FROM causes")
        connection.execute("UPDATE series SET count = 0, occurrences = 0")
        filing.file([int(row[0] or 0) for row in connection.execute("SELECT id FROM events").fetchall()])
