"""A writer that is killed at any moment while it moves the events of an earlier release loses and doubles nothing."""

import random
import signal
import subprocess
import sys
from pathlib import Path
from unittest import mock

import apsw

from kube9_operator.write.events import mover
from kube9_schema import facts
from tests.filed import assert_filed
from tests.unit.test_mover import answers, old, upgraded

__all__ = ["old"]
MOVES = """
import sys
from unittest import mock
from kube9_operator.write.events import mover
from kube9_operator.write.sqlite import database
from tests.unit.test_mover import upgraded
with mock.patch.multiple(mover, PERIOD_EVENTS=200, MOVED_AT_ONCE=5, READ_AT_ONCE=100, EVERY=2):
    _, _, moving = upgraded(database.connect(sys.argv[1], 5.0))
    print("moving", flush=True)
    while moving.busy():
        moving.move_some()
"""
KILLS = 4


def test_a_move_that_is_killed_goes_on_where_it_was(old: apsw.Connection, tmp_path: Path) -> None:
    upgraded(old)
    before = answers(tmp_path)
    chance = random.Random(5)
    killed, left = 0, []
    for _ in range(KILLS):
        child = subprocess.Popen([sys.executable, "-c", MOVES, str(tmp_path)], stdout=subprocess.PIPE)
        assert child.stdout is not None
        assert child.stdout.readline() == b"moving\n"
        try:
            child.wait(timeout=chance.uniform(0.0, 0.1))
        except subprocess.TimeoutExpired:
            child.send_signal(signal.SIGKILL)
        killed += child.wait() == -signal.SIGKILL
        child.stdout.close()
        left.append(old.execute("SELECT count(*) FROM events WHERE series IS NULL").get)
    assert killed >= 2
    assert left == sorted(left, reverse=True)
    assert len({*left, 0}) > 2, "no kill came in the midst of the move"
    with mock.patch.multiple(mover, PERIOD_EVENTS=200, READ_AT_ONCE=100, EVERY=2):
        _, _, moving = upgraded(old)
        while moving.busy():
            moving.move_some()
    assert not old.execute("SELECT 1 FROM facts WHERE name = ?", (facts.MOVE_UNTIL,)).fetchone()
    assert answers(tmp_path) == before
    assert_filed(old)
    assert old.pragma("integrity_check") == "ok"
