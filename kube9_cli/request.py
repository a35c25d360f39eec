"""Asks the operator for an assessment, over its socket, and waits until it has ended. kube9_schema.requests says how."""

from __future__ import annotations

import socket
import time

from kube9_cli import json_text
from kube9_cli.errors import QueryError
from kube9_cli.streams import reader_is_gone
from kube9_schema.requests import INVALID, MAX_MESSAGE_BYTES, RUNNING, socket_path

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Callable, Iterator
    from typing import Any

ANSWER_SECONDS = 10.0
"""The operator accepts or refuses a request at once."""
LOOK_SECONDS = 1.0
"""Between two looks whether somebody still waits for the answer, if the operator says nothing."""
LATER = "it goes on in the operator: kube9-cli assessments get"


class Wait:
    """How long to wait, and what to do meanwhile."""

    def __init__(
        self, seconds: float, turn: Callable[[], None], begun: Callable[[str], None], progress: Callable[[Any], None]
    ) -> None:
        """`turn` is called at least every second, `begun` with the id of the assessment, and `progress` as it goes on."""
        self.seconds, self.turn, self.begun, self.progress = seconds, turn, begun, progress


def run(database: str, asked: dict[str, Any], wait: Wait) -> str:
    """Asks for an assessment, and returns its id when it has ended. Returns '' if nobody waits for the answer any more.

    Raises QueryError if there is no operator, if it refuses, if it ends first, or if the assessment takes too long.
    """
    with _connected(database) as connection:
        until = time.monotonic() + ANSWER_SECONDS
        name = ""
        for message in _messages(connection, asked):
            wait.turn()
            if reader_is_gone():
                return ""
            if "refused" in message:
                raise _refused(str(message["refused"]), str(message.get("details")))
            if "ended" in message:
                return str(message["ended"])
            if "accepted" in message:
                name, until = str(message["accepted"]), time.monotonic() + wait.seconds
                wait.begun(name)
            if "progress" in message:
                wait.progress(message["progress"])
            if time.monotonic() > until:
                raise _late(name, wait.seconds)
    if name:
        why = f"{name} will be recorded as failed when it runs again; ask for another one then"
        raise QueryError("The operator has ended during the assessment", why, "OPERATOR_ENDED")
    raise _no_operator("it has closed the connection")


def _connected(database: str) -> socket.socket:
    """A connection to the operator that records into this file. Raises QueryError if there is none."""
    connection = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    connection.settimeout(ANSWER_SECONDS)
    path = socket_path(database)
    try:
        connection.connect(path)
    except PermissionError:
        connection.close()
        details = f"its socket {path} belongs to another user; run the command as the user of the operator"
        raise QueryError("The operator cannot be asked", details, "NOT_PERMITTED", 3) from None
    except OSError as error:
        connection.close()
        raise _no_operator(f"{path}: {error.strerror or 'it does not answer'}") from None
    connection.settimeout(LOOK_SECONDS)
    return connection


def _messages(connection: socket.socket, asked: dict[str, Any]) -> Iterator[dict[str, Any]]:
    """Sends a request, and yields the messages of the operator until it closes the connection. An empty one stands for a
    second in which it says nothing.
    """
    data = b""
    try:
        connection.sendall((json_text.encode(asked) + "\n").encode())
    except OSError:
        return
    while True:
        try:
            more = connection.recv(MAX_MESSAGE_BYTES)
        except TimeoutError:
            yield {}
            continue
        except OSError:
            return
        *lines, data = (data + more).split(b"\n")
        for line in lines:
            yield _decoded(line)
        if not more:
            return
        if len(data) > MAX_MESSAGE_BYTES:
            raise _strange()


def _decoded(line: bytes) -> dict[str, Any]:
    try:
        message = json_text.decode(line.decode())
    except (ValueError, RecursionError):
        raise _strange() from None
    if not isinstance(message, dict):
        raise _strange()
    return message


def _refused(why: str, details: str) -> QueryError:
    if why == RUNNING:
        details = f"{details}; wait until it has ended, or see what it has found: kube9-cli assessments get {details}"
        return QueryError("Another assessment is running", details, "ASSESSMENT_RUNNING")
    return QueryError("The operator refuses the request", details, "INVALID_ARGUMENT" if why == INVALID else "REFUSED")


def _late(name: str, seconds: float) -> QueryError:
    if not name:
        return QueryError("The operator does not answer", f"it has said nothing for {ANSWER_SECONDS:g} seconds", "TIMEOUT", 2)
    details = f"it has not ended within {seconds:g} seconds; {LATER} {name}"
    return QueryError("The assessment takes too long", details, "TIMEOUT", 2)


def _no_operator(why: str) -> QueryError:
    details = (
        f"{why}; run the command where the operator runs, such as in its pod. An operator that has just started can be asked "
        "once it has opened its database"
    )
    return QueryError("No operator is running on this database", details, "NO_OPERATOR")


def _strange() -> QueryError:
    return QueryError("The operator's answer cannot be read", "something else may listen on its socket", "NO_OPERATOR")
