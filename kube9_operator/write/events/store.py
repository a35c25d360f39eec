"""Events, their texts and their contributors: how an observation becomes rows. Owns the tables events, texts, contributors."""

from collections import Counter
from typing import Any, Literal, NamedTuple

import msgspec

from kube9_operator.model.observation import CLUSTER, Observation
from kube9_operator.model.rows import APART_MS, BY_NAME
from kube9_operator.model.tally import OTHER, Tally
from kube9_operator.write.counters import EventCounts
from kube9_operator.write.events import merge, stored
from kube9_operator.write.events.bounds import Bounds
from kube9_operator.write.events.changed import ChangedEvents
from kube9_operator.write.events.eviction_floor import EvictionFloor
from kube9_operator.write.events.filing import Columns, Filed, Filing, said
from kube9_operator.write.events.names import About, Named, Names, Place
from kube9_operator.write.events.problems import Problem
from kube9_operator.write.events.shares import CONTRIBUTOR_BYTES, EVENT_BYTES
from kube9_operator.write.sqlite.database import one
from kube9_operator.write.sqlite.session import Participant, Session
from kube9_schema import facts, tables
from kube9_schema.causes import Recorded
from kube9_schema.ids import first_of
from kube9_schema.spans import span

Outcome = Literal["stored", "updated", "unchanged", "filtered", "refused"]

NO_HASH = -1
"""In events.text_hash: the texts are of several contributors, so no contributor's hash stands for them."""

_STORED_COLUMNS = """e.id, e.first_ms, e.last_ms, e.severity, e.lead_events, e.lead_statuses, e.stand_in, e.title,
    e.text_ms, e.text_count, e.text_hash, e.key_hash, e.count, e.series, e.last_period, e.first_period, e.span,
    e.cause, e.root"""
FIND = "SELECT part, event, flags, count, base, last_ms, steps FROM contributors WHERE hour = ? AND hash = ?"
"""The parts of an Event, few; unordered, because ORDER BY makes this search five times as slow."""
EVENT = f"SELECT {_STORED_COLUMNS} FROM events e WHERE e.id = ?"  # noqa: S608
"""Apart from FIND: one joined query took 19 us, these two take 3 and 4."""
EVENTS_OF_KEY = f"SELECT {_STORED_COLUMNS} FROM events e WHERE e.object = ? AND e.key_hash = ?"  # noqa: S608
NEWEST_OF_KEY = f"{EVENTS_OF_KEY} ORDER BY e.id DESC LIMIT ?"
MOST_APART = 50
"""Of events that do not fold, so many of an object are looked at: an Event and the change that it tells of come together."""
INSERT_EVENT, INSERT_TEXT, INSERT_CONTRIBUTOR = map(tables.insert, ("events", "texts", "contributors"))
UPDATE_TEXT = "UPDATE texts SET description = ?, metadata = ?, contributor = ?, stamps = ? WHERE event = ?"


class Applied(NamedTuple):
    """What became of an observation."""

    outcome: Outcome
    event_id: int = 0
    """The event that it is part of; 0 if there is none (filtered, refused, or the event was deleted)."""


class StoredEvent(NamedTuple):
    """What an update needs to know of an event: _STORED_COLUMNS."""

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
    times: int
    """How often it happened, the column count."""
    series: int | None
    last_period: int
    first_period: int
    span: int
    cause: int | None
    root: int | None

    @property
    def filed(self) -> Filed:
        """Where it is found."""
        return Filed(self.series, self.last_period, self.first_period, self.span, self.cause, self.root)


class Part(NamedTuple):
    """A contributor to be written: the part of an Event that belongs to one event."""

    number: int
    base: int
    first_ms: int
    """Start of the interval that decides to which event it belongs."""
    own_count: int
    """What it adds: the count observed less the base."""


