"""Workloads and Services that are created and deleted. Pure.

Each is recorded once for a uid, whatever shows it, and how often: a line of a watch, a list, or a list of an older state.
"""

from collections.abc import Collection, Mapping

from kube9_operator.clock import iso
from kube9_operator.model import rows
from kube9_operator.model.changes import Writer
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Service
from kube9_operator.write.resources.detect import dating
from kube9_operator.write.resources.detect.dating import Known
from kube9_operator.write.resources.detect.observed import Observed, observation

SAID_IMAGES = 3
"""In a description."""


def of_service(observed: Observed, previous: Service | None, current: Service | None) -> list[Observation]:
    """Created, deleted."""
    if current is None:
        return deleted(observed, previous.deleting_since_ms) if previous is not None else []
    return created(observed) if previous is None else []


def created(observed: Observed, images: Mapping[str, str] | None = None, replicas: int | None = None) -> list[Observation]:
    """An object is new, if it is no baseline. Its own creationTimestamp dates it."""
    if not observed.whole:
        return []
    shown = list(dict.fromkeys((images or {}).values()))
    known = [] if replicas is None else [f"{replicas} replica{'' if replicas == 1 else 's'}"]
    if shown:
        more = f" and {len(shown) - SAID_IMAGES} more" if len(shown) > SAID_IMAGES else ""
        known.append(f"image{'' if len(shown) == 1 else 's'} {', '.join(shown[:SAID_IMAGES])}{more}")
    return [
        observation(
            rows.CREATED,
            observed,
            (observed.uid,),
            parts=(observed.uid,),
            at_ms=observed.created_ms,
            reason=f"{observed.kind}Created",
            description=f"{observed.kind} {observed.name} was created" + (f" ({', '.join(known)})" if known else ""),
            metadata={"images": images, "replicas": replicas, "changed_by": _creator(observed.writers, observed.created_ms)},
        )
    ]


def deleted(observed: Observed, deleting_since_ms: int = 0) -> list[Observation]:
    """An object is gone. Its deletionTimestamp dates it, which it has only if something had to be done before it could go."""
    made = dating.made(observed.window, (), Known(asserted_ms=observed.deleted_ms or deleting_since_ms))
    return [
        observation(
            rows.DELETED,
            observed,
            (observed.uid,),
            parts=(observed.uid,),
            at_ms=made.first_ms,
            until_ms=made.last_ms,
            reason=f"{observed.kind}Deleted",
            description=f"{observed.kind} {observed.name} was deleted",
            metadata={"noticed_at": iso(made.last_ms) if made.is_range else ""},
        )
    ]


def _creator(writers: Collection[Writer], created_ms: int) -> str:
    """The only manager that wrote when the object was created; '' if there are several, or none."""
    found = [one.name for one in writers if one.time_ms and abs(one.time_ms - created_ms) <= dating.TOLERANCE_MS]
    return found[0] if len(found) == 1 else ""
