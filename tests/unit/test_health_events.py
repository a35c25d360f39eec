"""Which changes of health are events."""

from typing import Any

import pytest

from kube9_operator.supervise.health_events import HealthEvents


def recorded(*statuses: str) -> list[tuple[str, str]]:
    """The changes that are recorded when health goes this way, each as the title and the description up to the reasons."""
    events, found = HealthEvents(), []
    for second, status in enumerate(statuses):
        document: dict[str, Any] = {"status": status, "reasons": [], "watches": {}}
        changes = events.changes(document, "", True, second * 1000)
        found += [(one.title, one.description.partition(":")[0]) for one in changes]
    return found


@pytest.mark.parametrize(
    ("statuses", "changes"),
    [
        (["starting", "healthy", "healthy"], []),
        (["starting", "degraded", "healthy"], ["starting to degraded", "degraded to healthy"]),
        (["starting", "unhealthy", "starting", "unhealthy"], ["starting to unhealthy"]),
        (["unhealthy", "starting", "healthy"], ["starting to unhealthy", "unhealthy to healthy"]),
        (["healthy", "unhealthy", "healthy"], ["healthy to unhealthy", "unhealthy to healthy"]),
    ],
)
def test_a_start_is_no_change_of_health(statuses: list[str], changes: list[str]) -> None:
    assert recorded(*statuses) == [
        (f"Health changed to {change.rpartition(' ')[2]}", f"Health changed from {change}") for change in changes
    ]
