"""Shortens the names in a column so that each can still be told from the others. Pure."""

from __future__ import annotations

from bisect import bisect_left
from collections import Counter

from kube9_cli.render.width import CUT, beginning, columns, cut_inside, ending

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Iterable

SHARES = ((4, True), (2, False), (3, False), (1, False), (4, False), (0, False))
"""How many fourths of the room the beginning of a name gets, in the order in which they are tried. The first is only for names
such as ip-10-0-1-17.eu-west-1.compute.internal, whose end is that of many others.
"""


LEAST_NAME, LEAST_NAMESPACE = 8, 3
"""A namespace is shortened rather than that a name has fewer columns, and is given up rather than that it has fewer itself."""


def shortened(names: Iterable[str], most: int) -> dict[str, str]:
    """What to show for each name, at most `most` columns wide.

    A name is cut in a place that is not its own: no other name has the beginning and the end that are shown. If there is no
    such place, the name shows where it differs from its neighbour in the alphabet, or has a number at its end. Of an object
    `kind/namespace/name` both slashes stay where there is room, so that what is shown can be given to `events get`.
    """
    found: dict[str, str] = {}
    long = []
    for name in dict.fromkeys(names):
        if columns(name) <= most:
            found[name] = name
        else:
            long.append(name)
    for share, only_domains in SHARES:
        if not long:
            break
        ends = {name: _ends(name, most, share) for name in (*found, *long)}
        same = Counter(ends.values())
        mine = [name for name in long if same[ends[name]] == 1 and (_is_domain(name) or not only_domains)]
        found |= {name: CUT.join(ends[name]) for name in mine}
        long = [name for name in long if name not in found]
    if long:
        everyone = sorted((*found, *long))
        for name in long:
            found[name] = _unlike(found.values(), name, _around(name, _differs(name, everyone), most), most)
    return found


def _unlike(taken: Iterable[str], name: str, shown: str, most: int) -> str:
    """What is shown for a name: with a number at its end, if another name that is shown looks the same."""
    known, number = frozenset(taken), 1
    while shown in known:
        number += 1
        shown = f"{beginning(name, most - 1 - len(str(number)))}{CUT}{number}"
    return shown


def _ends(name: str, most: int, fourths: int) -> tuple[str, ...]:
    """What is shown before and behind the cut. A name that needs no cut behind its shortened namespace is one text."""
    above, name = _above(name, most)
    most -= columns(above)
    if CUT in above and columns(name) <= most:
        return (above + name,)
    first = (most - 1) * fourths // 4
    return above + beginning(name, first), ending(name, most - 1 - first)


def _above(name: str, most: int) -> tuple[str, str]:
    """The kind and the namespace as they are shown, up to the last slash, and the name; no kind if there is no room for it."""
    above, slash, own = name.rpartition("/")
    if not slash:
        return "", name
    needed = min(LEAST_NAME, columns(own))
    if columns(above) + 1 + needed <= most:
        return f"{above}/", own
    kind, _, namespace = above.partition("/")
    room = most - columns(f"{kind}/{CUT}/") - needed
    return ("", name) if room < LEAST_NAMESPACE else (f"{kind}/{beginning(namespace, room)}{CUT}/", own)


def _is_domain(name: str) -> bool:
    return "." in name.rpartition("/")[2]


def _differs(name: str, everyone: list[str]) -> int:
    """Where a name first differs from each of the others, which are sorted."""
    at = bisect_left(everyone, name)
    return max((_common(name, other) for other in (*everyone[max(0, at - 1) : at], *everyone[at + 1 : at + 2])), default=0)


def _around(name: str, at: int, most: int) -> str:
    """The beginning of a name, what is around a place in it, and its end."""
    above, own = _above(name, most)
    if above and most - columns(above) > LEAST_NAME:
        return above + _around(own, max(0, at - len(name) + len(own)), most - columns(above))
    first = beginning(name, most // 3)
    start = max(len(first), at - most // 4)
    return first + CUT + cut_inside(name[start:], most - columns(first) - 1, most // 3)


def _common(one: str, other: str) -> int:
    """How many characters two names begin with alike."""
    at = 0
    while at < min(len(one), len(other)) and one[at] == other[at]:
        at += 1
    return at
