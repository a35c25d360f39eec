"""Namespaces: whether they exist, or are being deleted."""

from kube9_operator.model.resource_states import Namespace
from kube9_operator.watch import metadata
from kube9_operator.watch.kind import resource


def reduce(found: metadata.Identity, _texts: metadata.Texts) -> Namespace:
    """Reduces a namespace."""
    own = found.metadata
    return Namespace(metadata.ms(own.creation_timestamp), metadata.ms(own.deletion_timestamp))


NAMESPACES = resource("namespaces", metadata.Identity, reduce, metadata_only=True)
