"""Claims that wait for their volume."""

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Claim
from kube9_operator.write.resources.detect.observed import Observed, observation

PENDING = "Pending"


def waits_of_claim(state: Claim) -> int:
    """Since when a claim waits for its provisioner at the earliest, in ms: since it was created. 0 if it does not wait.

    With WaitForFirstConsumer, a claim is Pending until a pod uses it. It has no provisioner then, and waits for nobody.
    """
    return state.created_ms if is_waiting(state) else 0


def is_waiting(state: Claim) -> bool:
    """Whether a claim waits for its provisioner."""
    return state.phase == PENDING and bool(state.provisioner)


def ongoing_in_claim(state: Claim) -> dict[int, int]:
    """A claim that waits is an ongoing problem, once it is recorded."""
    since_ms = waits_of_claim(state)
    return {rows.key(rows.CLAIM_WAITS): since_ms} if since_ms else {}


def waiting_claim(observed: Observed, state: Claim, since_ms: int) -> Observation:
    """A claim that has waited for too long."""
    return observation(
        rows.CLAIM_WAITS,
        observed,
        (observed.uid, str(since_ms)),
        at_ms=since_ms,
        reason="ExternalProvisioning",
        description=f"Claim {observed.name} still waits for a volume from {state.provisioner}",
        metadata={
            "storage_class": state.storage_class,
            "requested_size": state.requested_size,
            "provisioner": state.provisioner,
        },
    )
