"""Coverage: the version each watch goes on from, up to when each source is confirmed, its gaps, and the accounting.

Owns the tables sources, gaps, books and dead_letters.
"""

import msgspec

from kube9_operator.model import operator_event
from kube9_operator.model.frame import (
    Absent,
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
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import State
from kube9_operator.write.events import stored
from kube9_operator.write.events.facts import Facts
from kube9_operator.write.events.gap_text import UNWATCHED, reason_of_changes, reason_of_events
from kube9_operator.write.events.gaps import Gaps
from kube9_operator.write.events.store import Outcome, Store
from kube9_operator.write.sqlite import database
from kube9_operator.write.sqlite.session import Participant, Session
from kube9_schema import facts, tables

OUTCOMES = ("stored", "updated", "unchanged", "refused")
MAX_DEAD_LETTERS = 10_000
"""The newest dead letters that are kept. Each takes at most about 12 KiB."""

EVENTS = "events"
"""The source of Events; all others are sources of resource states."""

CLOCK_MS = 60_000
"""If a confirmed time is further ahead than this, the clock has been set back since: that time has not come yet."""

INSTALLED_MS = 60_000
"""A custom resource that was absent this short a time ago has only objects that its first list shows."""

CAUSES = {
    "": UNWATCHED,
    "expired": UNWATCHED,
    "installed": UNWATCHED,
    "dropped": "the writer did not keep up",
}
UNWRITABLE = "the database could not be written"
LOST_ALL = {
    "behind": "the API server went back to an earlier state, as after a restored backup",
    "another cluster": "the API server belongs to another cluster from here on",
}
"""Why a source had to list again, in the words of its gap. "" stands for a lost version."""

_ADD_TO_ACCOUNTING = f"""{tables.insert("books")} ON CONFLICT DO UPDATE SET
    {", ".join(f"{name} = {name} + excluded.{name}" for name in tables.Accounting._fields[1:])}"""


class Coverage(Participant):
    """Works in the transactions of the session."""

    def __init__(self, session: Session, store: Store, event_ttl_ms: int) -> None:
        self._connection = session.connection
        self._execute = session.connection.execute
        self._store = store
        self._facts = Facts(session.connection)
        self._gaps = Gaps(session.connection, store)
        self._event_ttl_ms = event_ttl_ms
        self._clusters: dict[str, str] = {}
        """By source the uid of the cluster that it last listed in this worker generation."""
        self._first_cluster: str | None = None
        """The uid of the cluster that all versions were of when the worker generation began; None until it is read."""
        self._cluster_listed_ms = 0
        """When the newest list of the current cluster began."""
        self._before: tuple[dict[str, str], str | None, int] = ({}, None, 0)
        session.register(self)

    def begin(self, _now_ms: int) -> None:
        """Remembers what is known of clusters."""
        self._before = (self._clusters.copy(), self._first_cluster, self._cluster_listed_ms)

    def rolled_back(self) -> None:
        """Goes back to what was known of clusters."""
        self._clusters, self._first_cluster, self._cluster_listed_ms = self._before

    # Reading

    def versions(self) -> dict[str, str]:
        """The version that each source goes on from. Sources without one are left out."""
        return dict(self._execute("SELECT source, version FROM sources WHERE version IS NOT NULL"))

    def confirmed_ms(self) -> dict[str, int]:
        """Until when each source is confirmed, in ms since 1970."""
        return dict(self._execute("SELECT source, proved_until_ms FROM sources WHERE proved_until_ms IS NOT NULL"))

    def covered_from_ms(self) -> dict[str, int]:
        """Since when each source is covered. Sources that are not covered yet are left out."""
        return dict(self._execute("SELECT source, covered_from_ms FROM sources WHERE covered_from_ms IS NOT NULL"))

    def accounting(self) -> dict[str, dict[str, int]]:
        """For each source what was received and what became of it, since the database began."""
        rows = self._execute(f"SELECT {tables.columns('books')} FROM books")  # noqa: S608
        return {source: dict(zip(tables.Accounting._fields[1:], rest, strict=True)) for source, *rest in rows}

    def cluster(self) -> str:
        """The uid of the cluster that the versions are of; '' if it is not known."""
        return str(self._facts.get(facts.CLUSTER, ""))

    def event_ttl_ms(self) -> int:
        """The Event TTL: as it is set, or shorter if Events have been seen to expire earlier."""
        return min(self._event_ttl_ms, self._facts.number(facts.EVENT_TTL, self._event_ttl_ms))

    # What a frame says about its source

    def update(self, frame: Frame, outcomes: dict[str, int], now_ms: int) -> None:
        """Stores what a frame says about its source, and adds its items to the accounting."""
        self._execute("INSERT INTO sources (source) VALUES (?) ON CONFLICT DO NOTHING", (frame.source,))
        if isinstance(frame, ControlFrame):
            self._update_by_control(frame.source, frame.control, now_ms)
        else:
            self._account(frame.source, frame.counts, outcomes)
            self._confirm(frame.source, frame.version, frame.confirmed_ms, now_ms)

    def _update_by_control(self, source: str, control: Control, now_ms: int) -> None:
        if isinstance(control, ListBegins):
            self._execute("UPDATE sources SET listing_since_ms = ? WHERE source = ?", (now_ms, source))
        elif isinstance(control, ListEnds):
            self._update_cluster(source, control)
            self._list_ended(source, control)
            self._confirm(source, control.version, control.confirmed_ms, now_ms)
        elif isinstance(control, Confirmed):
            self._confirm(source, "", control.confirmed_ms, now_ms)
        elif isinstance(control, Absent):
            self._absent(source, control.confirmed_ms, now_ms)
        elif isinstance(control, Unavailable):
            self._execute(
                "UPDATE sources SET unavailable = ?, unavailable_since_ms = coalesce(unavailable_since_ms, ?) WHERE source = ?",
                (control.why, now_ms, source),
            )
        elif isinstance(control, EventTtlLearned):
            self._facts.set(facts.EVENT_TTL, control.event_ttl_ms)

    def _confirm(self, source: str, version: str, confirmed_ms: int, now_ms: int) -> None:
        """Stores the version to go on from and until when the source is confirmed; '' and 0 change nothing."""
        if not version and not confirmed_ms:
            return
        self._execute(
            """UPDATE sources SET version = coalesce(nullif(?, ''), version),
            proved_until_ms = CASE WHEN proved_until_ms <= ? THEN max(proved_until_ms, ?)
            ELSE coalesce(nullif(?, 0), min(proved_until_ms, ?)) END,
            listing_since_ms = NULL, unavailable = NULL, unavailable_since_ms = NULL WHERE source = ?""",
            (
                self._version_of_current_cluster(source, version),
                now_ms + CLOCK_MS,
                confirmed_ms,
                confirmed_ms,
                now_ms,
                source,
            ),
        )

    def forget_version(self, source: str) -> None:
        """Makes a source list again, because its watch has missed something. The list records a gap if there is one."""
        self._execute("UPDATE sources SET version = NULL WHERE source = ?", (source,))

    def extend_back(self, source: str, from_ms: int) -> None:
        """Stores that a source is covered from an earlier time on than was known, except for its gaps."""
        self._execute("UPDATE sources SET covered_from_ms = ? WHERE source = ?", (from_ms, source))

    # Gaps

    def add_gap(self, source: str, from_ms: int, to_ms: int, reason: str) -> None:
        """Records that a source may have missed something in this time, with the event about it."""
        self._account(operator_event.SOURCE, Counts(received=1), {self._gaps.add(source, from_ms, to_ms, reason): 1})

    def add_gap_of_all(self, from_ms: int, to_ms: int, reason: str) -> None:
        """Records that events of this time were deleted, of whatever source."""
        covered = database.rows(self._connection, "SELECT source FROM sources WHERE covered_from_ms IS NOT NULL")
        for (source,) in covered:
            self.add_gap(source, from_ms, to_ms, reason)

    def was_unwritable(self, from_ms: int, to_ms: int) -> None:
        """Stores when the database could not be written. It is the reason of gaps in this time."""
        self._facts.set(facts.UNWRITTEN_FROM, from_ms)
        self._facts.set(facts.UNWRITTEN_TO, to_ms)

    # Accounting

    def compared(self, source: str, known: int) -> None:
        """Accounts for items of a comparing list that were known. The others count when it is decided what they are."""
        self._account(source, Counts(received=known), {"unchanged": known})

    def record_operator_event(self, observation: Observation) -> Outcome:
        """Records an operator event (made by `operator_event.observation`), and accounts for it."""
        outcome = self._store.apply(observation).outcome
        self._account(operator_event.SOURCE, Counts(received=1), {outcome: 1})
        return outcome

    def operator_events_dropped(self, number: int) -> None:
        """Accounts for operator events that were dropped while the database could not be written."""
        self._account(operator_event.SOURCE, Counts(received=number, dropped=number), {})

    def refused(self, source: str, error: str, item: Observation | State, now_ms: int) -> None:
        """Sets an item aside that could not be stored."""
        self._execute(
            "INSERT INTO dead_letters (source, error, sighting, refused_ms) VALUES (?, ?, ?, ?)",
            (source, error, msgspec.msgpack.encode(item), now_ms),
        )
        self._execute("DELETE FROM dead_letters WHERE id <= (SELECT max(id) FROM dead_letters) - ?", (MAX_DEAD_LETTERS,))

    def _account(self, source: str, counts: Counts, outcomes: dict[str, int]) -> None:
        if not counts.received:
            return
        row = tables.Accounting(
            source=source,
            received=counts.received,
            filtered=counts.filtered + outcomes.get("filtered", 0),
            dropped=counts.dropped,
            undecodable=counts.undecodable,
            **{name: outcomes.get(name, 0) for name in OUTCOMES},
        )
        self._execute(_ADD_TO_ACCOUNTING, row)

    # Clusters

    def _update_cluster(self, source: str, ended: ListEnds) -> None:
        """Stores which cluster a list is of. The versions of another cluster mean nothing in it.

        When the API server is replaced, lists of both clusters arrive in any order, because each watch notices it by itself:
        the cluster whose list began last is the current one. For states see States.list_begins.
        """
        if not ended.cluster:
            return
        self._version_of_current_cluster(source, "")  # reads the cluster before it changes
        self._clusters[source] = ended.cluster
        known = self.cluster()
        if ended.cluster == known:
            self._cluster_listed_ms = max(self._cluster_listed_ms, ended.confirmed_ms)
        elif not known or ended.confirmed_ms >= self._cluster_listed_ms:
            self._cluster_listed_ms = ended.confirmed_ms
            self._facts.set(facts.CLUSTER, ended.cluster)
            if known:
                self._execute("UPDATE sources SET version = NULL")

    def _version_of_current_cluster(self, source: str, version: str) -> str:
        """The version, or '' if it is of another cluster than the current one."""
        current = self.cluster()
        if self._first_cluster is None:
            self._first_cluster = current
        cluster = self._clusters.get(source, self._first_cluster)
        return version if not cluster or cluster == current else ""

    # Lists

    def _absent(self, source: str, confirmed_ms: int, now_ms: int) -> None:
        """Handles that a custom resource is not installed: like a complete list without an object, and without a version.

        If it was absent when it was last asked for, nothing can be missing in between.
        """
        (version,) = stored.row(self._connection, "SELECT version FROM sources WHERE source = ?", (source,))
        if version:
            self._list_ended(source, ListEnds("", confirmed_ms, reason="installed"))
        self._confirm(source, "", confirmed_ms, now_ms)
        self._execute(
            "UPDATE sources SET version = NULL, covered_from_ms = coalesce(covered_from_ms, ?) WHERE source = ?",
            (confirmed_ms, source),
        )

    def _list_ended(self, source: str, ended: ListEnds) -> None:
        """Handles a complete list. The first one begins the coverage; another one may leave a gap before it.

        A list of Events shows all that were written within the Event TTL, so only what is older is missing, unless the
        server has lost some by going back, or is another one. A list of a resource shows nothing of what was before.
        """
        covered_ms, known_ms, unavailable, since_ms = stored.row(  # `update` has inserted it
            self._connection,
            "SELECT covered_from_ms, proved_until_ms, unavailable, unavailable_since_ms FROM sources WHERE source = ?",
            (source,),
        )
        known_ms = since_ms if covered_ms is None else known_ms
        shown_ms = ended.shown_ms or ended.confirmed_ms
        if source == EVENTS and ended.reason not in LOST_ALL:
            shown_ms -= self.event_ttl_ms()
        if ended.reason == "installed" and known_ms is not None and shown_ms - known_ms <= INSTALLED_MS:
            known_ms = shown_ms  # it was not there a moment ago, so all that there is was shown
        if known_ms is not None and known_ms < shown_ms:
            self.add_gap(source, known_ms, shown_ms, self._reason(source, ended, (known_ms, shown_ms), unavailable))
        self._execute(
            "UPDATE sources SET covered_from_ms = coalesce(covered_from_ms, ?, ?), listing_since_ms = NULL WHERE source = ?",
            (since_ms, ended.confirmed_ms, source),
        )

    def _reason(self, source: str, ended: ListEnds, gap: tuple[int, int], unavailable: str | None) -> str:
        """Why something may be missing: the cause, and what cannot be recovered."""
        if ended.reason in LOST_ALL:
            return LOST_ALL[ended.reason]
        cause = unavailable or (UNWRITABLE if self._was_unwritable_in(*gap) else CAUSES[ended.reason])
        return reason_of_events(cause) if source == EVENTS else reason_of_changes(cause)

    def _was_unwritable_in(self, from_ms: int, to_ms: int) -> bool:
        began_ms, ended_ms = (self._facts.number(name, 0) for name in (facts.UNWRITTEN_FROM, facts.UNWRITTEN_TO))
        return began_ms < to_ms and from_ms < ended_ms
