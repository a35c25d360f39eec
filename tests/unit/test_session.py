"""Transactions: who is called when, and that memory agrees with the database after any rollback."""

import contextlib
from collections.abc import Iterator
from typing import Any
from unittest import mock

import apsw
import pytest
from hypothesis import given, settings
from hypothesis import strategies as st
from msgspec.structs import replace

from kube9_operator.model import operator_event, rows
from kube9_operator.model.frame import Frame
from kube9_operator.model.observation import WARNING, Observation
from kube9_operator.model.resource_states import Namespace, Owner, Pod, Service, Slice, State, Workload
from kube9_operator.supervise.messages import OutboxBatch
from kube9_operator.write.events import bounds, deletion, filing
from kube9_operator.write.events.deletion import Run
from kube9_operator.write.recovery.importer import Importer
from kube9_operator.write.recovery.salvage import Named, Saved
from kube9_operator.write.resources import recorder
from kube9_operator.write.sqlite import database
from kube9_operator.write.sqlite.session import Participant, Session
from kube9_schema import tables
from tests.filed import assert_filed
from tests.kept import MINUTE, NOW, Kept, kept, state
from tests.unit.test_merge import seen


class Noted(Participant):
    """Notes what it is told, and fails where a test wants it to."""

    def __init__(self, fails_at: str = "") -> None:
        self.calls: list[str] = []
        self._fails_at = fails_at

    def _note(self, call: str) -> None:
        self.calls.append(call)
        if call == self._fails_at:
            raise apsw.IOError("disk I/O error")

    def begin(self, now_ms: int) -> None:
        self._note(f"begin {now_ms}")

    def before_commit(self) -> None:
        self._note("before_commit")

    def committed(self) -> None:
        self._note("committed")

    def rolled_back(self) -> None:
        self._note("rolled_back")

    def savepoint_rolled_back(self) -> None:
        self._note("savepoint_rolled_back")


@pytest.fixture
def session() -> Iterator[Session]:
    connection = database.Connection(":memory:")
    connection.execute("CREATE TABLE numbers (n INTEGER CHECK (n > 0))")
    yield Session(connection)
    connection.close()


def add(session: Session, number: int) -> None:
    session.connection.execute("INSERT INTO numbers VALUES (?)", (number,))


def fail(session: Session, error: Exception) -> None:
    """Adds a number before it fails."""
    add(session, 2)
    raise error


def numbers(session: Session) -> list[int]:
    return [row[0] for row in session.connection.execute("SELECT n FROM numbers ORDER BY n")]


def test_a_transaction_is_committed_or_rolled_back(session: Session) -> None:
    noted = Noted()
    session.register(noted)
    with session.transaction(7):
        add(session, 1)
    assert noted.calls == ["begin 7", "before_commit", "committed"]
    noted.calls.clear()
    with pytest.raises(KeyError), session.transaction(8):
        fail(session, KeyError())
    assert noted.calls == ["begin 8", "rolled_back"]
    assert numbers(session) == [1]
    assert not session.connection.in_transaction


@pytest.mark.parametrize("fails_at", ["begin 7", "before_commit"])
def test_only_those_that_had_begun_are_rolled_back(session: Session, fails_at: str) -> None:
    first, failing, last = Noted(), Noted(fails_at), Noted()
    session.register(first, failing, last)
    with pytest.raises(apsw.IOError), session.transaction(7):
        add(session, 1)
    assert [one.calls[-1:] for one in (first, failing)] == [["rolled_back"]] * 2
    assert last.calls == ([] if fails_at == "begin 7" else ["begin 7", "rolled_back"])
    assert numbers(session) == []


def test_a_commit_that_fails_rolls_back(session: Session) -> None:
    noted = Noted()
    session.register(noted)
    session.connection.set_commit_hook(lambda: True)
    with pytest.raises(apsw.ConstraintError), session.transaction(7):
        add(session, 1)
    assert noted.calls == ["begin 7", "before_commit", "rolled_back"]
    assert numbers(session) == []


def test_a_savepoint_undoes_what_is_refused_and_nothing_else(session: Session) -> None:
    noted = Noted()
    session.register(noted)
    with session.transaction(7):
        add(session, 1)
        with pytest.raises(apsw.ConstraintError), session.savepoint():
            fail(session, apsw.ConstraintError())
        with session.savepoint():
            add(session, 3)
    assert noted.calls == ["begin 7", "savepoint_rolled_back", "before_commit", "committed"]
    assert numbers(session) == [1, 3]


