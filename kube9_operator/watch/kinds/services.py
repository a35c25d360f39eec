"""Services, and EndpointSlices, which say which endpoints of a service are ready."""

from typing import Any

import msgspec

from kube9_operator.model.observation import hash64
from kube9_operator.model.resource_states import Service, Slice
from kube9_operator.watch import metadata
from kube9_operator.watch.kind import resource


class ServiceSpec(msgspec.Struct, frozen=True, gc=False):
    """Of a service."""

    selector: dict[str, str] | None = None


class ServiceObject(msgspec.Struct, frozen=True, gc=False):
    """v1/Service."""

    metadata: metadata.ChangedMeta
    spec: ServiceSpec | None = None


class Labels(msgspec.Struct, frozen=True, gc=False):
    """The labels of a slice."""

    service: str | None = msgspec.field(default=None, name="kubernetes.io/service-name")


class SliceMeta(metadata.ObjectMeta, frozen=True, rename="camel", gc=False):
    """Metadata with labels."""

    labels: Labels | None = None


class Conditions(msgspec.Struct, frozen=True, gc=False):
    """The conditions of an endpoint. The API says that an endpoint without `ready` counts as ready."""

    ready: bool | None = None


class Target(msgspec.Struct, frozen=True, gc=False):
    """The object behind an endpoint, usually a pod."""

    kind: str | None = None
    name: str | None = None
    uid: str | None = None


class Endpoint(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """An endpoint of a slice."""

    addresses: list[str] | None = None
    conditions: Conditions | None = None
    target_ref: Target | None = None


class SliceObject(msgspec.Struct, frozen=True, gc=False):
    """discovery.k8s.io/v1 EndpointSlice."""

    metadata: SliceMeta
    endpoints: list[Endpoint] | None = None


def reduce_service(found: Any, _texts: metadata.Texts) -> Service:
    """Reduces a service."""
    selector = (found.spec or ServiceSpec()).selector
    return Service(metadata.ms(found.metadata.deletion_timestamp), metadata.labels(selector))


def reduce_slice(found: Any, _texts: metadata.Texts) -> Slice:
    """Reduces a slice to its pods, and to its ready endpoints as 64 bits of their identity. A pod has the same identity in all
    address families.
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
