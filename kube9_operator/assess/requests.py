"""The operator's socket: takes a request for an assessment, and tells who has asked how it goes on.

It runs in a thread of the supervisor. The thread never waits for a client. Clients are limited in number, bytes and time, and
must run as the operator's user or as root. kube9_schema.requests describes what is said.
"""

import contextlib
import errno
import os
import queue
import re
import selectors
import socket
import stat
import struct
import threading
import time
from typing import Annotated, Any, Literal

import msgspec

from kube9_operator import logs
from kube9_operator.assess.schedule import Outcome, Schedule, Tell
from kube9_operator.bad_requests import BadRequestLog
from kube9_operator.clock import SYSTEM, Clock
from kube9_operator.model.assessment import Request, manual
from kube9_operator.supervise.messages import AssessmentProgress
from kube9_schema.assessments import FULL, PILLAR, PILLARS, SINGLE_CHECK
from kube9_schema.requests import (
    INVALID,
    MAX_CHECK_ID_CHARACTERS,
    MAX_MESSAGE_BYTES,
    MAX_TIMEOUT_SECONDS,
    RUNNING,
    socket_path,
)

MAX_CLIENTS = 16
"""One more closes the oldest that waits for no assessment."""
PATIENCE_SECONDS = 5.0
"""How long a client may take to send its request, and to read the last message."""
MAX_DETAILS_CHARACTERS = 200
CHECK_ID = re.compile(r"[A-Za-z0-9._-]*")
UCRED = "iII"
"""The pid, uid and gid of SO_PEERCRED: unix(7)."""


class Asked(msgspec.Struct, frozen=True, forbid_unknown_fields=True):
    """A request as it arrives."""

    mode: Literal["full", "pillar", "single-check"] = "full"
    pillar: str = ""
    check_id: Annotated[str, msgspec.Meta(max_length=MAX_CHECK_ID_CHARACTERS)] = ""
    timeout_seconds: Annotated[float, msgspec.Meta(ge=0, le=MAX_TIMEOUT_SECONDS)] = 0.0
    """0 for the operator's setting."""


class Client:
    """Somebody who is connected: what he has sent, and what must still be sent to him."""

    def __init__(self, accepted: socket.socket, peer: str, until: float) -> None:
        self.socket = accepted
        self.peer = peer
        self.until: float | None = until
        """When the connection is closed, by the monotonic clock; None while his assessment runs."""
        self.request = bytearray()
        self.unsent = bytearray()
        self.is_over = False
        """Nothing more will be said: the connection is closed when everything is sent."""


