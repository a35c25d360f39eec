"""Asks Argo CD's API. The token is read from its file for each request, so it may be rotated.

https://argo-cd.readthedocs.io/en/stable/developer-guide/api-docs/
"""

from __future__ import annotations

import codecs
import http.client
import ssl
import time
import zlib
from urllib.parse import urlsplit

from kube9_cli.errors import QueryError
from kube9_schema.argocd import BASE_URL, CA_FILE, SERVER_PATH, TOKEN, TOKEN_FILE

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Iterator, Mapping
    from typing import NamedTuple
else:
    from kube9_cli.named_tuple import NamedTuple

MOST_BYTES = 64 * 1024 * 1024
"""The longest answer. A tree of 10,000 resources takes some 6 MiB."""
MOST_TOKEN_BYTES = 64 * 1024
READ_BYTES = 65_536
STATUSES = {
    400: ("INVALID_ARGUMENT", 2, "Argo CD refuses the request"),
    401: ("ARGOCD_AUTH_FAILED", 4, "Argo CD does not accept the token"),
    403: ("ARGOCD_RBAC_DENIED", 5, "the account of the token may not read this Application, or it does not exist"),
    404: ("APPLICATION_NOT_FOUND", 3, "Argo CD has no such Application"),
    408: ("TIMEOUT", 6, "Argo CD's API did not answer in time"),
    504: ("TIMEOUT", 6, "Argo CD's API did not answer in time"),
}
"""By HTTP status: code, exit code and message."""
UNREACHABLE = "ARGOCD_API_UNREACHABLE"


class Access(NamedTuple):
    """How Argo CD's API is asked."""

    base_url: str
    token: str
    ca_file: str


def failure(code: str, exit_code: int, message: str, details: str = "") -> QueryError:
    """Makes the error: why Argo CD's API gave no answer."""
    return QueryError(message, details, code, exit_code)


def is_configured(environment: Mapping[str, str]) -> bool:
    """Whether there is a token at all."""
    return bool(environment.get(TOKEN, "").strip() or environment.get(TOKEN_FILE, "").strip())


def access(environment: Mapping[str, str], namespace: str) -> Access:
    """How Argo CD's API in a namespace is asked, by the environment. Raises QueryError if there is no token."""
    base_url = environment.get(BASE_URL, "").strip() or f"https://argocd-server.{namespace}.svc.cluster.local"
    return Access(base_url.rstrip("/"), _token(environment), environment.get(CA_FILE, "").strip())


def _token(environment: Mapping[str, str]) -> str:
    token, path = environment.get(TOKEN, "").strip(), environment.get(TOKEN_FILE, "").strip()
    if not token and path:
        try:
            with open(path, encoding="ascii") as file:
                token = file.read(MOST_TOKEN_BYTES).strip()
        except (OSError, ValueError) as error:
            why = error.strerror if isinstance(error, OSError) else "it is not text"
            raise failure("ARGOCD_TOKEN_MISSING", 4, "the token for Argo CD cannot be read", f"{path}: {why}") from None
    if not token or not token.isascii() or not token.isprintable() or " " in token:
        details = f"set {TOKEN_FILE} to a file with a token of an Argo CD account (chart: argocd.api.token)"
        raise failure("ARGOCD_TOKEN_MISSING", 4, "there is no token for Argo CD's API", details)
    return token


class Tree:
    """A resource tree, compressed: it is printed only when it is complete, and the pod has little memory."""

    def __init__(self) -> None:
        self._packer = zlib.compressobj(level=1)
        self._parts: list[bytes] = []
        self._decoder = _decoder()

    def add(self, part: bytes) -> None:
        """Adds a part. Raises UnicodeDecodeError."""
        self._decoder.decode(part)
        self._parts.append(self._packer.compress(part))

    def end(self) -> None:
        """There are no more parts. Raises UnicodeDecodeError."""
        self._decoder.decode(b"", final=True)
        self._parts.append(self._packer.flush())

    def texts(self) -> Iterator[str]:
        """The tree, unchanged, in pieces."""
        unpacker, decoder = zlib.decompressobj(), _decoder()
        for part in self._parts:
            yield decoder.decode(unpacker.decompress(part, READ_BYTES))
            while unpacker.unconsumed_tail:
                yield decoder.decode(unpacker.decompress(unpacker.unconsumed_tail, READ_BYTES))
        yield decoder.decode(unpacker.flush())


