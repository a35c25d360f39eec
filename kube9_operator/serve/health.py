"""What the children have reported, and what it means: healthy, degraded or unhealthy, with the reasons. No I/O."""

import time
from typing import Any, Literal

from kube9_operator.child import Beat, Message, Recording, Watching
from kube9_operator.clock import now_ms

Status = Literal["healthy", "degraded", "unhealthy"]


class Health:
    """Written by the supervisor's loop, read by the HTTP server's thread: every assignment replaces a whole value."""

    def __init__(self, sources: tuple[str, ...], proof_seconds: float, hang_seconds: float) -> None:
        self._sources = sources
        self._proof_ms = int(proof_seconds * 1000)
        self._hang_seconds = hang_seconds
        self._started_ms = now_ms()
        self._turned = time.monotonic()
        self._phases: dict[str, str] = {}
        self._recording: Recording | None = None
        self._recorded = 0.0
        self._troubles: dict[str, str] = {}

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
                self._recording, self._recorded = message, time.monotonic()
            case Watching(troubles):
                self._troubles = self._troubles | troubles

    def loop_turns(self) -> bool:
        """Whether the supervisor's loop turns."""
        return time.monotonic() - self._turned < self._hang_seconds

    def document(self) -> dict[str, Any]:
        """The health of every part. A quiet cluster is healthy: what counts is whether something vouches for each source."""
        unhealthy, degraded = self._of_writer(), []
        watches = {}
        for source in self._sources:
            proved = self._recording.proved_ms.get(source, 0) if self._recording else 0
            current = now_ms() - (proved or self._started_ms) <= self._proof_ms
            trouble = self._troubles.get(source, "")
            watches[source] = {"proved_until": iso(proved) if proved else None, "current": current, "trouble": trouble}
            if not current:
                since = f"since {iso(proved)}" if proved else "yet"
                unhealthy.append(f"nothing has vouched for {source} {since}{': ' if trouble else ''}{trouble}")
            elif trouble in AT_ONCE:
                degraded.append(f"{source}: {trouble}")
        status: Status = "unhealthy" if unhealthy else "degraded" if degraded else "healthy"
        return {
            "status": status,
            "reasons": unhealthy + degraded,
            "processes": self._phases,
            "watches": watches,
            "recorded_since_start": self._recording.sightings if self._recording else 0,
        }

    def _of_writer(self) -> list[str]:
        if self._recording is None:
            late = now_ms() - self._started_ms > self._hang_seconds * 1000
            return [f"the writer is {self._phases.get('writer', 'not there')}"] if late else []
        if self._recording.trouble:
            return [f"the database cannot be written: {self._recording.trouble}"]
        if time.monotonic() - self._recorded > self._hang_seconds:
            return [f"no word from the writer, which is {self._phases.get('writer', 'not there')}"]
        return []


AT_ONCE = ("not permitted", "not served")
"""Troubles that do not pass by themselves, so that health says so before the proof has run out."""


def iso(ms: int) -> str:
    """A time in ms since 1970 as 2025-12-02T10:30:45.123Z."""
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(ms // 1000)) + f".{ms % 1000:03}Z"
