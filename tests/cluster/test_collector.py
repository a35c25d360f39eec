"""The sink sends through an OpenTelemetry Collector, as docs/fleet.md advises and as it does not."""

import json
import socket
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any, Self

import pytest

from tests.engine import OTLP, Engine, free_port
from tests.operator import until
from tests.sinking import Sinking, difference, newest
from tests.tools import tool

pytestmark = pytest.mark.long

QUERY = '{kube9.stream="events"}'
BUILT_BY = "make engine-tools ENGINES=collector"
WAIT_SECONDS = 200


class Collector:
    """An OpenTelemetry Collector that passes on what it gets, as long as the `with` block lasts."""

    def __init__(self, folder: Path, target: str, **exporter: Any) -> None:
        """`exporter` are settings of the exporter to `target`."""
        self.port, self._folder, self._program = free_port(), folder, tool("otelcol", BUILT_BY)
        configuration = {
            "receivers": {"otlp": {"protocols": {"http": {"endpoint": f"127.0.0.1:{self.port}"}}}},
            "exporters": {"otlphttp": {"logs_endpoint": target, **exporter}},
            "service": {
                "telemetry": {"metrics": {"level": "none"}},
                "pipelines": {"logs": {"receivers": ["otlp"], "exporters": ["otlphttp"]}},
            },
        }
        folder.mkdir()
        (folder / "collector.yaml").write_text(json.dumps(configuration), encoding="utf-8")
        self._running: subprocess.Popen[bytes] | None = None

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/logs"

    def __enter__(self) -> Self:
        self.start()
        return self

    def __exit__(self, *_: object) -> None:
        self.kill()

    def start(self) -> None:
        """Starts it and waits until it listens."""
        with (self._folder / "log").open("ab") as log:
            command = [self._program, "--config", f"file:{self._folder / 'collector.yaml'}"]
            self._running = subprocess.Popen(command, stdout=log, stderr=log)
        until(self._listens, "the collector to listen")

    def _listens(self) -> bool:
        assert self._running is not None
        assert self._running.poll() is None, (self._folder / "log").read_text()[-2000:]
        with socket.socket() as one:
            return one.connect_ex(("127.0.0.1", self.port)) == 0

    def kill(self) -> None:
        """Ends it as a crash does."""
        if self._running is not None:
            self._running.kill()
            self._running.wait()
            self._running = None


@pytest.fixture
def engine(tmp_path: Path) -> Iterator[Engine]:
    with Engine(tmp_path / "engine") as running:
        yield running


def agrees(sinking: Sinking, engine: Engine) -> bool:
    sinking.keep_alive()
    engine.flush()
    return not difference(sinking.rows(), newest(engine.query(QUERY)))


def test_without_a_queue_what_fails_behind_the_collector_reaches_the_sink(tmp_path: Path, engine: Engine) -> None:
    off = {"sending_queue": {"enabled": False}, "retry_on_failure": {"enabled": False}}
    with Collector(tmp_path / "collector", f"{engine.url}{OTLP}", **off) as collector:
        sinking = Sinking(tmp_path, collector.url, objects=300)
        try:
            sinking.write(500)
            until(lambda: agrees(sinking, engine), "all records to be there", WAIT_SECONDS)
            engine.stop()
            sinking.write(500)
            time.sleep(2)
            collector.kill()
            collector.start()
            engine.start()
            until(lambda: agrees(sinking, engine), "what failed to be sent again", WAIT_SECONDS)
        finally:
            sinking.close()


def test_what_a_queue_in_memory_loses_is_found_by_reading_back(tmp_path: Path, engine: Engine) -> None:
    slow = {"sending_queue": {"queue_size": 10_000}, "retry_on_failure": {"initial_interval": "60s", "max_interval": "60s"}}
    with Collector(tmp_path / "collector", f"{engine.url}{OTLP}", **slow) as collector:
        sinking = Sinking(tmp_path, collector.url, engine.url, objects=300)
        try:
            engine.stop()  # the collector accepts all the same
            sinking.write(500)

            def is_settled() -> bool:
                sinking.keep_alive()
                position = sinking.position()
                return position is not None and position.until_ms > 0

            until(is_settled, "the sink to take it for settled", WAIT_SECONDS)
            collector.kill()
            collector.start()
            engine.start()
            assert not engine.query(QUERY)
            until(lambda: agrees(sinking, engine), "what was lost to be found and sent again", WAIT_SECONDS)
            position = sinking.position()
            assert position is not None
            assert position.missing == 0
        finally:
            sinking.close()
