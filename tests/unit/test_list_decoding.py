"""A list in one answer, cut anywhere."""

import json

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube9_operator.watch.errors import ApiError
from kube9_operator.watch.kinds.events import EVENTS
from kube9_operator.watch.list_decoding import ListReader
from tests.unit.test_events import event


def body(items: list[object] | None) -> bytes:
    made = {"kind": "EventList", "apiVersion": "v1", "metadata": {"resourceVersion": "9"}, "items": items}
    return json.dumps(made, separators=(",", ":"), ensure_ascii=False).encode() + b"\n"


@settings(deadline=None)
@given(st.integers(1, 200), st.text(max_size=20))
def test_pieces_of_any_size_give_every_item(size: int, text: str) -> None:
    items = [event(message=text + ' {"]},\\'), event(count="many"), event(type="Normal", reason="Started"), event()]
    whole = body(items * 5)
    reading, received, observations = ListReader(EVENTS), 0, 0
    for at in range(0, len(whole), size):
        batch = reading.feed(whole[at : at + size])
        received, observations = received + batch.counts.received, observations + len(batch.observations)
    assert (reading.end().resource_version, received, observations) == ("9", 20, 10)


@pytest.mark.parametrize("items", [None, []])
def test_an_empty_list(items: list[object] | None) -> None:
    reading = ListReader(EVENTS)
    assert reading.feed(body(items)).counts.received == 0
    assert reading.end().resource_version == "9"


@pytest.mark.parametrize("broken", [b"<html>", b"", body([event()])[:-20], b'{"items":[{}]}'])
def test_what_is_no_list_or_not_whole(broken: bytes) -> None:
    with pytest.raises(ApiError):
        _read(broken)


def _read(whole: bytes) -> None:
    reading = ListReader(EVENTS)
    reading.feed(whole)
    reading.end()
