"""The table of answers: every kind of failure means something."""

import pytest

from kube9_operator.watch import answers, errors
from kube9_operator.watch.errors import ApiError, BrokenAnswer, Expired, HttpError, NotInstalled, TooLarge, http_error

CLASSES = [one for one in vars(errors).values() if isinstance(one, type) and issubclass(one, ApiError)]


def test_every_error_of_its_own_has_a_row() -> None:
    """NotInstalled is no failure: the reflector waits for the definition of a custom resource."""
    assert {*answers.ERRORS, ApiError, HttpError, TooLarge, NotInstalled} == set(CLASSES)


def test_every_row_gives_a_reason_to_list_again_only_if_it_lists_again() -> None:
    for one in (*answers.ERRORS.values(), *answers.STATUSES.values(), answers.SERVER, answers.OTHER):
        assert one.why
        assert not one.reason or one.then == "list again"


@pytest.mark.parametrize(
    ("status", "then"),
    [
        (302, "watch again"),
        (401, "watch again"),
        (403, "wait long"),
        (404, "wait long"),
        (410, "list again"),
        (418, "watch again"),
        (429, "watch again"),
        (500, "watch again"),
        (599, "watch again"),
    ],
)
def test_an_http_status(status: int, then: str) -> None:
    error = http_error(status, "text", 7.0)
    assert answers.meaning(error).then == then
    assert (error.status, error.retry_after, str(error)) == (status, 7.0, f"{status} text")
    assert isinstance(error, Expired) is (status == 410)


@pytest.mark.parametrize("status", [0, -1, -3])
def test_a_code_that_is_none_is_a_broken_answer(status: int) -> None:
    error = http_error(status, "etcdserver: no leader")
    assert (type(error), error.status, str(error)) == (BrokenAnswer, 0, "etcdserver: no leader")
