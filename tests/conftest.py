"""Fixtures of all tiers, and which tests belong together."""

import os
from collections.abc import Iterator
from pathlib import Path

import pytest
from hypothesis import settings

from tests.standin import StandIn

# readline, which pytest imports, puts the size of a terminal into the environment: commands would take it for ours.
for name in ("COLUMNS", "LINES"):
    os.environ.pop(name, None)
    os.unsetenv(name)

# A test never asserts a time: other work on the machine must not fail it.
settings.register_profile("kube9", deadline=None, max_examples=int(os.environ.get("KUBE9_EXAMPLES", "100")))
settings.load_profile("kube9")


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


FOLDER = Path(__file__).parent
TIERS = {"cluster": "plane", "node": "node"}
"""Of each folder whose tests share what is dear to start: the marker, and the group that one worker of xdist runs."""
OWN_PLANES = ("test_coverage", "test_kills")
"""Modules of tests/cluster that start control planes of their own: another worker runs them beside the shared one."""
SHARED = ("test_damage", "test_extension", "test_files", "test_installed", "test_packaging", "test_rescue")
"""Modules whose tests share a fixture that takes seconds: one worker runs each."""


@pytest.hookimpl(tryfirst=True)  # xdist reads the groups in the same hook
def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        tier = item.path.relative_to(FOLDER).parts[0]
        if tier in TIERS:
            item.add_marker(getattr(pytest.mark, tier))
            item.add_marker(pytest.mark.xdist_group("own planes" if item.path.stem in OWN_PLANES else TIERS[tier]))
        elif item.path.stem in SHARED:
            item.add_marker(pytest.mark.xdist_group(item.path.stem))
