"""Services, and the EndpointSlices that say which of their endpoints are ready."""

from typing import Any

import msgspec

from kube9_operator.model.frame import hash64
from kube9_operator.model.resource_states import Service, Slice
from kube9_operator.watch import metadata
from kube9_operator.watch.kind import resource


class ServiceSpec(msgspec.Struct, frozen=True, gc=False):
    """Of a service."""

    selector: dict[str, str] | None = None


class ServiceObject(msgspec.Struct, frozen=True, gc=False):
    """v1/Service."""

    metadata: metadata.ObjectMeta
    spec: ServiceSpec | None = None


class Labels(msgspec.Struct, frozen=True, gc=False):
    """Of a slice's labels."""

    service: str | None = msgspec.field(default=None, name="kubernetes.io/service-name")


class SliceMeta(metadata.ObjectMeta, frozen=True, rename="camel", gc=False):
    """With labels."""

    labels: Labels | None = None


class Conditions(msgspec.Struct, frozen=True, gc=False):
    """How an endpoint is; without a word of it, it is taken for ready, as the API says."""

    ready: bool | None = None


class Target(msgspec.Struct, frozen=True, gc=False):
    """What is behind an endpoint: a pod, as a rule."""

    kind: str | None = None
    name: str | None = None
    uid: str | None = None


class Endpoint(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """One of a slice."""

    addresses: list[str] | None = None
    conditions: Conditions | None = None
    target_ref: Target | None = None


class SliceObject(msgspec.Struct, frozen=True, gc=False):
    """discovery.k8s.io/v1 EndpointSlice."""

    metadata: SliceMeta
    endpoints: list[Endpoint] | None = None


def reduce_service(found: Any, _texts: metadata.Texts) -> Service:
    """What is compared of a service."""
    selector = (found.spec or ServiceSpec()).selector
    return Service(metadata.ms(found.metadata.deletion_timestamp), metadata.labels(selector))


def reduce_slice(found: Any, _texts: metadata.Texts) -> Slice:
    """The ready endpoints of a slice, each by 64 bits of what it is: a pod has one identity in every address family; and the
    pods behind all of its endpoints.
    """
    ready, pods = set(), set()
    for one in found.endpoints or ():
        target = one.target_ref or Target()
        if target.kind == "Pod" and target.uid:
            pods.add((metadata.name(target.name), metadata.name(target.uid)))
        if (one.conditions or Conditions()).ready is False:
            continue
        known = target.uid or next(iter(one.addresses or ()), "")
        if known:
            ready.add(hash64(known))
    return Slice(metadata.name((found.metadata.labels or Labels()).service), sorted(ready), sorted(pods))


SERVICES = resource("services", ServiceObject, reduce_service)
ENDPOINTSLICES = resource("endpointslices", SliceObject, reduce_slice)
