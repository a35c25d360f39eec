"""Services, and the EndpointSlices that say which of their endpoints are ready."""

from typing import Any

import msgspec

from kube9_operator.model.observation import hash64
from kube9_operator.model.resource_states import Service, Slice
from kube9_operator.watch import metadata
from kube9_operator.watch.kind import resource


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


def reduce_service(found: metadata.Identity, _texts: metadata.Texts) -> Service:
    """What is compared of a service."""
    return Service(metadata.ms(found.metadata.deletion_timestamp))


def reduce_slice(found: Any, _texts: metadata.Texts) -> Slice:
    """The ready endpoints of a slice, each by 64 bits of what it is: a pod has one identity in every address family."""
    ready = set()
    for one in found.endpoints or ():
        if (one.conditions or Conditions()).ready is False:
            continue
        known = (one.target_ref or Target()).uid or next(iter(one.addresses or ()), "")
        if known:
            ready.add(hash64(known))
    return Slice(metadata.name((found.metadata.labels or Labels()).service), sorted(ready))


SERVICES = resource("services", metadata.Identity, reduce_service, metadata_only=True)
ENDPOINTSLICES = resource("endpointslices", SliceObject, reduce_slice)
