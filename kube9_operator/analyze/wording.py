"""How insights name objects, times and numbers. Times are UTC."""

import time
from collections.abc import Sequence

from kube9_operator.analyze.model import Ref
from kube9_operator.analyze.times import DAY_MS, HOUR_MS, MINUTE_MS, SECOND_MS

MAX_QUOTED_CHARACTERS = 300
SAID = 3
"""Names that a sentence lists."""
UNITS = ((DAY_MS, "d", HOUR_MS, "h"), (HOUR_MS, "h", MINUTE_MS, "m"), (MINUTE_MS, "m", SECOND_MS, "s"))


def named(ref: Ref) -> str:
    """Kind and name, for a sentence: `Deployment web`."""
    return f"{ref.kind} {ref.name}" if ref.kind else ref.name


def place(ref: Ref) -> str:
    """The options of kubectl that find an object's namespace; '' for one without."""
    return f" -n {ref.namespace}" if ref.namespace else ""


def resource(ref: Ref) -> str:
    """An object as kubectl takes it: `deployment/web -n shop`."""
    return f"{ref.kind.lower()}/{ref.name}{place(ref)}"


def clock(ms: int) -> str:
    """A moment: `2026-11-30 14:02:31 UTC`."""
    return time.strftime("%Y-%m-%d %H:%M:%S UTC", time.gmtime(ms // SECOND_MS))


def moment(first_ms: int, last_ms: int) -> str:
    """When something happened that may have happened at any moment between two: `at …` or `between … and …`."""
    if first_ms == last_ms:
        return f"at {clock(first_ms)}"
    return f"between {clock(first_ms)} and {clock(last_ms)}"


def duration(ms: int) -> str:
    """A length of time in its two largest units: 42s, 5m, 6h10m, 2d4h."""
    for size, unit, smaller, below in UNITS:
        if ms >= size:
            rest = ms % size // smaller
            return f"{ms // size}{unit}" + (f"{rest}{below}" if rest else "")
    return f"{max(0, ms) // SECOND_MS}s"


def counted(number: int, noun: str) -> str:
    """`1 pod`, `3 pods`."""
    return f"{number} {noun}" + ("" if number == 1 else "s")


def listed(names: Sequence[str]) -> str:
    """Names in a sentence: `web, api and 3 others`; the first in their order."""
    names = sorted(set(names))
    if len(names) > SAID + 1:
        return f"{', '.join(names[:SAID])} and {len(names) - SAID} others"
    return f"{', '.join(names[:-1])} and {names[-1]}" if len(names) > 1 else "".join(names)


def quoted(text: str) -> str:
    """The first sentence of what somebody else says, without its full stop, cut to MAX_QUOTED_CHARACTERS."""
    first = text.strip().partition(". ")[0].rstrip(".")
    return first if len(first) <= MAX_QUOTED_CHARACTERS else f"{first[: MAX_QUOTED_CHARACTERS - 1].rstrip()}…"


def sentence(text: str) -> str:
    """The text as a sentence: with a capital letter first and one full stop at its end."""
    text = text.strip().rstrip(".")
    return f"{text[:1].upper()}{text[1:]}."
