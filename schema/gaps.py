"""Reasons of gaps that more than one program knows."""

DELETED_FOR_SIZE = (
    "deleted to keep the database within its size limit, first from the namespaces that take most, there the least severe and "
    "oldest first"
)
"""Events were deleted here. What was sent to another store before is still there."""
SINK = "sink"
"""In place of a source: events that were deleted before they were sent to another store."""
