"""Random command lines are answered as a plain reading of all rows says: ids, order, rows, totals, coverage."""

from pathlib import Path

import pytest

from kube9_cli.selection import FILTERS
from tests.oracle import __main__ as oracle
from tests.oracle import comparison, options

DATABASES, LINES = 6, 50
"""`make test-long PART=oracle` asks more, of processes."""


def test_every_option_has_a_rule() -> None:
    assert comparison.names() == set(options.MAKERS), "the oracle must know what each option means"
    assert {one.flags[-1] for one in FILTERS} <= set(options.MAKERS)


@pytest.mark.parametrize("seed", range(DATABASES))
def test_random_command_lines(seed: int, tmp_path: Path) -> None:
    wrong = oracle.asked(comparison.case(tmp_path, seed, oracle.NOW_MS), range(LINES))
    assert not wrong, "\n".join(wrong)
