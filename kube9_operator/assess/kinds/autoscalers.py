"""HorizontalPodAutoscalers and VerticalPodAutoscalers."""

from typing import Any

import msgspec

from kube9_operator.assess.cluster import Autoscaler
from kube9_operator.assess.kinds.forms import Meta, Reading, word

DEFAULT_MODE = "Auto"
"""Of a VerticalPodAutoscaler without an update mode."""


class Target(msgspec.Struct, frozen=True, gc=False):
    """What is scaled."""

    kind: str = ""
    name: str = ""


class Policy(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """How fast is scaled."""

    value: int | None = None
    period_seconds: int | None = None


class Direction(msgspec.Struct, frozen=True, gc=False):
    """The policies for one direction."""

    policies: list[Policy] | None = None


class Behavior(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """The policies."""

    scale_up: Direction | None = None
    scale_down: Direction | None = None


class HorizontalSpec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Of a HorizontalPodAutoscaler."""

    scale_target_ref: Target | None = None
    min_replicas: int | None = None
    max_replicas: int | None = None
    metrics: list[msgspec.Raw] | None = None
    behavior: Behavior | None = None


class Horizontal(msgspec.Struct, frozen=True, gc=False):
    """autoscaling/v2 HorizontalPodAutoscaler."""

    metadata: Meta
    spec: HorizontalSpec | None = None


class UpdatePolicy(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Of a VerticalPodAutoscaler."""

    update_mode: str | None = None


class VerticalSpec(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """Of a VerticalPodAutoscaler."""

    target_ref: Target | None = None
    update_policy: UpdatePolicy | None = None


class Vertical(msgspec.Struct, frozen=True, gc=False):
    """autoscaling.k8s.io/v1 VerticalPodAutoscaler."""

    metadata: Meta
    spec: VerticalSpec | None = None


def _horizontal(found: Any) -> Autoscaler:
    spec = found.spec or HorizontalSpec()
    target, behavior = spec.scale_target_ref or Target(), spec.behavior or Behavior()
    directions = (("scaleUp", behavior.scale_up), ("scaleDown", behavior.scale_down))
    bad = tuple(name for name, one in directions if one is not None and not all(map(_is_positive, one.policies or ())))
    return Autoscaler(
        namespace=word(found.metadata.namespace),
        name=word(found.metadata.name),
        target_kind=word(target.kind),
        target_name=word(target.name),
        least=1 if spec.min_replicas is None else spec.min_replicas,
        most=spec.max_replicas,
        metrics=len(spec.metrics or ()),
        bad_policies=bad,
    )


def _is_positive(policy: Policy) -> bool:
    return (policy.value or 0) > 0 and (policy.period_seconds or 0) > 0


def _vertical(found: Any) -> Autoscaler:
    spec = found.spec or VerticalSpec()
    target, policy = spec.target_ref or Target(), spec.update_policy or UpdatePolicy()
    return Autoscaler(
        namespace=word(found.metadata.namespace),
        name=word(found.metadata.name),
        target_kind=word(target.kind),
        target_name=word(target.name),
        mode=word(policy.update_mode) or DEFAULT_MODE,
    )


HORIZONTALPODAUTOSCALERS = Reading("horizontalpodautoscalers", "autoscaling", "v2", Horizontal, _horizontal)
VERTICALPODAUTOSCALERS = Reading("verticalpodautoscalers", "autoscaling.k8s.io", "v1", Vertical, _vertical)
