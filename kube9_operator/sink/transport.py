"""HTTP to another store. It shows each broken connection, because what was accepted over it may be lost then.

urllib3 and requests reconnect silently, so this is http.client. Redirects are not followed: they would hand the headers, which
may have a token, to somebody else.
"""

import http.client
import select
import socket
import ssl
import zlib
from collections.abc import Iterable, Iterator
from typing import NamedTuple, Protocol
from urllib.parse import SplitResult, urlsplit

from kube9_operator import __version__
from kube9_operator.clock import SYSTEM, Clock

CONNECT_SECONDS, READ_SECONDS = 10.0, 30.0
MAX_BODY_BYTES = 65_536
"""Of an answer. A longer one is of no use; the connection is closed."""
MAX_HEADERS_BYTES = 65_536
READ_BYTES = 65_536
MAX_LINE_BYTES = 4_096
"""Of an answer to a question. Our fields take less than 200 bytes."""
USED_SECONDS = 60.0
"""A connection is used for this long, and then only to find out whether it holds. VictoriaLogs closes one after two minutes."""
PROTOBUF = {"Content-Type": "application/x-protobuf", "Content-Encoding": "gzip"}


class Lost(Exception):
    """A connection broke, or could not be made. What was accepted over it may be lost."""


class Unusable(Exception):
    """A request cannot be made at all until somebody changes something, such as a file or a certificate."""


class Answer(NamedTuple):
    """What came back."""

    status: int
    headers: dict[str, str]
    """With names in small letters."""
    body: bytes
    connection: int
    """The number of the connection: each new one has a greater one."""
    is_last: bool = False
    """The other side closes the connection after this answer, in order."""


class Transport(Protocol):
    """Requests to one store."""

    def post(self, data: bytes, connection: int | None = None) -> Answer:
        """Sends a request over the newest connection, or over this one. Raises Lost or Unusable."""

    def holds(self, connection: int) -> bool:
        """Whether a connection seems to be there still. It does not wait."""

    def keep(self, connections: Iterable[int]) -> None:
        """Closes connections that are used no longer, except for these."""

    def close(self) -> None:
        """Closes all connections."""


class Target(NamedTuple):
    """Where to send, and how to show who we are."""

    url: str
    headers_file: str = ""
    ca_file: str = ""
    client_cert_file: str = ""
    client_key_file: str = ""

    def parts(self) -> SplitResult:
        """The URL, divided."""
        return urlsplit(self.url)


def warnings(target: Target) -> list[str]:
    """What is wrong with the security of a target."""
    if target.url and target.parts().scheme != "https" and target.headers_file:
        return ["SINK_HEADERS_FILE is sent over http: anybody on the way can read what it contains; use https"]
    return []


def headers(path: str) -> dict[str, str]:
    """The headers in a file: a line `Name: value` each. Raises Unusable, without anything that the file contains."""
    if not path:
        return {}
    try:
        with open(path, encoding="latin-1") as file:
            text = file.read(MAX_HEADERS_BYTES)
    except OSError as error:
        raise Unusable(f"{path} cannot be read: {error.strerror}") from None
    found = {}
    for number, line in enumerate(text.splitlines(), 1):
        if not line.strip():
            continue
        name, colon, value = line.partition(":")
        if not colon or not name.strip() or not name.strip().isascii() or not value.strip().isprintable():
            raise Unusable(f"{path}: line {number} must be a header, such as Authorization: Bearer …")
        found[name.strip()] = value.strip()
    return found


def reason(error: Exception) -> str:
    """An error in one short line."""
    if isinstance(error, ssl.SSLCertVerificationError):
        return f"its certificate is not valid: {error.verify_message}"
    if isinstance(error, TimeoutError):
        return "it does not answer in time"
    text = getattr(error, "strerror", None) or str(error) or type(error).__name__
    return " ".join(str(text).split())[:200]


class _Open:
    """A connection."""

    def __init__(self, number: int, connection: http.client.HTTPConnection, at: float) -> None:
        self.number = number
        self.connection = connection
        self.opened_at = at


