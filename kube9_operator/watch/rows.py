"""The table of what is recorded and under what title: data. How an Event is recognised is here and nowhere else."""

import msgspec

from kube9_operator.frame import CLUSTER, WARNING


class Row(msgspec.Struct, frozen=True):
    """One row of the table: what an Event of this kind becomes."""

    name: str
    """Part of the happening's key, so kept in databases: never renamed."""
    event_type: int
    severity: int


OTHER = Row("other", CLUSTER, WARNING)
"""Any other Warning, and any type that is neither Normal nor Warning; what belongs together has one reason and one emitter."""


def recognise(event_type: str) -> Row | None:
    """The row of an Event, or None where it is not worth recording."""
    return None if event_type == "Normal" else OTHER
