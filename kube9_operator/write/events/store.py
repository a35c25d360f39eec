"""Events, contributors and texts: how an observation becomes rows. With `ledger` the only place with SQL for writing."""

from collections import Counter
from typing import Any, Literal, NamedTuple

import msgspec

from kube9_operator.model.observation import CLUSTER, MS_IN_HOUR, Observation
from kube9_operator.model.rows import BY_NAME
from kube9_operator.write.events import merge, stored, updates
from kube9_operator.write.events.bounds import Bounds
from kube9_operator.write.events.eviction_floor import GivenUp
from kube9_operator.write.events.names import Names
from kube9_operator.write.events.shares import CONTRIBUTOR_BYTES, EVENT_BYTES
from kube9_operator.write.sqlite.database import Connection, one

Outcome = Literal["stored", "updated", "unchanged", "filtered"]

SUFFIXES = 36**6
"""Ids in one second: events.id is seconds * SUFFIXES + suffix."""

_HELD = """e.id, e.first_ms, e.last_ms, e.severity, e.lead_events, e.lead_statuses, e.stand_in, e.title,
    e.text_ms, e.text_count, e.text_hash, e.key_hash"""
FIND = "SELECT part, event, flags, count, base, last_ms, steps FROM contributors WHERE hour = ? AND hash = ?"
"""The parts of an Event, few; unordered, because ORDER BY makes this search five times as slow."""
EVENT = f"SELECT {_HELD} FROM events e WHERE e.id = ?"  # noqa: S608
"""Apart from FIND: joined to it both took 19 us, instead of 3 and 4."""
HAPPENINGS = f"SELECT {_HELD} FROM events e WHERE e.object = ? AND e.key_hash = ?"  # noqa: S608


class Held(NamedTuple):
    """What an update needs to know of an event: the columns of _HELD."""

    id: int
    first_ms: int
    last_ms: int
    severity: int
    primary_events: int
    primary_statuses: int
    secondary: int
    title: int
    text_ms: int
    text_count: int
    text_hash: int
    key: int


class Part(NamedTuple):
    """A contributor to be written: the Event's part in one happening."""

    number: int
    base: int
    first_ms: int
    """Of the interval that decides to which happening it belongs."""
    own_count: int
    """What it adds: the count seen less the base."""


