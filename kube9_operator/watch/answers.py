"""What each failure of a request or watch means: the table of answers. Data, and one function that looks it up."""

from typing import Literal

import msgspec

from kube9_operator.model.frame import ListReason
from kube9_operator.watch.errors import (
    AnotherCluster,
    ApiError,
    BrokenAnswer,
    CredentialsFailed,
    Dropped,
    EmptyWatch,
    Expired,
    HttpError,
    TlsFailed,
    Unexpected,
    UnexpectedAgain,
    Unreachable,
    WentBack,
)

Then = Literal["watch again", "list again", "wait long"]


class Meaning(msgspec.Struct, frozen=True):
    """What to do next, after a back-off."""

    then: Then
    why: str
    """For health and the log."""
    reload_credentials: bool = False
    of_all: bool = False
    """The problem is not one of this resource alone: all watches have it, so the log reports it once for all of them."""
    reason: ListReason = ""
    """What the next list gives as its reason."""


ERRORS: dict[type[ApiError], Meaning] = {
    EmptyWatch: Meaning("list again", "the version has expired: the watch ended at once", reason="expired"),
    WentBack: Meaning("list again", "the API server went back to an earlier state", of_all=True, reason="behind"),
    AnotherCluster: Meaning(
        "list again",
        "the API server belongs to another cluster",
        reload_credentials=True,
        of_all=True,
        reason="another cluster",
    ),
    BrokenAnswer: Meaning("watch again", "the answer is missing or broken", of_all=True),
    Unreachable: Meaning("watch again", "the API server cannot be reached", of_all=True),
    CredentialsFailed: Meaning("watch again", "no usable credentials", reload_credentials=True, of_all=True),
    TlsFailed: Meaning("watch again", "the TLS connection failed", reload_credentials=True, of_all=True),
    Dropped: Meaning("list again", "the writer did not keep up, and Events were dropped", reason="dropped"),
    Unexpected: Meaning("watch again", "unexpected failure, see the log"),
    UnexpectedAgain: Meaning("list again", "repeated unexpected failure, see the log"),
    Expired: Meaning("list again", "the version has expired", reason="expired"),
}

BUSY = 429
STATUSES: dict[int, Meaning] = {
    401: Meaning("watch again", "the credentials are not accepted", reload_credentials=True, of_all=True),
    403: Meaning("wait long", "not permitted", reload_credentials=True),
    404: Meaning("wait long", "not served"),
    BUSY: Meaning("watch again", "the API server is busy", of_all=True),
}
"""By HTTP status, or by the code of an ERROR line, which means the same. 410 is an error class of its own."""

SERVER = Meaning("watch again", "the API server reports an internal error", of_all=True)
"""5xx."""
OTHER = Meaning("watch again", "unexpected answer")


def meaning(error: ApiError) -> Meaning:
    """The row of the table for this error."""
    if error.status >= 500:
        return SERVER
    if type(error) is HttpError:
        return STATUSES.get(error.status, OTHER)
    return ERRORS.get(type(error), OTHER)
