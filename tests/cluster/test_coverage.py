"""What the record says of itself when Events expire, versions are compacted and the API server comes and goes."""

import contextlib
import http.client
import itertools
import threading
import time
from collections.abc import Callable, Iterator
from concurrent.futures import ThreadPoolExecutor
from datetime import UTC, datetime, timedelta
from pathlib import Path
from typing import Any

import apsw
import pytest

from tests.cluster.plane import ApiError, ControlPlane
from tests.cluster.recorder import (
    DEADLINES,
    LONG_SECONDS,
    POLL_SECONDS,
    agree,
    counts_in_database,
    listed,
    logged,
    times,
    warning,
)
from tests.operator import OF_EVENTS, Operator, until

LIFE_SECONDS = 20
LIFE = timedelta(seconds=LIFE_SECONDS)
LIST = timedelta(seconds=2)
"""Between the time that a list begins, to which it is dated, and the line in the log that says that it is done."""
MARGIN = timedelta(seconds=5)
"""What the operator has learnt may be this much shorter than the truth, never longer: a gap would end before its hole."""
COMPACTION = "5s"
DELETED = 6
"""One more than the operator wants to see go early before it believes that Events live shorter."""
LOST = 60
"""Of Events while the operator is down, at least."""
RESTARTS = 10
LOAD_THREADS = 2
LOAD_COUNT = 4


@pytest.fixture(scope="module")
def forgetful(binaries: Path, tmp_path_factory: pytest.TempPathFactory) -> Iterator[ControlPlane]:
    """A control plane where Events live for seconds and versions are compacted all the time."""
    folder = tmp_path_factory.mktemp("forgetful")
    with ControlPlane(folder, binaries, event_ttl=f"{LIFE_SECONDS}s", compaction_interval=COMPACTION) as running:
        yield running


@pytest.fixture
def compacting(binaries: Path, tmp_path: Path) -> Iterator[ControlPlane]:
    """A control plane where Events live for an hour and versions are compacted all the time."""
    folder = tmp_path / "control-plane"
    folder.mkdir()
    with ControlPlane(folder, binaries, compaction_interval=COMPACTION) as running:
        yield running


@contextlib.contextmanager
def recording(plane: ControlPlane, folder: Path, **environment: str) -> Iterator[Operator]:
    """A running operator that has listed what there is."""
    with Operator(folder, plane.kubeconfig(folder), DEADLINES, NO_PROXY="127.0.0.1", **environment) as running:
        until(lambda: logged(running, "watch.listed", source="events"), "the first list")
        yield running


class Recorder:
    """Writes Events in a namespace of its own, and knows when each was written: not before that time."""

    def __init__(self, plane: ControlPlane, namespace: str) -> None:
        self.namespace = namespace
        self.path = f"/api/v1/namespaces/{namespace}/events"
        self.written: dict[str, datetime] = {}
        self._plane = plane
        plane.api("POST", "/api/v1/namespaces", {"metadata": {"name": namespace}})

    def write(self, *names: str) -> None:
        for name in names:
            self.written[name] = datetime.now(UTC)
            self._plane.api("POST", self.path, warning(self.namespace, name))

    def update(self, name: str, count: int) -> None:
        self._plane.api("PATCH", f"{self.path}/{name}.17a", times(count))

    def write_until(self, done: Callable[[], bool], what: str) -> None:
        """Writes lost-0, lost-1, … until the condition holds."""

        def holds() -> bool:
            self.write(f"lost-{len(self.written)}")
            return done()

        until(holds, what, LONG_SECONDS)

    def is_gone(self, name: str) -> bool:
        """Whether the API has the Event no more."""
        try:
            self._plane.api("GET", f"{self.path}/{name}.17a")
        except ApiError as error:
            if error.status == 404:
                return True
            raise
        return False

    def newest(self) -> str:
        return list(self.written)[-1]


def gaps(operator: Operator, *arguments: str) -> list[dict[str, str]]:
    """What Events do not cover of the asked time. A list of resources after a hole always leaves a gap of theirs."""
    coverage = operator.cli("events", "list", "--limit", "1", OF_EVENTS, *arguments)["coverage"]
    assert coverage["complete"] == (not coverage["gaps"])
    assert not coverage["unavailable"]
    found: list[dict[str, str]] = coverage["gaps"]
    return found


def confirmed_until(operator: Operator) -> str:
    found: str = operator.cli("status")["watches"]["events"]["confirmed_until"]
    return found


def recorded(operator: Operator, recorder: Recorder) -> dict[str, int]:
    """Of each event of the recorder's namespace the object's name and the count; none is there twice."""
    counts = counts_in_database(operator, recorder.namespace)
    assert len(dict(counts)) == len(counts)
    return dict(counts)


