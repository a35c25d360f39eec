"""What the sink takes, with a real VictoriaLogs: records a second, processor time, bytes, memory, lag, journal, reading back.

`sink` measures all of this; `store` measures pages of ten times as many records of ten clusters.
"""

import datetime
import json
import os
import statistics
import subprocess
import sys
import tempfile
import time
import zlib
from collections.abc import Iterator
from multiprocessing import get_context
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any

import msgspec
from msgspec import structs

from kube9_operator.clock import SYSTEM
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.observation import Observation
from kube9_operator.model.sink_position import Position
from kube9_operator.sink import coverage, records
from kube9_operator.sink.delivery import Delivery
from kube9_operator.sink.records import Cluster
from kube9_operator.sink.source import DatabaseSource
from kube9_operator.sink.transport import PROTOBUF, Answer, HttpTransport, Target
from kube9_operator.sink.verification import FORM, HOUR_MS, PATH, Verification, body
from kube9_operator.write.events.changed import ChangedEvents
from kube9_operator.write.events.journal import Journal
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite.session import Session
from kube9_schema import DATABASE_NAME
from tests.bench import database
from tests.bench.memory import AS_INSTALLED, shares
from tests.engine import OTLP, Engine
from tests.operator import BIN, FAST, Operator, until
from tests.standin import StandIn, warning

CLUSTERS = 10
EVENTS = 20_000
RATE, LAG_SECONDS = 500, 60
JOURNAL_EVENTS, JOURNAL_ROUNDS, BATCH = 4_000, 8, 250
ROUNDS = 7
MIB = 2**20
NAME = "bench-00"
NOT_COUNTED = ("--count", "none")
PAGES = {
    "newest": NOT_COUNTED,
    "newest of one cluster": ("--cluster", "bench-03", *NOT_COUNTED),
    "of a namespace": ("--namespace", "team-3", *NOT_COUNTED),
    "of the last hour": ("--since", "1h", *NOT_COUNTED),
    "errors and worse": ("--severity", "error", "--severity", "critical", *NOT_COUNTED),
    "of a reason": ("--reason", "FailedMount", "--since", "1d", *NOT_COUNTED),
    "of a pod": ("--for", "pod/team-3-web-501-5d9c7b8f6d-1-0000501", *NOT_COUNTED),
    "with a word": ("--search", "0000501", "--since", "1d", *NOT_COUNTED),
    "newest, and how many there are": (),
}


AS_IN_LIFE = {name: getattr(Deadlines(), name) for name in FAST} | {"side_first": 0.05}


class Counting(HttpTransport):
    """Counts the bytes of its requests; keeps them in a file if it has one."""

    def __init__(self, target: Target, kept: Path | None = None) -> None:
        super().__init__(target)
        self.raw = self.wire = 0
        self._kept = kept.open("wb") if kept else None

    def post(self, data: bytes, connection: int | None = None) -> Answer:
        self.raw += len(data)
        return super().post(data, connection)

    def send(self, data: bytes, kind: dict[str, str], connection: int | None = None) -> Answer:
        self.wire += len(data)
        if self._kept:
            self._kept.write(len(data).to_bytes(4, "big") + data)
        return super().send(data, kind, connection)

    def close(self) -> None:
        super().close()
        if self._kept:
            self._kept.close()


class Sent(msgspec.Struct):
    """What the sink took."""

    records: int
    seconds: float
    processor: float
    raw: int
    wire: int
    verified_seconds: float = 0.0
    verified_processor: float = 0.0
    position: Position | None = None


