"""Damage that no statement stumbles over: rows that are gone, or make no sense. It makes no crash loop: recording goes
on.
"""

import shutil
from collections.abc import Iterator
from pathlib import Path

import apsw
import pytest

from tests.faults.test_damage import DEADLINES, SALVAGE_SECONDS, ids_now, quick_check, state
from tests.operator import Operator, until
from tests.standin import StandIn, warning

LATE = DEADLINES | {"inspect_first": 600.0}
"""Nobody looks for damage: the writer has to notice."""
SPOILT = {
    "metadata that is no JSON": "UPDATE texts SET metadata = '[' || substr(metadata, 2) WHERE event = {event}",
    "a text that is no UTF-8": "UPDATE texts SET description = CAST(x'ff' AS TEXT) WHERE event = {event}",
    "a fact that is no number": "UPDATE facts SET value = 'x' WHERE name = 'last_event_id'",
    "a fact that is no JSON": "INSERT INTO facts VALUES ('salvage', '[')",
    "no texts": "DELETE FROM texts WHERE event = {event}",
    "no word": "DELETE FROM words WHERE id = (SELECT title FROM events WHERE id = {event})",
}


@pytest.fixture(scope="module")
def cluster() -> Iterator[StandIn]:
    with StandIn() as standin:
        yield standin


@pytest.fixture(scope="module")
def recorded(tmp_path_factory: pytest.TempPathFactory, cluster: StandIn) -> Path:
    """The folder of an operator that has recorded six events and has stopped."""
    folder = tmp_path_factory.mktemp("recorded")
    operator = Operator(folder, cluster.kubeconfig(folder), LATE)
    cluster.write(
        *(warning(f"pod-{number}", "BackOff", "Back-off restarting failed container app in pod") for number in range(6))
    )
    with operator:
        until(lambda: len(ids_now(operator)) == 6, "the list")
        assert operator.stop() == 0
    return operator.data


@pytest.fixture
def operator(tmp_path: Path, cluster: StandIn, recorded: Path) -> Operator:
    """An operator with what was recorded."""
    shutil.copytree(recorded, tmp_path / "data")
    return Operator(tmp_path, cluster.kubeconfig(tmp_path), LATE)


@pytest.mark.parametrize("spoilt", SPOILT)
def test_what_is_kept_makes_no_sense(operator: Operator, cluster: StandIn, spoilt: str) -> None:
    connection = apsw.Connection(str(operator.data / "kube9.db"))
    connection.execute(SPOILT[spoilt].format(event=event_of(connection)))
    connection.close()
    assert quick_check(operator.data / "kube9.db") == "ok"
    goes_on(operator, cluster)


def test_a_key_that_a_bit_has_changed(operator: Operator, cluster: StandIn) -> None:
    path = operator.data / "kube9.db"
    connection = apsw.Connection(str(path))
    event = event_of(connection)
    connection.close()
    key = varint(event)
    data = bytearray(path.read_bytes())
    pages = [at for at in range(0, len(data), 4_096) if data[at] == 13 and b'"source"' in data[at : at + 4_096]]
    at = next(found for page in pages if (found := data.find(key, page, page + 4_096)) > 0)
    data[at + 1] ^= 0x40
    path.write_bytes(data)
    assert "out of order" in quick_check(path)
    goes_on(operator, cluster)


def event_of(connection: apsw.Connection) -> int:
    return int(connection.execute("SELECT e.id FROM events e JOIN objects o ON o.id = e.object WHERE o.name = 'pod-3'").get)


def varint(number: int) -> bytes:
    """As SQLite writes a number of more than 56 bits: eight times seven bits, each with the highest bit set, then eight."""
    return bytes([number >> 8 + 7 * left & 0x7F | 0x80 for left in reversed(range(8))]) + bytes([number & 0xFF])


def goes_on(operator: Operator, cluster: StandIn) -> None:
    """The event whose rows are spoilt happens again, with another text and title, and others too: all is recorded."""
    cluster.write(
        warning("pod-3", "BackOff", "Back-off restarting failed container app", count=15), warning("other", "BackOff", "x")
    )
    with operator:
        until(lambda: list(operator.data.glob("kube9.db.corrupt-*Z")), "the file to be moved aside", SALVAGE_SECONDS)
        until(lambda: {"pod-3", "other"} <= set(ids_now(operator)), "recording to go on", SALVAGE_SECONDS)
        until(lambda: [line for line in operator.log() if line["event"] == "salvage.done"], "the end", SALVAGE_SECONDS)
        assert state(operator)
        assert operator.stop() == 0
    ended = operator.log("workers.restarting")
    assert len(ended) == 1, ended
    assert operator.integrity() == "ok"
