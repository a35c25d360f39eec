"""What is done between the writer's batches, some milliseconds at a time, or beside them: retention, salvage, looking for
damage, writing the WAL back.
"""

import contextlib
import time
from pathlib import Path

from kube9_operator import logs
from kube9_operator.deadlines import Deadlines
from kube9_operator.settings import Settings
from kube9_operator.tally import Tally
from kube9_operator.write import database
from kube9_operator.write.checkpoints import Checkpoints
from kube9_operator.write.inspection import Inspector
from kube9_operator.write.ledger import Ledger
from kube9_operator.write.rescue import Rescue
from kube9_operator.write.retention import Retention
from kube9_operator.write.store import Store

WAIT_SECONDS = 0.01


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
        self._checkpoints = Checkpoints(
            connection, database.bound(connection, settings.database_max_mib * 2**20), deadlines.write_back
        )
        self.retention = Retention(connection, store, ledger, settings, deadlines, tally)
        self.rescue = Rescue(connection, store, ledger)
        self._inspector = Inspector(str(Path(settings.database_folder) / database.FILE_NAME), deadlines)
        self._trouble = ""
        self._crowded = False
        """Somebody reads what the WAL has, and there is no room for it to grow."""

    def busy(self) -> bool:
        """Whether there is something to go on with at once."""
        return self.retention.busy() or self.rescue.busy()

    def full(self) -> bool:
        """Whether what comes has to wait: until something is deleted, or until whoever reads lets the WAL begin anew where
        it has no room to grow.
        """
        with contextlib.suppress(*database.TROUBLE):  # the next commit finds it too
            self._crowded = self._checkpoints.behind() and self.retention.space.tight()
            if self._crowded:
                self._checkpoints.help()
                self._crowded = self._checkpoints.behind()
                time.sleep(WAIT_SECONDS if self._crowded else 0.0)
            return self._crowded or self.retention.full()
        return False

    def help(self) -> None:
        """To be called when a commit has failed: room may be made of what is committed already."""
        self._checkpoints.help()

    def step(self) -> None:
        """Some more of each. Raises one of database.DAMAGE; other trouble with the file waits."""
        self._inspector.step()
        self._checkpoints.step()
        try:
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

    def close(self) -> None:
        """Ends what was started; the connection is closed after it."""
        self._checkpoints.close()
        self._inspector.close()
        self.rescue.close()
