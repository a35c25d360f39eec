"""Asks VictoriaLogs over HTTP. Each way in which a store does not answer is one error with one line."""

from __future__ import annotations

import http.client
import json
import ssl
import time
import urllib.parse
import zlib
from collections.abc import Callable, Iterator

from kube9_cli.central.place import Place
from kube9_cli.errors import QueryError, too_long

PATH = "/select/logsql/query"
READ_BYTES = 256 * 1024
MOST_LINE_BYTES = 4 * 1024 * 1024
"""Of one record. The operator cuts its texts far below."""
MOST_ERROR_CHARACTERS = 300
CODE = "STORE"

Record = dict[str, str]


def failed(error: str, details: str) -> QueryError:
    """The store does not answer."""
    return QueryError(error, details, CODE)


class Client:
    """A connection to a store. It is kept from one query to the next."""

    def __init__(self, place: Place, timeout_seconds: float, waited: Callable[[], float]) -> None:
        """`waited` gives the seconds that do not count. Raises QueryError if a file of the options cannot be used."""
        self.url = place.url
        self._timeout_seconds, self._waited = timeout_seconds, waited
        split = urllib.parse.urlsplit(place.url)
        self._host, self._path = split.netloc, split.path + PATH
        self._is_secure = split.scheme == "https"
        self._trust = _trust(place.ca_file) if self._is_secure else None
        self._headers = {
            "Content-Type": "application/x-www-form-urlencoded",
            "Accept-Encoding": "gzip",
            "User-Agent": "kube9-cli",
            **_headers(place.headers_file),
        }
        self._connection: http.client.HTTPConnection | None = None
        self.renew()

    def renew(self) -> None:
        """Gives the next query the whole time again."""
        self._deadline = time.monotonic() - self._waited() + self._timeout_seconds

    def close(self) -> None:
        """Closes the connection."""
        if self._connection is not None:
            self._connection.close()
            self._connection = None

    def rows(self, query: str, limit: int = 0) -> Iterator[Record]:
        """The rows of a query, one by one; with a limit, so many of them with the latest times.

        Raises QueryError, also if a part of them has come already.
        """
        whole = False
        try:
            for line in self._lines(query, limit):
                yield _record(line, self.url)
            whole = True
        except (TimeoutError, ssl.SSLError, OSError, http.client.HTTPException, zlib.error) as error:
            raise self._explained(error) from None
        finally:
            if not whole:
                self.close()

    def _lines(self, query: str, limit: int) -> Iterator[bytes]:
        answer = self._asked(query, limit)
        if answer.status != 200:
            raise self._refused(answer)
        kind = answer.headers.get("Content-Type", "")
        if "html" in kind:
            raise self._not_a_store("it answered with a web page")
        unpacked = zlib.decompressobj(31) if answer.headers.get("Content-Encoding") == "gzip" else None
        rest = b""
        while True:
            read = answer.read1(READ_BYTES)
            if not read:
                break
            lines = (rest + (unpacked.decompress(read) if unpacked else read)).split(b"\n")
            rest = lines.pop()
            if len(rest) > MOST_LINE_BYTES:
                raise self._not_a_store("a line of its answer is too long")
            self._left()
            yield from lines
        if answer.length or (unpacked is not None and not unpacked.eof):
            raise http.client.IncompleteRead(b"")
        answer.close()  # then the connection can be used again
        if rest:
            yield rest

    def _asked(self, query: str, limit: int) -> http.client.HTTPResponse:
        fields = {
            "query": query,
            "timeout": f"{self._left():.3f}s",
            # A node of a cluster that is down is an error, also where the engine was started with other flags.
            "allow_partial_response": "0",
            **({"limit": str(limit)} if limit else {}),
        }
        body = urllib.parse.urlencode(fields).encode()
        for again in (True, False):
            kept = self._connection
            connection = kept or self._connected()
            if connection.sock is not None:
                connection.sock.settimeout(self._left())
            self._connection = connection
            try:
                connection.request("POST", self._path, body, self._headers)
                return connection.getresponse()
            except (ConnectionError, http.client.RemoteDisconnected):
                self.close()
                if kept is None or not again:  # a kept connection may have been closed meanwhile
                    raise
        raise AssertionError("unreachable")

    def _connected(self) -> http.client.HTTPConnection:
        if self._trust is not None:
            return http.client.HTTPSConnection(self._host, timeout=self._left(), context=self._trust)
        return http.client.HTTPConnection(self._host, timeout=self._left())

    def _left(self) -> float:
        """The seconds that are left. Raises QueryError if there are none."""
        left = self._deadline + self._waited() - time.monotonic()
        if left <= 0:
            raise too_long(self._timeout_seconds)
        return left

    def _refused(self, answer: http.client.HTTPResponse) -> QueryError:
        """Why the status is not 200."""
        status = answer.status
        if status in (401, 403):
            details = f"{self.url} answered {status}; --store-headers names a file with the token"
            return QueryError("The store does not accept the credentials", details, "NOT_PERMITTED", 3)
        if 300 <= status < 400:
            target = answer.headers.get("Location", "another place")
            return failed(
                "The store redirects", f"{self.url} answered {status}: {target[:MOST_ERROR_CHARACTERS]}; give that URL"
            )
        said = answer.read(64 * 1024)
        if "html" in answer.headers.get("Content-Type", "") or status == 404:
            return self._not_a_store(f"{PATH} answered {status}")
        text = (zlib.decompress(said, 31) if answer.headers.get("Content-Encoding") == "gzip" else said).decode(
            errors="replace"
        )
        text = " ".join(text.split())[:MOST_ERROR_CHARACTERS]
        if "exceed" in text and "timeout" in text.lower():
            return too_long(self._timeout_seconds)
        return failed("The store cannot answer", f"{self.url} answered {status}: {text}")

    def _not_a_store(self, why: str) -> QueryError:
        return failed("This is no VictoriaLogs", f"{self.url}: {why}; --store takes the URL that its path /select is below")

    def _explained(self, error: Exception) -> QueryError:
        if isinstance(error, TimeoutError):
            return too_long(self._timeout_seconds)
        if isinstance(error, ssl.SSLCertVerificationError):
            return failed("The certificate of the store is not trusted", f"{self.url}: {error.verify_message}; see --store-ca")
        if isinstance(error, ssl.SSLError):
            return failed("TLS with the store fails", f"{self.url}: {error.reason or error}")
        if isinstance(error, http.client.IncompleteRead | zlib.error | ConnectionError) and self._connection is not None:
            return failed("The answer of the store broke off", f"{self.url}; try again")
        if isinstance(error, http.client.HTTPException):
            return self._not_a_store(f"its answer is not HTTP ({type(error).__name__})")
        return failed("The store cannot be reached", f"{self.url}: {getattr(error, 'strerror', None) or error}")


