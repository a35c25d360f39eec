"""The thresholds of all rules of insights. Data.

Those marked with * have no source: they are guesses to be measured, so each is a setting.
"""

import msgspec


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """The thresholds with their defaults: in seconds (`_s`), numbers, or factors."""
