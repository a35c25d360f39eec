"""Changes of Deployments, StatefulSets, DaemonSets and CronJobs."""

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import CronJob, Workload
from kube9_operator.write.resources.detect.dating import Known
from kube9_operator.write.resources.detect.existence import created, deleted
from kube9_operator.write.resources.detect.observed import Observed, observation, step
from kube9_operator.write.resources.detect.workload_changes import POD, of_configuration

REPLICAS = "spec.replicas"


def of_workload(observed: Observed, previous: Workload | None, current: Workload | None) -> list[Observation]:
    """Created, deleted, scaled, an image or something else of the configuration changed, a rollout stuck."""
    if current is None:
        return deleted(observed, previous.deleting_since_ms) if previous is not None else []
    found = []
    if previous is None:
        # Nobody asks for the number of a DaemonSet.
        found += created(observed, current.images, None if observed.source == "daemonsets" else current.replicas)
    if current.stuck_since_ms and (previous is None or previous.stuck_since_ms != current.stuck_since_ms):
        found.append(_stuck(observed, current))
    if previous is not None and previous.replicas != current.replicas and not (previous.uncounted or current.uncounted):
        found.append(_scaled(observed, previous.replicas, current.replicas))
    return found + (of_template(observed, previous, current) if previous is not None else [])


def of_cronjob(observed: Observed, previous: CronJob | None, current: CronJob | None) -> list[Observation]:
    """Created, deleted, an image or something else of the configuration changed."""
    if current is None:
        return deleted(observed) if previous is not None else []
    return created(observed, current.images) if previous is None else of_template(observed, previous, current)


def of_template(observed: Observed, previous: Workload | CronJob, current: Workload | CronJob) -> list[Observation]:
    """Changes of what the pods are made from."""
    if previous.parts is None and isinstance(previous, CronJob):  # an older release has not stored its images
        return []
    images = [
        _image(observed, container, previous.images[container], image)
        for container, image in sorted(current.images.items())
        if previous.images.get(container, image) != image
    ]
    return images + of_configuration(observed, previous, current)


def ongoing_in_workload(state: Workload) -> dict[int, int]:
    """A stuck rollout is an ongoing problem."""
    return {rows.key(rows.ROLLOUT_STUCK): state.stuck_since_ms} if state.stuck_since_ms else {}


def _stuck(observed: Observed, current: Workload) -> Observation:
    return observation(
        rows.ROLLOUT_STUCK,
        observed,
        (observed.uid, str(current.stuck_since_ms)),
        at_ms=current.stuck_since_ms,
        reason="ProgressDeadlineExceeded",
        description=current.stuck_message or f"{observed.kind} {observed.name} has made no progress within its deadline",
    )


def _scaled(observed: Observed, previous: int, current: int) -> Observation:
    return step(
        rows.SCALED,
        observed,
        # Nobody asks for the number of a DaemonSet: it is that of the nodes.
        paths=() if observed.source == "daemonsets" else (REPLICAS,),
        known=Known(observed.writers, observed.scaled_ms),
        reason=f"{observed.kind}Scaled",
        description=f"{observed.kind} {observed.name} scaled from {previous} to {current} replicas",
        metadata={"previous_replicas": previous, "new_replicas": current},
    )


def _image(observed: Observed, container: str, previous: str, current: str) -> Observation:
    return step(
        rows.IMAGE_CHANGED,
        observed,
        parts=(container,),
        paths=[f"{POD}{kind}[{container}].image" for kind in ("containers", "initContainers")],
        of_template=True,
        reason=f"{observed.kind}ImageChanged",
        description=f"Container {container} of {observed.kind} {observed.name} changed its image from {previous} to {current}",
        metadata={"container": container, "previous": previous, "current": current},
    )
