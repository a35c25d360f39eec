"""Fixtures of all tiers."""

from collections.abc import Iterator
from pathlib import Path

import hypothesis
import pytest
from hypothesis import settings

from tests.standin import StandIn

settings.register_profile("kube9", deadline=None)  # a test never asserts a time
settings.load_profile("kube9")


@pytest.fixture
def standin() -> Iterator[StandIn]:
    with StandIn() as server:
        yield server


def pytest_configure() -> None:
    """A test never asserts a time: other work on the machine must not fail it."""
    hypothesis.settings.register_profile("timeless", deadline=None)
    hypothesis.settings.load_profile("timeless")


FOLDER = Path(__file__).parent
TIERS = {"cluster": "plane", "node": "node"}
"""Of each folder whose tests share what is dear to start: the marker, and the group that one worker of xdist runs."""


def pytest_collection_modifyitems(items: list[pytest.Item]) -> None:
    for item in items:
        tier = item.path.relative_to(FOLDER).parts[0]
        if tier in TIERS:
            item.add_marker(getattr(pytest.mark, tier))
            if item.get_closest_marker("xdist_group") is None:
                item.add_marker(pytest.mark.xdist_group(TIERS[tier]))
