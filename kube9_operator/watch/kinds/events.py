"""Kubernetes Events. Each becomes an observation, if it is worth recording. A deleted Event only tells how long Events stay."""

from functools import partial

import msgspec

from kube9_operator import logs
from kube9_operator.model.rules.matcher import TABLE_ALONE, Chosen
from kube9_operator.text import truncation
from kube9_operator.watch import observations
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.decoding import NOT_DECODED, decode, identity
from kube9_operator.watch.kind import Kind, take_unreadable

TYPES = ("Normal", "Warning", "other")
"""The types by which Events are counted. The API accepts any text as a type."""
_event = msgspec.json.Decoder(observations.Event)


def take(raw: msgspec.Raw, batch: Batch, chosen: Chosen = TABLE_ALONE) -> str:
    """Counts and normalises one Event. Returns its resourceVersion."""
    try:
        event = decode(_event, raw)
        observation = observations.normalise(event, chosen, batch.server_ms)
    except Exception as error:  # nothing that an Event contains may end a watch
        return take_unreadable(raw, batch, logs.one_line(error), of_states=False)
    batch.counts.received += 1
    counted_as = event.type if event.type in TYPES else "other"
    batch.types[counted_as] = batch.types.get(counted_as, 0) + 1
    if event.reason == observations.SCALING and (scaling := observations.scaling(event, batch.server_ms, chosen.event_ttl_ms)):
        batch.scalings.append(scaling)
    if observation is None:
        batch.counts.filtered += 1
    else:
        truncation.note(observation.kind, observation.metadata)
        batch.observations.append(observation)
    return event.metadata.resource_version or ""


def take_deleted(raw: msgspec.Raw, batch: Batch) -> str:
    """Counts an Event that expired, or was deleted with its namespace; notes how old it was. Returns its resourceVersion."""
    batch.counts.received += 1
    batch.counts.filtered += 1
    try:
        event = decode(_event, raw)
    except NOT_DECODED:
        return identity(raw).version or ""
    batch.gone.append((event.metadata.namespace or "", observations.written_ms(event, batch.server_ms)))
    return event.metadata.resource_version or ""


EVENTS = Kind("events", take, take_deleted, of_states=False)


def choosing(chosen: Chosen) -> Kind:
    """Returns EVENTS with what the settings add to the table and leave out."""
    return msgspec.structs.replace(EVENTS, take=partial(take, chosen=chosen))
