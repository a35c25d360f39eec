"""Writes an export: the events on stdout; on stderr the progress, and how many events there are."""

from __future__ import annotations

import sys
import time

from kube9_cli.options import Options
from kube9_cli.render import listing, look, records
from kube9_cli.render.progress import CLEAR, bar

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any

BETWEEN_SECONDS = 0.2
"""Between two looks of the progress."""
LOOK_AFTER = 500
"""Events between two looks at the clock."""


class Progress:
    """How far an export is, on one line of the terminal of stderr."""

    def __init__(self, total: int, more: bool) -> None:
        """With `more` there are more events than `total`, and nobody has counted how many."""
        self.written = 0
        self.last = ""
        """The id of the last event."""
        self._total, self._more = total, more
        # A terminal that also shows the events has no line for the progress.
        self._shown = sys.stderr.isatty() and not sys.stdout.isatty()
        self._began = self._drawn = time.monotonic()

    def followed(self, events: Iterator[dict[str, Any]]) -> Iterator[dict[str, Any]]:
        """The same events, counted."""
        for event in events:
            yield event
            self.written += 1
            self.last = event["id"]
            if self._shown and self.written % LOOK_AFTER == 0:
                self._draw()
        if self._shown and self._drawn > self._began:
            sys.stderr.write(CLEAR)

    def _draw(self) -> None:
        now = time.monotonic()
        if now - self._drawn < BETWEEN_SECONDS:
            return
        self._drawn = now
        speed = self.written / (now - self._began)
        sys.stderr.write(f"{CLEAR}{self.line(speed)}")
        sys.stderr.flush()

    def line(self, speed: float) -> str:
        """The bar, the numbers, and how many events a second are written."""
        said = f"{self.written:,} events, {speed:,.0f}/s"
        if self._more:
            return said
        done = self.written / max(1, self._total)
        return f"{bar(done)} {done:.0%} of {self._total:,}: {said}"


def print_events(options: Options, events: Iterator[dict[str, Any]], total: int, more: bool) -> Progress:
    """Writes the events one by one."""
    progress = Progress(total, more)
    sys.stdout.writelines(
        records.as_lines(options.format, progress.followed(events), options.headings, options.store is not None)
    )
    sys.stdout.flush()
    return progress


def print_closing(options: Options, written: Progress, covered: dict[str, Any], notes: Sequence[str]) -> None:
    """Says how many events there are, for which time they are complete, and how to go on."""
    later = [f"To write what is recorded later: --after {written.last}."] if written.last else []
    listing.say(listing.closing(written.written, None, covered, look.of(options).clock, [*notes, *later]))
