"""kube9-cli and a database that somebody has crafted: one line and the documented exit code, within its time and memory."""

import contextlib
import json
import os
import random
import shutil
import socket
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

import apsw
import pytest
import yaml

from kube9_cli.query import events, status
from kube9_cli.query.connection import TABLES, Database
from kube9_schema import ids
from tests import cli_database
from tests.forked import Done, kube9_cli

COUNT = 60
ROUNDS = 25
"""Of each of the two ways to change a database at random."""
GROWN_BYTES = 96 * 1024 * 1024
FORMATS = ("json", "yaml", "table", "wide")
OF_EVENTS = (*FORMATS, "csv", "jsonl", "name", "custom-columns=A:.id")
ODD_VALUES: tuple[Any, ...] = (
    *(None, 0, -1, 2**63 - 1, -(2**63), 2**53 + 1, 1e308, float("inf"), "", "text", "\0", b"", b"\xff\xfe", "9" * 6_000),
    *(
        "[" * 9_000,
        '{"a": NaN}',
        '{"a": 1e999}',
        '{"a": ' + "9" * 5_000 + "}",
        '{"reason": {"a": 1}, "count": null}',
        "x" * 60_000,
    ),
    *("y" * 200_000, bytes(2_000), b"\xff" * 60_000),
)


@pytest.fixture(scope="module")
def whole(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, int]:
    """A database as the operator makes it, and the id of an event in it."""
    folder = tmp_path_factory.mktemp("whole")
    events = cli_database.build(folder, COUNT)
    return folder, events[-1]["id"]


@pytest.fixture
def crafted(whole: tuple[Path, int], tmp_path: Path) -> Path:
    """A copy of it, to be changed."""
    shutil.copy(whole[0] / "kube9.db", tmp_path)
    return tmp_path


def changed(folder: Path, *statements: str, values: tuple[Any, ...] = ()) -> None:
    """Changes the database as its owner may: the schema too, and against what its tables say of their columns."""
    connection = apsw.Connection(str(folder / "kube9.db"))
    connection.config(apsw.SQLITE_DBCONFIG_WRITABLE_SCHEMA, 1)
    connection.config(apsw.SQLITE_DBCONFIG_DEFENSIVE, 0)
    with contextlib.closing(connection):
        for statement in statements:
            connection.execute(statement, values if "?" in statement else ())


LOOSE = (
    "UPDATE sqlite_schema SET sql = replace(replace(sql, 'STRICT, ', ''), 'STRICT', '') WHERE type = 'table'",
    "UPDATE sqlite_schema SET sql = replace(sql, ' NOT NULL', '') WHERE type = 'table'",
    "DELETE FROM sqlite_schema WHERE type = 'trigger'",
)
"""Lets any value of any type into any column."""


def questions(event: int) -> tuple[tuple[str, ...], ...]:
    return (
        ("status",),
        ("events", "list"),
        ("events", "list", "--since=9999d", "--until=1h", "--severity=warning,error", "--object-kind=Pod"),
        ("events", "list", "--sort=created", "-n", "team-1", "--offset=2"),
        ("events", "get", ids.encode(event)),
    )


def checked(done: Done, form: str) -> None:
    """It is an answer, or one line that says why not."""
    assert done.code in (0, 1, 2, 3), done
    assert "Traceback" not in done.stderr
    assert done.stderr.count("\n") <= 1
    assert done.grown_bytes < GROWN_BYTES
    if done.code:
        assert done.stdout == "", "nothing that could be taken for an answer"
        assert done.stderr.count("\n") == 1
        if form in ("json", "yaml", "jsonl"):
            said = json.loads(done.stderr)
            assert said.get("code", "") in (("TIMEOUT",) if done.code == 2 else ("", "DATABASE_UNUSABLE")), said
    elif form == "json":
        assert done.stderr == ""
        json.loads(done.stdout, parse_constant=lambda name: pytest.fail(f"no JSON: {name}"))
    elif form == "yaml":
        yaml.load(done.stdout, yaml.CSafeLoader)


