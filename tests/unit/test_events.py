"""What observation an Event becomes: the three shapes, what Kubernetes wrote, and anything of the right form."""

import json
from datetime import UTC, datetime
from pathlib import Path
from typing import Any

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube9_operator.model.observation import SEVERITIES, Observation
from kube9_operator.model.rules.matcher import Chosen
from kube9_operator.watch import lines, list_decoding, observations
from kube9_operator.watch.kinds.events import EVENTS
from kube9_operator.watch.list_decoding import ListReader
from kube9_operator.watch.observations import Event, normalise

DATA = Path(__file__).parent.parent / "data" / "events-1.36.3.jsonl"


def event(**fields: Any) -> dict[str, Any]:
    """An Event of the old recorder."""
    return {
        "metadata": {
            "name": "web.17a",
            "namespace": "shop",
            "creationTimestamp": "2026-11-23T15:37:50Z",
            "resourceVersion": "7",
        },
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": "web", "uid": "u1"},
        "reason": "Unhealthy",
        "message": "Readiness probe failed: not yet\n",
        "type": "Warning",
        "count": 3,
        "firstTimestamp": "2026-11-23T15:37:50Z",
        "lastTimestamp": "2026-11-23T15:38:20Z",
        "source": {"component": "kubelet", "host": "node1"},
        "reportingComponent": "kubelet",
    } | fields


def observation(**fields: Any) -> Observation:
    found = normalise(msgspec.convert(event(**fields), Event))
    assert found
    return found


