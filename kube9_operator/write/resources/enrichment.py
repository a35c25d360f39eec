"""What claims and autoscalers say of themselves, and Events about them do not, in the metadata of these Events."""

from typing import Any

import msgspec

from kube9_operator.model import rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import KINDS, SOURCES, Autoscaler, Claim
from kube9_operator.text.limits import MAX_METADATA_BYTES
from kube9_operator.write.events import merge, stored
from kube9_operator.write.events.updates import Amend
from kube9_operator.write.resources.detect.observed import Seen
from kube9_operator.write.sqlite.database import Connection, one
from kube9_schema.api_groups import identity_group

DESCRIBED = frozenset(("persistentvolumeclaims", "horizontalpodautoscalers"))
MOST_EVENTS = 100
"""Of an object, the newest, that are looked at when its state changes."""


def described(state: Claim | Autoscaler, metadata: dict[str, Any]) -> dict[str, Any]:
    """The metadata that a state adds to an Event's. Pure.

    An autoscaler's previous size is the size it had while it still wants the old one, or the one that it reports until its
    next look after it has scaled; when both have moved on, nobody knows.
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


class Described:
    """Works in the transaction that the caller holds."""

    def __init__(self, connection: Connection, amend: Amend) -> None:
        self._connection = connection
        self._execute = connection.execute
        self._amend = amend

    def stored(self, seen: Observation, event: int) -> None:
        """An event has begun: if it is about what is described, its metadata says so."""
        source = SOURCES.get(seen.kind)
        if source in DESCRIBED and not identity_group(seen.kind, seen.api_version):
            row = one(
                self._connection,
                "SELECT state FROM states WHERE source = ? AND namespace = ? AND name = ? AND uid = ?",
                (source, seen.namespace, seen.name, seen.uid),
            )
            if row is not None:
                self._describe(event, stored.state(source, row[0]))

    def learned(self, seen: Seen, state: Any) -> None:
        """A state was seen for the first time, or has changed: events that lack what it says are given it.

        What an autoscaler reports now says nothing of events before the last.
        """
        if seen.source not in DESCRIBED:
            return
        events: list[tuple[Any, ...]] = self._execute(
            """SELECT e.id FROM objects o JOIN words k ON k.id = o.kind JOIN words n ON n.id = o.namespace
            JOIN events e ON e.object = o.id WHERE o.name = ? AND k.word = ? AND n.word = ? AND o.uid = ?
            AND o.api_group = 0 ORDER BY e.id DESC LIMIT ?""",
            (seen.name, KINDS[seen.source], seen.namespace, seen.uid, MOST_EVENTS),
        ).fetchall()
        for at, (event,) in enumerate(events):
            known = state
            if at and isinstance(state, Autoscaler):
                known = msgspec.structs.replace(state, current_replicas=0, desired_replicas=0)
            self._describe(event, known)

    def _describe(self, event: int, state: Claim | Autoscaler) -> None:
        """Adds to an event's metadata what is not there. It counts as earlier than what any contributor says."""
        row = one(self._connection, "SELECT metadata, stamps FROM texts WHERE event = ?", (event,))
        if row is None:
            return
        metadata = stored.metadata(row[0])
        added = described(state, metadata)
        encoded = merge.encode(metadata | added)
        if added and len(encoded) <= MAX_METADATA_BYTES:
            stamps = stored.stamps(row[1]) | dict.fromkeys(added, merge.EARLIEST)
            self._amend.describe(event, encoded, merge.encode(stamps))
        if isinstance(state, Autoscaler) and state.target_kind:
            self._amend.rename(event, rows.title(rows.HPA_SCALED), rows.title(rows.HPA_SCALED, state.target_kind))
