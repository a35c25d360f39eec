"""A stand-in of a kube9 server: it speaks TLS, answers as it is told, and keeps what it was asked."""

import json
import ssl
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any, NamedTuple

from tests.standin import make_certificate

REGISTER, COLLECTIONS = "/v1/operator/register", "/v1/collections"
REGISTERED = {"status": "registered", "clusterId": "c-1", "tier": "pro", "message": "welcome"}


class Request(NamedTuple):
    method: str
    path: str
    headers: dict[str, str]
    body: Any


class Kube9Server:
    """A context manager. `answers` are the status and body for each path; the headers are those of all answers."""

    def __init__(self, folder: Path) -> None:
        make_certificate(folder)
        self.ca_file = folder / "tls.crt"
        self.asked: list[Request] = []
        self.answers: dict[str, tuple[int, Any]] = {REGISTER: (200, REGISTERED), COLLECTIONS: (202, {})}
        self.headers: dict[str, str] = {}
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers.get("Content-Length", 0)))
                headers = {name.lower(): value for name, value in self.headers.items()}
                outer.asked.append(Request(self.command, self.path, headers, json.loads(body)))
                status, document = outer.answers.get(self.path, (404, {}))
                content = json.dumps(document).encode()
                self.send_response(status)
                for name, value in outer.headers.items():
                    self.send_header(name, value)
                self.send_header("Content-Length", str(len(content)))
                self.end_headers()
                self.wfile.write(content)

            def do_GET(self) -> None:
                outer.asked.append(Request(self.command, self.path, {}, None))
                self.send_error(404)

            def log_message(self, format: str, *args: Any) -> None:  # noqa: A002  # its name in the base class
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"

    def __enter__(self) -> "Kube9Server":
        threading.Thread(target=self._server.serve_forever, daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()

    def of(self, path: str) -> list[Request]:
        return [one for one in self.asked if one.path == path]
