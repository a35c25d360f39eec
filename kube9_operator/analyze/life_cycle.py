"""The times of the life cycle of insights, with their defaults. Data.

The field's name says the unit: `_s` is in seconds, everything else is a number. docs/insights.md shows them.
"""

import msgspec

MINUTE, HOUR = 60, 3_600


class LifeCycle(msgspec.Struct, frozen=True, kw_only=True):
    """The same for all rules."""

    pending_s: int = 30
    """A finding is an insight if it is still found after this time."""
    quiet_s: int = 5 * MINUTE
    """Without evidence for this time, an insight is quiet. Rules have longer times for what is rare."""
    resolve_s: int = 10 * MINUTE
    """After so much longer, it is resolved."""
    reopen_s: int = HOUR
    """New evidence within this time goes on with the same insight; later, another episode begins."""
    unsteady_changes: int = 4
    """An insight that was found or resolved so often within a day comes and goes."""
    steady_s: int = HOUR
    """After this time without a change it is steady again."""
    settle_s: int = 15 * MINUTE
    """What began before this time of the record is listed without events."""
