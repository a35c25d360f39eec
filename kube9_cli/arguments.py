"""What the commands and the parser share: wrong arguments, and examples."""

Examples = tuple[tuple[str, str], ...]
"""What an example answers, and its arguments after the name of the command."""


class UsageError(Exception):
    """A wrong argument: the text says what is wrong, with the value; `details` says what is allowed, or what to do."""

    def __init__(self, error: str, details: str) -> None:
        super().__init__(error)
        self.details = details
