"""Lines of a label and a text, which goes on below its beginning. Pure."""

from kube9_cli.render.colours import painted
from kube9_cli.render.escape import plain
from kube9_cli.render.width import wrapped

LEAST_WIDTH = 20
"""A text gets at least so many columns of the terminal."""


def field(label: str, text: str, label_width: int, width: int | None, colour: str = "") -> list[str]:
    """The lines of a text in the width of the terminal. Nothing is cut."""
    shown = plain(text)
    parts = [shown] if width is None else wrapped(shown, max(LEAST_WIDTH, width - label_width), len(shown))
    heads = [label, *([""] * (len(parts) - 1))]
    return [head.ljust(label_width) + painted(part, colour) for head, part in zip(heads, parts, strict=True)]
