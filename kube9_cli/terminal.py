"""How wide the terminal is."""

import os

DEFAULT_COLUMNS = 80
MAX_COLUMNS_DIGITS = 5
"""A longer number is not a width."""


def columns(terminal: bool, descriptor: int = 1) -> int | None:
    """The columns that a table may take: those of COLUMNS, also without a terminal; None for any number.

    If there is a `terminal`, it is that of the descriptor.
    """
    asked = os.environ.get("COLUMNS", "")
    if asked.isascii() and asked.isdigit() and 0 < len(asked) <= MAX_COLUMNS_DIGITS and int(asked):
        return int(asked)
    # kubectl exec sets the size of a terminal after the command has started; until then it is 0.
    return (os.get_terminal_size(descriptor).columns or DEFAULT_COLUMNS) if terminal else None
