"""Logs what is wrong with requests, over HTTP or on the operator's socket, without letting a client fill the log."""

import time

from kube9_operator import logs

LOG_SECONDS = 30.0
"""Each kind of bad request is logged at most once in this time."""


class BadRequestLog:
    """Logs each kind of bad request at most once in LOG_SECONDS. The next line has the number of those in between."""

    def __init__(self, event: str) -> None:
        """`event` is the name of the log event."""
        self._event = event
        self._logged_at: dict[str, float] = {}
        self._suppressed: dict[str, int] = {}

    def log(self, peer: str, reason: str, error: Exception | None = None) -> None:
        """Logs a bad request, or counts it. `reason` is one of a few texts."""
        now = time.monotonic()
        if now - self._logged_at.get(reason, -LOG_SECONDS) < LOG_SECONDS:
            self._suppressed[reason] = self._suppressed.get(reason, 0) + 1
            return
        self._logged_at[reason] = now
        caused_by = {"error": logs.one_line(error)} if error else {}
        suppressed = self._suppressed.pop(reason, 0)
        logs.get().warning(self._event, client=peer, reason=reason, suppressed=suppressed, **caused_by)
