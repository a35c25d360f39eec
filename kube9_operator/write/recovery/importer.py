"""Puts a salvaged event into a database in which the same may have been recorded anew. With `store` and the others of these
the only places with SQL for writing.
"""

from typing import Any

import msgspec

from kube9_operator.model.observation import MS_IN_HOUR
from kube9_operator.write.events import merge
from kube9_operator.write.events.store import Store
from kube9_operator.write.events.updates import NO_HASH
from kube9_operator.write.recovery.salvage import Contributed, Named, Saved
from kube9_operator.write.sqlite.database import Connection, one, rows
from kube9_schema.codes import PRIMARY, STATUS

FRESH = """SELECT first_ms, last_ms, severity, title, recorded_ms, text_ms, text_count FROM events WHERE id = ?"""


class Adopter:
    """Works in the transaction that the caller holds, as the store does."""

    def __init__(self, connection: Connection, store: Store, fresh_from: int) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._store = store
        self._fresh_from = fresh_from

    def adopt(self, saved: Saved) -> bool:
        """Brings an event in under its id; False where it is there already.

        An id like those that are given now, from a clock that was ahead, is not kept: another may have it.
        """
        if saved.id >= self._fresh_from:
            self._store.last_id += 1
            saved = msgspec.structs.replace(saved, id=self._store.last_id)
        elif one(self._connection, "SELECT 1 FROM events WHERE id = ?", (saved.id,)):
            return False
        about = self._about(saved.about)
        fresh = self._fresh(saved, about)
        if fresh is not None:
            saved = self._with(saved, fresh)
        for part in saved.contributors:
            self._execute(
                "INSERT OR REPLACE INTO contributors (event, hash, part, hour, flags, count, base, last_ms, steps) "
                "VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)",
                (saved.id, part.hash, part.part, part.hour, part.flags, part.count, part.base, part.last_ms, part.steps),
            )
        self._insert(saved, about)
        return True

    def _about(self, chain: list[Named]) -> tuple[int, int, int]:
        """Namespace, kind and number of the object, which with its owners is made where it is not known."""
        owner: int | None = None
        found = (0, 0, 0)
        for one_of in reversed(chain):
            namespace, kind = self._store.names.word(one_of.namespace), self._store.names.word(one_of.kind)
            api = self._store.names.api(one_of.namespace, one_of.kind, one_of.api_version)
            number, _ = self._store.names.about(kind, namespace, one_of.name, one_of.uid, api)
            if owner is not None:
                self._execute("UPDATE objects SET owner = coalesce(owner, ?) WHERE id = ?", (owner, number))
            owner, found = number, (namespace, kind, number)
        return found

    def _fresh(self, saved: Saved, about: tuple[int, int, int]) -> int | None:
        """The event that was recorded anew of the same happening: one that shares a contributor, or is near."""
        for part in saved.contributors:
            row = one(
                self._connection,
                "SELECT event FROM contributors WHERE hour = ? AND hash = ? AND event >= ?",
                (part.hour, part.hash, self._fresh_from),
            )
            if row and one(self._connection, "SELECT 1 FROM events WHERE id = ?", row):
                return int(row[0])
        near = rows(
            self._connection,
            "SELECT id, first_ms, last_ms FROM events WHERE object = ? AND key_hash = ? AND id >= ?",
            (about[2], saved.key_hash, self._fresh_from),
        )
        return merge.nearest(near, saved.first_ms, saved.last_ms, self._store.quiet_ms)

    def _with(self, saved: Saved, fresh: int) -> Saved:
        """The salvaged event and the fresh one as one; the fresh one is gone then."""
        row = one(self._connection, FRESH, (fresh,))
        texts = one(self._connection, "SELECT description, metadata, contributor, stamps FROM texts WHERE event = ?", (fresh,))
        assert row is not None
        assert texts is not None  # an event and its texts are written and deleted together
        first_ms, last_ms, severity, title, recorded_ms, text_ms, text_count = row
        (word,) = one(self._connection, "SELECT word FROM words WHERE id = ?", (title,)) or ("",)
        parts = _joined(saved.contributors, self._parts(fresh))
        for table in ("events", "texts", "contributors"):
            column = "id" if table == "events" else "event"
            self._execute(f"DELETE FROM {table} WHERE {column} = ?", (fresh,))  # noqa: S608
        text = merge.latest(
            _texts(saved.text_ms, saved.text_count, (saved.description, saved.metadata, saved.contributor, saved.stamps)),
            _texts(text_ms, text_count, texts),
        )
        severity, title = merge.title(saved.severity, saved.title, severity, word)
        lead_events, lead_statuses, secondary = _accounts(parts)
        return msgspec.structs.replace(
            saved,
            first_ms=min(saved.first_ms, first_ms),
            last_ms=max(saved.last_ms, last_ms),
            recorded_ms=max(saved.recorded_ms, recorded_ms),
            severity=severity,
            title=title,
            lead_events=lead_events,
            lead_statuses=lead_statuses,
            stand_in=secondary,
            count=max(1, merge.count(lead_events, lead_statuses, secondary)),
            text_ms=text.stamp[0],
            text_count=text.stamp[1],
            text_hash=NO_HASH,
            description=text.description or None,
            metadata=merge.encode(text.metadata),
            contributor=text.stamp[2],
            stamps=merge.encode(text.stamps) if text.stamps else None,
            contributors=parts,
        )

    def _parts(self, event: int) -> list[Contributed]:
        found = rows(
            self._connection,
            "SELECT hash, part, hour, flags, count, base, last_ms, steps FROM contributors WHERE event = ?",
            (event,),
        )
        return [Contributed(*row) for row in found]

    def _insert(self, saved: Saved, about: tuple[int, int, int]) -> None:
        namespace, kind, number = about
        word = self._store.names.word
        values: dict[str, Any] = {
            "id": saved.id,
            "last_hour": saved.last_ms // MS_IN_HOUR,
            "first_hour": saved.first_ms // MS_IN_HOUR,
            "namespace": namespace,
            "kind": kind,
            "severity": saved.severity,
            "type": saved.event_type,
            "object": number,
            "key_hash": saved.key_hash,
            "first_ms": saved.first_ms,
            "last_ms": saved.last_ms,
            "created_ms": saved.created_ms,
            "recorded_ms": saved.recorded_ms,
            "count": saved.count,
            "lead_events": saved.lead_events,
            "lead_statuses": saved.lead_statuses,
            "stand_in": saved.stand_in,
            "reason": word(saved.reason),
            "node": word(saved.node),
            "title": word(saved.title),
            "text_ms": saved.text_ms,
            "text_count": saved.text_count,
            "text_hash": saved.text_hash,
        }
        marks = ", ".join("?" * len(values))
        self._execute(f"INSERT INTO events ({', '.join(values)}) VALUES ({marks})", tuple(values.values()))  # noqa: S608
        self._execute(
            "INSERT OR REPLACE INTO texts VALUES (?, ?, ?, ?, ?)",
            (saved.id, saved.description, saved.metadata, saved.contributor, saved.stamps),
        )


