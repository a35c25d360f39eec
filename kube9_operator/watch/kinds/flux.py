"""Flux's Kustomizations and HelmReleases: the condition Ready, and the revision that was applied.

https://fluxcd.io/flux/components/kustomize/kustomizations/#kustomization-status
https://fluxcd.io/flux/components/helm/helmreleases/#helmrelease-status
"""

from typing import Any

import msgspec

from kube9_operator.model.resource_states import Reconciled
from kube9_operator.model.sources import HELM_RELEASES, KUSTOMIZATIONS
from kube9_operator.watch import metadata
from kube9_operator.watch.kind import resource

MAX_MESSAGE_CHARACTERS = 500
UNKNOWN = "Unknown"


class Release(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A release in the history of a HelmRelease."""

    chart_version: str | None = None
    version: int | None = None


class Status(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """What Flux says about an object."""

    conditions: list[metadata.Condition] | None = None
    last_applied_revision: str | None = None
    """Of a Kustomization, and of a HelmRelease of older versions of Flux."""
    last_attempted_revision: str | None = None
    history: list[Release] | None = None
    """Of a HelmRelease, the latest first. The history of a Kustomization has neither chartVersion nor version."""


class Object(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A Kustomization or HelmRelease, of any version."""

    metadata: metadata.ObjectMeta
    api_version: str
    status: Status | None = None


def reduce(found: Any, texts: metadata.Texts) -> Reconciled | None:
    """Reduces a Kustomization or HelmRelease; None while Flux works on it, when Ready is Unknown.

    Flux sets Ready to Unknown each time it looks at an object, every few minutes. So only what it then decides is a change.
    """
    status = found.status or Status()
    ready = metadata.condition(status.conditions, "Ready")
    if ready.status == UNKNOWN:
        return None
    latest = status.history[0] if status.history else Release()
    return Reconciled(
        api_version=metadata.name(found.api_version),
        ready=metadata.name(ready.status),
        reason=metadata.name(ready.reason),
        message=texts.short(ready.message or "", MAX_MESSAGE_CHARACTERS),
        since_ms=metadata.ms(ready.last_transition_time),
        revision=metadata.name(status.last_applied_revision or latest.chart_version),
        attempted_revision=metadata.name(status.last_attempted_revision),
        release=metadata.number(latest.version or 0),
    )


KUSTOMIZATIONS_OF_FLUX, HELM_RELEASES_OF_FLUX = (resource(name, Object, reduce) for name in (KUSTOMIZATIONS, HELM_RELEASES))
