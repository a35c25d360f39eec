"""The pages /livez, /readyz, /healthz and /metrics. Every other path is not found. No sockets."""

import json
from collections.abc import Callable
from typing import Any, NamedTuple

from kube9_operator.clock import iso
from kube9_operator.supervise.aggregation import MetricTotals
from kube9_operator.supervise.health import Health
from kube9_operator.supervise.volume import Volume
from kube9_schema.plain import plain

TEXT = "text/plain; charset=utf-8"
METRICS_TEXT = "text/plain; version=0.0.4; charset=utf-8"
JSON = "application/json"


class Page(NamedTuple):
    """A response: the HTTP status code, the body and its type."""

    code: int
    body: bytes
    content_type: str = TEXT


class Pages:
    """Makes each page from the current state."""

    def __init__(self, health: Health, metrics: MetricTotals, volume: Volume, exposition: Callable[[], bytes]) -> None:
        self._health = health
        self._metrics = metrics
        self._volume = volume
        self._exposition = exposition

    def page(self, path: str) -> Page:
        """Returns the response to a GET of that path."""
        match path:
            case "/livez":
                return _verdict("" if self._health.loop_runs() else "the supervisor's main loop is stuck")
            case "/readyz":
                return _verdict(self._volume.unreadable())
            case "/healthz":
                found = self._document()
                body = json.dumps(found, indent=2).encode() + b"\n"
                return Page(200 if found["status"] == "healthy" else 503, body, JSON)
            case "/metrics":
                return Page(200, self._exposition(), METRICS_TEXT)
        return Page(404, b"not found\n")

    def _document(self) -> dict[str, Any]:
        """Returns the health with its reasons, and the state of every part."""
        metrics, unreadable = self._metrics, self._volume.unreadable()
        return self._health.document() | {
            "database": {
                "readable": not unreadable,
                "writable": bool(metrics.last_commit_ms) and not metrics.trouble,
                "trouble": metrics.trouble or unreadable,
                "last_commit": iso(metrics.last_commit_ms) if metrics.last_commit_ms else None,
                "size_bytes": self._volume.size_bytes,
            },
            "queue": metrics.waiting,
            "dropped": metrics.total("kube9_events_dropped_total"),
            "accounting": metrics.accounting,
        }


def _verdict(trouble: str) -> Page:
    return Page(503, f"failed: {plain(trouble)}\n".encode()) if trouble else Page(200, b"ok\n")
