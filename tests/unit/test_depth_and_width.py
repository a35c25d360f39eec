"""Nothing that an object holds ends a watch: any depth and width, in any object that is watched, wherever it is read."""

import json
import tracemalloc
from collections.abc import Iterator
from typing import Any

import pytest
from hypothesis import given, settings
from hypothesis import strategies as st

from kube9_operator.model.resource_states import GONE, UNREADABLE
from kube9_operator.watch import cluster_identity, decoding, lines, list_decoding
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.client import Answer, status_of
from kube9_operator.watch.decoding import identity
from kube9_operator.watch.errors import ApiError
from kube9_operator.watch.kind import Kind
from kube9_operator.watch.kinds import KINDS
from kube9_operator.watch.list_decoding import ListReader

OWN = {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7", "creationTimestamp": "2026-11-24T10:00:00Z"}
DEEP = (1, 5, 9, 11, 12, 13, 20, 900, 990, 1_500, 9_995, 50_000)
PLACES = (
    *(("metadata", one) for one in ("managedFields", "labels", "ownerReferences", "deletionTimestamp", "odd")),
    *(("spec", one) for one in ("containers", "template", "replicas", "unschedulable", "resources", "odd")),
    *(("status", one) for one in ("conditions", "containerStatuses", "capacity", "nodeInfo")),
    *((one,) for one in ("spec", "status", "endpoints", "involvedObject", "message", "count", "source", "series", "odd")),
)
MARK = "<here>"


def nested(depth: int, array: bool, inner: str = "1") -> str:
    """A JSON text so deep."""
    return "[" * depth + inner + "]" * depth if array else '{"f:a":' * depth + inner + "}" * depth


deep = st.builds(nested, st.sampled_from(DEEP), st.booleans())
wide = st.builds(lambda text, times: json.dumps([text] * times), st.text(max_size=20), st.sampled_from((0, 1, 500)))
escaped = st.builds(lambda times: '"' + "\\u003c" * times + '"', st.sampled_from((1, 2_000)))
scalars = st.sampled_from(("null", "1e999", "9" * 5_000, '"2026-13-45T99:00:00Z"', '"\\ud800"', "-0.0", "true", '""'))
entries = deep.map(lambda text: '[{"manager":"edit","time":"2026-11-24T10:00:00Z","fieldsV1":%s}]' % text)  # noqa: UP031
holdings = deep | wide | escaped | scalars | entries


@st.composite
def objects(draw: st.DrawFn) -> bytes:
    """An object as the API server writes it, with anything anywhere but where it says what it is called."""
    made: dict[str, Any] = {"kind": "Any", "metadata": dict(OWN), "type": "Warning", "reason": "Odd"}
    texts = []
    for place in draw(st.lists(st.sampled_from(PLACES), min_size=1, max_size=3, unique=True)):
        inner = made
        for key in place[:-1]:
            inner = inner.setdefault(key, {})
            if not isinstance(inner, dict):
                break
        else:
            inner[place[-1]] = f"{MARK}{len(texts)}"
            texts.append(draw(holdings))
    whole = json.dumps(made)
    for number, text in enumerate(texts):
        whole = whole.replace(f'"{MARK}{number}"', text)
    return whole.encode()


def well(kind: Kind, version: str) -> bytes:
    """An object of that kind that decodes."""
    own = OWN | {"name": f"well-{version}", "resourceVersion": version}
    return json.dumps({"apiVersion": "v1", "metadata": own, "type": "Warning"}).encode()


def names(batch: Batch) -> list[str]:
    """Of what was taken, in any form."""
    return [one.name for one in batch.states] + [one.contributor_name for one in batch.observations]


def check(batch: Batch, kind: Kind) -> None:
    """An object between two that are well: these are taken, and it is, or it is counted and named."""
    assert (batch.counts.received, len(batch.unreadable)) == (3, batch.counts.undecodable)
    assert batch.counts.undecodable <= 1
    assert {"well-6", "well-8"} <= set(names(batch))
    for one in batch.unreadable:
        assert (one.identity.namespace, one.identity.name, one.identity.version) == ("shop", "web", "7")
    if kind.of_states:
        assert [(one.name, one.version) for one in batch.states] == [("well-6", "6"), ("web", "7"), ("well-8", "8")]
        assert [one.reduced == UNREADABLE for one in batch.states].count(True) == batch.counts.undecodable


def in_pieces(data: bytes, size: int) -> Iterator[bytes]:
    return (data[at : at + size] for at in range(0, len(data), size))


def merged(batches: list[Batch]) -> Batch:
    """What several reads gave."""
    made = Batch()
    for one in batches:
        made.observations += one.observations
        made.states += one.states
        made.unreadable += one.unreadable
        made.counts.received += one.counts.received
        made.counts.undecodable += one.counts.undecodable
        made.version = one.version or made.version
    return made


@pytest.mark.parametrize("source", KINDS)
@settings(max_examples=25, deadline=None)
@given(found=objects(), size=st.sampled_from((97, 4_096, 1 << 30)))
def test_any_object_in_a_watch_a_page_and_a_list_as_a_stream(source: str, found: bytes, size: int) -> None:
    kind = KINDS[source]
    every = [well(kind, "6"), found, well(kind, "8")]
    stream = lines.Stream(kind)
    watched = merged(
        [stream.feed(one) for one in in_pieces(b"".join(b'{"type":"ADDED","object":%s}\n' % one for one in every), size)]
    )
    check(watched, kind)
    assert watched.version == "8"
    body = b'{"kind":"List","metadata":{"resourceVersion":"9"},"items":[%s]}\n' % b",".join(every)
    meta, page = list_decoding.page(body, kind)
    check(page, kind)
    reading = ListReader(kind)
    listed = merged([reading.feed(one) for one in in_pieces(body, size)])
    check(listed, kind)
    assert meta.resource_version == reading.end().resource_version == "9"
    assert names(watched) == names(page) == names(listed)
    deleted = stream.feed(b'{"type":"DELETED","object":%s}\n' % found)
    assert deleted.version == "7"
    if kind.of_states:
        assert [(one.name, one.reduced) for one in deleted.states] == [("web", GONE)]


@pytest.mark.parametrize("depth", DEEP)
def test_an_event_of_which_only_managed_fields_are_deep_is_recorded_whole(depth: int) -> None:
    fields = b'[{"manager":"edit","fieldsV1":%s}]' % nested(depth, array=False).encode()
    whole = json.dumps(
        {"metadata": OWN | {"managedFields": MARK}, "type": "Warning", "reason": "Odd", "message": "what it says", "count": 4}
    )
    batch = Batch()
    assert KINDS["events"].take(lines.msgspec.Raw(whole.encode().replace(b'"<here>"', fields)), batch) == "7"
    (seen,) = batch.observations
    assert (seen.description, seen.count, batch.counts.undecodable) == ("what it says", 4, 0)


class Body:
    """What urllib3 gives of an answer."""

    status = 500
    reason = "Internal Server Error"

    def __init__(self, body: bytes) -> None:
        self._body = body
        self.headers: dict[str, str] = {}

    def read(self, size: int) -> bytes:
        return self._body[:size]

    def close(self) -> None:
        pass


@settings(max_examples=100, deadline=None)
@given(inner=holdings, key=st.sampled_from(("details", "message", "code", "metadata")))
def test_any_body_of_an_error_and_any_error_line(inner: str, key: str) -> None:
    status = json.dumps({"kind": "Status", "code": 410, "message": "too old", key: MARK}).replace(f'"{MARK}"', inner).encode()
    raw: Any = Body(status)
    error = Answer(raw, None).as_error()
    assert error.status == 500
    assert str(error).startswith("500 ")
    with pytest.raises(lines.ErrorLine) as line:
        lines.Stream(KINDS["pods"]).feed(b'{"type":"ERROR","object":%s}\n' % status)
    if key in ("details", "metadata"):
        assert (line.value.error.status, "too old" in str(line.value.error)) == (410, True)
        assert "too old" in str(error) or len(status) > 60_000
    assert status_of(status) is None or key in ("details", "metadata", "message", "code")


@given(inner=holdings, key=st.sampled_from(("managedFields", "labels", "annotations")))
@settings(max_examples=50, deadline=None)
def test_any_namespace(inner: str, key: str) -> None:
    body = json.dumps({"metadata": OWN | {key: MARK}}).replace(f'"{MARK}"', inner).encode()
    assert (cluster_identity.uid(body), cluster_identity.remains(body)) == ("u1", True)
    body = json.dumps({"metadata": OWN | {key: MARK, "deletionTimestamp": "2026-11-24T10:00:00Z"}}).encode()
    assert not cluster_identity.remains(body.replace(b'"<here>"', inner.encode()))
    with pytest.raises(ApiError):
        cluster_identity.uid(inner.encode())
    assert cluster_identity.CLUSTER == "kube-system"


@pytest.mark.parametrize("source", ["events", "pods", "services"])
@pytest.mark.parametrize("first", [True, False])
def test_what_is_too_long_is_passed_over_with_its_version(source: str, first: bool, monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (lines, list_decoding):
        monkeypatch.setattr(module, "MAX_OBJECT_BYTES", 2_000)
    kind = KINDS[source]
    parts = [f'"metadata":{json.dumps(OWN)}', f'"odd":{nested(400, array=True)}', f'"message":"{"<" * 9_000}"']
    found = "{" + ",".join(parts if first else reversed(parts)) + "}"
    every = [well(kind, "6"), found.encode(), well(kind, "8")]
    for size in (97, 4_096, 1 << 30):
        stream, reading = lines.Stream(kind), ListReader(kind)
        text = b"".join(b'{"type":"MODIFIED","object":%s}\n' % one for one in every)
        batch = merged([stream.feed(one) for one in in_pieces(text, size)])
        check(batch, kind)
        assert (batch.counts.undecodable, batch.version) == (1, "8")
        listed = merged(
            [
                reading.feed(one)
                for one in in_pieces(b'{"metadata":{"resourceVersion":"9"},"items":[%s]}' % b",".join(every), size)
            ]
        )
        check(listed, kind)
        assert listed.counts.undecodable == 1
        gone = merged([stream.feed(one) for one in in_pieces(b'{"type":"DELETED","object":%s}\n' % every[1], size)])
        assert (gone.version, gone.counts.received, [one.reduced for one in gone.states]) == ("7", 1, [GONE] * kind.of_states)


MIB = 1024 * 1024


def peak(stream: lines.Stream, head: bytes, filling: bytes, times: int, tail: bytes) -> tuple[Batch, float]:
    """What a line of one text of so many pieces gives, and how much memory that takes at most, in MiB."""
    tracemalloc.start()
    try:
        stream.feed(head)
        for _ in range(times):
            stream.feed(filling)
        return stream.feed(tail), tracemalloc.get_traced_memory()[1] / MIB
    finally:
        tracemalloc.stop()


def test_memory_is_bounded_whatever_the_length_of_a_line() -> None:
    head = b'{"type":"ADDED","object":{"metadata":%s,"type":"Warning","reason":"Odd","message":"' % json.dumps(OWN).encode()
    filling = b"\\u003c" * 10_000
    stream = lines.Stream(KINDS["events"])
    largest, needed = peak(stream, head, filling, 157, b'"}}\n')
    assert (len(largest.observations), largest.version) == (1, "7"), "1.5 MiB of a text, with six bytes a character"
    assert needed < 3 * decoding.MAX_OBJECT_BYTES / MIB
    longer, needed = peak(stream, head, filling, 1_000, b'"}}\n')
    assert (longer.counts.undecodable, longer.version, names(longer)) == (1, "7", [])
    assert needed < 3 * decoding.MAX_OBJECT_BYTES / MIB


def test_an_identity_leaves_out_what_is_no_text() -> None:
    known = identity(b'{"metadata":{"name":"web","namespace":7,"uid":null,"resourceVersion":"8","labels":"\xff"}}')
    assert (known.namespace, known.name, known.uid, known.version) == (None, "web", None, "8")
    assert str(known) == "web at version 8"
    assert identity(b"5") == identity(b"") == identity(b'{"metadata":[]}') == (None, None, None, None)
