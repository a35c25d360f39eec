"""Transactions of the writer's connection. This is the only module that begins, commits and rolls back."""

import contextlib
from collections.abc import Iterator

from kube9_operator.write.sqlite.database import Connection, is_of_content


class Participant:
    """Something whose memory has to agree with the database: a cache, or values that become true with the commit.

    A class overrides what it needs. Every method but `before_commit` must not fail, because nothing could undo it.
    """

    def begin(self, now_ms: int) -> None:
        """A transaction has begun, at this time by our own clock."""

    def before_commit(self) -> None:
        """All changes are made: the last chance to write. Participants are called in the order of registration."""

    def committed(self) -> None:
        """The transaction is durable."""

    def rolled_back(self) -> None:
        """The database is as it was before `begin`, and so must be what is in memory."""

    def savepoint_begins(self) -> None:
        """What follows may be undone alone. Savepoints are not nested."""

    def savepoint_rolled_back(self) -> None:
        """The changes since the savepoint are undone; the transaction goes on."""


class Session:
    """One connection, and everything that takes part in its transactions."""

    def __init__(self, connection: Connection) -> None:
        self.connection = connection
        self._participants: list[Participant] = []

    def register(self, *participants: Participant, first: bool = False) -> None:
        """Makes these take part in every transaction from now on, after the others or before them."""
        at = 0 if first else len(self._participants)
        self._participants[at:at] = participants

    @contextlib.contextmanager
    def transaction(self, now_ms: int) -> Iterator[None]:
        """Commits what the block does, or rolls all of it back if the block or the commit raises.

        IMMEDIATE, because a deferred transaction that turns into a writer fails with BUSY_SNAPSHOT, whatever the timeout.
        """
        begun: list[Participant] = []
        self.connection.execute("BEGIN IMMEDIATE")
        try:
            for participant in self._participants:
                begun.append(participant)
                participant.begin(now_ms)
            yield
            for participant in begun:
                participant.before_commit()
            self.connection.execute("COMMIT")
        except BaseException:
            try:
                if self.connection.in_transaction:  # on a full disk SQLite has rolled back already
                    self.connection.execute("ROLLBACK")
            finally:
                for participant in begun:
                    participant.rolled_back()
            raise
        for participant in begun:
            participant.committed()

    @contextlib.contextmanager
    def savepoint(self) -> Iterator[None]:
        """Undoes only the block if it raises because of its content, and passes the exception on.

        After any other error (of the file or of memory) the transaction has to be rolled back as a whole.
        """
        self.connection.execute("SAVEPOINT item")
        for participant in self._participants:
            participant.savepoint_begins()
        try:
            yield
        except Exception as error:
            if is_of_content(error):
                self.connection.execute("ROLLBACK TO item")
                for participant in self._participants:
                    participant.savepoint_rolled_back()
            raise
        finally:
            if self.connection.in_transaction:  # on a full disk SQLite has rolled back already
                self.connection.execute("RELEASE item")
