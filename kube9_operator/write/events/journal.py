"""The journal of changes for the sink: the writer fills it, the sink reads it, and what is settled is deleted.

Owns the table changes.

It is filled only while a sink is configured. `ChangedEvents` writes which events are new, and whose counts, times or metadata
change: that is nearly all. Triggers write what is rare: titles, objects, owners, services, and events that are merged. The sink
reads the whole event in its own snapshot.
"""

import secrets
import time

from kube9_operator import logs
from kube9_operator.clock import now_ms
from kube9_operator.model import sink_position
from kube9_operator.model.sink_position import Position
from kube9_operator.write.events.changed import ChangedEvents
from kube9_operator.write.events.facts import Facts
from kube9_operator.write.sqlite import database
from kube9_operator.write.sqlite.database import one
from kube9_operator.write.sqlite.session import Session
from kube9_schema import facts
from kube9_schema.codes import CHANGED_EVENT, CHANGED_OBJECT, MERGED_EVENT, NOTHING_CHANGED

ROW_BYTES = 20
PART = 64
"""The journal may take this part of the size limit. If the other store is away for longer, the journal begins again, and then
everything is sent again.
"""
LOOK_SECONDS = 5.0
RETRY_SECONDS = 60.0
COUNT_SECONDS = 60.0
DELETED_AT_ONCE = 5_000
"""About 3 ms."""

TRIGGER = "CREATE TRIGGER {} AFTER {} BEGIN INSERT INTO changes (what, id) SELECT {}, {}; END"
TRIGGERS: dict[str, tuple[str, int, str]] = {
    "journal_event_updated": ("UPDATE OF title, object ON events", CHANGED_EVENT, "NEW.id"),
    "journal_object_updated": (
        """UPDATE OF owner, uid, api_group, api_version ON objects
        WHEN (OLD.owner, OLD.uid, OLD.api_group, OLD.api_version)
        IS NOT (NEW.owner, NEW.uid, NEW.api_group, NEW.api_version)""",
        CHANGED_OBJECT,
        "NEW.id",
    ),
    "journal_controller_inserted": ("INSERT ON controllers", CHANGED_EVENT, "NEW.event"),
    "journal_service_pod_inserted": (
        "INSERT ON service_pods",
        CHANGED_OBJECT,
        """id FROM objects WHERE name = NEW.pod
        AND uid IN (NEW.uid, (SELECT static_uid FROM mirror_pods WHERE uid = NEW.uid))""",
    ),
    "journal_event_merged": ("UPDATE OF event ON contributors WHEN OLD.event <> NEW.event", MERGED_EVENT, "OLD.event"),
}
"""What a reader of an event sees besides: its title, its object and owners, and the services of its pod."""


