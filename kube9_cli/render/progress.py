"""Shows progress on one line of the terminal of stderr."""

from __future__ import annotations

import sys

from kube9_cli import terminal

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

BAR, FULL, EMPTY = 30, "█", "░"
CLEAR = "\r\x1b[K"


def bar(done: float) -> str:
    """A bar, of which this part is done."""
    filled = round(BAR * done)
    return f"{FULL * filled}{EMPTY * (BAR - filled)}"


class OfAssessment:
    """How far an assessment is. Without a terminal, nothing is shown."""

    def __init__(self) -> None:
        self._shown = sys.stderr.isatty()
        self._is_drawn = False

    def begun(self, name: str) -> None:
        """Says which assessment has begun. This line stays there if Ctrl-C ends the command."""
        if self._shown:
            sys.stderr.write(f"The operator makes the assessment {name}. Ctrl-C ends this command, not the assessment.\n")
            sys.stderr.flush()

    def draw(self, progress: Any) -> None:
        """Shows how far it is, as the operator says."""
        if self._shown:
            columns = terminal.columns(True, 2) or terminal.DEFAULT_COLUMNS
            sys.stderr.write(f"{CLEAR}{line(progress)[: columns - 1]}")
            sys.stderr.flush()
            self._is_drawn = True

    def clear(self) -> None:
        """Takes the line away."""
        if self._is_drawn:
            sys.stderr.write(CLEAR)
            sys.stderr.flush()
            self._is_drawn = False


def line(progress: Any) -> str:
    """The bar, the checks that are made, and what is being read: `12 of 31 checks, reading pods (4,500)`."""
    done, total = int(progress["checks_done"]), int(progress["checks_total"])
    reading = f", reading {progress['reading']} ({int(progress['objects']):,})" if progress["reading"] else ""
    return f"{bar(done / max(1, total))} {done} of {total} checks{reading}"
