"""The sink and VictoriaLogs, killed at random while the writer works: in the end the store has what the database has.

`make test-long PART=store` does it at twice the rate for three times as long, and with nodes of a cluster.
"""

import os
import time
from pathlib import Path

import pytest

from tests.engine import OTLP, Engine, engine_cluster
from tests.operator import until
from tests.sinking import Sinking, difference, kill_at_random, newest

pytestmark = pytest.mark.cluster

QUERY = '{kube9.stream="events"}'
SECONDS = float(os.environ.get("KUBE9_STORE_KILL_SECONDS", "20"))
RATE = int(os.environ.get("KUBE9_STORE_KILL_RATE", "1000"))
WAIT_SECONDS = 300


def test_kills_of_the_sink_and_the_store_lose_nothing(tmp_path: Path) -> None:
    with Engine(tmp_path / "engine") as engine:
        sinking = Sinking(tmp_path, f"{engine.url}{OTLP}")
        try:
            kills = kill_at_random(sinking, {"engine": engine}, SECONDS, RATE, seed=int(time.time()))
            assert kills["engine"]
            local = sinking.rows()

            def is_same() -> bool:
                engine.flush()
                return not difference(local, newest(engine.query(QUERY)))

            until(is_same, f"the store to have what the database has, after {kills}", WAIT_SECONDS)
        finally:
            sinking.close()
    print(f"{sinking.written:,} changes of {len(local):,} events; killed: {kills}")


@pytest.mark.long
def test_kills_of_nodes_that_the_sink_does_not_see_lose_nothing(tmp_path: Path) -> None:
    """What a storage node has accepted and not written is lost without a sign. Reading back finds it."""
    with engine_cluster(tmp_path) as nodes:
        engines = {"insert": nodes.insert, "storage a": nodes.storage[0], "storage b": nodes.storage[1], "select": nodes.select}
        sinking = Sinking(tmp_path, f"{nodes.insert.url}{OTLP}", nodes.select.url)
        try:
            kills = kill_at_random(sinking, engines, SECONDS, RATE, seed=int(time.time()))
            assert kills["storage a"] + kills["storage b"], kills
            local = sinking.rows()
            last_ms = sinking.connection.execute("SELECT max(last_ms) FROM events").get

            def is_read_back() -> bool:
                sinking.keep_alive()
                position = sinking.position()
                return position is not None and position.verified_ms > last_ms

            until(is_read_back, f"the sink to have read everything back, after {kills}", WAIT_SECONDS)
            nodes.flush()
            wrong = difference(local, newest(nodes.select.query(QUERY)))
            position = sinking.position()
            assert not wrong, (kills, len(wrong), wrong[:5], position)
            assert position is not None
            assert position.missing == 0
        finally:
            sinking.close()
    print(f"{sinking.written:,} changes of {len(local):,} events; killed: {kills}")
