"""The journal of changes: nothing that a reader of an event sees changes without it, and it holds only what is not settled."""

import contextlib
import inspect
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import apsw
import msgspec
import pytest

from kube9_operator.model import sink_position
from kube9_operator.model.sink_position import Position
from kube9_operator.sink import events
from kube9_operator.sink.events import Event
from kube9_operator.write.events import journal
from kube9_operator.write.events.changed import ChangedEvents
from kube9_operator.write.events.journal import TRIGGERS, Journal
from kube9_operator.write.events.store import Store
from kube9_operator.write.recovery.importer import Importer
from kube9_operator.write.recovery.salvage import Named, Saved
from kube9_operator.write.sqlite.session import Participant, Session
from kube9_schema import facts
from tests.bench import database as made
from tests.cases import Cluster
from tests.sinking import Reading
from tests.unit import test_cases, test_identity, test_states

NOW = 1_795_000_000_000
MAX_BYTES = 2**30


class Mirror(Participant):
    """Another store: it reads what the journal names after each commit, and nothing else."""

    def __init__(self, connection: apsw.Connection) -> None:
        self.database: Any = Reading(connection)
        self.at = 0
        self.events: dict[int, Event] = {}

    def committed(self) -> None:
        while changed := events.changed(self.database, self.at, 100):
            assert all(after > before for before, after in zip((self.at,), (changed.last,), strict=True))
            self.at = changed.last
            found = {one.number: one for one in events.read(self.database, changed.revisions)}
            self.events |= found
            for number in changed.merged - found.keys():
                self.events.pop(number, None)


class Watched(Cluster):
    """A writer with a sink. `Kept` makes another writer at each `restart`."""

    folder = "/nowhere"

    def restart(self) -> None:
        super().restart()
        session = self.writer._session
        if not hasattr(self, "mirror"):
            self.mirror = Mirror(self.connection)
        with session.transaction(self.now_ms):
            Journal(session, self.writer._store.changed, self.folder, MAX_BYTES, wanted=True).begin(self.now_ms)
        session.register(self.mirror)


def stories() -> Iterator[Callable[..., None]]:
    """Tests that need nothing but a cluster."""
    for module in (test_cases, test_states, test_identity):
        for name, story in inspect.getmembers(module, inspect.isfunction):
            if name.startswith("test_") and list(inspect.signature(story).parameters) in (["here"], ["keeper"]):
                yield story


@pytest.mark.parametrize("story", list(stories()), ids=lambda story: story.__name__)
def test_nothing_changes_without_the_journal(story: Callable[..., None]) -> None:
    watched = Watched()
    if list(inspect.signature(story).parameters) == ["keeper"]:
        watched.now_ms = NOW
    try:
        story(watched)
        numbers = [row[0] for row in watched.connection.execute("SELECT id FROM events")]
        assert watched.mirror.events == {one.number: one for one in events.read(watched.mirror.database, numbers)}
    finally:
        watched.close()


@pytest.fixture
def connection(tmp_path: Path) -> Iterator[apsw.Connection]:
    opened = made.create(str(tmp_path))
    yield opened
    opened.close()


def begun(connection: apsw.Connection, folder: Path, at_ms: int = NOW, wanted: bool = True) -> Journal:
    session = Session(connection)
    found = Journal(session, ChangedEvents(connection), str(folder), MAX_BYTES, wanted)
    with session.transaction(at_ms):
        found.begin(at_ms)
    return found


def fact(connection: apsw.Connection, name: str) -> Any:
    return connection.execute("SELECT value FROM facts WHERE name = ?", (name,)).get


def change(connection: apsw.Connection, number: int, times: int = 1) -> None:
    for _ in range(times):
        connection.execute("INSERT INTO changes (what, id) VALUES (0, ?)", (number,))


def numbers(connection: apsw.Connection) -> list[int]:
    return [row[0] for row in connection.execute("SELECT seq FROM changes ORDER BY seq")]


