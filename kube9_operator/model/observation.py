"""An observation: one thing seen once, on its way to the database.

It knows neither Kubernetes nor SQL.
"""

import hashlib

import msgspec

from kube9_schema.codes import CLUSTER as CLUSTER
from kube9_schema.codes import CRITICAL as CRITICAL
from kube9_schema.codes import ERROR as ERROR
from kube9_schema.codes import EVENT_TYPES as EVENT_TYPES
from kube9_schema.codes import INFO as INFO
from kube9_schema.codes import SEVERITIES as SEVERITIES
from kube9_schema.codes import WARNING as WARNING
from kube9_schema.intervals import MS_IN_HOUR as MS_IN_HOUR


class Observation(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """One list item or watch line that is worth recording: what it says about one contributor to an event."""

    kind: str
    namespace: str
    name: str
    uid: str
    key: int
    """64 bits of what belongs together besides the object: the row of the table and its key."""
    contributor: int
    """64 bits of the contributor's identity."""
    contributor_hour: int
    """The hour of the contributor's first time, since 1970, as its source gives it. With the hash it finds the contributor."""
    contributor_name: str
    """The name of the Event without the name of its object; '' for a fact from a status."""
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
    """32 bits of title, description, metadata and the name of the Event."""
    row: str = ""
    """The name of its row of the table: see rows.BY_NAME. '' for events of the operator itself."""
    redacted: int = 0
    """How many secrets were removed from its texts."""
    api_version: str = ""
    """The object's apiVersion, as the Event gives it. Its group is part of the object's identity."""


def hash64(*parts: str) -> int:
    """Returns a signed 64-bit hash of the parts. It is stored in databases, so it is the same in every process and release."""
    data = "\0".join(parts).encode("utf-8", "surrogatepass")
    return int.from_bytes(hashlib.blake2b(data, digest_size=8).digest(), "big", signed=True)
