"""PersistentVolumeClaims and HorizontalPodAutoscalers, watched only to add their facts to events about them."""

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


class ClaimSpec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The spec of a claim."""

    storage_class_name: str | None = None
    resources: Resources | None = None


class ClaimObject(msgspec.Struct, frozen=True, gc=False):
    """v1/PersistentVolumeClaim."""

    metadata: metadata.ObjectMeta
    spec: ClaimSpec | None = None


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
    return Claim(metadata.name(spec.storage_class_name), metadata.name(requests.storage))


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
