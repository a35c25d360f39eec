"""What a change of health means as events of the operator's own. No I/O; the clock is given."""

from typing import Any

from kube9_operator.clock import iso
from kube9_operator.model import operator_event
from kube9_operator.model.observation import CRITICAL, ERROR, INFO, WARNING, Observation
from kube9_operator.supervise.health import AT_ONCE

SEVERITIES = {"starting": INFO, "healthy": INFO, "degraded": WARNING, "unhealthy": ERROR}
"""Of the status that health changes to."""

DENIALS = ("SourceUnavailable", "SourceAvailable")


class Chronicle:
    """Compares the health of now with that of before. Sources that change together are told of together."""

    def __init__(self) -> None:
        self._status, self._database = "starting", ""
        self._changed_ms = 0
        self._lost: dict[str, int] = {}
        """Sources that nothing vouches for, and since when that is known."""
        self._denied: dict[str, tuple[str, int]] = {}
        """Sources that may not be watched: why, and since when that is known."""

    def look(self, health: dict[str, Any], database: str, judge: bool, now_ms: int) -> list[Observation]:
        """What has happened since the last look, by the document of `Health` and what is wrong with the database ('': nothing).

        `judge` says whether proofs tell of the watches: without a writer that can write there are none, whatever these do.
        """
        happened = self._denials(health["watches"], now_ms)
        if judge:
            happened += self._losses(health["watches"], now_ms)
        return happened + self._status_change(health, database, now_ms)

    def _status_change(self, health: dict[str, Any], trouble: str, now_ms: int) -> list[Observation]:
        before, status = self._status, health["status"]
        began, ended = bool(trouble and not self._database), bool(self._database and not trouble)
        # That it has started is an event of its own.
        is_start = status == "starting" or (before, status) == ("starting", "healthy")
        if (status == before or is_start) and not began and not ended:
            self._status = before if status == "starting" else status
            return []
        self._status, self._database = status, trouble
        seconds = round((now_ms - self._changed_ms) / 1000, 1) if self._changed_ms else None
        self._changed_ms = now_ms
        why = health["reasons"]
        title = "Database unavailable" if began else "Database available again" if ended else f"Health changed to {status}"
        said = "; ".join(why) or "nothing is wrong any more"
        metadata = {"previous": before, "current": status, "why": why}
        if seconds is not None:
            metadata["previous_lasted_seconds"] = seconds
        severity = CRITICAL if began else SEVERITIES[status]
        text = f"{before} to {status}: {said}"
        key = f"{title} {before} {status}"
        return [operator_event.happened("HealthChanged", severity, title, text, now_ms, metadata, key=key)]

    def _losses(self, watches: dict[str, Any], now_ms: int) -> list[Observation]:
        """Watches that nothing has vouched for, for longer than the proof lasts, and those that are back."""
        behind = {source for source, one in watches.items() if not one["current"] and one["trouble"] not in AT_ONCE}
        found = []
        if behind - self._lost.keys():
            self._lost = dict.fromkeys(sorted(behind), now_ms) | {s: ms for s, ms in self._lost.items() if s in behind}
            since = min((watches[source]["proved_until"] or "the start" for source in behind), default="")
            why = sorted({watches[source]["trouble"] for source in behind} - {""})
            text = f"Nothing has vouched for {', '.join(self._lost)} since {since}{': ' if why else ''}{', '.join(why)}"
            found.append(_watch("WatchLost", ERROR, "Watch lost", text, now_ms, list(self._lost), since=since, why=why))
        back = [source for source in self._lost if watches.get(source, {}).get("current")]
        if back:
            seconds = round((now_ms - min(self._lost[source] for source in back)) / 1000, 1)
            self._lost = {source: ms for source, ms in self._lost.items() if source not in back}
            text = f"{', '.join(back)} watched again, {seconds} s after that was known to be lost"
            found.append(_watch("WatchRestored", INFO, "Watch restored", text, now_ms, back, lost_seconds=seconds))
        return found

    def _denials(self, watches: dict[str, Any], now_ms: int) -> list[Observation]:
        """Sources that the API server refuses or does not serve, and those that it gives again: proved after that was known."""
        found = []
        for why in AT_ONCE:
            new = [s for s, one in watches.items() if one["trouble"] == why and self._denied.get(s, ("", 0))[0] != why]
            if new:
                self._denied |= dict.fromkeys(new, (why, now_ms))
                text = f"{', '.join(new)}: {why}; tried again every few minutes, the others go on"
                found.append(_watch("SourceUnavailable", WARNING, "Source unavailable", text, now_ms, new, why=why))
        back = [
            source
            for source, (_, since_ms) in self._denied.items()
            if watches[source]["trouble"] not in AT_ONCE and (watches[source]["proved_until"] or "") > iso(since_ms)
        ]
        if back:
            seconds = round((now_ms - min(self._denied.pop(source)[1] for source in back)) / 1000, 1)
            text = f"{', '.join(back)} can be watched, after {seconds} s"
            found.append(
                _watch("SourceAvailable", INFO, "Source available again", text, now_ms, back, unavailable_seconds=seconds)
            )
        return found


def _watch(reason: str, severity: int, title: str, text: str, now_ms: int, sources: list[str], **more: Any) -> Observation:
    """Those of one kind that follow each other are one event: what a flapping API server makes of many sources is counted.

    A permission is taken and given by somebody who wants to read of which: there each set of sources has its own.
    """
    of = ",".join(sources) if reason in DENIALS else ""
    return operator_event.happened(
        reason, severity, title, text, now_ms, {"sources": sources} | more, key=f"{reason} {more.get('why', '')} {of}"
    )
