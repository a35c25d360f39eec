"""Floods of one namespace under the size limit: everybody else's events are all there, and the file is within its limit."""

import time
from collections import Counter
from collections.abc import Iterable, Iterator
from pathlib import Path
from unittest import mock

import apsw
import pytest

from kube9_operator.model.observation import CRITICAL, ERROR, INFO, WARNING, Observation, hash64
from kube9_operator.write.events import size_limit
from kube9_operator.write.events.retention import Retention
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite.session import Session
from kube9_operator.write.sqlite.space import Room
from tests.bench import database as made
from tests.filed import assert_filed
from tests.process.test_retention import QUIET_MS, keeper, work

LIMIT_MIB = 16
NOW = time.time_ns() // 1_000_000


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    opened = made.create(str(tmp_path))
    yield opened
    opened.close()


def seen(
    namespace: str,
    number: int,
    severity: int,
    text: str = "it fails",
    words: tuple[str, str, str] = ("Failed", "Pod", "node-1"),
    name: str = "",
) -> Observation:
    """An Event of its own; with a `name` it is one of many about that object."""
    reason, kind, node = words
    return Observation(
        kind=kind,
        namespace=namespace,
        name=name or f"pod-{number}",
        uid=name or f"uid-{namespace}-{number}",
        key=hash64("other", reason),
        contributor=hash64("Event", namespace, str(number), str(severity)),
        contributor_hour=NOW // 3_600_000,
        contributor_name=f"pod-{number}.1",
        primary=True,
        from_status=False,
        count=1,
        first_ms=NOW + number,
        last_ms=NOW + number,
        event_type=0,
        severity=severity,
        title=f"{kind} {reason}",
        description=text,
        metadata=f'{{"source":{{"component":"kubelet","host":"{node}"}}}}',
        reason=reason,
        node=node,
        text_hash=number,
    )