def ask(folder: Path, event: int, chance: random.Random | None = None) -> None:
    """Asks everything, each in another format; or something, chosen by chance."""
    forms = [FORMATS[at % len(FORMATS)] for at in range(len(questions(event)))]
    pairs = list(zip(questions(event), forms, strict=True))
    if chance:
        chosen = [chance.choice(questions(event)) for _ in range(2)]
        pairs = [(one, chance.choice(FORMATS if one == ("status",) else OF_EVENTS)) for one in chosen]
    for question, form in pairs:
        checked(kube9_cli(*question, "-o", form, "--timeout=5", "--db", str(folder)), form)


def test_any_value_in_any_column(whole: tuple[Path, int], tmp_path: Path) -> None:
    shutil.copy(whole[0] / "kube9.db", tmp_path / "loose.db")
    (tmp_path / "loose.db").rename(tmp_path / "kube9.db")
    changed(tmp_path, *LOOSE)
    loose = (tmp_path / "kube9.db").read_bytes()
    chance = random.Random(41)
    for _ in range(ROUNDS):
        (tmp_path / "kube9.db").write_bytes(loose)
        connection = apsw.Connection(str(tmp_path / "kube9.db"))
        for _ in range(chance.choice((1, 1, 2, 5))):
            table = chance.choice([one for one in TABLES if one != "schema_version"])
            column = chance.choice([row[1] for row in connection.execute("SELECT * FROM pragma_table_info(?)", (table,))])
            value, some = chance.choice(ODD_VALUES), chance.choice(("1", "random() % 3 = 0"))
            with contextlib.suppress(apsw.ConstraintError, apsw.MismatchError):  # a key is a key in any case
                connection.execute(f'UPDATE {table} SET "{column}" = ? WHERE {some}', (value,))
        connection.close()
        ask(tmp_path, whole[1], chance)


JSON = {
    "not a number": '{"a": NaN, "b": [Infinity, 1e999]}',
    "a huge number": '{"a": ' + "9" * 5_000 + "}",
    "other types": '{"reason": {"a": [1]}, "node": [], "first_timestamp": null, "count": "x", "status": {}, "reasons": 5}',
    "none": "",
    "no object": "[1]",
    "half of one": '{"a": "',
    "lone surrogates": '{"\\ud800": "\\udfff", "reasons": ["\\ud800"]}',
    **{f"{depth} deep": '{"reasons": ' + "[" * depth + "]" * depth + "}" for depth in (250, 500, 900, 20_000)},
}


@pytest.mark.parametrize("what", JSON)
def test_any_json_where_json_is(crafted: Path, whole: tuple[Path, int], what: str) -> None:
    changed(crafted, "UPDATE texts SET metadata = ?", values=(JSON[what],))
    changed(crafted, "INSERT OR REPLACE INTO facts VALUES ('health', ?)", values=(JSON[what],))
    changed(crafted, f"INSERT OR REPLACE INTO facts VALUES ('last_commit_ms', {time.time_ns() // 1_000_000})")
    for form in FORMATS:
        checked(kube9_cli("events", "list", "--limit=2", "-o", form, "--db", str(crafted)), form)
    checked(kube9_cli("events", "get", ids.encode(whole[1]), "-o", "table", "--db", str(crafted)), "table")
    checked(kube9_cli("status", "--db", str(crafted)), "json")


def test_any_bytes(whole: tuple[Path, int], tmp_path: Path) -> None:
    """The header, the schema, trees that lead in circles, a write-ahead log of noise."""
    bytes_of_whole = (whole[0] / "kube9.db").read_bytes()
    chance = random.Random(43)
    for number in range(ROUNDS):
        data = bytearray(bytes_of_whole)
        for _ in range(chance.choice((1, 3, 30, 300))):
            at = chance.choice((chance.randrange(100), chance.randrange(8_192), chance.randrange(len(data))))
            page = at // 4_096 * 4_096
            at = chance.choice((at, min(page + chance.randrange(12), len(data) - 1)))
            size = chance.choice((1, 2, 4, 64))
            data[at : at + size] = chance.choice((chance.randbytes(size), bytes(size), b"\xff" * size, bytes_of_whole[:size]))
        if number % 7 == 0:
            del data[chance.randrange(len(data)) :]
        (tmp_path / "kube9.db").write_bytes(data)
        for part in ("-wal", "-shm"):
            (tmp_path / f"kube9.db{part}").unlink(missing_ok=True)
            if chance.random() < 0.2:
                (tmp_path / f"kube9.db{part}").write_bytes(chance.randbytes(chance.choice((0, 32, 5_000, 70_000))))
        ask(tmp_path, whole[1], chance)


