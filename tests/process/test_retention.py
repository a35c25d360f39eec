"""What retention and the limit of size delete: the right rows, only those, with all that belongs to them alone."""

import os
import random
import subprocess
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from kube9_operator import settings
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.observation import Observation
from kube9_operator.model.tally import Tally
from kube9_operator.write.events import deletion, retention, sweep
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite import database, space
from kube9_operator.write.sqlite.session import Session
from kube9_schema.gaps import DELETED_FOR_SIZE
from tests.bench import database as made
from tests.faults.test_every_call import STRIDE
from tests.filed import assert_filed
from tests.operator import until
from tests.process.test_writer import Asked, frame, write

DAY_MS = 86_400_000
QUIET_MS = 3_600_000
COUNT = 3_000
SMALL_MIB = 4
MOST_PAUSES = 20
"""A size limit below the least that the setting takes: a few thousand events reach it, and all is in proportion to it."""


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    opened = made.create(str(tmp_path))
    yield opened
    opened.close()


def keeper(opened: apsw.Connection | Session, store: Store | None = None, limit_mib: int | None = None) -> retention.Retention:
    """Retention as the writer has it, told by the API server that our clock is right."""
    session = opened if isinstance(opened, Session) else Session(opened)
    connection = session.connection
    folder = str(Path(connection.filename).parent)
    chosen = settings.from_environment({"DB_PATH": folder})
    if limit_mib:
        chosen = msgspec.structs.replace(chosen, database_max_mib=limit_mib)
    database.bound(connection, chosen.database_max_mib * 2**20)
    store = store or Store(session, QUIET_MS)
    coverage = Coverage(session, store, 3_600_000)
    keeping = retention.Retention(session, store, coverage, chosen, Deadlines(), Tally())
    keeping.server_says(now_ms())
    return keeping


def deleted(keeping: retention.Retention) -> Counter[str]:
    """What it has counted for /metrics, by severity."""
    counted = keeping._deletion._tally.report().counts.get(deletion.DELETED, {})
    return Counter({severity: number for (severity,), number in counted.items()})


def now_ms() -> int:
    return time.time_ns() // 1_000_000


def work(keeping: retention.Retention) -> None:
    """Everything that is due now."""
    keeping.step()
    while keeping.busy():
        keeping.step()


def ids(connection: apsw.Connection, where: str = "1", *values: Any) -> list[int]:
    return [row[0] for row in connection.execute(f"SELECT id FROM events WHERE {where} AND type != 5 ORDER BY id", values)]


def make_old(connection: apsw.Connection, seed: int = 1) -> list[int]:
    """Gives the events times of their last recording around both limits; returns the ids of those that are to be deleted."""
    chance, expired = random.Random(seed), []
    with Session(connection).transaction(now_ms()):
        for event, severity in connection.execute("SELECT id, severity FROM events ORDER BY id").fetchall():
            limit = (7 if severity <= 1 else 30) * DAY_MS
            age = limit + chance.choice([-20 * DAY_MS, -60_000, 60_000, DAY_MS])
            connection.execute("UPDATE events SET recorded_ms = ? WHERE id = ?", (now_ms() - max(0, age), event))
            if age > limit:
                expired.append(event)
    return expired


def assert_nothing_is_left_over(connection: apsw.Connection) -> None:
    for what, where in {
        "texts": "event NOT IN (SELECT id FROM events)",
        "contributors": "event NOT IN (SELECT id FROM events) AND event NOT IN (SELECT event FROM leftovers)",
        "leftovers": "event NOT IN (SELECT event FROM contributors)",
        "objects": "id NOT IN (SELECT object FROM events) AND id NOT IN (SELECT owner FROM objects WHERE owner IS NOT NULL)",
    }.items():
        assert connection.execute(f"SELECT count(*) FROM {what} WHERE {where}").get == 0, what
    used = {0}
    for words in connection.execute("SELECT namespace, kind, reason, node, title FROM events"):
        used.update(words)
    for words in connection.execute("SELECT namespace, kind FROM objects"):
        used.update(words)
    for words in connection.execute("SELECT source, place FROM series"):
        used.update(words)
    assert {row[0] for row in connection.execute("SELECT id FROM words")} == used
    assert connection.pragma("integrity_check") == "ok"
    for row in connection.execute("SELECT received, stored + updated + unchanged FROM books"):
        assert row[0] == row[1]


