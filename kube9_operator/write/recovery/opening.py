"""Opens the database for the writer, whatever state the files are in.

Waits if it is locked or the disk is full, moves it aside if it is damaged, and fails for good if it can never be written.
"""

import contextlib
import sys
import time
from collections.abc import Iterator

from kube9_operator import logs
from kube9_operator.backoff import Backoff
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
    "SELECT max(last_ms) FROM events INDEXED BY events_by_time WHERE series IS NOT NULL",
    "SELECT sum(count) FROM totals WHERE of_first = 0",
)
"""Cheap reads that find much of the damage. The rest is checked while recording goes on."""


@contextlib.contextmanager
def opened(link: Link, settings: Settings, deadlines: Deadlines) -> Iterator[database.Connection]:
    """Locks, opens and migrates the database. If the old one is damaged, a new one is created.

    Raises exits.CannotStart if it cannot be written, is newer, is another program's, or is locked by another process for
    long. Raises exits.BeginAgain if it turned out to be damaged and was moved aside: its versions are lost, so the next worker
    generation lists everything into a new one. The same if it was replaced: the next generation opens the other file.
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
        found = logs.one_line(error) if isinstance(error, database.DAMAGE) else _damage_behind(error, connection, link)
        if not found:
            raise
        database.leave_wal(connection)
        quarantine.set_aside(settings.database_folder, found)
        raise exits.BeginAgain(f"the database is damaged: {found}") from error


def _leave_cut_wal(connection: database.Connection, settings: Settings, link: Link, why: str) -> None:
    """Closes a database whose WAL was cut. If the file makes no sense without the WAL, it is moved aside as damaged."""
    path = connection.filename
    logs.get().error("wal.cut", path=path, why=why)
    database.leave_wal(connection)
    quarantine.remove_wal(settings.database_folder)
    if found := inspection.check(path, link, thoroughly=True):
        quarantine.set_aside(settings.database_folder, found)


def _damage_behind(error: Exception, connection: database.Connection, link: Link) -> str:
    """The damage behind an unexpected error, which the next worker generation would meet again; '' for none."""
    understood = isinstance(error, (exits.BeginAgain, exits.CannotStart)) or not database.is_of_content(error)
    return "" if understood else inspection.check(connection.filename, link)


def _patiently(link: Link, settings: Settings, deadlines: Deadlines) -> database.Connection:
    def keep_waiting() -> None:
        link.beat("waiting for the lock of the database")
        if link.stop.is_set():
            sys.exit(exits.EXIT_DONE)

    keep_waiting()
    lock.hold(settings.database_folder, deadlines.lock_wait, keep_waiting)
    link.beat("opening the database", deadlines.migrate)
    quarantine.finish(settings.database_folder)
    backoff = Backoff(deadlines.database_retry_first, deadlines.database_retry_most, jitter=(1.0, 1.0))
    tries = 0
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
                logs.get().error("database.failed", error=logs.one_line(error), why="the database cannot be opened")
            link.beat(f"waiting for the database: {logs.one_line(error)}")
            if link.stop.wait(backoff.next()):
                sys.exit(exits.EXIT_DONE)
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
    """Writes the WAL back, so that a copy of the file alone has its tables. Without room for that, the writer waits later."""
    try:
        database.checkpoint(connection)
    except database.FULL as error:
        logs.get().warning("checkpoint.failed", error=logs.one_line(error))
        with contextlib.suppress(OSError, database.FULL):
            database.shorten_wal(connection)
            database.checkpoint(connection)
