"""Runs the real operator as a process, with deadlines that make a minute of its life take a second, and asks the real CLI."""

import http.client
import json
import os
import signal
import sqlite3
import subprocess
import sys
import time
from collections.abc import Callable
from pathlib import Path
from typing import Any

from prometheus_client.parser import text_string_to_metric_families

from kube9_cli.query.status import OUTCOMES
from tests.cli import run_cli
from tests.prepared import TEMPLATE, Started

FAST = {
    "beat": 0.25,
    "hang": 10.0,
    "lock_wait": 1.0,
    "restart_first": 0.05,
    "restart_most": 0.5,
    "watch_least": 1,
    "watch_most": 2,
    "watch_silence": 1.0,
    "bookmarked_least": 2,
    "bookmarked_most": 4,
    "bookmark": 2.5,
    "empty_list": 0.1,
    "empty_watch": 0.3,
    "retry_first": 0.05,
    "retry_most": 0.5,
    "denied_retry": 0.5,
    "page": 2.0,
    "confirmation": 5.0,
    "patience": 0.5,
    "absent_retry": 0.3,
    "compare": 3.0,
    "compare_patience": 1.0,
    "stop_watchers": 1.0,
    "orphan_exit": 0.5,
    "flush": 3.0,
    "busy": 1.0,
    "database_retry_most": 0.5,
}
START = """
import sys
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.main import serve
from kube9_operator.supervise import supervisor
supervisor.MAX_FRAMES_IN_QUEUE = {frames} or supervisor.MAX_FRAMES_IN_QUEUE
sys.exit(serve(Deadlines(**{deadlines!r})))
"""
OF_EVENTS = "--object-kind=Secret"
"""No watch of resources tells of these: an answer's coverage is that of Events alone."""
BIN = Path(sys.executable).parent
WAIT_SECONDS = 120.0


