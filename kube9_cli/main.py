"""The entry point of kube9-cli: parse, check, open, ask, print. Each part is imported when it is known to be needed."""

import io
import os
import signal
import sys
import time
from collections.abc import Iterator
from typing import Any

from kube9_cli.errors import QueryError, too_long
from kube9_cli.guard import Guard
from kube9_cli.parser import FORMATS, TABLES, UsageError, get_parser
from kube9_cli.render.output import HELD_BYTES, PATIENCE, Output
from kube9_cli.render.plain import in_json, plain
from kube9_cli.selection import Request, check

MAX_DETAILS_CHARACTERS = 500
MAX_COLUMNS_DIGITS = 5
"""What is longer is no width of anything."""


def main() -> int:
    """kube9-cli; returns the exit code."""
    return run(sys.argv[1:], "kube9-cli")


def run(argv: list[str], prog: str) -> int:
    """Answers a command line on the streams of this process; returns the exit code."""
    output = _prepare_streams()
    code = _unwritten(OSError("stdout is closed"), as_text=False) if output is None else respond(argv, prog, output, alone=True)
    if code:
        # What could not be written must not be tried again at exit.
        os.dup2(os.open(os.devnull, os.O_WRONLY), 1)
    return code


def respond(argv: list[str], prog: str, output: Output, alone: bool = False) -> int:
    """Answers a command line on `sys.stdout` and `sys.stderr` as they are; `output` is what stdout writes to. Changes nothing
    else of the process. Where it is `alone` in it, the process ends when the time is over, whatever it does. Returns the exit
    code.
    """
    wants_table = _wants_table(argv)
    try:
        # Without arguments as kubectl does: the help on stdout, and exit code 0.
        given = get_parser(prog).parse_args(argv or ["--help"])
        if given.version:
            return _say_version(prog)
        if given.command == "help":
            given = get_parser(prog).parse_args([*given.topic, "--help"])
        if given.command == "events" and given.action is None:
            raise UsageError("An action is required. Must be: list, get", f"see {prog} events --help")
        request = check(given)
    except UsageError as error:
        return _fail({"error": str(error), "details": error.details, "code": "INVALID_ARGUMENT"}, 1, wants_table)
    except OSError as error:
        return _unwritten(error, wants_table)

    as_text = request.format in TABLES
    output.patience_seconds = PATIENCE * request.timeout_seconds
    guard = _guard(request, output) if alone else None
    code, failure = _answered(request, output)
    if guard:
        guard.done()
    return _fail(failure, code, as_text) if failure else code


def _guard(request: Request, output: Output) -> Guard:
    late = too_long(request.timeout_seconds)
    last_words = _line(_said(late), request.format in TABLES).encode()
    return Guard(request.timeout_seconds, lambda: output.waited_seconds, last_words, late.exit_code)


def _answered(request: Request, output: Output) -> tuple[int, dict[str, Any]]:
    """Prints the answer; returns the exit code, and the error where there is one."""
    try:
        _answer(request, output)
        sys.stdout.flush()
    except QueryError as error:
        return error.exit_code, _said(error)
    except OSError as error:
        return 1, _not_written(error)
    except Exception as error:  # rows that make no sense: whatever they are, a user gets one line
        why = f"the database may be damaged: {type(error).__name__}: {error}"[:MAX_DETAILS_CHARACTERS]
        return 1, {"error": "The answer cannot be made", "details": why, "code": "DATABASE_UNUSABLE"}
    return 0, {}


def _said(error: QueryError) -> dict[str, Any]:
    if error.code == "NOT_FOUND":
        return {"error": str(error), "event_id": error.details}
    return {"error": str(error), "details": error.details, "code": error.code}


def _prepare_streams() -> Output | None:
    """What stdout goes to, None where there is none; a reader that has gone, or Ctrl-C, ends the process quietly."""
    for number in (signal.SIGPIPE, signal.SIGINT):
        signal.signal(number, signal.SIG_DFL)
    if sys.stderr is None:
        sys.stderr = open(os.devnull, "w")  # noqa: SIM115
    sys.stderr.reconfigure(encoding="utf-8", errors="backslashreplace")  # type: ignore[union-attr]
    if sys.stdout is None:  # closed by the caller
        sys.stdout = open(os.devnull, "w")  # noqa: SIM115
        return None
    output = Output(sys.stdout.fileno())
    sys.stdout = io.TextIOWrapper(
        io.BufferedWriter(output, HELD_BYTES), encoding="utf-8", errors="replace", line_buffering=output.isatty()
    )
    return output


