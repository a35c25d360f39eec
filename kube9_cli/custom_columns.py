"""Columns that a user names, as kubectl takes them: NODE:.metadata.node,ID:.id."""

import re
from typing import Any, NamedTuple

from kube9_cli.arguments import invalid

STEP = re.compile(r"\.?((?:[^.,\[\]\\{}]|\\.)+)|\[(?:'([^']*)'|\"([^\"]*)\"|([0-9]{1,6}))\]")
"""One step of a path: a key, in which a backslash precedes a full stop; or a key or an index in brackets."""
ALLOWED = "it must be NAME:.FIELD[,...], such as custom-columns=ID:.id,NODE:.metadata.node"


class Column(NamedTuple):
    """A heading, and the way to its value in an event."""

    heading: str
    path: tuple[str | int, ...]

    def value(self, event: Any) -> Any:
        """The value in an event; None if it is absent."""
        for step in self.path:
            if isinstance(event, dict):
                event = event.get(str(step))
            elif isinstance(event, list) and isinstance(step, int) and step < len(event):
                event = event[step]
            else:
                return None
        return event


def parse(text: str) -> tuple[Column, ...]:
    """Columns from what follows `custom-columns=`. Raises UsageError."""
    columns = []
    for part in re.split(r",(?=[^,:]+:)", text):
        heading, colon, path = part.partition(":")
        steps = _steps(path.removeprefix("{").removesuffix("}"))
        if not (heading and heading.isprintable() and colon and steps):
            raise invalid("--format", f"custom-columns={text}", ALLOWED)
        columns.append(Column(heading, steps))
    return tuple(columns)


def _steps(path: str) -> tuple[str | int, ...]:
    """The keys and indexes of a path; none if it is not one."""
    steps: list[str | int] = []
    at = 0
    while at < len(path):
        found = STEP.match(path, at)
        if not found:
            return ()
        key, single, double, index = found.groups()
        steps.append(int(index) if index else re.sub(r"\\(.)", r"\1", key or single or double or ""))
        at = found.end()
    return tuple(steps)
