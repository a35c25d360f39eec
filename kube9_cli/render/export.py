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
    from typing import Any, TypeVar

    from kube9_cli.query.events import Page

    Of = TypeVar("Of")

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

    def followed(self, events: Iterator[tuple[str, Of]]) -> Iterator[Of]:
        """What follows the id of each event. The events are counted."""
        for shown, event in events:
            yield event
            self.written += 1
            self.last = shown
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


def print_events(options: Options, pages: Iterator[Page], total: int, more: bool) -> Progress:
    """Writes the events one by one."""
    progress = Progress(total, more)
    if options.format == "jsonl" and options.store is None:
        from kube9_cli.render.event_lines import line  # only where it is needed

        sys.stdout.writelines(progress.followed(line(row) for page in pages for row in page.rows()))
    else:
        events = progress.followed((event["id"], event) for page in pages for event in page.events())
        sys.stdout.writelines(records.as_lines(options.format, events, options.headings, options.store is not None))
    sys.stdout.flush()
    return progress


def print_closing(options: Options, written: Progress, covered: dict[str, Any], notes: Sequence[str]) -> None:
    """Says how many events there are, for which time they are complete, and how to go on."""
    later = [f"To write what is recorded later: --after {written.last}."] if written.last else []
    listing.say(listing.closing(written.written, None, covered, look.of(options).clock, [*notes, *later]))