def test_trouble_with_the_file_in_a_savepoint_undoes_all(session: Session) -> None:
    noted = Noted()
    session.register(noted)
    with pytest.raises(apsw.IOError), session.transaction(7), session.savepoint():
        fail(session, apsw.IOError("disk I/O error"))
    assert noted.calls == ["begin 7", "rolled_back"]
    assert numbers(session) == []


# Any history, with and without rollbacks


class Undo(Exception):
    """Ends a transaction that is to be rolled back at its end."""


NAMESPACES = ("shop", "pay", "x" * 60)
CLUSTERS = ("cluster-1", "cluster-2")
QUOTA = '{"controller":{"kind":"ReplicaSet","name":"web","uid":"uid-rs"}}'
OWNER = Owner("ReplicaSet", "web", "uid-rs")
STATES: dict[str, tuple[Any, ...]] = {
    "pods": (Pod("n", OWNER), Pod("n", None, unschedulable_since_ms=NOW)),
    "deployments": (Workload(2, {"app": "web:1"}), Workload(5, {"app": "web:2"})),
    "namespaces": (Namespace(NOW), Namespace(NOW, NOW)),
    "services": (Service(), Service()),
    "endpointslices": (Slice("web", [1, 2, 3]), Slice("web", [1])),
}

step = st.one_of(
    st.tuples(st.just("event"), st.integers(0, 5), st.integers(0, 9), st.integers(0, 2)),
    st.tuples(st.just("state"), st.sampled_from(sorted(STATES)), st.integers(0, 2), st.integers(0, 1)),
    st.tuples(st.just("list"), st.sampled_from(sorted(STATES)), st.sampled_from(["list begins", "", "list ends"])),
    st.tuples(st.just("cluster"), st.integers(0, 1)),
    st.tuples(st.just("own"), st.integers(0, 3)),
    st.tuples(st.just("delete"), st.integers(0, 3)),
    st.tuples(st.just("import"), st.integers(0, 3)),
    st.tuples(st.just("wait"), st.integers(1, 90)),
)
rollbacks = st.lists(st.integers(0, 60), max_size=2)
"""How many statements a transaction executes before it is rolled back; 0: all of them."""


