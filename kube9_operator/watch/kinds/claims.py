"""PersistentVolumeClaims and HorizontalPodAutoscalers, watched to add their facts to events, and for how long claims wait."""

from typing import Any

import msgspec

from kube9_operator.model.resource_states import Autoscaler, Claim
from kube9_operator.watch import metadata
from kube9_operator.watch.kind import resource


class Requests(msgspec.Struct, frozen=True, gc=False):
    """How much is requested."""

    storage: str | None = None


class Resources(msgspec.Struct, frozen=True, gc=False):
    """The resources of a claim."""

    requests: Requests | None = None


PROVISIONER, PROVISIONER_BETA = "volume.kubernetes.io/storage-provisioner", "volume.beta.kubernetes.io/storage-provisioner"


class Annotations(msgspec.Struct, frozen=True, gc=False):
    """Of a claim's annotations: the volume controller names whom it has asked for a volume, the scheduler where it is for."""

    provisioner: str | None = msgspec.field(default=None, name=PROVISIONER)
    provisioner_beta: str | None = msgspec.field(default=None, name=PROVISIONER_BETA)
    node: str | None = msgspec.field(default=None, name="volume.kubernetes.io/selected-node")


class ClaimMeta(metadata.ObjectMeta, frozen=True, rename="camel", gc=False):
    """With annotations."""

    annotations: Annotations | None = None


class ClaimStatus(msgspec.Struct, frozen=True, gc=False):
    """How a claim is."""

    phase: str | None = None


class ClaimSpec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The spec of a claim."""

    storage_class_name: str | None = None
    resources: Resources | None = None


class ClaimObject(msgspec.Struct, frozen=True, gc=False):
    """v1/PersistentVolumeClaim."""

    metadata: ClaimMeta
    spec: ClaimSpec | None = None
    status: ClaimStatus | None = None


class Target(msgspec.Struct, frozen=True, gc=False):
    """The object that is scaled."""

    kind: str | None = None
    name: str | None = None


class AutoscalerSpec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The spec of an autoscaler."""

    scale_target_ref: Target | None = None


class AutoscalerStatus(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The status of an autoscaler."""

    current_replicas: int | None = None
    desired_replicas: int | None = None


class AutoscalerObject(msgspec.Struct, frozen=True, gc=False):
    """autoscaling/v2 HorizontalPodAutoscaler."""

    metadata: metadata.ObjectMeta
    spec: AutoscalerSpec | None = None
    status: AutoscalerStatus | None = None


def reduce_claim(found: Any, _texts: metadata.Texts) -> Claim:
    """Reduces a claim."""
    spec = found.spec or ClaimSpec()
    requests = (spec.resources or Resources()).requests or Requests()
    notes = found.metadata.annotations or Annotations()
    return Claim(
        storage_class=metadata.name(spec.storage_class_name),
        requested_size=metadata.name(requests.storage),
        phase=metadata.name((found.status or ClaimStatus()).phase),
        created_ms=metadata.ms(found.metadata.creation_timestamp),
        provisioner=metadata.name(notes.provisioner or notes.provisioner_beta),
        node=metadata.name(notes.node),
    )


def reduce_autoscaler(found: Any, _texts: metadata.Texts) -> Autoscaler:
    """Reduces an autoscaler."""
    target = (found.spec or AutoscalerSpec()).scale_target_ref or Target()
    status = found.status or AutoscalerStatus()
    return Autoscaler(
        target_kind=metadata.name(target.kind),
        target_name=metadata.name(target.name),
        current_replicas=metadata.number(status.current_replicas),
        desired_replicas=metadata.number(status.desired_replicas),
    )


CLAIMS = resource("persistentvolumeclaims", ClaimObject, reduce_claim)
AUTOSCALERS = resource("horizontalpodautoscalers", AutoscalerObject, reduce_autoscaler)
