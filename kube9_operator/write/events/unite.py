"""Makes one object of two that turned out to be the same, and one event of two that are about one problem."""

from typing import Any, NamedTuple

from kube9_operator.model import rows
from kube9_operator.write.events import merge, stored
from kube9_operator.write.events.filing import Filing
from kube9_operator.write.events.store import NO_HASH, UPDATE_TEXT, text_values
from kube9_operator.write.sqlite.database import Connection, one

_OBJECT = """SELECT o.id FROM objects o JOIN words k ON k.id = o.kind JOIN words n ON n.id = o.namespace
    WHERE o.name = ? AND k.word = ? AND n.word = ? AND o.uid = ?"""
_EVENTS = """SELECT id, key_hash, first_ms, last_ms, severity, title, reason, lead_events, lead_statuses, stand_in, text_ms,
    text_count FROM events WHERE object = ? ORDER BY key_hash, first_ms, id"""


class _Event(NamedTuple):
    """The columns of _EVENTS."""

    id: int
    key: int
    first_ms: int
    last_ms: int
    severity: int
    title: int
    reason: int
    primary_events: int
    primary_statuses: int
    secondary: int
    text_ms: int
    text_count: int


def objects(connection: Connection, filing: Filing, place: tuple[str, str, str], uids: tuple[str, str], quiet_ms: int) -> None:
    """Replaces the object with the first uid by the one with the second. `place` is name, kind and namespace of both.

    Works in the transaction of its caller.
    """
    old, new = (one(connection, _OBJECT, (*place, each)) for each in uids)
    if old is None:
        return
    if new is None:
        connection.execute("UPDATE objects SET uid = ? WHERE id = ?", (uids[1], old[0]))
        return
    moved = connection.execute("UPDATE events SET object = ? WHERE object = ? RETURNING id", (new[0], old[0])).fetchall()
    connection.execute("UPDATE objects SET owner = ? WHERE owner = ?", (new[0], old[0]))
    filing.delete_object(old[0])
    filing.rooted(new[0])
    filing.file(int(row[0] or 0) for row in moved)
    before: _Event | None = None
    found: list[tuple[Any, ...]] = connection.execute(_EVENTS, (new[0],)).fetchall()
    for event in map(_Event._make, found):
        if before is not None and before.key == event.key and event.first_ms <= before.last_ms + quiet_ms:
            before = _merged(connection, filing, before, event)
            filing.file((before.id,))
        else:
            before = event


def _merged(connection: Connection, filing: Filing, one: _Event, other: _Event) -> _Event:
    """Merges two events about one problem into the first of them."""
    first, second = (stored.texts(connection, each.id, each.text_ms, each.text_count) for each in (one, other))
    texts = merge.latest(first, second)
    worse = max(one, other, key=lambda each: (each.severity, -each.id))
    accounts = (
        one.primary_events + other.primary_events,
        one.primary_statuses + other.primary_statuses,
        max(one.secondary, other.secondary),
    )
    whole = one._replace(
        last_ms=max(one.last_ms, other.last_ms),
        severity=worse.severity,
        title=worse.title,
        reason=worse.reason,
        primary_events=accounts[0],
        primary_statuses=accounts[1],
        secondary=accounts[2],
        text_ms=texts.stamp[0],
        text_count=texts.stamp[1],
    )
    connection.execute("UPDATE contributors SET event = ? WHERE event = ?", (one.id, other.id))
    connection.execute("DELETE FROM texts WHERE event = ?", (other.id,))
    filing.delete(other.id)
    times = merge.count(*accounts, _prefers_statuses(one.key, texts.metadata))
    filing.will_count(one.id, times)
    connection.execute(
        """UPDATE events SET count = ?, last_ms = ?, severity = ?, title = ?, reason = ?, lead_events = ?, lead_statuses = ?,
        stand_in = ?, text_ms = ?, text_count = ?, text_hash = ? WHERE id = ?""",
        (
            times,
            *whole[3:7],
            *accounts,
            *whole[10:12],
            NO_HASH,
            one.id,
        ),
    )
    connection.execute(UPDATE_TEXT, (*text_values(texts), one.id))
    return whole


def _prefers_statuses(key: int, metadata: dict[str, Any]) -> bool:
    return key == rows.key(rows.RESTARTS, str(metadata.get("container", "")))
