"""Requests about namespaces: which cluster this is, and whether a namespace still exists."""

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.watch.client import Client
from kube9_operator.watch.decoding import identity, metadata
from kube9_operator.watch.errors import ApiError, BrokenAnswer

PATH = "/api/v1/namespaces/"
CLUSTER = "kube-system"
"""Its uid is what everybody takes for the identity of a cluster."""


def cluster_uid(client: Client, deadlines: Deadlines) -> str:
    """Returns which cluster this is; '' if the operator may not read it. Raises ApiError."""
    try:
        return uid(client.get(PATH + CLUSTER, [], deadlines.read, deadlines.page).whole())
    except ApiError as error:
        if error.status in (403, 404):
            return ""
        raise


def namespace_remains(namespace: str, client: Client, deadlines: Deadlines) -> bool:
    """Returns whether a namespace exists and is not being deleted: its Events would be deleted with it. Raises ApiError."""
    try:
        return remains(client.get(PATH + namespace, [], deadlines.read, deadlines.page).whole())
    except ApiError as error:
        if error.status == 404:
            return False
        raise


def uid(body: bytes | bytearray) -> str:
    """Returns the uid of an object. Raises BrokenAnswer if the body is no object."""
    if uid := identity(body).uid:
        return uid
    raise BrokenAnswer("the object is not the JSON that the API promises")


def remains(body: bytes | bytearray) -> bool:
    """Returns whether an object is not being deleted. Raises BrokenAnswer if the body is no object."""
    own = metadata(body)
    if own is None:
        raise BrokenAnswer("the object is not the JSON that the API promises")
    return bytes(own.deletion_timestamp) == b"null"
