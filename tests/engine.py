"""VictoriaLogs, which `make engine-tools` builds, on a free port of 127.0.0.1 as long as a `with` block runs.

with Engine(tmp_path) as engine:
    engine.insert(lines)
    engine.query('{kube9.stream="events"} | count()')
"""

import contextlib
import http.client
import json
import socket
import subprocess
import urllib.parse
from collections.abc import Iterable, Iterator
from pathlib import Path
from typing import Any, NamedTuple, Self

from tests.operator import until
from tests.tools import tool

NAME = "victoria-logs"
BUILT_BY = "make engine-tools"
REQUEST_SECONDS = 30.0
STOP_SECONDS = 10.0
OTLP = "/insert/opentelemetry/v1/logs"
STREAMS = ("service.name", "service.instance.id", "kube9.stream", "k8s.cluster.uid", "k8s.cluster.name", "k8s.namespace.name")
"""The resource attributes of docs/sink-records.md: the fields of a stream, as with OTLP."""


class Program:
    """A program that listens on a port of 127.0.0.1 and keeps its log in a folder, as long as the `with` block runs."""

    def __init__(self, folder: Path, port: int = 0) -> None:
        self.folder = folder
        self.port = port or free_port()
        self._running: subprocess.Popen[bytes] | None = None

    def command(self) -> list[str]:
        """How it is started."""
        raise NotImplementedError

    def answers(self) -> bool:
        """Whether it is ready, now that it listens."""
        return True

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def start(self) -> None:
        """Starts it and waits until it is ready."""
        self.folder.mkdir(parents=True, exist_ok=True)
        with (self.folder / "log").open("ab") as log:
            self._running = subprocess.Popen(self.command(), stdout=log, stderr=log)
        try:
            until(self._is_ready, f"port {self.port} to answer; the log is {self.folder / 'log'}")
        except BaseException:
            self.kill()
            raise

    def _is_ready(self) -> bool:
        assert self._running is not None
        assert self._running.poll() is None, (self.folder / "log").read_text()[-2000:]
        with contextlib.suppress(OSError), socket.create_connection(("127.0.0.1", self.port), timeout=1):
            return self.answers()
        return False

    @property
    def pid(self) -> int:
        assert self._running is not None
        return self._running.pid

    def stop(self) -> None:
        """Ends it in order."""
        if self._running is not None:
            self._running.terminate()
            try:
                self._running.wait(STOP_SECONDS)
            except subprocess.TimeoutExpired:
                self.kill()
            self._running = None

    def kill(self) -> None:
        """Ends it as a crash does."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()
            self._running = None


class Engine(Program):
    """One process of VictoriaLogs: a single node, or with its options an insert, select or storage node of a cluster.

    When it is stopped, what it has accepted is on the disk.
    """

    def __init__(self, folder: Path, *options: str, port: int = 0, scheme: str = "http", program: str = "") -> None:
        """`folder` is for its data and its log. It keeps both, so that another one can go on with the data."""
        self.program = program or tool(NAME, BUILT_BY)
        super().__init__(folder, port)
        self.options = options
        self.scheme = scheme

    @property
    def url(self) -> str:
        return f"{self.scheme}://127.0.0.1:{self.port}"

    def command(self) -> list[str]:
        """How it is started."""
        usual = ("-retentionPeriod=5y", f"-storageDataPath={self.folder / 'data'}", f"-httpListenAddr=127.0.0.1:{self.port}")
        given = {option.partition("=")[0] for option in self.options}
        return [self.program, *(one for one in usual if one.partition("=")[0] not in given), *self.options]

    def answers(self) -> bool:
        """Whether it is ready."""
        return self.scheme == "https" or self.request("GET", "/health")[0] == 200

    def request(self, method: str, path: str, body: bytes = b"", headers: dict[str, str] | None = None) -> tuple[int, bytes]:
        """Status and body of an answer, over plain HTTP."""
        connection = http.client.HTTPConnection("127.0.0.1", self.port, timeout=REQUEST_SECONDS)
        try:
            connection.request(method, path, body, headers or {})
            answer = connection.getresponse()
            return answer.status, answer.read()
        finally:
            connection.close()

    def insert(self, records: Iterable[dict[str, Any]]) -> None:
        """Stores records whose fields are named as those that OTLP makes, and makes them visible to queries."""
        arguments = urllib.parse.urlencode({"_stream_fields": ",".join(STREAMS), "_time_field": "_time", "_msg_field": "_msg"})
        body = "\n".join(json.dumps(one) for one in records).encode()
        status, said = self.request("POST", f"/insert/jsonline?{arguments}", body)
        assert status == 200, said
        self.flush()

    def flush(self) -> None:
        """Makes what was accepted visible to queries."""
        status, said = self.request("GET", "/internal/force_flush")
        assert status == 200, said

    def query(self, logsql: str) -> list[dict[str, str]]:
        """The rows that a query gives."""
        body = urllib.parse.urlencode({"query": logsql}).encode()
        headers = {"Content-Type": "application/x-www-form-urlencoded"}
        status, said = self.request("POST", "/select/logsql/query", body, headers)
        assert status == 200, said
        return [json.loads(line) for line in said.splitlines()]


class EngineCluster(NamedTuple):
    """A cluster of VictoriaLogs."""

    storage: tuple[Engine, Engine]
    insert: Engine
    select: Engine

    def flush(self) -> None:
        """Makes what was accepted visible to queries."""
        for one in self.storage:
            one.flush()


@contextlib.contextmanager
def engine_cluster(folder: Path) -> Iterator[EngineCluster]:
    """Two storage nodes, one that takes records, and one that answers."""
    with Engine(folder / "a") as one, Engine(folder / "b") as other:
        nodes = f"-storageNode=127.0.0.1:{one.port},127.0.0.1:{other.port}"
        with (
            Engine(folder / "i", nodes, "-select.disable") as insert,
            Engine(folder / "s", nodes, "-insert.disable") as select,
        ):
            yield EngineCluster((one, other), insert, select)


def free_port() -> int:
    """A port of 127.0.0.1 that was free a moment ago."""
    with socket.socket() as one:
        one.bind(("127.0.0.1", 0))
        port: int = one.getsockname()[1]
    return port
