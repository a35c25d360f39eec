"""ReplicaSets, Jobs and CronJobs, watched only for their owners."""

from kube9_operator.model.resource_states import Owned
from kube9_operator.watch import metadata
from kube9_operator.watch.kind import resource


def reduce(found: metadata.Identity, _texts: metadata.Texts) -> Owned:
    """Reduces an object to the one that controls it."""
    return Owned(metadata.controller(found.metadata))


REPLICASETS = resource("replicasets", metadata.Identity, reduce, metadata_only=True)
JOBS = resource("jobs", metadata.Identity, reduce, metadata_only=True)
CRONJOBS = resource("cronjobs", metadata.Identity, reduce, metadata_only=True)
