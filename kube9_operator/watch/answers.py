"""What each answer of the API server means for a watch. Data, and one function that looks it up."""

from typing import Literal

import msgspec

from kube9_operator.watch.client import ApiError

Then = Literal["watch again", "list again", "wait long"]


class Meaning(msgspec.Struct, frozen=True):
    """What to do next, after a back-off."""

    then: Then
    why: str
    reload_credentials: bool = False


EMPTY_WATCH = -1
"""In place of an HTTP status: a watch ended at once and without a line."""

ANSWERS: dict[int, Meaning] = {
    EMPTY_WATCH: Meaning("list again", "the version has expired, and the server does not say so"),
    0: Meaning("watch again", "no answer, or a broken one"),
    401: Meaning("watch again", "the credentials are not accepted", reload_credentials=True),
    403: Meaning("wait long", "not permitted", reload_credentials=True),
    404: Meaning("wait long", "not served"),
    410: Meaning("list again", "the version has expired"),
    429: Meaning("watch again", "the server is busy"),
}
"""By HTTP status, or by the code of an ERROR line, which means the same."""

SERVER = Meaning("watch again", "the server has failed")
OTHER = Meaning("watch again", "an answer that is not understood")


def meaning(error: ApiError) -> Meaning:
    """The row of the table for this error."""
    if error.status >= 500:
        return SERVER
    return ANSWERS.get(error.status, OTHER)
