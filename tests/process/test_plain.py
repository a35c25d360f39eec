"""Nothing that acts on a terminal or deceives a reader leaves kube9-cli raw, whatever the database or the arguments hold."""

import json
import re
import shutil
import sys
import unicodedata
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
import yaml

from kube9_cli.query.connection import TABLES
from kube9_cli.render.escape import in_json, plain
from kube9_schema.ids import encode
from kube9_schema.plain import INVISIBLE, is_plain
from tests import cli_database
from tests.cli import Answered, run_cli
from tests.forked import kube9_cli

CONTROLS = (*range(0x20), 0x7F, *range(0x80, 0xA0))
BIDIRECTIONAL = (0x061C, 0x200E, 0x200F, *range(0x202A, 0x202F), *range(0x2066, 0x206A))
ZERO_WIDTH = (0x00AD, 0x034F, 0x180E, 0x200B, 0x200C, 0x200D, *range(0x2060, 0x2065), 0xFE0F, 0xFEFF, 0x3164, 0xE0100)
OTHERS = (0x2028, 0x2029, 0xFFF9, 0xE000, 0xFFFE, 0xE0001, 0xE0041, 0xE007F, 0x10FFFF)
NASTY = "".join(map(chr, (*CONTROLS, *BIDIRECTIONAL, *ZERO_WIDTH, *OTHERS)))
TEXT = f"é日🎉 \x1b]0;title\x07 \x1b[2J {NASTY} 'end\" \\"
STRUCTURED = {"metadata"}
LONE = "lone \ud800 \udfff"
FORMATS = ("json", "yaml", "table", "wide")
OF_EVENTS = ("jsonl", "csv", "name", "custom-columns=A:.description,B:.metadata.nested,C:.object_name")
"""The other formats of events."""


def hidden(text: str) -> set[str]:
    """Its characters that a reader does not see as what they are: said by Unicode's categories, not by the code under test."""
    bad = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return {one for one in set(text) if unicodedata.category(one) in bad or one in INVISIBLE} - {"\n"}


def crafted(folder: Path) -> list[int]:
    """A database in which every text that is read holds what should not reach a terminal; the ids of its events."""
    cli_database.build(folder, 6)
    connection = apsw.Connection(str(folder / "kube9.db"))
    for table in {*TABLES} - {"facts"}:  # whose values are below
        for _, column, kind, *_ in connection.execute("SELECT * FROM pragma_table_info(?)", (table,)).fetchall():
            if kind == "TEXT" and column not in STRUCTURED:
                unique = {"word": "id || ", "cause": "id || ", "source": "source || "}.get(column, "")
                where = " WHERE id > 0" if table == "words" else ""
                connection.execute(f'UPDATE {table} SET "{column}" = {unique}?{where}', (TEXT,))
    metadata = {"reason": TEXT, TEXT: [TEXT, {TEXT: {TEXT: 1}}, LONE], "nested": {"a": {TEXT: TEXT}, "b": {TEXT: LONE}}}
    connection.execute("UPDATE texts SET metadata = ?", (json.dumps(metadata),))
    health = json.dumps({"status": TEXT, "reasons": [TEXT, LONE]})
    for name, value in (("operator_version", TEXT), ("health", health), ("last_commit_ms", 2**40 * 2)):
        connection.execute("INSERT OR REPLACE INTO facts VALUES (?, ?)", (name, value))
    connection.execute("DELETE FROM facts WHERE name = 'stopped_ms'")
    connection.execute("INSERT INTO sources (source, covered_from_ms, proved_until_ms) VALUES ('events', 0, 0)")
    connection.execute("UPDATE sources SET unavailable = ?", (TEXT,))
    connection.execute("INSERT INTO gaps (source, from_ms, to_ms, reason) VALUES ('events', 0, 1 << 42, ?)", (TEXT,))
    ids = [row[0] for row in connection.execute("SELECT id FROM events ORDER BY id")]
    connection.close()
    return ids


@pytest.fixture(scope="module")
def history(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, list[int]]:
    folder = tmp_path_factory.mktemp("crafted")
    return folder, crafted(folder)


def commands(ids: list[int]) -> Iterator[tuple[str, ...]]:
    yield ("status",)
    yield ("events", "list")
    yield ("events", "list", "--since=2020-01-01", "--until=2021-01-01")
    yield ("events", "get", encode(ids[-1]))
    yield ("events", "get", *map(encode, ids[:3]))


@pytest.mark.parametrize("form", [*FORMATS, *OF_EVENTS])
def test_no_text_of_the_database_reaches_a_terminal_raw(history: tuple[Path, list[int]], form: str) -> None:
    folder, ids = history
    for command in commands(ids):
        if command == ("status",) and form in OF_EVENTS:
            continue
        done = kube9_cli(*command, "-o", form, "--db", str(folder))
        assert done.code == 0, done.stderr
        shown = done.stdout.replace("\r\n", "\n") if form == "csv" else done.stdout
        assert (hidden(shown), hidden(done.stderr)) == (set(), set()), command
        assert form == "name" or "title" in done.stdout + done.stderr, "the text itself is there"