COUNTED = "WITH RECURSIVE n (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM n WHERE x < {})"
FOREVER = "WITH RECURSIVE t (x) AS (SELECT 1 UNION ALL SELECT x + 1 FROM t) SELECT {} FROM t"


@pytest.mark.parametrize("table", TABLES)
def test_a_view_is_not_looked_through(crafted: Path, whole: tuple[Path, int], table: str) -> None:
    connection = apsw.Connection(str(crafted / "kube9.db"))
    columns = ", ".join(f"x AS {row[1]}" for row in connection.execute("SELECT * FROM pragma_table_info(?)", (table,)))
    connection.close()
    changed(
        crafted,
        f"DROP TABLE {table}",
        f"CREATE VIEW {table} AS {FOREVER.format(columns)}",
    )
    for form in FORMATS:
        done = kube9_cli("status", "-o", form, "--db", str(crafted))
        checked(done, form)
        assert f"{table} is not a table as the operator creates it" in done.stderr


SLOW = "(CASE WHEN hex(zeroblob(30000)) GLOB '*0*0*0*0*0*0*0*0*1' THEN 1 END)"
"""One step of SQLite's machine, in which nobody looks at the clock."""
QUOTED = SLOW.replace("'", "''")
STRANGE = {
    "a generated column": (
        f"UPDATE sqlite_schema SET sql = replace(sql, 'reason  TEXT NOT NULL', 'reason TEXT AS {QUOTED}') WHERE name = 'gaps'",
        "UPDATE sqlite_schema SET sql = replace(sql, 'STRICT', '') WHERE name = 'gaps'",
    ),
    "a virtual table": (
        "DROP TABLE gaps",
        "CREATE VIRTUAL TABLE gaps USING fts5(source, from_ms, to_ms, reason)",
    ),
    "a view in other letters": ("DROP TABLE gaps", f"CREATE VIEW GAPS AS {FOREVER.format('x AS source, x AS reason')}"),
    "views of views": (
        "DROP TABLE gaps",
        "CREATE VIEW v0 AS SELECT 1 AS source",
        *(f"CREATE VIEW v{n + 1} AS SELECT a.source FROM v{n} a, v{n} b" for n in range(30)),
        "CREATE VIEW gaps AS SELECT source FROM v30",
    ),
}


@pytest.mark.parametrize("what", STRANGE)
def test_what_computes_what_it_seems_to_hold_is_refused(crafted: Path, what: str) -> None:
    changed(crafted, *STRANGE[what])
    done = kube9_cli("events", "list", "--timeout=5", "--db", str(crafted))
    checked(done, "json")
    assert "is not a table as the operator creates it" in done.stderr


SCHEMAS = {
    "no table": ("DROP TABLE gaps",),
    "no column": ("ALTER TABLE gaps RENAME COLUMN reason TO why",),
    "no index": ("DROP INDEX events_by_time",),
    "an index of another kind": ("DROP INDEX events_by_time", "CREATE INDEX events_by_time ON events (id) WHERE id < 0"),
    "a table at another's root": (
        "UPDATE sqlite_schema SET rootpage = (SELECT rootpage FROM sqlite_schema WHERE name = 'words') WHERE name = 'gaps'",
    ),
    "a root far away": ("UPDATE sqlite_schema SET rootpage = 2147483647 WHERE name = 'events'",),
    "no SQL": ("UPDATE sqlite_schema SET sql = 'CREATE TABLE' WHERE name = 'events'",),
    "an unknown module": ("UPDATE sqlite_schema SET sql = 'CREATE VIRTUAL TABLE events USING nothing' WHERE name = 'events'",),
    "an unknown collation": (
        "UPDATE sqlite_schema SET sql = replace(sql, 'word TEXT', 'word TEXT COLLATE strange') WHERE name = 'words'",
    ),
    "twice the same": ("INSERT INTO sqlite_schema SELECT * FROM sqlite_schema WHERE name = 'gaps'",),
    "no version": ("DELETE FROM schema_version",),
    "a version that is no number": (
        "UPDATE schema_version SET name = 1",
        "DROP TABLE schema_version",
        "CREATE TABLE schema_version (version)",
        "INSERT INTO schema_version VALUES ('four')",
    ),
    "a flood of facts": (f"INSERT INTO facts {COUNTED.format(90_000)} SELECT printf('%0400d', x), 1 FROM n",),
    "all at once": tuple(f"DROP TABLE IF EXISTS {table}" for table in TABLES),
}


