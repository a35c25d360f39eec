"""What an assessment is made of: checks, their verdicts and results, and the progress of a run."""

from collections.abc import Callable

import msgspec

from kube9_operator.assess.cluster import Cluster
from kube9_schema.assessments import CRITICAL as CRITICAL
from kube9_schema.assessments import ERROR as ERROR
from kube9_schema.assessments import FAILING as FAILING
from kube9_schema.assessments import FULL as FULL
from kube9_schema.assessments import HIGH as HIGH
from kube9_schema.assessments import LOW as LOW
from kube9_schema.assessments import MEDIUM as MEDIUM
from kube9_schema.assessments import MODES as MODES
from kube9_schema.assessments import PASSING as PASSING
from kube9_schema.assessments import PILLAR as PILLAR
from kube9_schema.assessments import PILLARS as PILLARS
from kube9_schema.assessments import SEVERITIES as SEVERITIES
from kube9_schema.assessments import SINGLE_CHECK as SINGLE_CHECK
from kube9_schema.assessments import SKIPPED as SKIPPED
from kube9_schema.assessments import STATUSES as STATUSES
from kube9_schema.assessments import TIMEOUT as TIMEOUT
from kube9_schema.assessments import WARNING as WARNING

SECURITY, RELIABILITY, PERFORMANCE, COST, OPERATIONS, SUSTAINABILITY = PILLARS

CHECK_ERROR, CHECK_TIMEOUT, RBAC_LIST_ERROR = "CHECK_ERROR", "CHECK_TIMEOUT", "RBAC_LIST_ERROR"
"""Error codes. RBAC_LIST_ERROR: roles or bindings could not be listed, for another reason than a missing permission."""

MAX_OFFENDERS = 5
MAX_TEXT_CHARACTERS = 420
"""Of a message and of a remediation: the extension shows no more."""


class Verdict(msgspec.Struct, frozen=True):
    """What a check says about a cluster."""

    status: str
    message: str
    offenders: tuple[str, ...] = ()
    """Up to MAX_OFFENDERS objects, such as `Deployment shop/web (container app)`. Never a value that may be a secret."""
    offenders_total: int = 0
    remediation: str = ""
    """Commands or a manifest that make the check pass; '' if it does."""


class Check(msgspec.Struct, frozen=True):
    """One check. Everything but `judge` is data."""

    id: str
    name: str
    pillar: str
    severity: str
    reads: tuple[str, ...]
    """The kinds of objects that `judge` looks at: keys of listing.READINGS."""
    judge: Callable[[Cluster], Verdict]
    """A pure function."""


class Result(msgspec.Struct, frozen=True):
    """What one check gave in one run."""

    check_id: str
    name: str
    pillar: str
    severity: str
    status: str
    message: str
    offenders: tuple[str, ...] = ()
    offenders_total: int = 0
    remediation: str = ""
    error_code: str = ""
    """Only with the statuses error and timeout."""
    duration_ms: int = 0
    """Of the check itself, without the lists, which several checks share."""


class Progress(msgspec.Struct, frozen=True):
    """How far a run is. Reported before each check, before each list, and after each page of one."""

    checks_done: int
    checks_total: int
    reading: str = ""
    """The kind that is being listed; '' between the lists."""
    objects: int = 0
    """How many objects of it have been read."""
