"""A writer that changes many events, with a sink as a process beside it, for tests that kill the sink or the store."""

import multiprocessing
import queue
import random
import threading
import time
from pathlib import Path
from typing import Any

import apsw
from msgspec.structs import replace
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from kube9_operator.clock import SYSTEM
from kube9_operator.model import sink_position
from kube9_operator.model.sink_position import Position
from kube9_operator.model.tally import Tally
from kube9_operator.sink import events, process, records, verification
from kube9_operator.sink.process import Sink
from kube9_operator.sink.source import DatabaseSource
from kube9_operator.sink.transport import HttpTransport, Target
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.journal import Journal
from kube9_operator.write.events.lifecycle import Lifecycle
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite.session import Session
from kube9_schema import DATABASE_NAME, attributes
from tests.bench import database as made
from tests.engine import Engine

MAX_BYTES = 2**31
BEAT_SECONDS = 0.2


class Link:
    """A link to nobody."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.tally = Tally()
        self.pipes: queue.SimpleQueue[object] = queue.SimpleQueue()

    def beat(self, phase: str = "", deadline: float | None = None, report: object = None) -> None:
        pass


SHORT = {"HOUR_MS": 5_000, "QUIET_MS": 20_000, "AGAIN_SECONDS": 25.0, "RETRY_SECONDS": 2.0}
"""The times of reading back, so that an hour takes five seconds. An engine has on its disk within five what it has accepted."""


def _sink(folder: str, url: str, query_url: str) -> None:
    source = DatabaseSource(f"{folder}/{DATABASE_NAME}", folder, "target", "prod-eu", None, SYSTEM)
    link: Any = Link()
    reading_back = None
    if query_url:
        for name, value in SHORT.items():
            setattr(verification, name, value)
        ask = process.asking(HttpTransport(Target(query_url + verification.PATH)), link)
        reading_back = verification.Verification(ask, source.database, SYSTEM)
    Sink(link, source, HttpTransport(Target(url)), folder, SYSTEM, reading_back).send_until_stopped(BEAT_SECONDS)


class Sinking:
    """The writer, in this process, and the sink, in one of its own."""

    def __init__(self, folder: Path, url: str, query_url: str = "", seed: int = 1, objects: int = 2_000) -> None:
        """With a `query_url`, the sink reads back what it has sent."""
        self.folder = folder
        self.url, self.query_url = url, query_url
        self.written = 0
        self._chance = random.Random(seed)
        self.connection = made.create(str(folder))
        self._session = Session(self.connection)
        self._store = Store(self._session, quiet_ms=3_600_000)
        self._lifecycle = Lifecycle(self.connection, Coverage(self._session, self._store, 3_600_000))
        self._journal = Journal(self._session, self._store.changed, str(folder), MAX_BYTES, wanted=True)
        self._seen = list(made.observations(objects, seed))
        self._counts = [0] * objects
        with self._session.transaction(SYSTEM.now_ms()):
            self._journal.begin(SYSTEM.now_ms())
        self._process: Any = None
        self.start()

    def start(self) -> None:
        """Starts the sink."""
        self._process = multiprocessing.get_context("spawn").Process(
            target=_sink, args=(str(self.folder), self.url, self.query_url), daemon=True
        )
        self._process.start()

    def kill(self) -> None:
        """Kills the sink."""
        self._process.kill()
        self._process.join()

    def close(self) -> None:
        """Ends everything."""
        self.kill()
        self.connection.close()

    def write(self, changes: int) -> None:
        """Commits that many changes: new events, and counts that rise."""
        now_ms = SYSTEM.now_ms()
        with self._session.transaction(now_ms):
            for _ in range(changes):
                at = min(int(self._chance.paretovariate(0.6)) - 1, len(self._seen) - 1)
                self._counts[at] += self._chance.randrange(1, 4)
                self._store.apply(replace(self._seen[at], count=self._counts[at], last_ms=now_ms))
            self._lifecycle.alive(now_ms)
        self.written += changes
        self._journal.step()

    def keep_alive(self) -> None:
        """Commits that time passes, as the writer does that has nothing to write."""
        now_ms = SYSTEM.now_ms()
        with self._session.transaction(now_ms):
            self._lifecycle.alive(now_ms)

    def position(self) -> Position | None:
        """What the sink has stored."""
        return sink_position.load(str(self.folder))

    def rows(self) -> dict[str, dict[str, str]]:
        """Each event as its newest record has to be: by its number, the attributes as texts."""
        reading: Any = Reading(self.connection)
        numbers = [row[0] for row in self.connection.execute("SELECT id FROM events")]
        found = {}
        for one in events.read(reading, numbers):
            record = LogRecord.FromString(records.event(one, 0).data)
            values = {each.key: each.value for each in record.attributes if each.key != attributes.REVISION}
            texts = {name: str(getattr(value, value.WhichOneof("value"))) for name, value in values.items()}
            found[str(one.number)] = texts | {"_msg": record.body.string_value, "severity_text": record.severity_text}
        return found


class Reading:
    """What the sink needs of a database, by the writer's own connection."""

    def __init__(self, connection: apsw.Connection) -> None:
        self._connection = connection

    def all(self, sql: str, values: tuple[Any, ...] = (), _types: object = ()) -> list[tuple[Any, ...]]:
        """The rows of a query."""
        return list(self._connection.execute(sql, values))

    def bounded(self, sql: str, values: tuple[Any, ...]) -> list[tuple[Any, ...]]:
        """The same."""
        return self.all(sql, values)

    def word(self, number: int) -> str:
        """A word by its id."""
        return str(self._connection.execute("SELECT word FROM words WHERE id = ?", (number,)).get)


def newest(lines: list[dict[str, str]]) -> dict[str, dict[str, str]]:
    """Of each event the record with the greatest revision."""
    found: dict[str, dict[str, str]] = {}
    for line in lines:
        number = line["kube9.event.number"]
        if number not in found or int(line[attributes.REVISION]) > int(found[number][attributes.REVISION]):
            found[number] = line
    return found


def difference(local: dict[str, dict[str, str]], central: dict[str, dict[str, str]]) -> list[str]:
    """What is different in the store: every field of every event."""
    wrong = []
    for number, wanted in local.items():
        got = central.get(number, {})
        wrong += [
            f"{number}: {name}: {text!r}, not {got.get(name)!r}" for name, text in wanted.items() if got.get(name) != text
        ]
    return wrong + [f"{number}: not in the database" for number in central.keys() - local.keys()]


def kill_at_random(sinking: Sinking, engines: dict[str, Engine], seconds: float, rate: int, seed: int) -> dict[str, int]:
    """Writes at a rate, as many as `seconds` have, and kills the sink and engines at random. Returns how often each."""
    chance = random.Random(seed)
    began = time.monotonic()
    kills = dict.fromkeys(("sink", *engines), 0)
    next_kill = began + chance.uniform(1.0, 4.0)
    while sinking.written < seconds * rate:
        now = time.monotonic()
        if (due := int((now - began) * rate) - sinking.written) > 0:
            sinking.write(min(due, 500))
        if now >= next_kill:
            next_kill = now + chance.uniform(1.0, 6.0)
            if chance.random() < 0.4:
                sinking.kill()
                sinking.start()
                kills["sink"] += 1
            else:
                name = chance.choice([*engines])
                engines[name].kill()
                time.sleep(chance.uniform(0.0, 0.5))
                engines[name].start()
                kills[name] += 1
        time.sleep(0.02)
    return kills
