"""Kubernetes Events: each becomes an observation, or is not worth one. What is deleted says nothing of the happening."""

from functools import partial

import msgspec

from kube9_operator import logs
from kube9_operator.text import truncation
from kube9_operator.watch import observations
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.decoding import NOT_DECODED, decode, identity
from kube9_operator.watch.kind import Kind, take_unreadable
from kube9_operator.watch.recognise import TABLE_ALONE, Chosen

TYPES = ("Normal", "Warning", "other")
"""Of Events, as they are counted: any text may be their type."""
_event = msgspec.json.Decoder(observations.Event)


def take(raw: msgspec.Raw, batch: Batch, chosen: Chosen = TABLE_ALONE) -> str:
    """Counts and normalises one Event; returns its resourceVersion."""
    try:
        event = decode(_event, raw)
        observation = observations.normalise(event, chosen, batch.server_ms)
    except Exception as error:  # whatever an Event holds ends no watch
        return take_unreadable(raw, batch, logs.one_line(error), of_states=False)
    batch.counts.received += 1
    counted_as = event.type if event.type in TYPES else "other"
    batch.types[counted_as] = batch.types.get(counted_as, 0) + 1
    if observation is None:
        batch.counts.filtered += 1
    else:
        truncation.note(observation.kind, observation.metadata)
        batch.observations.append(observation)
    return event.metadata.resource_version or ""


def take_deleted(raw: msgspec.Raw, batch: Batch) -> str:
    """Counts an Event that expires, or goes with its namespace; notes how old it was."""
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
    """EVENTS with what settings add to the table and leave out of it."""
    return msgspec.structs.replace(EVENTS, take=partial(take, chosen=chosen))
