"""How a child process ends: its exit codes, and the exceptions that lead to them."""

EXIT_DONE = 0
EXIT_FAILED = 1
"""The generation ends and another begins."""
EXIT_FOR_GOOD = 78
"""EX_CONFIG of sysexits.h: it will not pass, the pod stops with the reason."""
EXIT_ORPHANED = 79


class CannotStart(Exception):
    """Raised by a child for a reason that will not pass by starting again; its text is for the user."""


class BeginAgain(Exception):
    """Raised by a child for a reason that is understood and that the next generation does not meet."""
