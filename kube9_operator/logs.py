"""How every process logs: to stderr, one line an occurrence, JSON off a terminal and pretty on one."""

import logging
import sys
from typing import Any

import structlog

from kube9_operator.text import redact

Logger = structlog.typing.FilteringBoundLogger

MAX_ERROR_CHARACTERS = 500
READ_AGAIN = "read again from the API server at the next start"


def configure(level: str, process: str) -> None:
    """Sets up structlog for this process; `process` stands in each line."""
    terminal = sys.stderr.isatty()

    def add_process(_logger: Any, _method: str, line: Any) -> Any:
        line["process"] = process
        return line

    structlog.configure(
        processors=[
            add_process,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
            if terminal
            else structlog.processors.JSONRenderer(),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        # One write a line: with two, lines of several processes run into each other.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


def get() -> Logger:
    """The logger of this process."""
    logger: Logger = structlog.get_logger()
    return logger


def one_line(error: BaseException) -> str:
    """An error as one line for a log: its type and what it says without secrets, at most 500 characters."""
    text, _ = redact.text(" ".join(str(error).split()), MAX_ERROR_CHARACTERS)
    return f"{type(error).__name__}: {text}"[:MAX_ERROR_CHARACTERS] if text else type(error).__name__
