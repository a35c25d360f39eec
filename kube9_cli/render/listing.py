"""Prints a list of events as a table on stdout, and how many there are, with the coverage, on stderr."""

import os
import sys
import time
from collections.abc import Iterator
from typing import Any

from kube9_cli.render import table
from kube9_cli.render.coverage import covered as covered_in_words
from kube9_cli.render.escape import plain

MAX_COLUMNS_DIGITS = 5
"""What is longer is no width of anything."""


def print_table(events: Iterator[dict[str, Any]], covered: dict[str, Any], total: int, wide: bool) -> None:
    """Prints the table; a `wide` one is never cut."""
    terminal = sys.stdout.isatty()
    width = None if wide else _width(terminal)
    headings = table.WIDE if wide else table.headings(width)
    rows = [table.row(event, time.time(), headings) for event in events]
    if rows:
        print("\n".join(table.table(rows, headings, width, colour=terminal and not os.environ.get("NO_COLOR"))))
    sys.stdout.flush()
    shown = f"{len(rows)} of {total} events" if total else "No events"
    sys.stderr.write(plain(f"{shown}; {covered_in_words(covered)}") + "\n")


def _width(terminal: bool) -> int | None:
    """How many columns a table may take: COLUMNS, which also says so where there is no terminal; None for any number."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isascii() and asked.isdigit() and 0 < len(asked) <= MAX_COLUMNS_DIGITS and int(asked):
        return int(asked)
    # kubectl exec gives a terminal its size when it is there already: until then it has none.
    return (os.get_terminal_size().columns or 80) if terminal else None
