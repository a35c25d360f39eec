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


def test_an_outage_is_as_long_as_the_watch_was_not_confirmed() -> None:
    """Not from when that was noticed, which is two minutes later."""
    events, reported = HealthEvents(), []
    for at_ms, confirmed, until in [
        (100_000, True, "1970-01-01T00:01:40.000Z"),
        (220_500, False, "1970-01-01T00:01:40.000Z"),
        (300_000, False, "1970-01-01T00:01:40.000Z"),
        (700_000, True, "1970-01-01T00:11:40.000Z"),
    ]:
        watch = {"confirmed": confirmed, "confirmed_until": until, "trouble": ""}
        document = {"status": "healthy", "reasons": [], "watches": {"events": watch}}
        reported += events.changes(document, "", True, at_ms)
    lost, restored = (one for one in reported if one.reason.startswith("Watch"))
    assert (lost.last_ms, restored.last_ms) == (220_500, 700_000)
    assert '"lost_seconds":600.0' in restored.metadata
    assert restored.description == "The Events watch works again after 600.0 s."
