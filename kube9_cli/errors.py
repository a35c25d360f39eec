"""What goes wrong with a question, and how it is said."""


class QueryError(Exception):
    """The question cannot be answered: `code` for programs, `exit_code` of the process, `details` for the user."""

    def __init__(self, error: str, details: str, code: str = "DATABASE_UNUSABLE", exit_code: int = 1) -> None:
        super().__init__(error)
        self.details, self.code, self.exit_code = details, code, exit_code


def too_long(timeout_seconds: float) -> QueryError:
    """It took longer than --timeout."""
    details = f"it took longer than --timeout {timeout_seconds:g}; ask for less, or allow more"
    return QueryError("The query took too long", details, "TIMEOUT", 2)


def damaged(details: str) -> QueryError:
    """The database holds what no release of the operator writes."""
    return QueryError("The database is damaged", details)
