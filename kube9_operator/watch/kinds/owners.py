"""ReplicaSets and Jobs, watched for their owners. A ReplicaSet also dates the template that it was made for."""

from typing import Any

import msgspec

from kube9_operator.model.resource_states import Owned, ReplicaSet
from kube9_operator.watch import metadata
from kube9_operator.watch.kind import resource


def reduce(found: metadata.Identity, _texts: metadata.Texts) -> Owned:
    """Reduces an object to the one that controls it."""
    return Owned(metadata.controller(found.metadata))


class Annotations(msgspec.Struct, frozen=True, gc=False):
    """Of a ReplicaSet."""

    revision: str | None = msgspec.field(default=None, name="deployment.kubernetes.io/revision")


class ReplicaSetMeta(metadata.ObjectMeta, frozen=True, rename="camel", gc=False):
    """With annotations."""

    annotations: Annotations | None = None


class ReplicaSetObject(msgspec.Struct, frozen=True, gc=False):
    """apps/v1 ReplicaSet, for its metadata alone."""

    metadata: ReplicaSetMeta


def reduce_replicaset(found: Any, _texts: metadata.Texts) -> ReplicaSet:
    """Which object controls it, when it was created, and for which revision."""
    own = found.metadata
    revision = (own.annotations or Annotations()).revision or ""
    number = int(revision) if revision.isascii() and revision.isdigit() and len(revision) < 10 else 0
    return ReplicaSet(metadata.controller(own), metadata.ms(own.creation_timestamp), number)


REPLICASETS = resource("replicasets", ReplicaSetObject, reduce_replicaset, metadata_only=True)
JOBS = resource("jobs", metadata.Identity, reduce, metadata_only=True)
