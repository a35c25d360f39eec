"""A short round of `make soak`."""

import os
from pathlib import Path

import pytest

from tests.faults.soak import soak
from tests.standin import StandIn

SEEDS = [int(seed) for seed in os.environ.get("KUBE9_KILL_SEEDS", "1").split(",")]


@pytest.mark.parametrize("seed", SEEDS, ids=lambda seed: f"seed-{seed}")
def test_any_process_is_killed_at_any_moment(tmp_path: Path, standin: StandIn, seed: int) -> None:
    print(soak(tmp_path, standin, kills=25, events=1_000, seed=seed))
