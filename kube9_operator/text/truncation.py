"""Says in the log that metadata were too large: once for each kind of object in a process, not for each Event."""

from kube9_operator import logs
from kube9_operator.text.limits import MAX_METADATA_BYTES, TRUNCATED
from kube9_schema.plain import plain

MAX_KINDS = 100
"""Named by one process: whoever writes Events may make up kinds."""
_said: set[str] = set()


def note(kind: str, metadata: str) -> None:
    """Looks at the metadata of an observation about an object of this kind."""
    if TRUNCATED in metadata and kind not in _said and len(_said) < MAX_KINDS:
        _said.add(kind)
        logs.get().warning("metadata.truncated", kind=plain(kind), most_bytes=MAX_METADATA_BYTES)
