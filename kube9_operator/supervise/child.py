"""The body of every child process: sets it up, calls its function, and reports why it failed."""

import importlib
import sys
from multiprocessing.connection import Connection
from typing import Any

from kube9_operator import interpreter, logs
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.supervise import exits
from kube9_operator.supervise.link import Link
from kube9_operator.supervise.messages import Failed, Fatal


def run(
    target: str,
    name: str,
    connection: Connection,
    deadlines: Deadlines,
    log_level: str,
    safe_path: bool,
    arguments: tuple[Any, ...],
) -> None:
    """Calls `target` ("module:function") with a Link and the arguments, then ends the process with an exit code.

    `safe_path` says whether the user has set PYTHONSAFEPATH.
    """
    interpreter.set_up_child(safe_path)
    logs.configure(log_level, name)
    link = Link(connection, deadlines)
    module, _, function = target.partition(":")
    try:
        getattr(importlib.import_module(module), function)(link, *arguments)
    except exits.CannotStart as error:
        link.send(Fatal(str(error)))
        sys.exit(exits.EXIT_FOR_GOOD)
    except ImportError as error:
        link.send(Fatal(interpreter.incomplete(error)))
        sys.exit(exits.EXIT_FOR_GOOD)
    except Exception as error:
        logs.get().error("process.failed", error=logs.one_line(error))
        link.send(Failed(logs.one_line(error)))
        logs.get().debug("process.traceback", exc_info=True)
        sys.exit(exits.EXIT_FAILED)
    finally:
        link.send(link.tally.report())
    sys.exit(exits.EXIT_DONE)
