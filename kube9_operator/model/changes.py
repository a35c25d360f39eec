"""What is known about the time and the author of a change: it travels beside a state, and is neither compared nor stored."""

import msgspec


class Writer(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """An entry of an object's managedFields, without its fields but for those that are compared."""

    manager: str
    subresource: str
    """`scale`, for example; '' for the object itself."""
    time_ms: int
    """When it last changed any of its fields, by the API server's clock; whole seconds. 0 if nobody says it: managedFields have
    no time for the subresource `scale`.
    """
    paths: list[str]
    """Of the fields that it owns, those that are compared: spec.replicas, spec.template.spec.containers[app].image, …"""

    @property
    def name(self) -> str:
        """What metadata.changed_by says: `kubectl-set`, or with the subresource `kubectl-scale`."""
        return f"{self.manager}-{self.subresource}" if self.subresource else self.manager


class Evidence(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an object itself says about its changes."""

    writers: list[Writer] = []
    """The latest first."""
    deleted_ms: int = 0
    """Its deletionTimestamp; 0 for none."""
    created_ms: int = 0
    """Its creationTimestamp, of the kinds that have writers here; 0 for none."""


class Scaling(msgspec.Struct, frozen=True, array_like=True, gc=False):
    """What an Event of the deployment controller says: a ReplicaSet of a Deployment was scaled."""

    namespace: str
    name: str
    uid: str
    at_ms: int
    before: int
    """-1 if the Event does not say it."""
    after: int


NO_EVIDENCE = Evidence()
_encoder = msgspec.msgpack.Encoder()
_decoder = msgspec.msgpack.Decoder(Evidence)


def encode(evidence: Evidence) -> bytes:
    """The evidence as msgpack; empty if it says nothing."""
    return b"" if evidence == NO_EVIDENCE else _encoder.encode(evidence)


def decode(data: bytes) -> Evidence:
    """The evidence of `encode`. Raises msgspec.DecodeError for anything else."""
    return _decoder.decode(data) if data else NO_EVIDENCE
