"""How a summary groups events: by which fields, in which order, and how many groups are shown."""

from typing import NamedTuple

FIELDS = ("cause", "owner", "namespace", "kind", "name", "reason", "node", "type", "severity", "source")
"""What events can be grouped by."""
DEFAULT = ("cause", "owner")
ORDERS = ("severity", "count", "events", "last")


class Grouping(NamedTuple):
    """What is asked for."""

    by: tuple[str, ...]
    order: str
    limit: int