class HttpTransport:
    """Keeps a connection for requests, and older ones as long as somebody wants to know whether they hold."""

    def __init__(self, target: Target, clock: Clock = SYSTEM) -> None:
        self._target = target
        self._parts = target.parts()
        self._clock = clock
        self._open: dict[int, _Open] = {}
        self._newest = 0
        self._counted = 0

    def post(self, data: bytes, connection: int | None = None) -> Answer:
        """Sends a request in gzip. Raises Lost or Unusable."""
        packer = zlib.compressobj(level=1, wbits=31)  # level 6 takes three times as long, and saves a tenth
        return self.send(packer.compress(data) + packer.flush(), PROTOBUF, connection)

    def send(self, body: bytes, kind: dict[str, str], connection: int | None = None) -> Answer:
        """Sends a body as it is."""
        chosen = self._connection() if connection is None else self._open.get(connection)
        if chosen is None:
            raise Lost("the connection is closed")
        made = self._headers() | kind
        try:
            chosen.connection.request("POST", self._where(), body, made)
            response = chosen.connection.getresponse()
            found = response.read(MAX_BODY_BYTES + 1)
        except (OSError, http.client.HTTPException) as error:
            self._close(chosen.number)
            raise Lost(reason(error)) from None
        is_last = response.will_close or len(found) > MAX_BODY_BYTES
        if is_last:
            self._close(chosen.number)
        received = {name.lower(): value for name, value in response.getheaders()}
        return Answer(response.status, received, found[:MAX_BODY_BYTES], chosen.number, is_last)

    def ask(self, body: bytes, kind: dict[str, str]) -> Iterator[bytes]:
        """Sends a question over a connection of its own; returns the lines of the answer. Raises Lost or Unusable."""
        connection = self._make()
        try:
            connection.request("POST", self._where(), body, self._headers() | kind)
            response = connection.getresponse()
            if response.status != 200:
                raise Lost(f"it answers {response.status}")
            rest = b""
            while some := response.read1(READ_BYTES):  # `readline` takes five times as long
                *lines, rest = (rest + some).split(b"\n")
                yield from lines
                if len(rest) > MAX_LINE_BYTES:
                    raise Lost("a line of its answer is too long")
            if rest:
                yield rest
        except (OSError, http.client.HTTPException) as error:
            raise Lost(reason(error)) from None
        finally:
            connection.close()

    def holds(self, connection: int) -> bool:
        """Whether a connection seems to be there still: the other side has neither closed it nor sent anything."""
        found = self._open.get(connection)
        sock = found.connection.sock if found else None
        return sock is not None and not _is_readable(sock)

    def _headers(self) -> dict[str, str]:
        return {"User-Agent": f"kube9-operator/{__version__}"} | headers(self._target.headers_file)

    def _where(self) -> str:
        return f"{self._parts.path or '/'}{'?' if self._parts.query else ''}{self._parts.query}"

    def keep(self, connections: Iterable[int]) -> None:
        """Closes connections that are used no longer, except for these."""
        for number in self._open.keys() - {*connections, self._newest}:
            self._close(number)

    def close(self) -> None:
        """Closes all connections."""
        for number in list(self._open):
            self._close(number)

    def _connection(self) -> _Open:
        """The connection for the next request: a new one if the newest has been used for long."""
        found = self._open.get(self._newest)
        now = self._clock.monotonic()
        if found is not None and now - found.opened_at < USED_SECONDS:
            return found
        self._counted += 1
        made = _Open(self._counted, self._make(), now)
        self._open[made.number], self._newest = made, made.number
        return made

    def _make(self) -> http.client.HTTPConnection:
        host, port = self._parts.hostname or "", self._parts.port
        connection: http.client.HTTPConnection
        if self._parts.scheme == "https":
            connection = http.client.HTTPSConnection(host, port, timeout=CONNECT_SECONDS, context=self._context())
        else:
            connection = http.client.HTTPConnection(host, port, timeout=CONNECT_SECONDS)
        try:
            connection.connect()
            connection.sock.settimeout(READ_SECONDS)
        except ssl.SSLCertVerificationError as error:
            connection.close()
            raise Unusable(reason(error)) from None
        except OSError as error:
            connection.close()
            raise Lost(reason(error)) from None
        return connection

    def _context(self) -> ssl.SSLContext:
        """Made for each connection, so that files that were renewed are used. Raises Unusable."""
        target = self._target
        try:
            context = ssl.create_default_context(cafile=target.ca_file or None)
            context.minimum_version = ssl.TLSVersion.TLSv1_2
            if target.client_cert_file:
                context.load_cert_chain(target.client_cert_file, target.client_key_file or None, password=_no_password)
        except (OSError, ValueError) as error:  # ssl.SSLError is an OSError
            files = ", ".join(filter(None, (target.ca_file, target.client_cert_file, target.client_key_file)))
            raise Unusable(f"the certificates cannot be used ({files}): {reason(error)}") from None
        return context

    def _close(self, number: int) -> None:
        found = self._open.pop(number, None)
        if found is not None:
            found.connection.close()


def _no_password() -> str:
    """Keeps a key that is encrypted from asking for a password at the terminal."""
    raise ValueError("the key is encrypted")


def _is_readable(sock: socket.socket) -> bool:
    try:
        return bool(select.select([sock], [], [], 0)[0])
    except (OSError, ValueError):
        return True
