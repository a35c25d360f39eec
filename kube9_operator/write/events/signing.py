"""Signs the texts of each thousand events, so that a search need not read those that cannot have what it looks for.

Owns the tables signatures and unsigned_events. Triggers of the schema write into the latter what changes after it was signed.
kube9-cli reads everything that is not signed, so signing may come late.
"""

import time
from collections.abc import Iterable
from typing import Any

from kube9_operator import logs
from kube9_operator.clock import now_ms
from kube9_operator.write.events import stored
from kube9_operator.write.sqlite import database
from kube9_operator.write.sqlite.database import one, rows
from kube9_operator.write.sqlite.session import Session
from kube9_schema.signatures import BLOCK, part, united, values_of, words_of

LOOK_SECONDS = 1.0
RETRY_SECONDS = 60.0
CHANGED_AT_ONCE = 100
MOST_CHANGED = 1_000
"""So many changed events are left to the searches, which read them one by one in some 3 ms."""

LAST = "SELECT coalesce(max(last_event), -1) FROM signatures"
NEXT = "SELECT event FROM texts WHERE event > ? ORDER BY event LIMIT 1 OFFSET ?"
TEXTS = """SELECT texts.event, texts.description, texts.metadata, objects.name,
    (SELECT word FROM words WHERE id = events.title), (SELECT word FROM words WHERE id = events.reason),
    (SELECT word FROM words WHERE id = events.node)
    FROM texts JOIN events ON events.id = texts.event JOIN objects ON objects.id = events.object WHERE """
BLOCK_OF = "SELECT last_event, plain, bits FROM signatures WHERE last_event >= ? ORDER BY last_event LIMIT 1"


class Signing:
    """Works in the writer, between batches."""

    def __init__(self, session: Session) -> None:
        self._session = session
        self._connection = session.connection
        self._look_at = 0.0
        self._is_behind = False

    def busy(self) -> bool:
        """Whether there is more to sign at once."""
        return self._is_behind and time.monotonic() >= self._look_at

    def step(self) -> None:
        """Signs a block, or some changed events, if there are enough of them: some 10 ms."""
        now = time.monotonic()
        if now < self._look_at:
            return
        try:
            self._is_behind = self.sign_some()
            self._look_at = 0.0 if self._is_behind else now + LOOK_SECONDS
        except database.DAMAGE:
            raise
        except database.TROUBLE as error:
            logs.get().warning("signing.delayed", error=logs.one_line(error))
            self._look_at = now + RETRY_SECONDS

    def sign_some(self) -> bool:
        """Signs a block, or some changed events. Returns False if there are too few of them."""
        return self._sign_block() or self._sign_changed()

    def _sign_block(self) -> bool:
        """Signs the next block. Returns False if there are too few events for one."""
        (last,) = stored.row(self._connection, LAST, ())
        found = one(self._connection, NEXT, (last, BLOCK - 1))
        if found is None:
            return False
        texts = self._connection.execute(f"{TEXTS} texts.event > ? AND texts.event <= ?", (last, found[0]))
        signed = _signed(texts)
        with self._session.transaction(now_ms()):
            self._execute("INSERT INTO signatures VALUES (?, ?, ?)", (found[0], *signed))
            self._execute("DELETE FROM signatures WHERE last_event < (SELECT min(event) FROM texts)")
        return True

    def _sign_changed(self) -> bool:
        """Adds changed events to the signatures of their blocks. Returns False if there are few."""
        sql = "SELECT event FROM unsigned_events ORDER BY event LIMIT ?"
        if one(self._connection, "SELECT 1 FROM unsigned_events LIMIT 1 OFFSET ?", (MOST_CHANGED,)) is None:
            return False
        changed = [row[0] for row in rows(self._connection, sql, (CHANGED_AT_ONCE,))]
        with self._session.transaction(now_ms()):
            for event in changed:
                texts = rows(self._connection, f"{TEXTS} texts.event = ?", (event,))
                block = one(self._connection, BLOCK_OF, (event,))
                if texts and block is not None:
                    last, plain, bits = block
                    is_plain, more = _signed(texts)
                    values = bool(plain) and is_plain, united(bits, more), last
                    self._execute("UPDATE signatures SET plain = ?, bits = ? WHERE last_event = ?", values)
                self._execute("DELETE FROM unsigned_events WHERE event = ?", (event,))
        return True

    def _execute(self, sql: str, values: tuple[Any, ...] = ()) -> None:
        self._connection.execute(sql, values)


def _signed(texts: Iterable[tuple[Any, ...]]) -> tuple[bool, bytes]:
    """Whether the texts are plain, and their signature."""
    described, named, said = set[str](), set[str](), set[str]()
    is_plain = True
    for _, description, metadata, *names in texts:
        is_plain = is_plain and (description or "").isascii() and all(name.isascii() for name in names)
        described.update(words_of(description or ""))
        named.update(word for name in names for word in words_of(name))
        said.add(metadata)
    values = (value for one in said for value in (values_of(stored.metadata(one)) if "\\" in one else (one,)))
    parts = described, named, {word for value in values for word in words_of(value)}
    return is_plain, b"".join(part(words, which) for which, words in enumerate(parts))