def life_ms(operator: Operator) -> int | None:
    """How long Events live as far as the operator has learnt it."""
    connection = apsw.Connection(str(operator.data / "kube9.db"), flags=apsw.SQLITE_OPEN_READONLY)
    with contextlib.closing(connection):
        row = connection.execute("SELECT value FROM facts WHERE name = 'event_life_ms'").fetchone()
    return row and row[0]


def listed_again(operator: Operator, lists: int = 2) -> datetime:
    """When the operator's list of this number was done, which an expired version has made necessary."""
    lines = until(lambda: logged(operator, "watch.listed", source="events")[lists - 1 :], "another list")
    until(lambda: logged(operator, "watch.failed", source="events", why="the version has expired"), "the log line watch.failed")
    return datetime.fromisoformat(lines[0]["timestamp"])


def assert_gap(operator: Operator, recorder: Recorder, confirmed: str, life: timedelta, lists: int = 2) -> dict[str, str]:
    """States one gap, from where the record was proved to what the list shows, and misses nothing outside of it."""
    done = listed_again(operator, lists)
    until(lambda: recorder.newest() in recorded(operator, recorder), "the newest Event")
    until(lambda: confirmed_until(operator) > confirmed, "the end of the list")
    found = gaps(operator)
    assert [(gap["source"], gap["from"]) for gap in found] == [("events", confirmed)], found
    gap = found[0]
    begin, end = datetime.fromisoformat(gap["from"]), datetime.fromisoformat(gap["to"])
    assert done - life - LIST <= end <= done - life
    known = recorded(operator, recorder)
    missing = {name: at for name, at in recorder.written.items() if name not in known}
    assert missing
    assert all(begin < at < done - life for at in missing.values()), max(missing.values()) - end
    assert gaps(operator, "--since", gap["to"]) == []
    assert gaps(operator, "--until", gap["from"]) == []
    return gap


def test_expired_and_compacted_while_down(forgetful: ControlPlane, tmp_path: Path) -> None:
    recorder = Recorder(forgetful, "expired-while-down")
    with recording(forgetful, tmp_path, KUBERNETES_EVENT_TTL_SECONDS=str(LIFE_SECONDS)) as operator:
        recorder.write("known", "rises")
        recorder.update("rises", 2)
        before = {"known": 1, "rises": 2}
        agree(lambda: recorded(operator, recorder), lambda: before)
        assert gaps(operator) == []
        assert operator.stop() == 0
        confirmed = confirmed_until(operator)

        recorder.update("rises", 3)
        recorder.write_until(lambda: len(recorder.written) > LOST, "Events that will be lost")
        last_lost = recorder.newest()
        recorder.write_until(lambda: recorder.is_gone(last_lost), "Events to expire")
        assert recorder.is_gone("rises")
        operator.start()

        gap = assert_gap(operator, recorder, confirmed, LIFE)
        assert before.items() <= recorded(operator, recorder).items()

        recorder.write("later")
        until(lambda: "later" in recorded(operator, recorder), "an Event after the gap")
        confirmed = confirmed_until(operator)
        until(lambda: confirmed_until(operator) > confirmed, "the watch to go on")
        assert gaps(operator) == [gap]
        assert operator.stop() == 0
        operator.start()
        confirmed = confirmed_until(operator)
        until(lambda: confirmed_until(operator) > confirmed, "the watch to go on")
        assert gaps(operator) == [gap]
        assert gaps(operator, "--since", gap["to"]) == []
        operator.accounting()


def test_down_for_less_than_events_live(forgetful: ControlPlane, tmp_path: Path) -> None:
    recorder = Recorder(forgetful, "down-for-less")
    with recording(forgetful, tmp_path, KUBERNETES_EVENT_TTL_SECONDS=str(LIFE_SECONDS)) as operator:
        recorder.write("known", "rises")
        agree(lambda: recorded(operator, recorder), lambda: {"known": 1, "rises": 1})
        assert operator.stop() == 0

        recorder.write("new", "new-often")
        recorder.update("rises", 2)
        recorder.update("new-often", 3)
        forgetful.compact()
        operator.start()

        listed_again(operator)
        agree(lambda: recorded(operator, recorder), lambda: {"known": 1, "rises": 2, "new": 1, "new-often": 3})
        confirmed = confirmed_until(operator)
        until(lambda: confirmed_until(operator) > confirmed, "the watch to go on")
        assert gaps(operator) == []
        operator.accounting()


