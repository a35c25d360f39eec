"""Assessments as they travel: requests for one, and what the assessor tells the writer. Neither SQL nor Kubernetes."""

import secrets

import msgspec

from kube9_schema.assessments import FULL, MANUAL, SCHEDULED


class Request(msgspec.Struct, frozen=True, array_like=True):
    """An assessment that is to be made."""

    id: str
    origin: str
    mode: str
    pillar: str
    check_id: str
    timeout_seconds: float
    """For the whole of it."""
    requested_ms: int


class Checks(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """The checks that the program has: id, name, pillar and severity of each."""

    checks: list[tuple[str, str, str, str]]


class Begun(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """An assessment has begun. After the death of its process it begins again; only the first time counts."""

    request: Request
    started_ms: int
    checks: int
    """How many it has."""


class Checked(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """What a check gave."""

    assessment: str
    check_id: str
    status: str
    message: str
    remediation: str
    offenders: list[str]
    offenders_total: int
    error_code: str
    assessed_ms: int
    duration_ms: int


class Ended(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """An assessment has ended. `failure` is why it broke off, '' if all its checks were made."""

    assessment: str
    completed_ms: int
    failure: str = ""


class AssessmentFrame(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """What the assessor tells the writer."""

    changes: list[Checks | Begun | Checked | Ended]


def new_id(ms: int) -> str:
    """Returns the id of an assessment that is requested at this time. Ids rise with the time."""
    return f"asm_{ms:011x}{secrets.token_hex(3)}"


def scheduled(mode: str, pillar: str, timeout_seconds: float, ms: int) -> Request:
    """Returns the request of the schedule."""
    return Request(new_id(ms), SCHEDULED, mode, pillar, "", timeout_seconds, ms)


def manual(mode: str, pillar: str, check_id: str, timeout_seconds: float, ms: int) -> Request:
    """Returns the request of a user."""
    return Request(new_id(ms), MANUAL, mode or FULL, pillar, check_id, timeout_seconds, ms)
