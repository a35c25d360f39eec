"""What the children have reported, and what it means: starting, healthy, degraded or unhealthy, with the reasons. No I/O."""

import json
import time
from typing import Any, Literal, get_args

from kube9_operator.clock import iso, now_ms
from kube9_operator.supervise.messages import Beat, Message, OutboxBatch, Published, Recording, Watching

Status = Literal["starting", "healthy", "degraded", "unhealthy"]
STATUSES: tuple[Status, ...] = get_args(Status)


class Health:
    """Written by the supervisor's loop, read by the HTTP server's thread: every assignment replaces a whole value."""

    def __init__(self, sources: tuple[str, ...], confirmation_seconds: float, hang_seconds: float) -> None:
        self._sources = sources
        self._confirmation_seconds = confirmation_seconds
        self._hang_seconds = hang_seconds
        self._started = self._turned = time.monotonic()
        self._confirmed_at: dict[str, float] = {}
        """When something vouched for each source, by a clock that nobody sets."""
        self._begun: set[str] = set()
        """Sources that have been watched, or found to be unavailable, since the start."""
        self._accepted: set[str] = set()
        """Sources of which a list or a watch has worked since the start."""
        self._phases: dict[str, str] = {}
        self._recording: Recording | None = None
        self._recorded = 0.0
        self._troubles: dict[str, str] = {}
        self._undecodable: dict[str, list[str]] = {}
        self._published: Published | None = None
        self._published_well = time.monotonic()

    def turned(self) -> None:
        """The supervisor's loop has turned."""
        self._turned = time.monotonic()

    def began(self, names: list[str]) -> None:
        """These are the processes now."""
        self._phases = {name: self._phases.get(name, "starting") for name in names}

    def heard(self, name: str, message: Message) -> None:
        """A child has said something."""
        match message:
            case Beat(phase):
                self._phases = self._phases | {name: phase}
            case Recording():
                self._take_confirmations(message)
                self._recording, self._recorded = message, time.monotonic()
                self._note_begun()
            case Watching(troubles, problems=problems):
                self._troubles = self._troubles | troubles
                named = {source: names for source, names in message.undecodable.items() if names}
                self._undecodable = self._undecodable | named
                self._accepted = self._accepted | {source for source, problem in problems.items() if problem is None}
                self._note_begun()
            case Published():
                self._published = message
                self._published_well = self._published_well if message.trouble else time.monotonic()

    def _take_confirmations(self, message: Recording) -> None:
        """A proof that is another than before vouches for its time, which was so long ago; at first since the start."""
        before, now, wall_ms = self.confirmed_ms(), time.monotonic(), now_ms()
        self._confirmed_at = self._confirmed_at | {
            source: max(self._started, now - max(0, wall_ms - confirmed) / 1000)
            for source, confirmed in message.confirmed_ms.items()
            if before.get(source) != confirmed
        }

    def _note_begun(self) -> None:
        """A source has begun when its list is kept, of now or of an earlier start, and its watch works; or when it has none."""
        confirmed = self.confirmed_ms()
        self._begun = self._begun | {
            source
            for source in self._sources
            if self._troubles.get(source, "") in AT_ONCE or (source in self._accepted and confirmed.get(source, 0))
        }

    def loop_turns(self) -> bool:
        """Whether the supervisor's loop turns."""
        return time.monotonic() - self._turned < self._hang_seconds

    def told(self) -> OutboxBatch:
        """What the status ConfigMap says."""
        found = self.document()
        return OutboxBatch(0, [], 0, json.dumps({"status": found["status"], "reasons": found["reasons"]}))

    def confirmed_ms(self) -> dict[str, int]:
        """Until when each source is proved, in ms since 1970."""
        return self._recording.confirmed_ms if self._recording else {}

    def hears_writer(self) -> bool:
        """Whether the writer has said lately what it has committed."""
        return self._recording is not None and time.monotonic() - self._recorded <= self._hang_seconds

    def database_trouble(self) -> str:
        """Why the database cannot be written at the moment; '' where it can."""
        return self._recording.trouble if self._recording else ""

    def document(self) -> dict[str, Any]:
        """The health of every part. A quiet cluster is healthy: what counts is whether something vouches for each source.

        A resource that may not be watched, or is not served, leaves the rest as it is: degraded as long as that lasts. Until
        every source has begun, nobody knows whether all is well: starting.
        """
        unhealthy, behind, denied = self._of_writer(), dict[str, list[tuple[str, int]]](), dict[str, list[str]]()
        not_yet = dict[str, list[str]]()
        watches = {}
        for source in self._sources:
            confirmed = self._recording.confirmed_ms.get(source, 0) if self._recording else 0
            current = time.monotonic() - self._confirmed_at.get(source, self._started) <= self._confirmation_seconds
            trouble = self._troubles.get(source, "")
            watches[source] = {"proved_until": iso(confirmed) if confirmed else None, "current": current, "trouble": trouble}
            if trouble in AT_ONCE and (current or source != PRIMARY):
                denied.setdefault(trouble, []).append(source)
            elif not current:
                behind.setdefault(trouble, []).append((source, confirmed))
            elif source not in self._begun:
                not_yet.setdefault(trouble, []).append(source)
        unhealthy += [_not_confirmed(trouble, sources) for trouble, sources in behind.items()]
        degraded = [f"{', '.join(sources)}: {trouble}" for trouble, sources in denied.items()]
        starting = [_not_begun(trouble, sources) for trouble, sources in not_yet.items()]
        if self._recording and self._recording.damage:
            degraded.append(self._recording.damage)
        degraded += self._recording.limited if self._recording else []
        if self._recording and self._recording.slow:
            degraded.append(f"recording lags: {self._recording.slow}")
        degraded += self._of_status_map()
        status: Status = "unhealthy" if unhealthy else "starting" if starting else "degraded" if degraded else "healthy"
        return {
            "status": status,
            "reasons": unhealthy + starting + degraded,
            "notes": self._recording.notes if self._recording else [],
            "undecodable": self._undecodable,
            "processes": self._phases,
            "watches": watches,
            "status_configmap": {
                "written": iso(self._published.written_ms) if self._published and self._published.written_ms else None,
                "trouble": self._published.trouble if self._published else "",
            },
            "recorded_since_start": self._recording.observations if self._recording else 0,
        }

    def _of_status_map(self) -> list[str]:
        """It is a part of the whole only when it cannot be written for long, or for a reason that does not pass."""
        said = self._published
        if said is None or not said.trouble:
            return []
        late = time.monotonic() - self._published_well > self._confirmation_seconds
        return [f"the status ConfigMap: {said.trouble}"] if said.lasting or late else []

    def _of_writer(self) -> list[str]:
        if self._recording is None:
            late = time.monotonic() - self._started > self._hang_seconds
            return [f"the writer is {self._phases.get('writer', 'not there')}"] if late else []
        if self._recording.trouble:
            return [f"the database cannot be written: {self._recording.trouble}"]
        if time.monotonic() - self._recorded > self._hang_seconds:
            return [f"no word from the writer, which is {self._phases.get('writer', 'not there')}"]
        return []


PRIMARY = "events"
"""The source for which the operator is there."""
AT_ONCE = ("not permitted", "not served")
"""Troubles that do not pass by themselves, so that health says so before the proof has run out."""


def _not_begun(trouble: str, sources: list[str]) -> str:
    return f"not watched yet: {', '.join(sources)}" + (f" ({trouble})" if trouble else "")


def _not_confirmed(trouble: str, sources: list[tuple[str, int]]) -> str:
    """One reason for all sources of one trouble (each with until when it is proved, 0 for never), since the earliest time."""
    confirmed = min(ms for _, ms in sources)
    since = f"since {iso(confirmed)}" if confirmed else "yet"
    names = ", ".join(source for source, _ in sources)
    return f"nothing has vouched for {names} {since}{': ' if trouble else ''}{trouble}"
