"""What an assessment is made of: checks, their verdicts and results, and the progress of a run."""

from collections.abc import Callable

import msgspec

from kube9_operator.assess.cluster import Cluster

SECURITY = "security"
RELIABILITY = "reliability"
PERFORMANCE = "performance-efficiency"
COST = "cost-optimization"
OPERATIONS = "operational-excellence"
SUSTAINABILITY = "sustainability"
PILLARS = (SECURITY, RELIABILITY, PERFORMANCE, COST, OPERATIONS, SUSTAINABILITY)

PASSING, FAILING, WARNING, SKIPPED, ERROR, TIMEOUT = "passing", "failing", "warning", "skipped", "error", "timeout"
STATUSES = (PASSING, FAILING, WARNING, SKIPPED, ERROR, TIMEOUT)

CRITICAL, HIGH, MEDIUM, LOW = "critical", "high", "medium", "low"
SEVERITIES = (CRITICAL, HIGH, MEDIUM, LOW)
"""How much a finding of a check matters. It is not an event's severity."""

FULL, PILLAR, SINGLE_CHECK = "full", "pillar", "single-check"
MODES = (FULL, PILLAR, SINGLE_CHECK)

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
    """How far a run is. Reported before each check, and after each page of a list."""

    checks_done: int
    checks_total: int
    reading: str = ""
    """The kind that is being listed; '' between the lists."""
    objects: int = 0
    """How many objects of it have been read."""