def _send(results: Connection, folder: str, url: str, kept: str, verifies: bool) -> None:
    """In a process of its own: sends everything without a pause, then reads it back."""
    source = DatabaseSource(f"{folder}/{DATABASE_NAME}", folder, "target", NAME, None, SYSTEM)
    transport = Counting(Target(f"{url}{OTLP}"), Path(kept) if kept else None)
    counted = 0

    def count(outcome: str, number: int) -> None:
        nonlocal counted
        counted += number if outcome == "sent" else 0

    delivery = Delivery(source, transport, lambda _: None, SYSTEM, count)
    began, used = time.perf_counter(), time.process_time()
    while delivery.sent_mark().backfilled is not None:
        delivery.step()
    sent = Sent(counted, time.perf_counter() - began, time.process_time() - used, transport.raw, transport.wire)
    transport.close()
    sent.position = structs.replace(delivery.position, backfilled=None, until_ms=SYSTEM.now_ms() + 2 * HOUR_MS)
    if verifies:
        results.send(None)  # what was sent is to become visible
        results.recv()
        asking = HttpTransport(Target(f"{url}{PATH}"))
        verification = Verification(lambda query: asking.ask(body(query), FORM), source.database, SYSTEM)
        began, used = time.perf_counter(), time.process_time()
        position: Position | None = None
        while position != sent.position:
            position = sent.position
            sent.position, missing = verification.step(position)
            assert not missing, f"{len(missing)} are missing"
        sent.verified_seconds, sent.verified_processor = time.perf_counter() - began, time.process_time() - used
    results.send(sent)


def send(folder: Path, engine: Engine, kept: Path | None = None, verifies: bool = False) -> Sent:
    """Sends a database to an engine. The journal is prepared as the writer does."""
    connection = database.create(str(folder))
    session = Session(connection)
    with session.transaction(SYSTEM.now_ms()):
        Journal(session, ChangedEvents(connection), str(folder), 2**31, wanted=True).begin(SYSTEM.now_ms())
    connection.close()
    context = get_context("spawn")
    ours, theirs = context.Pipe()
    process = context.Process(target=_send, args=(theirs, str(folder), engine.url, str(kept or ""), verifies))
    process.start()
    theirs.close()
    try:
        if verifies:
            ours.recv()
            engine.flush()
            ours.send(True)
        found: Sent = ours.recv()
    finally:
        process.join()
    return found


def processor(pid: int) -> float:
    """The processor time of a process so far, in seconds."""
    fields = Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    return (int(fields[11]) + int(fields[12])) / os.sysconf("SC_CLK_TCK")


def run(large: Path) -> None:
    """The bars of one cluster."""
    with tempfile.TemporaryDirectory(prefix="kube9-bench-") as made, Engine(Path(made)) as engine:
        used = processor(engine.pid)
        sent = send(large, engine, verifies=True)
        used, number = processor(engine.pid) - used, sent.records
        engine.stop()
        disk = sum(one.stat().st_size for one in Path(made, "data").rglob("*") if one.is_file())
        print(f"{number:,} records: {number / sent.seconds:,.0f} a second, ", end="")
        print(
            f"{sent.processor / number * 1e6:.1f} us of the sink, {used / number * 1e6:.1f} of the engine (with reading back)"
        )
        print(f"a record: {sent.raw / number:.0f} bytes raw, {sent.wire / number:.0f} on the wire, {disk / number:.0f} on disk")
        print(f"reading back: {sent.verified_seconds / number * 1e6:.1f} us an event, ", end="")
        print(f"of these {sent.verified_processor / number * 1e6:.1f} us of processor time of the sink", flush=True)
    _journal()
    _with_and_without()


# The journal


