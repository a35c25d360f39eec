"""Why a question cannot be answered."""


class QueryError(Exception):
    """The text says what is wrong, `details` gives the value or says what to do. `code` is for programs."""

    def __init__(self, error: str, details: str, code: str = "DATABASE_UNUSABLE", exit_code: int = 1) -> None:
        super().__init__(error)
        self.details, self.code, self.exit_code = details, code, exit_code


def too_long(timeout_seconds: float) -> QueryError:
    """The query took longer than --timeout."""
    details = f"it did not end within --timeout {timeout_seconds:g} seconds; select fewer events, or raise --timeout"
    return QueryError("The query took too long", details, "TIMEOUT", 2)


def damaged(details: str) -> QueryError:
    """The database holds something that no release of the operator writes."""
    return QueryError("The database is damaged", details)
