"""What real engines do with records, and what the sink makes of it."""

import contextlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import msgspec
import pytest

from kube9_operator.clock import SYSTEM
from kube9_operator.model.sink_position import Position
from kube9_operator.sink import verification
from kube9_operator.sink.delivery import Delivery
from kube9_operator.sink.source import DatabaseSource
from kube9_operator.sink.transport import HttpTransport, Target
from kube9_operator.sink.verification import AGAIN_SECONDS, FORM, HOUR_MS, PATH, Verification
from kube9_operator.write.events.changed import ChangedEvents
from kube9_operator.write.events.journal import Journal
from kube9_operator.write.sqlite.session import Session
from kube9_schema import DATABASE_NAME
from tests.bench import database
from tests.engine import OTLP, Engine

pytestmark = pytest.mark.long

EVENTS = 300
"""Over seven days."""


class Clock:
    """A clock that the test turns."""

    def __init__(self) -> None:
        self.at = 0.0

    def now_ms(self) -> int:
        return SYSTEM.now_ms()

    def monotonic(self) -> float:
        return self.at


@pytest.fixture
def source(tmp_path: Path) -> Iterator[DatabaseSource]:
    """A database with events of seven days, and a journal."""
    connection = database.create(str(tmp_path))
    database.fill(connection, EVENTS)
    session = Session(connection)
    with session.transaction(SYSTEM.now_ms()):
        Journal(session, ChangedEvents(connection), str(tmp_path), 2**31, wanted=True).begin(SYSTEM.now_ms())
    connection.close()
    made = DatabaseSource(f"{tmp_path}/{DATABASE_NAME}", str(tmp_path), "target", "prod-eu", None, SYSTEM)
    yield made
    made.database().close()


@pytest.fixture
def engine(tmp_path: Path, request: pytest.FixtureRequest) -> Iterator[Engine]:
    """With the options of the test's parameter."""
    with Engine(tmp_path / "engine", *getattr(request, "param", ())) as running:
        yield running


@pytest.fixture
def transport(engine: Engine) -> Iterator[HttpTransport]:
    with contextlib.closing(HttpTransport(Target(f"{engine.url}{OTLP}"))) as made:
        yield made


def send(source: DatabaseSource, engine: Engine, transport: HttpTransport) -> tuple[Position, dict[str, int]]:
    """Sends everything; returns the position as it is when all of it is settled."""
    counts: dict[str, int] = {}

    def count(outcome: str, number: int) -> None:
        counts[outcome] = counts.get(outcome, 0) + number

    delivery = Delivery(source, transport, lambda _: None, SYSTEM, count)
    while delivery.sent_mark().backfilled is not None:
        delivery.step()
    engine.flush()
    until_ms = SYSTEM.now_ms() + 2 * HOUR_MS
    return msgspec.structs.replace(delivery.position, backfilled=None, until_ms=until_ms), counts


def read_back(source: DatabaseSource, engine: Engine, transport: HttpTransport, position: Position) -> tuple[Position, int]:
    """Reads everything back; what is missing is sent again. Returns the position, and how much was sent again."""
    asking, clock = HttpTransport(Target(f"{engine.url}{PATH}")), Clock()
    reading = Verification(lambda query: asking.ask(verification.body(query), FORM), source.database, clock)
    again = 0
    while True:
        before = position
        position, missing = reading.step(before)
        if missing:
            again += len(missing)
            transport.post(source.encode(missing))
            engine.flush()
            clock.at += AGAIN_SECONDS
        elif position == before:
            return position, again


def stored(engine: Engine) -> int:
    return int(engine.query('{kube9.stream="events"} | stats count_uniq(kube9.event.number) as found')[0]["found"])


def test_an_engine_that_keeps_everything_misses_nothing(
    source: DatabaseSource, engine: Engine, transport: HttpTransport
) -> None:
    position, counts = send(source, engine, transport)
    assert counts == {"sent": EVENTS}
    position, again = read_back(source, engine, transport, position)
    assert (again, position.missing, stored(engine)) == (0, 0, EVENTS)
    assert position.verified_ms > source.database().all("SELECT max(last_ms) FROM events")[0][0]


@pytest.mark.parametrize("engine", [("-retentionPeriod=2d",)], indirect=True)
def test_an_engine_with_a_short_retention_answers_200_and_is_found_out(
    source: DatabaseSource, engine: Engine, transport: HttpTransport, monkeypatch: pytest.MonkeyPatch
) -> None:
    logged: list[str] = []

    class Log:
        def warning(self, what: str, **_: Any) -> None:
            logged.append(what)

        error = info = warning

    monkeypatch.setattr(verification.logs, "get", Log)
    position, counts = send(source, engine, transport)
    assert counts == {"sent": EVENTS}, "the engine accepts what it drops"
    before = stored(engine)
    position, again = read_back(source, engine, transport, position)
    after = stored(engine)
    assert 0 < after <= before < EVENTS
    assert EVENTS - before <= position.missing <= EVENTS - after, "at midnight it drops one day more"
    assert again >= position.missing
    assert "sink.records_not_kept" in logged