def _decoder() -> codecs.IncrementalDecoder:
    return codecs.getincrementaldecoder("utf-8")()


def resource_tree(given: Access, name: str, namespace: str, seconds: float) -> Iterator[str]:
    """Returns the resource tree of an Application, unchanged, when all of it is there. Raises QueryError."""
    tree = Tree()
    try:
        _get(given, f"{SERVER_PATH}/{name}/resource-tree?appNamespace={namespace}", seconds, tree)
        tree.end()
    except UnicodeDecodeError:
        raise failure("INTERNAL_ERROR", 1, "the answer is not that of Argo CD's API", "it is not UTF-8") from None
    return tree.texts()


def probe(given: Access, seconds: float) -> None:
    """Asks for the Applications, and reads only whether that is allowed. Raises QueryError."""
    _get(given, f"{SERVER_PATH}?fields=metadata.resourceVersion", seconds)


def _get(given: Access, path: str, seconds: float, into: Tree | None = None) -> None:
    until = time.monotonic() + seconds
    url = urlsplit(given.base_url)
    try:
        connection = _connection(given, url.scheme, url.hostname or "", url.port, seconds)
    except (OSError, ValueError) as error:
        raise failure(UNREACHABLE, 7, "Argo CD's API cannot be asked", f"{BASE_URL} or {CA_FILE}: {error}") from None
    headers = {"Authorization": f"Bearer {given.token}", "Accept": "application/json", "User-Agent": "kube9-operator"}
    try:
        connection.request("GET", url.path + path, headers=headers)
        answer = connection.getresponse()
        if answer.status != 200:
            raise _refused(answer.status, answer.reason)
        if into is None:
            return
        if "json" not in answer.headers.get("Content-Type", ""):
            raise failure("INTERNAL_ERROR", 1, "the answer is not that of Argo CD's API", f"check {BASE_URL}")
        _read(answer, connection, until, into)
    except ssl.SSLCertVerificationError as error:
        details = f"{_line(error.verify_message)}; {CA_FILE} names the certificates that are trusted"
        raise failure(UNREACHABLE, 7, "the certificate of Argo CD's API is not trusted", details) from None
    except TimeoutError:
        raise failure("TIMEOUT", 6, f"Argo CD's API did not answer within {seconds:g} seconds") from None
    except (OSError, http.client.HTTPException) as error:
        raise failure(UNREACHABLE, 7, "Argo CD's API cannot be reached", _line(f"{type(error).__name__}: {error}")) from None
    finally:
        connection.close()


def _connection(given: Access, scheme: str, host: str, port: int | None, seconds: float) -> http.client.HTTPConnection:
    """A connection that is not open yet. Raises OSError or ValueError if it cannot be made as it is configured."""
    if not host or scheme not in ("https", "http"):
        raise ValueError("it must be a URL that begins with https://")
    if scheme == "http":
        return http.client.HTTPConnection(host, port, timeout=seconds)
    context = ssl.create_default_context(cafile=given.ca_file or None)
    # Argo CD makes its own certificate, which is no authority, and lacks what Python 3.13 demands of one.
    context.verify_flags |= ssl.VERIFY_X509_PARTIAL_CHAIN
    context.verify_flags &= ~ssl.VERIFY_X509_STRICT
    return http.client.HTTPSConnection(host, port, timeout=seconds, context=context)


def _refused(status: int, reason: str) -> QueryError:
    said = f"HTTP {status} {reason}".strip()
    if status in STATUSES:
        return failure(*STATUSES[status], _line(said))
    if status < 300:
        return failure("INTERNAL_ERROR", 1, "unexpected answer of Argo CD's API", _line(said))
    if status < 400:
        details = _line(f"{said}; redirects are not followed, check {BASE_URL}")
        return failure(UNREACHABLE, 7, "Argo CD's API is at another address", details)
    return failure(UNREACHABLE, 7, "Argo CD's API does not work", _line(said))


def _read(answer: http.client.HTTPResponse, connection: http.client.HTTPConnection, until: float, into: Tree) -> None:
    length = 0
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)
        part = answer.read1(READ_BYTES)
        if not part:
            break
        into.add(part)
        length += len(part)
        if length > MOST_BYTES:
            raise failure("INTERNAL_ERROR", 1, "the resource tree is too large", f"more than {MOST_BYTES // 2**20} MiB")
    if answer.length:
        raise http.client.IncompleteRead(b"", answer.length)


def _line(text: str) -> str:
    return " ".join(text.split())[:300]
