"""The HTTP server for the cluster: one thread that never waits for a client, bounded in connections, bytes and time.

It knows GET and HEAD, one request a connection: probes and scrapes are seconds apart.
"""

import contextlib
import re
import selectors
import socket
import threading
import time
from collections.abc import Callable
from http import HTTPStatus

from kube9_operator import __version__, logs
from kube9_operator.http.pages import Page

MAX_CONNECTIONS = 32
"""One more, and the oldest gives way: who dawdles holds up nobody, and a probe is always answered."""
MAX_REQUEST_BYTES = 8 * 1024
REQUEST_SECONDS = 5.0
"""For all of a request and its answer."""
READ_BYTES = 4_096
LOG_SECONDS = 30.0
"""Of one kind of bad request, one line in this time."""


def serve(port: int, page: Callable[[str], Page]) -> int:
    """Serves in a thread of its own until the process ends; returns the port, which is a free one for 0. Raises OSError."""
    server = Server(_listen(port), page)
    threading.Thread(target=server.run, name="http", daemon=True).start()
    return server.port


class Connection:
    """A client: what it has sent, and what is still to be sent to it."""

    def __init__(self, accepted: socket.socket, peer: str) -> None:
        self.socket = accepted
        self.peer = peer
        self.until = time.monotonic() + REQUEST_SECONDS
        self.request = bytearray()
        self.answer = memoryview(b"")
        self.answered = False


class Server:
    """The loop over all connections."""

    def __init__(self, listening: socket.socket, page: Callable[[str], Page]) -> None:
        self._listening = listening
        self._page = page
        self._connections: dict[socket.socket, Connection] = {}  # the oldest first
        self._selector = selectors.DefaultSelector()
        self._selector.register(listening, selectors.EVENT_READ)
        self._complaints = Complaints()
        self.port = int(listening.getsockname()[1])

    def run(self) -> None:
        """For ever."""
        while True:
            self.turn()

    def turn(self) -> None:
        """Waits for the next thing that happens, and acts on it."""
        until = min((one.until for one in self._connections.values()), default=None)
        for key, _ in self._selector.select(None if until is None else max(0.0, until - time.monotonic())):
            if key.fileobj is self._listening:
                self._accept()
            elif key.data.socket in self._connections:  # it may have given way just now
                try:
                    self._go_on(key.data)
                except BlockingIOError:  # no room yet
                    continue
                except OSError:  # a client that goes away is no news
                    self._close(key.data)
        now = time.monotonic()
        for late in [one for one in self._connections.values() if now > one.until]:
            if late.request and not late.answered:
                with contextlib.suppress(OSError):
                    late.socket.send(self._refuse(late, 408, "it did not end in its time"))
            self._close(late)

    def _accept(self) -> None:
        try:
            accepted, address = self._listening.accept()
        except OSError as error:  # gone already, or no descriptor is left: the next turn tries again
            self._complaints.note("", "it could not be accepted", error)
            time.sleep(0.01)
            return
        if len(self._connections) >= MAX_CONNECTIONS:
            oldest = next(iter(self._connections.values()))
            self._complaints.note(oldest.peer, "it gave way to another: too many connections")
            self._close(oldest)
        accepted.setblocking(False)
        one = self._connections[accepted] = Connection(accepted, str(address[0]))
        self._selector.register(accepted, selectors.EVENT_READ, one)

    def _go_on(self, one: Connection) -> None:
        """Reads or writes what is possible without waiting."""
        if one.answered:
            if one.answer:
                self._send(one)
            elif not one.socket.recv(READ_BYTES):  # what else it sends is read, or its end would reset what it has not read
                self._close(one)
            return
        data = one.socket.recv(READ_BYTES)
        if not data:
            self._close(one)
            return
        one.request += data
        if b"\r\n\r\n" in one.request or b"\n\n" in one.request or len(one.request) > MAX_REQUEST_BYTES:
            one.answer, one.answered = memoryview(self._answer(one)), True
            self._selector.modify(one.socket, selectors.EVENT_WRITE, one)
            self._send(one)

    def _send(self, one: Connection) -> None:
        with_room = one.socket.send(one.answer)
        one.answer = one.answer[with_room:]
        if not one.answer:
            one.socket.shutdown(socket.SHUT_WR)
            self._selector.modify(one.socket, selectors.EVENT_READ, one)

    def _close(self, one: Connection) -> None:
        self._selector.unregister(one.socket)
        self._connections.pop(one.socket)
        one.socket.close()

    def _answer(self, one: Connection) -> bytes:
        """The whole answer to what the client has sent."""
        if len(one.request) > MAX_REQUEST_BYTES:
            return self._refuse(one, 431, f"it has more than {MAX_REQUEST_BYTES} bytes")
        first = bytes(one.request).split(b"\n", 1)[0].rstrip(b"\r")
        try:
            method, target, protocol = first.decode("ascii").split(" ")
        except ValueError:
            return self._refuse(one, 400, "it is no HTTP request")
        if not protocol.startswith("HTTP/1."):
            return self._refuse(one, 505, "it is not HTTP/1")
        if method not in ("GET", "HEAD"):
            return self._refuse(one, 405, "its method is neither GET nor HEAD")
        try:
            found = self._page(_path(target))
        except Exception as error:  # a page that fails must not end this thread, and with it all probes
            self._complaints.note(one.peer, "its page failed", error)
            found = Page(500, b"failed\n")
        return _bytes(found, with_body=method == "GET")

    def _refuse(self, one: Connection, code: int, why: str) -> bytes:
        self._complaints.note(one.peer, why)
        return _bytes(Page(code, f"bad request: {why}\n".encode()), with_body=True)


class Complaints:
    """One line a kind of bad request within LOG_SECONDS; the next one says how many there were meanwhile."""

    def __init__(self) -> None:
        self._told: dict[str, float] = {}
        self._more: dict[str, int] = {}

    def note(self, peer: str, why: str, error: Exception | None = None) -> None:
        """Says so in the log, or counts it."""
        now = time.monotonic()
        if now - self._told.get(why, -LOG_SECONDS) < LOG_SECONDS:
            self._more[why] = self._more.get(why, 0) + 1
            return
        self._told[why] = now
        caused_by = {"error": logs.one_line(error)} if error else {}
        logs.get().warning("http.bad_request", client=peer, why=why, more_before=self._more.pop(why, 0), **caused_by)


def _listen(port: int) -> socket.socket:
    """A listening socket for both families, or for IPv4 alone where there is no other."""
    if socket.has_dualstack_ipv6():
        listening = socket.create_server(("", port), family=socket.AF_INET6, dualstack_ipv6=True)
    else:
        listening = socket.create_server(("", port))
    listening.setblocking(False)
    return listening


def _path(target: str) -> str:
    """The path that is asked for. A proxy may send a whole URI, which a server has to take: RFC 9112, 3.2.2."""
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
