"""Watch lines a second that the stand-in API server gives to a reader that does nothing."""

import socket
import time
from pathlib import Path
from urllib.parse import urlsplit

from tests.standin import StandIn

LINES = 100_000


def run(_large: Path) -> None:
    """LINES at once into one watch, read from the bare socket."""
    with StandIn() as standin:
        standin.control("prepare", {"from": 0, "count": LINES, "reason": "BackOff", "times": 1})
        url = urlsplit(standin.address)
        with socket.create_connection((url.hostname, url.port)) as reader:
            head = f"GET /api/v1/events?watch=1&resourceVersion=100&timeoutSeconds=600 HTTP/1.1\r\nHost: {url.hostname}\r\n\r\n"
            reader.sendall(head.encode())
            reader.recv(65_536)
            began = time.perf_counter()
            standin.control("release")
            lines, last = 0, b""
            while lines < LINES:
                data = last + reader.recv(1_048_576)
                assert data != last, "the watch ended"
                lines, last = lines + data.count(b"}\n"), data[-1:]
            seconds = time.perf_counter() - began
    print(f"the stand-in API server alone: {LINES / seconds:,.0f} watch lines/s from one core")
