"""Fills a database as the writer does: with its own store, and with owners as the watches of resources report them."""

from collections.abc import Iterable
from typing import NamedTuple

from kube9_operator.model.frame import ControlFrame, Counts, EventFrame, ListEnds
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Owner
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.lifecycle import Lifecycle
from kube9_operator.write.events.signing import Signing
from kube9_operator.write.events.store import Store
from kube9_operator.write.resources.owners import Owners
from kube9_operator.write.sqlite import database, migrations
from kube9_operator.write.sqlite.session import Session

QUIET_MS = EVENT_TTL_MS = 3_600_000


class Seen(NamedTuple):
    """An observation, and the chain of owners of its object, the nearest first."""

    observation: Observation
    owners: tuple[Owner, ...] = ()


class Recording:
    """A new database in a folder, and what writes it."""

    def __init__(self, folder: str) -> None:
        self.connection = database.connect(folder, busy_seconds=5.0)
        database.prepare(self.connection)
        migrations.migrate(self.connection, migrations.known())
        self.session = Session(self.connection)
        self.store = Store(self.session, QUIET_MS)
        self.coverage = Coverage(self.session, self.store, EVENT_TTL_MS)
        self.lifecycle = Lifecycle(self.connection, self.coverage)
        self.owners = Owners(self.session, self.store.names, self.store.filing)
        self.begun = False
        self._noted: set[str] = set()
        """The uids of owners whose own owners were told before."""

    def record(self, seen: Iterable[Seen], now_ms: int) -> None:
        """Records these in one transaction, at this time by the operator's clock."""
        seen = list(seen)
        with self.session.transaction(now_ms):
            if not self.begun:
                self.coverage.update(ControlFrame("events", ListEnds("1", now_ms)), {}, now_ms)
                self.lifecycle.started(now_ms)
            for one in seen:
                self._note_owners(one, now_ms)
                self.owners.event_stored(one.observation, self.store.apply(one.observation).event_id)
            counts = Counts(received=len(seen))
            self.coverage.update(EventFrame("events", counts, [], "1", now_ms), {"stored": len(seen)}, now_ms)
            self.lifecycle.alive(now_ms)
        self.begun = True
        with self.session.transaction(now_ms):
            self.owners.forget_gone(now_ms + 1)

    def sign(self) -> None:
        """Signs all events that may be signed."""
        signing = Signing(self.session)
        while signing.sign_some():
            pass

    def close(self) -> None:
        """Writes the WAL back, and closes the database."""
        self.connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        self.connection.close()

    def _note_owners(self, one: Seen, now_ms: int) -> None:
        """Tells who owned the object, as if it had just been deleted: that is found when its first event is stored."""
        uid = one.observation.uid
        for owner in one.owners:
            self.owners.object_gone(uid, owner, now_ms)
            if owner.uid in self._noted:
                return
            self._noted.add(owner.uid)
            uid = owner.uid
