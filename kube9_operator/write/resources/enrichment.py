"""Enrichment: facts from the states of claims and autoscalers, added to the metadata of Events about them."""

from typing import Any

import msgspec

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import KINDS, SOURCES, Autoscaler, Claim
from kube9_operator.text.limits import MAX_METADATA_BYTES
from kube9_operator.write.events import merge, stored
from kube9_operator.write.events.store import Store
from kube9_operator.write.resources.detect.observed import Observed
from kube9_operator.write.sqlite.database import Connection, one
from kube9_schema.api_groups import identity_group

ENRICHED = frozenset(("persistentvolumeclaims", "horizontalpodautoscalers"))
"""Sources whose states have facts that their Events lack."""
MOST_EVENTS = 100
"""The newest events of an object that are looked at when its state changes."""


def facts(state: Claim | Autoscaler, metadata: dict[str, Any]) -> dict[str, Any]:
    """What a state adds to the metadata of an Event. Pure.

    An autoscaler's previous size is the size it had while it still wants the old one, or the one that it reports until its
    next sync after it has scaled. When both have moved on, it is not known.
    """
    found: dict[str, Any]
    if isinstance(state, Claim):
        found = {"storage_class": state.storage_class, "requested_size": state.requested_size}
    else:
        target = "/".join(part for part in (state.target_kind, state.target_name) if part)
        found = {"target": target, "previous": _previous(state, metadata.get("new"))}
    return {key: value for key, value in found.items() if value not in ("", None) and key not in metadata}


def _previous(state: Autoscaler, new: Any) -> int | None:
    if not isinstance(new, int):
        return None
    if state.desired_replicas != new:
        return state.desired_replicas or None
    return state.current_replicas if state.current_replicas != new and state.current_replicas else None


class Enrichment:
    """Works in the transaction of its caller."""

    def __init__(self, connection: Connection, store: Store) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._store = store

    def event_stored(self, observation: Observation, event: int) -> None:
        """Adds facts to a new event, if there is a state with facts about its object."""
        source = SOURCES.get(observation.kind)
        if source in ENRICHED and not identity_group(observation.kind, observation.api_version):
            row = one(
                self._connection,
                "SELECT state FROM states WHERE source = ? AND namespace = ? AND name = ? AND uid = ?",
                (source, observation.namespace, observation.name, observation.uid),
            )
            if row is not None:
                self._enrich(event, stored.state(source, row[0]))

    def state_changed(self, observed: Observed, state: Any) -> None:
        """Adds the facts of a new or changed state to the object's events that lack them.

        What an autoscaler reports now says nothing about events before the last.
        """
        if observed.source not in ENRICHED:
            return
        events: list[tuple[Any, ...]] = self._execute(
            """SELECT e.id FROM objects o JOIN words k ON k.id = o.kind JOIN words n ON n.id = o.namespace
            JOIN events e ON e.object = o.id WHERE o.name = ? AND k.word = ? AND n.word = ? AND o.uid = ?
            AND o.api_group = 0 ORDER BY e.id DESC LIMIT ?""",
            (observed.name, KINDS[observed.source], observed.namespace, observed.uid, MOST_EVENTS),
        ).fetchall()
        for at, (event,) in enumerate(events):
            known = state
            if at and isinstance(state, Autoscaler):
                known = msgspec.structs.replace(state, current_replicas=0, desired_replicas=0)
            self._enrich(event, known)

    def _enrich(self, event: int, state: Claim | Autoscaler) -> None:
        """Adds what an event's metadata lacks. It counts as earlier than what any contributor says."""
        row = one(self._connection, "SELECT metadata, stamps FROM texts WHERE event = ?", (event,))
        if row is None:
            return
        metadata = stored.metadata(row[0])
        added = facts(state, metadata)
        encoded = merge.encode(metadata | added)
        if added and len(encoded) <= MAX_METADATA_BYTES:
            stamps = stored.stamps(row[1]) | dict.fromkeys(added, merge.EARLIEST)
            self._store.enrich(event, encoded, merge.encode(stamps))
        if isinstance(state, Autoscaler) and state.target_kind:
            self._store.retitle(event, rows.title(rows.HPA_SCALED), rows.title(rows.HPA_SCALED, state.target_kind))
