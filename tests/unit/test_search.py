"""The search finds and counts what a plain reading of all rows finds: whatever is combined, in every order, on every page."""

import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kube9_cli.query import order, search
from kube9_cli.query.connection import Database
from kube9_cli.query.search import Request
from kube9_cli.selection import Selection
from kube9_operator.model.observation import Observation
from kube9_operator.write.events import filing
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite.session import Session
from tests.bench import database as made
from tests.filed import assert_filed

EVENTS, AT_ONCE, QUESTIONS = 1_500, 50, 240
DAY = 86_400_000
COLUMNS = ("id", "first_ms", "last_ms", "count", "severity", "type", "namespace", "reason", "node", "kind")
ROWS = """SELECT e.id, e.first_ms, e.last_ms, e.count, e.severity, e.type, n.word, r.word, o.word, k.word FROM events e
    JOIN words n ON n.id = e.namespace JOIN words r ON r.id = e.reason JOIN words o ON o.id = e.node
    JOIN words k ON k.id = e.kind"""
Row = dict[str, Any]


def observations() -> Iterator[Observation]:
    """With equal times, and with events that last for days."""
    chance = random.Random(11)
    for one in made.observations(EVENTS, seed=5):
        first_ms = one.first_ms // 60_000 * 60_000
        lasts = chance.choice((0, 0, 0, 60_000, 3_600_000, 3_600_000, DAY, 3 * DAY))
        yield msgspec.structs.replace(one, first_ms=first_ms, last_ms=first_ms + lasts, count=chance.choice((1, 1, 2, 30)))


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Database, list[Row]]]:
    folder: Path = tmp_path_factory.mktemp("recorded")
    connection = made.create(str(folder))
    with pytest.MonkeyPatch.context() as patch:
        patch.setattr(filing, "PERIOD_EVENTS", 150)
        patch.setattr(filing, "LOOK_AFTER", 50)
        patch.setattr(filing, "AFTER_CUT", 100)
        session = Session(connection)
        store = Store(session, quiet_ms=3_600_000)
        seen = list(observations())
        for at in range(0, EVENTS, AT_ONCE):
            with session.transaction(seen[at].first_ms):
                for one in seen[at : at + AT_ONCE]:
                    store.apply(one)
    assert connection.execute("SELECT count(*) FROM periods").get > 3
    assert_filed(connection)
    rows = [dict(zip(COLUMNS, row, strict=True)) for row in connection.execute(ROWS)]
    database = Database(str(folder / "kube9.db"), 600.0, lambda: 0.0)
    yield database, rows
    database.close()
    connection.close()


def asked(chance: random.Random, rows: list[Row]) -> tuple[Selection, Request]:
    """Any question: filters, times that are near those of events, an order and a page."""

    def some(field: str) -> tuple[Any, ...]:
        return tuple({chance.choice(rows)[field] for _ in range(chance.choice((1, 1, 3)))} - {""})

    def moment() -> int:
        return int(chance.choice(rows)[chance.choice(("first_ms", "last_ms"))]) + chance.choice((-1, 0, 0, 1, 30_000))

    fields = [field for field in ("severity", "type", "namespace", "reason", "node") if chance.random() < 0.3]
    wanted = {field: values for field in fields if (values := some(field))}
    excluded = {field: some(field) for field in ("severity", "reason", "node") if field not in wanted and chance.random() < 0.1}
    since_ms, until_ms = (moment() if chance.random() < 0.5 else None for _ in range(2))
    if since_ms is not None and until_ms is not None:
        since_ms, until_ms = min(since_ms, until_ms - 1), max(since_ms + 1, until_ms)
    request = Request(
        chance.choice(list(order.VALUES)),
        chance.random() < 0.4,
        chance.choice((1, 7, 50, 500)),
        chance.choice((0, 0, 0, 1, 30, 400, 3_000)),
        chance.random() < 0.8,
    )
    return Selection(wanted, excluded, since_ms, until_ms), request


def read(rows: list[Row], selection: Selection, request: Request) -> search.Matches:
    """The same, by looking at each row."""
    matches = [
        row
        for row in rows
        if all(row[field] in values for field, values in selection.wanted.items())
        and not any(row[field] in values for field, values in selection.excluded.items())
        and (selection.since_ms is None or row["last_ms"] >= selection.since_ms)
        and (selection.until_ms is None or row["first_ms"] < selection.until_ms)
    ]
    matches.sort(key=lambda row: [row[column] for column in (order.VALUES[request.sort], "id")], reverse=not request.reverse)
    page = matches[request.offset : request.offset + request.limit]
    return search.Matches(len(matches) if request.counted else None, [row["id"] for row in page])


@pytest.mark.parametrize("costs", ["measured", "rows are dear", "rows are cheap"])
def test_any_question(recorded: tuple[Database, list[Row]], costs: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """Also with other costs, so that each way to find a page is taken by pages of every kind."""
    database, rows = recorded
    monkeypatch.setattr(search, "ROW", {"measured": search.ROW, "rows are dear": 10**9, "rows are cheap": 0}[costs])
    chance = random.Random(costs)
    for number in range(QUESTIONS // 2):
        selection, request = asked(chance, rows)
        found = search.find(database, selection, request)
        expected = read(rows, selection, request)
        assert (found.total, list(found.ids)) == (expected.total, expected.ids), (number, selection, request)
