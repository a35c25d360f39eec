"""The entry point of kube9-cli: parse, check, open the database, answer. Modules are imported when they are needed."""

from __future__ import annotations

import os
import sys

from kube9_cli import json_text, reader, streams
from kube9_cli.arguments import UsageError
from kube9_cli.commands import Question
from kube9_cli.errors import QueryError, too_long
from kube9_cli.guard import Guard
from kube9_cli.options import errors_as_text
from kube9_cli.render.escape import in_json, plain
from kube9_cli.render.output import PATIENCE, Output

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any, NoReturn

MAX_DETAILS_CHARACTERS = 500


def main() -> NoReturn:
    """Runs kube9-cli, and ends the process."""
    end(run(sys.argv[1:], "kube9-cli"))


def end(code: int) -> NoReturn:
    """Ends the process at once: `run` has written everything.

    Python's own end would take a seventh of the time of an answer, and would try again to write what could not be written.
    """
    os._exit(code)


def run(argv: list[str], prog: str) -> int:
    """Answers a command line on the streams of this process; returns the exit code."""
    output = streams.prepare()
    if output is None:
        return _unwritten(OSError("stdout is closed"), as_text=False)
    try:
        return respond(argv, prog, output, alone=True)
    except SystemExit as ended:  # argparse has printed the help
        return int(ended.code or 0)


def respond(argv: list[str], prog: str, output: Output, alone: bool = False) -> int:
    """Answers a command line on `sys.stdout` and `sys.stderr`; returns the exit code. Changes nothing else of the process.

    `output` is what stdout writes to. If it is `alone` in the process, the guard ends the process when its time is over.
    """
    as_text = errors_as_text(argv)
    try:
        # Without arguments it prints its help on stdout, with exit code 0, as kubectl does.
        given = reader.parse(argv or ["--help"], prog)
        if given.version:
            return _say_version(prog)
        question: Question = given.check(given)
    except UsageError as error:
        wrong, code = _as_documented(argv, {"error": str(error), "details": error.details, "code": "INVALID_ARGUMENT"}, 1)
        return _fail(wrong, code, as_text and "ok" not in wrong)
    except OSError as error:
        return _unwritten(error, as_text)

    options = question.options
    output.patience_seconds = PATIENCE * options.timeout_seconds
    guard = None
    if alone:
        if options.ends_with_stdin:
            streams.end_with_stdin()
        late = too_long(options.timeout_seconds)
        described, code = _as_documented(argv, _described(late), late.exit_code)
        message = _line(described, options.errors_as_text).encode()
        guard = Guard(options.timeout_seconds, lambda: output.waited_seconds, message, code)
    code, failure = _answered(question, output, guard)
    if guard:
        guard.done()
    if not failure:
        return code
    failure, code = _as_documented(argv, failure, code)
    return _fail(failure, code, options.errors_as_text)


def _as_documented(argv: list[str], error: dict[str, Any], exit_code: int) -> tuple[dict[str, Any], int]:
    """The error and the exit code; of `argocd resource-tree` those that its clients know."""
    if argv[:2] != ["argocd", "resource-tree"]:
        return error, exit_code
    from kube9_cli.commands.argocd import failed

    return failed(error, exit_code)


def _answered(question: Question, output: Output, guard: Guard | None) -> tuple[int, dict[str, Any]]:
    """Prints the answer; returns the exit code, and the error if there is one."""
    try:
        _answer(question, output, guard)
        sys.stdout.flush()
        sys.stderr.flush()
    except QueryError as error:
        return error.exit_code, _described(error)
    except OSError as error:
        return 1, _not_written(error)
    except Exception as error:  # rows that no operator writes: a user gets one line, whatever they are
        why = f"the database may be damaged: {type(error).__name__}: {error}"[:MAX_DETAILS_CHARACTERS]
        return 1, {"error": "The database cannot be read", "details": why, "code": "DATABASE_UNUSABLE"}
    return 0, {}


def _answer(question: Question, output: Output, guard: Guard | None) -> None:
    options = question.options
    database: Database
    if options.store is not None:
        from kube9_cli.central.copy import Copy

        database = Copy(options.store, options.timeout_seconds, lambda: output.waited_seconds)
    else:
        from kube9_cli.query.connection import Database

        database = Database(options.path, options.timeout_seconds, lambda: output.waited_seconds)
    database.renewed = guard.renew if guard else database.renewed
    try:
        question.answer(database)
    finally:
        database.close()


def _say_version(prog: str) -> int:
    from importlib.metadata import version  # only where it is needed: 15 ms

    print(f"{prog.split()[0]} {version('kube9-operator')}", flush=True)
    return 0


def _described(error: QueryError) -> dict[str, Any]:
    if error.code == "NOT_FOUND":
        kind = {"ins_": "insight_id", "asm_": "run_id", "coll": "collection_id"}.get(error.details[:4], "event_id")
        return {"error": str(error), kind: error.details}
    return {"error": str(error), "details": error.details, "code": error.code}


def _unwritten(error: OSError, as_text: bool) -> int:
    return _fail(_not_written(error), 1, as_text)


def _not_written(error: OSError) -> dict[str, Any]:
    return {"error": "The answer cannot be written", "details": str(error), "code": "OUTPUT"}


def _fail(error: dict[str, Any], exit_code: int, as_text: bool) -> int:
    """Prints the error on stderr, if that can be written; returns the exit code."""
    try:
        sys.stderr.write(_line(error, as_text))
        sys.stderr.flush()
    except OSError:  # the exit code says it
        pass
    return exit_code


def _line(error: dict[str, Any], as_text: bool) -> str:
    if as_text:
        rest = " ".join(str(value) for key, value in error.items() if key in ("details", "event_id", "insight_id", "run_id"))
        text = plain(f"{error['error']}: {rest}")
        from kube9_cli import terminal  # only where they are needed
        from kube9_cli.render.width import wrapped

        width = terminal.columns(sys.stderr.isatty(), 2)
        return "\n".join([text] if width is None else wrapped(text, width, len(text))) + "\n"
    return in_json(json_text.encode(error)) + "\n"
