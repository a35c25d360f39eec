"""What a watch of anything asks of namespaces: which cluster this is, and whether one is still there."""

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.watch import lines
from kube9_operator.watch.client import Client
from kube9_operator.watch.errors import ApiError

PATH = "/api/v1/namespaces/"
CLUSTER = "kube-system"
"""The uid of this one is what all take for the identity of a cluster."""


def cluster_uid(client: Client, deadlines: Deadlines) -> str:
    """Which cluster this is; '' where the server does not say. Raises ApiError where it does not answer."""
    try:
        return lines.uid(client.get(PATH + CLUSTER, [], deadlines.read, deadlines.page).whole())
    except ApiError as error:
        if error.status in (403, 404):
            return ""
        raise


def stays(namespace: str, client: Client, deadlines: Deadlines) -> bool:
    """Whether a namespace is there and is not being deleted: with it its Events would have gone. Raises ApiError where the
    server does not say.
    """
    try:
        return lines.stays(client.get(PATH + namespace, [], deadlines.read, deadlines.page).whole())
    except ApiError as error:
        if error.status == 404:
            return False
        raise
