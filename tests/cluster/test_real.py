"""Events of a real control plane, through every death of the operator's processes: nothing missing, nothing twice."""

import contextlib
import signal
from collections import Counter
from concurrent.futures import ThreadPoolExecutor
from typing import Any

from tests.cluster.plane import ApiError, ControlPlane
from tests.cluster.recorder import LONG_SECONDS, agree, counts_in_database, listed, logged, stamp, times, warning
from tests.operator import Operator, until

OBJECTS = 5_000
THREADS = 6


def recorded_counts(operator: Operator, namespace: str) -> list[tuple[str, int]]:
    """Of each event the object's name and the count, by name."""
    return sorted((event["object_name"], event["count"]) for event in operator.events("--object-namespace", namespace))


def kill(operator: Operator, name: str) -> None:
    """Kills a process of the operator with SIGKILL; of a child, returns when its supervisor has seen it."""
    if name == "supervisor":
        operator.kill(name)
        return
    reason = f"{name} was killed by signal {signal.SIGKILL}"

    def deaths() -> int:
        return len(logged(operator, "workers.restarting", reason=reason))

    def seen() -> bool:
        if deaths() > before:
            return True
        # Again, where it was not the supervisor's: a child that had lost its own, or one of a generation that was ending.
        if operator.pid(name):
            with contextlib.suppress(ProcessLookupError):
                operator.kill(name)
        return False

    before = deaths()
    until(seen, f"the end of {name}")


def make_events(plane: ControlPlane, namespace: str) -> None:
    """A full quota with a Deployment that wants twelve pods, a pod that no node takes, a claim of no storage class."""
    inside = f"/api/v1/namespaces/{namespace}"
    plane.api("POST", f"{inside}/pods", {"metadata": {"name": "homeless"}, "spec": pod_spec()})
    make_claim(plane, namespace, "unbound")
    plane.api("POST", f"{inside}/resourcequotas", {"metadata": {"name": "full"}, "spec": {"hard": {"pods": "1"}}})
    quota = f"{inside}/resourcequotas/full"
    until(lambda: plane.api("GET", quota)["status"].get("used") == {"pods": "1"}, "the quota to be full")
    until(lambda: refused_by_quota(plane, inside), "the API server to know it")
    labels = {"app": "web"}
    deployment = {
        "metadata": {"name": "web"},
        "spec": {
            "replicas": 12,
            "selector": {"matchLabels": labels},
            "template": {"metadata": {"labels": labels}, "spec": pod_spec()},
        },
    }
    plane.api("POST", f"/apis/apps/v1/namespaces/{namespace}/deployments", deployment)


def refused_by_quota(plane: ControlPlane, inside: str) -> bool:
    """Whether a pod is refused for the full quota. Before, it is refused because the quota's status is unknown: then the API
    server may keep both reasons in one Event, of which it shows the last message only.
    """
    try:
        plane.api("POST", f"{inside}/pods?dryRun=All", {"metadata": {"name": "another"}, "spec": pod_spec()})
    except ApiError as error:
        return "exceeded quota" in str(error)
    return False


def make_claim(plane: ControlPlane, namespace: str, name: str) -> None:
    spec = {
        "accessModes": ["ReadWriteOnce"],
        "storageClassName": "none-such",
        "resources": {"requests": {"storage": "1Gi"}},
    }
    path = f"/api/v1/namespaces/{namespace}/persistentvolumeclaims"
    plane.api("POST", path, {"metadata": {"name": name}, "spec": spec})


def pod_spec() -> dict[str, Any]:
    return {"automountServiceAccountToken": False, "containers": [{"name": "main", "image": "example.invalid/none"}]}


def go_on(plane: ControlPlane, namespace: str, step: int) -> None:
    """Has the ReplicaSet and the scheduler try again; returns when the API shows another claim that cannot be bound."""
    path = f"/apis/apps/v1/namespaces/{namespace}/replicasets"
    name = plane.api("GET", path)["items"][0]["metadata"]["name"]
    plane.api("PATCH", f"{path}/{name}", {"metadata": {"annotations": {"step": str(step)}}})
    # The first node refuses the pod for another reason than all later ones: each of these makes the scheduler try again.
    plane.api("POST", "/api/v1/nodes", {"metadata": {"name": f"node-{step}"}, "spec": {"unschedulable": step == 0}})
    make_claim(plane, namespace, f"unbound-{step}")
    until(lambda: ("ProvisioningFailed", f"unbound-{step}") in summed(plane, namespace), "the claim's Event", LONG_SECONDS)


def summed(plane: ControlPlane, namespace: str) -> Counter[tuple[str, str]]:
    """The counts that the API shows, by reason and object."""
    sums: Counter[tuple[str, str]] = Counter()
    for event in listed(plane, namespace):
        count = (event.get("series") or {}).get("count") or event.get("count") or 1
        sums[event["reason"], event["involvedObject"]["name"]] += count
    return sums


