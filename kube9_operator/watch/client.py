"""Requests to the API server: credentials, raw answers, errors. The only importer of the kubernetes package.

Only its configuration and ApiClient are used: its models cost 65 MiB, and its Watch and SharedInformer repeat requests without
pause on an empty answer and lose their place.
"""

import contextlib
import email.utils
import json
import math
import os
import time
from collections.abc import Iterator
from typing import Any

import msgspec
import urllib3
from kubernetes.client.api_client import ApiClient
from kubernetes.client.exceptions import ApiException

from kube9_operator.clock import now_ms
from kube9_operator.watch import credentials
from kube9_operator.watch.decoding import NOT_DECODED
from kube9_operator.watch.errors import ApiError, BrokenAnswer, CredentialsFailed, TlsFailed, TooLarge, Unreachable, http_error
from kube9_operator.watch.outline import outline
from kube9_operator.watch.plugin import Unusable
from kube9_operator.watch.reach import Reach

JSON = "application/json"
READ_BYTES = 65_536
MAX_BODY_BYTES = 16 * 1024 * 1024
"""Of an answer that is held whole: a page of 500 Events is half a MiB, but nothing limits an Event's message."""
MAX_ERROR_BYTES = 65_536
"""How much of an error's answer is read."""


class Status(msgspec.Struct, frozen=True):
    """What the API server says of a failure: the body of an error, and the object of an ERROR line."""

    code: int = 0
    message: str = ""


_status = msgspec.json.Decoder(Status)


def status_of(data: bytes | msgspec.Raw) -> Status | None:
    """The status that a JSON text is; None where it is none."""
    try:
        return _status.decode(outline(memoryview(data), 1, MAX_ERROR_BYTES).decode("utf-8", "replace"))
    except NOT_DECODED:
        return None


class Client:
    """One connection pool with its credentials; for one thread."""

    def __init__(self, connect_seconds: float, reach: Reach, plugin_seconds: float) -> None:
        """`plugin_seconds` is how long a credential plug-in may take."""
        self._connect_seconds = connect_seconds
        self._plugin_seconds = plugin_seconds
        self.reach = reach
        self._api: Any = None
        self._reading: urllib3.HTTPResponse | None = None
        self.server_ms = 0
        """The `Date` of the last answer, in ms since 1970; 0 where there was none."""
        self._dated = 0.0
        """When that answer came, by a clock that nobody sets."""

    def server_now_ms(self) -> int:
        """How late it is by the API server's clock, in ms since 1970; by our own where the server does not say."""
        if not self.server_ms:
            return now_ms()
        return self.server_ms + int((time.monotonic() - self._dated) * 1000)

    def reload_credentials(self) -> None:
        """Reads configuration and credentials again before the next request."""
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        if self._api is not None:
            self._api.rest_client.close()
        self._api = None

    def interrupt(self) -> None:
        """Ends a read that waits for the server; may be called from another thread."""
        if self._reading is not None:
            with contextlib.suppress(Exception):  # it may just have ended by itself
                self._reading.shutdown()

    def get(
        self,
        path: str,
        query: list[tuple[str, str]],
        read_seconds: float,
        total_seconds: float | None = None,
        long: bool = False,
        accept: str = JSON,
    ) -> "Answer":
        """The answer to a GET, its body still to be read: each read within `read_seconds`, all of it within `total_seconds`.
        One that is `long` can be ended by `interrupt`. Raises ApiError unless it is 200.
        """
        raw = self._ask("GET", path, read_seconds, {"Accept": accept}, query_params=query)
        answer = Answer(raw, total_seconds)
        self.server_ms, self._dated = _date_ms(raw.headers.get("Date", "")), time.monotonic()
        if long:
            self._reading = raw
        if raw.status != 200:
            raise answer.as_error()
        return answer

    def apply(self, path: str, document: dict[str, object], seconds: float) -> None:
        """Makes an object, or those fields of it, what the document says: server-side apply. Raises ApiError.

        https://kubernetes.io/docs/reference/using-api/server-side-apply/
        """
        raw = self._ask(
            "PATCH",
            path,
            seconds,
            {"Accept": JSON, "Content-Type": "application/apply-patch+yaml"},
            query_params=[("fieldManager", "kube9-operator"), ("force", "true")],
            body=json.dumps(document),
        )
        answer = Answer(raw, seconds)
        if raw.status not in (200, 201):
            raise answer.as_error()
        answer.whole()

    def _ask(self, method: str, path: str, seconds: float, headers: dict[str, str], **more: Any) -> urllib3.HTTPResponse:
        """The answer to a request, whatever it says, its body still to be read. Raises ApiError where there is none."""
        try:
            request = self._connected().param_serialize(
                method,
                path,
                header_params=headers | {"User-Agent": "kube9-operator"},
                auth_settings=["BearerToken"],
                **more,
            )
            raw: urllib3.HTTPResponse = self._api.call_api(*request, _request_timeout=(self._connect_seconds, seconds)).response
        except (urllib3.exceptions.HTTPError, ApiException, OSError) as error:
            failed = _cause(error)
            if isinstance(failed, Unreachable):
                self.reach.failed(failed)
            raise failed from None
        except ApiError:
            raise
        except Exception as error:  # what cannot be sent: the error may have it in it
            raise _unusable(error if isinstance(error, Unusable) else Unusable(type(error).__name__)) from None
        self.reach.answered()
        return raw

    def _connected(self) -> Any:
        if self._api is None:
            chosen = _configuration(self._plugin_seconds)
            self.reach.asks(chosen.host)
            self._api = ApiClient(chosen)
        return self._api


