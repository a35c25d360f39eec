"""Faults of objects, each grave or not, and the verdict that they make together. Pure."""

from collections.abc import Iterable
from typing import NamedTuple

from kube9_operator.assess.model import FAILING, PASSING, WARNING, Verdict
from kube9_operator.assess.text import Offenders


class Fault(NamedTuple):
    """What is wrong with an object, and what helps."""

    fails: bool
    """A fault that only warns is named if there is none that fails."""
    shown: str
    remediation: str


def verdict(faults: Iterable[Fault], fails: str, warns: str, passes: str) -> Verdict:
    """Fails if one of the faults does, warns if there are others, and passes without any. The texts say what is the matter."""
    every = list(faults)
    failing = [one for one in every if one.fails]
    found = Offenders()
    for fault in failing or every:
        found.add(fault.shown, fault)
    if not found:
        return Verdict(PASSING, passes)
    return found.verdict(FAILING if failing else WARNING, fails if failing else warns, found.subject.remediation)