def test_events_of_real_controllers(plane: ControlPlane, operator: Operator, namespace: str) -> None:
    make_events(plane, namespace)
    until(lambda: len(summed(plane, namespace)) == 3, "each of the three events", LONG_SECONDS)
    go_on(plane, namespace, 0)
    plane.restart_api_server()
    go_on(plane, namespace, 1)
    kill(operator, "writer")
    go_on(plane, namespace, 2)
    kill(operator, "watcher-events")
    go_on(plane, namespace, 3)
    kill(operator, "supervisor")
    go_on(plane, namespace, 4)
    operator.start()
    go_on(plane, namespace, 5)
    until(lambda: min(summed(plane, namespace).values()) > 1, "each to happen again", LONG_SECONDS)

    def told() -> list[dict[str, Any]]:
        return operator.events("--object-namespace", namespace, "--severity=warning,error,critical")

    def shown() -> Counter[tuple[str, str]]:
        sums: Counter[tuple[str, str]] = Counter()
        for event in told():
            about = event["metadata"].get("controller", {}).get("name", event["object_name"])
            sums[event["metadata"]["reason"], about] += event["count"]
        return sums

    agree(shown, lambda: summed(plane, namespace))
    # How many refusals each cause has cannot be compared: from the tenth on, one Event counts all and shows the last cause.
    creating = [event["title"] for event in told() if event["metadata"]["reason"] == "FailedCreate"]
    assert creating.count("Resource quota exceeded") == 1
    reasons = Counter(event["metadata"]["reason"] for event in told())
    assert reasons == {"FailedCreate": len(creating), "FailedScheduling": 1, "ProvisioningFailed": 7}
    assert len([event for event in listed(plane, namespace) if event["reason"] == "FailedCreate"]) > 1
    assert operator.stop() == 0


def steps_of(number: int) -> list[int]:
    """The counts of an object's Event: half are never updated, one of ten in every step up to 12, the others once."""
    if number % 2:
        return [1]
    return list(range(1, 13)) if number % 20 == 0 else [1, 2 + number // 2 % 11]


def test_five_thousand_objects(plane: ControlPlane, operator: Operator, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/events"
    expected = {f"web-{number}": steps_of(number)[-1] for number in range(OBJECTS)}
    total = sum(len(steps_of(number)) for number in range(OBJECTS))
    written: list[int] = []

    def write(first: int) -> None:
        with contextlib.closing(plane.connection()) as connection:
            for number in range(first, OBJECTS, THREADS):
                plane.request(connection, "POST", path, warning(namespace, f"web-{number}"))
                written.append(number)
            for number in range(first, OBJECTS, THREADS):
                for count in steps_of(number)[1:]:
                    plane.request(connection, "PATCH", f"{path}/web-{number}.17a", times(count))
                    written.append(number)

    deaths = ("watcher-events", "writer", "supervisor") * 2
    with ThreadPoolExecutor(THREADS) as pool:
        writers = [pool.submit(write, first) for first in range(THREADS)]
        for turn, role in enumerate(deaths, 1):
            due = total * turn // (len(deaths) + 1)
            until(lambda due=due: len(written) > due or all(one.done() for one in writers), "much to be written", LONG_SECONDS)
            kill(operator, role)
            if role == "supervisor":
                operator.start()
        for one in writers:
            one.result()
    assert len(written) == total

    agree(lambda: sorted(counts_in_database(operator, namespace)), lambda: sorted(expected.items()))
    assert operator.cli("events", "list", "--object-namespace", namespace, "--limit", "1")["pagination"]["total"] == OBJECTS
    assert operator.stop() == 0
    accounting = operator.accounting()
    assert accounting["stored"] >= OBJECTS
    assert (accounting["dropped"], accounting["refused"], accounting["undecodable"]) == (0, 0, 0)
    assert operator.integrity() == "ok"


def test_an_event_updated_twelve_times(plane: ControlPlane, operator: Operator, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/events"
    plane.api("POST", path, warning(namespace, "web"))
    for count in range(2, 13):
        plane.api("PATCH", f"{path}/web.17a", times(count))
    agree(lambda: recorded_counts(operator, namespace), lambda: [("web", 12)])
    event = operator.cli("events", "get", operator.events("--object-namespace", namespace)[0]["id"])
    assert event["count"] == 12
    seen = [(step["at"], step["count"]) for step in event["occurrences"]]
    assert seen == [(stamp(count - 1).replace("Z", ".000Z"), count) for count in range(1, 13)]
    assert operator.stop() == 0


def test_versions_compacted_while_down(plane: ControlPlane, operator: Operator, namespace: str) -> None:
    path = f"/api/v1/namespaces/{namespace}/events"
    for name in ("known", "rises", "expires"):
        plane.api("POST", path, warning(namespace, name))
    before = [("expires", 1), ("known", 1), ("rises", 1)]
    agree(lambda: recorded_counts(operator, namespace), lambda: before)
    assert operator.cli("events", "list", "--object-namespace", namespace)["coverage"]["complete"]
    assert operator.stop() == 0

    plane.api("POST", path, warning(namespace, "new"))
    plane.api("POST", path, warning(namespace, "new-often", count=3))
    plane.api("PATCH", f"{path}/rises.17a", times(2))
    plane.api("DELETE", f"{path}/expires.17a")
    plane.compact()
    assert recorded_counts(operator, namespace) == before
    operator.start()

    after = [("expires", 1), ("known", 1), ("new", 1), ("new-often", 3), ("rises", 2)]
    agree(lambda: recorded_counts(operator, namespace), lambda: after)
    until(lambda: len(logged(operator, "watch.listed", source="events")) > 1, "the second list")
    assert logged(operator, "watch.failed", source="events", why="the version has expired")
    until(lambda: operator.cli("status")["watches"]["events"]["state"] == "current", "the end of the second list")
    # Down for less than Events live: the list shows all of it.
    coverage = operator.cli("events", "list", "--object-namespace", namespace)["coverage"]
    assert coverage["complete"], coverage
    operator.accounting()
    assert operator.stop() == 0
