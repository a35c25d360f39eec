"""Signatures of texts: a search that leaves out blocks of events by them finds what a search without them finds."""

import random
from collections.abc import Iterator
from pathlib import Path
from unittest import mock

import pytest

from kube9_cli.query import blocks, search, texts
from kube9_cli.query.connection import Database
from kube9_cli.query.search import Request
from kube9_cli.selection import Selection
from kube9_operator.write.events import signing
from kube9_operator.write.events.signing import Signing
from kube9_operator.write.sqlite import database, migrations
from kube9_schema import signatures
from kube9_schema.signatures import DESCRIPTIONS, END, METADATA, NAMES, Term
from tests.oracle import databases, reader
from tests.oracle.reader import World
from tests.oracle.values import texts_of
from tests.recording import Recording

NOW_MS = 1_795_003_600_123
LETTERS = "abcXYZ019-._:/ \tßéK\u017f日\U0001f98a"
BLOCK = 40
FIRST_VERSION = 12
"""The schema version with signatures."""


def bits_of(some: list[str]) -> bytes:
    words = {word for text in some for word in signatures.words_of(text)}
    return b"".join(signatures.part(words, which) for which in (DESCRIPTIONS, NAMES, METADATA))


def test_a_signature_has_each_part_of_each_text() -> None:
    chance = random.Random(1)
    refused = 0
    for _ in range(2_000):
        some = ["".join(chance.choices(LETTERS, k=chance.randint(0, 30))) for _ in range(chance.randint(1, 5))]
        bits = bits_of(some)
        assert len(bits) == END
        text = chance.choice(some)
        begin = chance.randint(0, len(text))
        part = text[begin : begin + chance.randint(0, 12)]
        for which in (DESCRIPTIONS, NAMES, METADATA):
            assert Term(chance.choice((part, part.upper(), part.casefold()))).may_be_in(bits, which), (some, part)
            refused += not Term("postgres").may_be_in(bits, which)
    assert refused == 6_000


def test_both_of_two_blocks_are_in_their_union() -> None:
    one, other = bits_of(["connection refused"]), bits_of(["OOMKilled"])
    both = signatures.united(one, other)
    assert all(Term(term).may_be_in(both, NAMES) for term in ("refused", "oomkilled"))
    assert not Term("oomkilled").may_be_in(one, NAMES)


@pytest.fixture
def recording(tmp_path: Path) -> Iterator[Recording]:
    """Events of every kind, with strange letters and escapes, without signatures."""
    with mock.patch.object(Recording, "sign"), mock.patch.object(Recording, "close"):
        maker = databases.Maker(tmp_path, random.Random(7), NOW_MS)
        maker.build()
    with mock.patch.multiple(signing, BLOCK=BLOCK, MOST_CHANGED=10, CHANGED_AT_ONCE=4):
        yield maker.recording
    maker.recording.close()


def folder(recording: Recording) -> Path:
    return Path(recording.connection.filename).parent


def read(recording: Recording) -> World:
    connection = reader.open_read_only(folder(recording))
    try:
        return reader.read(connection)
    finally:
        connection.close()


def terms_of(world: World, chance: random.Random) -> Iterator[tuple[str, ...]]:
    every = [text for event in world.events.values() for text in texts_of(world, event) if len(text) > 2]
    for _ in range(40):
        some = []
        for _ in range(chance.choice((1, 1, 2))):
            text = chance.choice(every)
            begin = chance.randrange(len(text) - 1)
            some.append(text[begin : begin + chance.randint(1, 12)].casefold())
        yield tuple(some)
    yield ("nowhere",)


def found(recording: Recording, terms: tuple[str, ...], counted: bool) -> tuple[int | None, list[int]]:
    database = Database(str(folder(recording) / "kube9.db"), 10.0, lambda: 0.0)
    try:
        with database.snapshot():
            matches = search.find(
                database, Selection({"search": (terms,)}, {}, None, None), Request(limit=1_000, counted=counted)
            )
    finally:
        database.close()
    return matches.total, list(matches.ids)


def wanted(world: World, terms: tuple[str, ...]) -> list[int]:
    def has_all(event: reader.Event) -> bool:
        return all(any(term in text.casefold() for text in texts_of(world, event)) for term in terms)

    events = filter(has_all, world.events.values())
    return [event.id for event in sorted(events, key=lambda event: (event.last_ms, event.id), reverse=True)]


def assert_found(recording: Recording, seed: int) -> None:
    """Compares searches with a plain reading, in each way that the texts of events are read."""
    chance, world = random.Random(seed), read(recording)
    for terms in terms_of(world, chance):
        expected = wanted(world, terms)[:1_000]
        costs = {"MOST_SINGLE": chance.choice((0, 3 * BLOCK, 10_000)), "MOST_RANGES": chance.choice((1, 300))}
        many = {"FEW": chance.choice((0, 500)), "MANY": chance.choice((2, 50_000))}
        with mock.patch.multiple(blocks, **costs), mock.patch.multiple(texts, **many):
            counted = chance.random() < 0.5
            assert found(recording, terms, counted) == (len(expected) if counted else None, expected), (terms, costs, many)


def unsigned(recording: Recording) -> set[int]:
    return {row[0] for row in recording.connection.execute("SELECT event FROM unsigned_events")}