def _journal() -> None:
    """The writer's processor time with the triggers and without, turn by turn; of each batch the least counts."""
    observations = list(database.observations(JOURNAL_EVENTS, seed=2))
    again = [structs.replace(one, count=one.count + 1, last_ms=one.last_ms + 60_000) for one in observations]
    spent: dict[tuple[bool, int], float] = {}
    for number in range(2 * JOURNAL_ROUNDS):
        wanted = bool(number % 2)
        for at, seconds in enumerate(_batches(wanted, [observations, again])):
            spent[wanted, at] = min(seconds, spent.get((wanted, at), seconds))
    for what, first in (("a new event", 0), ("a count that rises", JOURNAL_EVENTS // BATCH)):
        batches = range(first, first + JOURNAL_EVENTS // BATCH)
        without, with_it = (sum(spent[one, at] for at in batches) / JOURNAL_EVENTS * 1e6 for one in (False, True))
        print(
            f"the writer, {what}: {without:.1f} us without a journal, {with_it:.1f} with one ({with_it / without - 1:+.1%})",
            flush=True,
        )


def _batches(wanted: bool, rounds: list[list[Observation]]) -> Iterator[float]:
    """The processor time of each batch, in an empty database with a journal or without."""
    with database.folder() as folder:
        connection = database.create(folder)
        session = Session(connection)
        store = Store(session, quiet_ms=3_600_000)
        journal = Journal(session, store.changed, folder, 2**31, wanted)
        with session.transaction(SYSTEM.now_ms()):
            journal.begin(SYSTEM.now_ms())
        for each in rounds:
            for at in range(0, JOURNAL_EVENTS, BATCH):
                began = time.process_time()
                with session.transaction(SYSTEM.now_ms()):
                    for one in each[at : at + BATCH]:
                        store.apply(one)
                journal.step()
                yield time.process_time() - began
        connection.close()


# The whole operator


def _with_and_without() -> None:
    """Memory of an operator with a sink and of one without, and how long an event takes from its record to an answer."""
    with tempfile.TemporaryDirectory(prefix="kube9-bench-") as made, Engine(Path(made, "engine")) as engine:
        without = _memory(Path(made, "without"))
        given = {"SINK_URL": f"{engine.url}{OTLP}", "SINK_QUERY_URL": engine.url, "CLUSTER_NAME": NAME}
        with_it = _memory(Path(made, "with"), engine, **given)
    for when, before, after in zip(("idle", f"after {EVENTS:,} Events", "after the load"), without, with_it, strict=True):
        own = next(mib for label, mib in after.items() if label == "sink")
        more = sum(after.values()) - sum(before.values())
        print(f"{when}: {sum(before.values()):.1f} MiB PSS without a sink, {more:+.1f} with one (the sink itself {own:.1f})")


def _memory(folder: Path, engine: Engine | None = None, **environment: str) -> list[dict[str, float]]:
    folder.mkdir()
    found = []
    with StandIn() as standin:
        environment |= {"LOG_LEVEL": "debug", "PYTHONPATH": AS_INSTALLED}
        with Operator(folder, standin.kubeconfig(folder), AS_IN_LIFE, **environment) as operator:
            until(lambda: [one for one in standin.control("requests") if "watch=1" in one], "the watch")
            if engine is not None:
                until(lambda: operator.pid("sink"), "the sink")
            time.sleep(5)
            found.append(shares(operator))
            standin.control("prepare", {"from": 0, "count": EVENTS, "reason": "BackOff", "times": 1})
            standin.control("release")
            until(lambda: operator.accounting()["stored"] == EVENTS, "all of them", 300)
            if engine is not None:
                until(lambda: _visible(engine) >= EVENTS, "all of them to be sent", 300)
            found.append(shares(operator))
            lags = list(_load(standin, engine))
            if lags:
                said = operator.counter("kube9_sink_lag_seconds")
                print(f"{RATE} events/s for {LAG_SECONDS} s: recorded to visible in the engine ", end="")
                print(f"{statistics.median(lags):.1f} s, at most {max(lags):.1f}; the metric says {said:.1f} s", flush=True)
            found.append(shares(operator))
    return found


def _visible(engine: Engine) -> int:
    return int(engine.query('{kube9.stream="events"} | stats count_uniq(kube9.event.number) as found')[0]["found"])


def _load(standin: StandIn, engine: Engine | None) -> Iterator[float]:
    """Writes Events at a rate. Yields once a second how old the newest record is that the engine shows, in seconds."""
    began, written, look = time.time(), 0, 5.0
    while (now := time.time() - began) < LAG_SECONDS:
        due = int(now * RATE)
        if due > written:
            standin.write(*(warning(f"load-{n}", "Failed", f"It failed: {n}", when=time.time()) for n in range(written, due)))
            written = due
        if engine is not None and now >= look:
            look = now + 1.0
            newest = engine.query('{kube9.stream="events"} _time:1m | stats max(kube9.event.recorded_at) as newest')[0][
                "newest"
            ]
            yield time.time() - _seconds(newest)
        time.sleep(0.05)


def _seconds(text: str) -> float:
    return datetime.datetime.fromisoformat(text).timestamp()


# Pages of many clusters


def pages(large: Path) -> None:
    """The time of whole commands that ask for 50 rows."""
    with tempfile.TemporaryDirectory(prefix="kube9-bench-") as made, Engine(Path(made, "engine")) as engine:
        kept = Path(made, "requests")
        sent = send(large, engine, kept)
        assert sent.position
        instances = [sent.position.instance, *(f"{number:032x}" for number in range(1, CLUSTERS))]
        began = time.perf_counter()
        for number in range(1, CLUSTERS):
            _replay(kept, engine, instances, number)
        engine.flush()
        seconds = time.perf_counter() - began
        total = int(engine.query('{kube9.stream="events"} | stats count() as found')[0]["found"])
        print(
            f"{total:,} records of {CLUSTERS} clusters ({(total - sent.records) / seconds:,.0f} a second as they are)",
            flush=True,
        )
        _say_coverage(large, engine, instances)
        after = ("--after", _command(engine, *NOT_COUNTED)["pagination"]["next"], *NOT_COUNTED)
        for what, options in (PAGES | {"the second page": after}).items():
            _say_coverage(large, engine, instances)
            _page(what, engine, options)


def _replay(kept: Path, engine: Engine, instances: list[str], number: int) -> None:
    """Sends the requests of the first cluster again as those of another one."""
    names = (instances[0].encode(), instances[number].encode()), (NAME.encode(), f"bench-{number:02}".encode())
    transport = HttpTransport(Target(f"{engine.url}{OTLP}"))
    with kept.open("rb") as file:
        while size := file.read(4):
            data = zlib.decompress(file.read(int.from_bytes(size, "big")), wbits=31)
            for before, after in names:
                data = data.replace(before, after)
            packer = zlib.compressobj(level=1, wbits=31)
            assert transport.send(packer.compress(data) + packer.flush(), PROTOBUF).status == 200
    transport.close()


def _say_coverage(large: Path, engine: Engine, instances: list[str]) -> None:
    """Each cluster sends its record of coverage, as each minute."""
    source = DatabaseSource(f"{large}/{DATABASE_NAME}", str(large), "target", NAME, None, SYSTEM)
    transport = HttpTransport(Target(f"{engine.url}{OTLP}"))
    for number, instance in enumerate(instances):
        position = Position(instance, "target", 1, 0, backfilled=None, until_ms=SYSTEM.now_ms())
        made = records.coverage(coverage.values(source.database(), position), SYSTEM.now_ms())
        assert transport.post(records.request([made], Cluster(instance, "", f"bench-{number:02}"))).status == 200
    transport.close()
    engine.flush()


def _command(engine: Engine, *options: str) -> Any:
    command = [
        str(BIN / "kube9-cli"),
        "events",
        "list",
        "--limit",
        "50",
        "--timeout",
        "60",
        "-o",
        "json",
        "--store",
        engine.url,
        *options,
    ]
    done = subprocess.run(command, capture_output=True, check=False)
    if done.returncode:
        sys.exit(done.stderr.decode())
    return json.loads(done.stdout)


def _page(what: str, engine: Engine, options: tuple[str, ...]) -> None:
    seconds = []
    for _ in range(ROUNDS):
        began = time.perf_counter()
        found = _command(engine, *options)
        seconds.append(time.perf_counter() - began)
    rows, total = len(found["events"]), found["pagination"].get("total")
    print(
        f"{what}: {statistics.median(seconds) * 1000:.0f} ms, at most {max(seconds) * 1000:.0f} ({rows} rows of {total})",
        flush=True,
    )
