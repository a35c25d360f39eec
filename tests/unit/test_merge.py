"""How contributors make one event: any order and any repetition give the same rows."""

import itertools
import json
import random
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from zlib import crc32

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube9_operator.model import rows
from kube9_operator.model.observation import ERROR, WARNING, Observation, hash64
from kube9_operator.write.events import merge
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite import database, migrations
from kube9_operator.write.sqlite.session import Session
from kube9_schema.ids import SUFFIXES

MINUTE = 60_000
QUIET = 60 * MINUTE
START = 1_795_000_000_000


def seen(name: str = "a", count: int = 1, first: int = 0, last: int = 0, **fields: Any) -> Observation:
    """An observation of the Event `name`; times in minutes after START."""
    values: dict[str, Any] = {
        "kind": "Pod",
        "namespace": "shop",
        "name": "web",
        "uid": "u1",
        "key": hash64("other", "BackOff", "kubelet"),
        "contributor": hash64("Event", "shop", name, str(first)),
        "contributor_hour": (START + first * MINUTE) // 3_600_000,
        "contributor_name": name,
        "primary": True,
        "from_status": False,
        "count": count,
        "first_ms": START + first * MINUTE,
        "last_ms": START + max(first, last) * MINUTE,
        "event_type": 0,
        "severity": WARNING,
        "title": "Pod BackOff",
        "description": f"{name} {count}",
        "metadata": '{"source":{"component":"kubelet"}}',
        "reason": "BackOff",
        "node": "",
        "text_hash": 0,
    } | fields
    values["text_hash"] = crc32(f"{values['title']}{values['description']}{values['metadata']}{name}".encode())
    return Observation(**values)


class Record:
    """A database in memory with the writer's store."""

    def __init__(self) -> None:
        self.connection = database.Connection(":memory:")
        migrations.migrate(self.connection, migrations.known())
        self.now_ms = START
        self.restart()

    def restart(self) -> None:
        """Another writer: nothing is in memory."""
        self.session = Session(self.connection)
        self.store = Store(self.session, QUIET)

    def take(self, *observations: Observation) -> list[str]:
        with self.session.transaction(self.now_ms):
            return [self.store.apply(one).outcome for one in observations]

    def rows(self) -> list[tuple[Any, ...]]:
        """All that must not depend on order or repetition."""
        return sorted(
            self.connection.execute(
                """SELECT e.first_ms, e.last_ms, e.count, e.severity, w.word, t.description, t.metadata, t.contributor,
                coalesce(t.stamps, ''), e.text_ms, e.text_count FROM events e JOIN texts t ON t.event = e.id
                JOIN words w ON w.id = e.title"""
            )
        )

    def one(self) -> dict[str, Any]:
        (row,) = self.rows()
        return dict(zip(("first", "last", "count", "severity", "title", "description", "metadata"), row, strict=False))

    def steps(self) -> list[tuple[int, int]]:
        return [
            (int.from_bytes(blob[at : at + 6], "big"), int.from_bytes(blob[at + 6 : at + 10], "big"))
            for (blob,) in self.connection.execute("SELECT steps FROM contributors ORDER BY hash, part")
            for at in range(0, len(blob), merge.STEP_BYTES)
        ]


@pytest.fixture
def record() -> Iterator[Record]:
    made = Record()
    yield made
    made.connection.close()


def test_ten_events_of_one_problem_are_one_event_with_their_sum(record: Record) -> None:
    assert record.take(*(seen(f"quota.{number}") for number in range(10))) == ["stored"] + ["updated"] * 9
    assert record.one()["count"] == 10
    assert record.one()["description"] == "quota.9 1", "of equal times and counts the last by name"


def test_repetition_changes_nothing(record: Record) -> None:
    record.take(seen(count=5, last=3))
    before = record.rows(), record.steps()
    assert record.take(seen(count=5, last=3), seen(count=2, last=1)) == ["unchanged", "unchanged"]
    assert (record.rows(), record.steps()) == before


def test_a_count_that_rises(record: Record) -> None:
    for count in range(1, 13):
        record.take(seen(count=count, last=count))
    assert (record.one()["count"], record.one()["last"]) == (12, START + 12 * MINUTE)
    assert record.steps() == [(START + count * MINUTE, count) for count in range(1, 13)]