def triggers(connection: apsw.Connection) -> set[str]:
    return {row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE name LIKE 'journal%'")}


def settle(connection: apsw.Connection, folder: Path, seq: int, **more: Any) -> None:
    """Writes what the sink would."""
    instance, began = fact(connection, facts.SINK_INSTANCE), fact(connection, facts.SINK_FROM)
    position = Position(instance, "target", began, 0, seq=seq, backfilled=None, until_ms=NOW)
    sink_position.save(str(folder), msgspec.structs.replace(position, **more))


def test_without_a_sink_nothing_is_kept(connection: apsw.Connection, tmp_path: Path) -> None:
    begun(connection, tmp_path, wanted=False)
    made.fill(connection, 20)
    assert (triggers(connection), numbers(connection)) == (set(), [])
    instance_before = begun(connection, tmp_path) and fact(connection, facts.SINK_INSTANCE)
    assert triggers(connection) == set(TRIGGERS)
    change(connection, 1)
    begun(connection, tmp_path, wanted=False)
    assert (triggers(connection), numbers(connection), fact(connection, facts.SINK_FROM)) == (set(), [], None)
    begun(connection, tmp_path)
    assert fact(connection, facts.SINK_INSTANCE) == instance_before, "its events are the same as before"


def test_triggers_of_another_release_are_replaced_and_everything_is_sent_again(
    connection: apsw.Connection, tmp_path: Path
) -> None:
    begun(connection, tmp_path)
    before = fact(connection, facts.SINK_FROM)
    connection.execute("DROP TRIGGER journal_event_updated")
    for name, when in (("inserted", "INSERT"), ("updated", "UPDATE OF recorded_ms, title, object, text_hash")):
        sql = f"CREATE TRIGGER journal_event_{name} AFTER {when} ON events"
        connection.execute(f"{sql} BEGIN INSERT INTO changes (what, id) VALUES (0, NEW.id); END")
    begun(connection, tmp_path)
    assert triggers(connection) == set(TRIGGERS)
    assert fact(connection, facts.SINK_FROM) > before


def test_an_event_has_one_row_for_each_transaction_that_changes_it(connection: apsw.Connection, tmp_path: Path) -> None:
    session = Session(connection)
    store = Store(session, quiet_ms=3_600_000)
    Journal(session, store.changed, str(tmp_path), MAX_BYTES, wanted=True)
    (first,) = made.observations(1)
    rising = [msgspec.structs.replace(first, count=count, last_ms=first.last_ms + count) for count in range(1, 5)]
    for some in (rising[:3], rising[3:]):
        with session.transaction(NOW):
            for one in some:
                store.apply(one)
    event = connection.execute("SELECT id FROM events").get
    assert connection.execute("SELECT what, id FROM changes").fetchall() == [(0, event), (0, event)]


@pytest.mark.parametrize("is_rolled_back", [False, True])
def test_what_changes_while_a_transaction_commits_is_noted_too(connection: apsw.Connection, is_rolled_back: bool) -> None:
    session = Session(connection)
    changed = ChangedEvents(connection)
    changed.is_wanted = True

    class Later(Participant):
        def before_commit(self) -> None:
            changed.note(2)
            if is_rolled_back:
                raise apsw.FullError

    session.register(changed, Later())
    with contextlib.suppress(apsw.FullError), session.transaction(NOW):
        changed.note(1)
    rows = connection.execute("SELECT id FROM changes ORDER BY seq").fetchall()
    assert rows == ([] if is_rolled_back else [(1,), (2,)])


def test_an_event_that_is_imported_from_a_damaged_database_is_new(connection: apsw.Connection) -> None:
    session = Session(connection)
    store = Store(session, quiet_ms=3_600_000)
    store.changed.is_wanted = True
    about = [Named("Pod", "shop", "web-1", "uid")]
    texts = ("BackOff", "", "Back-off", "it failed", "{}", "web-1.1", None)
    saved = Saved(77, 0, 1, 5, NOW, NOW, NOW, NOW, 1, 1, 0, 0, NOW, 1, 9, about, *texts, contributors=[])
    with session.transaction(NOW):
        assert Importer(connection, store, fresh_from=10**9).add(saved)
    assert connection.execute("SELECT what, id FROM changes").fetchall() == [(0, 77)]


def test_revisions_begin_with_the_time_and_rise_with_each_start(connection: apsw.Connection, tmp_path: Path) -> None:
    begun(connection, tmp_path)
    began = fact(connection, facts.SINK_FROM)
    assert numbers(connection) == [began] == [NOW * 1_000]
    change(connection, 1, 3)
    begun(connection, tmp_path, NOW + 60_000)
    assert numbers(connection)[-1] == (NOW + 60_000) * 1_000
    begun(connection, tmp_path, NOW - 60_000)
    assert numbers(connection)[-1] == (NOW + 60_000) * 1_000 + 1, "also if the clock was set back"
    assert fact(connection, facts.SINK_FROM) == began


def test_a_database_that_was_restored_is_sent_again(connection: apsw.Connection, tmp_path: Path) -> None:
    begun(connection, tmp_path)
    settle(connection, tmp_path, (NOW + 5_000) * 1_000)
    begun(connection, tmp_path, NOW)
    assert fact(connection, facts.SINK_FROM) == (NOW + 5_000) * 1_000 + 1


def test_a_new_database_in_place_of_a_damaged_one_is_the_same_instance(connection: apsw.Connection, tmp_path: Path) -> None:
    sink_position.save(str(tmp_path), Position("before", "target", 5, 0, seq=7))
    begun(connection, tmp_path)
    assert fact(connection, facts.SINK_INSTANCE) == "before"


def test_what_is_settled_is_deleted_but_the_last_number_stays(connection: apsw.Connection, tmp_path: Path) -> None:
    kept = begun(connection, tmp_path)
    change(connection, 1, 10)
    every = numbers(connection)
    kept.step()
    assert numbers(connection) == every
    settle(connection, tmp_path, every[-3])
    kept = begun(connection, tmp_path)
    kept.step()
    assert numbers(connection)[:2] == every[-2:]
    settle(connection, tmp_path, numbers(connection)[-1])
    kept = begun(connection, tmp_path)
    last = numbers(connection)[-1]
    kept.step()
    assert last in numbers(connection)


@pytest.mark.parametrize("other", [{"instance": "another"}, {"journal": 1}])
def test_a_position_of_another_journal_settles_nothing(
    connection: apsw.Connection, tmp_path: Path, other: dict[str, Any]
) -> None:
    begun(connection, tmp_path)
    change(connection, 1, 10)
    every = numbers(connection)
    settle(connection, tmp_path, every[-1], **other)
    kept = begun(connection, tmp_path)
    kept.step()
    assert numbers(connection)[: len(every)] == every
    assert kept.settled_ms() == 0


def test_a_journal_that_is_too_long_begins_again_and_keeps_what_was_merged(
    connection: apsw.Connection, tmp_path: Path, monkeypatch: pytest.MonkeyPatch
) -> None:
    session = Session(connection)
    kept = Journal(session, ChangedEvents(connection), str(tmp_path), 64 * 20 * 8, wanted=True)  # eight changes
    with session.transaction(NOW):
        kept.begin(NOW)
    before = fact(connection, facts.SINK_FROM)
    change(connection, 1, 10)
    connection.execute("INSERT INTO changes (what, id) VALUES (2, 77)")
    merged = numbers(connection)[-1]
    kept.step()
    assert fact(connection, facts.SINK_FROM) > before
    monkeypatch.setattr(journal, "LOOK_SECONDS", 0.0)
    kept._look_at = 0.0
    kept.step()
    assert numbers(connection) == [merged, fact(connection, facts.SINK_FROM)]


def test_a_controller_and_the_services_of_a_pod_are_changes(connection: apsw.Connection, tmp_path: Path) -> None:
    begun(connection, tmp_path)
    connection.execute("INSERT INTO controllers VALUES (5, 6)")
    connection.execute("INSERT INTO objects (id, name, kind, namespace, uid) VALUES (9, 'web-1', 0, 0, 'static')")
    connection.execute("INSERT INTO mirror_pods VALUES ('mirror', 'static', NULL)")
    for uid in ("mirror", "static", "another"):
        connection.execute("INSERT INTO service_pods VALUES ('shop', 'web', ?, 1, 'web-1', NULL)", (uid,))
    found = connection.execute("SELECT what, id FROM changes ORDER BY seq").fetchall()
    assert found == [(3, 0), (0, 5), (1, 9), (1, 9)]


def test_events_that_are_not_settled_are_known(connection: apsw.Connection, tmp_path: Path) -> None:
    kept = begun(connection, tmp_path)
    assert kept.settled_ms() == 0
    settle(connection, tmp_path, numbers(connection)[-1], until_ms=NOW - 7)
    kept.step()
    assert kept.settled_ms() == NOW - 7
    assert begun(connection, tmp_path, wanted=False).settled_ms() is None


def test_a_position_survives_whatever_is_in_its_place(tmp_path: Path) -> None:
    assert sink_position.load(str(tmp_path)) is None
    (tmp_path / sink_position.FILE_NAME).write_bytes(b'{"instance": "\xff')
    assert sink_position.load(str(tmp_path)) is None
    position = Position("a", "b", 1, 2, seq=3)
    sink_position.save(str(tmp_path), position)
    assert sink_position.load(str(tmp_path)) == position
