"""Opens the database as the writer needs it, whatever state the files are in: waits where it is locked or full, moves it aside
where it is damaged, and says so where it can never be written.
"""

import contextlib
import sys
import time
from collections.abc import Iterator

from kube9_operator import logs
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.settings import Settings
from kube9_operator.supervise import exits
from kube9_operator.supervise.link import Link
from kube9_operator.write.pace import beating
from kube9_operator.write.recovery import inspection, quarantine
from kube9_operator.write.sqlite import database, lock, migrations
from kube9_operator.write.sqlite.file_identity import Displaced
from kube9_operator.write.sqlite.sizes import WalCut

PROBES = (
    "SELECT count(*) FROM facts",
    "SELECT count(*) FROM sources",
    "SELECT count(*) FROM books",
    "SELECT max(id) FROM events",
    "SELECT max(last_hour) FROM events INDEXED BY events_recent",
)
"""Reads that cost nothing: the rest is looked through when recording goes on."""


@contextlib.contextmanager
def opened(link: Link, settings: Settings, deadlines: Deadlines) -> Iterator[database.Connection]:
    """The database, locked, of the newest schema; a new one where an earlier one had to be moved aside.

    Raises exits.CannotStart where it may not be written, is newer or another program's, or is held by another for long;
    exits.BeginAgain where it turned out to be damaged, and was moved aside. Versions are lost with it: the next generation
    lists everything, into a new one. Or where another has taken its place meanwhile, which is opened next: neither harms
    the other.
    """
    connection = _patiently(link, settings, deadlines)
    try:
        yield connection
        connection.close()
    except Displaced as error:
        error.leave(connection)
        raise
    except WalCut as error:
        _leave_cut_wal(connection, settings, link, str(error))
        raise
    except Exception as error:
        found = logs.one_line(error) if isinstance(error, database.DAMAGE) else _behind(error, connection, link)
        if not found:
            raise
        database.leave_wal(connection)
        quarantine.set_aside(settings.database_folder, found)
        raise exits.BeginAgain(f"the database is damaged: {found}") from error


def _leave_cut_wal(connection: database.Connection, settings: Settings, link: Link, why: str) -> None:
    """Leaves the file alone, if it makes sense without the WAL; otherwise it is damaged."""
    path = connection.filename
    logs.get().error("database.wal_cut", path=path, why=why)
    database.leave_wal(connection)
    quarantine.remove_wal(settings.database_folder)
    if found := inspection.look(path, link, thoroughly=True):
        quarantine.set_aside(settings.database_folder, found)


def _behind(error: Exception, connection: database.Connection, link: Link) -> str:
    """What damage is behind an error that nobody thought of, and that the next generation would meet again; '' for none."""
    understood = isinstance(error, (exits.BeginAgain, exits.CannotStart)) or not database.is_of_content(error)
    return "" if understood else inspection.look(connection.filename, link)


def _patiently(link: Link, settings: Settings, deadlines: Deadlines) -> database.Connection:
    def keep_waiting() -> None:
        link.beat("waiting for the lock of the database")
        if link.stop.is_set():
            sys.exit(exits.EXIT_DONE)

    keep_waiting()
    lock.hold(settings.database_folder, deadlines.lock_wait, keep_waiting)
    link.beat("opening the database", deadlines.migrate)
    quarantine.finish(settings.database_folder)
    wait, tries = deadlines.database_retry_first, 0
    while True:
        try:
            return _opened(link, settings, deadlines)
        except database.DAMAGE as error:
            quarantine.set_aside(settings.database_folder, logs.one_line(error))
        except database.TROUBLE as error:
            if isinstance(error, database.FULL):
                quarantine.give_way(settings.database_folder)
            tries += 1
            if tries == 1:
                logs.get().error("database.trouble", error=logs.one_line(error), why="it cannot be opened")
            link.beat(f"waiting for the database: {logs.one_line(error)}")
            if link.stop.wait(wait):
                sys.exit(exits.EXIT_DONE)
            wait = min(wait * 2, deadlines.database_retry_most)
            link.beat("opening the database", deadlines.migrate)


def _opened(link: Link, settings: Settings, deadlines: Deadlines) -> database.Connection:
    began = time.monotonic()
    connection = database.connect(settings.database_folder, deadlines.busy)
    try:
        known = migrations.known()
        migrations.refuse_foreign(connection)
        migrations.refuse_newer(connection, known)
        database.prepare(connection)
        with beating(link, connection, deadlines.beat):
            migrations.migrate(connection, known)
            _write_back(connection)
        for probe in PROBES:
            database.one(connection, probe)
    except BaseException:
        database.leave_wal(connection)
        raise
    logs.get().info("database.opened", schema_version=len(known), seconds=round(time.monotonic() - began, 2))
    return connection


def _write_back(connection: database.Connection) -> None:
    """So that the file alone has its tables. Where there is no room for all of the WAL, the writer waits for it."""
    try:
        database.checkpoint(connection)
    except database.FULL as error:
        logs.get().warning("checkpoint.failed", error=logs.one_line(error))
        with contextlib.suppress(OSError, database.FULL):
            database.shorten_wal(connection)
            database.checkpoint(connection)
