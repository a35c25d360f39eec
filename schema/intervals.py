"""Times that both sides rely on: what the operator keeps to, and what kube9-cli expects of it."""

MS_IN_HOUR = 3_600_000
"""The unit of the columns `*_hour`."""

CONFIRMATION_SECONDS = 120.0
"""A source that has not been confirmed for this long is behind: its record is not complete up to now."""
ALIVE_SECONDS = 30.0
"""The writer commits at least this often, even if nothing happens."""
SILENCE_SECONDS = 3 * ALIVE_SECONDS
"""A writer that has not committed for this long is taken as not running."""
