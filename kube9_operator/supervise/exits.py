"""How a child process ends: its exit codes, and the exceptions that lead to them."""

EXIT_DONE = 0
EXIT_FAILED = 1
"""The supervisor restarts all workers."""
EXIT_FOR_GOOD = 78
"""EX_CONFIG of sysexits.h: a restart cannot help, so the pod stops with the reason."""
EXIT_ORPHANED = 79
"""The supervisor is gone."""


class CannotStart(Exception):
    """Raised by a child for a reason that a restart cannot fix. Its text is for the user."""


class BeginAgain(Exception):
    """Raised by a child for a known reason that a restart of all workers fixes."""