class Journal:
    """Works in the writer, which is the only process that changes the table."""

    def __init__(self, session: Session, changed: ChangedEvents, folder: str, max_bytes: int, wanted: bool) -> None:
        changed.is_wanted = wanted
        self._session = session
        self._connection = session.connection
        self._execute = session.connection.execute
        self._facts = Facts(session.connection)
        self._folder = folder
        self._most = max_bytes // PART // ROW_BYTES
        self._wanted = wanted
        self._position: Position | None = None
        """What is settled of this journal."""
        self._look_at = self._count_at = 0.0

    def begin(self, at_ms: int) -> None:
        """Makes the triggers, or removes them, in the transaction of the caller."""
        sql = "SELECT name, sql FROM sqlite_schema WHERE type = 'trigger' AND name LIKE 'journal%'"
        there = {row[0]: row[1] for row in self._execute(sql)}
        wanted = {name: TRIGGER.format(name, *what) for name, what in TRIGGERS.items()} if self._wanted else {}
        if there != wanted:  # also those of another release
            for name in there:
                self._execute(f"DROP TRIGGER {name}")
            for sql in wanted.values():
                self._execute(sql)
        if not self._wanted:
            self._execute("DELETE FROM changes")
            self._execute("DELETE FROM facts WHERE name = ?", (facts.SINK_FROM,))
            return
        stored = sink_position.load(self._folder)
        instance = str(self._facts.get(facts.SINK_INSTANCE, ""))
        if not instance:  # of a damaged database whose events are imported, the file still has it
            instance = stored.instance if stored else secrets.token_hex(16)
            self._facts.set(facts.SINK_INSTANCE, instance)
        highest = self._highest()
        sent = stored.seq if stored and stored.instance == instance else 0
        # Revisions rise at each start, also if an earlier state of the database was restored.
        first = max(at_ms * 1_000, highest + 1, sent + 1)
        self._execute("INSERT INTO changes (seq, what, id) VALUES (?, ?, 0)", (first, NOTHING_CHANGED))
        if there == wanted and sent <= highest and self._facts.get(facts.SINK_FROM) is not None:
            return
        self._facts.set(facts.SINK_FROM, first)

    def settled_ms(self) -> int | None:
        """Events recorded from this time on are not settled. 0 if none are; None without a sink."""
        if not self._wanted:
            return None
        return self._position.kept_from_ms() if self._position else 0

    def step(self) -> None:
        """Deletes a part of what is settled. Begins again if the journal has become too long."""
        now = time.monotonic()
        if not self._wanted or now < self._look_at:
            return
        try:
            self._step(now)
        except database.DAMAGE:
            raise
        except database.TROUBLE as error:
            logs.get().warning("journal.delayed", error=logs.one_line(error))
            self._look_at = now + RETRY_SECONDS

    def _step(self, now: float) -> None:
        self._position = self._read()
        began = self._facts.number(facts.SINK_FROM, 0)
        settled = self._position.seq if self._position else 0
        last = min(max(settled, began - 1), self._highest() - 1)  # the last row stays: it has the highest number
        found = one(
            self._connection,
            "SELECT max(seq) FROM (SELECT seq FROM changes WHERE seq <= ? ORDER BY seq LIMIT ?)",
            (last, DELETED_AT_ONCE),
        )
        until = found[0] if found else None
        if until is not None and self._is_any(until, settled):
            with self._session.transaction(now_ms()):
                self._execute("DELETE FROM changes WHERE seq <= ? AND (what <> ? OR seq <= ?)", (until, MERGED_EVENT, settled))
            return
        self._look_at = now + LOOK_SECONDS
        if now >= self._count_at:
            self._count_at = now + COUNT_SECONDS
            if one(self._connection, "SELECT 1 FROM changes LIMIT 1 OFFSET ?", (self._most,)):
                self._begin_again()

    def _is_any(self, until: int, settled: int) -> bool:
        """Whether anything up to this number can be deleted. What was merged has to be sent first."""
        sql = "SELECT 1 FROM changes WHERE seq <= ? AND (what <> ? OR seq <= ?) LIMIT 1"
        return one(self._connection, sql, (until, MERGED_EVENT, settled)) is not None

    def _begin_again(self) -> None:
        logs.get().warning("journal.begins_again", why="the sink has not sent it for too long", most_changes=self._most)
        at_ms = now_ms()
        with self._session.transaction(at_ms):
            first = max(at_ms * 1_000, self._highest() + 1)
            self._execute("INSERT INTO changes (seq, what, id) VALUES (?, ?, 0)", (first, NOTHING_CHANGED))
            self._facts.set(facts.SINK_FROM, first)

    def _read(self) -> Position | None:
        """The position of the sink, if it is about this journal."""
        found = sink_position.load(self._folder)
        if found is None or found.instance != self._facts.get(facts.SINK_INSTANCE):
            return None
        return found if found.journal == self._facts.get(facts.SINK_FROM) else None

    def _highest(self) -> int:
        row = one(self._connection, "SELECT max(seq) FROM changes")
        return int(row[0] or 0) if row else 0
