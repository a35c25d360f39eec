"""Reads the quantities of Kubernetes, such as `250m` and `64Mi`. Pure.

https://kubernetes.io/docs/reference/kubernetes-api/common-definitions/quantity/
"""

import math
import re
from collections.abc import Iterable

SUFFIXES = {
    "": 1.0,
    **{suffix: 10.0**power for suffix, power in zip("numkMGTPE", (-9, -6, -3, 3, 6, 9, 12, 15, 18), strict=True)},
    **{suffix: 2.0**power for suffix, power in zip(("Ki", "Mi", "Gi", "Ti", "Pi", "Ei"), range(10, 61, 10), strict=True)},
}
FORM = re.compile(r"([+-]?(?:[0-9]{1,40}(?:\.[0-9]{0,40})?|\.[0-9]{1,40}))(?:([eE][+-]?[0-9]{1,3})|([numkMGTPE]|[KMGTPE]i)?)")


def quantity(value: str | int | float | None) -> float | None:
    """Returns the number that a quantity is: cores, bytes or a count; None for none, and for what is no quantity."""
    if value is None or isinstance(value, bool):
        return None
    if isinstance(value, int | float):
        return float(value) if math.isfinite(value) else None
    found = FORM.fullmatch(value.strip())
    if found is None:
        return None
    number, exponent, suffix = found.groups()
    made = float(number + exponent) if exponent else float(number) * SUFFIXES[suffix or ""]
    return made if math.isfinite(made) else None


def plain(amount: float) -> float:
    """Returns a computed amount without what binary fractions add: three times 100m is 300m. A nano is the least there is."""
    return round(amount, 9)


def reserved(init: Iterable[tuple[float, bool]], others: Iterable[float]) -> float:
    """Returns what Kubernetes reserves for a pod: `init` has the request of each init container, and whether it is a sidecar.

    Init containers run one after the other, before the other containers. A sidecar goes on beside all that come after it:
    https://kubernetes.io/docs/concepts/workloads/pods/sidecar-containers/#resource-sharing-within-containers
    """
    most = beside = 0.0
    for amount, is_sidecar in init:
        most = max(most, beside + amount)
        beside += amount if is_sidecar else 0.0
    return plain(max(most, beside + sum(others)))


def cores(amount: float) -> str:
    """Formats an amount of processor time as a quantity, rounded up to a millicore."""
    milli = math.ceil(round(amount * 1000, 6))
    return str(milli // 1000) if milli % 1000 == 0 else f"{milli}m"


def size(amount: float) -> str:
    """Formats an amount of memory as a quantity, rounded up to a mebibyte."""
    mebibytes = math.ceil(round(amount / 2**20, 6))
    return f"{mebibytes // 1024}Gi" if mebibytes and mebibytes % 1024 == 0 else f"{mebibytes}Mi"
