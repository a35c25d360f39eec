"""A nested answer for people: lines, and tables of what has the same fields. Pure."""

from __future__ import annotations

from kube9_cli.render.escape import plain
from kube9_cli.render.width import fits, wrapped

FURTHER = "  "
"""Before the rest of a line."""
LEAST_WIDTH = 20

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any


def sheet(value: Any, indent: int = 0) -> list[str]:
    """A nested answer as lines `name: value`. Parts that have the same fields become a table."""
    lines = []
    for key, inner in value.items():
        if isinstance(inner, dict) and inner and all(isinstance(one, dict) and one for one in inner.values()):
            lines += _grid(key, inner, "  " * indent)
        elif isinstance(inner, dict) and inner:
            lines += ["  " * indent + f"{plain(key)}:", *sheet(inner, indent + 1)]
        elif isinstance(inner, list):
            lines.append("  " * indent + f"{plain(key)}:")
            for one in inner:
                text = "  ".join(map(_shown, one.values())) if isinstance(one, dict) else _shown(one)
                lines.append("  " * (indent + 1) + text)
        else:
            lines.append("  " * indent + f"{plain(key)}: {'-' if inner in (None, {}) else _shown(inner)}")
    return lines


def within(lines: list[str], width: int | None) -> list[str]:
    """The lines in the width of the terminal. A longer one goes on below its beginning; nothing is cut."""
    found = []
    for line in lines:
        text = line.lstrip(" ")
        margin = len(line) - len(text)
        if width is None or fits(line, width):
            found.append(line)
            continue
        first, *rest = wrapped(text, max(LEAST_WIDTH, width - margin - len(FURTHER)), len(text))
        found += [" " * margin + first, *(" " * margin + FURTHER + one for one in rest)]
    return found


def _shown(value: Any) -> str:
    return {True: "yes", False: "no"}[value] if isinstance(value, bool) else plain(str(value))


def _grid(name: str, rows: dict[str, dict[str, Any]], margin: str) -> list[str]:
    """Rows with the same columns, below the names of the columns."""
    columns = list(dict.fromkeys(column for one in rows.values() for column in one))
    cells = [
        [f"{margin}{plain(name)}:", *(plain(column).replace("_", " ").upper() for column in columns)],
        *([f"{margin}  {plain(key)}", *(_shown(one.get(column, "-")) for column in columns)] for key, one in rows.items()),
    ]
    widths = [max(len(one[at]) for one in cells) for at in range(len(columns) + 1)]
    return ["  ".join(cell.ljust(wide) for cell, wide in zip(one, widths, strict=True)).rstrip() for one in cells]
