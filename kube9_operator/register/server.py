"""Requests to the kube9 server: TLS is verified, redirects are not followed, and an answer is bounded in size and time."""

import email.utils
import http.client
import re
import ssl
import time
from typing import NamedTuple
from urllib.parse import urlsplit

import msgspec

from kube9_operator import __version__, logs
from kube9_operator.register.proxy import UnusableProxy, proxy_to

REGISTER_PATH, COLLECTIONS_PATH = "/v1/operator/register", "/v1/collections"
SECONDS = 30.0
"""How long a request may take."""
MAX_ANSWER_BYTES = 65_536
READ_BYTES = 8_192
MAX_RETRY_AFTER_SECONDS = 86_400.0
REFUSED_BY_PROXY = re.compile(r"Tunnel connection failed: (\d{3})")
"""How the library's error begins if the proxy answers CONNECT with an error. The rest of it comes from the proxy."""


class Failed(Exception):
    """There is no usable answer. Its text has neither the key nor anything that the server sent."""


class Answer(NamedTuple):
    """What the server answers."""

    status: int
    retry_after: float
    """In seconds; 0 if it does not say."""
    body: bytes


class Configuration(msgspec.Struct, frozen=True, rename="camel"):
    """What the server wants of an operator. Only this field is used: a server does not change the operator's settings."""

    reregistration_interval_hours: float | None = None


class Registration(msgspec.Struct, frozen=True, rename="camel"):
    """The answer to a registration."""

    status: str
    cluster_id: str
    tier: str = ""
    configuration: Configuration | None = None


class Server:
    """A kube9 server."""

    def __init__(self, url: str, ca_file: str, key: str) -> None:
        """`url` begins with https://. Raises Failed if the file of the certificate authority or the proxy cannot be used."""
        parts = urlsplit(url)
        self._host, self._port, self._prefix = parts.hostname or "", parts.port or 443, parts.path.rstrip("/")
        try:
            self._proxy = proxy_to(self._host, self._port)
        except UnusableProxy as error:
            raise Failed(str(error)) from None
        try:
            self._context = ssl.create_default_context(cafile=ca_file or None)
        except (OSError, ssl.SSLError) as error:
            raise Failed(f"the file of the certificate authority cannot be used: {_said(error)}") from None
        self._headers = {
            "Content-Type": "application/json",
            "Authorization": f"Bearer {key}",
            "User-Agent": f"kube9-operator/{__version__}",
        }

    def post(self, path: str, body: bytes) -> Answer:
        """Sends a request, and returns the answer of any status. Raises Failed without one."""
        until = time.monotonic() + SECONDS
        connection = self._connection()
        try:
            connection.request("POST", self._prefix + path, body, self._headers)
            found = connection.getresponse()
            content = bytearray()
            while part := found.read1(READ_BYTES):
                content += part
                if len(content) > MAX_ANSWER_BYTES:
                    raise Failed("the answer is too large")
                if time.monotonic() > until:
                    raise Failed("the answer did not end in time")
            return Answer(found.status, retry_after(found.headers.get("Retry-After", ""), time.time()), bytes(content))
        except (OSError, http.client.HTTPException, ValueError) as error:
            through = f" (through the proxy {self._proxy.host}:{self._proxy.port})" if self._proxy else ""
            raise Failed(f"{_said(error)}{through}") from None
        finally:
            connection.close()

    def _connection(self) -> http.client.HTTPSConnection:
        """A connection that is not open yet. TLS is with the server, also through a proxy."""
        if self._proxy is None:
            return http.client.HTTPSConnection(self._host, self._port, timeout=SECONDS, context=self._context)
        host, port, headers = self._proxy
        connection = http.client.HTTPSConnection(host, port, timeout=SECONDS, context=self._context)
        connection.set_tunnel(self._host, self._port, headers)
        return connection


def _said(error: Exception) -> str:
    """What went wrong, in words of ours or of the library. What a server sent as its status line is not among them."""
    if isinstance(error, http.client.HTTPException):
        return f"no answer of HTTP: {type(error).__name__}"
    if found := REFUSED_BY_PROXY.match(str(error)):
        return f"the proxy answered {found[1]}"
    return logs.one_line(error)


def retry_after(text: str, now: float) -> float:
    """The header Retry-After in seconds, at most a day; 0 if there is none. It is a number or a date (RFC 9110, 10.2.3)."""
    text = text.strip()
    if text.isascii() and text.isdigit() and len(text) < 10:
        return min(float(text), MAX_RETRY_AFTER_SECONDS)
    try:
        return min(max(0.0, email.utils.parsedate_to_datetime(text).timestamp() - now), MAX_RETRY_AFTER_SECONDS)
    except (ValueError, OverflowError):
        return 0.0
