"""Lists and watches a custom resource, which may be absent, and whose version depends on what is installed.

Its path is discovered before each list and before each watch, so nothing has to be restarted when its definition is installed,
changed or removed. https://kubernetes.io/docs/reference/using-api/api-concepts/#discovery-api
"""

from typing import TypeVar

import msgspec

from kube9_operator.clock import SYSTEM, Clock
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.sources import EVERY, Source
from kube9_operator.watch.client import Answer, Client
from kube9_operator.watch.decoding import NOT_DECODED, decode
from kube9_operator.watch.errors import BrokenAnswer, HttpError, NotInstalled
from kube9_operator.watch.kind import Kind
from kube9_operator.watch.lister import Lister

NOT_FOUND = 404
MOST_VERSIONS = 10
"""Versions of an API group that are looked at. Groups have two or three."""


class Version(msgspec.Struct, frozen=True, gc=False):
    """A version of an API group."""

    version: str


class Group(msgspec.Struct, frozen=True, rename="camel", gc=False):
    """metav1.APIGroup."""

    versions: list[Version] = []
    preferred_version: Version | None = None


class Resource(msgspec.Struct, frozen=True, gc=False):
    """A resource of an API group and version."""

    name: str


class Resources(msgspec.Struct, frozen=True, gc=False):
    """metav1.APIResourceList."""

    resources: list[Resource] = []


Of = TypeVar("Of")
_group, _resources = msgspec.json.Decoder(Group), msgspec.json.Decoder(Resources)


def discover(source: Source, client: Client, deadlines: Deadlines) -> Source:
    """Returns a custom source with the version that the API server has of it: the preferred one of its API group, or the first
    other one. Raises NotInstalled if there is none, otherwise ApiError.
    """
    group = _read(_group, f"/apis/{source.group}", client, deadlines)
    versions = [group.preferred_version, *group.versions] if group.preferred_version else group.versions
    for version in list(dict.fromkeys(one.version for one in versions))[:MOST_VERSIONS]:
        found = _read(_resources, f"/apis/{source.group}/{version}", client, deadlines)
        if any(one.name == source.name for one in found.resources):
            return msgspec.structs.replace(source, version=version)
    raise NotInstalled(f"the API server does not have {source.name}.{source.group}")


def _read(decoder: msgspec.json.Decoder[Of], path: str, client: Client, deadlines: Deadlines) -> Of:
    try:
        return decode(decoder, client.get(path, [], deadlines.read, deadlines.page).whole())
    except HttpError as error:
        raise NotInstalled(path) if error.status == NOT_FOUND else error from None
    except NOT_DECODED:
        raise BrokenAnswer(f"the answer for {path} is not what the API promises") from None


class CustomLister(Lister):
    """The requests of one watch of a custom resource."""

    def __init__(self, kind: Kind, client: Client, deadlines: Deadlines, clock: Clock = SYSTEM) -> None:
        super().__init__(kind, client, deadlines, clock)
        self._source = EVERY[kind.source]

    def locate(self) -> None:
        """Finds the path again. Raises NotInstalled, otherwise ApiError."""
        self._path = discover(self._source, self._client, self._deadlines).path

    def _ask(
        self, query: list[tuple[str, str]], read_seconds: float, total_seconds: float | None = None, watch: bool = False
    ) -> Answer:
        """Sends a request. While a definition is being removed, discovery may still have it."""
        try:
            return super()._ask(query, read_seconds, total_seconds, watch)
        except HttpError as error:
            raise NotInstalled(self._path) if error.status == NOT_FOUND else error from None
