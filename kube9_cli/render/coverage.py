"""The coverage of an answer in words. Pure."""

from typing import Any

NAMED_SOURCES = 3


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