def test_events_live_shorter_than_believed(forgetful: ControlPlane, tmp_path: Path) -> None:
    # Those of another test would go early too.
    until(lambda: not forgetful.api("GET", "/api/v1/events?limit=1")["items"], "no Events", LONG_SECONDS)
    doomed, recorder = Recorder(forgetful, "doomed"), Recorder(forgetful, "live-shorter")
    others = [Recorder(forgetful, f"live-shorter-{number}") for number in range(2)]
    with recording(forgetful, tmp_path) as operator:
        doomed.write(*(f"web-{number}" for number in range(DELETED)))
        agree(lambda: recorded(operator, doomed), lambda: dict.fromkeys(doomed.written, 1))
        forgetful.api("DELETE", "/api/v1/namespaces/doomed")
        forgetful.api("DELETE", doomed.path)
        until(lambda: operator.accounting()["filtered"] >= DELETED, "the operator to see them deleted")
        assert not logged(operator, "event_ttl.changed")
        assert life_ms(operator) is None

        rounds = itertools.count()

        def is_seen() -> bool:
            """A watch that breaks off, as on a busy machine, does not show what expires meanwhile: then more come."""
            begun = next(rounds) * DELETED
            for one in (recorder, *others):
                one.write(*(f"web-{number}" for number in range(begun, begun + DELETED)))
            deadline = time.monotonic() + 3 * LIFE.total_seconds()
            while not logged(operator, "event_ttl.changed") and time.monotonic() < deadline:
                time.sleep(POLL_SECONDS)
            return bool(logged(operator, "event_ttl.changed"))

        until(is_seen, "Events to be seen to live shorter", LONG_SECONDS)
        assert recorded(operator, recorder) == dict.fromkeys(recorder.written, 1)
        assert gaps(operator) == []
        assert operator.stop() == 0
        confirmed, learnt = confirmed_until(operator), life_ms(operator)
        assert learnt is not None
        assert learnt // 1000 == logged(operator, "event_ttl.changed")[-1]["seconds"]
        life = timedelta(milliseconds=learnt)
        assert LIFE - MARGIN <= life <= LIFE
        lists = len(logged(operator, "watch.listed", source="events"))

        recorder.write_until(lambda: len(recorder.written) > LOST, "Events that will be lost")
        last_lost = recorder.newest()
        recorder.write_until(lambda: recorder.is_gone(last_lost), "Events to expire")
        recorder.write_until(lambda: datetime.now(UTC) - life > recorder.written[last_lost], "them to be older than believed")
        operator.start()

        assert_gap(operator, recorder, confirmed, life, lists + 1)
        assert life_ms(operator) == learnt
        operator.accounting()


class Load:
    """Threads that write Events and raise their counts until told to end, whatever the API server does."""

    def __init__(self, plane: ControlPlane, recorder: Recorder) -> None:
        self.counts: dict[str, int] = {}
        self._plane = plane
        self._recorder = recorder
        self._end = threading.Event()
        self._pool = ThreadPoolExecutor(LOAD_THREADS)
        self._threads = [self._pool.submit(self._write, number) for number in range(LOAD_THREADS)]

    def written(self) -> int:
        return len(self.counts)

    def end(self) -> None:
        self._end.set()
        self._pool.shutdown()
        for one in self._threads:
            one.result()

    def _write(self, thread: int) -> None:
        number = 0
        while not self._end.is_set():
            name = f"load-{thread}-{number}"
            self._insist("POST", self._recorder.path, warning(self._recorder.namespace, name))
            for count in range(2, 2 + number % LOAD_COUNT):
                self._insist("PATCH", f"{self._recorder.path}/{name}.17a", times(count))
            self.counts[name] = 1 + number % LOAD_COUNT
            number += 1

    def _insist(self, method: str, path: str, body: dict[str, Any]) -> None:
        def done() -> bool:
            try:
                self._plane.api(method, path, body)
            except ApiError as error:
                # It was written before its connection was lost.
                return method == "POST" and error.status == 409
            except (OSError, http.client.HTTPException):
                return False
            return True

        until(done, f"{method} {path}", LONG_SECONDS)


def test_api_server_restarted_under_load(compacting: ControlPlane, tmp_path: Path) -> None:
    recorder = Recorder(compacting, "restarted")
    with recording(compacting, tmp_path) as operator:
        load = Load(compacting, recorder)
        try:
            for number in range(RESTARTS):
                due = load.written() + 20
                until(lambda due=due: load.written() >= due, "load", LONG_SECONDS)
                compacting.restart_api_server(kill=number % 2 == 1)
        finally:
            load.end()

        agree(lambda: recorded(operator, recorder), lambda: load.counts)
        assert len(listed(compacting, recorder.namespace)) == len(load.counts)
        until(lambda: operator.health()[0] == 200, "health")
        assert gaps(operator) == []
        until(lambda: logged(operator, "watch.restored", source="events"), "the log line watch.restored")
        assert operator.stop() == 0
        accounting = operator.accounting()
        elsewhere = [
            event
            for offset in ("0", "1000", "2000")
            for event in operator.events("--offset", offset)
            if event.get("object_namespace") != recorder.namespace and "source" in event["metadata"]
        ]
        assert accounting["stored"] == len(load.counts) + len(elsewhere), elsewhere
        assert (accounting["dropped"], accounting["refused"], accounting["undecodable"]) == (0, 0, 0)
        assert operator.integrity() == "ok"
