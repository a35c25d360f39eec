"""Reading back what was sent: what is missing is found and sent again, once."""

import json
from collections.abc import Iterable, Iterator
from contextlib import nullcontext
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from kube9_operator.model.sink_position import Position
from kube9_operator.sink.records import Encoded
from kube9_operator.sink.verification import AGAIN_SECONDS, FIELDS, HOUR_MS, Unanswered, Verification
from kube9_schema import attributes
from tests.bench import database as made
from tests.sinking import Reading
from tests.unit.test_sink_delivery import FakeClock

COUNT = 40


class Snapshots(Reading):
    """With snapshots that are none: nobody writes meanwhile."""

    def snapshot(self) -> Any:

        return nullcontext()


class Case:
    """A database, and a store that has what it is given."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.database: Any = Snapshots(connection)
        self.clock = FakeClock()
        self.store: dict[int, tuple[int, str]] = {}
        self.asked: list[str] = []
        self.answers = True
        latest = connection.execute("SELECT max(last_ms) FROM events").get
        self.position = Position("instance", "target", 1, 0, seq=9, backfilled=None, until_ms=latest + 2 * HOUR_MS)
        self.verification = Verification(self.ask, lambda: self.database, self.clock)

    def ask(self, query: str) -> Iterator[bytes]:
        self.asked.append(query)
        if not self.answers:
            raise Unanswered("it does not answer in time")
        for number, (revision, checksum) in self.store.items():
            older = dict(zip(FIELDS, (str(number), "0", "ffffffff"), strict=True))
            newest = dict(zip(FIELDS, (str(number), str(revision), checksum), strict=True))
            yield from (json.dumps(one).encode() for one in (newest, older))

    def take(self, some: Iterable[Encoded]) -> None:
        for one in some:
            record = LogRecord.FromString(one.data)
            revision = next(each.value.int_value for each in record.attributes if each.key == attributes.REVISION)
            self.store[one.number] = revision, one.checksum

    def run(self, *, keeps: bool = True) -> list[int]:
        """Verifies until nothing is due; returns what was sent again."""
        again: list[int] = []
        for _ in range(1_000):
            before = self.position
            self.position, missing = self.verification.step(before)
            again += [one.number for one in missing]
            if keeps:
                self.take(missing)
            if missing:
                self.clock.at += AGAIN_SECONDS
            elif self.position == before:
                break
        return again


@pytest.fixture
def case(tmp_path: Path) -> Iterator[Case]:
    connection = made.create(str(tmp_path))
    made.fill(connection, COUNT)
    connection.execute("INSERT INTO changes VALUES (9, 3, 0)")
    yield Case(connection)
    connection.close()


def numbers(case: Case) -> list[int]:
    return [row[0] for row in case.database.all("SELECT id FROM events WHERE series IS NOT NULL ORDER BY last_ms, id")]


def test_what_is_missing_is_sent_again_once(case: Case) -> None:
    assert sorted(case.run()) == sorted(numbers(case))
    case.asked.clear()
    case.position = msgspec.structs.replace(case.position, verified_ms=0)
    case.clock.at += 1_000
    assert case.run() == []
    assert case.position.missing == 0
    assert case.position.verified_ms > max(row[0] for row in case.database.all("SELECT max(last_ms) FROM events"))
    assert len(case.asked) < COUNT + 5, "an hour is asked for once"


def test_only_what_differs_is_sent_again(case: Case) -> None:
    case.run()
    case.position = msgspec.structs.replace(case.position, verified_ms=0)
    case.clock.at += 1_000
    lost, old = numbers(case)[3], numbers(case)[7]
    del case.store[lost]
    case.store[old] = (case.store[old][0], "00000000")
    assert sorted(case.run()) == sorted((lost, old))


def test_a_store_that_keeps_nothing_is_told_of_and_left(case: Case) -> None:
    case.run(keeps=False)
    assert case.position.missing == len(numbers(case))
    assert case.position.verified_ms


def test_what_is_lost_again_is_sent_again(case: Case) -> None:
    everything = set(numbers(case))
    sent: list[int] = []
    for _ in range(2):  # the first two times, the store loses what it is sent
        case.position, missing = case.verification.step(case.position)
        sent += [one.number for one in missing]
        case.clock.at += AGAIN_SECONDS
    assert 0 < len(sent) == 2 * len(set(sent))
    case.run()
    assert (set(case.store), case.position.missing) == (everything, 0)


def test_a_store_that_does_not_answer_is_asked_again_later(case: Case) -> None:
    case.answers = False
    assert case.run() == []
    assert (case.position.verified_ms, case.position.missing) == (0, 0)
    case.answers = True
    case.clock.at += 1_000
    assert len(case.run()) == len(numbers(case))


def test_nothing_is_verified_before_it_is_settled(case: Case) -> None:
    case.position = msgspec.structs.replace(case.position, until_ms=0)
    assert case.run() == []
    case.position = msgspec.structs.replace(case.position, backfilled=5)
    case.clock.at += 1_000
    assert case.run() == []
    assert case.asked == []
