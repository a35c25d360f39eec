"""The HTTP server for the cluster: /livez, /readyz and /healthz. One thread; every request has a deadline."""

import json
import threading
from http.server import BaseHTTPRequestHandler, HTTPServer
from pathlib import Path
from typing import Any

from kube9_operator.serve.health import Health

REQUEST_SECONDS = 2.0
"""For one request, so that a client that dawdles holds up nobody for long."""
SQLITE_MAGIC = b"SQLite format 3\0"


def serve(port: int, health: Health, database: Path) -> int:
    """Serves in a thread of its own until the process ends; returns the port, which is a free one for 0. Raises OSError."""

    class Handler(BaseHTTPRequestHandler):
        timeout = REQUEST_SECONDS

        def do_GET(self) -> None:
            if self.path == "/livez":
                self._answer(200 if health.loop_turns() else 503, None)
            elif self.path == "/readyz":
                self._answer(200 if readable(database) else 503, None)
            elif self.path == "/healthz":
                found = health.document()
                self._answer(200 if found["status"] == "healthy" else 503, found)
            else:
                self._answer(404, None)

        def _answer(self, code: int, document: dict[str, Any] | None) -> None:
            body = (json.dumps(document, indent=2) if document else {200: "ok", 404: "not found"}.get(code, "failed")) + "\n"
            self.send_response(code)
            self.send_header("Content-Type", "application/json" if document else "text/plain; charset=utf-8")
            self.send_header("Content-Length", str(len(body.encode())))
            self.end_headers()
            self.wfile.write(body.encode())

        def log_message(self, *_: object) -> None:
            """Probes are no news."""

    class Server(HTTPServer):
        allow_reuse_address = True

        def handle_error(self, request: object, client_address: object) -> None:
            """A client that goes away in the midst is no news either."""

    server = Server(("", port), Handler)
    threading.Thread(target=server.serve_forever, name="http", daemon=True).start()
    return int(server.server_address[1])


def readable(database: Path) -> bool:
    """Whether there is a database that can be read, whoever writes it or does not."""
    try:
        with database.open("rb") as file:
            return file.read(len(SQLITE_MAGIC)) == SQLITE_MAGIC
    except OSError:
        return False