class Operator:
    """An operator process in `folder`, for as long as the `with` block; it may be killed and started again."""

    def __init__(self, folder: Path, kubeconfig: Path, deadlines: dict[str, Any] | None = None, **environment: str) -> None:
        self.folder = folder
        self.data = folder / "data"
        self.data.mkdir(exist_ok=True)
        self.log_path = folder / "operator.log"
        self.deadlines = FAST | (deadlines or {})
        self.environment = os.environ | {
            "DB_PATH": str(self.data),
            "KUBECONFIG": str(kubeconfig),
            "LOG_LEVEL": "debug",
            "HEALTH_PORT": "0",
            **environment,
        }
        self.frames = 0
        """How many frames may wait for the writer; 0 for as many as in life."""
        self.prepared = True
        """Whether it may be a fork of a process that has imported it (tests/prepared.py), not a new Python."""
        self.process: subprocess.Popen[bytes] | Started | None = None

    def __enter__(self) -> "Operator":
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self, *prefix: str) -> None:
        """Starts it; its log goes on in the same file."""
        self._run(START.format(deadlines=self.deadlines, frames=self.frames), prefix)

    def _run(self, code: str, prefix: tuple[str, ...]) -> None:
        with self.log_path.open("ab") as log:
            if self.prepared and not prefix:
                self.process = TEMPLATE.start(code, self.environment, (0, 1, log.fileno()))
                if self.process:
                    return
            self.process = subprocess.Popen([*prefix, sys.executable, "-c", code], env=self.environment, stderr=log)

    def stop(self) -> int:
        """Stops it in order; returns its exit code. Every process of it is gone afterwards."""
        assert self.process
        children = self.children()
        if self.process.poll() is None:
            self.process.send_signal(signal.SIGTERM)
        code = self.wait()
        until(lambda: not [pid for pid in children if _alive(pid)], "the children to be gone")
        return code

    def wait(self) -> int:
        """Waits until it has ended by itself; returns its exit code."""
        assert self.process
        try:
            return self.process.wait(WAIT_SECONDS)
        except subprocess.TimeoutExpired:
            self.process.kill()
            self.process.wait()
            raise AssertionError(f"the operator did not stop; its log:\n{self.log_text()[-3000:]}") from None

    def kill(self, name: str, number: int = signal.SIGKILL) -> None:
        """Sends a signal to the process of that name ("supervisor" or as in the log), as soon as there is one."""
        assert self.process
        if name == "supervisor":
            self.process.send_signal(number)
            self.process.wait()
            return
        pid = until(lambda: self.pid(name), f"a process {name}")
        os.kill(pid, number)

    def pid(self, name: str) -> int | None:
        """The id of the living process of that name."""
        started = [line for line in self.log("process.started") if line["name"] == name]
        return next((line["pid"] for line in reversed(started) if _alive(line["pid"])), None)

    def children(self) -> list[int]:
        """The ids of all living processes below the supervisor."""
        assert self.process
        parents: dict[int, list[int]] = {}
        for entry in Path("/proc").iterdir():
            if entry.name.isdigit() and (stat := _stat(int(entry.name))):
                parents.setdefault(int(stat[1]), []).append(int(entry.name))
        found, queue = [], [self.process.pid]
        while queue:
            below = parents.get(queue.pop(), [])
            found += below
            queue += below
        return found

    def log_text(self) -> str:
        return self.log_path.read_text(encoding="utf-8", errors="replace")

    def log(self, event: str = "") -> list[dict[str, Any]]:
        """The lines of the log, or those of one event, as far as they are whole."""
        named = f'"event": "{event}"' if event else ""
        lines = (line for line in self.log_text().splitlines() if named in line)
        return [json.loads(line) for line in lines if line.startswith("{") and line.endswith("}")]

    def cli(self, *arguments: str) -> Any:
        """The decoded JSON that the CLI answers, in this process."""
        done = run_cli(self.data, *arguments)
        assert done.returncode == 0, done.stderr
        return json.loads(done.stdout)

    def command(self, *arguments: str, program: str = "kube9-cli") -> Any:
        """The decoded JSON that a real command answers."""
        done = subprocess.run([BIN / program, *arguments], env=self.environment, capture_output=True, check=False)
        assert done.returncode == 0, done.stderr.decode()
        return json.loads(done.stdout)

    def events(self, *arguments: str) -> list[dict[str, Any]]:
        """The events that `events list` answers, up to 1000, of the cluster unless a type is asked for; [] as long as there is
        no history.
        """
        if not (self.data / "kube9.db-wal").exists():
            return []
        if not any(one.startswith("--type") for one in arguments):
            arguments = ("--type=cluster", *arguments)
        done = run_cli(self.data, "events", "list", "--limit", "1000", *arguments)
        events: list[dict[str, Any]] = json.loads(done.stdout)["events"] if done.returncode == 0 else []
        return events

    def health(self, path: str = "/healthz") -> tuple[int, Any]:
        """The status and the body of an answer over HTTP."""
        asking = http.client.HTTPConnection("127.0.0.1", self.port(), timeout=WAIT_SECONDS)
        try:
            asking.request("GET", path)
            answered = asking.getresponse()
            body = answered.read()
            return answered.status, json.loads(body) if path == "/healthz" else body.decode()
        finally:
            asking.close()

    def counter(self, name: str, **labels: str) -> float:
        """A metric's value with exactly these labels."""
        found = [
            sample.value
            for family in text_string_to_metric_families(self.health("/metrics")[1])
            for sample in family.samples
            if sample.name == name and sample.labels == labels
        ]
        assert len(found) == 1, (name, labels, found)
        return float(found[0])

    def port(self) -> int:
        """Where health is served."""
        serving = until(lambda: self.log("http.listening"), "the HTTP server")
        return int(serving[-1]["port"])

    def accounting(self) -> dict[str, int]:
        """The books of Events; they balance."""
        accounting: dict[str, int] = self.cli("status")["accounting"].get("events") or dict.fromkeys(OUTCOMES, 0)
        assert accounting["received"] == sum(count for name, count in accounting.items() if name != "received"), accounting
        return accounting

    def integrity(self) -> str:
        """What SQLite says of the file; the operator must have stopped."""
        connection = sqlite3.connect(f"file:{self.data / 'kube9.db'}?mode=ro", uri=True)
        try:
            answer: str = connection.execute("PRAGMA integrity_check").fetchone()[0]
            return answer
        finally:
            connection.close()


def until(poll: Callable[[], Any], what: str, seconds: float = WAIT_SECONDS) -> Any:
    """Polls until the answer is true; returns it.

    Whoever waits leaves nine tenths of the time to those who are waited for: it may not be what holds them up.
    """
    deadline, pause = time.monotonic() + seconds, 0.02
    while True:
        began = time.monotonic()
        answer = poll()
        if answer:
            return answer
        ended = time.monotonic()
        assert ended < deadline, f"waited {seconds} s for {what}"
        time.sleep(pause + min(9 * (ended - began), 0.5))
        pause = min(1.2 * pause, 0.1)


def _stat(pid: int) -> list[str] | None:
    """State, parent and so on of a process: the fields of /proc/PID/stat after its name."""
    try:
        return Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()
    except OSError:
        return None


def _alive(pid: int) -> bool:
    stat = _stat(pid)
    return bool(stat) and stat is not None and stat[0] != "Z"
