"""Which events a transaction changes: for the journal of the sink, each has one row a transaction, however often it changes."""

from kube9_operator.write.sqlite.database import Connection
from kube9_operator.write.sqlite.session import Participant
from kube9_schema.codes import CHANGED_EVENT

INSERT = "INSERT INTO changes (what, id) VALUES (?, ?)"


class ChangedEvents(Participant):
    """Whoever changes what a reader of an event sees notes the event, unless a trigger of the journal does it.

    A trigger on each new event and each rise of a count would take five times as long, because SQLite then copies each page
    that the statement changes.
    """

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._noted: dict[int, None] = {}
        self._is_committing = False
        self.is_wanted = False
        """Whether there is a journal."""

    def note(self, event: int) -> None:
        """Notes that the current transaction changes an event, also if a savepoint undoes that: it is sent once more."""
        if not self.is_wanted:
            return
        if self._is_committing:  # by a participant whose turn comes later
            self._connection.execute(INSERT, (CHANGED_EVENT, event))
        else:
            self._noted[event] = None

    def begin(self, now_ms: int) -> None:  # noqa: ARG002
        """Begins with nothing."""
        self._noted.clear()
        self._is_committing = False

    def before_commit(self) -> None:
        """Writes what was noted, with the changes themselves in one transaction."""
        self._is_committing = True
        if self._noted:
            self._connection.executemany(INSERT, [(CHANGED_EVENT, event) for event in self._noted])
