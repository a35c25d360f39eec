"""What a person sees of 210 Events of a real cluster: each belongs to an event of the list, or filtered for a reason here."""

import json
import random
from collections import Counter
from pathlib import Path
from typing import Any

import pytest

from kube9_operator.model.observation import SEVERITIES, Observation
from kube9_operator.watch import list_decoding
from kube9_operator.watch.kinds.events import EVENTS
from tests.unit.test_merge import QUIET, Record

DATA = Path(__file__).parent.parent / "data" / "events-1.36.3.jsonl"

FILTERED = {
    **dict.fromkeys(("Scheduled", "Pulling", "Pulled", "Created", "Started"), "the life of a pod that is well"),
    **dict.fromkeys(("ScalingReplicaSet", "SuccessfulCreate", "SuccessfulDelete"), "what a controller was asked for"),
    "Killing": "follows from a probe, an eviction or a deletion, which have events of their own",
    "SandboxChanged": "follows from a restart of the node",
    **dict.fromkeys(("Starting", "RegisteredNode", "NodeAllocatableEnforced", "NodeReady"), "a node that comes up"),
    **dict.fromkeys(("NodeHasSufficientMemory", "NodeHasNoDiskPressure", "NodeHasSufficientPID"), "no pressure"),
    "NodeNotReady": "of a pod: its node's event says it",
}

EXPECTED = DATA.with_name("written-1.36.3.txt")
"""A line each: severity, title, object, count, reason, what the message told, how the description begins."""


def observations() -> tuple[list[Observation], Counter[str]]:
    """Of the worthy Events their observations; of the others how many there are of each reason."""
    found, filtered = [], Counter[str]()
    for line in DATA.read_bytes().splitlines():
        _, batch = list_decoding.page(b'{"metadata":{"resourceVersion":"1"},"items":[' + line + b"]}", EVENTS)
        assert batch.counts.undecodable == 0
        found += batch.observations
        if not batch.observations:
            filtered[json.loads(line)["reason"]] += 1
    return found, filtered


def shown(record: Record) -> list[tuple[str, ...]]:
    """The events of a record, as the list above has them."""
    rows = []
    for severity, title, kind, namespace, name, count, reason, metadata, description in record.connection.execute(
        """SELECT e.severity, w.word, k.word, n.word, o.name, e.count, r.word, t.metadata, t.description FROM events e
        JOIN texts t ON t.event = e.id JOIN words w ON w.id = e.title JOIN objects o ON o.id = e.object
        JOIN words k ON k.id = o.kind JOIN words n ON n.id = o.namespace JOIN words r ON r.id = e.reason"""
    ):
        told: dict[str, Any] = json.loads(metadata)
        about = "/".join(part for part in (kind, namespace, name) if part)
        facts = ("image", "probe", "container", "volume", "new", "storage_class")
        fact = next((str(told[key]) for key in facts if key in told), "")
        rows.append((SEVERITIES[severity], title, about, str(count), told.get("reason", reason), fact, description))
    return sorted(rows)


def expected() -> list[tuple[str, ...]]:
    return sorted(tuple(cell.strip() for cell in line.split("|")) for line in EXPECTED.read_text().splitlines())


@pytest.mark.parametrize("seed", range(5))
def test_what_a_person_sees_in_any_order(seed: int) -> None:
    found, _ = observations()
    random.Random(seed).shuffle(found)
    record = Record()
    record.store._quiet_ms = 2 * QUIET  # the run took longer than an hour
    record.take(*found, *found[: 20 * seed])
    rows = shown(record)
    record.connection.close()
    for row, wanted in zip(rows, expected(), strict=True):
        assert row[:6] == wanted[:6]
        assert row[6].startswith(wanted[6])


def test_each_other_event_is_filtered_for_a_reason() -> None:
    found, filtered = observations()
    assert set(filtered) == set(FILTERED)
    assert len(found) + filtered.total() == 210
    assert (len(found), filtered["NodeNotReady"]) == (49, 4), "53 worth recording, of which four say what another says"
