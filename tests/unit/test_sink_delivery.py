"""What the sink does after each answer of a store, with a store, a clock and a journal that are passed in."""

import random
import time
from collections.abc import Callable, Iterable, Sequence

import msgspec
import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceResponse

from kube9_operator.backoff import Backoff
from kube9_operator.model.sink_position import Position
from kube9_operator.sink import delivery
from kube9_operator.sink.delivery import SETTLE_SECONDS, Batch, Delivery, Mark
from kube9_operator.sink.records import Encoded
from kube9_operator.sink.transport import Answer, Lost, Unusable

WRITE_BACK_SECONDS = 5.0
"""After so long, the store has on its disk what it accepted."""
FIRST = Position("instance", "target", 1, 0, backfilled=None)


class FakeClock:
    """A clock that tests turn."""

    def __init__(self) -> None:
        self.at = 1_000.0
        self.wall_ms = 1_700_000_000_000

    def now_ms(self) -> int:
        return self.wall_ms

    def monotonic(self) -> float:
        return self.at


class Store:
    """A store that writes what it accepted after some seconds, and forgets the rest if it is killed."""

    def __init__(self, clock: FakeClock) -> None:
        self.clock = clock
        self.disk: list[int] = []
        self.memory: list[tuple[float, list[int]]] = []
        self.answers: list[Answer | Exception] = []
        """What it answers next, in place of accepting."""
        self.refuses: Callable[[list[int]], int] = lambda _: 0
        """The status for some records; 0 to accept them."""
        self.received: list[list[int]] = []
        self.connection = 1
        self.broken: set[int] = set()

    def post(self, data: bytes, connection: int | None = None) -> Answer:
        used = connection or self.connection
        if used in self.broken:
            if connection:
                raise Lost("broken")
            self.connection = used = used + 1
        if self.answers:
            answer = self.answers.pop(0)
            if isinstance(answer, Exception):
                self.broken.add(used)
                raise answer
            return answer._replace(connection=used)
        some = msgspec.json.decode(data, type=list[int]) if data else []
        if status := self.refuses(some):
            return Answer(status, {}, b"", used)
        if some:
            self.received.append(some)
            self.memory.append((self.clock.at, some))
        return Answer(200, {}, b"", used)

    def holds(self, connection: int) -> bool:
        return connection not in self.broken

    def keep(self, connections: Iterable[int]) -> None:
        pass

    def close(self) -> None:
        self.broken.add(self.connection)

    def write_back(self) -> None:
        """Writes what was accepted long enough ago."""
        while self.memory and self.clock.at - self.memory[0][0] >= WRITE_BACK_SECONDS:
            self.disk += self.memory.pop(0)[1]

    def kill(self) -> None:
        """Dies: what is in memory is lost, and connections break."""
        self.write_back()
        self.memory.clear()
        self.broken.add(self.connection)


class Journal:
    """Changes 1, 2, 3, … each of another event."""

    def __init__(self, last: int = 0, most: int = 10) -> None:
        self.last = last
        self.most = most
        self.position = FIRST

    def first(self) -> Position:
        return self.position

    def next(self, mark: Mark) -> Batch | None:
        until = min(self.last, mark.seq + self.most)
        if until == mark.seq:
            return None
        made = [Encoded("events", "", b"", seq) for seq in range(mark.seq + 1, until + 1)]
        return Batch(made, Mark(until, None, until * 1_000))

    def encode(self, some: Sequence[Encoded]) -> bytes:
        return msgspec.json.encode([one.number for one in some])