def _record(line: bytes, url: str) -> Record:
    try:
        found = json.loads(line)
    except ValueError:
        found = None
    if not isinstance(found, dict) or not all(isinstance(value, str) for value in found.values()):
        shown = line[:80].decode(errors="replace")
        raise failed("This is no VictoriaLogs", f"{url}: a line of its answer is no record: {shown}")
    return found


def _trust(ca_file: str) -> ssl.SSLContext:
    try:
        return ssl.create_default_context(cafile=ca_file or None)
    except (OSError, ssl.SSLError) as error:
        why = error.strerror or str(error)
        raise QueryError("The certificates cannot be read", f"{ca_file}: {why}", "INVALID_ARGUMENT") from None


def _headers(path: str) -> dict[str, str]:
    """The headers of a file. Lines that are empty or begin with # are left out. An error never shows a value."""
    if not path:
        return {}
    try:
        with open(path, encoding="utf-8") as file:
            lines = file.read().splitlines()
    except (OSError, UnicodeDecodeError) as error:
        why = getattr(error, "strerror", None) or "it is not UTF-8"
        raise QueryError("The file of headers cannot be read", f"{path}: {why}", "INVALID_ARGUMENT") from None
    found = {}
    for number, line in enumerate(lines, 1):
        name, colon, value = line.partition(":")
        if not line.strip() or line.startswith("#"):
            continue
        known = set("!#$%&'*+-.^_`|~") | set("abcdefghijklmnopqrstuvwxyz0123456789")
        if not colon or not name or not set(name.lower()) <= known or not value.strip().isprintable() or not value.isascii():
            details = f"{path}: line {number} must be `Name: value`"
            raise QueryError("The file of headers cannot be read", details, "INVALID_ARGUMENT")
        found[name] = value.strip()
    return found