class Answer:
    """A 200 whose body is read as it comes."""

    def __init__(self, raw: urllib3.HTTPResponse, total_seconds: float | None) -> None:
        self._raw = raw
        self._until = math.inf if total_seconds is None else time.monotonic() + total_seconds

    def whole(self) -> bytearray:
        """The whole body. Raises ApiError where it breaks off, or is too large to be held."""
        body = bytearray()
        for chunk in self.chunks():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise TooLarge(f"an answer of more than {MAX_BODY_BYTES // 2**20} MiB")
        return body

    def chunks(self) -> Iterator[bytes]:
        """The body in pieces, each as soon as it is there. Raises ApiError where it breaks off or stays silent for too long."""
        try:
            while chunk := self._raw.read1(READ_BYTES):
                yield chunk
                if time.monotonic() > self._until:
                    raise BrokenAnswer("the answer did not end in its time")
            self._raw.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _cause(error) from None
        finally:
            self._raw.close()

    def as_error(self) -> ApiError:
        """The error that an answer other than 200 stands for."""
        try:
            body = self._raw.read(MAX_ERROR_BYTES)
        except (urllib3.exceptions.HTTPError, OSError):
            body = b""
        finally:
            self._raw.close()
        status = status_of(body)
        message = (status.message if status else "") or self._raw.reason or ""
        after = self._raw.headers.get("Retry-After", "")
        return http_error(self._raw.status, message, float(after) if after.isascii() and after.isdigit() else 0.0)


def _date_ms(text: str) -> int:
    """A header's date in ms since 1970; 0 for one that is none."""
    try:
        return int(email.utils.parsedate_to_datetime(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0


def _configuration(plugin_seconds: float) -> Any:
    """The library's configuration. Raises ApiError where nothing says who asks."""
    try:
        return credentials.load(plugin_seconds)
    except Exception as error:  # a broken file raises whatever its YAML, base64 and types make of it
        raise _unusable(error) from None


def _unusable(error: Exception) -> ApiError:
    kubeconfig = os.environ.get("KUBECONFIG") or credentials.DEFAULT_KUBECONFIG
    where = "of the service account" if credentials.in_cluster() else f"in KUBECONFIG={kubeconfig}"
    # What the library says of a kubeconfig has the whole entry in it, with its token.
    why = str(error) if isinstance(error, Unusable) else str(_cause(error)).partition("{")[0]
    return CredentialsFailed(f"no usable credentials {where}: {why}")


def _cause(error: BaseException) -> ApiError:
    """What went wrong below urllib3's layers, as one line."""
    inner = getattr(error, "reason", None)
    if isinstance(inner, BaseException):
        return _cause(inner)
    text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):  # and what it is the base of: refused, no such name
        return Unreachable(text)
    return TlsFailed(text) if "SSL" in text or "CERTIFICATE" in text else BrokenAnswer(text)
