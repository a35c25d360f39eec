"""How contributors make one event: pure. Maxima, minima and sums of maxima only, so that neither repetition nor the order of
Events among each other changes the outcome.
"""

from collections.abc import Iterable
from typing import Any, NamedTuple

import msgspec

from kube9_operator.model.observation import INFO, Observation
from kube9_operator.model.rows import BY_NAME, CRASH_LOOP_REASON, RAISED
from kube9_operator.text.limits import MAX_METADATA_BYTES
from kube9_schema.codes import PRIMARY as PRIMARY
from kube9_schema.codes import STATUS as STATUS
from kube9_schema.steps import MAX_STEPS, STEP_BYTES
from kube9_schema.steps import encode as step

Stamp = tuple[int, int, str]
"""Orders contributors from the earliest to the latest: last time in ms, then count, then name."""


EARLIEST: Stamp = (0, 0, "")
"""Of metadata that no contributor gave."""


class Texts(NamedTuple):
    """What the contributors of an event say in words."""

    stamp: Stamp
    """Of the latest, which gave the description."""
    description: str
    metadata: dict[str, Any]
    stamps: dict[str, Stamp]
    """Of the metadata keys that an earlier contributor gave."""


def latest(one: Texts, other: Texts) -> Texts:
    """Both together: the description of the latest, each metadata key of the latest that has it. Commutative, idempotent."""
    # Of equal stamps (two Events of one name in two namespaces) the texts themselves decide.
    newer, older = (one, other) if _rank(one) >= _rank(other) else (other, one)
    metadata: dict[str, Any] = {}
    stamps: dict[str, Stamp] = {}
    for key in sorted({*one.metadata, *other.metadata}):
        _, giver = max((texts.stamps.get(key, texts.stamp), texts is newer) for texts in (one, other) if key in texts.metadata)
        texts = newer if giver else older
        metadata[key] = texts.metadata[key]
        stamp = texts.stamps.get(key, texts.stamp)
        if stamp != newer.stamp:
            stamps[key] = stamp
    return Texts(newer.stamp, newer.description, metadata, stamps)


def _rank(texts: Texts) -> tuple[Stamp, str, str]:
    return texts.stamp, texts.description, encode(texts.metadata)


def count(primary_events: int, primary_statuses: int, secondary: int, prefers_statuses: bool = False) -> int:
    """How often it happened: the greater account of its leads, or that of the statuses wherever there are any; without a lead
    the greatest stand-in.
    """
    if prefers_statuses and primary_statuses:
        return primary_statuses
    return max(primary_events, primary_statuses) or secondary


def added(flags: int, counts: tuple[int, int], accounts: tuple[int, int, int]) -> tuple[int, int, int]:
    """An event's accounts (leads that are Events, leads from statuses, greatest stand-in) with a contributor's counts
    (the rise, its own): leads are summed, of stand-ins the greatest counts.
    """
    primary_events, primary_statuses, secondary = accounts
    rise, own = counts
    if not flags & PRIMARY:
        return primary_events, primary_statuses, max(secondary, own)
    if flags & STATUS:
        return primary_events, primary_statuses + rise, secondary
    return primary_events + rise, primary_statuses, secondary


def title(severity: int, text: str, other_severity: int, other_text: str) -> tuple[int, str]:
    """The highest severity and its title; of two titles of one severity the first in the alphabet, whoever came first."""
    if severity == other_severity:
        return severity, min(text, other_text)
    return max((severity, text), (other_severity, other_text))


def raised(seen: Observation, primaries: int) -> Observation:
    """An observation of a happening whose leads count so many, with the face that its row has from such a count on."""
    row = BY_NAME.get(seen.row)
    if row is None or not 0 < row.raised_from <= primaries or seen.severity > RAISED[row.name].severity:
        return seen
    face = RAISED[row.name]
    metadata = msgspec.json.decode(seen.metadata) | {"reason": CRASH_LOOP_REASON}
    return msgspec.structs.replace(
        seen,
        severity=face.severity,
        title=face.title,
        reason=CRASH_LOOP_REASON,
        metadata=encode(metadata),
        text_hash=seen.text_hash ^ 1,  # other texts than before the rise
    )


def with_originals(seen: Observation, kind: bool, reason: bool, title: bool) -> str:
    """An event's metadata with what its row cannot say, because its namespace may not add a word for it. The node is there."""
    metadata = msgspec.json.decode(seen.metadata)
    if reason:
        metadata.setdefault("reason", seen.reason)
    if kind:
        metadata["original_kind"] = seen.kind
    if title:
        metadata["original_title"] = seen.title
    encoded = encode(metadata)
    return encoded if len(encoded) <= MAX_METADATA_BYTES else seen.metadata


def of_another_row(seen: Observation, text_hash: int) -> Observation:
    """An observation of an Event that was first seen in another row, in which it stays: it only counts there."""
    return msgspec.structs.replace(seen, severity=INFO - 1, row="", text_hash=text_hash)


def nearest(happenings: Iterable[tuple[int, int, int]], first_ms: int, last_ms: int, quiet_ms: int) -> int | None:
    """Which of the happenings (id, first_ms, last_ms) a contributor of this interval belongs to: the nearest that is no further
    than the quiet time away, of equals the latest; None where it begins a new one.
    """
    found = [
        (max(their_first - last_ms, first_ms - their_last, 0), -their_last, -event)
        for event, their_first, their_last in happenings
    ]
    distance, _, event = min(found, default=(quiet_ms + 1, 0, 0))
    return -event if distance <= quiet_ms else None


def add_step(steps: bytes, ms: int, count_then: int) -> bytes:
    """The occurrences of a contributor with one more: the first is kept for good, then the newest."""
    steps += step(ms, count_then)
    if len(steps) > MAX_STEPS * STEP_BYTES:
        steps = steps[:STEP_BYTES] + steps[2 * STEP_BYTES :]
    return steps


_json = msgspec.json.Encoder(order="sorted")


def encode(value: dict[str, Any]) -> str:
    """A JSON object with its keys in order, so that equal ones are equal texts."""
    return _json.encode(value).decode()
