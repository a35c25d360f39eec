"""What is done between the writer's batches, some milliseconds at a time, or beside them: retention, salvage, looking for
damage, writing the WAL back.
"""

import contextlib
import time
from pathlib import Path

from kube9_operator import logs
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.tally import Tally
from kube9_operator.settings import Settings
from kube9_operator.write.events.coverage import Ledger
from kube9_operator.write.events.retention import Retention
from kube9_operator.write.events.size_limit import PRESSED
from kube9_operator.write.events.store import Store
from kube9_operator.write.recovery.inspection import Inspector
from kube9_operator.write.recovery.restore import Rescue
from kube9_operator.write.sqlite import database, lock
from kube9_operator.write.sqlite.checkpoints import Checkpoints
from kube9_operator.write.sqlite.headroom import Headroom

LEAST_BATCH, OBSERVATION_BYTES = 100, 4_096
"""Items of a commit, however small the WAL has to be; and what each may add to it, for which most need less."""
MAX_BATCH_PRESSED = 500
"""While the database nears its limit, so that deleting keeps up."""
LOOK_SECONDS = 1.0
CROWDED_SECONDS = 5.0


class Housekeeping:
    """Of one writer, in its thread."""

    def __init__(
        self,
        connection: database.Connection,
        store: Store,
        ledger: Ledger,
        settings: Settings,
        deadlines: Deadlines,
        tally: Tally,
    ) -> None:
        self._store = store
        max_bytes = settings.database_max_mib * 2**20
        self._headroom = Headroom(connection, max_bytes)
        self._checkpoints = Checkpoints(
            connection, database.bound(connection, max_bytes), deadlines.write_back, self._headroom.committed
        )
        self._most = max(LEAST_BATCH, database.wal_limit_bytes(max_bytes) // OBSERVATION_BYTES)
        self.retention = Retention(connection, store, ledger, settings, deadlines, tally)
        self.rescue = Rescue(connection, store, ledger, settings.database_folder)
        self._inspector = Inspector(str(Path(settings.database_folder) / database.FILE_NAME), deadlines)
        self._trouble = ""
        self._crowded = ""
        """Why there is no room for the WAL to grow while somebody reads what it has; '' where there is."""
        self._crowded_since = self._look_at = 0.0
        self._pressed = False
        """Retention has to delete first, the least severe: nothing is salvaged meanwhile."""

    def busy(self) -> bool:
        """Whether there is something to go on with at once."""
        return self.retention.busy() or self.rescue.busy()

    def full(self) -> bool:
        """Whether what comes has to wait: until something is deleted, or until whoever reads lets the WAL begin anew where
        it has no room to grow.
        """
        self._crowded = ""
        with contextlib.suppress(*database.TROUBLE):  # the next commit finds it too
            self._crowded = self._headroom.lacks(self._checkpoints.behind())
            if self._crowded:
                self._checkpoints.help()
                self._crowded = self._headroom.lacks(self._checkpoints.behind())
            if not self._crowded:
                self._crowded_since = time.monotonic()
            self._make_room()
            return bool(self._crowded) or self.retention.full()
        return False

    def look_at_files(self) -> None:
        """Raises what ends the writer where somebody has removed, replaced or cut one of its files.

        To be called before each commit, which would go to nowhere.
        """
        self._checkpoints.look()
        lock.look()

    def help(self) -> None:
        """To be called when a commit has failed: room may be made of what is committed already, or of what is not needed."""
        self.look_at_files()
        self._checkpoints.help()
        with contextlib.suppress(*database.TROUBLE):
            self._make_room()

    def trouble(self) -> str:
        """Why what comes waits, where it has for a while; '' where it does not."""
        if self._crowded and time.monotonic() - self._crowded_since > CROWDED_SECONDS:
            who = self._headroom.readers()
            waits = f"{who} no longer reads the database, or there is more room" if who else "there is more room"
            return f"{self._crowded}; what comes waits until {waits}"
        return ""

    def crowded(self) -> bool:
        """Whether nothing at all may be written, as `full` has found last."""
        return bool(self._crowded)

    def most(self) -> int:
        """How many items one commit may take, so that it fits into the part of the limit that is the WAL's."""
        most = LEAST_BATCH if self._checkpoints.behind() else self._most
        return min(most, MAX_BATCH_PRESSED) if self.retention.pressed else most

    def step(self) -> None:
        """Some more of each. Raises one of database.DAMAGE; other trouble with the file waits."""
        self.look_at_files()
        self._inspector.step()
        self._checkpoints.step()
        try:
            if not self._crowded and not self._pressed:
                self.rescue.step()
            self._trouble = ""
        except database.DAMAGE:
            raise
        except database.TROUBLE as error:
            self._store.forget()
            if not self._trouble:
                logs.get().warning("salvage.waits", error=logs.one_line(error))
            self._trouble = logs.one_line(error)
        if not self._crowded and not (self._checkpoints.behind() and self.retention.can_wait()):
            self.retention.step()

    def _make_room(self) -> None:
        """Where the volume has less left than is to be kept free, a damaged database that was moved aside goes."""
        if time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            room = self.retention.space.room()
            self._pressed = room.used > room.limit * PRESSED
            if room.short and self.rescue.give_way():
                self._checkpoints.help()

    def close(self) -> None:
        """Ends what was started; the connection is closed after it."""
        self._checkpoints.close()
        self._inspector.close()
        self.rescue.close()
