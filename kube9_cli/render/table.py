"""The table of events, as wide as the terminal. Pure."""

from typing import Any

from kube9_cli.kinds import SHORT_NAMES
from kube9_cli.render.escape import plain
from kube9_schema.api_groups import clashes, plural

COLOURS = {"info": "32", "warning": "33", "error": "31", "critical": "1;31"}
HEADINGS = ("LAST SEEN", "SEVERITY", "OBJECT", "REASON", "COUNT", "MESSAGE")
WIDE = (*HEADINGS[:-1], "NODE", "ID", "TITLE", "MESSAGE")
GAP = "  "
LEAST_MESSAGE = 12
"""The message gets at least so many columns of the terminal, as long as something else can be cut."""
LEAST = {"OBJECT": 12, "LAST SEEN": 5, "REASON": 6}
"""The least columns of these headings. The others are never cut below the heading itself."""
LEAST_REASON = 14
"""The reason gets at least so many columns, as long as the object can be cut."""
GIVING_WAY = ("REASON", "COUNT")
"""Left out in this order if the terminal is too narrow. Most messages contain the reason."""


def row(event: dict[str, Any], now_seconds: float, headings: tuple[str, ...]) -> tuple[str, ...]:
    """An event as a row of the table, at a time in seconds since 1970."""
    about = [event[key] for key in ("object_kind", "object_namespace", "object_name") if event.get(key)]
    if about and clashes(event.get("object_kind", ""), event.get("object_api_version", "")):
        about[0] = f"{plural(about[0])}.{event['object_api_version'].partition('/')[0]}"
    cells = {
        "LAST SEEN": _last_seen(event, now_seconds),
        "SEVERITY": event["severity"],
        "OBJECT": "/".join(about),
        "REASON": event["metadata"]["reason"],
        "COUNT": str(event["count"]),
        "NODE": str(event["metadata"].get("node", "")),
        "ID": event["id"],
        "TITLE": event.get("title", ""),
        "MESSAGE": event.get("description", event.get("title", "")),
    }
    return tuple(plain(str(cells[heading])) or "-" for heading in headings)


def _last_seen(event: dict[str, Any], now_seconds: float) -> str:
    """How long ago it was, or between which times, if nobody knows when in a range it was."""
    from datetime import datetime  # only where it is needed: 2 ms

    keys = ("last_seen_at", "first_seen_at") if "noticed_at" in event["metadata"] else ("last_seen_at",)
    return "..".join(age(now_seconds - datetime.fromisoformat(event[key]).timestamp()) for key in keys)


def headings(width: int | None) -> tuple[str, ...]:
    """The headings that fit into so many columns of a terminal."""
    shown: tuple[str, ...] = HEADINGS
    for heading in GIVING_WAY:
        least = sum(LEAST.get(one, len(one)) + len(GAP) for one in shown[:-1]) + LEAST_MESSAGE
        if width is not None and width < least:
            shown = tuple(one for one in shown if one != heading)
    return shown


def table(rows: list[tuple[str, ...]], headings: tuple[str, ...], width: int | None, colour: bool) -> list[str]:
    """The lines of the table, at most `width` columns long if a width is given."""
    shown = [headings, *rows]
    widths = [max(columns(one[column]) for one in shown) for column in range(len(headings) - 1)]
    if width is not None and sum(widths) + len(GAP) * len(widths) + LEAST_MESSAGE > width and "OBJECT" in headings:
        at = headings.index("OBJECT")
        shown = [headings, *((*one[:at], short(one[at]), *one[at + 1 :]) for one in rows)]
        widths[at] = max(columns(one[at]) for one in shown)
    if width is not None:
        # The message is cut first, then the reason, then the object: at its beginning, because the name is at its end.
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
    """A row with `rest` columns for its last cell, or None for no limit."""
    made = []
    for heading, text, most in zip(headings, cells, widths, strict=False):
        fitting = _fit_end(text, most) if heading == "OBJECT" else fit(text, most)
        padded = fitting + " " * (most - columns(fitting))
        made.append(f"\x1b[{COLOURS[text]}m{padded}\x1b[0m" if colour and heading == "SEVERITY" and text in COLOURS else padded)
    return GAP.join([*made, cells[-1] if rest is None else fit(cells[-1], rest)]).rstrip()


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: East Asian characters and emoji take two, accents none."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def _columns(character: str) -> int:
    import unicodedata  # only where it is needed

    if unicodedata.category(character) in ("Mn", "Me"):
        return 0
    return 2 if unicodedata.east_asian_width(character) in "WF" else 1


def age(ago_seconds: float) -> str:
    """How long ago, as kubectl shows it: 45s, 12m, 3h20m, 5d4h."""
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


def fit(text: str, most: int) -> str:
    """The text, cut at its end if it takes more columns."""
    # It looks no further than there is room, because a message may be long and a page has up to 1000.
    return text if len(_beginning(text, most)) == len(text) else _beginning(text, most - 1) + "…" * (most > 0)


def _fit_end(text: str, most: int) -> str:
    return fit(text[::-1], most)[::-1]


def _beginning(text: str, most: int) -> str:
    """As much of the text as fits into so many columns."""
    if text.isascii():
        return text[: max(0, most)]
    room = most
    for at, character in enumerate(text):
        room -= _columns(character)
        if room < 0:
            return text[:at]
    return text