class Store(Participant):
    """Applies observations inside a transaction of the session."""

    def __init__(self, session: Session, quiet_ms: int, bounds: Bounds | None = None, tally: Tally | None = None) -> None:
        self._connection = session.connection
        self._execute = session.connection.execute
        self.quiet_ms = quiet_ms
        self.bounds = bounds or Bounds()
        self.names = Names(session.connection, self.bounds)
        self.filing = Filing(session.connection, self.names)
        self.eviction_floor = EvictionFloor(session.connection)
        self.changed = ChangedEvents(session.connection)
        self._counts = EventCounts(tally or Tally())
        self.grown: Counter[int] = Counter()
        """By namespace (words.id) the bytes of new rows, until `Shares` takes them over."""
        self._growing: Counter[int] = Counter()
        """The same of the current transaction."""
        self._now_ms = 0
        self._last_id = 0
        self._last_id_stored: int | None = None
        """As the database has it; None while it is not known."""
        session.register(self.bounds, self.names, self.filing, self.eviction_floor, self._counts, self, self.changed)

    def begin(self, now_ms: int) -> None:
        """Reads the last id, unless it is known."""
        self._now_ms = now_ms
        if self._last_id_stored is None:
            row = one(self._connection, "SELECT value FROM facts WHERE name = ?", (facts.LAST_EVENT_ID,))
            self._last_id = self._last_id_stored = stored.number(row[0]) if row else 0

    def before_commit(self) -> None:
        """Stores the last id: it must not become smaller when its event is deleted."""
        if self._last_id != self._last_id_stored:
            last_id = (facts.LAST_EVENT_ID, self._last_id)
            self._execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", last_id)
            self._last_id_stored = self._last_id

    def committed(self) -> None:
        """The new rows are there."""
        self.grown.update(self._growing)
        self._growing.clear()

    def rolled_back(self) -> None:
        """The last id is read again by the next transaction."""
        self._growing.clear()
        self._last_id_stored = None

    def has(self, observation: Observation) -> bool:
        """Whether an observation would change nothing."""
        parts = self._parts(observation)
        return observation.count <= max(parts)[3] if parts else self.eviction_floor.covers(observation)

    def apply(self, observation: Observation) -> Applied:
        """Records an observation. Any order and any number of repetitions lead to the same rows.

        Raises one of database.REFUSED if it cannot be stored, database.Damaged if what is stored makes no sense.
        """
        if observation.last_ms >= self.filing.next_half_day_ms:
            self.filing.reach(observation.last_ms)
        parts = self._parts(observation)
        if not parts:
            if self.eviction_floor.filters(observation):
                return Applied("filtered")
            return self._join(observation, Part(0, 0, observation.first_ms, observation.count))
        part, event, flags, count, base, last_ms, steps = max(parts)
        if observation.count <= count and observation.last_ms <= last_ms:
            return Applied("unchanged", event)
        row = one(self._connection, EVENT, (event,))
        if row is None or observation.last_ms > last_ms + self.quiet_ms:
            # It goes on after a quiet time, or after retention deleted its event: another event.
            own_count = max(1, observation.count - count)
            return self._join(observation, Part(part + 1, count, observation.last_ms, own_count))
        highest = max(count, observation.count)
        if highest > count:
            steps = merge.add_step(steps, observation.last_ms, highest)
        self._execute(
            "UPDATE contributors SET count = ?, last_ms = ?, steps = ? WHERE event = ? AND hash = ? AND part = ?",
            (highest, max(last_ms, observation.last_ms), steps, event, observation.contributor, part),
        )
        before = StoredEvent(*row)
        if observation.key != before.key:
            observation = merge.of_another_row(observation, before.text_hash)
        self._update(before, observation, flags, (highest - count, highest - base), before.first_ms)
        return Applied("updated", event)

    def extend(self, event: int, observation: Observation) -> bool:
        """Replaces what an operator event says: times grow, texts are replaced, the count stays.

        Returns False if retention has deleted the event.
        """
        row = one(self._connection, EVENT, (event,))
        if row is None:
            return False
        before = StoredEvent(*row)
        same_text = msgspec.structs.replace(observation, text_hash=before.text_hash)
        self._update(before, same_text, merge.PRIMARY, (0, 0), observation.first_ms)
        texts = (observation.description, observation.metadata, event)
        self._execute("UPDATE texts SET description = ?, metadata = ? WHERE event = ?", texts)
        self.filing.file((event,))
        return True

    def move_end(self, event: int, last_ms: int, now_ms: int) -> None:
        """Moves the last time of an event that still goes on. The count stays."""
        row = one(self._connection, EVENT, (event,))
        if row is not None and last_ms > row[2]:
            before = StoredEvent(*row)
            self._set_times(before, before.first_ms, last_ms, {"recorded_ms": now_ms})

    def date(self, event: int, at_ms: int, metadata: dict[str, Any]) -> None:
        """Gives an event of a single occurrence, which was known to lie in a range, its moment."""
        row = one(self._connection, EVENT, (event,))
        if row is None:
            return
        self._set_times(StoredEvent(*row), at_ms, at_ms, {"text_ms": at_ms, "text_hash": NO_HASH})
        self._execute("UPDATE texts SET metadata = ? WHERE event = ?", (merge.encode(metadata), event))
        steps = merge.add_step(b"", at_ms, 1)
        self._execute("UPDATE contributors SET last_ms = ?, steps = ? WHERE event = ?", (at_ms, steps, event))
        self.filing.file((event,))

    def enrich(self, event: int, metadata: str, stamps: str) -> None:
        """Replaces an event's metadata with metadata that has more keys, and its stamps."""
        self._execute("UPDATE texts SET metadata = ?, stamps = ? WHERE event = ?", (metadata, stamps, event))
        self._execute("UPDATE events SET text_hash = ? WHERE id = ?", (NO_HASH, event))
        self.changed.note(event)
        self.filing.file((event,))

    def retitle(self, event: int, title: str, better: str) -> None:
        """Gives an event of this title a better one."""
        words = (self.names.word(better), event, self.names.word(title))
        self._execute("UPDATE events SET title = ? WHERE id = ? AND title = ?", words)

    def new_id(self) -> int:
        """Returns an id that is greater than any given before."""
        self._last_id += 1
        return self._last_id

    def start_ids_after(self, last_id: int) -> None:
        """Makes every id from now on greater than this one."""
        self._last_id = max(self._last_id, last_id)

    def _parts(self, observation: Observation) -> list[tuple[Any, ...]]:
        key = (observation.contributor_hour, observation.contributor)
        found: list[tuple[Any, ...]] = self._execute(FIND, key).fetchall()
        return found

    def _join(self, observation: Observation, part: Part) -> Applied:
        """A new contributor joins an event for good, or begins one."""
        flags = (merge.PRIMARY if observation.primary else 0) | (merge.STATUS if observation.from_status else 0)
        place = self.names.place(
            observation.namespace, observation.kind, observation.api_version, observation.event_type == CLUSTER
        )
        namespace, kind, api = place
        about = self.names.about(kind, namespace, observation.name, observation.uid, api)
        # A new object has no events. Not to ask saves a tenth of the work of a new event.
        event = None if about.is_new else self._joined(observation, part, flags, about.number)
        outcome: Outcome = "updated"
        if event is None:
            outcome, event = "stored", self._insert(observation, part, flags, place, about)
            if not (about.is_new or api.group or api.is_built_in):
                self.filing.file((event,))  # the group of the object may be known
        count = part.base + part.own_count
        self._execute(
            INSERT_CONTRIBUTOR,
            tables.Contributor(
                event,
                observation.contributor,
                part.number,
                observation.contributor_hour,
                flags,
                count,
                part.base,
                observation.last_ms,
                merge.add_step(b"", observation.last_ms, count),
            ),
        )
        self._growing[namespace] += CONTRIBUTOR_BYTES
        return Applied(outcome, event)

    def _joined(self, observation: Observation, part: Part, flags: int, about: int) -> int | None:
        """Adds a contributor to the event of its object that it belongs to. Returns None if there is none."""
        known, quiet_ms = self._events_of_key(about, observation)
        times = ((one_of.id, one_of.first_ms, one_of.last_ms) for one_of in known.values())
        event = merge.nearest(times, part.first_ms, observation.last_ms, quiet_ms) if known else None
        if event is not None:
            self._update(known[event], observation, flags, (part.own_count, part.own_count), part.first_ms)
        return event

    def _events_of_key(self, about: int, observation: Observation) -> tuple[dict[int, StoredEvent], int]:
        """The events of an object that an observation may belong to, and how far away from it they may be, in ms."""
        row = BY_NAME.get(observation.row)
        if row is None or not (row.apart == "all" or (row.apart == "statuses" and observation.from_status)):
            return {
                found[0]: StoredEvent(*found) for found in self._execute(EVENTS_OF_KEY, (about, observation.key))
            }, self.quiet_ms
        newest = (StoredEvent(*found) for found in self._execute(NEWEST_OF_KEY, (about, observation.key, MOST_APART)))
        counted = "primary_statuses" if observation.from_status else "primary_events"
        return {found.id: found for found in newest if not getattr(found, counted)}, APART_MS

    def _root(self, observation: Observation, about: About, group: int) -> int:
        """The outermost owner of the object of a new event."""
        owner = about.owner
        if about.is_new:  # before the event is filed by its owner
            named = Named(observation.kind, observation.namespace, observation.name, observation.uid, group)
            owner = self.names.added(about.number, named)
        if owner is not None:
            return self.filing.problems.outermost(owner)
        return self.filing.problems.root(about.number) if about.first is None else about.first

    def _insert(self, observation: Observation, part: Part, flags: int, place: Place, about: About) -> int:
        """Begins an event; returns its id."""
        namespace, kind, (group, *_) = place
        names, filing = self.names, self.filing
        event = self._last_id = max(self._last_id + 1, first_of(self._now_ms))
        primary_events, primary_statuses, secondary = merge.added(flags, (part.own_count, part.own_count), (0, 0, 0))
        observation = merge.raised(observation, max(primary_events, primary_statuses))
        reason, node, title = names.words_of(_bounded_by(observation), observation.reason, observation.node, observation.title)
        metadata = observation.metadata
        words: tuple[str, ...] = (observation.reason, observation.kind, observation.node)
        if names.is_other(kind, reason, title, node):
            words = tuple(
                OTHER if names.is_other(number) else word for number, word in zip((reason, kind, node), words, strict=True)
            )
            if words[:2] != (observation.reason, observation.kind) or names.is_other(title):
                metadata = merge.with_originals(observation, *map(names.is_other, (kind, reason, title)))
        recorded = Recorded(
            words[0],
            observation.severity,
            words[1],
            observation.namespace,
            observation.name,
            words[2],
            observation.description,
            said(metadata),
        )
        filed = filing.new(
            Columns(
                namespace,
                kind,
                reason,
                observation.severity,
                observation.event_type,
                group,
                filing.source(observation.namespace, metadata),
                filing.place(namespace, observation.kind, group, observation.name),
            ),
            (part.first_ms, observation.last_ms),
            Problem(filing.problems.cause(recorded), self._root(observation, about, group)),
            part.own_count,
        )
        self._execute(
            INSERT_EVENT,
            tables.Event(  # by position: by name it takes 3 us, a twentieth of a new event
                event,
                0,
                0,
                namespace,
                kind,
                observation.severity,
                observation.event_type,
                about.number,
                observation.key,
                part.first_ms,
                observation.last_ms,
                self._now_ms,
                self._now_ms,
                part.own_count,
                primary_events,
                primary_statuses,
                secondary,
                reason,
                node,
                title,
                observation.last_ms,
                observation.count,
                observation.text_hash,
                *filed,
            ),
        )
        self.changed.note(event)
        description = observation.description or None
        self._execute(INSERT_TEXT, tables.Text(event, description, metadata, observation.contributor_name, None))
        self._growing[namespace] += EVENT_BYTES + len(observation.description) + len(metadata)
        self._counts.event_begun(observation.event_type, observation.severity, observation.namespace, words[0])
        return event

    def _update(
        self, before: StoredEvent, observation: Observation, flags: int, counts: tuple[int, int], first_ms: int
    ) -> None:
        """Adds to an event what a contributor brings: counts (the rise, the contributor's own), times, severity and texts."""
        had_primary = bool(before.primary_events or before.primary_statuses)
        primary_events, primary_statuses, secondary = merge.added(
            flags, counts, (before.primary_events, before.primary_statuses, before.secondary)
        )
        observation = merge.raised(observation, max(primary_events, primary_statuses))
        first_ms, last_ms = min(before.first_ms, first_ms), max(before.last_ms, observation.last_ms)
        text_ms, text_count, text_hash = before.text_ms, before.text_count, before.text_hash
        has_other_texts = False
        if flags & merge.PRIMARY or not had_primary:
            replaces = bool(flags & merge.PRIMARY) and not had_primary and bool(before.secondary)
            if replaces or observation.text_hash != text_hash:
                stamp, has_other_texts = self._merge_texts(before, observation, replaces, counts[0])
                text_ms, text_count, text_hash = stamp
            else:
                text_ms, text_count = max((text_ms, text_count), (observation.last_ms, observation.count))
        times = merge.count(primary_events, primary_statuses, secondary, _row_says(observation, "prefers_statuses"))
        changes = {
            "count": times,
            "lead_events": primary_events,
            "lead_statuses": primary_statuses,
            "stand_in": secondary,
            "recorded_ms": self._now_ms,
            "text_ms": text_ms,
            "text_count": text_count,
            "text_hash": text_hash,
        }
        self._set_times(before, first_ms, last_ms, changes)
        self.filing.risen(before.filed, times - before.times)
        is_other = observation.severity >= before.severity and self._raise_severity(before, observation)
        if has_other_texts or is_other:
            self.filing.file((before.id,))
        self._counts.event_updated()

    def _set_times(self, before: StoredEvent, first_ms: int, last_ms: int, changes: dict[str, int]) -> None:
        """Sets the first and the last time of an event, where it is found by them, and other columns that change.

        Only what changes: naming an indexed column writes its index, changed or not.
        """
        if last_ms != before.last_ms or first_ms != before.first_ms:
            periods = {}
            if last_ms != before.last_ms:
                changes["last_ms"] = last_ms
                if (period := self.filing.period(last_ms)) != before.last_period:
                    periods["last_period"] = period
            if first_ms != before.first_ms:
                changes["first_ms"] = first_ms
                if (period := self.filing.period(first_ms)) != before.first_period:
                    periods["first_period"] = period
            if (lasts := span(last_ms - first_ms)) != before.span:
                changes["span"] = lasts
            if periods:
                self.filing.timed(before.filed, before.filed._replace(**periods))
                changes |= periods
        if changes:
            self.changed.note(before.id)
            names = " = ?, ".join(changes)
            self._execute(f"UPDATE events SET {names} = ? WHERE id = ?", (*changes.values(), before.id))  # noqa: S608

    def _raise_severity(self, before: StoredEvent, observation: Observation) -> bool:
        """Keeps the highest severity that any contributor reached, with its title and reason. Says whether it changed them."""
        (known,) = self.names.words_of(_bounded_by(observation), observation.title)
        if (observation.severity, known) == (before.severity, before.title):
            return False
        (word,) = stored.row(self._connection, "SELECT word FROM words WHERE id = ?", (before.title,))
        severity, title = merge.title(before.severity, word, observation.severity, observation.title)
        if (severity, title) == (observation.severity, observation.title):
            words = self.names.words_of(_bounded_by(observation), title, observation.reason)
            self._execute("UPDATE events SET severity = ?, title = ?, reason = ? WHERE id = ?", (severity, *words, before.id))
            return True
        return False

    def _merge_texts(
        self, before: StoredEvent, observation: Observation, replaces: bool, rise: int
    ) -> tuple[tuple[int, int, int], bool]:
        """Merges the texts; returns text_ms, text_count and text_hash, and whether description or metadata changed."""
        stamp = (observation.last_ms, observation.count, observation.contributor_name)
        metadata = msgspec.json.decode(observation.metadata)
        if not rise:
            metadata.pop(merge.EXIT_CODES, None)  # they are counted already
        new = merge.Texts(stamp, observation.description, metadata, {})
        old = stored.texts(self._connection, before.id, before.text_ms, before.text_count)
        merged = new if replaces else merge.latest(new, old, _row_says(observation, "status_describes"))
        if merged != old:
            self._execute(UPDATE_TEXT, (*text_values(merged), before.id))
        text_hash = before.text_hash if merged.stamp == old.stamp else observation.text_hash
        if merged.stamps:
            text_hash = NO_HASH
        has_other_texts = (merged.description, merged.metadata) != (old.description, old.metadata)
        return (merged.stamp[0], merged.stamp[1], text_hash), has_other_texts


def _bounded_by(observation: Observation) -> str | None:
    """The namespace whose bound the words of an observation are added under; None for the operator's own: its code has few."""
    return observation.namespace if observation.event_type == CLUSTER else None


def text_values(texts: merge.Texts) -> tuple[str | None, str, str, str | None]:
    """The columns of a text that UPDATE_TEXT sets."""
    stamps = merge.encode(texts.stamps) if texts.stamps else None
    return texts.description or None, merge.encode(texts.metadata), texts.stamp[2], stamps


def _row_says(observation: Observation, what: Literal["prefers_statuses", "status_describes"]) -> bool:
    row = BY_NAME.get(observation.row)
    return row is not None and bool(getattr(row, what))
