"""Any process of the operator is killed at any moment while the API server restarts, etcd forgets, and Events come and rise."""

import contextlib
import os
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from pathlib import Path

import apsw
import pytest

from tests.cluster.plane import ControlPlane
from tests.cluster.recorder import LONG_SECONDS, agree, counts_in_database, listed
from tests.cluster.test_coverage import COMPACTION, Load, Recorder, recording
from tests.faults.world import Killer
from tests.operator import Operator, until

ROUNDS = int(os.environ.get("KUBE9_KILL_ROUNDS", "4"))
KILLS_IN_A_ROUND = 6
SEED = int(os.environ.get("KUBE9_KILL_SEED", "7"))


@pytest.fixture
def compacted(binaries: Path, tmp_path: Path) -> Iterator[ControlPlane]:
    """A control plane where versions are compacted all the time."""
    folder = tmp_path / "control-plane"
    folder.mkdir()
    with ControlPlane(folder, binaries, compaction_interval=COMPACTION) as running:
        yield running


def test_kills_while_the_api_server_restarts(compacted: ControlPlane, tmp_path: Path) -> None:
    recorder = Recorder(compacted, "kills")
    with recording(compacted, tmp_path, LOG_LEVEL="info") as operator:
        killer, load = Killer(operator, SEED), Load(compacted, recorder)
        try:
            for number in range(ROUNDS):
                due = load.written() + 20
                until(lambda due=due: load.written() >= due, "load", LONG_SECONDS)
                with ThreadPoolExecutor(1) as pool:
                    restarting = pool.submit(compacted.restart_api_server, number % 2 == 1)
                    for _ in range(KILLS_IN_A_ROUND):
                        killer.strike()
                    restarting.result()
                compacted.compact()
        finally:
            load.end()
        agree(lambda: sorted(counts_in_database(operator, recorder.namespace)), lambda: sorted(load.counts.items()))
        until(lambda: operator.health()[0] == 200, "health", LONG_SECONDS)
        assert operator.stop() == 0
        there = listed(compacted, recorder.namespace)
        assert contributors(operator, recorder.namespace) == sorted(event["count"] for event in there)
        accounting = operator.accounting()
        assert (accounting["dropped"], accounting["refused"], accounting["undecodable"]) == (0, 0, 0)
        assert operator.integrity() == "ok"
        print(f"{dict(killer.sent)}, {len(there)} Events, {accounting}")


def contributors(operator: Operator, namespace: str) -> list[int]:
    """Of each Event that is a contributor to an event of the namespace its latest count."""
    with contextlib.closing(apsw.Connection(str(operator.data / "kube9.db"), flags=apsw.SQLITE_OPEN_READONLY)) as reader:
        rows = reader.execute(
            """SELECT c.count FROM contributors c JOIN events e ON e.id = c.event JOIN words w ON w.id = e.namespace
            WHERE w.word = ? ORDER BY 1""",
            (namespace,),
        ).fetchall()
    return [row[0] for row in rows]