class Case:
    """A delivery with everything around it."""

    def __init__(self, last: int = 0, most: int = 10) -> None:
        self.clock = FakeClock()
        self.store = Store(self.clock)
        self.journal = Journal(last, most)
        self.saved: list[Position] = []
        self.counts: dict[str, int] = {}
        self.begin()

    def begin(self) -> None:
        """Starts, or starts again from what was saved."""
        self.journal.position = self.saved[-1] if self.saved else FIRST
        self.store.broken.add(self.store.connection)
        backoff = Backoff(1.0, 30.0, jitter=(1.0, 1.0))
        self.delivery = Delivery(self.journal, self.store, self.saved.append, self.clock, self.count, backoff)

    def count(self, outcome: str, number: int) -> None:
        self.counts[outcome] = self.counts.get(outcome, 0) + number

    def run(self, seconds: float) -> None:
        """Lets time pass. A request takes a fiftieth of a second."""
        until = self.clock.at + seconds
        while self.clock.at < until:
            self.clock.at += max(0.02, self.delivery.step())
            self.store.write_back()

    def settled(self) -> int:
        return self.delivery.position.seq


@pytest.fixture
def log(monkeypatch: pytest.MonkeyPatch) -> list[tuple[str, dict[str, object]]]:
    """What is logged."""
    found: list[tuple[str, dict[str, object]]] = []

    class Log:
        def warning(self, what: str, **fields: object) -> None:
            found.append((what, fields))

        info = warning

    monkeypatch.setattr(delivery.logs, "get", Log)
    return found


def test_what_is_accepted_is_settled_only_after_a_while() -> None:
    case = Case(25)
    case.run(1)
    assert [one for some in case.store.received for one in some] == list(range(1, 26))
    case.run(SETTLE_SECONDS - 2)
    assert case.settled() == 0
    case.run(3)
    assert case.settled() == 25
    assert case.delivery.position.until_ms == 25_000
    assert case.saved[-1] == case.delivery.position
    assert case.counts == {"sent": 25}


def test_nothing_is_sent_twice_while_the_connection_holds() -> None:
    case = Case()
    for _ in range(100):
        case.journal.last += 3
        case.run(1)
    case.run(SETTLE_SECONDS + 1)
    assert case.settled() == 300
    assert sum(map(len, case.store.received)) == 300


def test_a_broken_connection_goes_back_to_what_is_settled() -> None:
    case = Case(10)
    case.run(SETTLE_SECONDS + 1)
    case.journal.last = 30
    case.run(1)
    case.store.kill()
    case.run(5)
    assert case.settled() == 10
    assert case.store.received[1:] == [[*range(11, 21)], [*range(21, 31)]] * 2


def test_the_other_side_closing_in_order_is_no_break() -> None:
    case = Case(10)
    case.store.answers = [Answer(200, {}, b"", 1, is_last=True)]
    case.run(1)
    case.store.broken.add(1)
    case.run(SETTLE_SECONDS + 1)
    assert case.settled() == 10
    assert case.counts == {"sent": 10}


def test_a_start_goes_back_to_what_is_settled() -> None:
    case = Case(10)
    case.run(SETTLE_SECONDS + 2)
    case.journal.last = 20
    case.run(1)
    case.begin()
    case.run(1)
    assert case.store.received == [[*range(1, 11)], [*range(11, 21)], [*range(11, 21)]]


def test_whatever_is_killed_and_whenever_everything_arrives() -> None:
    for seed in range(8):
        chance = random.Random(seed)
        case = Case()
        for _ in range(60):
            case.journal.last += chance.randrange(30)
            case.run(chance.uniform(0.0, 3.0))
            what = chance.randrange(8)
            if what == 0:
                case.store.kill()
            elif what == 1:
                case.begin()
            elif what == 2:
                case.store.answers = [
                    chance.choice([Lost("reset"), Answer(503, {}, b"", 0), Answer(429, {"retry-after": "2"}, b"", 0)])
                ]
        case.run(90)
        assert case.settled() == case.journal.last
        assert set(case.store.disk) == {*range(1, case.journal.last + 1)}


@pytest.mark.parametrize("status", [429, 502, 503, 504])
def test_the_same_request_is_sent_again(status: int, log: list[tuple[str, dict[str, object]]]) -> None:
    case = Case(10)
    case.store.answers = [Answer(status, {}, b"", 0)] * 3
    case.run(0.9)
    assert len(case.store.answers) == 2
    case.run(1 + 2 + 4)
    assert case.store.received == [[*range(1, 11)]]
    assert [what for what, _ in log] == ["sink.failed", "sink.restored"]


