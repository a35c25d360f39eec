"""Asks Argo CD's API. The token is read from its file for each request, so it may be rotated.

https://argo-cd.readthedocs.io/en/stable/developer-guide/api-docs/
"""

from __future__ import annotations

import http.client
import ssl
import time
from urllib.parse import urlsplit

from kube9_cli.errors import QueryError
from kube9_schema.argocd import BASE_URL, CA_FILE, SERVER_PATH, TOKEN, TOKEN_FILE

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Mapping
    from typing import NamedTuple
else:
    from kube9_cli.named_tuple import NamedTuple

MOST_BYTES = 64 * 1024 * 1024
"""The longest answer. A tree of 10,000 resources takes some 5 MiB."""
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


def resource_tree(given: Access, name: str, namespace: str, seconds: float) -> str:
    """Returns the resource tree of an Application, unchanged. Raises QueryError."""
    body = _get(given, f"{SERVER_PATH}/{name}/resource-tree?appNamespace={namespace}", seconds)
    try:
        return body.decode()
    except UnicodeDecodeError:
        raise failure("INTERNAL_ERROR", 1, "the answer is not that of Argo CD's API", "it is not UTF-8") from None


def probe(given: Access, seconds: float) -> None:
    """Asks for the Applications, and reads only whether that is allowed. Raises QueryError."""
    _get(given, f"{SERVER_PATH}?fields=metadata.resourceVersion", seconds, body=False)


def _get(given: Access, path: str, seconds: float, body: bool = True) -> bytes:
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
        if not body:
            return b""
        if "json" not in answer.headers.get("Content-Type", ""):
            raise failure("INTERNAL_ERROR", 1, "the answer is not that of Argo CD's API", f"check {BASE_URL}")
        return _body(answer, connection, until)
    except TimeoutError:
        raise failure("TIMEOUT", 6, f"Argo CD's API did not answer within {seconds:g} seconds") from None
    except (OSError, http.client.HTTPException) as error:
        why = " ".join(f"{type(error).__name__}: {error}".split())[:300]
        raise failure(UNREACHABLE, 7, "Argo CD's API cannot be reached", why) from None
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
    code, exit_code, message = STATUSES.get(
        status, (UNREACHABLE, 7, "Argo CD's API does not work") if status >= 300 else ("INTERNAL_ERROR", 1, "unexpected answer")
    )
    return failure(code, exit_code, message, f"HTTP {status} {reason}".strip()[:300])


def _body(answer: http.client.HTTPResponse, connection: http.client.HTTPConnection, until: float) -> bytes:
    body = bytearray()
    while True:
        left = until - time.monotonic()
        if left <= 0:
            raise TimeoutError
        if connection.sock is not None:
            connection.sock.settimeout(left)
        chunk = answer.read1(READ_BYTES)
        if not chunk:
            break
        body += chunk
        if len(body) > MOST_BYTES:
            raise failure("INTERNAL_ERROR", 1, "the resource tree is too large", f"more than {MOST_BYTES // 2**20} MiB")
    if answer.length:
        raise http.client.IncompleteRead(bytes(body[:0]), answer.length)
    return bytes(body)
