"""What the encoder of the sink writes, the central reader reads back: every field of odd events, without an engine."""

import json
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import apsw
import pytest
from hypothesis import given
from hypothesis import strategies as st
from opentelemetry.proto.logs.v1.logs_pb2 import LogRecord

from kube9_cli.central import copy
from kube9_cli.query.connection import Database
from kube9_operator.model.sink_position import Position
from kube9_operator.sink import coverage, events, records, wire
from kube9_operator.sink.events import Event, Owner
from kube9_operator.sink.records import Cluster
from kube9_schema import DATABASE_NAME, ids
from kube9_schema.codes import EVENT_TYPES, SEVERITIES
from tests import fleet, otlp
from tests.cli import run_cli
from tests.unit.test_store_copy import NOW_MS, Store

CLUSTERS = (Cluster("e" * 32, "uid-eu", "eu"), Cluster("a" * 32, "uid-us", ""))
"""The second has no name, so answers show its uid."""
FIRST_REVISION = 1_767_322_000_000_000
HOSTILE = (
    *('"}]}', "\\", "\\u0000", "' OR 1=1 --", "a\nb\r\n\tc", '{kube9.stream="events"} | delete', "%s%n{}", "<b>&amp;</b>"),
    *(
        "\u202eright to left",
        "\u200b",
        "👩‍👩‍👧‍👦",
        "e\u0301",
        "İß\u017f",
        "\x1b[31mred",
        "\x7f\x80\x9f",
        "\ufeff",
        "\uffff",
        "none",
        "null",
    ),
    *(" ", "x" * 115, "x" * 127, "ü" * 64, "x" * 128, "x" * 16_383, "x" * 16_384, "ü" * 8_000),
)
"""Texts that JSON, LogsQL and terminals treat apart; lengths take more bytes in protobuf from 128 and from 16384 on."""


def make_hostile(folder: Path) -> None:
    """Gives events of a database texts that nobody expects."""
    with apsw.Connection(str(folder / DATABASE_NAME)) as connection:
        numbers = [row[0] for row in connection.execute("SELECT id FROM events ORDER BY id")]
        for at, number in enumerate(numbers[: 3 * len(HOSTILE)]):
            text, short = HOSTILE[at % len(HOSTILE)], HOSTILE[at % len(HOSTILE)][:200]
            connection.execute("INSERT OR IGNORE INTO words (word) VALUES (?)", (short,))
            word = connection.execute("SELECT id FROM words WHERE word = ?", (short,)).get
            metadata = json.dumps({"text": text, short: [1, None, {"deep": text[:50]}]}, ensure_ascii=at % 2 == 0)
            connection.execute("UPDATE texts SET description = ?, metadata = ? WHERE event = ?", (text, metadata, number))
            connection.execute("UPDATE events SET title = ?, node = ? WHERE id = ?", (word, word, number))


@pytest.fixture(scope="module")
def cases(tmp_path_factory: pytest.TempPathFactory) -> list[fleet.Case]:
    folder = tmp_path_factory.mktemp("read-back")
    made = [fleet.case(folder / cluster.uid, seed, NOW_MS) for seed, cluster in enumerate(CLUSTERS, 21)]
    make_hostile(made[0].folder)
    return made


def sent(case: fleet.Case, cluster: Cluster) -> list[dict[str, str]]:
    """All records of a database, as an engine gives them back."""
    database = Database(str(case.folder / DATABASE_NAME), 60.0, lambda: 0.0)
    try:
        numbers = [row[0] for row in database.all("SELECT id FROM events")]
        found = events.read(database, numbers)
        assert len(found) == len(numbers) > 3 * len(HOSTILE)
        made = [records.event(one, FIRST_REVISION + number) for number, one in enumerate(found)]
        position = Position(cluster.instance, "target", 1, 0, backfilled=None, until_ms=case.now_ms)
        made.append(records.coverage(coverage.values(database, position), case.now_ms))
        return otlp.lines(records.request(made, cluster))
    finally:
        database.close()


@pytest.fixture(scope="module")
def store(cases: list[fleet.Case]) -> Iterator[None]:
    every = [record for case, cluster in zip(cases, CLUSTERS, strict=True) for record in sent(case, cluster)]
    with mock.patch.object(copy, "Client", Store), mock.patch.object(Store, "records", every):
        yield


@pytest.mark.parametrize("which", [0, 1])
@pytest.mark.usefixtures("store")
def test_every_field_of_every_event_is_read_back(cases: list[fleet.Case], which: int) -> None:
    case, cluster = cases[which], (CLUSTERS[which].name or CLUSTERS[which].uid)
    exported = run_cli(case.folder, "events", "export", "-o", "jsonl").stdout.splitlines()
    assert len(exported) > 50
    assert not fleet.difference(case, "http://store", cluster, ["events", "export", "-o", "jsonl"])
    numbers = [ids.encode(number) for number in case.world.events]
    for at in range(0, len(numbers), 100):
        assert not fleet.difference(case, "http://store", cluster, ["events", "get", *numbers[at : at + 100], "-o", "json"])


TEXTS = st.text(st.characters(exclude_categories=["Cs"])) | st.sampled_from(HOSTILE)
WHOLE = st.integers(0, 2**63 - 1)
TIMES_MS = st.integers(1, 2**63 // 1_000_000 - 1)
OWNERS = st.lists(st.builds(Owner, TEXTS, TEXTS, TEXTS, TEXTS), max_size=8).map(tuple)
EVENTS = st.builds(
    Event,
    number=WHOLE,
    first_ms=TIMES_MS,
    last_ms=TIMES_MS,
    created_ms=TIMES_MS,
    recorded_ms=TIMES_MS,
    times=WHOLE,
    severity=st.integers(0, len(SEVERITIES) - 1),
    type=st.integers(0, len(EVENT_TYPES) - 1),
    **dict.fromkeys(
        ("namespace", "kind", "reason", "node", "title", "name", "uid", "api_group", "api_version", "description", "metadata"),
        TEXTS,
    ),
    owners=OWNERS,
    services=st.lists(TEXTS, max_size=3).map(tuple),
)


@given(found=EVENTS, revision=WHOLE)
def test_the_bytes_are_those_that_the_library_of_protobuf_makes(found: Event, revision: int) -> None:
    made = records.event(found, revision)
    record = LogRecord.FromString(made.data)
    assert record.SerializeToString(deterministic=True) == made.data
    values = {one.key: one.value for one in record.attributes}
    assert values["kube9.event.number"].int_value == found.number
    assert values["kube9.event.revision"].int_value == revision
    assert values["k8s.event.count"].int_value == found.times
    assert record.time_unix_nano == found.last_ms * 1_000_000
    (line,) = otlp.lines(records.request([made], CLUSTERS[0]))
    assert line.get("kube9.event.title", "") == found.title
    assert line.get("k8s.namespace.name", "") == found.namespace
    assert line["kube9.event.id"] == ids.encode(found.number)


@given(st.binary())
def test_no_answer_of_a_store_is_a_surprise(body: bytes) -> None:
    try:
        found = records.partial(body)
    except ValueError:
        return
    assert found.rejected >= 0


@pytest.mark.parametrize("body", [b"\x0a\x05\x08", b"\x0a", b"\x0b", b"\xff" * 11, b"\x0a\x02\x12\x01"])
def test_a_cut_answer_is_none(body: bytes) -> None:
    with pytest.raises(wire.Malformed):
        records.partial(body)