class Requests:
    """The socket, and everybody who is connected."""

    def __init__(self, schedule: Schedule, database: str, timeout_seconds: float, clock: Clock = SYSTEM) -> None:
        """`database` is the file that the operator records into; `timeout_seconds` is the operator's setting."""
        self._schedule = schedule
        self._timeout_seconds = timeout_seconds
        self._clock = clock
        self._path = socket_path(database)
        self._inode = 0
        self._clients: dict[Client, None] = {}  # the oldest first
        self._said: queue.SimpleQueue[tuple[Client, AssessmentProgress | Outcome]] = queue.SimpleQueue()
        """What the supervisor's loop has said about assessments."""
        self._selector = selectors.DefaultSelector()
        self._wakeup, self._waker = socket.socketpair()
        self._wakeup.setblocking(False)
        self._waker.setblocking(False)
        self._selector.register(self._wakeup, selectors.EVENT_READ)
        self._listening: socket.socket | None = None
        self._bad = BadRequestLog("request.refused")

    def begin(self) -> None:
        """Listens in a thread of its own, from the moment when the first writer has opened the database.

        Before, another operator may be the one that records into it. Without a socket the operator works, but cannot be asked.
        """

        def run() -> None:
            self._schedule.is_known.wait()
            try:
                self.listen()
            except OSError as error:
                logs.get().warning("requests.unavailable", socket=self._path, error=logs.one_line(error))
                return
            while True:
                self.turn()

        threading.Thread(target=run, name="requests", daemon=True).start()

    def listen(self) -> None:
        """Makes the socket in place of that of an earlier operator. Raises OSError."""
        _make_private(os.path.dirname(self._path))
        with contextlib.suppress(FileNotFoundError):
            os.unlink(self._path)
        listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        try:
            listening.bind(self._path)
            os.chmod(self._path, 0o600)  # before it listens
            listening.setblocking(False)
            listening.listen(MAX_CLIENTS)
        except OSError:
            listening.close()
            raise
        self._inode = os.lstat(self._path).st_ino
        self._listening = listening
        self._selector.register(listening, selectors.EVENT_READ)
        logs.get().debug("requests.listening", socket=self._path)

    def end(self) -> None:
        """Removes the socket, unless another operator has made one in its place."""
        with contextlib.suppress(OSError):
            if self._inode and os.lstat(self._path).st_ino == self._inode:
                os.unlink(self._path)

    def turn(self) -> None:
        """Waits until there is something to do, and does it."""
        until = min((client.until for client in self._clients if client.until is not None), default=None)
        for key, _ in self._selector.select(None if until is None else max(0.0, until - time.monotonic())):
            if key.fileobj is self._listening:
                self._accept(self._listening)
            elif key.fileobj is self._wakeup:
                with contextlib.suppress(BlockingIOError):
                    self._wakeup.recv(4096)
            elif key.data in self._clients:
                self._continue(key.data)
        while not self._said.empty():
            self._pass_on(*self._said.get())
        now = time.monotonic()
        for late in [one for one in self._clients if one.until is not None and now > one.until]:
            self._bad.log(late.peer, "a client was too slow")
            self._close(late)

    # Clients

    def _accept(self, listening: socket.socket) -> None:
        try:
            accepted, _ = listening.accept()
        except OSError as error:  # the client is gone, or there is no free descriptor: the next turn tries again
            self._bad.log("", "a connection could not be accepted", error)
            time.sleep(0.01)
            return
        pid, uid, _ = struct.unpack(UCRED, accepted.getsockopt(socket.SOL_SOCKET, socket.SO_PEERCRED, struct.calcsize(UCRED)))
        peer = f"pid {pid}, uid {uid}"
        if uid not in (os.geteuid(), 0):
            self._bad.log(peer, "another user")
            accepted.close()
            return
        if len(self._clients) >= MAX_CLIENTS:
            # One at most has no end: the one whose assessment runs.
            oldest = next(one for one in self._clients if one.until is not None)
            self._bad.log(oldest.peer, "too many connections: the oldest was closed")
            self._close(oldest)
        accepted.setblocking(False)
        client = Client(accepted, peer, time.monotonic() + PATIENCE_SECONDS)
        self._clients[client] = None
        self._selector.register(accepted, selectors.EVENT_READ, client)

    def _continue(self, client: Client) -> None:
        """Reads and writes as much as possible without waiting."""
        try:
            self._send(client)
            if client in self._clients:
                self._read(client)
        except BlockingIOError:
            return
        except OSError:  # the client is gone
            self._close(client)

    def _read(self, client: Client) -> None:
        """Reads a part of a request. Raises OSError."""
        data = client.socket.recv(MAX_MESSAGE_BYTES)
        if not data or client.until is None:  # gone, or has said more than one request; its assessment goes on
            self._close(client)
            return
        if client.is_over:
            return
        client.request += data
        line, end, _ = client.request.partition(b"\n")
        if len(line) > MAX_MESSAGE_BYTES:
            self._refuse(client, INVALID, f"a request has more than {MAX_MESSAGE_BYTES} bytes")
        elif end:
            self._take(client, bytes(line))

    def _take(self, client: Client, line: bytes) -> None:
        """Answers a request. Raises OSError."""
        try:
            request = self._request(line)
        except (ValueError, msgspec.MsgspecError) as error:
            self._refuse(client, INVALID, str(error))
            return
        running = self._schedule.ask(request, self._tell(client))
        if running:
            client.is_over = True
            self._answer(client, {"refused": RUNNING, "details": running})
            return
        client.until = None
        logs.get().info("request.accepted", run_id=request.id, mode=request.mode, client=client.peer)
        self._answer(client, {"accepted": request.id})

    def _request(self, line: bytes) -> Request:
        """Decodes a request. Raises ValueError or MsgspecError."""
        asked = msgspec.json.decode(line, type=Asked)
        pillar, check_id = asked.pillar if asked.mode == PILLAR else "", asked.check_id if asked.mode == SINGLE_CHECK else ""
        if asked.mode == PILLAR and pillar not in PILLARS:
            raise ValueError(f"pillar must be one of: {', '.join(PILLARS)}")
        if asked.mode not in (FULL, PILLAR) and not check_id:
            raise ValueError("check_id is missing")
        if not CHECK_ID.fullmatch(check_id):
            raise ValueError("the id of a check has only letters, digits, dots, hyphens and underscores")
        timeout_seconds = asked.timeout_seconds or self._timeout_seconds
        return manual(asked.mode, pillar, check_id, timeout_seconds, self._clock.now_ms())

    def _tell(self, client: Client) -> Tell:
        """Returns what the supervisor's loop calls: it passes on what is said to this thread."""

        def tell(said: AssessmentProgress | Outcome) -> None:
            self._said.put((client, said))
            with contextlib.suppress(BlockingIOError):  # full of bytes that have not woken the thread yet
                self._waker.send(b"\0")

        return tell

    def _pass_on(self, client: Client, said: AssessmentProgress | Outcome) -> None:
        """Tells a client how its assessment goes on. Progress that it does not read is left out."""
        if client not in self._clients:
            return
        try:
            if isinstance(said, Outcome):
                client.is_over, client.until = True, time.monotonic() + PATIENCE_SECONDS
                self._answer(client, {"ended": said.id})
            elif not client.unsent:
                told = {name: getattr(said, name) for name in ("checks_done", "checks_total", "reading", "objects")}
                self._answer(client, {"progress": told})
        except OSError:
            self._close(client)

    def _refuse(self, client: Client, why: str, details: str) -> None:
        self._bad.log(client.peer, "not a request")
        client.is_over = True
        self._answer(client, {"refused": why, "details": details[:MAX_DETAILS_CHARACTERS]})

    def _answer(self, client: Client, message: dict[str, Any]) -> None:
        client.unsent += msgspec.json.encode(message) + b"\n"
        self._send(client)

    def _send(self, client: Client) -> None:
        """Sends as much as possible. Raises OSError if the client is gone."""
        if client.unsent:
            with contextlib.suppress(BlockingIOError):
                del client.unsent[: client.socket.send(client.unsent)]
        if client.is_over and not client.unsent:
            self._close(client)
            return
        wanted = selectors.EVENT_READ | (selectors.EVENT_WRITE if client.unsent else 0)
        self._selector.modify(client.socket, wanted, client)

    def _close(self, client: Client) -> None:
        self._selector.unregister(client.socket)
        self._clients.pop(client)
        client.socket.close()


def _make_private(folder: str) -> None:
    """Makes a folder of the operator's user alone. Raises OSError if that of another user is there."""
    with contextlib.suppress(FileExistsError):
        os.mkdir(folder, 0o700)
    found = os.lstat(folder)
    if not stat.S_ISDIR(found.st_mode) or found.st_uid != os.geteuid():
        raise PermissionError(errno.EPERM, "is not a folder of the operator's user", folder)
    if stat.S_IMODE(found.st_mode) & 0o077:
        os.chmod(folder, 0o700)