def test_the_right_rows_go_and_only_those(connection: apsw.Connection) -> None:
    made.fill(connection, COUNT)
    before, expired = ids(connection), make_old(connection)
    severities = dict(connection.execute("SELECT id, severity FROM events").fetchall())
    assert 500 < len(expired) < COUNT - 500
    keeping = keeper(connection)
    work(keeping)
    assert ids(connection) == sorted(set(before) - set(expired))
    assert_nothing_is_left_over(connection)
    gone = Counter({0: "info", 1: "warning", 2: "error", 3: "critical"}[severities[event]] for event in expired)
    assert deleted(keeping) == gone
    assert connection.pragma("freelist_count") == 0, "space is given back"
    ((count, severity, title, description),) = connection.execute(
        "SELECT e.count, e.severity, w.word, t.description FROM events e JOIN texts t ON t.event = e.id "
        "JOIN words w ON w.id = e.title WHERE type = 5 AND created_ms > ?",
        (now_ms() - 60_000,),
    ).fetchall()
    assert (count, severity, title) == (len(expired), 0, "Retention deleted events")
    assert description.startswith(f"{gone['info']} info, {gone['warning']} warning")
    assert connection.execute("SELECT count(*) FROM gaps").get == 0, "how long events are kept is known from the settings"


def test_owners_and_words_go_with_the_last_that_needs_them(connection: apsw.Connection) -> None:
    made.fill(connection, 100)
    first, second = connection.execute("SELECT object FROM events ORDER BY id LIMIT 2").fetchall()
    connection.execute("INSERT INTO words (id, word) VALUES (9001, 'Deployment'), (9002, 'long-gone')")
    connection.execute("INSERT INTO objects (id, name, kind, namespace, uid) VALUES (9000, 'web', 9001, 9002, 'uid-web')")
    connection.execute("UPDATE objects SET owner = 9000 WHERE id IN (?, ?)", (first[0], second[0]))

    def expire(number: int) -> None:
        connection.execute("UPDATE events SET recorded_ms = 0 WHERE object = ?", (number,))
        work(keeper(connection))

    expire(first[0])
    assert connection.execute("SELECT count(*) FROM objects WHERE id = 9000").get == 1, "another is owned by it"
    expire(second[0])
    assert connection.execute("SELECT count(*) FROM objects WHERE id = 9000").get == 0
    assert connection.execute("SELECT word FROM words WHERE id IN (9001, 9002)").fetchall() == []


def test_a_word_that_is_asked_for_meanwhile_stays(connection: apsw.Connection) -> None:
    made.fill(connection, 50)
    (seen,) = made.observations(1, seed=99)
    session = Session(connection)
    store = Store(session, QUIET_MS)
    with session.transaction(now_ms()):
        store.apply(seen)
        connection.execute("UPDATE events SET recorded_ms = 0")
    keeping = keeper(session, store)
    (again,) = made.observations(1, seed=98)
    steps = 0
    while not steps or keeping.busy():
        keeping.step()
        steps += 1
        if not ids(connection) and not connection.execute("SELECT count(*) FROM books WHERE source = 'later'").get:
            connection.execute("INSERT INTO books (source) VALUES ('later')")
            with session.transaction(now_ms()):
                store.apply(again)
    missing = connection.execute(
        "SELECT count(*) FROM events e LEFT JOIN words w ON w.id = e.title LEFT JOIN words n ON n.id = e.node "
        "WHERE w.id IS NULL OR n.id IS NULL"
    ).get
    assert missing == 0


