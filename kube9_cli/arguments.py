"""What the commands and the parser share: wrong arguments, hints, and examples."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable

Examples = tuple[tuple[str, str], ...]
"""What an example answers, and its arguments after the name of the command."""


class UsageError(Exception):
    """A wrong argument: the text says what is wrong, with the value; `details` says what is allowed, or what to do."""

    def __init__(self, error: str, details: str) -> None:
        super().__init__(error)
        self.details = details


def nearest(text: str, names: Iterable[str], least: float = 0.6) -> str:
    """A hint for a misspelt name; '' if no name is as near as `least` (1 is equal)."""
    import difflib  # only where it is needed

    found = difflib.get_close_matches(text, names, 1, least)
    return f"; did you mean {found[0]}?" if found else ""
