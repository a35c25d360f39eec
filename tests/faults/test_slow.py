"""A slow disk: the writer works on, health says that it lags, and one that hangs is still found."""

from pathlib import Path

import pytest

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.write import pace
from tests import operator as started
from tests.faults import slow
from tests.faults.test_trouble import all_held
from tests.operator import Operator, until
from tests.standin import StandIn, warning

START = f"""
import sys
sys.path.insert(0, {str(Path(__file__).parent.parent.parent)!r})
from kube9_operator.supervise import process
role = process.Role
process.Role = lambda name, target, *more, **named: role(
    name, {slow.TARGET!r} if name == "writer" else target, *(more or (named.pop("arguments"),)), **named
)
{started.START}
"""


def test_a_slow_disk_is_no_writer_that_hangs(tmp_path: Path, standin: StandIn, monkeypatch: pytest.MonkeyPatch) -> None:
    """A commit here takes several times as long as a child may be silent."""
    disk = tmp_path / "disk"
    disk.write_text("0", encoding="ascii")
    monkeypatch.setattr(started, "START", START)
    deadlines = {"hang": 1.5, "confirmation": 60.0, "patience": 60.0, "compare": 600.0}
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), deadlines, **{slow.PACE: str(disk)})
    standin.write(warning("before", "BackOff", "again"))
    with operator:
        until(lambda: operator.events(), "the list")
        disk.write_text("0.02", encoding="ascii")
        standin.write(*(warning(f"pod-{number}", "BackOff", "again") for number in range(800)))

        def lags() -> bool:
            code, document = operator.health()
            return code == 503 and any("the disk is slow: a commit has been under way" in one for one in document["reasons"])

        until(lags, "health to say so")
        until(lambda: all_held(operator, standin), "all of it", seconds=120)
        assert "hangs" not in operator.log_text()
        assert "workers.restarting" not in operator.log_text()
        disk.write_text("3600", encoding="ascii")
        standin.write(warning("later", "BackOff", "again"))
        until(lambda: "writer hangs in phase" in operator.log_text(), "one that hangs to be found")
        disk.write_text("0", encoding="ascii")
        until(lambda: all_held(operator, standin), "all of it")
        until(lambda: operator.health()[0] == 200, "health", seconds=90)
        assert operator.stop() == 0
    assert operator.integrity() == "ok"


def test_batches_become_smaller_and_larger_again(monkeypatch: pytest.MonkeyPatch) -> None:
    now = [100.0]
    monkeypatch.setattr(pace.time, "monotonic", lambda: now[0])
    of_writer = pace.Pace(Deadlines())

    def commit(seconds: float) -> int:
        with of_writer.commit():
            now[0] += seconds
        return of_writer.most

    sizes = [commit(4.0) for _ in range(8)]
    assert sizes == sorted(sizes, reverse=True)
    assert (sizes[0], sizes[-1]) == (pace.MAX_BATCH // 2, pace.LEAST_BATCH)
    assert of_writer.slow() == "", "no slower than batches should be"
    commit(20.0)
    assert of_writer.slow() == "the disk is slow: a commit took 20 s"
    sizes = [commit(0.1) for _ in range(20)]
    assert sizes == sorted(sizes)
    assert sizes[-1] == pace.MAX_BATCH
    assert of_writer.slow() == ""
