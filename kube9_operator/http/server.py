"""The HTTP server: one thread that never waits for a client, with limits for connections, bytes and time.

It serves GET and HEAD, one request a connection. Probes and scrapes are seconds apart, so it needs no keep-alive.
"""

import contextlib
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus

from kube9_operator import __version__
from kube9_operator.bad_requests import BadRequestLog
from kube9_operator.http.pages import Page

MAX_CONNECTIONS = 32
"""One more closes the oldest: a slow client blocks nobody, and a probe is always answered."""
MAX_REQUEST_BYTES = 8 * 1024
READ_BYTES = 4_096


def serve(port: int, page: Callable[[str], Page], request_seconds: float) -> int:
    """Serves in a thread of its own until the process ends. Returns the port; 0 takes a free one. Raises OSError.

    A request and its response may take `request_seconds` together.
    """
    server = Server(_listen(port), page, request_seconds)
    threading.Thread(target=server.run, name="http", daemon=True).start()
    return server.port


class Connection:
    """A client: what it has sent, and what must still be sent to it."""

    def __init__(self, accepted: socket.socket, peer: str, until: float) -> None:
        self.socket = accepted
        self.peer = peer
        self.until = until
        """When the connection is closed, by the monotonic clock."""
        self.request = bytearray()
        self.response = memoryview(b"")
        self.answered = False


class Server:
    """The loop over all connections."""

    def __init__(self, listening: socket.socket, page: Callable[[str], Page], request_seconds: float) -> None:
        self._listening = listening
        self._page = page
        self._request_seconds = request_seconds
        self._connections: dict[socket.socket, Connection] = {}  # the oldest first
        self._selector = selectors.DefaultSelector()
        self._selector.register(listening, selectors.EVENT_READ)
        self._bad_requests = BadRequestLog("http.bad_request")
        self.port = int(listening.getsockname()[1])

    def run(self) -> None:
        """Serves forever."""
        while True:
            self.turn()

    def turn(self) -> None:
        """Waits until a socket is ready or a connection is late, and handles it."""
        until = min((connection.until for connection in self._connections.values()), default=None)
        for key, _ in self._selector.select(None if until is None else max(0.0, until - time.monotonic())):
            if key.fileobj is self._listening:
                self._accept()
            elif key.data.socket in self._connections:  # it may have just been closed for a newer one
                try:
                    self._continue(key.data)
                except BlockingIOError:  # the socket's buffer is full
                    continue
                except OSError:  # the client is gone
                    self._close(key.data)
        now = time.monotonic()
        for late in [connection for connection in self._connections.values() if now > connection.until]:
            if late.request and not late.answered:
                with contextlib.suppress(OSError):
                    late.socket.send(self._refuse(late, 408, "the request did not arrive in time"))
            self._close(late)

    def _accept(self) -> None:
        try:
            accepted, address = self._listening.accept()
        except OSError as error:  # the client is gone, or there is no free descriptor: the next turn tries again
            self._bad_requests.log("", "the connection could not be accepted", error)
            time.sleep(0.01)
            return
        if len(self._connections) >= MAX_CONNECTIONS:
            oldest = next(iter(self._connections.values()))
            self._bad_requests.log(oldest.peer, "too many connections: the oldest was closed")
            self._close(oldest)
        accepted.setblocking(False)
        connection = Connection(accepted, str(address[0]), time.monotonic() + self._request_seconds)
        self._connections[accepted] = connection
        self._selector.register(accepted, selectors.EVENT_READ, connection)

    def _continue(self, connection: Connection) -> None:
        """Reads or writes as much as possible without waiting."""
        if connection.answered:
            if connection.response:
                self._send(connection)
            elif not connection.socket.recv(
                READ_BYTES
            ):  # unread data would reset the connection before the client has read all
                self._close(connection)
            return
        data = connection.socket.recv(READ_BYTES)
        if not data:
            self._close(connection)
            return
        connection.request += data
        request = connection.request
        if b"\r\n\r\n" in request or b"\n\n" in request or len(request) > MAX_REQUEST_BYTES:
            connection.response, connection.answered = memoryview(self._response(connection)), True
            self._selector.modify(connection.socket, selectors.EVENT_WRITE, connection)
            self._send(connection)

    def _send(self, connection: Connection) -> None:
        sent = connection.socket.send(connection.response)
        connection.response = connection.response[sent:]
        if not connection.response:
            connection.socket.shutdown(socket.SHUT_WR)
            self._selector.modify(connection.socket, selectors.EVENT_READ, connection)

    def _close(self, connection: Connection) -> None:
        self._selector.unregister(connection.socket)
        self._connections.pop(connection.socket)
        connection.socket.close()

    def _response(self, connection: Connection) -> bytes:
        """Returns the whole response to a request."""
        if len(connection.request) > MAX_REQUEST_BYTES:
            return self._refuse(connection, 431, f"the request has more than {MAX_REQUEST_BYTES} bytes")
        first = bytes(connection.request).split(b"\n", 1)[0].rstrip(b"\r")
        try:
            method, target, protocol = first.decode("ascii").split(" ")
        except ValueError:
            return self._refuse(connection, 400, "not an HTTP request")
        if not protocol.startswith("HTTP/1."):
            return self._refuse(connection, 505, "the protocol is not HTTP/1")
        if method not in ("GET", "HEAD"):
            return self._refuse(connection, 405, "the method is neither GET nor HEAD")
        try:
            found = self._page(_path(target))
        except Exception as error:  # a page that fails must not end this thread, and with it all probes
            self._bad_requests.log(connection.peer, "the page failed", error)
            found = Page(500, b"failed\n")
        return _bytes(found, with_body=method == "GET")

    def _refuse(self, connection: Connection, code: int, reason: str) -> bytes:
        self._bad_requests.log(connection.peer, reason)
        return _bytes(Page(code, f"bad request: {reason}\n".encode()), with_body=True)


def _listen(port: int) -> socket.socket:
    """Returns a listening socket for IPv6 and IPv4, or for IPv4 alone if there is no IPv6."""
    if socket.has_dualstack_ipv6():
        listening = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    else:
        listening = socket.create_server(("", port))
    listening.setblocking(False)
    return listening


def _path(target: str) -> str:
    """Returns the path of a request target. A proxy may send a whole URI, which a server must accept: RFC 9112, 3.2.2."""
    return re.sub("^https?://[^/?]*", "", target, flags=re.IGNORECASE).partition("?")[0] or "/"


def _bytes(found: Page, with_body: bool) -> bytes:
    head = [
        f"HTTP/1.1 {found.code} {HTTPStatus(found.code).phrase}",
        f"Server: kube9-operator/{__version__}",
        f"Content-Type: {found.content_type}",
        f"Content-Length: {len(found.body)}",
        *(["Allow: GET, HEAD"] if found.code == 405 else []),
        "Connection: close",
    ]
    return "\r\n".join(head).encode("ascii") + b"\r\n\r\n" + (found.body if with_body else b"")
