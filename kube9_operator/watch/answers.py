"""What each answer of the API server means for a watch. Data, and one function that looks it up."""

from typing import Literal

import msgspec

from kube9_operator.model.frame import ListReason
from kube9_operator.watch.client import CREDENTIALS, TLS, UNREACHABLE, ApiError

Then = Literal["watch again", "list again", "wait long"]

DROPPED = -4
"""The writer did not keep up, something was given up, and now there is room."""


class Meaning(msgspec.Struct, frozen=True):
    """What to do next, after a back-off."""

    then: Then
    why: str
    reload_credentials: bool = False
    of_all: bool = False
    """It is the server's or ours, not the resource's: the log says it once for all watches."""
    reason: ListReason = ""
    """What a list that follows has to say of why it was needed."""


# In place of an HTTP status, for what the server does not say itself.
EMPTY_WATCH = -1
"""A watch ended at once and without a line."""
BEHIND = -2
"""The server's version is behind the one to go on from. A watch from there would wait in silence."""
ANOTHER_CLUSTER = -3
"""The namespace kube-system has another uid."""

FAILED = -9
"""Something that nobody expects went wrong with an answer …"""
FAILED_TWICE = -10
"""… and again from the same version."""

ANSWERS: dict[int, Meaning] = {
    EMPTY_WATCH: Meaning("list again", "the version has expired, and the server does not say so", reason="expired"),
    BEHIND: Meaning("list again", "the server has gone back to an earlier state", of_all=True, reason="behind"),
    ANOTHER_CLUSTER: Meaning(
        "list again", "it is another cluster", reload_credentials=True, of_all=True, reason="another cluster"
    ),
    0: Meaning("watch again", "no answer, or a broken one", of_all=True),
    UNREACHABLE: Meaning("watch again", "the API server cannot be reached", of_all=True),
    CREDENTIALS: Meaning("watch again", "no usable credentials", reload_credentials=True, of_all=True),
    TLS: Meaning("watch again", "the TLS connection fails", reload_credentials=True, of_all=True),
    401: Meaning("watch again", "the credentials are not accepted", reload_credentials=True, of_all=True),
    403: Meaning("wait long", "not permitted", reload_credentials=True),
    404: Meaning("wait long", "not served"),
    DROPPED: Meaning("list again", "the writer did not keep up, and Events were dropped", reason="dropped"),
    FAILED: Meaning("watch again", "an unexpected failure, see the log"),
    FAILED_TWICE: Meaning("list again", "an unexpected failure twice, see the log"),
    410: Meaning("list again", "the version has expired", reason="expired"),
    429: Meaning("watch again", "the server is busy", of_all=True),
}
"""By HTTP status, or by the code of an ERROR line, which means the same."""

SERVER = Meaning("watch again", "the server has failed", of_all=True)
OTHER = Meaning("watch again", "an answer that is not understood")


def meaning(error: ApiError) -> Meaning:
    """The row of the table for this error."""
    if error.status >= 500:
        return SERVER
    return ANSWERS.get(error.status, OTHER)
