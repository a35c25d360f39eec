"""The API's exec as the kube9 extension for VS Code uses it: a WebSocket, no shell, no terminal, no stdin."""

import json
import socket
import ssl
from typing import Any
from urllib.parse import urlencode

import msgspec
import websocket

from tests.node.node import Node

STDOUT, STDERR, ERROR = 1, 2, 3
"""The channel of a message is its first byte."""
PROTOCOL = "v4.channel.k8s.io"
TIMEOUT_SECONDS = 60.0


class Answer(msgspec.Struct, frozen=True):
    """What a command in a pod has said, and how it ended."""

    code: int
    stdout: str
    stderr: str


def connect(node: Node, namespace: str, pod: str, *command: str, buffer_bytes: int = 0) -> websocket.WebSocket:
    """Starts a command in the container `operator` of a pod. With a small buffer little of what it says is on its way."""
    asked = [("container", "operator"), ("stdout", "true"), ("stderr", "true"), *(("command", word) for word in command)]
    server, token, authority = node.plane.access()
    address = f"{server.replace('https', 'wss')}/api/v1/namespaces/{namespace}/pods/{pod}/exec?{urlencode(asked)}"
    return websocket.create_connection(
        address,
        header=[f"Authorization: Bearer {token}"],
        subprotocols=[PROTOCOL],
        sslopt={"context": ssl.create_default_context(cafile=authority)},
        timeout=TIMEOUT_SECONDS,
        sockopt=[(socket.SOL_SOCKET, socket.SO_RCVBUF, buffer_bytes)] if buffer_bytes else [],
        http_no_proxy=["*"],
    )


def execute(node: Node, namespace: str, pod: str, *command: str) -> Answer:
    """Runs a command in the container `operator` of a pod to its end."""
    return answered(connect(node, namespace, pod, *command))


def answered(connection: websocket.WebSocket, said_first: bytes = b"") -> Answer:
    """Reads what a command has to say to its end, after a first message that has been read."""
    said: dict[int, bytearray] = {STDOUT: bytearray(), STDERR: bytearray(), ERROR: bytearray()}
    message: str | bytes = said_first or connection.recv()
    try:
        while message:
            assert isinstance(message, bytes)
            said[message[0]] += message[1:]
            message = connection.recv()
    finally:
        connection.shutdown()
    status: dict[str, Any] = json.loads(said[ERROR])
    causes = status.get("details", {}).get("causes", [])
    codes = [int(one["message"]) for one in causes if one["reason"] == "ExitCode"]
    assert status["status"] == "Success" or codes, status
    return Answer(codes[0] if codes else 0, said[STDOUT].decode(), said[STDERR].decode())
