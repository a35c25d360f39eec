"""Events as anybody may write them, by both of their APIs: what a real API server lets through is recorded as it says."""

import time
from typing import Any

from tests.cluster.plane import ControlPlane
from tests.cluster.recorder import LONG_SECONDS
from tests.operator import Operator, until


def iso(ago: float, fraction: str = "") -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(time.time() - ago)) + f"{fraction}Z"


def write(plane: ControlPlane, namespace: str, name: str, **fields: Any) -> None:
    """An Event by the older API; fields that are None are absent."""
    event = {
        "metadata": {"name": f"{name}.1"},
        "involvedObject": {"kind": "Pod", "namespace": namespace, "name": name},
        "reason": "Odd",
        "type": "Warning",
    } | fields
    plane.api(
        "POST", f"/api/v1/namespaces/{namespace}/events", {key: value for key, value in event.items() if value is not None}
    )


def test_events_of_every_shape(plane: ControlPlane, operator: Operator, namespace: str) -> None:
    path = f"/apis/events.k8s.io/v1/namespaces/{namespace}/events"
    at, later = iso(50, ".123456"), iso(5, ".654321")
    newer = {
        "metadata": {"name": "newer.1"},
        "regarding": {"kind": "Pod", "namespace": namespace, "name": "newer"},
        "eventTime": at,
        "reportingController": "example.com/scheduler",
        "reportingInstance": "scheduler-0",
        "action": "Scheduling",
        "reason": "Odd",
        "type": "Warning",
        "note": "0/1 nodes are available",
    }
    plane.api("POST", path, newer)
    plane.api("PATCH", f"{path}/newer.1", {"series": {"count": 7, "lastObservedTime": later}})
    began = iso(60)
    times = {"firstTimestamp": began, "lastTimestamp": began}
    write(plane, namespace, "bare")
    write(plane, namespace, "silent", message=" \n\t", **times, count=3)
    write(plane, namespace, "negative", count=-5, **times)
    write(plane, namespace, "ahead", firstTimestamp=iso(-86_400), lastTimestamp=iso(-86_400))
    write(plane, namespace, "long", message="ä" * 100_000, reason="R" * 5_000, **times)
    write(plane, namespace, "größe-名前", message="日本語 🎉\r\nzweite Zeile\n", **times)
    write(plane, namespace, "urgent", type="Urgent", **times)
    write(plane, namespace, "typeless", type=None, **times)
    write(plane, namespace, "reasonless", reason=None, **times)
    write(plane, namespace, "normal", type="Normal", **times)
    for name, days, reason in (
        ("stale", 8, "Odd"),
        ("old", 6, "Odd"),
        ("grave", 8, "FailedScheduling"),
        ("gone", 31, "Evicted"),
    ):
        write(plane, namespace, name, reason=reason, firstTimestamp=iso(days * 86_400), lastTimestamp=iso(days * 86_400))
    write(plane, namespace, "epoch", firstTimestamp="1970-01-01T00:00:00Z", lastTimestamp="1970-01-01T00:00:00Z")
    write(plane, namespace, "still", firstTimestamp="1970-01-01T00:00:00Z", lastTimestamp=began)
    write(plane, namespace, "last", **times)
    events = until(
        lambda: (
            (found := {one["object_name"]: one for one in operator.events("--object-namespace", namespace)}).keys() >= {"last"}
            and found
        ),
        "the last of them",
        LONG_SECONDS,
    )
    names = {"newer", "bare", "silent", "negative", "ahead", "long", "größe-名前", "urgent", "typeless", "reasonless", "last"}
    wrong = {"stale", "old", "grave", "gone", "epoch"}
    assert events.keys() == names | wrong | {"still"}, "all but the Normal one: a wrong clock loses no Event"
    for name in wrong:
        created = plane.api("GET", f"/api/v1/namespaces/{namespace}/events/{name}.1")["metadata"]["creationTimestamp"]
        assert events[name]["last_seen_at"] == created[:-1] + ".000Z", "older than the Event TTL: the server's time instead"
        assert events[name]["metadata"]["original_last_timestamp"] < iso(86_400)

    event = events["newer"]
    assert (event["count"], event["first_seen_at"], event["last_seen_at"]) == (7, at[:-4] + "Z", later[:-4] + "Z")
    assert event["metadata"]["source"] == {"component": "example.com/scheduler"}
    assert event["description"] == "0/1 nodes are available"
    created = plane.api("GET", f"/api/v1/namespaces/{namespace}/events/bare.1")["metadata"]["creationTimestamp"]
    assert events["bare"]["first_seen_at"] == events["bare"]["last_seen_at"] == created[:-1] + ".000Z"
    for name in ("bare", "silent"):
        assert "description" not in events[name]
    assert (events["silent"]["count"], events["negative"]["count"]) == (3, 1)
    ahead = events["ahead"]
    assert ahead["first_seen_at"] < iso(-60)
    assert ahead["metadata"]["original_first_timestamp"] > iso(-80_000)
    assert events["long"]["description"] == "ä" * 999 + "…"
    assert (len(events["long"]["title"]), events["long"]["title"][-1]) == (200, "…")
    assert events["größe-名前"]["description"] == "日本語 🎉 zweite Zeile"
    assert {one["severity"] for name, one in events.items() if name != "grave"} == {"warning"}
    assert events["still"]["first_seen_at"] == "1970-01-01T00:00:00.000Z"
    assert (events["reasonless"]["title"], events["reasonless"]["metadata"]["reason"]) == ("Pod", "")
    for one in events.values():
        assert None not in one.values()
        assert {"reason", "count", "first_timestamp", "last_timestamp", "source"} <= one["metadata"].keys()
