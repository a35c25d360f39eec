"""An API server of Events without a network: what a reflector's client asks is answered here, in the thread of the test.

The client, its decoding, the lister and the reflector are the real ones. urllib3's responses, the clock and every wait are
made, and passed in. A fault is what the API server's answer to one request is instead. Time passes only where somebody waits.
"""

import threading
from collections.abc import Callable, Iterator
from email.utils import formatdate
from types import SimpleNamespace
from typing import Any
from unittest import mock

import urllib3

from kube9_operator.backoff import Backoff
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import Control, ListEnds, Unavailable
from kube9_operator.model.tally import Tally
from kube9_operator.supervise.messages import Ready
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.client import Client
from kube9_operator.watch.kind import Kind
from kube9_operator.watch.kinds import KINDS
from kube9_operator.watch.lister import Lister
from kube9_operator.watch.reach import Reach
from kube9_operator.watch.reflector import Reflector
from tests.standin import warning
from tests.standin.cluster import encode, line, status

PAGE = 3
"""Events in a page, so that few make several pages."""
START = 1_795_000_000.0


class Response:
    """What the client uses of a urllib3 response: its body is these pieces, each of which may be an error."""

    def __init__(self, pieces: list[bytes | Exception], code: int = 200, headers: dict[str, str] | None = None) -> None:
        self.status, self.headers, self.reason = code, headers or {}, "as planned"
        self._pieces = iter(pieces)

    def read1(self, _amount: int) -> bytes:
        piece = next(self._pieces, b"")
        if isinstance(piece, Exception):
            raise piece
        return piece

    def read(self, _amount: int) -> bytes:
        return self.read1(_amount)

    def release_conn(self) -> None:
        pass

    def close(self) -> None:
        pass

    def shutdown(self) -> None:
        pass


class Clock:
    """A clock that only moves when it is told to."""

    def __init__(self) -> None:
        self.now = START

    def monotonic(self) -> float:
        return self.now

    def now_ms(self) -> int:
        return int(self.now * 1e3)

    def passes(self, seconds: float) -> None:
        self.now += seconds


class Stop(threading.Event):
    """The end of the process; whoever waits for it waits on the clock of the test."""

    def __init__(self, clock: Clock) -> None:
        super().__init__()
        self._clock = clock
        self.waits: list[float] = []
        """Seconds of each wait."""

    def wait(self, timeout: float | None = None) -> bool:
        assert timeout is not None
        self.waits.append(timeout)
        self._clock.passes(timeout)
        return self.is_set()


class Sink:
    """The outbox of a test: keeps what it is given, and lets Events wait for so long."""

    def __init__(self, clock: Clock, wait_seconds: float) -> None:
        self._clock = clock
        self._wait_seconds = wait_seconds
        self.waits = False
        self.dropped = 0
        self.on_room: Callable[[], None] = lambda: None
        self.control: list[Control] = []
        self.counts: dict[str, int] = {}
        """Of each Event that was delivered the highest count."""
        self.undecodable = 0
        self.confirms: list[tuple[str, bool]] = []
        """Of each version that was delivered whether it confirms the source."""

    def send(self, control: Control, patient: bool = True) -> None:
        self.control.append(control)

    def put(self, batch: Batch, confirmed_ms: int = 0, patient: bool = True) -> None:
        self.undecodable += batch.counts.undecodable
        if batch.version:
            self.confirms.append((batch.version, confirmed_ms > 0))
        self._clock.passes(self._wait_seconds if batch.observations else 0.0)
        for one in batch.observations:
            self.counts[one.name] = max(one.count, self.counts.get(one.name, 0))

    def reasons(self) -> list[str]:
        """The reason of each complete list; '' for the first."""
        return [one.reason for one in self.control if isinstance(one, ListEnds)]

    def unavailable(self) -> list[str]:
        return [one.why for one in self.control if isinstance(one, Unavailable)]


