"""Which row of the table an Event is of. How an Event is recognised is here and nowhere else."""

from kube9_operator.rows import OTHER, Row


def recognise(event_type: str) -> Row | None:
    """The row of an Event, or None where it is not worth recording."""
    return None if event_type == "Normal" else OTHER