def test_first_and_newest_occurrences_are_kept(record: Record) -> None:
    for count in range(1, 301):
        record.take(seen(count=count, last=count // 10))
    steps = record.steps()
    assert len(steps) == merge.MAX_STEPS
    assert [count for _, count in steps] == [1, *range(102, 301)]


def test_a_quiet_time_begins_another_event(record: Record) -> None:
    record.take(seen("a", last=10))
    record.take(seen("b", first=10 + 60), seen("c", first=70 + 61))
    assert [row[2] for row in record.rows()] == [2, 1]


def test_an_event_that_goes_on_after_a_quiet_time_counts_from_the_count_before(record: Record) -> None:
    record.take(seen(count=7, last=10))
    record.take(seen(count=9, last=200))
    assert [(row[0], row[2]) for row in record.rows()] == [(START, 7), (START + 200 * MINUTE, 2)]
    assert record.take(seen(count=9, last=200)) == ["unchanged"]
    record.take(seen(count=12, last=210))
    assert [row[2] for row in record.rows()] == [7, 5]


def test_a_series_whose_time_moves_without_its_count(record: Record) -> None:
    record.take(seen(count=5))
    record.take(seen(count=5, last=120), seen(count=6, last=121))
    assert [row[2] for row in record.rows()] == [5, 1]
    lower = Record()
    lower.take(seen(count=5), seen(count=1, last=120), seen(count=2, last=121), seen(count=7, last=122))
    assert [row[2] for row in lower.rows()] == [5, 2]
    lower.connection.close()


def test_two_events_of_one_name_and_time_in_any_order(record: Record) -> None:
    one, other = seen(description="A", contributor=1), seen(description="B", contributor=2)
    record.take(one, other)
    turned = Record()
    turned.take(other, one)
    assert record.rows() == turned.rows()
    turned.connection.close()


def test_an_event_whose_row_was_deleted_does_not_come_back_but_goes_on(record: Record) -> None:
    record.take(seen(count=7, last=10))
    record.connection.execute("DELETE FROM events; DELETE FROM texts")
    assert record.take(seen(count=7, last=10)) == ["unchanged"]
    assert record.rows() == []
    record.take(seen(count=8, last=11))
    assert record.one()["count"] == 1


def test_the_nearest_event_of_two(record: Record) -> None:
    record.take(seen("a", first=0), seen("b", first=100))
    record.take(seen("c", first=45))
    assert [row[2] for row in record.rows()] == [2, 1]
    record.take(seen("d", first=80))
    assert [row[2] for row in record.rows()] == [2, 2]
    assert merge.nearest([(1, 0, 0), (2, 100, 100)], 50, 50, QUIET) == 2, "of equals the latest"


def test_another_uid_is_another_object(record: Record) -> None:
    record.take(seen("a"), seen("b", uid="u2"))
    assert len(record.rows()) == 2


def test_stand_ins_until_a_lead_is_seen(record: Record) -> None:
    secondary = {"primary": False, "title": "Image pull failed"}
    record.take(seen("s1", count=9, last=5, **secondary), seen("s2", count=4, last=6, **secondary))
    assert record.one()["count"] == 9
    record.take(seen("lead", count=2, last=1, description="Failed to pull image"))
    assert (record.one()["count"], record.one()["description"]) == (2, "Failed to pull image")
    assert record.one()["last"] == START + 6 * MINUTE, "stand-ins move the last time"
    record.take(seen("s1", count=20, last=9, **secondary))
    assert (record.one()["count"], record.one()["description"]) == (2, "Failed to pull image")


def test_severity_rises_and_takes_the_title_with_it(record: Record) -> None:
    high = {"severity": ERROR, "title": "Container crash loop"}
    record.take(seen("a"), seen("b", **high), seen("c", last=9))
    assert (record.one()["severity"], record.one()["title"]) == (ERROR, "Container crash loop")


def backoff(name: str, count: int, **fields: Any) -> Observation:
    return seen(name, count, row=rows.RESTARTS.name, **fields)


def test_ten_restarts_by_several_events_are_a_crash_loop(record: Record) -> None:
    record.take(backoff("a", 4), backoff("b", 5))
    assert (record.one()["severity"], record.one()["title"]) == (WARNING, "Pod BackOff")
    record.take(backoff("b", 6))
    assert (record.one()["severity"], record.one()["title"]) == (ERROR, "Container crash loop")
    assert '"reason":"CrashLoopBackOff"' in record.one()["metadata"]
    turned = Record()
    turned.take(backoff("b", 6), backoff("a", 4))
    assert [turned.one()[key] for key in ("severity", "title", "count")] == [ERROR, "Container crash loop", 10]
    turned.connection.close()
    at_once = Record()
    at_once.take(backoff("c", 10), backoff("c", 12, last=4))
    assert [at_once.one()[key] for key in ("severity", "title", "count")] == [ERROR, "Container crash loop", 12]
    at_once.connection.close()


def test_an_event_stays_in_the_row_in_which_it_was_first_seen(record: Record) -> None:
    record.take(seen("a", row=rows.QUOTA_EXCEEDED.name, title="Resource quota exceeded", description="exceeded quota"))
    other = {
        "row": "other",
        "key": 7,
        "title": "A ReplicaSet FailedCreate",
        "severity": ERROR,
        "description": "violates PodSecurity",
    }
    assert record.take(seen("a", count=3, last=5, **other)) == ["updated"]
    found = record.one()
    assert (found["title"], found["severity"], found["description"]) == ("Resource quota exceeded", WARNING, "exceeded quota")
    assert (found["count"], found["last"]) == (3, START + 5 * MINUTE)


def test_events_and_statuses_of_one_problem_are_not_added_up(record: Record) -> None:
    record.take(seen("a", count=3), seen("status", count=5, from_status=True), seen("b", count=1))
    assert record.one()["count"] == 5


def test_metadata_of_the_latest_that_has_the_key(record: Record) -> None:
    record.take(seen("new", last=9, metadata='{"image":"b"}'), seen("old", last=1, metadata='{"exit":1,"image":"a"}'))
    assert record.one()["metadata"] == '{"exit":1,"image":"b"}'
    record.take(seen("middle", last=5, metadata='{"exit":2}'), seen("older", last=0, metadata='{"exit":3}'))
    assert record.one()["metadata"] == '{"exit":2,"image":"b"}'


def restart(number: int, code: int, last: int) -> Observation:
    """The n-th restart by a container's status."""
    when = f"2026-11-24T10:{last:02}:00.000Z"
    codes = {str(code): {"count": 1, "first": when, "last": when}}
    texts = {"description": f"exit code {code}", "metadata": merge.encode({"container": "app", "exit_codes": codes})}
    return backoff(f"status {number}", 1, first=last, contributor_name="", from_status=True, **texts)


@pytest.mark.parametrize("seed", range(20))
def test_the_cause_is_that_of_the_statuses_in_any_order(record: Record, seed: int) -> None:
    """The kubelet's text never replaces it, and each exit code counts once."""
    made = [restart(number, (3, 137, 3)[number % 3], number) for number in range(6)]
    made += [backoff("web.1", 9, last=30), backoff("web.2", 2, last=40)]
    random.Random(seed).shuffle(made)
    for one in made:
        record.take(one, made[0])
    one = record.one()
    assert (one["description"], one["count"]) == ("exit code 3", 6)
    codes = json.loads(one["metadata"])["exit_codes"]
    assert {code: account["count"] for code, account in codes.items()} == {"3": 4, "137": 2}
    assert codes["3"] == {"count": 4, "first": "2026-11-24T10:00:00.000Z", "last": "2026-11-24T10:05:00.000Z"}


def test_exit_codes_of_one_event_are_bounded(record: Record) -> None:
    record.take(*(restart(number, number, number) for number in range(40)))
    codes = json.loads(record.one()["metadata"])["exit_codes"]
    assert len(codes) == merge.MAX_EXIT_CODES
    assert "39" in codes


def test_ids_ascend_through_everything(record: Record) -> None:
    ids = []
    for number, second in enumerate((0, 0, 5, 3, 3, 6)):
        record.now_ms = START + second * 1000
        record.take(seen(f"e{number}", uid=f"u{number}"))
        ids.append(record.connection.execute("SELECT max(id) FROM events").get)
        record.connection.execute("DELETE FROM events")
        record.restart()
    assert ids == sorted(set(ids))
    assert [divmod(one, SUFFIXES)[0] - START // 1000 for one in ids] == [0, 0, 5, 5, 5, 6]
    assert [one % SUFFIXES for one in ids] == [0, 1, 0, 1, 2, 0]


events = st.lists(
    st.tuples(
        st.integers(0, 3),  # the Event
        st.integers(1, 5),  # how often it is written
        st.booleans(),  # lead
        st.integers(0, 3),  # severity
        st.sampled_from(['{"a":1}', '{"a":2,"b":1}', '{"b":3}', "{}"]),
    ),
    min_size=1,
    max_size=4,
    unique_by=lambda one: one[0],
)


@given(events, st.randoms(use_true_random=False))
def test_any_order_and_repetition_give_the_same_rows(made: list[tuple[Any, ...]], chance: random.Random) -> None:
    """The lines of one Event come in order; Events among each other, and repetitions, in any."""
    series = [
        [
            seen(f"e{number}", count, first=number, last=number + count * 3, primary=primary, severity=severity,
                 metadata=metadata, title=f"severity {severity}")
            for count in range(1, times + 1)
        ]
        for number, times, primary, severity, metadata in made
    ]  # fmt: skip
    in_turn, mixed = Record(), Record()
    for observation in itertools.chain(*series):
        in_turn.take(observation)
    waiting = [list(one) for one in series]
    done: list[Observation] = []
    while any(waiting):
        chosen = chance.choice([one for one in waiting if one])
        done.append(chosen.pop(0))
        mixed.take(done[-1], chance.choice(done))
    assert in_turn.rows() == mixed.rows()
    assert sorted(in_turn.steps()) == sorted(mixed.steps())
    in_turn.connection.close()
    mixed.connection.close()


def test_a_file_is_opened_as_meant(tmp_path: Path) -> None:
    connection = database.connect(str(tmp_path), 1.0)
    database.prepare(connection)
    migrations.migrate(connection, migrations.known())
    found = [connection.pragma(name) for name in ("journal_mode", "synchronous", "auto_vacuum")]
    assert found == ["wal", 1, 2]
    connection.close()
    assert (tmp_path / "kube9.db-wal").exists(), "for readers that may not write the folder"
