"""What the commands and the parser share: wrong arguments, hints, and examples."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import NoReturn

Examples = tuple[tuple[str, str], ...]
"""What an example answers, and its arguments after the name of the command."""


class UsageError(Exception):
    """A wrong argument: the text says what is wrong, with the value; `details` says what is allowed, or what to do."""

    def __init__(self, error: str, details: str) -> None:
        super().__init__(error)
        self.details = details


MAX_SHOWN_CHARACTERS = 100
"""So much of a wrong value is shown."""


def invalid(option: str, value: str, allowed: str) -> UsageError:
    """The error for a wrong value. It shows the value so that it can be seen, also if it is empty or very long."""
    if not value.strip():
        return UsageError(f"Invalid {option}: it is empty", allowed)
    rest = "…" if len(value) > MAX_SHOWN_CHARACTERS else ""
    shown = value[:MAX_SHOWN_CHARACTERS]
    return UsageError(f"Invalid {option} {shown if shown.isprintable() else repr(shown)}{rest}", allowed)


MAX_WHOLE = 2**53 - 1
"""The largest whole number of JSON."""


def whole(text: str, option: str, least: int, most: int | None, more: str = "") -> int:
    """A whole number. Without `most` it is one that JSON can have. `more` says what else is allowed. Raises UsageError."""
    greatest = MAX_WHOLE if most is None else most
    if not (text.isascii() and text.isdigit() and len(text) < 17 and least <= int(text) <= greatest):
        raise invalid(option, text, f"it must be a whole number from {least} to {greatest}{more}")
    return int(text)


def one_of(text: str, option: str, names: tuple[str, ...]) -> str:
    """One of these names. Raises UsageError, which suggests the nearest."""
    if text not in names:
        raise invalid(option, text, f"it must be one of: {', '.join(names)}{nearest(text, names)}")
    return text


def nearest(text: str, names: Iterable[str], least: float = 0.6) -> str:
    """A hint for a misspelt name, in any case; '' if no name is as near as `least` (1 is equal)."""
    import difflib  # only where it is needed

    lower = {name.lower(): name for name in names}
    found = difflib.get_close_matches(text.lower()[:MAX_SHOWN_CHARACTERS], lower, 1, least)
    return f"; did you mean {lower[found[0]]}?" if found else ""


def without_action(prog: str, actions: Iterable[str]) -> NoReturn:
    """Raises UsageError: a command of several actions was given none."""
    raise UsageError(f"{prog} needs an action", f"it must be one of: {', '.join(actions)}; see {prog} --help")
