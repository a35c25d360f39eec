"""The log of every process: lines on stderr, as JSON, or easier to read on a terminal."""

import logging
import sys
import threading
import traceback
import types
from typing import Any

import structlog

from kube9_operator.text import redact
from kube9_schema.plain import plain

Logger = structlog.typing.FilteringBoundLogger

MAX_ERROR_CHARACTERS = 500
MAX_TRACEBACK_CHARACTERS = 10_000
logging.getLogger().addHandler(logging.NullHandler())  # libraries must not print to stderr, not even while they are imported
READ_AGAIN = "read again from the API server at the next start"


def configure(level: str, process: str) -> None:
    """Sets up the log of this process. Each line has the key `process`."""
    terminal = sys.stderr.isatty()

    def add_process(_logger: Any, _method: str, line: Any) -> Any:
        line["process"] = process
        return line

    sys.excepthook = _unexpected
    threading.excepthook = lambda found: _unexpected(found.exc_type, found.exc_value, found.exc_traceback)
    # Without a handler, Python would print what libraries log.
    logging.getLogger().handlers = [_OfLibraries()]
    structlog.configure(
        processors=[
            add_process,
            _without_secrets,
            structlog.processors.add_log_level,
            structlog.processors.TimeStamper(fmt="iso", utc=True),
            *(_for_a_terminal() if terminal else [structlog.processors.JSONRenderer()]),
        ],
        wrapper_class=structlog.make_filtering_bound_logger(logging.getLevelName(level.upper())),
        # One write for each line, so that lines of several processes do not mix.
        logger_factory=structlog.WriteLoggerFactory(sys.stderr),
        cache_logger_on_first_use=True,
    )


class _OfLibraries(logging.Handler):
    """Logs messages of libraries at level debug, without secrets."""

    def emit(self, record: logging.LogRecord) -> None:
        text, _ = redact.text(" ".join(str(record.msg).split()), MAX_ERROR_CHARACTERS)
        get().debug("library.message", library=record.name, text=text[:MAX_ERROR_CHARACTERS])


def _unexpected(kind: type[BaseException], error: BaseException | None, trace: types.TracebackType | None) -> None:
    """Logs an exception that ends a thread or the process. Python would print its traceback, with secrets."""
    get().critical("exception.uncaught", error=one_line(error or kind()), exc_info=(kind, error, trace))


def _without_secrets(_logger: Any, _method: str, line: Any) -> Any:
    """Turns a traceback into text without secrets: an error may contain a header of a request."""
    info = line.pop("exc_info", None)
    info = sys.exc_info() if info is True else info
    if info and info[0] is not None:
        text, _ = redact.text("".join(traceback.format_exception(*info)), MAX_TRACEBACK_CHARACTERS)
        line["exception"] = text[:MAX_TRACEBACK_CHARACTERS]
    return line


def _for_a_terminal() -> list[Any]:
    """Returns the last processors for a terminal, which escape control characters. JSON escapes them anyway."""

    def show_plainly(_logger: Any, _method: str, line: Any) -> Any:
        return {plain(str(key)): _shown(key, value) for key, value in line.items()}

    renderer = structlog.dev.ConsoleRenderer(exception_formatter=structlog.dev.plain_traceback)
    return [structlog.processors.format_exc_info, show_plainly, renderer]


def _shown(key: str, value: Any) -> Any:
    if key == "exception":
        # Indented, so that no text looks like a line of the log.
        return "\n".join(f"  {plain(line)}" for line in str(value).split("\n"))
    if value is None or isinstance(value, int | float):
        return value
    return plain(value if isinstance(value, str) else repr(value))


def get() -> Logger:
    """Returns the logger of this process."""
    logger: Logger = structlog.get_logger()
    return logger


def one_line(error: BaseException) -> str:
    """Returns an error as one line: its type and its text without secrets, at most 500 characters."""
    text, _ = redact.text(" ".join(str(error).split()), MAX_ERROR_CHARACTERS)
    return f"{type(error).__name__}: {text}"[:MAX_ERROR_CHARACTERS] if text else type(error).__name__
