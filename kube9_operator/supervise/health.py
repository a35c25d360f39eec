"""What the reports of the children mean: starting, healthy, degraded or unhealthy, with the reasons. No I/O."""

import json
import time
from collections.abc import Iterable
from typing import Any, Literal, get_args

from kube9_operator.clock import iso, now_ms
from kube9_operator.supervise.messages import (
    ArgoCdReport,
    AssessmentReport,
    CollectionReport,
    Heartbeat,
    Message,
    OutboxBatch,
    StatusMapReport,
    WatcherReport,
    WriterReport,
)

Status = Literal["starting", "healthy", "degraded", "unhealthy"]
STATUSES: tuple[Status, ...] = get_args(Status)


class Health:
    """The health of the operator.

    The supervisor's loop writes it and the thread of the HTTP server reads it: every assignment replaces a value as a whole.
    """

    def __init__(self, sources: tuple[str, ...], confirmation_seconds: float, hang_seconds: float) -> None:
        self._sources = sources
        self._confirmation_seconds = confirmation_seconds
        self._hang_seconds = hang_seconds
        self._started = self._loop_ran_at = time.monotonic()
        self._confirmed_at: dict[str, float] = {}
        """When each source was last confirmed, by the monotonic clock, which nobody can set."""
        self._begun: set[str] = set()
        """Sources that have been listed since the start, or cannot be watched."""
        self._accepted: set[str] = set()
        """Sources whose list or watch has worked since the start."""
        self._phases: dict[str, str] = {}
        self._side_phases: dict[str, str] = {}
        self._side_failures: list[str] = []
        self._sink_trouble = ""
        self._assessment = self._collections = self._argo_cd = "null"
        self._writer: WriterReport | None = None
        self._writer_reported_at = 0.0
        self._troubles: dict[str, str] = {}
        self._undecodable: dict[str, list[str]] = {}
        self._status_map: StatusMapReport | None = None
        self._status_map_worked_at = time.monotonic()

    def note_loop(self) -> None:
        """The supervisor's loop has made a turn."""
        self._loop_ran_at = time.monotonic()

    def set_processes(self, names: list[str]) -> None:
        """Replaces the names of the running processes."""
        self._phases = {name: self._phases.get(name, "starting") for name in names}

    def set_side_processes(self, phases: dict[str, str], failures: list[str]) -> None:
        """Replaces what the side processes do, and which of them have been failing for long. Events are still recorded then."""
        self._side_phases, self._side_failures = phases, failures

    def note_sink(self, trouble: str) -> None:
        """Notes why the sink cannot send; '' if it can. Recording goes on."""
        self._sink_trouble = trouble

    def receive(self, name: str, message: Message) -> None:
        """Takes what a child reports."""
        match message:
            case Heartbeat(phase):
                self._phases = self._phases | {name: phase}
            case WriterReport():
                self._note_confirmations(message)
                self._writer, self._writer_reported_at = message, time.monotonic()
                self._note_begun()
            case WatcherReport(troubles, problems=problems):
                self._troubles = self._troubles | troubles
                named = {source: names for source, names in message.undecodable.items() if names}
                self._undecodable = self._undecodable | named
                self._accepted = self._accepted | {source for source, problem in problems.items() if problem is None}
                self._note_begun()
            case AssessmentReport(block):
                self._assessment = block
            case ArgoCdReport(block):
                self._argo_cd = block
            case CollectionReport(stats):
                self._collections = stats
            case StatusMapReport():
                self._status_map = message
                self._status_map_worked_at = self._status_map_worked_at if message.trouble else time.monotonic()

    def _note_confirmations(self, message: WriterReport) -> None:
        """Notes when a source was confirmed, if the time of the report has changed. The start counts as a confirmation."""
        before, now, wall_ms = self.confirmed_ms(), time.monotonic(), now_ms()
        self._confirmed_at = self._confirmed_at | {
            source: max(self._started, now - max(0, wall_ms - confirmed) / 1000)
            for source, confirmed in message.confirmed_ms.items()
            if before.get(source) != confirmed
        }

    def _note_begun(self) -> None:
        """A source has begun when a list of it is stored, from this start or an earlier one, and its watch works.

        A source that cannot be watched has begun as well.
        """
        confirmed = self.confirmed_ms()
        self._begun = self._begun | {
            source
            for source in self._sources
            if self._troubles.get(source, "") in PERMANENT or (source in self._accepted and confirmed.get(source, 0))
        }

    def loop_runs(self) -> bool:
        """Returns whether the supervisor's loop runs."""
        return time.monotonic() - self._loop_ran_at < self._hang_seconds

    def for_status_map(self) -> OutboxBatch:
        """Returns the message for the watcher that keeps the status ConfigMap."""
        found = self.document()
        health = json.dumps({"status": found["status"], "reasons": found["reasons"]})
        # The blocks are JSON already, and may be long.
        blocks = f'"assessment": {self._assessment}, "collectionStats": {self._collections}, "argocd": {self._argo_cd}'
        return OutboxBatch(0, [], 0, f"{health[:-1]}, {blocks}}}")

    @staticmethod
    def for_record(document: dict[str, Any]) -> str:
        """Returns what the writer stores of a document of `document`: the health, and what is wrong with each watch."""
        troubles = {source: one["trouble"] for source, one in document["watches"].items() if one["trouble"]}
        stored = {"status": document["status"], "reasons": document["reasons"]}
        return json.dumps(stored | ({"troubles": troubles} if troubles else {}))

    def confirmed_ms(self) -> dict[str, int]:
        """Returns until when each source is confirmed, in ms since 1970."""
        return self._writer.confirmed_ms if self._writer else {}

    def hears_writer(self) -> bool:
        """Returns whether the last report of the writer is recent."""
        return self._writer is not None and time.monotonic() - self._writer_reported_at <= self._hang_seconds

    def database_trouble(self) -> str:
        """Returns why the database cannot be written now; '' if it can."""
        return self._writer.trouble if self._writer else ""

    def document(self) -> dict[str, Any]:
        """Returns the health of every part, as /healthz shows it.

        A quiet cluster is healthy: what counts is whether each source is confirmed. A resource that may not be watched, or is
        not served, makes health degraded as long as that lasts. Until every source has begun, health is starting.
        """
        unhealthy, behind, denied = self._of_writer(), dict[str, list[tuple[str, int]]](), dict[str, list[str]]()
        not_yet = dict[str, list[str]]()
        watches = {}
        for source in self._sources:
            confirmed_ms = self._writer.confirmed_ms.get(source, 0) if self._writer else 0
            is_confirmed = time.monotonic() - self._confirmed_at.get(source, self._started) <= self._confirmation_seconds
            trouble = self._troubles.get(source, "")
            watches[source] = {
                "confirmed": is_confirmed,
                "confirmed_until": iso(confirmed_ms) if confirmed_ms else None,
                "trouble": trouble,
            }
            if trouble in PERMANENT and (is_confirmed or source != PRIMARY):
                denied.setdefault(trouble, []).append(source)
            elif not is_confirmed:
                behind.setdefault(trouble, []).append((source, confirmed_ms))
            elif source not in self._begun:
                not_yet.setdefault(trouble, []).append(source)
        unhealthy += [_not_confirmed(sources, trouble) for trouble, sources in behind.items()]
        degraded = [f"{', '.join(sources)}: {trouble}" for trouble, sources in denied.items()]
        starting = [_not_listed(sources, trouble) for trouble, sources in not_yet.items()]
        if self._writer and self._writer.damage:
            degraded.append(self._writer.damage)
        degraded += self._writer.limited if self._writer else []
        if self._writer and self._writer.slow:
            degraded.append(f"events are recorded late: {self._writer.slow}")
        if self._sink_trouble:
            degraded.append(f"nothing is sent to SINK_URL: {self._sink_trouble}")
        degraded += self._of_status_map() + self._side_failures
        status: Status = "unhealthy" if unhealthy else "starting" if starting else "degraded" if degraded else "healthy"
        written_ms = self._status_map.last_written_ms if self._status_map else 0
        return {
            "status": status,
            "reasons": unhealthy + starting + degraded,
            "notes": self._writer.notes if self._writer else [],
            "undecodable": self._undecodable,
            "processes": self._phases | self._side_phases,
            "watches": watches,
            "status_configmap": {
                "last_written": iso(written_ms) if written_ms else None,
                "trouble": self._status_map.trouble if self._status_map else "",
            },
            "observations_since_start": self._writer.observations if self._writer else 0,
        }

    def _of_status_map(self) -> list[str]:
        """Returns the reason if the ConfigMap could not be written for a while, or if that does not end by itself."""
        report = self._status_map
        if report is None or not report.trouble:
            return []
        late = time.monotonic() - self._status_map_worked_at > self._confirmation_seconds
        return [f"the status ConfigMap cannot be written: {report.trouble}"] if report.permanent or late else []

    def _of_writer(self) -> list[str]:
        if self._writer is None:
            late = time.monotonic() - self._started > self._hang_seconds
            return [f"the writer has not reported yet: it is {self._writer_phase()}"] if late else []
        if self._writer.trouble:
            return [f"the database cannot be written: {self._writer.trouble}"]
        if not self.hears_writer():
            return [f"the writer has stopped reporting: it is {self._writer_phase()}"]
        return []

    def _writer_phase(self) -> str:
        return self._phases.get("writer", "not running")


