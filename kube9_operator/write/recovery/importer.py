"""Imports a salvaged event into a database in which the same event may have been recorded again."""

from typing import Any

import msgspec

from kube9_operator.write.events import merge
from kube9_operator.write.events.store import INSERT_EVENT, NO_HASH, Store
from kube9_operator.write.recovery.salvage import Named, Saved
from kube9_operator.write.sqlite.database import Connection, one, rows
from kube9_schema import tables
from kube9_schema.codes import PRIMARY, STATUS

FRESH = "SELECT first_ms, last_ms, severity, title, recorded_ms, text_ms, text_count FROM events WHERE id = ?"
PUT_CONTRIBUTOR = tables.insert("contributors", replace=True)
PUT_TEXT = tables.insert("texts", replace=True)


class Importer:
    """Works in the transaction of its caller."""

    def __init__(self, connection: Connection, store: Store, fresh_from: int) -> None:
        """`fresh_from`: the first id that may have been given since the damage."""
        self._connection = connection
        self._execute = connection.execute
        self._store = store
        self._fresh_from = fresh_from

    def add(self, saved: Saved) -> bool:
        """Imports an event under the id that it had; False if it is there already.

        An id of a clock that was ahead is replaced, because it may have been given again.
        """
        if saved.id >= self._fresh_from:
            saved = msgspec.structs.replace(saved, id=self._store.new_id())
        elif one(self._connection, "SELECT 1 FROM events WHERE id = ?", (saved.id,)):
            return False
        about = self._about(saved.about)
        fresh = self._fresh(saved, about)
        if fresh is not None:
            saved = self._merge(saved, fresh)
        for part in saved.contributors:
            self._execute(PUT_CONTRIBUTOR, part._replace(event=saved.id))
        self._insert(saved, about)
        return True

    def _about(self, chain: list[Named]) -> tuple[int, int, int]:
        """Namespace, kind and number of the object. Adds the object and its owners if they are not known."""
        owner: int | None = None
        found = (0, 0, 0)
        for named in reversed(chain):
            namespace, kind = self._store.names.word(named.namespace), self._store.names.word(named.kind)
            api = self._store.names.api(named.namespace, named.kind, named.api_version)
            number = self._store.names.about(kind, namespace, named.name, named.uid, api).number
            if owner is not None:
                self._execute("UPDATE objects SET owner = ? WHERE id = ? AND owner IS NULL", (owner, number))
                self._store.filing.rooted(number)
            owner, found = number, (namespace, kind, number)
        return found

    def _fresh(self, saved: Saved, about: tuple[int, int, int]) -> int | None:
        """The same event, if it was recorded again: it has a common contributor, or is near."""
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

    def _merge(self, saved: Saved, fresh: int) -> Saved:
        """Merges the fresh event into the salvaged one, and deletes the fresh one."""
        row = one(self._connection, FRESH, (fresh,))
        texts = one(self._connection, "SELECT description, metadata, contributor, stamps FROM texts WHERE event = ?", (fresh,))
        assert row is not None
        assert texts is not None  # an event and its texts are written and deleted together
        first_ms, last_ms, severity, title, recorded_ms, text_ms, text_count = row
        (word,) = one(self._connection, "SELECT word FROM words WHERE id = ?", (title,)) or ("",)
        parts = _joined(saved.contributors, self._parts(fresh))
        self._store.filing.delete(fresh)
        for table in ("texts", "contributors"):
            self._execute(f"DELETE FROM {table} WHERE event = ?", (fresh,))  # noqa: S608
        text = merge.latest(
            _texts(saved.text_ms, saved.text_count, (saved.description, saved.metadata, saved.contributor, saved.stamps)),
            _texts(text_ms, text_count, texts),
        )
        severity, title = merge.title(saved.severity, saved.title, severity, word)
        primary_events, primary_statuses, secondary = _sums(parts)
        return msgspec.structs.replace(
            saved,
            first_ms=min(saved.first_ms, first_ms),
            last_ms=max(saved.last_ms, last_ms),
            recorded_ms=max(saved.recorded_ms, recorded_ms),
            severity=severity,
            title=title,
            lead_events=primary_events,
            lead_statuses=primary_statuses,
            stand_in=secondary,
            count=max(1, merge.count(primary_events, primary_statuses, secondary)),
            text_ms=text.stamp[0],
            text_count=text.stamp[1],
            text_hash=NO_HASH,
            description=text.description or None,
            metadata=merge.encode(text.metadata),
            contributor=text.stamp[2],
            stamps=merge.encode(text.stamps) if text.stamps else None,
            contributors=parts,
        )

    def _parts(self, event: int) -> list[tables.Contributor]:
        sql = f"SELECT {tables.columns('contributors')} FROM contributors WHERE event = ?"  # noqa: S608
        return [tables.Contributor(*row) for row in rows(self._connection, sql, (event,))]

    def _insert(self, saved: Saved, about: tuple[int, int, int]) -> None:
        namespace, kind, number = about
        word = self._store.names.word
        # Fields of Saved that are columns have the names of the columns.
        same = {name: getattr(saved, name) for name in tables.Event._fields if name in Saved.__struct_fields__}
        replaced: dict[str, Any] = {
            **dict.fromkeys(("last_hour", "first_hour", "last_period", "first_period", "span"), 0),
            "series": None,
            "cause": None,
            "root": None,
            "namespace": namespace,
            "kind": kind,
            "type": saved.event_type,
            "object": number,
            "reason": word(saved.reason),
            "node": word(saved.node),
            "title": word(saved.title),
        }
        self._execute(INSERT_EVENT, tables.Event(**same | replaced))
        self._store.changed.note(saved.id)
        texts = tables.Text(saved.id, saved.description, saved.metadata, saved.contributor, saved.stamps)
        self._execute(PUT_TEXT, texts)
        self._store.filing.file((saved.id,))


def _sums(parts: list[tables.Contributor]) -> tuple[int, int, int]:
    """What contributors add up to: primary Events, primary statuses, the greatest secondary one."""
    primary_events = sum(part.count - part.base for part in parts if part.flags & PRIMARY and not part.flags & STATUS)
    primary_statuses = sum(part.count - part.base for part in parts if part.flags & PRIMARY and part.flags & STATUS)
    secondary = max((part.count - part.base for part in parts if not part.flags & PRIMARY), default=0)
    return primary_events, primary_statuses, secondary


def _joined(saved: list[tables.Contributor], fresh: list[tables.Contributor]) -> list[tables.Contributor]:
    """All contributors, each once. One that was listed again goes on with the part and the base that it had."""
    joined = {(part.hash, part.part): part for part in sorted(saved, key=lambda part: part.part)}
    last = {(part.hash, part.hour): part for part in joined.values()}
    for part in fresh:
        old = last.get((part.hash, part.hour))
        if old is None:
            joined[part.hash, part.part] = part
            continue
        steps = merge.add_step(old.steps, part.last_ms, part.count) if part.count > old.count else old.steps
        joined[old.hash, old.part] = old._replace(
            count=max(old.count, part.count), last_ms=max(old.last_ms, part.last_ms), steps=steps
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