def ms(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


@pytest.mark.parametrize(
    ("name", "kept"), [("web.18ea", ".18ea"), ("web-1.18ea", "web-1.18ea"), ("web", "web"), ("18ea", "18ea"), ("", "")]
)
def test_the_name_of_the_object_is_not_stored_again_with_the_name_of_its_event(name: str, kept: str) -> None:
    assert observation(metadata={"namespace": "shop", "name": name}).contributor_name == kept


def test_old_recorder() -> None:
    seen = observation()
    assert (seen.kind, seen.namespace, seen.name, seen.uid, seen.node) == ("Pod", "shop", "web", "u1", "node1")
    assert (seen.reason, seen.title, seen.description) == ("Unhealthy", "Pod Unhealthy", "Readiness probe failed: not yet")
    assert (seen.count, seen.first_ms, seen.last_ms) == (3, ms("2026-11-23T15:37:50Z"), ms("2026-11-23T15:38:20Z"))
    assert SEVERITIES[seen.severity] == "warning"
    assert json.loads(seen.metadata) == {
        "node": "node1",
        "probe": "readiness",
        "source": {"component": "kubelet", "host": "node1"},
    }


NEW = {
    "count": None,
    "firstTimestamp": None,
    "lastTimestamp": None,
    "source": {},
    "reportingComponent": "default-scheduler",
    "eventTime": "2026-11-23T15:37:49.123456Z",
}


def test_new_recorder() -> None:
    seen = observation(**NEW)
    assert (seen.count, seen.first_ms, seen.last_ms) == (1, ms("2026-11-23T15:37:49.123Z"), ms("2026-11-23T15:37:49.123Z"))
    assert json.loads(seen.metadata)["source"] == {"component": "default-scheduler"}
    assert seen.node == ""


def test_series() -> None:
    seen = observation(**NEW, series={"count": 7, "lastObservedTime": "2026-11-23T15:59:00.5Z"})
    assert (seen.count, seen.first_ms, seen.last_ms) == (7, ms("2026-11-23T15:37:49.123Z"), ms("2026-11-23T15:59:00.5Z"))


def test_without_message_or_namespace() -> None:
    seen = observation(message=None, involvedObject={"kind": "Node", "name": "node1"})
    assert (seen.description, seen.namespace, seen.node, seen.title) == ("", "", "node1", "Node Unhealthy")


def test_a_node_is_known_by_its_name_alone() -> None:
    one = observation(involvedObject={"kind": "Node", "name": "node1", "uid": "node1"})
    other = observation(involvedObject={"kind": "Node", "name": "node1", "uid": "8ff09ab7"})
    assert (one.uid, one.key) == (other.uid, other.key) == ("", one.key)


@pytest.mark.parametrize(("kind", "worth"), [("Normal", False), ("Warning", True), ("Urgent", True), (None, True)])
def test_what_is_recorded(kind: str | None, worth: bool) -> None:
    assert (normalise(msgspec.convert(event(type=kind, reason="Odd"), Event)) is not None) is worth
    assert normalise(msgspec.convert(event(type=kind), Event)), "what the table names, whatever its type"


LONGHORN = {"kind": "Node", "name": "n1", "apiVersion": "longhorn.io/v1beta2", "namespace": "longhorn-system", "uid": "7a"}


def test_a_node_of_another_group_is_no_node() -> None:
    seen = observation(involvedObject=LONGHORN, source={"component": "longhorn-node-controller"}, reason="Odd")
    assert (seen.kind, seen.namespace, seen.name, seen.uid) == ("Node", "longhorn-system", "n1", "7a")
    assert (seen.api_version, seen.node) == ("longhorn.io/v1beta2", "")
    own = observation(involvedObject=LONGHORN | {"apiVersion": "v1"})
    assert (own.namespace, own.uid, own.api_version, own.node) == ("", "", "v1", "n1")


@pytest.mark.parametrize(
    ("given", "kept"),
    [
        ("v1", "v1"),
        ("apps/v1", "apps/v1"),
        ("serving.knative.dev/v1", "serving.knative.dev/v1"),
        (None, ""),
        ("", ""),
        ("a b/v1", ""),
        ("x" * 300 + "/v1", ""),
        ("apps/v1/x", ""),
        ("password=hunter2222", ""),
    ],
)
def test_the_api_version_is_as_the_event_gives_it(given: str | None, kept: str) -> None:
    assert (
        observation(involvedObject={"kind": "Pod", "name": "web", "namespace": "shop", "apiVersion": given}).api_version == kept
    )


def test_what_belongs_together() -> None:
    odd = {"reason": "Odd"}
    assert observation(**odd, message="another").key == observation(**odd).key
    assert observation(reason="Strange").key != observation(**odd).key
    assert observation(**odd, source={"component": "other"}).key != observation(**odd).key
    assert observation(source={"component": "other"}).key == observation().key, "the emitter only where the table says so"
    moved = event()["metadata"] | {"uid": "written again", "resourceVersion": "9"}
    assert observation(metadata=moved, count=57).contributor == observation().contributor
    assert observation(firstTimestamp="2026-11-23T15:37:51Z").contributor != observation().contributor


def test_a_time_ahead_of_the_server_is_replaced_and_kept() -> None:
    seen = observation(count=1, firstTimestamp="2026-11-24T15:37:50Z", lastTimestamp="2026-11-24T15:37:50Z")
    assert (seen.first_ms, seen.last_ms) == (ms("2026-11-23T15:37:50Z"),) * 2
    metadata = json.loads(seen.metadata)
    assert metadata["original_first_timestamp"] == metadata["original_last_timestamp"] == "2026-11-24T15:37:50Z"


def test_a_clock_that_is_behind_loses_no_event() -> None:
    seen = observation(count=1, firstTimestamp="1970-01-01T00:00:00Z", lastTimestamp="1970-01-01T00:00:00Z")
    assert (seen.first_ms, seen.last_ms) == (ms("2026-11-23T15:37:50Z"),) * 2
    metadata = json.loads(seen.metadata)
    assert metadata["original_first_timestamp"] == metadata["original_last_timestamp"] == "1970-01-01T00:00:00Z"
    again = observation(count=1, firstTimestamp="1970-01-01T00:00:00Z", lastTimestamp="1970-01-01T00:00:00Z")
    assert again.contributor == seen.contributor, "it is known by what the emitter said"


def test_a_first_time_of_an_event_that_was_written_anew_stands() -> None:
    seen = observation(count=57, firstTimestamp="2026-11-20T15:37:50Z", lastTimestamp="2026-11-23T15:37:40Z")
    assert (seen.first_ms, seen.last_ms) == (ms("2026-11-20T15:37:50Z"), ms("2026-11-23T15:37:40Z"))
    assert "original_first_timestamp" not in json.loads(seen.metadata)


def test_the_event_ttl_bounds_the_past() -> None:
    early = {"firstTimestamp": "2026-11-23T13:00:00Z", "lastTimestamp": "2026-11-23T13:00:00Z", "count": 1}
    found = normalise(msgspec.convert(event(**early), Event), Chosen(event_ttl_ms=3 * 3_600_000))
    assert found
    assert found.last_ms == ms("2026-11-23T13:00:00Z")
    assert observation(**early).last_ms == ms("2026-11-23T15:37:50Z"), "the default is an hour"


def test_the_last_time_of_a_long_series_is_its_own() -> None:
    assert observation(lastTimestamp="2026-11-25T15:37:50Z").last_ms == ms("2026-11-25T15:37:50Z")
    written = event()["metadata"] | {"managedFields": [{"manager": "kubelet", "time": "2026-11-23T16:00:00Z"}]}
    seen = observation(metadata=written, lastTimestamp="2026-11-25T15:37:50Z")
    assert seen.last_ms == ms("2026-11-23T16:00:00Z"), "held against the API server's own time of the last write"


AHEAD = "2099-01-01T00:00:00Z"
CLOCK = "2026-11-23T16:00:00Z"


@pytest.mark.parametrize("count", [1, 3])
@pytest.mark.parametrize("fields", [None, [], [{}], [{"time": AHEAD}], [{"time": "2026-11-23T15:50:00Z"}, {"time": AHEAD}]])
def test_no_last_time_is_ahead_of_the_clock_of_the_api_server(count: int, fields: list[Any] | None) -> None:
    own = event()["metadata"] | {"managedFields": fields}
    found = msgspec.convert(event(metadata=own, count=count, lastTimestamp=AHEAD), Event)
    seen = normalise(found, server_ms=ms(CLOCK))
    assert seen
    assert seen.last_ms == ms("2026-11-23T15:50:00Z" if fields and len(fields) == 2 else own["creationTimestamp"])
    assert json.loads(seen.metadata)["original_last_timestamp"] == AHEAD
    assert observations.written_ms(found, ms(CLOCK)) == seen.last_ms


def test_api_servers_may_differ_by_a_little() -> None:
    own = event()["metadata"] | {"managedFields": [{"time": "2026-11-23T16:00:05Z"}]}
    found = msgspec.convert(event(metadata=own, lastTimestamp="2026-11-23T16:00:04Z"), Event)
    assert observations.written_ms(found, ms(CLOCK)) == ms(CLOCK)
    seen = normalise(found, server_ms=ms(CLOCK))
    assert seen
    assert seen.last_ms == ms("2026-11-23T16:00:04Z")


def test_the_clock_reaches_every_event() -> None:
    own = event()["metadata"] | {"managedFields": [{"time": AHEAD}]}
    made = json.dumps(event(metadata=own, lastTimestamp=AHEAD)).encode()
    body = b'{"metadata":{"resourceVersion":"9"},"items":[' + made + b"]}"
    line = b'{"type":"%s","object":' + made + b"}\n"
    clock = ms(CLOCK)
    _, page = list_decoding.page(body, EVENTS, clock)
    for batch in (page, ListReader(EVENTS).feed(body, clock), lines.Stream(EVENTS).feed(line % b"ADDED", clock)):
        assert [seen.last_ms for seen in batch.observations] == [ms("2026-11-23T15:37:50Z")]
    assert lines.Stream(EVENTS).feed(line % b"DELETED", clock).gone == [("shop", ms("2026-11-23T15:37:50Z"))]


def test_limits() -> None:
    seen = observation(message="x" * 5_000, reason="R" * 300)
    assert (len(seen.description), seen.description[-1], len(seen.title), len(seen.reason)) == (1_000, "…", 200, 253)


def test_what_kubernetes_wrote() -> None:
    body = DATA.read_bytes()
    _, batch = list_decoding.page(
        b'{"metadata":{"resourceVersion":"1"},"items":[' + b",".join(body.splitlines()) + b"]}", EVENTS
    )
    assert (batch.counts.received, batch.counts.undecodable) == (210, 0)
    for seen in batch.observations:
        assert "\n" not in seen.description
        assert seen.description == seen.description.strip()


times = st.datetimes(min_value=datetime(1, 1, 2), max_value=datetime(9999, 12, 30), timezones=st.just(UTC)) | st.none()
texts = st.text(max_size=400) | st.none()
numbers = st.integers(min_value=-(2**63), max_value=2**64 - 1) | st.none()


@given(
    st.builds(
        Event,
        metadata=st.builds(
            observations.ObjectMeta,
            name=texts,
            namespace=texts,
            resource_version=texts,
            creation_timestamp=times,
            managed_fields=st.lists(st.builds(observations.Written, time=times), max_size=3) | st.none(),
        ),
        involved_object=st.builds(observations.Reference, kind=texts, namespace=texts, name=texts, uid=texts) | st.none(),
        reason=texts,
        message=st.text(max_size=2_000) | st.none(),
        type=texts,
        count=numbers,
        first_timestamp=times,
        last_timestamp=times,
        event_time=times,
        series=st.builds(observations.Series, count=numbers, last_observed_time=times) | st.none(),
        source=st.builds(observations.Source, component=texts, host=texts) | st.none(),
        reporting_component=texts,
    )
)
def test_any_event_of_the_right_form_is_normalised_within_the_limits(anything: Event) -> None:
    seen = normalise(anything)
    if seen is None:
        assert anything.type == "Normal" or anything.reason == "NodeNotReady"
        return
    assert seen.count >= 1
    assert 0 <= seen.first_ms <= seen.last_ms
    assert len(seen.title) in range(1, 201)
    assert len(seen.description) <= 1_000
    assert len(seen.metadata.encode()) <= 10_240 - 512
    for value in (seen.contributor, seen.key):
        assert -(2**63) <= value < 2**63


@given(st.binary(max_size=300), st.integers(min_value=1, max_value=50))
def test_any_bytes_are_lines_or_counted(junk: bytes, size: int) -> None:
    good = json.dumps({"type": "ADDED", "object": event()}).encode() + b"\n"
    stream, received = lines.Stream(EVENTS), 0
    whole = good + junk.replace(b"\n", b"") + b"\n" + good
    for at in range(0, len(whole), size):
        try:
            received += len(stream.feed(whole[at : at + size]).observations)
        except lines.ErrorLine as line:
            received += len(line.batch.observations)
    assert received >= 2


def test_a_text_without_a_secret_is_searched_once(monkeypatch: pytest.MonkeyPatch) -> None:
    """Most lines repeat a text with another count. A text with a secret is redacted each time."""
    searched: list[str] = []
    search = observations.redact.suspicious

    def noted(text: str) -> bool:
        searched.append(text)
        return search(text)

    monkeypatch.setattr(observations.redact, "suspicious", noted)
    monkeypatch.setattr(observations, "MAX_HARMLESS", 2)
    observations._harmless.clear()

    def seen(message: str, count: int = 1) -> str:
        found = normalise(msgspec.convert(event(message=message, count=count), Event))
        assert found
        return found.description

    assert {seen("Readiness probe failed: a", count) for count in (1, 2, 3)} == {"Readiness probe failed: a"}
    assert len(searched) == 1
    hidden = [seen("Readiness probe failed: password=hunter22") for _ in range(2)]
    assert hidden == ["Readiness probe failed: password=[REDACTED]"] * 2
    assert len(searched) == 3
    for letter in "bcde":
        seen(f"Readiness probe failed: {letter}")
    assert len(observations._harmless) <= 2
