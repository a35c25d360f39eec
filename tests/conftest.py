"""Fixtures of all tiers, and which tests belong together."""

import os
import signal
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import apsw
import pytest
from hypothesis import settings
from xdist.scheduler import LoadScopeScheduling

from tests.prepared import TEMPLATE
from tests.standin import StandIn

# readline, which pytest imports, puts the size of a terminal into the environment: commands would take it for ours.
for name in ("COLUMNS", "LINES", "FORCE_COLOR"):
    os.environ.pop(name, None)
    os.unsetenv(name)

# A job in the background ignores Ctrl-C, and so would every process that a test starts.
if signal.getsignal(signal.SIGINT) is signal.SIG_IGN:
    signal.signal(signal.SIGINT, signal.default_int_handler)

# A test never asserts a time: other work on the machine must not fail it.
settings.register_profile("kube9", deadline=None, max_examples=int(os.environ.get("KUBE9_EXAMPLES", "50")))
settings.load_profile("kube9")


@pytest.fixture(autouse=True, scope="session")
def template() -> Iterator[None]:
    """Operators and stand-ins are forks of a process that has imported them."""
    TEMPLATE.used = True
    yield
    TEMPLATE.end()


@pytest.fixture(autouse=True)
def heap() -> Iterator[None]:
    """A connection of the CLI limits the memory of SQLite in its whole process: the next test begins without a limit."""
    yield
    apsw.hard_heap_limit(0)


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


FOLDER = Path(__file__).parent
TIERS = {"cluster": "plane", "node": "node"}
"""Of each folder whose tests share what is dear to start: the marker of its tests, and the group that one worker runs."""
OWN_PLANES = ("test_coverage", "test_engine", "test_fleet", "test_kills", "test_sink_engines", "test_store")
"""Modules of tests/cluster that start control planes or engines of their own: a worker of their own runs them."""
SHARED = ("test_damage", "test_extension", "test_files", "test_inconsistent", "test_installed", "test_packaging", "test_rescue")
"""Modules whose tests share a fixture that takes seconds: one worker runs each."""


FIRST = (
    *("test_installed", "test_rescue", "test_damage", "test_inconsistent", "test_trouble", "test_shutdown", "test_retention"),
    *("test_leaks", "test_every_call", "test_floods"),
)
"""Modules whose groups or tests take longest, in this order: no worker is left alone with one at the end."""
LAST = "unit"
"""The folder whose tests take milliseconds: they fill up what is left."""


def pytest_collection_modifyitems(config: pytest.Config, items: list[pytest.Item]) -> None:
    for item in items:
        tier = item.path.relative_to(FOLDER).parts[0]
        if tier in TIERS:
            item.add_marker(tier)
    if hasattr(config, "workerinput"):
        items.sort(key=lambda item: (item.path.parent.name == LAST, turn(item.path.stem)))


def turn(module: str) -> int:
    """Modules with a lower number are begun earlier."""
    return FIRST.index(module) if module in FIRST else len(FIRST)


def group(nodeid: str) -> str:
    """Tests of one group are run by one worker of xdist, in order; most are a group of their own."""
    path = Path(nodeid.partition("::")[0])
    tier = next((name for name in TIERS if name in path.parts), "")
    if path.stem in OWN_PLANES and tier:
        return "own planes"
    return TIERS[tier] if tier else path.stem if path.stem in SHARED else nodeid


class Groups(LoadScopeScheduling):
    """Groups in the order in which tests are collected. xdist's own take no effect with pytest 9.2, which keeps the ids of
    tests elsewhere.
    """

    def _split_scope(self, nodeid: str) -> str:
        return group(nodeid)


def pytest_xdist_make_scheduler(config: pytest.Config, log: Any) -> LoadScopeScheduling:
    config.option.loadscopereorder = False  # it would begin with the largest group: that is of short tests
    return Groups(config, log)