class Server:
    """Events with versions, and what is asked about them. It ends the reflector after a number of requests without a fault."""

    def __init__(self, clock: Clock) -> None:
        self.clock = clock
        self.version = 100
        self.uid = "cluster-1"
        self.objects: dict[str, dict[str, Any]] = {}
        self.history: list[tuple[int, bytes]] = []
        self.plans: list[tuple[str, str]] = []
        """What goes wrong, in order: the kind of the request, and the fault of `FAULTS`."""
        self.asked: list[str] = []
        """Of each request its kind: cluster, freshness, first, page, whole, watch."""
        self.versions: list[str] = []
        """From which each watch went on."""
        self.ahead_seconds = 0.0
        self.connections = 0
        self.between: tuple[str, ...] = ()
        """What happens just before the first fault is met."""
        self.after: tuple[str, ...] = ()
        """What happens when the last fault has been met."""
        self.watches_left = 3
        """Without a fault: then the reflector is stopped."""
        self.stop = Stop(clock)
        self._token = ""

    def write(self, *names: str) -> None:
        """Each of these happens once more."""
        for name in names:
            self.version += 1
            known = self.objects.get(name)
            event = warning(name, "BackOff", "again", count=known["count"] + 1 if known else 1)
            event["metadata"] |= {"resourceVersion": str(self.version), "uid": f"uid-{name}"}
            self.objects[name] = event
            self.history.append((self.version, line("MODIFIED" if known else "ADDED", encode(event))))

    def counts(self) -> dict[str, int]:
        return {event["involvedObject"]["name"]: event["count"] for event in self.objects.values()}

    @property
    def reloads(self) -> int:
        """How often the client has read its credentials again."""
        return self.connections - 1

    def connect(self, _plugin_seconds: float, _reach: Reach) -> "Api":
        self.connections += 1
        return Api(self)

    def call(self, path: str, query: dict[str, str]) -> Response:
        """The answer to a request. Raises what urllib3 does where there is none."""
        kind = self._kind(path, query)
        self.asked.append(kind)
        if kind == "watch":
            self.versions.append(query["resourceVersion"])
        if self.plans and self.plans[0][0] == kind:
            between, self.between = self.between, ()
            self.write(*between)
            _, fault = self.plans.pop(0)
            try:
                answered = FAULTS[fault](self, kind, query)
            finally:
                if not self.plans:
                    self.write(*self.after)
            if answered is not None:
                return answered
        return self._answer(kind, query)

    def _answer(self, kind: str, query: dict[str, str]) -> Response:
        """What a server without faults says."""
        if kind == "cluster":
            return self.whole(encode({"kind": "Namespace", "metadata": {"name": "kube-system", "uid": self.uid}}))
        if kind != "watch":
            return self.whole(self.page(query))
        return self.streamed(b"".join(self.lines(query)))

    def streamed(self, *pieces: bytes | Exception) -> Response:
        """A watch that says this and then takes its time until it ends."""
        if not self.plans:
            self.watches_left -= 1
            if self.watches_left <= 0:
                self.stop.set()

        def take_time() -> Iterator[bytes | Exception]:
            yield from filter(None, pieces)
            self.clock.passes(5.0)

        return Response(take_time(), headers=self.headers())  # type: ignore[arg-type]

    def page(self, query: dict[str, str]) -> bytes:
        start, limit = int(query.get("continue", "0").removeprefix("at-")), int(query.get("limit", "0"))
        items = [self.objects[name] for name in sorted(self.objects)]
        end = start + (min(limit, PAGE) or len(items) or 1)
        meta = {"resourceVersion": str(self.version)} | ({"continue": f"at-{end}"} if end < len(items) else {})
        return encode({"kind": "EventList", "metadata": meta, "items": items[start:end]})

    def lines(self, query: dict[str, str]) -> list[bytes]:
        """What a watch from this version has to say."""
        return [text for version, text in self.history if version > int(query["resourceVersion"])]

    def whole(self, body: bytes, code: int = 200, headers: dict[str, str] | None = None) -> Response:
        return Response([body], code, self.headers() | (headers or {}))

    def headers(self) -> dict[str, str]:
        return {"Date": formatdate(self.clock.now + self.ahead_seconds, usegmt=True)}

    def _kind(self, path: str, query: dict[str, str]) -> str:
        if path.startswith("/api/v1/namespaces/"):
            return "cluster"
        assert path == "/api/v1/events"
        if query.get("watch") == "1":
            return "watch"
        if "limit" not in query:
            return "whole"
        return "freshness" if query["limit"] == "1" else "page" if "continue" in query else "first"


