"""Turns changes of health into operator events. No I/O; the clock is given."""

from datetime import datetime
from typing import Any

from kube9_operator.clock import iso
from kube9_operator.model import operator_event
from kube9_operator.model.observation import Observation
from kube9_operator.supervise.health import PERMANENT, not_confirmed, watches_of
from kube9_schema.codes import CRITICAL, ERROR, INFO, WARNING

SEVERITIES = {"starting": INFO, "healthy": INFO, "degraded": WARNING, "unhealthy": ERROR}
"""The severity of a change to this status."""

AVAILABILITY = ("SourceUnavailable", "SourceAvailable")


class HealthEvents:
    """Compares the health with the previous one. Sources that change together are in one event."""

    def __init__(self) -> None:
        self._status, self._database = "starting", ""
        self._changed_ms = 0
        self._lost: dict[str, int] = {}
        """Sources that are not confirmed, and until when they were; if they never were, when that was noticed."""
        self._unavailable: dict[str, tuple[str, int]] = {}
        """Sources that cannot be watched: why, and when that was noticed."""

    def changes(self, health: dict[str, Any], database: str, can_judge: bool, now_ms: int) -> list[Observation]:
        """Returns an event for each change since the last call.

        `health` is the document of `Health`, `database` what is wrong with the database, '' for nothing. `can_judge` is False
        while there is no writer that can write: then no source is confirmed, whatever the state of its watch.
        """
        events = self._availability(health["watches"], now_ms)
        if can_judge:
            events += self._losses(health["watches"], now_ms)
        return events + self._status_change(health, database, now_ms)

    def _status_change(self, health: dict[str, Any], trouble: str, now_ms: int) -> list[Observation]:
        before, status = self._status, health["status"]
        began, ended = bool(trouble and not self._database), bool(self._database and not trouble)
        # The start has an event of its own.
        is_start = status == "starting" or (before, status) == ("starting", "healthy")
        if (status == before or is_start) and not began and not ended:
            self._status = before if status == "starting" else status
            return []
        self._status, self._database = status, trouble
        seconds = round((now_ms - self._changed_ms) / 1000, 1) if self._changed_ms else None
        self._changed_ms = now_ms
        why = health["reasons"]
        title = "Database unavailable" if began else "Database available again" if ended else f"Health changed to {status}"
        reasons = "; ".join(why) or "everything is recorded"
        metadata = {"previous": before, "current": status, "why": why}
        if seconds is not None:
            metadata["previous_lasted_seconds"] = seconds
        severity = CRITICAL if began else SEVERITIES[status]
        text = f"Health changed from {before} to {status}: {reasons}."
        key = f"{title} {before} {status}"
        return [operator_event.observation("HealthChanged", severity, title, text, now_ms, metadata, key=key)]

    def _losses(self, watches: dict[str, Any], now_ms: int) -> list[Observation]:
        """Returns events for the sources that are no longer confirmed, and for those that are confirmed again."""
        behind = {source for source, watch in watches.items() if not watch["confirmed"] and watch["trouble"] not in PERMANENT}
        events = []
        if behind - self._lost.keys():
            self._lost = {
                source: self._lost.get(source) or _ms(watches[source]["confirmed_until"]) or now_ms for source in sorted(behind)
            }
            since = min((watches[source]["confirmed_until"] or "the start" for source in behind), default="")
            why = sorted({watches[source]["trouble"] for source in behind} - {""})
            text = _sentence(not_confirmed(list(self._lost), since, ", ".join(why)))
            events.append(_watch("WatchLost", ERROR, "Watch lost", text, now_ms, list(self._lost), since=since, why=why))
        back = [source for source in self._lost if watches.get(source, {}).get("confirmed")]
        if back:
            seconds = round((now_ms - min(self._lost[source] for source in back)) / 1000, 1)
            self._lost = {source: ms for source, ms in self._lost.items() if source not in back}
            text = _sentence(f"{watches_of(back)} {'works' if len(back) == 1 else 'work'} again after {seconds} s")
            events.append(_watch("WatchRestored", INFO, "Watch restored", text, now_ms, back, lost_seconds=seconds))
        return events

    def _availability(self, watches: dict[str, Any], now_ms: int) -> list[Observation]:
        """Returns events for the sources that the API server refuses or does not serve, and for those that are back.

        A source is back when it is confirmed for a time after the refusal.
        """
        events = []
        for why in PERMANENT:
            new = [s for s, watch in watches.items() if watch["trouble"] == why and self._unavailable.get(s, ("", 0))[0] != why]
            if new:
                self._unavailable |= dict.fromkeys(new, (why, now_ms))
                text = f"Cannot watch {', '.join(new)}: {why}. Retried every few minutes. Everything else is still recorded."
                events.append(_watch("SourceUnavailable", WARNING, "Source unavailable", text, now_ms, new, why=why))
        back = [
            source
            for source, (_, since_ms) in self._unavailable.items()
            if watches[source]["trouble"] not in PERMANENT and (watches[source]["confirmed_until"] or "") > iso(since_ms)
        ]
        if back:
            seconds = round((now_ms - min(self._unavailable.pop(source)[1] for source in back)) / 1000, 1)
            text = f"{', '.join(back)} can be watched again after {seconds} s."
            events.append(
                _watch("SourceAvailable", INFO, "Source available again", text, now_ms, back, unavailable_seconds=seconds)
            )
        return events


def _watch(reason: str, severity: int, title: str, text: str, now_ms: int, sources: list[str], **more: Any) -> Observation:
    """Makes an event about watches.

    Consecutive losses are one event with a count, so an API server that flaps does not make many. Somebody grants and revokes a
    permission on purpose, so there each set of sources has an event of its own.
    """
    of = ",".join(sources) if reason in AVAILABILITY else ""
    return operator_event.observation(
        reason, severity, title, text, now_ms, {"sources": sources} | more, key=f"{reason} {more.get('why', '')} {of}"
    )


def _ms(text: str | None) -> int:
    """A time of `clock.iso` in ms since 1970; 0 for none."""
    return round(datetime.fromisoformat(text).timestamp() * 1000) if text else 0


def _sentence(text: str) -> str:
    return f"{text[0].upper()}{text[1:]}."
