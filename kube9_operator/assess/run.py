"""A run: reads the kinds that its checks look at, each once, and yields the result of each check. Pure but for its lister."""

from collections.abc import Callable, Iterator
from typing import Any, NamedTuple, Protocol

import msgspec

from kube9_operator.assess.cluster import Cluster
from kube9_operator.assess.model import (
    CHECK_ERROR,
    CHECK_TIMEOUT,
    ERROR,
    FULL,
    PILLAR,
    RBAC_LIST_ERROR,
    SKIPPED,
    TIMEOUT,
    Check,
    Progress,
    Result,
    Verdict,
)
from kube9_operator.assess.readings import CONFIG_MAPS, READINGS
from kube9_operator.assess.registry import CHECKS
from kube9_operator.assess.text import advice, short
from kube9_operator.clock import SYSTEM, Clock

ACCOUNT = "--serviceaccount=kube9-system:kube9-operator"
RELEASE = "kube9-operator helm/kube9-operator -n kube9-system"
"""Of the operator, if it is installed as the README says."""
RBAC_KINDS = frozenset({"roles", "clusterroles", "rolebindings", "clusterrolebindings"})


class Read(NamedTuple):
    """A page of a list."""

    objects: list[Any]
    """Reduced: structs of cluster.py."""
    unreadable: int
    """How many objects of the page could not be decoded."""
    first: bool
    """The list begins here. It may have to begin again: then what was read of it before does not count."""


class NotPermitted(Exception):
    """The operator may not list a kind. Its text is a sentence that names what is missing."""


class NotServed(Exception):
    """The API server does not serve a kind."""


class ListFailed(Exception):
    """A kind could not be listed, for another reason. Its text has no secrets."""


class Lister(Protocol):
    """Lists objects."""

    def pages(self, kind: str) -> Iterator[Read]:
        """Yields the objects of a kind. Raises NotPermitted, NotServed or ListFailed."""


class _Expired(Exception):
    """The run has taken too long."""


def selected(mode: str = FULL, pillar: str = "", check_id: str = "") -> list[Check]:
    """Returns the checks of a run, by their ids; none for an unknown pillar or id."""
    if mode == FULL:
        return list(CHECKS)
    return [one for one in CHECKS if (one.pillar == pillar if mode == PILLAR else one.id == check_id)]


def assess_run(
    lister: Lister,
    mode: str = FULL,
    pillar: str = "",
    check_id: str = "",
    progress: Callable[[Progress], None] = lambda _: None,
    expired: Callable[[], bool] = lambda: False,
    clock: Clock = SYSTEM,
) -> Iterator[Result]:
    """Yields one result for each check of the run.

    `progress` is called before each check, before each list and after each page. Once `expired` returns true, which is asked at
    the same places, the remaining checks have the status timeout.
    """
    checks = selected(mode, pillar, check_id)
    run = _Run(lister, len(checks), progress, expired)
    for number, check in enumerate(checks):
        try:
            run.read(check, number)
        except _Expired:
            yield from (_failed(one, TIMEOUT, CHECK_TIMEOUT, "The run took too long.") for one in checks[number:])
            return
        began = clock.monotonic()
        result = _judge(check, run.cluster)
        yield msgspec.structs.replace(result, duration_ms=round((clock.monotonic() - began) * 1000))
        run.forget({kind for later in checks[number + 1 :] for kind in later.reads})


class _Run:
    """What a run has read."""

    def __init__(self, lister: Lister, total: int, progress: Callable[[Progress], None], expired: Callable[[], bool]) -> None:
        self._lister = lister
        self._total = total
        self._progress = progress
        self._expired = expired
        self._read: set[str] = set()
        self.cluster = Cluster()

    def read(self, check: Check, number: int) -> None:
        """Lists the kinds that a check looks at and that are not listed yet. Raises _Expired."""
        self._report(Progress(number, self._total))
        for kind in check.reads:
            if kind not in self._read:
                self._list(kind, number)
                self._read.add(kind)

    def forget(self, wanted: set[str]) -> None:
        """Frees the kinds that no later check looks at."""
        for kind in self._read - wanted:
            self.cluster.put(kind, [])

    def _list(self, kind: str, number: int) -> None:
        cluster, objects, unreadable = self.cluster, list[Any](), 0
        self._report(Progress(number, self._total, kind))
        try:
            for page in self._lister.pages(kind):
                if page.first:
                    objects, unreadable = [], 0
                objects += page.objects
                unreadable += page.unreadable
                self._report(Progress(number, self._total, kind, len(objects)))
        except NotPermitted as error:
            cluster.missing[kind] = str(error)
        except NotServed:
            cluster.absent.add(kind)
        except ListFailed as error:
            cluster.failed[kind] = str(error)
        else:
            cluster.put(kind, objects)
            if unreadable:
                cluster.unreadable[kind] = unreadable

    def _report(self, progress: Progress) -> None:
        self._progress(progress)
        if self._expired():
            raise _Expired


def _judge(check: Check, cluster: Cluster) -> Result:
    """Has a check judge the cluster, if all that it looks at could be read."""
    for kind in check.reads:
        if kind in cluster.missing:
            return _result(check, Verdict(SKIPPED, short(f"Skipped: {cluster.missing[kind]}."), remediation=_grant(kind)))
        if kind in cluster.failed:
            code = RBAC_LIST_ERROR if kind in RBAC_KINDS else CHECK_ERROR
            return _failed(check, ERROR, code, f"Not checked: {cluster.failed[kind]}")
    try:
        verdict = check.judge(cluster)
    except Exception as error:  # a fault of one check must not end the run; its text may contain what the cluster contains
        return _failed(check, ERROR, CHECK_ERROR, f"The check failed: {type(error).__name__}.")
    unreadable = {kind: cluster.unreadable[kind] for kind in check.reads if kind in cluster.unreadable}
    if unreadable:
        left_out = ", ".join(f"{number} {kind}" for kind, number in unreadable.items())
        verdict = msgspec.structs.replace(verdict, message=short(f"{verdict.message} Could not be read: {left_out}."))
    return _result(check, verdict)


def _grant(kind: str) -> str:
    """How to give the operator a missing permission."""
    if kind == CONFIG_MAPS:
        return advice(
            "Set the chart value that lets the operator read ConfigMaps, with their data.",
            f"helm upgrade {RELEASE} --reuse-values --set assessments.readConfigMaps=true",
        )
    if kind not in READINGS:
        return advice(
            "Let the operator ask what the API server serves, as every service account usually may.",
            f"kubectl create clusterrolebinding kube9-operator-discovery --clusterrole=system:discovery {ACCOUNT}",
        )
    resource, name = READINGS[kind].permission, f"kube9-operator-list-{kind}"
    return advice(
        "Let the operator list them. Its service account has another name if the release has.",
        f"kubectl create clusterrole {name} --verb=list --resource={resource}",
        f"kubectl create clusterrolebinding {name} --clusterrole={name} {ACCOUNT}",
    )


def _result(check: Check, verdict: Verdict, error_code: str = "") -> Result:
    return Result(
        check.id,
        check.name,
        check.pillar,
        check.severity,
        verdict.status,
        verdict.message,
        verdict.offenders,
        verdict.offenders_total,
        verdict.remediation,
        error_code,
    )


def _failed(check: Check, status: str, code: str, message: str) -> Result:
    return _result(check, Verdict(status, short(message)), code)