Fault = Callable[[Server, str, dict[str, str]], Response | None]
"""Answers one request; None leaves it to the server, which the fault may have changed."""


def _status(code: int, reason: str, headers: dict[str, str] | None = None) -> Fault:
    return lambda server, _kind, _query: server.whole(status(code, reason), code, headers)


def _stream(*pieces: bytes | Exception) -> Fault:
    """A watch of which this is all; it ends at once."""
    return lambda server, _kind, _query: Response(list(pieces), headers=server.headers())


def _before(text: bytes) -> Fault:
    """A line at the beginning of a watch that goes on as it should."""
    return lambda server, _kind, query: server.streamed(text, b"".join(server.lines(query)))


def _cut(error: Exception | None) -> Fault:
    """Half of the answer, and then an error, or the end as if that were all."""

    def fault(server: Server, kind: str, query: dict[str, str]) -> Response:
        body = b"".join(server.lines(query)) if kind == "watch" else server.page(query)
        return Response([body[: len(body) // 2], *([error] if error else [])], headers=server.headers())

    return fault


def _no_connection(_server: Server, _kind: str, _query: dict[str, str]) -> Response:
    raise urllib3.exceptions.NewConnectionError(mock.Mock(), "Connection refused")


def _silence(server: Server, _kind: str, _query: dict[str, str]) -> Response:
    return Response([urllib3.exceptions.ReadTimeoutError(mock.Mock(), "/", "Read timed out.")], headers=server.headers())


def _byte_by_byte(server: Server, kind: str, query: dict[str, str]) -> Response:
    body = b"".join(server.lines(query)) if kind == "watch" else server.page(query)
    pieces = [body[at : at + 1] for at in range(len(body))]
    return server.streamed(*pieces) if kind == "watch" else Response(pieces, headers=server.headers())  # type: ignore[arg-type]


def _drip(server: Server, _kind: str, _query: dict[str, str]) -> Response:
    def drip() -> Iterator[bytes]:
        while True:
            server.clock.passes(1.0)
            yield b" "

    return Response(drip(), headers=server.headers())  # type: ignore[arg-type]


def _gone_back(server: Server, _kind: str, _query: dict[str, str]) -> None:
    """A backup was restored; what is written afterwards is numbered as what was lost had been."""
    server.version -= 20
    server.history.clear()


def _another_cluster(server: Server, _kind: str, _query: dict[str, str]) -> None:
    server.uid = "cluster-2"


def _clock(seconds: float) -> Fault:
    def fault(server: Server, _kind: str, _query: dict[str, str]) -> None:
        server.ahead_seconds += seconds

    return fault


RESET = urllib3.exceptions.ProtocolError("Connection broken", ConnectionResetError(104, "Connection reset by peer"))
BROKEN_OFF = urllib3.exceptions.ProtocolError("Connection broken: IncompleteRead")
BROKEN = {"namespace": "shop", "name": "broken", "resourceVersion": "103"}
EXPIRED = line("ERROR", status(410, "Expired"))
FAULTS: dict[str, Fault] = {
    "HTTP 401": _status(401, "Unauthorized"),
    "HTTP 403": _status(403, "Forbidden"),
    "HTTP 404": lambda server, _kind, _query: server.whole(b"404 page not found\n", 404),
    "HTTP 410": _status(410, "Expired"),
    "HTTP 429": _status(429, "TooManyRequests", {"Retry-After": "7"}),
    "HTTP 500": _status(500, "InternalError"),
    "HTTP 503": lambda server, _kind, _query: server.whole(b"", 503),
    "HTML": lambda server, _kind, _query: server.whole(b"<html>\n<body>sign in</body>\n</html>\n"),
    "truncated body": _cut(None),
    "body breaks off": _cut(BROKEN_OFF),
    "reset in mid-line": _cut(RESET),
    "half a line": lambda server, _kind, query: Response([server.lines(query)[0][:100]], headers=server.headers()),
    "no last chunk": lambda server, _kind, query: Response([*server.lines(query)[:1], BROKEN_OFF], headers=server.headers()),
    "silence": _silence,
    "refused": _no_connection,
    "ERROR line 410": _stream(EXPIRED),
    "ERROR line 500": _stream(line("ERROR", status(500, "InternalError"))),
    "ERROR line without a status": _stream(line("ERROR", b'"etcdserver: no leader"')),
    "empty watch": _stream(),
    "line that does not decode": _before(b'{"type":"MODIFIED","object":{"metadata":\n'),
    "line of bytes": _before(b"\xff\xfe\x00\n"),
    "an object that does not decode": _before(line("ADDED", encode({"metadata": BROKEN, "count": "many"}))),
    "unknown line type": _before(line("RENAMED", encode({"metadata": {}}))),
    "BOOKMARK line": _before(line("BOOKMARK", encode({"kind": "Event", "metadata": {"resourceVersion": "101"}}))),
    "byte by byte": _byte_by_byte,
    "drip": _drip,
    "gone back": _gone_back,
    "another cluster": _another_cluster,
    "clock jumps ahead": _clock(86_400.0),
    "clock jumps back": _clock(-86_400.0),
}
"""By the names that the faults of the stand-in API server have, which meets a whole operator with them."""


class Api:
    """What the client uses of the library's ApiClient, connected to a `Server`."""

    def __init__(self, server: Server) -> None:
        self._server = server
        self.rest_client = SimpleNamespace(close=lambda: None)
        self.param_serialize = _serialize

    def call_api(self, path: str, query: dict[str, str], _request_timeout: tuple[float, float]) -> Any:
        return SimpleNamespace(response=self._server.call(path, query))


def _serialize(_method: str, path: str, query_params: list[tuple[str, str]], **_: Any) -> tuple[str, dict[str, str]]:
    return path, dict(query_params)


class Logged:
    """The lines of the log of one reflector."""

    def __init__(self) -> None:
        self.lines: list[tuple[str, str, dict[str, Any]]] = []

    def bind(self, **_: Any) -> "Logged":
        return self

    def __getattr__(self, level: str) -> Any:
        return lambda event, **fields: self.lines.append((level, event, fields))

    def problems(self) -> list[str]:
        """What was wrong, without that the server could not be reached."""
        found = [fields["why"] for _, event, fields in self.lines if event == "watch.failed"]
        return [why for why in found if why != "the API server cannot be reached"]


class Run:
    """A reflector of Events that has met the faults of a server and has been stopped."""

    def __init__(
        self,
        server: Server,
        version: str = "",
        cluster: str = "",
        deadlines: Deadlines | None = None,
        wait_seconds: float = 0.0,
    ) -> None:
        self.server, self.sink, self.log = server, Sink(server.clock, wait_seconds), Logged()
        self.tally = Tally()
        self.deadlines = deadlines or Deadlines()
        kind: Kind = KINDS["events"]
        ready = Ready({"events": version} if version else {}, cluster, 0)
        client = Client(1.0, Reach(), 1.0, server.clock, server.connect)
        log: Any = self.log
        self.reflector = Reflector(
            kind,
            ready,
            Lister(kind, client, self.deadlines, server.clock),
            self.sink,
            server.stop,
            self.deadlines,
            self.tally,
            Backoff(self.deadlines.retry_first, self.deadlines.retry_most),
            clock=server.clock,
            log=log,
        )
        self.reflector.run()
