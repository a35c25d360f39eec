"""Collections as they travel: requests for some, and what the collector tells the writer. Neither SQL nor Kubernetes."""

import hashlib
import secrets

import msgspec


class Request(msgspec.Struct, frozen=True, array_like=True):
    """A collection that is to be made."""

    id: str
    type: str
    requested_ms: int


class Task(msgspec.Struct, frozen=True):
    """What the collector does in one run: all collections that are due, so that each kind is listed once."""

    requests: list[Request]
    given_up: str = ""
    """Why they are not tried any more; '' if they are to be made."""


class Collected(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """A collection was made."""

    request: Request
    cluster: str
    collected_ms: int
    seconds: float
    missing: list[str]
    """What could not be read for lack of permission, a sentence each. The collection is partial if there is any."""
    payload: str
    """As JSON."""


class NotCollected(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """A collection failed."""

    request: Request
    failed_ms: int
    reason: str


class CollectionFrame(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """What the collector tells the writer."""

    collection: Collected | NotCollected


def new_request(kind: str, ms: int) -> Request:
    """Returns the request for a collection of a type that is due now. Ids rise with the time."""
    return Request(f"coll_{ms:011x}{secrets.token_hex(16)[:21]}", kind, ms)


def cluster_hash(uid: str) -> str:
    """Returns the SHA-256 of what identifies the cluster, the uid of `kube-system`, as hexadecimal digits."""
    return hashlib.sha256(uid.encode()).hexdigest()


def cluster_id(uid: str) -> str:
    """Returns the id of the cluster in collections; '' if the uid is unknown."""
    return f"cls_{cluster_hash(uid)[:32]}" if uid else ""
