"""The sink and VictoriaLogs, killed at random while the writer works: in the end the store has what the database has."""

import time
from pathlib import Path

import pytest

from tests.engine import OTLP, Engine
from tests.operator import until
from tests.sinking import Sinking, difference, kill_at_random, newest

pytestmark = pytest.mark.cluster

QUERY = '{kube9.stream="events"}'
SECONDS, RATE = 20.0, 1_000


def test_kills_of_the_sink_and_the_store_lose_nothing(tmp_path: Path) -> None:
    with Engine(tmp_path / "engine") as engine:
        sinking = Sinking(tmp_path, f"{engine.url}{OTLP}")
        try:
            kills = kill_at_random(sinking, [engine], SECONDS, RATE, seed=int(time.time()))
            assert kills["engine"]
            local = sinking.rows()

            def is_same() -> bool:
                engine.flush()
                return not difference(local, newest(engine.query(QUERY)))

            until(is_same, f"the store to have what the database has, after {kills}", seconds=120)
        finally:
            sinking.close()
