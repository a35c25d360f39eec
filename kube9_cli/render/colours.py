"""Colours of a terminal, and when they are used."""

import os

OF_SEVERITY = {"info": "32", "warning": "33", "error": "31", "critical": "1;31"}
"""By severity, the parameters of the escape sequence that selects a colour (ECMA-48, SGR)."""


def wanted(when: str, on_terminal: bool) -> bool:
    """Whether an answer has colours: `when` is always, never, or auto."""
    if when == "auto":
        if os.environ.get("NO_COLOR"):
            return False
        return bool(os.environ.get("FORCE_COLOR")) or (on_terminal and os.environ.get("TERM") != "dumb")
    return when == "always"


def painted(text: str, colour: str) -> str:
    """The text in a colour; '' is none."""
    return f"\x1b[{colour}m{text}\x1b[0m" if colour else text
