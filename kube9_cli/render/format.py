"""How answers look: JSON, YAML and the table. Pure: it makes text and neither asks nor prints."""

import functools
import json
from typing import Any

from kube9_cli.query.kinds import SHORT_NAMES
from kube9_cli.render.plain import in_json, in_yaml, plain, whole_characters
from kube9_schema.plain import is_plain

COLOURS = {"info": "32", "warning": "33", "error": "31", "critical": "1;31"}
HEADINGS = ("LAST SEEN", "SEVERITY", "OBJECT", "REASON", "COUNT", "MESSAGE")
WIDE = (*HEADINGS[:-1], "NODE", "ID", "TITLE", "MESSAGE")
GAP = "  "
LEAST_MESSAGE = 12
"""Columns of the terminal for the message while something else can still be cut."""
LEAST = {"OBJECT": 12, "LAST SEEN": 5, "REASON": 6}
"""Of other headings what is never cut is the heading."""
LEAST_REASON = 14
"""Columns of the reason while the object can still be cut."""
GIVING_WAY = ("REASON", "COUNT")
"""Left out of a terminal that is too narrow for all, in this order: the message mostly says the reason too."""
NAMED_SOURCES = 3


_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
"""Made once: json.dumps makes one each time where it is not asked for its defaults."""


def as_json(value: Any) -> str:
    """JSON on one line, what is not plain escaped. Raises ValueError for a number that JSON does not have."""
    return in_json(_json.encode(value))


def as_yaml(value: Any) -> str:
    """YAML in the order of the keys; what is not plain is escaped."""
    import yaml  # only where it is needed: 10 ms

    return in_yaml(yaml.dump(value, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=10**9))


@functools.cache
def _dumper() -> Any:
    """Puts a string that is not plain into double quotes: only there YAML has escapes."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        """Has representers of its own."""

    def string(dumper: Any, text: str) -> Any:
        style = None if is_plain(text) else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", whole_characters(text), style=style)

    Dumper.add_representer(str, string)
    return Dumper


def row(event: dict[str, Any], now_seconds: float, headings: tuple[str, ...]) -> tuple[str, ...]:
    """An event as a row of the table, at a time in seconds since 1970."""
    from datetime import datetime  # only where it is needed: 2 ms

    about = "/".join(event.get(key, "") for key in ("object_kind", "object_namespace", "object_name") if event.get(key))
    cells = {
        "LAST SEEN": age(now_seconds - datetime.fromisoformat(event["last_seen_at"]).timestamp()),
        "SEVERITY": event["severity"],
        "OBJECT": about,
        "REASON": event["metadata"]["reason"],
        "COUNT": str(event["count"]),
        "NODE": str(event["metadata"].get("node", "")),
        "ID": event["id"],
        "TITLE": event.get("title", ""),
        "MESSAGE": event.get("description", event.get("title", "")),
    }
    return tuple(plain(str(cells[heading])) or "-" for heading in headings)


def headings(width: int | None) -> tuple[str, ...]:
    """Those that have room beside each other in so many columns of a terminal."""
    shown: tuple[str, ...] = HEADINGS
    for heading in GIVING_WAY:
        least = sum(LEAST.get(one, len(one)) + len(GAP) for one in shown[:-1]) + LEAST_MESSAGE
        if width is not None and width < least:
            shown = tuple(one for one in shown if one != heading)
    return shown


def table(rows: list[tuple[str, ...]], headings: tuple[str, ...], width: int | None, colour: bool) -> list[str]:
    """The lines of the table, no longer than `width` columns of the terminal where that is given."""
    shown = [headings, *rows]
    widths = [max(columns(one[column]) for one in shown) for column in range(len(headings) - 1)]
    if width is not None and sum(widths) + len(GAP) * len(widths) + LEAST_MESSAGE > width and "OBJECT" in headings:
        at = headings.index("OBJECT")
        shown = [headings, *((*one[:at], short(one[at]), *one[at + 1 :]) for one in rows)]
        widths[at] = max(columns(one[at]) for one in shown)
    if width is not None:
        # The message gives way first, then the reason, then the beginning of the object: its name is at its end.
        steps = (
            ("REASON", LEAST_REASON),
            ("OBJECT", LEAST["OBJECT"]),
            ("REASON", LEAST["REASON"]),
            ("LAST SEEN", LEAST["LAST SEEN"]),
        )
        for heading, least in (one for one in steps if one[0] in headings):
            column = headings.index(heading)
            spare = width - sum(widths) - len(GAP) * len(widths) - LEAST_MESSAGE
            widths[column] = max(min(widths[column], least), widths[column] + min(spare, 0))
    if widths[0] < len(headings[0]):
        shown[0] = ("SEEN", *headings[1:])
    rest = None if width is None else width - sum(widths) - len(GAP) * len(widths)
    return [_line(one, headings, widths, rest, colour) for one in shown]


def short(about: str) -> str:
    """An object with the short name of its kind."""
    kind, slash, rest = about.partition("/")
    return SHORT_NAMES.get(kind, kind) + slash + rest


def _line(cells: tuple[str, ...], headings: tuple[str, ...], widths: list[int], rest: int | None, colour: bool) -> str:
    """A row, with `rest` columns for its last cell; None for as many as it takes."""
    made = []
    for heading, text, most in zip(headings, cells, widths, strict=False):
        fitting = _fit_end(text, most) if heading == "OBJECT" else _fit(text, most)
        padded = fitting + " " * (most - columns(fitting))
        made.append(f"\x1b[{COLOURS[text]}m{padded}\x1b[0m" if colour and heading == "SEVERITY" and text in COLOURS else padded)
    return GAP.join([*made, cells[-1] if rest is None else _fit(cells[-1], rest)]).rstrip()


def columns(text: str) -> int:
    """How many columns of a terminal it takes: two for a character of East Asia or a picture, none for an accent."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    import unicodedata  # only where it is needed

    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def sheet(value: Any, indent: int = 0) -> list[str]:
    """A nested answer as lines `name: value` for people; what is of many the same is a table."""
    lines = []
    for key, inner in value.items():
        if isinstance(inner, dict) and inner and all(isinstance(one, dict) and one for one in inner.values()):
            lines += _grid(key, inner, "  " * indent)
        elif isinstance(inner, dict) and inner:
            lines += ["  " * indent + f"{plain(key)}:", *sheet(inner, indent + 1)]
        elif isinstance(inner, list):
            lines.append("  " * indent + f"{plain(key)}:")
            for one in inner:
                text = "  ".join(plain(str(part)) for part in one.values()) if isinstance(one, dict) else plain(str(one))
                lines.append("  " * (indent + 1) + text)
        else:
            lines.append("  " * indent + f"{plain(key)}: {'-' if inner in (None, {}) else plain(str(inner))}")
    return lines


