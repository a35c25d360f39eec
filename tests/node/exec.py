"""The API's exec as the kube9 extension for VS Code uses it: a WebSocket, no shell, no terminal, no stdin."""

import json
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


def connect(node: Node, namespace: str, pod: str, *command: str) -> websocket.WebSocket:
    """Starts a command in the container `operator` of a pod."""
    asked = [("container", "operator"), ("stdout", "true"), ("stderr", "true"), *(("command", word) for word in command)]
    server, token, authority = node.plane.access()
    address = f"{server.replace('https', 'wss')}/api/v1/namespaces/{namespace}/pods/{pod}/exec?{urlencode(asked)}"
    return websocket.create_connection(
        address,
        header=[f"Authorization: Bearer {token}"],
        subprotocols=[PROTOCOL],
        sslopt={"context": ssl.create_default_context(cafile=authority)},
        timeout=TIMEOUT_SECONDS,
        http_no_proxy=["*"],
    )


def execute(node: Node, namespace: str, pod: str, *command: str) -> Answer:
    """Runs a command in the container `operator` of a pod to its end."""
    said: dict[int, bytearray] = {STDOUT: bytearray(), STDERR: bytearray(), ERROR: bytearray()}
    socket = connect(node, namespace, pod, *command)
    try:
        while True:
            message = socket.recv()
            if not message:
                break
            assert isinstance(message, bytes)
            said[message[0]] += message[1:]
    finally:
        socket.shutdown()
    status: dict[str, Any] = json.loads(said[ERROR])
    causes = status.get("details", {}).get("causes", [])
    codes = [int(one["message"]) for one in causes if one["reason"] == "ExitCode"]
    assert status["status"] == "Success" or codes, status
    return Answer(codes[0] if codes else 0, said[STDOUT].decode(), said[STDERR].decode())