def test_what_has_no_bound_is_deleted_in_slices(connection: apsw.Connection) -> None:
    """Events with thousands of contributors, some to be deleted with them and some later, and thousands of words."""
    made.fill(connection, 8)
    connection.execute("UPDATE events SET recorded_ms = 0")
    with Session(connection).transaction(now_ms()):
        for event in ids(connection):
            parts = [(event, number // 2, number % 2, number) for number in range(-2_500, 2_500)]
            sql = "INSERT INTO contributors VALUES (?, ?, ?, ?, 3, 1, 0, 0, x'')"
            connection.executemany(sql, parts)
        connection.executemany("INSERT INTO words (word) VALUES (?)", [(f"once-{number}",) for number in range(5_000)])
        for event in ids(connection)[4:]:
            connection.execute("INSERT INTO leftovers VALUES (?, 1)", (event,))
            connection.execute("DELETE FROM events WHERE id = ?", (event,))
    deleted, before = list[int](), connection.total_changes()

    def commits() -> bool:
        nonlocal before
        deleted.append(connection.total_changes() - before)
        before = connection.total_changes()
        return False

    connection.set_commit_hook(commits)
    work(keeper(connection))
    assert max(deleted) < 1.5 * sweep.CONTRIBUTORS_AT_ONCE
    assert connection.execute("SELECT count(*) FROM leftovers").get == 0
    kept = "SELECT count(*) FROM contributors WHERE event NOT IN (SELECT id FROM events)"
    assert connection.execute(kept).get == 0
    assert connection.execute("SELECT count(*) FROM words WHERE word GLOB 'once-*'").get == 0


def test_numbers_of_objects_that_are_erased_are_given_again_and_mean_the_new_one(connection: apsw.Connection) -> None:
    """Nothing holds a number longer than its transaction."""
    session, chance = Session(connection), random.Random(5)
    store = Store(session, QUIET_MS)
    keeping = keeper(session, store)
    seen = list(made.observations(80))
    names = {one.contributor_name: one.name for one in seen}
    given: Counter[int] = Counter()
    for number in range(40):
        with session.transaction(now_ms()):
            for one in chance.sample(seen, 20):
                again = {name: getattr(one, name) for name in one.__struct_fields__}
                store.apply(Observation(**again | {"count": number + 1, "last_ms": one.last_ms + 2 * QUIET_MS * number}))
        found = connection.execute(
            """SELECT t.contributor, o.name, o.id FROM events e JOIN texts t ON t.event = e.id
            LEFT JOIN objects o ON o.id = e.object"""
        ).fetchall()
        assert all(names[contributor] == name for contributor, name, _ in found)
        there = ids(connection)
        with session.transaction(now_ms()):
            keeping._deletion.delete_rows(chance.sample(there, len(there) // 2), now_ms())
        kept = {row[0] for row in connection.execute("SELECT id FROM objects")}
        given.update({row[2] for row in found} - kept)
    assert max(given.values()) > 1, "a number was given again"


def test_a_clock_a_day_off_deletes_nothing(connection: apsw.Connection, capfd: pytest.CaptureFixture[str]) -> None:
    made.fill(connection, 200)
    expired = make_old(connection)
    keeping = keeper(connection)
    keeping.server_says(now_ms() - DAY_MS - 1_000)
    work(keeping)
    assert set(expired) <= {row[0] for row in connection.execute("SELECT id FROM events")}
    assert connection.execute("SELECT count(*) FROM events e JOIN words w ON w.id = title WHERE word = 'Clock is off'").get == 1
    work(keeping)
    assert connection.execute("SELECT count(*) FROM events e JOIN words w ON w.id = title WHERE word = 'Clock is off'").get == 1
    keeping.server_says(now_ms() + 60_000)
    work(keeping)
    assert not set(expired) & set(ids(connection))


def test_without_word_of_the_server_nothing_is_deleted_by_age(connection: apsw.Connection) -> None:
    made.fill(connection, 200)
    make_old(connection)
    keeping = keeper(connection)
    keeping.server_says(0)
    work(keeping)
    assert len(ids(connection)) == len(ids(connection, "1"))
    assert not deleted(keeping)


def test_the_limit_of_size_takes_from_the_largest_the_least_severe_and_oldest(
    connection: apsw.Connection, monkeypatch: pytest.MonkeyPatch
) -> None:
    # A namespace gives up to one transaction too much. On a quick machine that is a hundred events: too many for so few.
    monkeypatch.setattr(deletion, "MOST_AT_ONCE", 10)
    made.fill(connection, 5_500)
    rows = connection.execute("SELECT id, severity, last_ms, namespace FROM events WHERE type != 5").fetchall()
    keeping = keeper(connection, limit_mib=SMALL_MIB)
    work(keeping)
    left = set(ids(connection))
    gone = [row for row in rows if row[0] not in left]
    for namespace in {row[3] for row in gone}:
        order = sorted((row for row in rows if row[3] == namespace), key=lambda row: (row[1], row[2], row[0]))
        theirs = sorted(row for row in gone if row[3] == namespace)
        assert theirs == sorted(order[: len(theirs)])
    assert {row[1] for row in gone} == {0, 1}, "so many that there were not enough of the least severe"
    kept = Counter(row[3] for row in rows if row[0] in left)
    gave, spared = {row[3] for row in gone}, {row[3] for row in rows} - {row[3] for row in gone}
    assert min(kept[each] for each in gave) > 0.8 * max(kept[each] for each in gave), "all are cut to one level"
    assert max(kept[each] for each in spared) < 1.2 * min(kept[each] for each in gave), "who is below it gives nothing"
    connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
    assert made.bytes_of(str(Path(connection.filename).parent)) < SMALL_MIB * 2**20
    ((reason, first, last),) = connection.execute("SELECT reason, from_ms, to_ms FROM gaps").fetchall()
    assert reason == DELETED_FOR_SIZE
    assert first < last
    size_events = "SELECT count FROM events e JOIN words w ON w.id = title WHERE word = 'Size limit deleted events'"
    assert [row[0] for row in connection.execute(size_events)] == [len(gone) + (deleted(keeping).total() - len(gone))]
    assert_nothing_is_left_over_but_contributors(connection)


def assert_nothing_is_left_over_but_contributors(connection: apsw.Connection) -> None:
    assert (
        connection.execute(
            "SELECT count(*) FROM contributors WHERE event NOT IN (SELECT id FROM events) "
            "AND event NOT IN (SELECT event FROM leftovers)"
        ).get
        == 0
    )
    assert connection.execute("SELECT count(*) FROM texts WHERE event NOT IN (SELECT id FROM events)").get == 0
    assert_filed(connection)
    assert connection.pragma("integrity_check") == "ok"


def test_what_is_left_out_because_it_would_be_next_is_in_a_gap(connection: apsw.Connection) -> None:
    """Also where it is older than all that was deleted; and the gap is stated once."""
    session = Session(connection)
    store = Store(session, QUIET_MS)
    keeping = keeper(session, store)
    at = now_ms() - 1_800_000

    def seen(minutes: int, count: int) -> list[Observation]:
        return [
            msgspec.structs.replace(
                one,
                namespace="shop",
                first_ms=at + minutes * 60_000,
                last_ms=at + minutes * 60_000,
                contributor_hour=at // 3_600_000,
                severity=0,
            )
            for one in made.observations(count, seed=minutes)
        ]

    with session.transaction(now_ms()):
        for one in seen(0, 5):
            assert store.apply(one).outcome == "stored"
        connection.execute("INSERT INTO sources (source, covered_from_ms) VALUES ('events', ?)", (at - 20 * 3_600_000,))
    run = keeping._size_limit.run()
    keeping._deletion.delete(ids(connection), run)
    gap = "SELECT from_ms, to_ms FROM gaps"
    assert connection.execute(gap).fetchall() == [(at, at)]
    for minutes in (20, 20, 5):
        write(connection, Asked(), frame(1, seen(-minutes, 2)))
        assert connection.execute(gap).fetchall() == [(at - 20 * 60_000, at)]
    assert connection.execute("SELECT filtered FROM books WHERE source = 'events'").get == 6
    write(connection, Asked(), frame(1, seen(1, 2)))
    assert connection.execute("SELECT stored FROM books WHERE source = 'events'").get == 2


def test_nothing_deleted_comes_back_by_a_list(connection: apsw.Connection) -> None:
    session = Session(connection)
    store = Store(session, QUIET_MS)
    seen = list(made.observations(20))

    def apply(at_ms: int) -> Counter[str]:
        with session.transaction(at_ms):
            return Counter(store.apply(one).outcome for one in seen)

    assert apply(now_ms()) == {"stored": 20}
    keeping = keeper(session, store)
    with session.transaction(now_ms()):
        keeping._deletion.delete_rows(ids(connection), now_ms())
    assert ids(connection) == []
    assert apply(now_ms()) == {"unchanged": 20}
    work(keeping)
    assert connection.execute("SELECT count(*) FROM contributors").get == 20, "they may still be listed"
    connection.execute("UPDATE leftovers SET until_ms = ?", (now_ms() - 1,))
    work(keeper(session, store))
    assert connection.execute("SELECT count(*) FROM contributors").get == 0


def test_a_flood_in_little_room(connection: apsw.Connection) -> None:
    """More than its contributors may have room for: it stays within the limit, the newest stay, and nothing comes back."""
    session = Session(connection)
    store = Store(session, QUIET_MS)
    keeping = keeper(session, store, limit_mib=2 * SMALL_MIB)
    keeping._size_limit.leftovers_most //= 2  # half of the flood is enough then
    seen = list(made.observations(16_000))
    for at in range(0, len(seen), 500):
        with session.transaction(now_ms()):
            for one in seen[at : at + 500]:
                store.apply(one)
        keeping._looking_at = 0.0  # a second has passed
        work(keeping)
        for _ in range(MOST_PAUSES):
            if not keeping.pressed:
                break
            # Deleting is tried again some seconds after it has freed too little.
            keeping._looking_at = keeping._size_limit._again_at = 0.0
            work(keeping)
        # A batch adds to the file and the WAL before retention looks again. A slow machine deletes in smaller transactions,
        # which write more pages, and it writes the WAL back later.
        assert made.bytes_of(str(Path(connection.filename).parent)) < (2 * SMALL_MIB + 2) * 2**20
    assert 0 < connection.execute("SELECT count(*) FROM leftovers").get < 2 * keeping._size_limit.leftovers_most < len(seen)
    newest = [one.name for one in seen if one.severity >= 2 and one.event_type == 0][-2:]
    assert connection.execute("SELECT count(*) FROM objects WHERE name IN (?, ?)", newest).get == 2
    before, severe = ids(connection), ids(connection, "severity = 3")
    assert len(severe) == sum(one.severity == 3 and one.event_type != 5 for one in seen)
    again_session = Session(connection)
    again = Store(again_session, QUIET_MS)
    with again_session.transaction(now_ms()):
        outcomes = Counter(again.apply(one).outcome for one in seen if one.event_type == 0)
    assert set(outcomes) == {"unchanged", "filtered"}
    assert outcomes["filtered"] > 0, "of these the contributors are gone too"
    assert all(again.has(one) for one in seen if one.event_type == 0), "a list that is compared finds nothing that is missed"
    assert ids(connection) == before
    assert connection.pragma("integrity_check") == "ok"


def test_what_comes_waits_while_deleting_does_not_keep_up(connection: apsw.Connection) -> None:
    made.fill(connection, 5_000)
    keeping = keeper(connection, limit_mib=SMALL_MIB)
    assert not keeping.full()
    keeping.step()
    assert keeping.full()
    work(keeping)
    assert not keeping.full()


def test_every_statement_may_fail(connection: apsw.Connection, tmp_path: Path) -> None:
    """For every n the n-th statement fails: what is due goes all the same, and nothing else. `make test` takes some n."""
    n = 1 - STRIDE
    while True:
        n += STRIDE
        folder = tmp_path / str(n)
        folder.mkdir()
        trying = made.create(str(folder))
        made.fill(trying, 30)
        before, expired = ids(trying), make_old(trying)
        keeping = keeper(trying)
        left = n

        def fail(_cursor: object, _sql: str, _values: object) -> bool:
            nonlocal left
            left -= 1
            if left == 0:
                raise apsw.IOError("disk I/O error")
            return True

        trying.exec_trace = fail
        work(keeping)
        trying.exec_trace = None
        failed = left <= 0
        assert set(before) - set(ids(trying)) <= set(expired)
        work(keeper(trying))
        assert ids(trying) == sorted(set(before) - set(expired)), n
        assert_nothing_is_left_over(trying)
        trying.close()
        if not failed:
            break
    assert n > 50


@pytest.mark.skipif(not Path("/usr/bin/mount").exists() or os.getuid() != 0, reason="needs root and mount: sudo make test")
def test_a_floor_of_free_space_is_kept(tmp_path: Path) -> None:
    subprocess.run(["mount", "-t", "tmpfs", "-o", "size=28m", "tmpfs", tmp_path], check=True)
    try:
        connection = made.create(str(tmp_path))
        made.fill(connection, 13_000)
        connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)  # the WAL keeps its room, and can start over
        found = os.statvfs(tmp_path)
        with (tmp_path / "ballast").open("wb") as ballast:
            ballast.write(b"x" * (found.f_bavail * found.f_frsize - 2**19))
        errors = len(ids(connection, "severity >= 2"))
        keeping = keeper(connection, limit_mib=23)

        def kept() -> bool:
            work(keeping)
            connection.wal_checkpoint(mode=apsw.SQLITE_CHECKPOINT_PASSIVE)
            found = os.statvfs(tmp_path)
            return found.f_bavail >= found.f_blocks // space.FLOOR_PART

        until(kept, "the floor")
        assert deleted(keeping)["info"] > 0
        assert len(ids(connection, "severity >= 2")) == errors
        connection.close()
    finally:
        subprocess.run(["umount", "--lazy", tmp_path], check=True)
