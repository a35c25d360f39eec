"""The sink sends through an OpenTelemetry Collector, as docs/fleet.md advises and as it does not."""

import json
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from tests.engine import OTLP, Engine, Program
from tests.operator import until
from tests.sinking import Sinking, difference, newest
from tests.tools import tool

pytestmark = pytest.mark.long

QUERY = '{kube9.stream="events"}'
BUILT_BY = "make engine-tools ENGINES=collector"
WAIT_SECONDS = 200


class Collector(Program):
    """An OpenTelemetry Collector that passes on what it gets, as long as the `with` block lasts."""

    def __init__(self, folder: Path, target: str, **exporter: Any) -> None:
        """`exporter` are settings of the exporter to `target`."""
        super().__init__(folder)
        self._program = tool("otelcol", BUILT_BY)
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

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.port}/v1/logs"

    def command(self) -> list[str]:
        """How it is started."""
        return [self._program, "--config", f"file:{self.folder / 'collector.yaml'}"]

    def stop(self) -> None:
        """Does not wait for what it cannot deliver."""
        self.kill()


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
