"""All checks, sorted by id. A run goes through them in this order."""

from kube9_operator.assess.checks import (
    access,
    autoscaling,
    availability,
    containers,
    cost,
    governance,
    operations,
    placement,
    pod_security,
    secrets,
    sustainability,
)
from kube9_operator.assess.model import Check

CHECKS: tuple[Check, ...] = tuple(
    sorted(
        (
            *access.CHECKS,
            *autoscaling.CHECKS,
            *availability.CHECKS,
            *containers.CHECKS,
            *cost.CHECKS,
            *governance.CHECKS,
            *operations.CHECKS,
            *placement.CHECKS,
            *pod_security.CHECKS,
            *secrets.CHECKS,
            *sustainability.CHECKS,
        ),
        key=lambda one: one.id,
    )
)