def test_json_and_yaml_lose_nothing_by_it(history: tuple[Path, list[int]]) -> None:
    folder, _ = history

    def answers(*command: str) -> tuple[Any, Any]:
        both = [run_cli(folder, *command, "-o", form).stdout for form in ("json", "yaml")]
        slow, fast = yaml.load(both[1], yaml.SafeLoader), yaml.load(both[1], yaml.CSafeLoader)
        assert slow == fast
        return json.loads(both[0]), slow

    as_json, as_yaml = answers("events", "list")
    event = as_json["events"][0]
    assert event["description"] == event["metadata"]["reason"] == TEXT
    assert event["object_name"] == TEXT
    assert event["title"].endswith(TEXT)
    assert event["metadata"][TEXT] == [TEXT, {TEXT: {TEXT: 1}}, LONE]
    assert TEXT in as_json["coverage"]["gaps"][0]["reason"]
    for answer in (as_json, as_yaml):
        for gap in answer["coverage"]["gaps"]:
            del gap["to"]  # the time of the question
    assert as_yaml == json.loads(re.sub("[\ud800-\udfff]", "\ufffd", json.dumps(as_json, ensure_ascii=False)))
    status, as_yaml = answers("status")
    assert status["version"] == TEXT
    assert LONE in status["health"]
    assert as_yaml["watches"].keys() == status["watches"].keys()


WRONG = (
    ("events", "list", "--since", TEXT),
    ("events", "list", "--severity", TEXT),
    ("events", "list", "--sort", TEXT),
    ("events", "list", "--limit", TEXT),
    ("events", "list", "--timeout", TEXT),
    ("events", "list", "--object-name", TEXT),
    ("events", "list", "--db", TEXT),
    ("events", "list", f"--{TEXT}"),
    ("events", "get", TEXT),
    ("events", TEXT),
    (TEXT,),
)


@pytest.mark.parametrize("command", WRONG, ids=range(len(WRONG)))
@pytest.mark.parametrize("form", FORMATS)
def test_no_argument_reaches_a_terminal_raw(command: tuple[str, ...], form: str) -> None:
    words = [word.replace("\0", "") for word in command]  # no argument can hold one
    _one_plain_line(run_cli(Path("/nowhere"), *words, "-o", form), form)


@pytest.mark.parametrize("form", FORMATS)
def test_no_path_reaches_a_terminal_raw(tmp_path: Path, form: str) -> None:
    folder = tmp_path / TEXT.replace("\0", "").replace("/", "")[:60]
    for step in ("nothing there", "no database", "damaged"):
        done = run_cli(folder, "status", "-o", form)
        _one_plain_line(done, form)
        folder.mkdir(exist_ok=True)
        (folder / "kube9.db").write_bytes(b"" if step == "nothing there" else b"SQLite format 3\0" + bytes(5_000))


def test_what_the_database_calls_its_tables_reaches_no_terminal_raw(tmp_path: Path) -> None:
    """SQLite's own messages name what it does not understand."""
    shutil.copytree(_small(tmp_path / "small"), tmp_path / "crafted")
    connection = apsw.Connection(str(tmp_path / "crafted" / "kube9.db"))
    connection.config(apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1)
    connection.execute(
        "UPDATE sqlite_schema SET name = ?1, tbl_name = ?1, sql = 'CREATE TABLE ' || ?1 WHERE name = 'gaps'", (TEXT[:40],)
    )
    connection.close()
    for form in FORMATS:
        done = run_cli(tmp_path / "crafted", "events", "list", "-o", form)
        assert "]0;title" in done.stderr
        _one_plain_line(done, form)


def _small(folder: Path) -> Path:
    folder.mkdir()
    cli_database.build(folder, 3)
    return folder


def _one_plain_line(done: Answered, form: str) -> None:
    assert done.returncode == 1
    assert (hidden(done.stdout), hidden(done.stderr)) == (set(), set())
    assert (done.stdout, done.stderr.count("\n")) == ("", 1)
    if form in ("json", "yaml"):
        assert json.loads(done.stderr)["code"] in ("INVALID_ARGUMENT", "DATABASE_UNUSABLE")


def test_every_character_of_unicode() -> None:
    """Either shown as it is, or as a space; in JSON in either case the same."""
    ends = range(0x20000, sys.maxunicode + 1, 0x10000)
    for at in (*range(0, 0x20000, 0x1000), 0xE0000, *(end + 0xF000 for end in ends)):  # the other planes are all of one kind
        # Backwards: two surrogates in the order of a pair are one, for JSON.
        text = "".join(map(chr, reversed(range(at, at + 0x1000))))
        assert not hidden(plain(text))
        assert not re.search(r"[\n\t]", plain(text))
        encoded = in_json(json.dumps(text, ensure_ascii=False))
        assert not hidden(encoded)
        assert json.loads(encoded) == text
    assert is_plain("größe 日本 🎉 e\u0301")