def signed(recording: Recording) -> list[int]:
    return [row[0] for row in recording.connection.execute("SELECT last_event FROM signatures ORDER BY 1")]


def test_a_search_finds_the_same_with_signatures(recording: Recording) -> None:
    assert_found(recording, 1)  # nothing is signed
    events = recording.connection.execute("SELECT count(*) FROM events").get
    recording.sign()
    assert len(signed(recording)) == events // BLOCK > 5
    assert unsigned(recording) == set()
    assert_found(recording, 2)


def test_a_block_that_cannot_have_a_text_is_not_read(recording: Recording) -> None:
    recording.sign()
    opened = Database(str(folder(recording) / "kube9.db"), 10.0, lambda: 0.0)
    try:
        where = blocks.find(opened, ("nowhere",))
        assert (where.described, where.mixed, where.single) == ([], [], [(signed(recording)[-1], blocks.LAST_ID)])
        many = blocks.find(opened, ("postgres",))
        with mock.patch.object(blocks, "MOST_SINGLE", 0):
            assert many.reads > where.reads
    finally:
        opened.close()


CHANGES = (
    "UPDATE texts SET description = 'größer NEWTEXT' WHERE event = ?",
    'UPDATE texts SET metadata = \'{"note": "a \\u006eewtext"}\' WHERE event = ?',
    "UPDATE events SET title = (SELECT id FROM words WHERE word = 'newtext') WHERE id = ?",
    "UPDATE events SET reason = (SELECT id FROM words WHERE word = 'newtext') WHERE id = ?",
    "UPDATE events SET node = (SELECT id FROM words WHERE word = 'newtext') WHERE id = ?",
    "UPDATE events SET object = (SELECT id FROM objects WHERE name = 'newtext') WHERE id = ?",
    "INSERT OR REPLACE INTO texts SELECT event, 'newtext', metadata, contributor, stamps FROM texts WHERE event = ?",
)


@pytest.mark.parametrize("change", CHANGES)
def test_a_change_after_signing_is_found_before_and_after_it_is_signed(recording: Recording, change: str) -> None:
    recording.sign()
    connection = recording.connection
    connection.execute("INSERT INTO words (word) VALUES ('newtext')")
    connection.execute("INSERT INTO objects (name, kind, namespace, uid) VALUES ('newtext', 0, 0, '')")
    last = signed(recording)[-1]
    changed = [row[0] for row in connection.execute("SELECT id FROM events WHERE id <= ? ORDER BY id LIMIT 30", (last,))][::2]
    for event in changed:
        connection.execute(change, (event,))
        connection.execute(change, (event,))
    assert unsigned(recording) == set(changed)
    assert set(found(recording, ("newtext",), counted=True)[1]) == set(changed)
    assert_found(recording, 3)
    recording.sign()
    assert len(unsigned(recording)) <= 10, "more are signed at once"
    assert set(found(recording, ("newtext",), counted=True)[1]) == set(changed)
    assert_found(recording, 4)


def test_what_does_not_change_a_text_leaves_it_signed(recording: Recording) -> None:
    recording.sign()
    recording.connection.execute("UPDATE texts SET description = description, stamps = '{}'")
    recording.connection.execute("UPDATE events SET count = count + 1, title = title, object = object, node = node")
    assert unsigned(recording) == set()


def test_blocks_go_with_their_events(recording: Recording) -> None:
    recording.sign()
    first, second, *_ = signed(recording)
    recording.connection.execute("UPDATE texts SET description = 'gone soon' WHERE event <= ?", (second,))
    for table, column in (("texts", "event"), ("events", "id")):
        recording.connection.execute(f"DELETE FROM {table} WHERE {column} <= ?", (second - 1,))
    with mock.patch.object(signing, "BLOCK", 1):
        recording.sign()
    assert first not in signed(recording)
    assert signed(recording)[0] == second
    assert len(unsigned(recording)) <= 10, "those of deleted events are forgotten"
    assert_found(recording, 5)


def test_events_of_the_release_before_are_found_and_signed(tmp_path: Path) -> None:
    before = [one for one in migrations.known() if one.version < FIRST_VERSION]
    with mock.patch.object(migrations, "known", return_value=before), mock.patch.object(Recording, "sign"):
        databases.build(tmp_path, 8, NOW_MS)
    connection = database.connect(str(tmp_path), 1.0)
    assert not connection.table_exists("main", "signatures")
    connection.close()
    recording = Recording(str(tmp_path))
    with mock.patch.object(signing, "BLOCK", BLOCK):
        assert_found(recording, 6)
        recording.sign()
        assert len(signed(recording)) == 2
        assert_found(recording, 7)
    recording.close()


def test_it_looks_again_later_when_all_is_signed(recording: Recording) -> None:
    one = Signing(recording.session)
    one.step()
    assert one.busy()
    with mock.patch.object(signing, "LOOK_SECONDS", 1_000):
        while one.busy():
            one.step()
    number = len(signed(recording))
    assert number == recording.connection.execute("SELECT count(*) FROM events").get // BLOCK
    with mock.patch.object(signing, "BLOCK", 1):
        one.step()
    assert len(signed(recording)) == number