class Story:
    """A writer with little room for words that lives through a history."""

    def __init__(self, keeper: Kept) -> None:
        self.keeper = keeper
        self.writer = keeper.writer
        self.operator_events = 0
        keeper.connection.execute(
            "INSERT INTO sources (source, covered_from_ms, proved_until_ms) VALUES ('events', ?1, ?1)", (NOW - 30 * MINUTE,)
        )

    def attempt(self, work: Any, undone: list[int]) -> None:
        """Works in transactions that are rolled back, then in one that is not."""
        connection = self.keeper.connection
        for statements in undone:
            left = statements

            def fail(_cursor: object, sql: str, _values: object) -> bool:
                nonlocal left
                left -= 1
                if left == 0 and sql != "ROLLBACK":
                    raise apsw.BusyError("database is locked")
                if sql == "COMMIT":
                    raise Undo
                return True

            connection.exec_trace = fail
            with contextlib.suppress(apsw.Error, Undo):
                work()
            connection.exec_trace = None
            assert not connection.in_transaction
        work()

    def batch(self, undone: list[int], *frames: Frame) -> None:
        def work() -> None:
            with self.writer._session.transaction(self.keeper.now_ms):
                self.writer._apply(list(frames), self.keeper.now_ms)

        self.writer._recorder.use_savepoints = True
        self.attempt(work, undone)
        self.writer._operator_events.clear()

    def live(self, what: tuple[Any, ...], undone: list[int]) -> None:
        keeper = self.keeper
        match what:
            case ("event", number, count, kind):
                self.batch(undone, keeper.frame("events", (), observations=[self.observation(number, count, kind)]))
            case ("state", source, name, which):
                self.batch(undone, keeper.frame(source, [self.state(source, name, which)]))
            case ("list", source, mark):
                shown = [] if mark else [self.state(source, 0, 0)]
                self.batch(undone, keeper.frame(source, shown, mark))
            case ("cluster", which):
                keeper.cluster = CLUSTERS[which]
            case ("own", number):
                self.operator_events += 1
                said = operator_event.observation("Test", WARNING, f"Title {number}", "text", keeper.now_ms, key=str(number))
                self.writer._operator_events.append(OutboxBatch(self.operator_events, [said], number, '{"status":"ok"}'))
                self.batch(undone)
            case ("delete", number):
                rows = "SELECT id FROM events WHERE type = 0 ORDER BY id LIMIT ?"
                ids = [row[0] for row in keeper.connection.execute(rows, (number,))]
                run = Run("SizeLimitDeleted", WARNING, "Size limit deleted events", "why", keeper.now_ms, for_size=True)
                self.attempt(lambda: self.writer.housekeeping.retention._deletion.delete(ids, run), undone)
            case ("import", number):
                self.attempt(lambda: self.bring_in(number), undone)
            case ("wait", minutes):
                keeper.now_ms += minutes * MINUTE

    def observation(self, number: int, count: int, kind: int) -> Observation:
        """A count of 0 is refused; kinds: plain, with words of its own, stopped by a quota."""
        at = (self.keeper.now_ms - NOW) // MINUTE
        one = seen(f"event-{number}", count, first=number, last=at, namespace=NAMESPACES[number % 3])
        one = replace(one, name=f"pod-{number % 2}")
        if kind == 1:
            return replace(one, reason=f"Reason{number}" + 200 * "r", node=f"node-{number}")
        if kind == 2:
            return replace(one, row=rows.QUOTA_EXCEEDED.name, metadata=QUOTA)
        return one

    def state(self, source: str, name: int, which: int) -> State:
        namespace = "" if source == "namespaces" else NAMESPACES[0]
        named = NAMESPACES[0] if source == "namespaces" else "web" if source == "services" else f"pod-{name}"
        reduced = None if name == 2 else STATES[source][which]
        return state(named, reduced, self.keeper.versions + 1, f"uid-{which}", namespace)

    def bring_in(self, number: int) -> None:
        """Imports an event of an object with an owner."""
        at = NOW - 60 * MINUTE
        about = [Named("Pod", "shop", f"pod-{number}", "uid"), Named("ReplicaSet", "shop", "web", "uid-rs")]
        times = (at, at, at, at)
        parts = [tables.Contributor(number + 1, number, 0, at // 3_600_000, 1, 1, 0, at, bytes(10))]
        texts = (None, "{}", "", None)
        saved = Saved(number + 1, 0, 1, 5, *times, 1, 1, 0, 0, at, 1, 0, about, "Reason", "node", "Title", *texts, parts)
        with self.writer._session.transaction(self.keeper.now_ms):
            Importer(self.keeper.connection, self.writer._store, 2**40).add(saved)


def content(connection: apsw.Connection) -> dict[str, list[Any]]:
    """All rows of all tables."""
    names = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    return {
        name: sorted(connection.execute(f"SELECT * FROM {name}").fetchall(), key=repr)
        for name in names
        if name != "schema_version"
    }


@settings(max_examples=settings().max_examples // 2)
@given(st.lists(st.tuples(step, rollbacks), max_size=25))
def test_rollbacks_between_batches_change_nothing(history: list[tuple[tuple[Any, ...], list[int]]]) -> None:
    """With each transaction rolled back at any statement and tried again, the same rows are there as without, to the byte."""
    with (
        kept() as straight,
        kept() as shaken,
        mock.patch.object(bounds, "WORDS_LEAST_BYTES", 900),
        mock.patch.object(bounds.time, "monotonic", return_value=1_000.0),
        mock.patch.object(deletion, "now_ms", side_effect=lambda: straight.now_ms),
        mock.patch.object(recorder, "now_ms", side_effect=lambda: straight.now_ms),
        mock.patch.multiple(filing, PERIOD_EVENTS=4, AFTER_CUT=1, LOOK_AFTER=2),
    ):
        one, other = Story(straight), Story(shaken)
        for story in (one, other):
            story.writer._store.bounds._words._most = 900
        for what, undone in history:
            one.live(what, [])
            other.live(what, undone)
            assert content(straight.connection) == content(shaken.connection), what
            assert_filed(shaken.connection)
