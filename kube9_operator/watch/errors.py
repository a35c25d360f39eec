"""What can go wrong with a request to the API server, or with a watch. `watch/answers.py` says what each means."""


class ApiError(Exception):
    """A request or a watch did not give what was asked for."""

    status = 0
    """The HTTP status, or the code of an ERROR line of a watch; 0 if the server sent neither."""
    retry_after = 0.0
    """How many seconds the server asks to wait."""


class BrokenAnswer(ApiError):
    """The answer is missing, incomplete, late, or not what the API promises."""


class Unreachable(ApiError):
    """No connection to the server can be made."""


class TlsFailed(ApiError):
    """The server's certificate is not trusted, or ours is not accepted."""


class CredentialsFailed(ApiError):
    """There are no usable credentials, so nothing was sent."""


class TooLarge(ApiError):
    """The answer is larger than what is held in memory."""


class HttpError(ApiError):
    """The server refused: an HTTP status other than 200, or an ERROR line of a watch, whose code means the same."""

    def __init__(self, status: int, text: str, retry_after: float = 0.0) -> None:
        super().__init__(f"{status} {text}")
        self.status = status
        self.retry_after = retry_after


class Expired(HttpError):
    """410 Gone: the server no longer has the version, or the continue token has expired."""


class EmptyWatch(ApiError):
    """A watch ended at once and without a line, which is how some servers say that the version has expired."""


class WentBack(ApiError):
    """The server is at an older version than the recorded one. A watch from there would wait in silence."""


class AnotherCluster(ApiError):
    """The namespace kube-system has another uid than before."""


class Dropped(ApiError):
    """The writer did not keep up, observations were dropped, and now there is room."""


class Unexpected(ApiError):
    """Nobody expected this failure."""


class UnexpectedAgain(Unexpected):
    """The same source failed unexpectedly again, from the same version."""


class NotInstalled(ApiError):
    """The API server does not have this custom resource. That is no fault."""


EXPIRED = 410


def http_error(status: int, text: str, retry_after: float = 0.0) -> ApiError:
    """The error for an HTTP status or for the code of an ERROR line. A line without a valid code is a broken answer."""
    if status <= 0:
        return BrokenAnswer(text)
    return (Expired if status == EXPIRED else HttpError)(status, text, retry_after)
