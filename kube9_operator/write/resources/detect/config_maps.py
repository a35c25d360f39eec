"""That a ConfigMap was changed. Of its data nothing is known."""

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import ConfigMap
from kube9_operator.write.resources.detect import dating
from kube9_operator.write.resources.detect.dating import Known
from kube9_operator.write.resources.detect.observed import Observed, observation, step

BUSY_MS = 10 * 60_000
"""What is changed again within this time is busy: its changes are one event with a count."""
CREATED_MS = 1_000
"""Its first write is within this time of its creation."""
REASON = "ConfigMapChanged"
PATHS = ("data", "binaryData")


def of_config_map(observed: Observed, previous: ConfigMap | None, current: ConfigMap | None) -> list[Observation]:
    """Its data was changed."""
    if previous is None or current is None or previous.digest == current.digest:
        return []
    text = f"ConfigMap {observed.name} was changed"
    # Nothing is said about the data but that they were changed, and the last write did that, whatever came before it.
    observed = observed._replace(change=observed.window._replace(writes=1))
    if not (current.is_lock or _is_busy(observed, previous, current)):
        return [step(rows.CONFIG_MAP_CHANGED, observed, paths=PATHS, reason=REASON, description=text)]
    made = dating.made(observed.window, PATHS, Known(observed.writers))
    identity, author = (observed.uid, observed.version), {"changed_by": made.by}
    return [
        observation(
            rows.CONFIG_MAP_BUSY, observed, identity, at_ms=made.last_ms, reason=REASON, description=text, metadata=author
        )
    ]


def _is_busy(observed: Observed, previous: ConfigMap, current: ConfigMap) -> bool:
    """Whether it was changed a short time before, by the API server's times. That it was created is no change."""
    was_changed = previous.changed_ms > previous.created_ms + CREATED_MS
    return was_changed and (current.changed_ms or observed.now_ms) - previous.changed_ms < BUSY_MS