def _say_version(prog: str) -> int:
    from importlib.metadata import version  # only where it is needed: 15 ms

    print(f"{prog.split()[0]} {version('kube9-operator')}", flush=True)
    return 0


def _wants_table(argv: list[str]) -> bool:
    """How an error in the arguments themselves is to look: they may say it, or else who reads it."""
    asked = ""
    for before, word in zip(["", *argv], argv, strict=False):
        value = word if before in ("-o", "--format") else word.removeprefix("--format").removeprefix("-o").removeprefix("=")
        if value in FORMATS and (value != word or before in ("-o", "--format")):
            asked = value
    return asked in TABLES if asked else sys.stdout.isatty()


def _unwritten(error: OSError, as_text: bool) -> int:
    return _fail(_not_written(error), 1, as_text)


def _not_written(error: OSError) -> dict[str, Any]:
    return {"error": "The answer cannot be written", "details": str(error), "code": "OUTPUT"}


def _fail(error: dict[str, Any], exit_code: int, as_text: bool) -> int:
    """Prints the error on stderr, the only thing there; returns the exit code."""
    sys.stderr.write(_line(error, as_text))
    sys.stderr.flush()
    return exit_code


def _line(error: dict[str, Any], as_text: bool) -> str:
    if as_text:
        rest = " ".join(str(value) for key, value in error.items() if key in ("details", "event_id"))
        return plain(f"{error['error']} ({rest})") + "\n"
    import json

    return in_json(json.dumps(error, ensure_ascii=False)) + "\n"


def _answer(request: Request, output: Output) -> None:
    from kube9_cli.query import answer
    from kube9_cli.query.connection import Database
    from kube9_cli.render import format

    database = Database(request.path, request.timeout_seconds, lambda: output.waited_seconds)
    try:
        if request.command == "list":
            _list(request, database)
            return
        found = (
            answer.status(database)
            if request.command == "status"
            else answer.event_with_occurrences(database, request.event_id, request.event)
        )
    finally:
        database.close()
    if request.format in TABLES:
        print("\n".join(format.sheet(found)))
    elif request.format == "yaml":
        print(format.as_yaml(found), end="")
    else:
        print(format.as_json(found))


def _list(request: Request, database: Any) -> None:
    """Prints a page event by event, so that its memory is bounded and no transaction waits for whoever reads it."""
    from kube9_cli.query import answer, coverage
    from kube9_cli.query.match import match
    from kube9_cli.render import format

    matches = match(database, request.filters, request.order, request.limit, request.offset)
    covered = coverage.covered(database, request.filters, request.path)
    events = answer.events(database, matches.ids)
    if request.format in TABLES:
        _print_table(events, covered, matches.total, wide=request.format == "wide")
        return
    as_json = request.format == "json"
    returned = 0
    print('{"events": [' if as_json else "events:" if matches.ids else "events: []", end="")
    for event in events:
        before = ",\n" if as_json and returned else "\n" if as_json or not returned else ""
        print(before, format.as_json(event) if as_json else format.as_yaml([event]), sep="", end="")
        returned += 1
    pagination = {"total": matches.total, "limit": request.limit, "offset": request.offset, "returned": returned}
    if as_json:
        closing = f'"pagination": {format.as_json(pagination)}, "coverage": {format.as_json(covered)}'
        print("\n], " if returned else "], ", closing, "}", sep="")
    else:
        print("" if returned else "\n", format.as_yaml({"pagination": pagination, "coverage": covered}), sep="", end="")


def _width(terminal: bool) -> int | None:
    """How many columns a table may take: COLUMNS, which also says so where there is no terminal; None for any number."""
    asked = os.environ.get("COLUMNS", "")
    if asked.isascii() and asked.isdigit() and 0 < len(asked) <= MAX_COLUMNS_DIGITS and int(asked):
        return int(asked)
    # kubectl exec gives a terminal its size when it is there already: until then it has none.
    return (os.get_terminal_size().columns or 80) if terminal else None


def _print_table(events: Iterator[dict[str, Any]], covered: dict[str, Any], total: int, wide: bool) -> None:
    from kube9_cli.render import format

    terminal = sys.stdout.isatty()
    width = None if wide else _width(terminal)
    headings = format.WIDE if wide else format.headings(width)
    rows = [format.row(event, time.time(), headings) for event in events]
    if rows:
        print("\n".join(format.table(rows, headings, width, colour=terminal and not os.environ.get("NO_COLOR"))))
    sys.stdout.flush()
    shown = f"{len(rows)} of {total} events" if total else "No events"
    sys.stderr.write(plain(f"{shown}; {format.covered(covered)}") + "\n")
