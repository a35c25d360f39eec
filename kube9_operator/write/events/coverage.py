"""What the record says of itself: versions, coverage, books, dead letters. With `store` the only place with SQL for writing."""

from typing import Any

import msgspec

from kube9_operator import __version__
from kube9_operator.model import operator_event
from kube9_operator.model.frame import (
    Confirmed,
    Control,
    ControlFrame,
    Counts,
    EventTtlLearned,
    Frame,
    ListBegins,
    ListEnds,
    Unavailable,
)
from kube9_operator.model.observation import INFO, Observation
from kube9_operator.model.resource_states import State
from kube9_operator.write.events import stored
from kube9_operator.write.events.gaps import Gaps
from kube9_operator.write.events.store import Outcome, Store
from kube9_operator.write.sqlite import database

OUTCOMES = ("stored", "updated", "unchanged", "refused")
MAX_DEAD_LETTERS = 10_000
"""Kept: the newest. Each is at most some 12 KiB."""

EVENTS = "events"
"""The source whose items are happenings themselves; all others are states of resources."""

CLOCK_MS = 60_000
"""A proof further ahead than this is of a clock that has been set back since: it vouches for a time that has not come."""

GONE = "Events of that time had expired when they were listed again"
CHANGES, NET = "changes in between unknown", "only net changes are recorded"
"""What a list after a hole cannot show: of Events those that had expired, of resources what was between two states."""
UNWATCHED = {"": "not watched", "expired": "not watched", "dropped": "the writer did not keep up"}
UNWRITTEN = "the database could not be written"
LOST_ALL = {
    "behind": "the API server went back to an earlier state, as after a restored backup",
    "another cluster": "the API server belongs to another cluster from here on",
}
"""Why a source had to list again, as its gap says it; without a word of it, its version was lost, which is the first."""


