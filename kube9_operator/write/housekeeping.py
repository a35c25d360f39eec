"""What the writer does between batches, some milliseconds at a time: retention, salvage, damage check, checkpoints, room."""

import contextlib
import time
from pathlib import Path

from kube9_operator import logs
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.tally import Tally
from kube9_operator.settings import Settings
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.journal import Journal
from kube9_operator.write.events.mover import Mover
from kube9_operator.write.events.retention import Retention
from kube9_operator.write.events.signing import Signing
from kube9_operator.write.events.size_limit import FULL, PRESSED
from kube9_operator.write.events.store import Store
from kube9_operator.write.recovery.inspection import Inspector
from kube9_operator.write.recovery.restore import Restore
from kube9_operator.write.sqlite import database, lock
from kube9_operator.write.sqlite.checkpoints import Checkpoints
from kube9_operator.write.sqlite.headroom import Headroom
from kube9_operator.write.sqlite.session import Session

LEAST_BATCH, OBSERVATION_BYTES = 100, 4_096
"""The fewest items of a commit, however small the WAL has to be; and what an item may add to the WAL (most add less)."""
MAX_BATCH_PRESSED = 500
"""Items of a commit while the database is near its limit, so that deleting keeps up."""
ROOM_CHECK_SECONDS = 1.0
BLOCKED_SECONDS = 5.0
"""After this time without room, health says why nothing is written."""


class Housekeeping:
    """Runs in the writer's thread."""

    def __init__(
        self,
        session: Session,
        store: Store,
        coverage: Coverage,
        settings: Settings,
        deadlines: Deadlines,
        tally: Tally,
        journal: Journal,
    ) -> None:
        self._journal = journal
        connection = session.connection
        max_bytes = settings.database_max_mib * 2**20
        self._headroom = Headroom(connection, max_bytes)
        self._checkpoints = Checkpoints(
            connection, database.bound(connection, max_bytes), deadlines.write_back, self._headroom.committed
        )
        self._most = max(LEAST_BATCH, database.wal_limit_bytes(max_bytes) // OBSERVATION_BYTES)
        self.mover = Mover(session, store.filing)
        self._signing = Signing(session)
        self.restore = Restore(session, store, coverage, settings.database_folder)
        self.retention = Retention(
            session, store, coverage, settings, deadlines, tally, self.restore.give_way, journal.settled_ms
        )
        self._inspector = Inspector(str(Path(settings.database_folder) / database.FILE_NAME), deadlines)
        self._trouble = ""
        self._blocked = ""
        """Why nothing can be written: a reader keeps the WAL from starting over, and there is no room for it to grow."""
        self._unblocked_at = self._check_room_at = 0.0
        self._full = False
        """The database is so near its limit that new events wait until the others are moved, and some of them deleted."""
        self._pressed = False
        """Retention has to delete events, so nothing is salvaged."""

    def busy(self) -> bool:
        """Whether there is more to do at once."""
        return self.retention.busy() or self.restore.busy() or self.mover.busy() or self._signing.busy()

    def full(self) -> bool:
        """Whether new items have to wait: until something is deleted, or until a reader lets the WAL start over."""
        self._blocked = ""
        with contextlib.suppress(*database.TROUBLE):  # the next commit meets the trouble too
            self._blocked = self._headroom.lacks(self._checkpoints.behind())
            if self._blocked:
                self._checkpoints.write_back_now()
                self._blocked = self._headroom.lacks(self._checkpoints.behind())
            if not self._blocked:
                self._unblocked_at = time.monotonic()
            self._delete_quarantined()
            return bool(self._blocked) or self.retention.full() or (self.mover.busy() and self._full)
        return False

    def check_files(self) -> None:
        """Raises what ends the writer if one of its files was removed, replaced or cut: a commit would be lost."""
        self._checkpoints.check_files()
        lock.check()

    def make_room(self) -> None:
        """Frees what can be freed after a commit has failed: the WAL is written back, unneeded files are deleted."""
        self.check_files()
        self._checkpoints.write_back_now()
        with contextlib.suppress(*database.TROUBLE):
            self._delete_quarantined()

    def trouble(self) -> str:
        """Why new items have been waiting for a while; '' if they have not."""
        if self._blocked and time.monotonic() - self._unblocked_at > BLOCKED_SECONDS:
            who = self._headroom.readers()
            waits = f"{who} no longer reads the database, or there is more room" if who else "there is more room"
            return f"{self._blocked}; nothing is written until {waits}"
        return ""

    def blocked(self) -> bool:
        """Whether nothing can be written at all, as `full` has found last."""
        return bool(self._blocked)

    def most(self) -> int:
        """How many items a commit may have, so that it fits into the WAL's part of the size limit."""
        most = LEAST_BATCH if self._checkpoints.behind() else self._most
        return min(most, MAX_BATCH_PRESSED) if self.retention.pressed else most

    def step(self, is_idle: bool = True) -> None:
        """Does a part of everything. Raises one of database.DAMAGE; after other trouble with the file it tries again later.

        What can wait for longer is done only while the writer `is_idle`.
        """
        self.check_files()
        self._inspector.step()
        self._checkpoints.step()
        try:
            if not self._blocked and not self._pressed:
                self.restore.step()
            self._trouble = ""
        except database.DAMAGE:
            raise
        except database.TROUBLE as error:
            if not self._trouble:
                logs.get().warning("salvage.delayed", error=logs.one_line(error))
            self._trouble = logs.one_line(error)
        if self.mover.busy():
            # Deleting for the size limit goes by what is moved. The move itself needs no more room than it has freed.
            if not self._blocked and not self._checkpoints.behind():
                self.mover.step()
        elif not self._blocked and not (self._checkpoints.behind() and self.retention.can_wait()):
            self.retention.step()
            self._journal.step()
            if is_idle:
                self._signing.step()

    def _delete_quarantined(self) -> None:
        """Deletes a damaged database that was moved aside, if the volume has less free space than it should."""
        if time.monotonic() >= self._check_room_at:
            self._check_room_at = time.monotonic() + ROOM_CHECK_SECONDS
            room = self.retention.space.room()
            self._pressed, self._full = room.used > room.limit * PRESSED, room.used > room.limit * FULL
            if room.short and self.restore.give_way():
                self._checkpoints.write_back_now()

    def close(self) -> None:
        """Ends threads and processes, before the connection is closed."""
        self._checkpoints.close()
        self._inspector.close()
        self.restore.close()
