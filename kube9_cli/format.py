"""How answers look: JSON, YAML and the table. Pure: it makes text and neither asks nor prints."""

import json
from typing import Any

COLOURS = {"info": "32", "warning": "33", "error": "31", "critical": "1;31"}
HEADINGS = ("LAST SEEN", "SEVERITY", "OBJECT", "REASON", "COUNT", "MESSAGE")
WIDE = (*HEADINGS[:-1], "NODE", "ID", "TITLE", "MESSAGE")
LEAST_MESSAGE = 12
"""Characters of the message that are kept while a reason or an object can still be cut."""
LEAST_OBJECT = 12
NAMED_SOURCES = 3


_json = json.JSONEncoder(ensure_ascii=False)
"""Made once: json.dumps makes one each time where it is not asked for its defaults."""


def as_json(value: Any) -> str:
    """JSON on one line, readable by people and programs; what a terminal would act on is escaped."""
    text = _json.encode(value)
    return text if text.isprintable() else "".join(one if one.isprintable() else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    return json.dumps(character)[1:-1]


def as_yaml(value: Any) -> str:
    """YAML in the order of the keys."""
    import yaml  # only where it is needed: 10 ms

    dumper = getattr(yaml, "CSafeDumper", yaml.SafeDumper)
    text: str = yaml.dump(value, Dumper=dumper, sort_keys=False, allow_unicode=True, width=10**9)
    return text


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
    return tuple(plain(cells[heading]) or "-" for heading in headings)


def table(rows: list[tuple[str, ...]], headings: tuple[str, ...], width: int | None, colour: bool) -> list[str]:
    """The lines of the table, no longer than `width` characters where that is given."""
    shown = [headings, *rows]
    widths = [max(len(one[column]) for one in shown) for column in range(len(headings) - 1)]
    if width is not None:
        # The message gives way first, then the reason, then the beginning of the object: its name is at its end.
        for column, least in ((3, len(headings[3])), (2, LEAST_OBJECT)):
            spare = width - sum(widths) - 2 * len(widths) - LEAST_MESSAGE
            widths[column] = max(min(widths[column], least), widths[column] + min(spare, 0))
    lines = []
    for one in shown:
        cells = [
            (_fit_end(text, most) if column == 2 else _fit(text, most)).ljust(most)
            for column, (text, most) in enumerate(zip(one, widths, strict=False))
        ]
        if colour and one[1] in COLOURS:
            cells[1] = f"\x1b[{COLOURS[one[1]]}m{cells[1]}\x1b[0m"
        rest = None if width is None else max(1, width - sum(widths) - 2 * len(widths))
        lines.append("  ".join([*cells, one[-1] if rest is None else _fit(one[-1], rest)]).rstrip())
    return lines


def sheet(value: Any, indent: int = 0) -> list[str]:
    """A nested answer as lines `name: value` for people."""
    lines = []
    for key, inner in value.items():
        if isinstance(inner, dict) and inner:
            lines += ["  " * indent + f"{plain(key)}:", *sheet(inner, indent + 1)]
        elif isinstance(inner, list):
            lines.append("  " * indent + f"{plain(key)}:")
            for one in inner:
                text = "  ".join(plain(str(part)) for part in one.values()) if isinstance(one, dict) else plain(str(one))
                lines.append("  " * (indent + 1) + text)
        else:
            lines.append("  " * indent + f"{plain(key)}: {'-' if inner in (None, {}) else plain(str(inner))}")
    return lines


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


def plain(text: str) -> str:
    """The text without what a terminal would act on: who writes Events is not who reads them."""
    return "".join(one if one.isprintable() else " " for one in text)


def covered(coverage: dict[str, Any]) -> str:
    """The coverage in one line."""
    if coverage["complete"]:
        if "from" not in coverage:
            return "complete"
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
    line = f"incomplete: {named} from {begin} to {end}: {first['reason']}"
    more = len(gaps) - len(same)
    return f"{line} (and {more} more gap{'s' if more > 1 else ''})" if more else line


def _fit(text: str, most: int) -> str:
    return text if len(text) <= most else text[: most - 1] + "…"


def _fit_end(text: str, most: int) -> str:
    return text if len(text) <= most else "…" + text[len(text) - most + 1 :]
