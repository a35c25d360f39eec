"""Migrates the database to the schema of this program: the numbered files of schema/, forward only."""

import time
from importlib import resources
from typing import NamedTuple

from kube9_operator.clock import now_ms
from kube9_operator.supervise.exits import CannotStart
from kube9_operator.write.sqlite.database import Connection
from kube9_operator.write.sqlite.session import Session


class Migration(NamedTuple):
    """One file of schema/."""

    version: int
    name: str
    sql: str


def known() -> list[Migration]:
    """The migrations that this program carries, in order."""
    files = [one for one in resources.files("kube9_schema").iterdir() if one.name.endswith(".sql")]
    found = sorted(Migration(int(one.name[:4]), one.name, one.read_text(encoding="utf-8")) for one in files)
    assert [one.version for one in found] == list(range(1, len(found) + 1)), "schema/ is numbered without gaps"
    return found


def current(connection: Connection) -> int:
    """The schema version of the database; 0 if it has none. It only reads."""
    if not connection.table_exists("main", "schema_version"):
        return 0
    version: int = connection.execute("SELECT max(version) FROM schema_version").get
    return version


def refuse_foreign(connection: Connection) -> None:
    """Raises CannotStart for a database that another program made. It only reads.

    The original, alto9/kube9-operator, has a table of the same name, with a column `description` instead of `name`.
    """
    columns = {row[0] for row in connection.execute("SELECT name FROM pragma_table_info('schema_version')")}
    if "name" in columns:
        return
    if columns >= {"version", "description"}:
        version = connection.execute("SELECT max(version) FROM schema_version").get
        raise CannotStart(
            f"{connection.filename} is a database of alto9/kube9-operator (its schema {version}), which this program cannot "
            "use and leaves as it is: give this program an empty folder (DB_PATH) or a new volume, or move the file away"
        )
    tables = [row[0] for row in connection.execute("SELECT name FROM sqlite_schema WHERE type = 'table'")]
    if tables and "facts" not in tables:  # otherwise it is ours, and damaged
        raise CannotStart(
            f"{connection.filename} is a database of another program, which this one leaves as it is: "
            "give this program an empty folder (DB_PATH) or a new volume, or move the file away"
        )


def refuse_newer(connection: Connection, migrations: list[Migration]) -> None:
    """Raises CannotStart for a database that is newer than `migrations`. It only reads."""
    version = current(connection)
    if version > len(migrations):
        raise CannotStart(
            f"the database has schema version {version}, this program knows {len(migrations)}: "
            "run a release of kube9-operator that is at least as new as the one that wrote it"
        )


def migrate(connection: Connection, migrations: list[Migration]) -> None:
    """Applies the missing migrations, each in one transaction with its version. One that fails changes nothing."""
    session = Session(connection)
    for migration in migrations[current(connection) :]:
        with session.transaction(now_ms()):
            connection.execute(migration.sql)
            connection.execute(
                "INSERT INTO schema_version (version, name, applied_at) VALUES (?, ?, ?)",
                (migration.version, migration.name, time.strftime("%Y-%m-%dT%H:%M:%S.000Z", time.gmtime())),
            )
