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
    """If new evidence begins within this time after it was resolved, it is opened again; if later, it is a new episode."""
    unsteady_changes: int = 4
    """If an insight was found or resolved this many times within a day, an insight of its own says that it comes and goes."""
    steady_s: int = HOUR
    """If it was neither found nor resolved for this time, it is steady again."""
    settle_s: int = 15 * MINUTE
    """Evidence that began before the first look, or less than this time after it, makes insights without events."""