class Ledger:
    """Keeps the accounts in the transaction that the caller holds."""

    def __init__(self, connection: database.Connection, store: Store, event_ttl_ms: int) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._store = store
        self._gaps = Gaps(connection, store)
        self._event_ttl_ms = event_ttl_ms
        self._clusters: dict[str, str] = {}
        """By source the uid of the cluster that it last listed in this worker generation."""
        self._first_cluster: str | None = None
        """The uid of the cluster that all versions were of when the worker generation began; None until it is read."""
        self._cluster_listed_ms = 0
        """When the newest list of the current cluster began."""

    def versions(self) -> dict[str, str]:
        """Of each source the version to go on from; those that have none are left out."""
        return dict(self._execute("SELECT source, version FROM sources WHERE version IS NOT NULL"))

    def confirmed_ms(self) -> dict[str, int]:
        """Until when each source is proved, in ms since 1970."""
        return dict(self._execute("SELECT source, proved_until_ms FROM sources WHERE proved_until_ms IS NOT NULL"))

    def accounting(self) -> dict[str, dict[str, int]]:
        """By source what was received, and what became of it, since the database began."""
        rows = self._execute(
            "SELECT source, received, stored, updated, unchanged, refused, filtered, undecodable, dropped FROM books"
        )
        return {
            source: dict(zip(("received", *OUTCOMES, "filtered", "undecodable", "dropped"), rest, strict=True))
            for source, *rest in rows
        }

    def cluster(self) -> str:
        """The uid of the cluster that the versions are of, '' where it is not known."""
        return str(self._known_fact("cluster", ""))

    def event_ttl_ms(self) -> int:
        """How long Events live: by the setting, or shorter where they have been seen to go earlier."""
        return min(self._event_ttl_ms, self._known_number("event_life_ms", self._event_ttl_ms))

    def took(self, frame: Frame, outcomes: dict[str, int], now_ms: int) -> None:
        """Stores what a frame says about its source, and its accounting."""
        self._execute("INSERT INTO sources (source) VALUES (?) ON CONFLICT DO NOTHING", (frame.source,))
        if isinstance(frame, ControlFrame):
            self._took_control(frame.source, frame.control, now_ms)
        else:
            self._account(frame.source, frame.counts, outcomes)
            self._confirm(frame.source, frame.version, frame.confirmed_ms, now_ms)

    def _took_control(self, source: str, control: Control, now_ms: int) -> None:
        if isinstance(control, ListBegins):
            self._execute("UPDATE sources SET listing_since_ms = ? WHERE source = ?", (now_ms, source))
        elif isinstance(control, ListEnds):
            self._note_cluster(source, control)
            self._listed(source, control)
            self._confirm(source, control.version, control.confirmed_ms, now_ms)
        elif isinstance(control, Confirmed):
            self._confirm(source, "", control.confirmed_ms, now_ms)
        elif isinstance(control, Unavailable):
            self._execute(
                "UPDATE sources SET unavailable = ?, unavailable_since_ms = coalesce(unavailable_since_ms, ?) WHERE source = ?",
                (control.why, now_ms, source),
            )
        elif isinstance(control, EventTtlLearned):
            self._fact("event_life_ms", control.event_ttl_ms)

    def _confirm(self, source: str, version: str, confirmed_ms: int, now_ms: int) -> None:
        """Stores the version to go on from and until when the source is complete; '' and 0 say nothing."""
        if not version and not confirmed_ms:
            return
        self._execute(
            """UPDATE sources SET version = coalesce(nullif(?, ''), version),
            proved_until_ms = CASE WHEN proved_until_ms <= ? THEN max(proved_until_ms, ?)
            ELSE coalesce(nullif(?, 0), min(proved_until_ms, ?)) END,
            listing_since_ms = NULL, unavailable = NULL, unavailable_since_ms = NULL WHERE source = ?""",
            (self._usable(source, version), now_ms + CLOCK_MS, confirmed_ms, confirmed_ms, now_ms, source),
        )

    def compared(self, source: str, known: int) -> None:
        """Notes items of a list that said what was known; the others count when it is decided what they are."""
        self._account(source, Counts(received=known), {"unchanged": known})

    def last_word_ms(self) -> int:
        """When a writer said last that it lived, in ms since 1970; 0 where none ever did."""
        return self._known_number("last_commit_ms", 0)

    def happened(self, observation: Observation) -> Outcome:
        """Records an event of the operator's own (`own.happened`), with its part of the books."""
        outcome = self._store.apply(observation)
        self._account(operator_event.SOURCE, Counts(received=1), {outcome: 1})
        return outcome

    def forwent(self, number: int) -> None:
        """Notes that so many events of the operator's own were given up while the database was away."""
        self._account(operator_event.SOURCE, Counts(received=number, dropped=number), {})

    def gap(self, source: str, from_ms: int, to_ms: int, reason: str) -> None:
        """States that a source may have missed something in this time, for this reason, with the event that tells of it."""
        self._account(operator_event.SOURCE, Counts(received=1), {self._gaps.state(source, from_ms, to_ms, reason): 1})

    def unwritten(self, from_ms: int, to_ms: int) -> None:
        """Notes that the database could not be written in this time: what is missing of it is missing for that."""
        self._fact("unwritten_from_ms", from_ms)
        self._fact("unwritten_to_ms", to_ms)

    def health(self, document: str) -> None:
        """Keeps the health as it was told: JSON, {"status", "reasons"}."""
        self._fact("health", document)

    def lost(self, source: str) -> None:
        """Its watch has missed something: the source lists again, which states what may be missing for good."""
        self._execute("UPDATE sources SET version = NULL WHERE source = ?", (source,))

    def refused(self, source: str, error: str, what: Observation | State, now_ms: int) -> None:
        """Sets aside what the database does not take."""
        self._execute(
            "INSERT INTO dead_letters (source, error, sighting, refused_ms) VALUES (?, ?, ?, ?)",
            (source, error, msgspec.msgpack.encode(what), now_ms),
        )
        self._execute("DELETE FROM dead_letters WHERE id <= (SELECT max(id) FROM dead_letters) - ?", (MAX_DEAD_LETTERS,))

    def deleted(self, from_ms: int, to_ms: int, reason: str) -> None:
        """States that of what was recorded of this time something is there no longer, whatever source it is from."""
        covered = database.rows(self._connection, "SELECT source FROM sources WHERE covered_from_ms IS NOT NULL")
        for (source,) in covered:
            self.gap(source, from_ms, to_ms, reason)

    def keeps(self, info_warning_ms: int, error_critical_ms: int) -> None:
        """Notes for how long events are kept by their severity, for whoever reads the record."""
        self._fact("retention_info_warning_ms", info_warning_ms)
        self._fact("retention_error_critical_ms", error_critical_ms)

    def started(self, now_ms: int) -> None:
        """Notes a start of the writer, and with it that the database of an older release was migrated just now."""
        migrated = self._migrated()
        if migrated is not None:
            self._store.begin(now_ms)
            self.happened(migrated)
            self._store.finish()
        self._execute("INSERT INTO facts VALUES ('first_start_ms', ?) ON CONFLICT DO NOTHING", (now_ms,))
        self._fact("operator_version", __version__)
        self._execute("DELETE FROM facts WHERE name = 'stopped_ms'")

    def _migrated(self) -> Observation | None:
        """What to say of the migrations since a writer said last that it lived; kept to the second they are."""
        rows: list[tuple[Any, ...]] = self._execute(
            """SELECT version, unixepoch(applied_at) * 1000 FROM schema_version
            WHERE ?1 > 0 AND unixepoch(applied_at) > ?1 / 1000 ORDER BY version""",
            (self.last_word_ms(),),
        ).fetchall()
        if not rows:
            return None
        before, (after, at_ms) = rows[0][0] - 1, rows[-1]
        text = f"kube9-operator {__version__} brought it from schema version {before} to {after}"
        facts = {"previous": before, "current": after}
        return operator_event.observation(
            "DatabaseMigrated", INFO, "Database migrated", text, at_ms, facts, operator_event.SYSTEM
        )

    def stopped(self, now_ms: int) -> None:
        """Notes that the writer ends as it was asked to."""
        self._fact("stopped_ms", now_ms)

    def alive(self, now_ms: int) -> None:
        """Notes that the writer can write."""
        self._fact("last_commit_ms", now_ms)

    def fact(self, name: str) -> Any:
        """A single fact; None where it is not kept."""
        return self._known_fact(name, None)

    def keep_fact(self, name: str, value: int | str) -> None:
        """Keeps a single fact."""
        self._fact(name, value)

    def covered_from_ms(self) -> dict[str, int]:
        """Of each source since when it is covered; those that are not yet are left out."""
        return dict(self._execute("SELECT source, covered_from_ms FROM sources WHERE covered_from_ms IS NOT NULL"))

    def covers_from(self, source: str, from_ms: int) -> None:
        """Notes that the record of a source begins earlier than it was known, gaps apart."""
        self._execute("UPDATE sources SET covered_from_ms = ? WHERE source = ?", (from_ms, source))

    def _fact(self, name: str, value: Any) -> None:
        self._execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))

    def _known_fact(self, name: str, default: Any) -> Any:
        row = database.one(self._connection, "SELECT value FROM facts WHERE name = ?", (name,))
        return default if row is None else row[0]

    def _known_number(self, name: str, default: int) -> int:
        return stored.number(self._known_fact(name, default))

    def _note_cluster(self, source: str, ended: ListEnds) -> None:
        """Notes which cluster a list is of. The versions of another cluster mean nothing in it.

        When the API server is replaced, lists of both clusters arrive in any order, because each watch notices it by itself:
        the cluster whose list began last is the current one. For states see States.list_begins.
        """
        if not ended.cluster:
            return
        self._usable(source, "")  # reads the cluster before it changes
        self._clusters[source] = ended.cluster
        known = self.cluster()
        if ended.cluster == known:
            self._cluster_listed_ms = max(self._cluster_listed_ms, ended.confirmed_ms)
        elif not known or ended.confirmed_ms >= self._cluster_listed_ms:
            self._cluster_listed_ms = ended.confirmed_ms
            self._fact("cluster", ended.cluster)
            if known:
                self._execute("UPDATE sources SET version = NULL")

    def _usable(self, source: str, version: str) -> str:
        """The version, or '' where it is of another cluster than the current one."""
        current = self.cluster()
        if self._first_cluster is None:
            self._first_cluster = current
        cluster = self._clusters.get(source, self._first_cluster)
        return version if not cluster or cluster == current else ""

    def _listed(self, source: str, ended: ListEnds) -> None:
        """A complete list: the first begins the coverage; another follows a hole, and states what it cannot show any more.

        A list of Events shows all that were written within their lifetime, so only what is older is missing, unless the
        server has lost some by going back, or is another one. A list of a resource shows nothing of what was before.
        """
        covered_ms, known_ms, unavailable, since_ms = stored.row(  # `took` has made it
            self._connection,
            "SELECT covered_from_ms, proved_until_ms, unavailable, unavailable_since_ms FROM sources WHERE source = ?",
            (source,),
        )
        known_ms = since_ms if covered_ms is None else known_ms
        shown_ms = ended.shown_ms or ended.confirmed_ms
        if source == EVENTS and ended.reason not in LOST_ALL:
            shown_ms -= self.event_ttl_ms()
        if known_ms is not None and known_ms < shown_ms:
            self.gap(source, known_ms, shown_ms, self._reason(source, ended, (known_ms, shown_ms), unavailable))
        self._execute(
            "UPDATE sources SET covered_from_ms = coalesce(covered_from_ms, ?, ?), listing_since_ms = NULL WHERE source = ?",
            (since_ms, ended.confirmed_ms, source),
        )

    def _reason(self, source: str, ended: ListEnds, gap: tuple[int, int], unavailable: str | None) -> str:
        """Why something may be missing: what was the cause, and what of it cannot be had any more."""
        if ended.reason in LOST_ALL:
            return LOST_ALL[ended.reason]
        cause = unavailable or (UNWRITTEN if self._was_unwritten(*gap) else UNWATCHED[ended.reason])
        if source == EVENTS:
            return f"{cause}, and {GONE}"
        return f"{CHANGES}; {NET}" if cause == UNWATCHED[""] else f"{CHANGES}: {cause}; {NET}"

    def _was_unwritten(self, from_ms: int, to_ms: int) -> bool:
        began_ms, ended_ms = (self._known_number(f"unwritten_{end}_ms", 0) for end in ("from", "to"))
        return began_ms < to_ms and from_ms < ended_ms

    def _account(self, source: str, counts: Counts, outcomes: dict[str, int]) -> None:
        if not counts.received:
            return
        made = [outcomes.get(name, 0) for name in OUTCOMES]
        filtered = counts.filtered + outcomes.get("filtered", 0)
        figures = [counts.received, *made, filtered, counts.undecodable, counts.dropped]
        self._execute(
            """INSERT INTO books (source, received, stored, updated, unchanged, refused, filtered, undecodable, dropped)
            VALUES (?, ?, ?, ?, ?, ?, ?, ?, ?) ON CONFLICT DO UPDATE SET
            received = received + excluded.received, stored = stored + excluded.stored,
            updated = updated + excluded.updated, unchanged = unchanged + excluded.unchanged,
            refused = refused + excluded.refused, filtered = filtered + excluded.filtered,
            undecodable = undecodable + excluded.undecodable, dropped = dropped + excluded.dropped""",
            (source, *figures),
        )
