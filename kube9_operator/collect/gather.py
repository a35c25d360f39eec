"""Reads what the collections of a run need, each kind once, and keeps only numbers of it. Pure but for its source."""

from collections.abc import Callable, Iterable
from typing import Protocol

from kube9_operator.assess.run import Lister, ListFailed, NotPermitted, NotServed
from kube9_operator.collect.payloads import APISERVER, CLUSTER, COLLECTIONS, Gathered
from kube9_operator.collect.totals import TOTALS, Totals
from kube9_operator.model.collection import cluster_id


class Source(Lister, Protocol):
    """What is read."""

    def version(self) -> str:
        """Returns the API server's version. Raises NotPermitted or ListFailed."""

    def cluster_uid(self) -> str:
        """Returns the uid of kube-system; '' if it may not be read. Raises ListFailed."""


def gather(source: Source, types: Iterable[str], progress: Callable[[str], None] = lambda _: None) -> Gathered:
    """Reads the kinds of these types of collections. Calls `progress` before each request with the name of the kind."""
    kinds = list(dict.fromkeys(kind for one in types for kind in COLLECTIONS[one].reads))
    found = Gathered("", "", {}, {}, {}, {})
    cluster, version = "", ""
    for kind in kinds:
        try:
            progress(kind)
            if kind == APISERVER:
                version = source.version().removeprefix("v")
            else:
                found.totals[kind], unreadable = _totals(source, kind, progress)
                if unreadable:
                    found.unreadable[kind] = unreadable
        except (NotPermitted, NotServed) as error:
            found.missing[kind] = str(error)
        except ListFailed as error:
            found.failed[kind] = str(error)
    try:
        progress(CLUSTER)
        cluster = cluster_id(source.cluster_uid())
        if not cluster:
            found.missing[CLUSTER] = "the operator lacks the permission to get the namespace kube-system"
    except ListFailed as error:
        found.failed.update(dict.fromkeys(kinds, str(error)))
    return found._replace(cluster=cluster, version=version)


def _totals(source: Source, kind: str, progress: Callable[[str], None]) -> tuple[Totals, int]:
    """The numbers of a kind, and how many of its objects could not be decoded."""
    made, unreadable = TOTALS[kind](), 0
    for page in source.pages(kind):
        if page.first:
            made, unreadable = TOTALS[kind](), 0
        for one in page.objects:
            made.add(one)
        unreadable += page.unreadable
        progress(kind)
    return made, unreadable
