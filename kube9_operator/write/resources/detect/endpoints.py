"""How many ready endpoints a service has and had, and lasting losses. Pure.

A rollout takes endpoints away for moments. Only a loss that lasts for the settle time is recorded.
"""

import msgspec

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.write.resources.detect.observed import Observed, observation

WINDOW_MS = 5 * 60_000
"""A loss is measured against the highest number within this time."""
MAX_HISTORY = 60
"""Steps that are kept of the window. If there are more, the lowest are dropped, because only the highest counts."""


class Loss(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Fewer than half are left. This is not recorded yet."""

    since_ms: int
    previous: int
    """The highest number of the five minutes before."""
    version: str
    """The resourceVersion at which it was observed."""
    none_since_ms: int = 0
    """Since when none is left; 0 if some are."""


class Known(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is known about the endpoints of a service. It is stored: fields are only added, at the end, with a default."""

    history: list[tuple[int, int]] = []
    """Pairs of a time (ms since 1970, our clock) and the number from then on, in order. The last is the current one."""
    loss: Loss | None = None

    @property
    def count(self) -> int:
        """How many are ready."""
        return self.history[-1][1] if self.history else 0

    def due_ms(self, settle_ms: int) -> int | None:
        """When the loss will have lasted for the settle time."""
        return max(self.loss.since_ms, self.loss.none_since_ms) + settle_ms if self.loss else None


def counted(known: Known | None, count: int, version: str, now_ms: int) -> Known:
    """What is known after `count` ready endpoints were observed at a version. The first count is a baseline."""
    if known is None or not known.history:
        return Known([(now_ms, count)])
    before = known.count
    if count == before:
        return known
    history = _recent([*known.history, (now_ms, count)], now_ms)
    loss = known.loss
    if loss is not None:
        if count * 2 >= loss.previous:
            loss = None
        else:
            none_since_ms = (loss.none_since_ms or now_ms) if count == 0 else 0
            loss = msgspec.structs.replace(loss, none_since_ms=none_since_ms)
    elif count < before and count * 2 < (highest := max(had for _, had in history)):
        loss = Loss(now_ms, highest, version, now_ms if count == 0 else 0)
    return Known(history, loss)


def settled(known: Known, now_ms: int, settle_ms: int) -> tuple[Known, Loss | None]:
    """What is known after the settle time, and the loss if it has lasted that long.

    If a loss seems to be due in more than the settle time, the clock was set back: it is due now.
    """
    due_ms = known.due_ms(settle_ms)
    if due_ms is None or now_ms < due_ms <= now_ms + settle_ms:
        return known, None
    return Known(known.history), known.loss


def lost(observed: Observed, loss: Loss, count: int) -> Observation:
    """Makes the observation of a service's loss: reduced to `count`, or to none."""
    row = rows.ENDPOINTS_REDUCED if count else rows.NO_ENDPOINTS
    return observation(
        row,
        observed,
        (observed.namespace, observed.name, observed.uid, loss.version),
        at_ms=loss.since_ms if count else loss.none_since_ms,
        reason="EndpointsReduced" if count else "NoEndpoints",
        description=f"Service {observed.name} lost {loss.previous - count} of {loss.previous} endpoints",
        metadata={"previous_endpoints": loss.previous, "current_endpoints": count},
    )


def _recent(history: list[tuple[int, int]], now_ms: int) -> list[tuple[int, int]]:
    """The numbers that were in force within the window, at most MAX_HISTORY."""
    begin = max((at for at, (since_ms, _) in enumerate(history) if since_ms <= now_ms - WINDOW_MS), default=0)
    recent = history[begin:]
    while len(recent) > MAX_HISTORY:
        recent.remove(min(recent[:-1], key=lambda one: one[1]))
    return recent
