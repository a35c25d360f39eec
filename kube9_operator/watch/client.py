"""Requests to the API server: credentials, raw answers, errors. Only this module and `credentials` import `kubernetes`.

Only the configuration and the ApiClient of that package are used. Its models take 65 MiB. Its Watch and SharedInformer repeat
requests without a pause after an empty answer, and lose their place.
"""

import contextlib
import email.utils
import json
import math
import os
from collections.abc import Callable, Iterator
from typing import Any

import msgspec
import urllib3
from kubernetes.client.api_client import ApiClient
from kubernetes.client.exceptions import ApiException

from kube9_operator.clock import SYSTEM, Clock
from kube9_operator.watch import credentials
from kube9_operator.watch.decoding import NOT_DECODED
from kube9_operator.watch.errors import ApiError, BrokenAnswer, CredentialsFailed, TlsFailed, TooLarge, Unreachable, http_error
from kube9_operator.watch.outline import outline
from kube9_operator.watch.plugin import Unusable
from kube9_operator.watch.reach import Reach

JSON = "application/json"
READ_BYTES = 65_536
MAX_BODY_BYTES = 16 * 1024 * 1024
"""The largest answer that is held in memory. A page of 500 Events takes half a MiB, but nothing limits an Event's message."""
MAX_ERROR_BYTES = 65_536
"""How much is read of the body of an error."""


class Status(msgspec.Struct, frozen=True):
    """metav1.Status: the body of an error, and the object of an ERROR line."""

    code: int = 0
    message: str = ""


_status = msgspec.json.Decoder(Status)


def status_of(data: bytes | msgspec.Raw) -> Status | None:
    """Decodes a Status from JSON; None if it is none."""
    try:
        return _status.decode(outline(memoryview(data), 1, MAX_ERROR_BYTES).decode("utf-8", "replace"))
    except NOT_DECODED:
        return None


def connect(plugin_seconds: float, reach: Reach) -> Any:
    """Reads configuration and credentials, and returns an ApiClient with them. Raises CredentialsFailed."""
    configuration = _configuration(plugin_seconds)
    reach.asks(configuration.host)
    return ApiClient(configuration)


