"""How a summary groups events: by which fields, in which order, and how many groups are shown."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import NamedTuple
else:
    from kube9_cli.named_tuple import NamedTuple

FIELDS = ("cause", "owner", "namespace", "kind", "name", "reason", "node", "type", "severity", "source", "cluster")
"""What events can be grouped by; by cluster only those of a store."""
DEFAULT = ("cause", "owner")
ORDERS = ("severity", "count", "events", "last")


class Grouping(NamedTuple):
    """What is asked for."""

    by: tuple[str, ...]
    order: str
    limit: int
