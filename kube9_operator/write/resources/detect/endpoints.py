"""How many ready endpoints a service has, had, and has lost for good. Pure.

A rollout takes endpoints away for moments; what is told is a loss that lasts for the settle time.
"""

import msgspec

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.write.resources.detect.observed import Seen, observation

WINDOW_MS = 5 * 60_000
"""A loss is told against the highest number of this time."""
MAX_HISTORY = 60
"""Steps kept of the window; of more the lowest go, since only the highest counts."""


class Loss(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """Fewer than half are left, which is not told yet."""

    since_ms: int
    previous: int
    """The highest number of the five minutes before."""
    version: str
    """The resourceVersion at which it was seen."""
    none_since_ms: int = 0
    """Since when not one is left; 0 where some are."""


class Known(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What is known of the endpoints of a service. Kept in databases: fields are only added, at the end, with a default."""

    history: list[tuple[int, int]] = []
    """Since when (in ms since 1970, by our clock) there were how many, in order; the last is how it is."""
    loss: Loss | None = None

    @property
    def count(self) -> int:
        """How many are ready."""
        return self.history[-1][1] if self.history else 0

    def due_ms(self, settle_ms: int) -> int | None:
        """When the loss will have lasted for the settle time."""
        return max(self.loss.since_ms, self.loss.none_since_ms) + settle_ms if self.loss else None


def counted(known: Known | None, count: int, version: str, now_ms: int) -> Known:
    """What is known when `count` endpoints are ready, seen at a version. The first count is a baseline."""
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
    """What is known when a loss is due, with the loss where it has lasted for the settle time.

    One that seems to be due in more than that time is of a clock that was set back: it is due now.
    """
    due_ms = known.due_ms(settle_ms)
    if due_ms is None or now_ms < due_ms <= now_ms + settle_ms:
        return known, None
    return Known(known.history), known.loss


def told(seen: Seen, loss: Loss, count: int) -> Observation:
    """The observation of a loss of a service: reduced to `count`, or to none."""
    row = rows.ENDPOINTS_REDUCED if count else rows.NO_ENDPOINTS
    return observation(
        row,
        seen,
        (seen.namespace, seen.name, seen.uid, loss.version),
        at_ms=loss.since_ms if count else loss.none_since_ms,
        reason="EndpointsReduced" if count else "NoEndpoints",
        description=f"Service {seen.name} lost {loss.previous - count} of {loss.previous} endpoints",
        metadata={"previous_endpoints": loss.previous, "current_endpoints": count},
    )


def _recent(history: list[tuple[int, int]], now_ms: int) -> list[tuple[int, int]]:
    """What was in force within the window, in bounded number."""
    begin = max((at for at, (since_ms, _) in enumerate(history) if since_ms <= now_ms - WINDOW_MS), default=0)
    recent = history[begin:]
    while len(recent) > MAX_HISTORY:
        recent.remove(min(recent[:-1], key=lambda one: one[1]))
    return recent
