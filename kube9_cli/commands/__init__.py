"""The commands, one module for each group: its parser, the check of its arguments, and what it prints."""

from collections.abc import Callable
from typing import TYPE_CHECKING

from kube9_cli.options import Options

if TYPE_CHECKING:
    from kube9_cli.query.connection import Database


class Question:
    """A checked command line."""

    # A NamedTuple with these types would cost every start 2 ms.
    def __init__(self, options: Options, answer: "Callable[[Database], None]") -> None:
        """`answer` prints the answer; it raises QueryError."""
        self.options = options
        self.answer = answer