class Client:
    """One connection pool with its credentials, for one thread."""

    def __init__(
        self,
        connect_seconds: float,
        reach: Reach,
        plugin_seconds: float,
        clock: Clock = SYSTEM,
        connect: Callable[[float, Reach], Any] = connect,
    ) -> None:
        """`connect_seconds` is how long making a connection may take, `plugin_seconds` how long a credential plug-in may."""
        self._connect_seconds = connect_seconds
        self._plugin_seconds = plugin_seconds
        self._clock = clock
        self._connect = connect
        self.reach = reach
        self._api: Any = None
        self._reading: urllib3.HTTPResponse | None = None
        self.server_ms = 0
        """The `Date` header of the last answer, in ms since 1970; 0 if it had none."""
        self._dated = 0.0
        """When that answer came, by the monotonic clock."""

    def server_now_ms(self) -> int:
        """Returns the time of the API server's clock, in ms since 1970; of our own clock if the server does not say."""
        if not self.server_ms:
            return self._clock.now_ms()
        return self.server_ms + int((self._clock.monotonic() - self._dated) * 1000)

    def reload_credentials(self) -> None:
        """Has configuration and credentials read again before the next request."""
        self.close()

    def close(self) -> None:
        """Closes the connections."""
        if self._api is not None:
            self._api.rest_client.close()
        self._api = None

    def interrupt(self) -> None:
        """Ends a read that waits for the server. May be called from another thread."""
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
        """Sends a GET and returns the answer, whose body is still to be read: each read within `read_seconds`, all of it within
        `total_seconds`. A `long` one can be ended by `interrupt`. Raises ApiError for any status but 200.
        """
        raw = self._ask("GET", path, read_seconds, {"Accept": accept}, query_params=query)
        answer = Answer(raw, total_seconds, self._clock)
        self.server_ms, self._dated = _date_ms(raw.headers.get("Date", "")), self._clock.monotonic()
        if long:
            self._reading = raw
        if raw.status != 200:
            raise answer.as_error()
        return answer

    def apply(self, path: str, document: dict[str, object], seconds: float) -> None:
        """Creates an object, or sets those of its fields that the document has, by server-side apply. Raises ApiError.

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
        answer = Answer(raw, seconds, self._clock)
        if raw.status not in (200, 201):
            raise answer.as_error()
        answer.whole()

    def _ask(self, method: str, path: str, seconds: float, headers: dict[str, str], **more: Any) -> urllib3.HTTPResponse:
        """Sends a request and returns the answer of any status, whose body is still to be read. Raises ApiError without one."""
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
        except Exception as error:  # what cannot be sent: the error may contain it
            raise _unusable(error if isinstance(error, Unusable) else Unusable(type(error).__name__)) from None
        self.reach.answered()
        return raw

    def _connected(self) -> Any:
        if self._api is None:
            self._api = self._connect(self._plugin_seconds, self.reach)
        return self._api


class Answer:
    """An answer whose body is read as it comes."""

    def __init__(self, raw: urllib3.HTTPResponse, total_seconds: float | None, clock: Clock = SYSTEM) -> None:
        self._raw = raw
        self._clock = clock
        self._until = math.inf if total_seconds is None else clock.monotonic() + total_seconds

    def whole(self) -> bytearray:
        """Reads the whole body. Raises BrokenAnswer if it breaks off, TooLarge if it is too large to be held in memory."""
        body = bytearray()
        for chunk in self.chunks():
            body += chunk
            if len(body) > MAX_BODY_BYTES:
                raise TooLarge(f"an answer of more than {MAX_BODY_BYTES // 2**20} MiB")
        return body

    def chunks(self) -> Iterator[bytes]:
        """Yields the body in pieces, each as soon as it is there. Raises ApiError if it breaks off or is silent too long."""
        try:
            while chunk := self._raw.read1(READ_BYTES):
                yield chunk
                if self._clock.monotonic() > self._until:
                    raise BrokenAnswer("the answer did not end in time")
            self._raw.release_conn()
        except (urllib3.exceptions.HTTPError, OSError) as error:
            raise _cause(error) from None
        finally:
            self._raw.close()

    def as_error(self) -> ApiError:
        """Returns the error for an answer other than 200."""
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
    """The date of a header in ms since 1970; 0 if it is none."""
    try:
        return int(email.utils.parsedate_to_datetime(text).timestamp() * 1000)
    except (ValueError, OverflowError):
        return 0


def _configuration(plugin_seconds: float) -> Any:
    """Loads the library's configuration. Raises CredentialsFailed if there are no usable credentials."""
    try:
        return credentials.load(plugin_seconds)
    except Exception as error:  # a broken file raises whatever its YAML, base64 and types lead to
        raise _unusable(error) from None


def _unusable(error: Exception) -> ApiError:
    kubeconfig = os.environ.get("KUBECONFIG") or credentials.DEFAULT_KUBECONFIG
    where = "of the service account" if credentials.in_cluster() else f"in KUBECONFIG={kubeconfig}"
    # The library's error about a kubeconfig contains the whole entry, with its token.
    why = str(error) if isinstance(error, Unusable) else str(_cause(error)).partition("{")[0]
    return CredentialsFailed(f"no usable credentials {where}: {why}")


def _cause(error: BaseException) -> ApiError:
    """Returns what went wrong below urllib3's layers, as one line."""
    inner = getattr(error, "reason", None)
    if isinstance(inner, BaseException):
        return _cause(inner)
    text = " ".join(f"{type(error).__name__}: {error}".split())[:300]
    if isinstance(error, urllib3.exceptions.ConnectTimeoutError):  # and its subclasses: refused, no such name
        return Unreachable(text)
    return TlsFailed(text) if "SSL" in text or "CERTIFICATE" in text else BrokenAnswer(text)
