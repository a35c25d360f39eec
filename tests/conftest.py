"""Fixtures of all tiers."""

from collections.abc import Iterator

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