def _grid(name: str, rows: dict[str, dict[str, Any]], margin: str) -> list[str]:
    """Rows of the same columns, under the names of these."""
    columns = list(dict.fromkeys(column for one in rows.values() for column in one))
    cells = [
        [f"{margin}{plain(name)}:", *(plain(column).replace("_", " ").upper() for column in columns)],
        *([f"{margin}  {plain(key)}", *(plain(str(one.get(column, "-"))) for column in columns)] for key, one in rows.items()),
    ]
    widths = [max(len(one[at]) for one in cells) for at in range(len(columns) + 1)]
    return ["  ".join(cell.ljust(wide) for cell, wide in zip(one, widths, strict=True)).rstrip() for one in cells]


def age(ago_seconds: float) -> str:
    """How long ago, as kubectl says it: 45s, 12m, 3h20m, 5d4h."""
    seconds = max(0, int(ago_seconds))
    if seconds < 120:
        return f"{seconds}s"
    minutes = seconds // 60
    if minutes < 120:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 48:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    return f"{hours // 24}d{hours % 24}h" if hours % 24 else f"{hours // 24}d"


def covered(coverage: dict[str, Any]) -> str:
    """The coverage in one line."""
    if coverage["complete"]:
        if "from" not in coverage:
            return "no gap is known; not all watches have been proved yet"
        return f"complete from {coverage['from']} to {coverage['until']}"
    if not coverage["gaps"]:
        return f"incomplete: {', '.join(coverage['unavailable'])} cannot be watched"
    gaps = coverage["gaps"]
    first = gaps[0]
    # One outage befalls many sources: it is said once.
    same = [
        one for one in gaps if one["reason"] == first["reason"] and one["from"] <= first["to"] and first["from"] <= one["to"]
    ]
    begin, end = min(one["from"] for one in same), max(one["to"] for one in same)
    names = sorted({one["source"] for one in same}, key=lambda name: (name != "events", name))
    named = ", ".join(names[:NAMED_SOURCES]) + (f" and {len(names) - NAMED_SOURCES} more" if len(names) > NAMED_SOURCES else "")
    since = "" if begin.startswith("1970-01-01T00:00:00") else f"from {begin} "  # from ever
    line = f"incomplete: {named} {since}to {end}: {first['reason']}"
    more = len(gaps) - len(same)
    return f"{line} (and {more} more gap{'s' if more > 1 else ''})" if more else line


def _fit(text: str, most: int) -> str:
    # Looks no further than there is room: a message may be long, and a page has a thousand.
    return text if len(_beginning(text, most)) == len(text) else _beginning(text, most - 1) + "…" * (most > 0)


def _fit_end(text: str, most: int) -> str:
    return _fit(text[::-1], most)[::-1]


def _beginning(text: str, most: int) -> str:
    """As much as has room in so many columns."""
    if text.isascii():
        return text[: max(0, most)]
    room = most
    for at, character in enumerate(text):
        room -= _columns(character)
        if room < 0:
            return text[:at]
    return text