def test_it_waits_as_long_as_it_is_asked_to() -> None:
    case = Case(10)
    case.store.answers = [Answer(503, {"retry-after": "50"}, b"", 0)]
    case.run(49)
    assert case.store.received == []
    assert not case.delivery.trouble()
    case.run(2)
    assert case.store.received == [[*range(1, 11)]]


def test_it_waits_until_the_date_that_it_is_asked_to() -> None:
    case = Case(10)
    asked = {"retry-after": "Mon, 30 Nov 2026 10:00:50 GMT", "date": "Mon, 30 Nov 2026 10:00:00 GMT"}
    case.store.answers = [Answer(429, asked, b"", 0)]
    case.run(49)
    assert case.store.received == []
    case.run(2)
    assert case.store.received == [[*range(1, 11)]]


@pytest.mark.parametrize(
    ("text", "seconds"),
    [
        ("120", 120.0),
        (" 7 ", 7.0),
        ("Wed, 15 Nov 2023 06:13:50 GMT", 28_830.0),
        ("Wednesday, 15-Nov-23 06:13:50 GMT", 28_830.0),
        ("Wed Nov 15 06:13:50 2023", 28_830.0),
        ("Tue, 14 Nov 2023 06:13:50 GMT", 0.0),
        ("Wed, 99 Nov 2023 06:13:50 GMT", 0.0),
        ("Wed, 15 Nov 99999999999 06:13:50 GMT", 0.0),
        ("-5", 0.0),
        ("1.5", 0.0),
        ("\u0665", 0.0),
        ("soon", 0.0),
        ("", 0.0),
    ],
)
def test_retry_after_is_a_number_or_a_date(text: str, seconds: float, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    time.tzset()
    try:
        assert delivery.retry_after({"retry-after": text}, now_ms=1_700_000_000_000) == seconds
    finally:
        monkeypatch.undo()
        time.tzset()


def test_no_date_makes_it_wait_for_longer_than_ten_minutes() -> None:
    case = Case(10)
    case.store.answers = [Answer(503, {"retry-after": "Fri, 31 Dec 2100 00:00:00 GMT"}, b"", 0)]
    case.run(601)
    assert case.store.received == [[*range(1, 11)]]


def test_waits_grow_and_a_store_that_is_away_is_told_of() -> None:
    case = Case(10)
    case.store.answers = [Lost("connection refused")] * 8
    case.run(59)
    assert case.delivery.trouble() == ""
    case.run(20)
    assert case.delivery.trouble() == "the connection is lost: connection refused"
    case.run(300)
    assert case.delivery.trouble() == ""
    assert case.settled() == 10


@pytest.mark.parametrize("status", [400, 413])
def test_one_record_that_is_refused_is_set_aside(status: int, log: list[tuple[str, dict[str, object]]]) -> None:
    case = Case(10)
    case.store.refuses = lambda some: status if 7 in some else 0
    case.run(SETTLE_SECONDS + 2)
    assert sorted(one for some in case.store.received for one in some) == [1, 2, 3, 4, 5, 6, 8, 9, 10]
    assert case.settled() == 10
    assert case.delivery.position.refused == 1
    assert case.counts == {"sent": 9, "refused": 1}
    assert log == [("sink.record_refused", {"status": status, "event": 7})]


def test_too_large_requests_are_halved_until_they_fit() -> None:
    case = Case(10)
    case.store.refuses = lambda some: 413 if len(some) > 3 else 0
    case.run(SETTLE_SECONDS + 2)
    assert [one for some in case.store.received for one in some] == list(range(1, 11))
    assert (case.settled(), case.delivery.position.refused) == (10, 0)


def test_a_store_that_refuses_everything_makes_nothing_be_set_aside() -> None:
    case = Case(10)
    case.store.refuses = lambda _: 400
    case.run(200)
    assert case.delivery.trouble() == "it answers 400, to an empty request too: check SINK_URL"
    assert case.counts == {}
    case.store.refuses = lambda _: 0
    case.run(60)
    assert (case.settled(), case.delivery.position.refused) == (10, 0)


@pytest.mark.parametrize(
    ("status", "why"),
    [
        (401, "it answers 401: check SINK_HEADERS_FILE or the client certificate"),
        (403, "it answers 403: check SINK_HEADERS_FILE or the client certificate"),
        (302, "it answers 302: redirects are not followed; check SINK_URL"),
        (404, "it answers 404: check SINK_URL"),
        (500, "it answers 500: check SINK_URL"),
    ],
)
def test_what_somebody_has_to_change_is_told_at_once_and_tried_slowly(status: int, why: str) -> None:
    case = Case(10)
    case.store.answers = [Answer(status, {}, b"", 0)] * 2
    case.run(1)
    assert case.delivery.trouble() == why
    case.run(28)
    assert len(case.store.answers) == 1
    case.run(60)
    assert case.delivery.trouble() == ""
    assert case.store.received == [[*range(1, 11)]]


def test_a_certificate_that_is_not_valid() -> None:
    case = Case(10)
    case.store.answers = [Unusable("its certificate is not valid: certificate has expired")]
    case.run(1)
    assert case.delivery.trouble() == "its certificate is not valid: certificate has expired"
    case.run(60)
    assert case.settled() == 10


def test_rejected_records_are_counted_and_logged_once(log: list[tuple[str, dict[str, object]]]) -> None:
    case = Case(30)
    answer = ExportLogsServiceResponse()
    answer.partial_success.rejected_log_records, answer.partial_success.error_message = 4, "too old"
    case.store.answers = [Answer(200, {}, answer.SerializeToString(), 0)] * 2
    case.run(SETTLE_SECONDS + 2)
    assert case.counts == {"sent": 22, "refused": 8}
    assert case.delivery.position.refused == 8
    assert log == [("sink.records_rejected", {"records": 4, "why": "too old"})]


def test_an_answer_that_is_no_protobuf_is_an_answer() -> None:
    case = Case(10)
    case.store.answers = [Answer(200, {}, b"<html>ok</html>", 0)]
    case.run(1)
    assert case.counts == {"sent": 10}


def test_steps_of_the_wall_clock_change_nothing() -> None:
    case = Case(10)
    case.run(1)
    case.clock.wall_ms -= 86_400_000
    case.run(5)
    case.clock.wall_ms += 10 * 86_400_000
    case.run(SETTLE_SECONDS)
    assert case.settled() == 10
    assert case.store.received == [[*range(1, 11)]]


def test_a_collector_that_loses_what_is_in_its_memory_is_not_noticed() -> None:
    """It answers 200 before it has delivered anything, and its connection holds: only reading back shows what is missing."""
    case = Case(10)
    case.run(1)
    case.store.memory.clear()
    case.run(SETTLE_SECONDS + 1)
    assert (case.settled(), case.store.disk) == (10, [])


def test_a_position_that_cannot_be_written_is_tried_again(log: list[tuple[str, dict[str, object]]]) -> None:
    case = Case(10)
    full = [OSError(28, "No space left on device")] * 3

    def save(position: Position) -> None:
        if full:
            raise full.pop()
        case.saved.append(position)

    case.delivery._save = save  # what a full disk does
    case.run(SETTLE_SECONDS + 6)
    assert case.saved == [case.delivery.position]
    assert [what for what, _ in log] == ["sink.position_not_written"]


def test_a_long_batch_is_sent_in_parts() -> None:
    made = [Encoded("events", "", b"x" * 300_000, number) for number in range(10)]
    divided = delivery.parts(made)
    assert [len(part) for part in divided] == [3, 3, 3, 1]
    assert [one.number for part in divided for one in part] == list(range(10))
    assert delivery.parts([]) == []
