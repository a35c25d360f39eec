"""A stand-in of a proxy of HTTP: it passes on what CONNECT asks for, or refuses it, and keeps what it saw."""

import socket
import threading
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer


class ConnectProxy:
    """A context manager. `answer` is the status of its answers."""

    def __init__(self) -> None:
        self.answer = 200
        self.asked: list[tuple[str, str]] = []
        """Where to, and as whom."""
        self.seen = bytearray()
        """What it passed on to the server."""
        outer = self

        class Handler(BaseHTTPRequestHandler):
            def do_CONNECT(self) -> None:
                outer.asked.append((self.path, self.headers.get("Proxy-Authorization", "")))
                self.send_response(outer.answer, "hunter2 of the proxy" if outer.answer != 200 else None)
                self.end_headers()
                if outer.answer == 200:
                    outer.pass_on(self.connection, self.path)
                self.close_connection = True

            def log_message(self, *_: object) -> None:
                pass

        self._server = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"

    def pass_on(self, client: socket.socket, where: str) -> None:
        host, _, port = where.rpartition(":")
        with socket.create_connection((host, int(port))) as server:
            back = threading.Thread(target=_copy, args=(server, client, bytearray()))
            back.start()
            _copy(client, server, self.seen)
            back.join()

    def __enter__(self) -> "ConnectProxy":
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()
        return self

    def __exit__(self, *_: object) -> None:
        self._server.shutdown()
        self._server.server_close()


def _copy(source: socket.socket, to: socket.socket, seen: bytearray) -> None:
    """Passes on until the source ends, and then ends the other side."""
    try:
        while data := source.recv(65_536):
            seen += data
            to.sendall(data)
        to.shutdown(socket.SHUT_WR)
    except OSError:
        pass
