"""Credentials: what can be sent is sent, and nothing of them gets into the log, whatever a kubeconfig or a plug-in holds."""

import contextlib
import json
import os
import signal
import subprocess
import sys
import tracemalloc
from collections.abc import Callable
from pathlib import Path
from typing import Any

import pytest

from kube9_operator import logs
from kube9_operator.watch import credentials, plugin
from kube9_operator.watch.client import Client
from kube9_operator.watch.errors import ApiError, CredentialsFailed
from kube9_operator.watch.plugin import Unusable
from kube9_operator.watch.reach import Reach
from tests.operator import until

SECRET = "s3cr3t-value-of-the-token"

Write = Callable[..., Path]


@pytest.fixture
def kubeconfig(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Write:
    """Writes a kubeconfig of one user, which is the one that is used."""

    def write(user: dict[str, Any], server: str = "http://127.0.0.1:9") -> Path:
        path = tmp_path / "kubeconfig"
        made = {
            "clusters": [{"name": "c", "cluster": {"server": server}}],
            "users": [{"name": "u", "user": user}],
            "contexts": [{"name": "x", "context": {"cluster": "c", "user": "u"}}],
            "current-context": "x",
        }
        path.write_text(json.dumps(made), encoding="utf-8")
        monkeypatch.setenv("KUBECONFIG", str(path))
        return path

    return write


def script(text: str, **more: Any) -> dict[str, Any]:
    """A user whose credentials a shell script gives."""
    version = "client.authentication.k8s.io/v1"
    return {"exec": {"apiVersion": version, "command": "sh", "args": ["-c", text], "interactiveMode": "Never"} | more}


def given(status: dict[str, Any]) -> str:
    """A script that gives this status."""
    made = {"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": status}
    return f"printf %s '{json.dumps(made)}'"


def header() -> str | None:
    """What is sent."""
    found: str | None = credentials.load(10.0).get_api_key_with_prefix("BearerToken")
    return found


@pytest.mark.parametrize("around", ["\n", "\r\n", " ", "\n\n\t"])
@pytest.mark.parametrize("of", ["token", "file", "plug-in", "pod"])
def test_white_space_around_a_token_is_left_out(
    kubeconfig: Write, tmp_path: Path, monkeypatch: pytest.MonkeyPatch, around: str, of: str
) -> None:
    file = tmp_path / "token"
    file.write_text(around + SECRET + around, encoding="utf-8")
    if of == "pod":
        from kubernetes.config import incluster_config

        monkeypatch.delenv("KUBECONFIG", raising=False)
        monkeypatch.setenv("KUBERNETES_SERVICE_HOST", "127.0.0.1")
        monkeypatch.setenv("KUBERNETES_SERVICE_PORT", "9")
        monkeypatch.setattr(incluster_config, "SERVICE_TOKEN_FILENAME", str(file))
        monkeypatch.setattr(incluster_config, "SERVICE_CERT_FILENAME", str(file))
        assert header() == f"bearer {SECRET}"
        return
    token = SECRET + around
    kubeconfig({"token": {"token": token}, "file": {"tokenFile": str(file)}, "plug-in": script(given({"token": token}))}[of])
    assert header() == f"Bearer {SECRET}"


UNUSABLE = {
    "a newline within": {"token": f"{SECRET}\nX-Other: 1"},
    "not of ASCII": {"token": f"{SECRET}ü"},
    "two words": {"token": f"{SECRET} {SECRET}"},
    "nothing": {"token": " \n"},
    "a control character": {"token": f"{SECRET}\x00"},
    "no command": {"exec": {"apiVersion": "v1"}, "token-of-before": SECRET},
    "not a command": {"exec": {"apiVersion": "v1", "command": "/no/such/command", "args": [SECRET]}},
    "a plug-in that fails": script(f"echo 'cannot log in with token={SECRET}' >&2; exit 3"),
    "no JSON": script(f"echo {SECRET}"),
    "deep JSON": script("head -c 100000 /dev/zero | tr '\\0' '['"),
    "an empty status": script(given({})),
    "a certificate without a key": script(given({"clientCertificateData": SECRET})),
    "a number": script(given({"token": 7})),
    "a map": {"token": {"a": SECRET}},
}


@pytest.mark.parametrize("user", UNUSABLE.values(), ids=list(UNUSABLE))
def test_what_is_unusable_is_said_without_the_secret(kubeconfig: Write, user: dict[str, Any]) -> None:
    kubeconfig(user)
    client = Client(0.1, Reach(), 10.0)
    for _ in range(2):
        with pytest.raises(ApiError, match="no usable credentials in KUBECONFIG=") as error:
            client.get("/version", [], 0.1)
        assert isinstance(error.value, CredentialsFailed)
        assert SECRET not in str(error.value)
        assert SECRET not in logs.one_line(error.value)


def test_what_a_plug_in_says_of_errors_is_told_without_secrets(kubeconfig: Write) -> None:
    kubeconfig(script(f"echo 'the session has expired, token={SECRET}' >&2; exit 3"))
    with pytest.raises(ApiError, match=r"the plug-in sh ended with 3: the session has expired, token=\[REDACTED\]"):
        Client(0.1, Reach(), 10.0).get("/version", [], 0.1)


@pytest.mark.parametrize("server", ["https://admin:pa55w0rd@127.0.0.1:6443/k", "https://127.0.0.1:6443/k?token=pa55w0rd"])
def test_the_address_is_without_a_password(kubeconfig: Write, server: str) -> None:
    kubeconfig({"token": SECRET}, server)
    chosen = credentials.load(1.0)
    for _ in range(2):
        assert chosen.host == "https://127.0.0.1:6443/k"
        assert chosen.get_api_key_with_prefix("BearerToken") == f"Bearer {SECRET}", "which sets the address again"


@pytest.mark.parametrize("server", ["https://[::1", "https://a:pa55w0rd@b:port"])
def test_an_address_that_is_none_is_not_told(kubeconfig: Write, server: str) -> None:
    kubeconfig({"token": SECRET}, server)
    with pytest.raises(ApiError, match="the address of the server is not a URL") as error:
        Client(0.1, Reach(), 1.0).get("/version", [], 0.1)
    assert "pa55w0rd" not in str(error.value)


def is_gone(path: Path) -> bool:
    """Whether the process is whose number is in the file."""
    with contextlib.suppress(OSError, ValueError):
        state = Path(f"/proc/{int(path.read_text())}/stat").read_text().rpartition(")")[2].split()[0]
        return state == "Z"
    return path.exists()


def test_a_plug_in_that_hangs_is_ended_with_what_it_started(tmp_path: Path) -> None:
    number = tmp_path / "number"
    with pytest.raises(Unusable, match="the plug-in sh did not end in time"):
        plugin.run(["sh", "-c", f"sleep 1000 & echo $! >{number}; wait"], dict(os.environ), None, 1.0)
    until(lambda: is_gone(number), "the end of what it started")


@pytest.mark.parametrize("stream", [1, 2])
def test_a_plug_in_that_floods_is_bounded(stream: int) -> None:
    tracemalloc.start()
    try:
        with pytest.raises(Unusable, match="prints more than 1 MiB" if stream == 1 else "ended with 1: "):
            plugin.run(["sh", "-c", f"head -c 300000000 /dev/zero >&{stream}; exit 1"], dict(os.environ), None, 60.0)
        assert tracemalloc.get_traced_memory()[1] < 8 * 2**20
    finally:
        tracemalloc.stop()


def test_a_plug_in_ends_with_an_operator_that_is_killed(tmp_path: Path) -> None:
    number = tmp_path / "number"
    code = f"""
import os
from kube9_operator.watch import plugin
plugin.run(["sh", "-c", "echo $$ >{number}; exec sleep 1000"], dict(os.environ), None, 1000.0)
"""
    with subprocess.Popen([sys.executable, "-c", code]) as process:
        until(lambda: number.exists() and number.read_text(), "the plug-in")
        process.send_signal(signal.SIGKILL)
    until(lambda: is_gone(number), "its end")


def test_who_ends_ends_plug_ins() -> None:
    code = """
import os, threading, time
from kube9_operator.watch import plugin
def run():
    try:
        plugin.run(["sleep", "1000"], dict(os.environ), None, 1000.0)
    except plugin.Unusable as error:
        print(error)
thread = threading.Thread(target=run)
thread.start()
while not plugin._running:
    time.sleep(0.01)
plugin.end_all()
thread.join(30)
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=True)
    assert ended.stdout == "the plug-in sleep ended with -9: \n"


def test_no_traceback_has_a_header() -> None:
    code = f"""
import http.client, threading, sys
from kube9_operator import logs
logs.configure("debug", "test")
def send():
    http.client.HTTPConnection("127.0.0.1").putheader("Authorization", "Bearer {SECRET}\\n")
def ask():
    connection = http.client.HTTPConnection("127.0.0.1")
    connection._HTTPConnection__state = http.client._CS_REQ_STARTED
    connection.putheader("Authorization", "Bearer {SECRET}\\n")
thread = threading.Thread(target=ask)
thread.start()
thread.join()
import logging
logging.error("cannot log in with token={SECRET}")
try:
    ask()
except ValueError:
    logs.get().error("failed", exc_info=True)
ask()
"""
    ended = subprocess.run([sys.executable, "-c", code], capture_output=True, text=True, timeout=60, check=False)
    lines = [json.loads(line) for line in ended.stderr.splitlines()]
    assert [line["event"] for line in lines] == ["exception.uncaught", "library.message", "failed", "exception.uncaught"]
    assert SECRET not in ended.stderr + ended.stdout
    assert sum("Invalid header value" in line.get("exception", "") for line in lines) == 3
