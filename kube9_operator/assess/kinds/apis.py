"""Which resources of add-ons the API server serves. Every authenticated user may ask (role system:discovery)."""

from typing import TypeVar

import msgspec

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.watch.client import Client
from kube9_operator.watch.decoding import NOT_DECODED
from kube9_operator.watch.errors import ApiError, BrokenAnswer

KIND = "apis"
APPLICATIONS = "applications.argoproj.io"
FLUX = (
    "kustomizations.kustomize.toolkit.fluxcd.io",
    "helmreleases.helm.toolkit.fluxcd.io",
    "gitrepositories.source.toolkit.fluxcd.io",
)
EXTERNAL_SECRETS = "externalsecrets.external-secrets.io"
VOLUME_SNAPSHOTS = "volumesnapshots.snapshot.storage.k8s.io"
ASKED = frozenset({APPLICATIONS, *FLUX, EXTERNAL_SECRETS, VOLUME_SNAPSHOTS})


class Version(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """A version of a group."""

    group_version: str = ""


class Group(msgspec.Struct, frozen=True, gc=False):
    """An API group."""

    name: str = ""
    versions: list[Version] | None = None


class Groups(msgspec.Struct, frozen=True, gc=False):
    """metav1.APIGroupList."""

    groups: list[Group] | None = None


class Resource(msgspec.Struct, frozen=True, gc=False):
    """A resource of a version."""

    name: str = ""


class Resources(msgspec.Struct, frozen=True, gc=False):
    """metav1.APIResourceList."""

    resources: list[Resource] | None = None


_groups = msgspec.json.Decoder(Groups)
_resources = msgspec.json.Decoder(Resources)
Of = TypeVar("Of")


def served(client: Client, deadlines: Deadlines) -> list[str]:
    """Returns which of ASKED the server serves. Raises ApiError."""
    asked_groups = {one.partition(".")[2] for one in ASKED}
    found = set()
    for group in _get("/apis", _groups, client, deadlines).groups or ():
        for version in (group.versions or ()) if group.name in asked_groups else ():
            try:
                listed = _get(f"/apis/{version.group_version}", _resources, client, deadlines)
            except ApiError as error:
                if error.status == 404:  # gone since
                    continue
                raise
            found |= {f"{one.name}.{group.name}" for one in listed.resources or ()} & ASKED
    return sorted(found)


def _get(path: str, decoder: msgspec.json.Decoder[Of], client: Client, deadlines: Deadlines) -> Of:
    try:
        return decoder.decode(client.get(path, [], deadlines.read, deadlines.page).whole())
    except NOT_DECODED as error:
        raise BrokenAnswer(f"{path} is not the JSON that the API promises: {error}") from None
