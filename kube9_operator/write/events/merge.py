"""How contributors make one event. Pure.

Only maxima, minima and sums of maxima, so that neither repetition nor the order of Events changes the result.
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
"""The stamp of metadata that no contributor gave."""

STATUS_NAME = ""
"""The contributor name of a status. Events have one."""
EXIT_CODES = "exit_codes"
"""A key of metadata whose value adds up: each restart of a container contributes once."""
MAX_EXIT_CODES = 20
"""The exit codes that one event keeps: those that were seen last."""


class Texts(NamedTuple):
    """The texts of an event, merged from its contributors."""

    stamp: Stamp
    """The stamp of the latest contributor, which gave the description."""
    description: str
    metadata: dict[str, Any]
    stamps: dict[str, Stamp]
    """The stamps of metadata keys that an earlier contributor gave."""


def latest(one: Texts, other: Texts, status_describes: bool = False) -> Texts:
    """Merges two texts: the latest description, and each metadata key of the latest that has it. Commutative and idempotent,
    except that exit codes add up.

    With `status_describes`, the description of a status stays, however many Events come after it.
    """
    # Of equal stamps (two Events of one name in two namespaces) the texts themselves decide.
    newer, older = (one, other) if _rank(one, status_describes) >= _rank(other, status_describes) else (other, one)
    metadata: dict[str, Any] = {}
    stamps: dict[str, Stamp] = {}
    for key in sorted({*one.metadata, *other.metadata}):
        _, giver = max((texts.stamps.get(key, texts.stamp), texts is newer) for texts in (one, other) if key in texts.metadata)
        texts = newer if giver else older
        metadata[key] = texts.metadata[key]
        stamp = texts.stamps.get(key, texts.stamp)
        if stamp != newer.stamp:
            stamps[key] = stamp
    if EXIT_CODES in one.metadata and EXIT_CODES in other.metadata:
        metadata[EXIT_CODES] = _added(one.metadata[EXIT_CODES], other.metadata[EXIT_CODES])
    return Texts(newer.stamp, newer.description, metadata, stamps)


def _rank(texts: Texts, status_describes: bool) -> tuple[bool, Stamp, str, str]:
    by_status = status_describes and texts.stamp[2] == STATUS_NAME
    return by_status, texts.stamp, texts.description, encode(texts.metadata)


def _added(one: Any, other: Any) -> dict[str, Any]:
    """Adds up two accounts of exit codes: how often each was seen, first and last."""
    found: dict[str, Any] = dict(one)
    for code, account in other.items():
        known = found.get(code, account | {"count": 0})
        found[code] = {
            "count": known["count"] + account["count"],
            "first": min(known["first"], account["first"]),
            "last": max(known["last"], account["last"]),
        }
    kept = sorted(found, key=lambda code: (found[code]["last"], code))[-MAX_EXIT_CODES:]
    return {code: found[code] for code in sorted(kept)}


def count(primary_events: int, primary_statuses: int, secondary: int, prefers_statuses: bool = False) -> int:
    """How often it happened: the greater sum of primary contributors (Events or statuses), or the sum of statuses if these are
    preferred. Without a primary contributor, the greatest count of a secondary one.
    """
    if prefers_statuses and primary_statuses:
        return primary_statuses
    return max(primary_events, primary_statuses) or secondary


def added(flags: int, counts: tuple[int, int], sums: tuple[int, int, int]) -> tuple[int, int, int]:
    """An event's sums (primary Events, primary statuses, greatest secondary) after adding a contributor's counts.

    `counts` are the rise of the contributor's count, and its own count. Primary contributors are added up; of secondary ones
    only the greatest counts.
    """
    primary_events, primary_statuses, secondary = sums
    rise, own = counts
    if not flags & PRIMARY:
        return primary_events, primary_statuses, max(secondary, own)
    if flags & STATUS:
        return primary_events, primary_statuses + rise, secondary
    return primary_events + rise, primary_statuses, secondary


def title(severity: int, text: str, other_severity: int, other_text: str) -> tuple[int, str]:
    """The highest severity and its title. Of two titles with the same severity it is the first in the alphabet."""
    if severity == other_severity:
        return severity, min(text, other_text)
    return max((severity, text), (other_severity, other_text))


def raised(observation: Observation, primaries: int) -> Observation:
    """An observation of an event whose primary contributors count this many, with the title variant for that count."""
    row = BY_NAME.get(observation.row)
    if row is None or not 0 < row.raised_from <= primaries or observation.severity > RAISED[row.name].severity:
        return observation
    raised_row = RAISED[row.name]
    metadata = msgspec.json.decode(observation.metadata) | {"reason": CRASH_LOOP_REASON}
    return msgspec.structs.replace(
        observation,
        severity=raised_row.severity,
        title=raised_row.title,
        reason=CRASH_LOOP_REASON,
        metadata=encode(metadata),
        text_hash=observation.text_hash ^ 1,  # other texts than before the rise
    )


def with_originals(observation: Observation, kind: bool, reason: bool, title: bool) -> str:
    """An event's metadata with the texts that its namespace may not add as words. The node is in the metadata already."""
    metadata = msgspec.json.decode(observation.metadata)
    if reason:
        metadata.setdefault("reason", observation.reason)
    if kind:
        metadata["original_kind"] = observation.kind
    if title:
        metadata["original_title"] = observation.title
    encoded = encode(metadata)
    return encoded if len(encoded) <= MAX_METADATA_BYTES else observation.metadata


def of_another_row(observation: Observation, text_hash: int) -> Observation:
    """An observation of an Event that belongs to another row of the table for good: it only adds to the count there."""
    return msgspec.structs.replace(observation, severity=INFO - 1, row="", text_hash=text_hash)


def nearest(events: Iterable[tuple[int, int, int]], first_ms: int, last_ms: int, quiet_ms: int) -> int | None:
    """Which of the events (id, first_ms, last_ms) a contributor of this interval belongs to; None if it begins a new one.

    It is the nearest event that is no further away than the quiet time; of equally near ones the latest.
    """
    found = [
        (max(their_first - last_ms, first_ms - their_last, 0), -their_last, -event) for event, their_first, their_last in events
    ]
    distance, _, event = min(found, default=(quiet_ms + 1, 0, 0))
    return -event if distance <= quiet_ms else None


def add_step(steps: bytes, ms: int, count_then: int) -> bytes:
    """Adds an occurrence to those of a contributor. The first one and the newest are kept."""
    steps += step(ms, count_then)
    if len(steps) > MAX_STEPS * STEP_BYTES:
        steps = steps[:STEP_BYTES] + steps[2 * STEP_BYTES :]
    return steps


_json = msgspec.json.Encoder(order="sorted")


def encode(value: dict[str, Any]) -> str:
    """A JSON object with its keys in order, so that equal ones are equal texts."""
    return _json.encode(value).decode()
