"""How an answer for people looks: its times, its width, its colours."""

from __future__ import annotations

import sys
import time

from kube9_cli import terminal
from kube9_cli.options import Options
from kube9_cli.render import colours
from kube9_cli.render.clock import Clock

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from kube9_cli.named_tuple import NamedTuple


class Look(NamedTuple):
    """How an answer for people looks."""

    clock: Clock
    width: int | None = None
    """The columns of the terminal; None for any number."""
    colour: bool = False
    headings: bool = True
    widths: dict[str, int] | None = None
    """Of a table that goes on: the widths of its columns so far. Whoever prints a part of it puts them here."""


def of(options: Options) -> Look:
    """What the options ask for, on the terminal of stdout."""
    on_terminal = sys.stdout.isatty()
    return Look(
        Clock(time.time(), options.zone, options.ages),
        terminal.columns(on_terminal),
        colours.wanted(options.colour, on_terminal),
        options.headings,
        options.widths,
    )
