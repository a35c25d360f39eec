"""A change of an object in few words: from what to what, and by whom. Pure.

The description of a change begins with its object and has the old and the new value in its middle, so a table that has room for
a part of it would cut the values.
"""

from __future__ import annotations

from kube9_cli.render.table import message
from kube9_cli.render.width import CUT

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

IMAGE, CONFIGURATION = "ImageChanged", "ConfigurationChanged"
"""The ends of the reasons of such changes."""
TO = "→"
FITS = 100
"""A text of so many characters fits into two lines of a terminal of 80 columns, or beside the columns of a wider one."""
SHARED = 14
"""Of a long beginning or end that the old and the new value share, the nearest characters are shown in a longer text."""


def difference(event: dict[str, Any]) -> str:
    """What changed. Of an event that is no change of an image or a configuration it is the message."""
    metadata, kind = event["metadata"], f"{event.get('object_kind', '')} {event.get('object_name', '')} changed: "
    reason, said = str(metadata.get("reason", "")), message(event)
    old, new = metadata.get("previous"), metadata.get("current")
    if reason.endswith(IMAGE) and old and new and isinstance(old, str) and isinstance(new, str):
        return _from_to("image", old, new, f" (container {metadata.get('container', '')}){_by(metadata)}")
    if not reason.endswith(CONFIGURATION):
        return said
    changed = metadata.get("changed")
    paths = changed if isinstance(changed, list) else []
    if len(paths) == 1 and isinstance(old, dict) and isinstance(new, dict) and paths[0] in old and paths[0] in new:
        return _from_to(_path(str(paths[0])), str(old[paths[0]]), str(new[paths[0]]), _by(metadata))
    return said.removeprefix(kind)


def _by(metadata: dict[str, Any]) -> str:
    by = metadata.get("changed_by")
    return f" (by {by})" if isinstance(by, str) and by else ""


def _path(path: str) -> str:
    """A path without what all paths of a pod's template begin with."""
    return path.rpartition("template.spec.")[2]


def _from_to(name: str, old: str, new: str, rest: str) -> str:
    said = f"{name} {old} {TO} {new}{rest}"
    if len(said) <= FITS:
        return said
    old, new = _differing(old, new)
    return f"{name} {old} {TO} {new}{rest}"


def _differing(old: str, new: str) -> tuple[str, str]:
    """Both values, without most of what they share at their beginnings and ends."""
    most = min(len(old), len(new))
    first = next((at for at in range(most) if old[at] != new[at]), most)
    last = next((at for at in range(most - first) if old[-1 - at] != new[-1 - at]), most - first)
    before = first - SHARED if first > SHARED + 1 else 0
    after = last - SHARED if last > SHARED + 1 else 0
    old, new = (f"{CUT * (before > 0)}{one[before : len(one) - after]}{CUT * (after > 0)}" for one in (old, new))
    return old, new
