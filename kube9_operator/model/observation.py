"""An observation: one thing seen once, on its way to the database. With the codes of event types and severities.

It knows neither Kubernetes nor SQL.
"""

import hashlib

import msgspec

EVENT_TYPES = ("cluster", "operator", "insight", "assessment", "health", "system")
SEVERITIES = ("info", "warning", "error", "critical")
CLUSTER = EVENT_TYPES.index("cluster")
INFO, WARNING, ERROR, CRITICAL = range(len(SEVERITIES))

MS_IN_HOUR = 3_600_000


class Observation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One list item or watch line that is worth recording: a contributor to a happening, as far as it is known by then."""

    kind: str
    namespace: str
    name: str
    uid: str
    key: int
    """64 bits of the happening's key besides the object: the row of the table and what it adds."""
    contributor: int
    """64 bits of the contributor's identity."""
    contributor_hour: int
    """The hour of the contributor's first time as its source gives it, since 1970: with the hash it finds the contributor."""
    contributor_name: str
    primary: bool
    from_status: bool
    count: int
    first_ms: int
    last_ms: int
    event_type: int
    severity: int
    title: str
    description: str
    metadata: str
    """A JSON object."""
    reason: str
    node: str
    text_hash: int
    """32 bits of title, description, metadata and contributor_name."""
    row: str = ""
    """The name of its row of the table, see rows.BY_NAME; '' for the operator's own."""
    redacted: int = 0
    """How many secrets were taken out of its texts."""
    api_version: str = ""
    """Of the object, as the Event gives it: its group is part of the object's identity."""


def hash64(*parts: str) -> int:
    """A signed 64-bit hash of the parts, the same in every process and release: it is kept in the database."""
    data = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big", signed=True)