class Store:
    """Applies observations in the transaction that the caller holds. Its caches hold what is not committed: see `forget`."""

    def __init__(self, connection: Connection, quiet_ms: int, bounds: Bounds | None = None) -> None:
        self._connection = connection
        self._execute = connection.execute
        self.quiet_ms = quiet_ms
        self.bounds = bounds or Bounds()
        self.names = Names(connection, self.bounds)
        self.grown: Counter[int] = Counter()
        """By namespace (words.id) the bytes that new rows took, until `Shares` takes them over."""
        self._now_ms = 0
        self.last_id = 0
        """Of the event that was stored last."""
        self._last_id_kept = -1
        self.given_up = GivenUp(connection)

    def begin(self, now_ms: int) -> None:
        """To be called first in each transaction, with our own clock."""
        self._now_ms = now_ms
        self.bounds.begin()
        if self._last_id_kept < 0:
            row = self._execute("SELECT value FROM facts WHERE name = 'last_event_id'").fetchone()
            self.last_id = self._last_id_kept = stored.number(row[0]) if row else 0
            self.given_up.load()

    def finish(self) -> None:
        """To be called last in each transaction: keeps the last id, also for when its event is deleted."""
        if self.last_id != self._last_id_kept:
            self._execute("INSERT OR REPLACE INTO facts (name, value) VALUES ('last_event_id', ?)", (self.last_id,))
            self._last_id_kept = self.last_id

    def forget(self) -> None:
        """To be called after a rollback: what the caches hold may not be there."""
        self.forget_words()
        self.bounds.take_back()
        self.names.new.clear()
        self._last_id_kept = -1

    def forget_words(self) -> None:
        """To be called after a rollback to a savepoint, which may have taken words with it."""
        self.names.forget()

    def has(self, seen: Observation) -> bool:
        """Whether an observation would change nothing."""
        parts: list[tuple[Any, ...]] = self._execute(FIND, (seen.contributor_hour, seen.contributor)).fetchall()
        return seen.count <= max(parts)[3] if parts else self.given_up.has(seen)

    def apply(self, seen: Observation) -> Outcome:
        """Records an observation: again, in any order, any number of times, with the same rows in the end.

        Raises one of database.REFUSED for what cannot be stored, database.Damaged where what is stored makes no sense.
        """
        parts: list[tuple[Any, ...]] = self._execute(FIND, (seen.contributor_hour, seen.contributor)).fetchall()
        if not parts:
            if self.given_up.takes(seen):
                return "filtered"
            return self._join(seen, Part(0, 0, seen.first_ms, seen.count))
        part, event, flags, count, base, last_ms, steps = max(parts)
        if seen.count <= count and seen.last_ms <= last_ms:
            return "unchanged"
        row = one(self._connection, EVENT, (event,))
        if row is None or seen.last_ms > last_ms + self.quiet_ms:
            # It goes on after a quiet time, or after retention took its event: another happening.
            return self._join(seen, Part(part + 1, count, seen.last_ms, max(1, seen.count - count)))
        highest = max(count, seen.count)
        if highest > count:
            steps = merge.add_step(steps, seen.last_ms, highest)
        self._execute(
            "UPDATE contributors SET count = ?, last_ms = ?, steps = ? WHERE event = ? AND hash = ? AND part = ?",
            (highest, max(last_ms, seen.last_ms), steps, event, seen.contributor, part),
        )
        held = Held(*row)
        seen = seen if seen.key == held.key else merge.of_another_row(seen, held.text_hash)
        self._raise(held, seen, flags, (highest - count, highest - base), held.first_ms)
        return "updated"

    def extend(self, event: int, seen: Observation) -> bool:
        """Has an event of the operator's own say what is known better now: times grow, texts are replaced, the count stays.

        False where retention has taken it.
        """
        row = one(self._connection, EVENT, (event,))
        if row is None:
            return False
        held = Held(*row)
        self._raise(held, msgspec.structs.replace(seen, text_hash=held.text_hash), merge.PRIMARY, (0, 0), seen.first_ms)
        texts = (seen.description, seen.metadata, event)
        self._execute("UPDATE texts SET description = ?, metadata = ? WHERE event = ?", texts)
        return True

    def _join(self, seen: Observation, part: Part) -> Outcome:
        """A contributor seen for the first time joins a happening for good, or begins one."""
        flags = (merge.PRIMARY if seen.primary else 0) | (merge.STATUS if seen.from_status else 0)
        namespace, kind = self.names.word(seen.namespace), self._word(seen, seen.kind)
        api = self.names.api(seen.namespace, seen.kind, seen.api_version)
        about, new = self.names.about(kind, namespace, seen.name, seen.uid, api)
        # Nothing has happened yet to an object that is new: not to ask saves a tenth of the work of a new happening.
        held = {} if new else {row[0]: Held(*row) for row in self._execute(HAPPENINGS, (about, seen.key))}
        event = held and merge.nearest(
            ((known.id, known.first_ms, known.last_ms) for known in held.values()), part.first_ms, seen.last_ms, self.quiet_ms
        )
        if not event:
            event = self._insert(seen, part, flags, (namespace, kind, about))
            outcome: Outcome = "stored"
        else:
            self._raise(held[event], seen, flags, (part.own_count, part.own_count), part.first_ms)
            outcome = "updated"
        self._execute(
            """INSERT INTO contributors (event, hash, part, hour, flags, count, base, last_ms, steps)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?)""",
            (
                event,
                seen.contributor,
                part.number,
                seen.contributor_hour,
                flags,
                part.base + part.own_count,
                part.base,
                seen.last_ms,
                merge.add_step(b"", seen.last_ms, part.base + part.own_count),
            ),
        )
        self.grown[namespace] += CONTRIBUTOR_BYTES
        return outcome

    def _word(self, seen: Observation, word: str) -> int:  # what the operator says itself is bounded by its code
        return self.names.word_of(seen.namespace, word) if seen.event_type == CLUSTER else self.names.word(word)

    def _insert(self, seen: Observation, part: Part, flags: int, place: tuple[int, int, int]) -> int:  # its id
        namespace, kind, about = place
        event = self.last_id = max(self.last_id + 1, self._now_ms // 1000 * SUFFIXES)
        primary_events, primary_statuses, secondary = merge.added(flags, (part.own_count, part.own_count), (0, 0, 0))
        seen = merge.raised(seen, max(primary_events, primary_statuses))
        reason, node, title = (self._word(seen, word) for word in (seen.reason, seen.node, seen.title))
        metadata = seen.metadata
        if self.names.is_other(kind, reason, title):
            metadata = merge.with_originals(seen, *map(self.names.is_other, (kind, reason, title)))
        self._execute(
            "INSERT INTO events VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?, ?)",
            (
                event,
                seen.last_ms // MS_IN_HOUR,
                part.first_ms // MS_IN_HOUR,
                namespace,
                kind,
                seen.severity,
                seen.event_type,
                about,
                seen.key,
                part.first_ms,
                seen.last_ms,
                self._now_ms,
                self._now_ms,
                part.own_count,
                primary_events,
                primary_statuses,
                secondary,
                reason,
                node,
                title,
                seen.last_ms,
                seen.count,
                seen.text_hash,
            ),
        )
        self._execute(
            "INSERT INTO texts VALUES (?, ?, ?, ?, NULL)",
            (event, seen.description or None, metadata, seen.contributor_name),
        )
        self.grown[namespace] += EVENT_BYTES + len(seen.description) + len(metadata)
        return event

    def _raise(self, held: Held, seen: Observation, flags: int, counts: tuple[int, int], first_ms: int) -> None:
        """Adds to an event what a contributor brings: counts (the rise, the contributor's own), times, severity and texts."""
        had_primary = bool(held.primary_events or held.primary_statuses)
        primary_events, primary_statuses, secondary = merge.added(
            flags, counts, (held.primary_events, held.primary_statuses, held.secondary)
        )
        seen = merge.raised(seen, max(primary_events, primary_statuses))
        first_ms, last_ms = min(held.first_ms, first_ms), max(held.last_ms, seen.last_ms)
        text_ms, text_count, text_hash = held.text_ms, held.text_count, held.text_hash
        if flags & merge.PRIMARY or not had_primary:
            replaces = bool(flags & merge.PRIMARY) and not had_primary and bool(held.secondary)
            if replaces or seen.text_hash != text_hash:
                text_ms, text_count, text_hash = self._merge_texts(held, seen, replaces)
            else:
                text_ms, text_count = max((text_ms, text_count), (seen.last_ms, seen.count))
        self._execute(
            """UPDATE events SET count = ?, lead_events = ?, lead_statuses = ?, stand_in = ?, first_ms = ?, last_ms = ?,
            recorded_ms = ?, text_ms = ?, text_count = ?, text_hash = ? WHERE id = ?""",
            (
                merge.count(primary_events, primary_statuses, secondary, _prefers_statuses(seen)),
                primary_events,
                primary_statuses,
                secondary,
                first_ms,
                last_ms,
                self._now_ms,
                text_ms,
                text_count,
                text_hash,
                held.id,
            ),
        )
        if seen.severity >= held.severity:
            self._raise_severity(held, seen)
        updates.move_hours(self._connection, held.id, (held.first_ms, held.last_ms), (first_ms, last_ms))

    def _raise_severity(self, held: Held, seen: Observation) -> None:
        """The highest severity that any contributor reached stands, and its title and reason with it."""
        if (seen.severity, self._word(seen, seen.title)) == (held.severity, held.title):
            return
        (word,) = stored.row(self._connection, "SELECT word FROM words WHERE id = ?", (held.title,))
        severity, title = merge.title(held.severity, word, seen.severity, seen.title)
        if (severity, title) == (seen.severity, seen.title):
            self._execute(
                "UPDATE events SET severity = ?, title = ?, reason = ? WHERE id = ?",
                (severity, self._word(seen, title), self._word(seen, seen.reason), held.id),
            )

    def _merge_texts(self, held: Held, seen: Observation, replaces: bool) -> tuple[int, int, int]:
        """Merges description and metadata; returns text_ms, text_count and text_hash of the outcome."""
        new = merge.Texts(
            (seen.last_ms, seen.count, seen.contributor_name), seen.description, msgspec.json.decode(seen.metadata), {}
        )
        old = stored.texts(self._connection, held.id, held.text_ms, held.text_count)
        merged = new if replaces else merge.latest(new, old)
        self._execute(
            "UPDATE texts SET description = ?, metadata = ?, contributor = ?, stamps = ? WHERE event = ?",
            (
                merged.description or None,
                merge.encode(merged.metadata),
                merged.stamp[2],
                merge.encode(merged.stamps) if merged.stamps else None,
                held.id,
            ),
        )
        text_hash = held.text_hash if merged.stamp == old.stamp else seen.text_hash
        if merged.stamps:
            text_hash = updates.NO_HASH
        return merged.stamp[0], merged.stamp[1], text_hash


def _prefers_statuses(seen: Observation) -> bool:
    row = BY_NAME.get(seen.row)
    return row is not None and row.prefers_statuses