PRIMARY = "events"
"""The operator is unhealthy without this source."""
PERMANENT = ("not permitted", "not served")
"""Troubles that do not end by themselves. Health shows them at once, while the source still counts as confirmed."""


def watches_of(sources: Iterable[str]) -> str:
    """Names watches, as the subject of a sentence: "the Events watch", "the watches of jobs, pods"."""
    names = [{"events": "Events"}.get(source, source) for source in sources]
    return f"the {names[0]} watch" if len(names) == 1 else f"the watches of {', '.join(names)}"


def _not_listed(sources: list[str], trouble: str) -> str:
    return f"not listed yet: {', '.join(sources)}" + (f" ({trouble})" if trouble else "")


def _not_confirmed(sources: list[tuple[str, int]], trouble: str) -> str:
    """Makes one reason for all sources with the same trouble, with the earliest time up to which one is confirmed.

    `sources` has the time of each source, 0 for never.
    """
    confirmed_ms = min(ms for _, ms in sources)
    return not_confirmed([source for source, _ in sources], iso(confirmed_ms) if confirmed_ms else "", trouble)


def not_confirmed(sources: list[str], since: str, why: str) -> str:
    """Says that sources are not confirmed `since` a time ('' for never), and why ('' if that is unknown)."""
    has = "has" if len(sources) == 1 else "have"
    until = f"since {since}" if since else "yet"
    return f"{watches_of(sources)} {has} not been confirmed {until}" + (f": {why}" if why else "")