class Flooded:
    """A database into which others have written before a flood, which comes as batches between which retention works."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.connection = connection
        self.session = Session(connection)
        self.store = Store(self.session, QUIET_MS)
        self.keeping: Retention = keeper(self.session, self.store, limit_mib=LIMIT_MIB)
        self.outcomes: Counter[str] = Counter()

    def takes(self, observations: Iterable[Observation]) -> None:
        with self.session.transaction(NOW):
            self.outcomes.update(self.store.apply(one).outcome for one in observations)
        self.keeping._looking_at = 0.0  # a second has passed
        work(self.keeping)

    def flood(self, observations: Iterable[Observation], at_once: int = 500) -> None:
        batch: list[Observation] = []
        for one in observations:
            batch.append(one)
            if len(batch) == at_once:
                self.takes(batch)
                batch = []
                assert self.bytes() < LIMIT_MIB * 2**20
        self.takes(batch)

    def bytes(self) -> int:
        return made.bytes_of(str(Path(self.connection.filename).parent))

    def others(self, count: int = 300) -> None:
        """A hundred and more of each severity, of two namespaces and of cluster-scoped objects."""
        self.takes(
            seen(("shop", "pay", "")[n % 3], 1_000 * severity + n, severity) for severity in range(4) for n in range(count)
        )
        assert self.left("shop", "pay", "") == 4 * count

    def left(self, *namespaces: str) -> int:
        sql = "SELECT count(*) FROM events e JOIN words n ON n.id = e.namespace WHERE e.type = 0 AND n.word = ?"
        return sum(int(self.connection.execute(sql, (one,)).get) for one in namespaces)


@pytest.fixture
def flooded(connection: apsw.Connection) -> Flooded:
    one = Flooded(connection)
    one.others()
    return one


def test_a_flood_of_words(flooded: Flooded) -> None:
    """Each Warning brings a reason, a kind and a host that nobody has seen: 15 MB of words in all."""
    filler = 180 * "x"
    coming = 12_000
    flooded.flood(seen("flood", n, WARNING, words=(f"R{n}{filler}", f"K{n}{filler}", f"h{n}.{filler}")) for n in range(coming))
    assert flooded.left("shop", "pay", "") == 1_200
    assert flooded.outcomes == {"stored": coming + 1_200}
    words = flooded.connection.execute("SELECT sum(2 * octet_length(word) + 20) FROM words").get
    assert words < 128 * 1024, "64 KiB are a namespace's share"
    (reason,) = flooded.store.bounds.reasons()
    assert reason.startswith("namespace flood: more new reasons")
    node, metadata, kind = flooded.connection.execute(
        "SELECT n.word, t.metadata, k.word FROM events e JOIN words n ON n.id = e.node JOIN words k ON k.id = e.kind "
        "JOIN texts t ON t.event = e.id WHERE e.type = 0 ORDER BY e.id DESC LIMIT 1"
    ).fetchone()
    assert (node, kind) == ("(other)", "(other)")
    for part in ("R", "K"):
        assert f'"{part}{coming - 1}{filler}"' in metadata, "what its row cannot say is there"


def test_words_that_nothing_uses_go_before_any_event(flooded: Flooded) -> None:
    """As a database of an earlier release may have them."""
    with flooded.session.transaction(NOW):
        rows = [(f"{n}{200 * 'x'}",) for n in range(32_000)]
        flooded.connection.executemany("INSERT INTO words (word) VALUES (?)", rows)
    flooded.keeping = keeper(flooded.session, flooded.store, limit_mib=LIMIT_MIB)  # the operator starts
    flooded.takes([])
    assert flooded.left("shop", "pay", "") == 1_200
    assert flooded.connection.execute("SELECT count(*) FROM words").get < 100
    flooded.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert flooded.bytes() < LIMIT_MIB * 2**20


def test_a_flood_of_errors_of_one_namespace(flooded: Flooded) -> None:
    coming = 15_000
    flooded.flood(seen("flood", n, ERROR if n % 3 else CRITICAL, text=900 * "e") for n in range(coming))
    assert flooded.left("shop", "pay", "") == 1_200, "infos and warnings too: the flood alone takes more than its share"
    assert 1_000 < flooded.left("flood") < coming
    metadata = flooded.connection.execute(
        "SELECT t.metadata FROM events e JOIN texts t ON t.event = e.id JOIN words r ON r.id = e.reason WHERE r.word = ?",
        ("SizeLimitDeleted",),
    ).get
    assert f'"namespaces":{{"flood":{coming - flooded.left("flood")}}}' in metadata
    late = seen("shop", 9_999, INFO)
    flooded.takes([late])
    assert flooded.left("shop", "pay", "") == 1_201, "what went of one namespace does not keep out what comes of another"


def test_a_flood_of_events_about_one_object(flooded: Flooded) -> None:
    """One event of 100,000 Events: its contributors are what fills the file."""
    flooded.takes([seen("flood", 0, CRITICAL, name="web")])
    event = flooded.connection.execute("SELECT max(event) FROM contributors").get
    with flooded.session.transaction(NOW):
        rows = [(event, n * 7_919_000_003, 0, NOW // 3_600_000, 1, 1, 0, NOW, b"0123456789") for n in range(140_000)]
        flooded.connection.executemany("INSERT INTO contributors VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)", rows)
    flooded.takes([])
    assert flooded.left("shop", "pay", "") == 1_200
    flooded.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert flooded.bytes() < LIMIT_MIB * 2**20


def test_nothing_is_deleted_in_vain(flooded: Flooded) -> None:
    """Something else than events fills the database: they keep their part, and health says so."""
    with flooded.session.transaction(NOW):
        rows = [("pods", "flood", f"pod-{n}", "uid", "1", 4_000 * b"x", NOW) for n in range(4_000)]
        flooded.connection.executemany("INSERT INTO states VALUES (?, ?, ?, ?, ?, ?, ?)", rows)
    flooded.takes([])
    assert flooded.left("shop", "pay", "") == 1_200
    assert flooded.store.bounds.reasons() == ["the database is over its size limit, and deleting events frees nothing more"]
    flooded.connection.execute("DELETE FROM states")
    flooded.takes([])
    assert flooded.store.bounds.reasons() == [], "there is room, whoever made it"


def test_a_namespace_of_errors_alone_keeps_nobody_from_giving_where_the_disk_is_short(flooded: Flooded) -> None:
    """Others fill the disk: nothing severe goes, so the largest namespace has nothing to give, and the next ones do."""
    flooded.flood(seen("severe", n, ERROR, text=400 * "e") for n in range(6_000))
    flooded.flood(seen("chatty", n, WARNING, text=400 * "w") for n in range(3_000))
    space = flooded.keeping.space
    room = space.room()
    assert room.used <= room.limit * size_limit.PRESSED, "the database itself is within its limit"
    short = Room(room.used, room.free, room.limit, room.used // 20)
    with mock.patch.object(space, "room", return_value=short):
        flooded.takes([])
    assert flooded.left("severe") == 6_000
    assert flooded.left("chatty") < 3_000
    assert flooded.left("shop", "pay", "") == 1_200, "who is below the level gives nothing"


def test_what_deleted_events_took_becomes_free(connection: apsw.Connection) -> None:
    """Those of the larger of two namespaces whose events lie side by side: SQLite itself joins no pages that are half empty."""
    flooded = Flooded(connection)
    flooded.flood(seen("big" if n % 4 < 3 else "small", n, WARNING, text=400 * "m") for n in range(14_000))
    before, used = flooded.left("big"), flooded.keeping.space.used()
    limit = flooded.keeping.space.room().limit
    assert limit * 0.7 < used <= limit * 0.95
    flooded.flood(seen("big" if n % 4 < 3 else "small", n, WARNING, text=400 * "m") for n in range(14_000, 20_000))
    gone = before + 4_500 - flooded.left("big")
    assert flooded.left("small") == 5_000
    # One round deletes some 1,350, and a WAL that a checkpoint has not emptied yet takes the room of 700 more.
    assert 0 < gone < 7_500, "about as many as came, 4,500"
    assert connection.pragma("integrity_check") == "ok"
    assert_filed(connection)
