"""The schema and its runner."""

from pathlib import Path

import pytest

from kube9_operator.supervise.exits import CannotStart
from kube9_operator.write.sqlite import database, migrations
from kube9_schema import SCHEMA_VERSION

GOLDEN = Path(__file__).parent / "schema.golden.sql"


def dump(connection: database.Connection) -> str:
    rows = connection.execute("SELECT sql FROM sqlite_schema WHERE sql IS NOT NULL ORDER BY type DESC, name")
    return "\n\n".join(str(row[0]) for row in rows) + "\n"


def test_the_schema_is_the_one_that_was_released() -> None:
    connection = database.Connection(":memory:")
    migrations.migrate(connection, migrations.known())
    assert dump(connection) == GOLDEN.read_text(encoding="utf-8"), "a released file of schema/ is never edited: add one"
    connection.close()


def test_the_cli_reads_the_newest_schema() -> None:
    assert len(migrations.known()) == SCHEMA_VERSION


def test_a_failed_migration_leaves_the_file_as_it_was(tmp_path: Path) -> None:
    connection = database.connect(str(tmp_path), 1.0)
    database.prepare(connection)
    migrations.migrate(connection, migrations.known())
    connection.execute("INSERT INTO words (word) VALUES ('kept')")
    before = dump(connection)
    known = len(migrations.known())
    sql = "CREATE TABLE more (id INTEGER); DELETE FROM words; SELECT nonsense"
    broken = migrations.Migration(known + 1, f"{known + 1:04}_broken.sql", sql)
    with pytest.raises(Exception, match="nonsense"):
        migrations.migrate(connection, [*migrations.known(), broken])
    assert dump(connection) == before
    assert migrations.current(connection) == known
    assert connection.execute("SELECT count(*) FROM words WHERE word = 'kept'").get == 1
    good = broken._replace(sql="CREATE TABLE more (id INTEGER)")
    migrations.migrate(connection, [*migrations.known(), good])
    migrations.migrate(connection, [*migrations.known(), good])
    assert migrations.current(connection) == known + 1
    with pytest.raises(CannotStart, match=f"schema version {known + 1}, this program knows {known}"):
        migrations.refuse_newer(connection, migrations.known())
    connection.close()
