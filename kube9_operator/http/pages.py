"""What is answered to whom: /livez, /readyz, /healthz and /metrics, and nothing else. No sockets."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from kube9_operator.clock import iso
from kube9_operator.supervise.aggregation import Figures
from kube9_operator.supervise.health import Health
from kube9_operator.supervise.volume import Volume
from kube9_schema.plain import plain

TEXT = "text/plain; charset=utf-8"
METRICS_TEXT = "text/plain; version=0.0.4; charset=utf-8"
JSON = "application/json"


class Page(NamedTuple):
    """An answer: HTTP's status, the body and its type."""

    code: int
    body: bytes
    content_type: str = TEXT


class Pages:
    """The pages, as they are at the moment."""

    def __init__(self, health: Health, figures: Figures, volume: Volume, metrics: Callable[[], bytes]) -> None:
        self._health = health
        self._figures = figures
        self._volume = volume
        self._metrics = metrics

    def page(self, path: str) -> Page:
        """The answer to a GET of that path."""
        match path:
            case "/livez":
                return _verdict("" if self._health.loop_turns() else "the supervisor's loop does not turn")
            case "/readyz":
                return _verdict(self._volume.unreadable())
            case "/healthz":
                found = self._document()
                body = json.dumps(found, indent=2).encode() + b"\n"
                return Page(200 if found["status"] == "healthy" else 503, body, JSON)
            case "/metrics":
                return Page(200, self._metrics(), METRICS_TEXT)
        return Page(404, b"not found\n")

    def _document(self) -> dict[str, Any]:
        """The verdict with its reasons, and every part."""
        figures, unreadable = self._figures, self._volume.unreadable()
        return self._health.document() | {
            "database": {
                "readable": not unreadable,
                "writable": bool(figures.written_ms) and not figures.trouble,
                "trouble": figures.trouble or unreadable,
                "last_written": iso(figures.written_ms) if figures.written_ms else None,
                "size_bytes": self._volume.size_bytes,
            },
            "queue": figures.waiting,
            "dropped": figures.total("kube9_events_dropped_total"),
            "books": figures.accounting,
        }


def _verdict(trouble: str) -> Page:
    return Page(503, f"failed: {plain(trouble)}\n".encode()) if trouble else Page(200, b"ok\n")