@pytest.mark.parametrize("what", SCHEMAS)
def test_any_schema(crafted: Path, whole: tuple[Path, int], what: str) -> None:
    changed(crafted, *SCHEMAS[what])
    ask(crafted, whole[1])


def test_a_query_without_end_ends_in_time(crafted: Path) -> None:
    """Many rows that none of our indexes foresaw: the progress handler ends it."""
    changed(crafted, f"INSERT INTO series {COUNTED.format(300_000)} SELECT NULL, x + 1000000, 0, 0, 0, 0, 0, 0, 0, 1, 1 FROM n")
    done = kube9_cli("status", "--timeout=0.001", "--db", str(crafted))
    checked(done, "json")
    assert done.code == 2


def busy() -> None:
    while True:
        pass


def asleep() -> None:
    time.sleep(3_600)


@pytest.mark.parametrize(("hangs", "form"), [(busy, "json"), (asleep, "table")])
def test_whatever_hangs_is_ended_from_outside(whole: tuple[Path, int], hangs: Callable[[], None], form: str) -> None:
    """Code that never looks at the clock, and a system call that does not come back, as on a volume that hangs."""

    def make_it_hang() -> None:
        status.read = lambda database: hangs()  # type: ignore[assignment, return-value]

    done = kube9_cli("status", "-o", form, "--timeout=0.2", "--db", str(whole[0]), before=make_it_hang)
    checked(done, form)
    assert done.code == 2
    assert "took too long" in done.stderr


def test_rows_are_not_worked_on_for_ever(whole: tuple[Path, int]) -> None:
    """Between rows Python looks at the clock itself: it does not wait for the end from outside."""

    def be_late() -> None:
        real = events.rows

        def rows(database: Database, numbers: list[int]) -> list[events.Row]:
            found = real(database, numbers)
            database._deadline = 0.0
            return found

        events.rows = rows  # type: ignore[assignment]

    done = kube9_cli("events", "list", "--timeout=3600", "--db", str(whole[0]), before=be_late)
    checked(done, "json")
    assert done.code == 2


PLACES = ("kube9.db", "kube9.db-wal", "kube9.db-shm", "kube9.db-journal")


def _fifo(path: Path) -> None:
    os.mkfifo(path)


def _folder(path: Path) -> None:
    path.mkdir()


def _loop(path: Path) -> None:
    path.symlink_to(path)


def _device(path: Path) -> None:
    path.symlink_to("/dev/zero")


def _socket(path: Path) -> None:
    with socket.socket(socket.AF_UNIX) as one:
        before = os.getcwd()
        os.chdir(path.parent)  # a socket's path may be no longer than 107 bytes
        one.bind(path.name)
        os.chdir(before)


@pytest.mark.parametrize("make", [_fifo, _folder, _loop, _device, _socket], ids=lambda make: make.__name__)
@pytest.mark.parametrize("place", PLACES)
def test_what_is_no_file_is_named_and_not_waited_for(crafted: Path, place: str, make: Callable[[Path], None]) -> None:
    (crafted / place).unlink(missing_ok=True)
    make(crafted / place)
    for form in ("json", "table"):
        done = kube9_cli("status", "-o", form, "--timeout=3600", "--db", str(crafted))
        checked(done, form)
        assert done.code == 1
        assert str(crafted / place) in done.stderr
        assert any(why in done.stderr for why in ("not a file", "link to itself"))
