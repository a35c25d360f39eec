"""A writer on a database in memory whose clock the test holds, fed with states as watches deliver them."""

import queue
import threading
from collections.abc import Iterable, Iterator
from contextlib import contextmanager
from typing import Any
from unittest import mock

import msgspec

from kube9_operator.model import resource_states
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import ControlFrame, Counts, EventFrame, Frame, ListBegins, ListEnds, StateFrame
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import GONE, Reduced, State
from kube9_operator.model.tally import Tally
from kube9_operator.settings import from_environment
from kube9_operator.write import writer
from kube9_operator.write.sqlite import database, migrations
from tests.filed import assert_filed

NOW = 1_795_000_000_000
SECOND, MINUTE, HOUR = 1_000, 60_000, 3_600_000


class Link:
    """A link to nobody."""

    def __init__(self) -> None:
        self.stop = threading.Event()
        self.abandon = False
        self.tally = Tally()

    def beat_from_thread(self, report: object = None) -> None:
        pass

    def beat(self, phase: str = "running", deadline: float | None = None, report: object = None) -> None:
        pass


def state(name: str, reduced: Reduced | None, version: int = 1, uid: str = "", namespace: str = "shop") -> State:
    """An object as seen, or gone."""
    encoded = resource_states.encode(reduced) if reduced is not None else GONE
    return State(namespace, name, uid or f"uid-{name}", str(version), encoded)


class Kept:
    """The writer, its clock and its database."""

    def __init__(self) -> None:
        self.connection = database.Connection(":memory:")
        migrations.migrate(self.connection, migrations.known())
        self.now_ms = NOW
        self.versions = 0
        self.cluster = "cluster-1"
        self.restart()

    def close(self) -> None:
        self.connection.close()

    def restart(self) -> None:
        """Another writer on the same database: what was in memory is gone."""
        settings = from_environment({"DB_PATH": "/"})
        self.writer = writer.Writer(Link(), queue.Queue(), self.connection, settings, Deadlines())  # type: ignore[arg-type]

    def take(self, *frames: Frame) -> None:
        """Commits frames, and what time alone brings about."""
        with mock.patch.object(writer, "now_ms", return_value=self.now_ms):
            self.writer._commit(list(frames))

    def frame(self, source: str, seen: Iterable[State], mark: Any = "", observations: Iterable[Observation] = ()) -> Frame:
        """A frame of a watch, or of a list where it has a mark or `listing`."""
        seen, observations = list(seen), list(observations)
        self.versions += 1
        if mark:
            ends = ListEnds(str(self.versions), self.now_ms, cluster=self.cluster)
            return ControlFrame(source, ListBegins(self.cluster) if mark == "list begins" else ends)
        counts, version = Counts(received=len(seen) + len(observations)), str(self.versions)
        if source == "events":
            return EventFrame(source, counts, observations, version, self.now_ms)
        return StateFrame(source, counts, seen, version, self.now_ms)

    def page(self, source: str, seen: Iterable[State]) -> StateFrame:
        """A page of a list: it has no version."""
        frame = self.frame(source, seen)
        assert isinstance(frame, StateFrame)
        return msgspec.structs.replace(frame, version="", confirmed_ms=0)

    def lists(self, source: str, *seen: State) -> None:
        """A complete list, page by page."""
        self.take(self.frame(source, (), "list begins"))
        for one in seen:
            self.take(self.page(source, [one]))
        self.take(self.frame(source, (), "list ends"))

    def sees(self, source: str, *seen: State) -> None:
        """Lines of a watch."""
        self.take(self.frame(source, seen))

    def hears(self, *observations: Observation) -> None:
        """Lines of the watch of Events."""
        self.take(self.frame("events", (), observations=observations))

    def waits(self, ms: int, *confirmed: str) -> None:
        """Time passes; then these sources are confirmed."""
        self.now_ms += ms
        self.take(*(self.frame(source, ()) for source in confirmed))

    def events(self) -> list[dict[str, Any]]:
        """All events, in the order of their ids; of the operator's own none."""
        return [
            dict(
                zip(
                    ("title", "severity", "count", "first", "last", "kind", "name", "reason", "text", "metadata"),
                    row,
                    strict=True,
                )
            )
            | {"metadata": msgspec.json.decode(row[-1])}
            for row in self.connection.execute(
                """SELECT ti.word, e.severity, e.count, e.first_ms, e.last_ms, k.word, o.name, r.word, t.description, t.metadata
                FROM events e JOIN words ti ON ti.id = e.title JOIN objects o ON o.id = e.object JOIN words k ON k.id = e.kind
                JOIN words r ON r.id = e.reason JOIN texts t ON t.event = e.id WHERE e.type = 0 ORDER BY e.id"""
            )
        ]

    def told(self) -> list[tuple[str, str, int]]:
        """Of each event title, object and count."""
        return [(one["title"], one["name"], one["count"]) for one in self.events()]

    def one(self) -> dict[str, Any]:
        (found,) = self.events()
        return found

    def accounting(self, source: str) -> dict[str, int]:
        """What became of what was received, without what nothing became of."""
        found = self.writer.coverage.accounting().get(source, {})
        return {name: count for name, count in found.items() if count}

    def owners(self, name: str) -> list[str]:
        """The chain of owners of an object."""
        found = []
        row = self.connection.execute("SELECT owner FROM objects WHERE name = ?", (name,)).fetchone()
        while row and row[0]:
            row = self.connection.execute(
                "SELECT o.owner, k.word || '/' || o.name FROM objects o JOIN words k ON k.id = o.kind WHERE o.id = ?", row[:1]
            ).fetchone()
            found.append(row[1])
        return found


@contextmanager
def kept() -> Iterator[Kept]:
    one = Kept()
    try:
        yield one
        assert_filed(one.connection)
    finally:
        one.close()
