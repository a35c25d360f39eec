"""Inputs as the API server sends them, through decoding, comparison and the writer: in one process, by the clock of the test.

`tests/data/cases/*.json` are such inputs, each with what is wanted; `tests/unit/test_cases.py` says that in Python.
"""

import json
from collections.abc import Iterator
from contextlib import contextmanager
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from typing import Any

import msgspec

from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import State
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.kinds import KINDS
from kube9_schema import DATABASE_NAME
from tests.cli import run_cli
from tests.kept import Kept

FOLDER = Path(__file__).parent / "data" / "cases"
Json = dict[str, Any]


class Cluster(Kept):
    """A writer that is given objects and Events as JSON."""

    def __init__(self, now: str = "2026-11-30T02:07:29Z") -> None:
        super().__init__()
        self.now_ms = ms(now)
        self._version = 100

    def list_(self, source: str, *objects: Json) -> None:
        """A complete list of a source; at first it is the baseline."""
        self.lists(source, *self._states(source, objects))

    def put(self, source: str, *objects: Json) -> None:
        """Lines of a watch: each of these was added or has changed."""
        for one in objects:
            self.sees(source, *self._states(source, [one]))

    def remove(self, source: str, *objects: Json) -> None:
        """Lines of a watch: each of these is gone."""
        for one in objects:
            self.sees(source, *self._states(source, [one], gone=True))

    def event(self, *events: Json) -> None:
        """Lines of the watch of Events; those that are left out change nothing."""
        for one in events:
            self.hears(*observations(one, self.now_ms))

    def row(self, **wanted: Any) -> Json:
        """The one event with these fields. Fails where there is none, or several."""
        found = [one for one in self.events() if all(one[key] == value for key, value in wanted.items())]
        assert len(found) == 1, self.events()
        return found[0]

    def occurrences(self, folder: Path) -> list[list[int]]:
        """Of each event the count and the counts of its occurrences, as `kube9-cli events get` says them; `folder` is empty."""
        self.connection.execute("VACUUM INTO ?", (str(folder / DATABASE_NAME),))
        found = []
        for event in json.loads(run_cli(folder, "events", "list", "--type=cluster", "--limit=1000").stdout)["events"]:
            shown = json.loads(run_cli(folder, "events", "get", event["id"]).stdout)
            found.append([shown["count"], *(one["count"] for one in shown["occurrences"])])
        return found

    def _states(self, source: str, objects: Any, gone: bool = False) -> list[State]:
        batch = Batch()
        for one in objects:
            self._version += 1
            whole = deepcopy(one)
            own = whole["metadata"]
            own.setdefault("uid", f"uid-{own['name']}")
            own.setdefault("resourceVersion", str(self._version))
            kind = KINDS[source]
            (kind.take_deleted if gone else kind.take)(msgspec.Raw(json.dumps(whole).encode()), batch)
        assert batch.counts.undecodable == 0, batch.unreadable
        return batch.states


def observations(event: Json, server_ms: int) -> list[Observation]:
    """What an Event becomes; nothing where it is left out."""
    batch = Batch(server_ms=server_ms)
    KINDS["events"].take(msgspec.Raw(json.dumps(event).encode()), batch)
    assert batch.counts.undecodable == 0, batch.unreadable
    return batch.observations


def case(number: str) -> Json:
    """One of the inputs in tests/data/cases."""
    found: Json = json.loads((FOLDER / f"{number}.json").read_text(encoding="utf-8"))
    return found


def ms(text: str) -> int:
    """An ISO time in ms since 1970."""
    return int(datetime.fromisoformat(text.replace("Z", "+00:00")).timestamp() * 1000)


@contextmanager
def cluster(now: str = "2026-11-30T02:07:29Z") -> Iterator[Cluster]:
    """A cluster until the end of the block."""
    one = Cluster(now)
    try:
        yield one
    finally:
        one.close()
