"""Prints a list of events as a table on stdout, and how many there are, with the coverage, on stderr."""

import os
import sys
import time
from collections.abc import Iterator, Sequence
from typing import Any

from kube9_cli import terminal
from kube9_cli.render import table
from kube9_cli.render.coverage import sentence
from kube9_cli.render.escape import plain


def print_table(
    events: Iterator[dict[str, Any]], covered: dict[str, Any], total: int | None, wide: bool, notes: Sequence[str] = ()
) -> None:
    """Prints the table, then a line with the notes. A `wide` table is never cut."""
    on_terminal = sys.stdout.isatty()
    width = None if wide else terminal.columns(on_terminal)
    headings = table.WIDE if wide else table.headings(width)
    now = time.time()
    rows = [table.row(event, now, headings) for event in events]
    if rows:
        print("\n".join(table.table(rows, headings, width, colour=on_terminal and not os.environ.get("NO_COLOR"))))
    sys.stdout.flush()
    counted = f"{len(rows)} events" if total is None else f"{len(rows)} of {total} events"
    shown = counted if rows or total else "No events"
    sys.stderr.write(plain(" ".join((f"{shown}.", *notes, sentence(covered, now)))) + "\n")