def _accounts(parts: list[Contributed]) -> tuple[int, int, int]:
    """What contributors add up to: leads that are Events, leads from statuses, the greatest stand-in."""
    lead_events = sum(part.count - part.base for part in parts if part.flags & PRIMARY and not part.flags & STATUS)
    lead_statuses = sum(part.count - part.base for part in parts if part.flags & PRIMARY and part.flags & STATUS)
    secondary = max((part.count - part.base for part in parts if not part.flags & PRIMARY), default=0)
    return lead_events, lead_statuses, secondary


def _joined(saved: list[Contributed], fresh: list[Contributed]) -> list[Contributed]:
    """Both, each contributor once: what was listed anew goes on with the part and the base that it had."""
    joined = {(part.hash, part.part): part for part in sorted(saved, key=lambda part: part.part)}
    last = {(part.hash, part.hour): part for part in joined.values()}
    for part in fresh:
        old = last.get((part.hash, part.hour))
        if old is None:
            joined[part.hash, part.part] = part
            continue
        steps = merge.add_step(old.steps, part.last_ms, part.count) if part.count > old.count else old.steps
        joined[old.hash, old.part] = msgspec.structs.replace(
            old, count=max(old.count, part.count), last_ms=max(old.last_ms, part.last_ms), steps=steps
        )
    return list(joined.values())


def _texts(text_ms: int, text_count: int, texts: tuple[Any, ...]) -> merge.Texts:
    description, metadata, contributor, stamps = texts
    return merge.Texts(
        (text_ms, text_count, contributor),
        description or "",
        msgspec.json.decode(metadata),
        {key: tuple(stamp) for key, stamp in msgspec.json.decode(stamps or "{}").items()},
    )
