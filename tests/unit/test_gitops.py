"""Changes of Applications, Kustomizations and HelmReleases: from objects of the API, and the Events about them, to events."""

import json
from collections.abc import Iterator
from datetime import UTC, datetime
from itertools import count, permutations
from typing import Any

import msgspec
import pytest

from kube9_operator.model.frame import Absent, ControlFrame, ListBegins, ListEnds
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import State
from kube9_operator.model.rows import APART_MS
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.kinds import KINDS
from kube9_operator.watch.observations import Event, normalise
from kube9_schema.codes import ERROR, INFO, WARNING
from tests.kept import HOUR, MINUTE, NOW, SECOND, Kept, kept
from tests.unit.test_events import event

ARGO_CD, FLUX = "argoproj.io/v1alpha1", "kustomize.toolkit.fluxcd.io/v1"
ABC, DEF = "0f3e1dabc", "77aa1edef"
_versions = count(10)


@pytest.fixture
def keeper() -> Iterator[Kept]:
    with kept() as one:
        yield one


def at(ms: int) -> str:
    """A time as the API writes it."""
    return datetime.fromtimestamp(ms // 1000, UTC).isoformat().replace("+00:00", "Z")


def seen(source: str, **fields: Any) -> State:
    """An object of the API as a watch delivers it."""
    own = {"name": "web", "namespace": "argocd", "uid": "u1", "resourceVersion": str(next(_versions))}
    batch = Batch()
    version = ARGO_CD if source == "applications" else FLUX
    made = {"apiVersion": version, "metadata": own} | fields
    KINDS[source].take(msgspec.Raw(json.dumps(made).encode()), batch)
    assert batch.counts.undecodable == 0
    return batch.states[0]


def application(sync: str = "", health: str = "", operation: Any = None, revision: str = ABC, **more: Any) -> State:
    status: dict[str, Any] = {"operationState": operation} if operation else {}
    if sync:
        status["sync"] = {"status": sync, "revision": revision}
    if health:
        status["health"] = {"status": health, **more.pop("said", {})}
    return seen("applications", status=status | more, spec={"project": "shop"})


def operation(phase: str, begun: int = NOW, ended: int = 0, message: str = "", user: str = "ada", **result: Any) -> Any:
    state = {"phase": phase, "startedAt": at(begun), "message": message}
    state["operation"] = {"initiatedBy": {"username": user} if user else {"automated": True}}
    if ended:
        state["finishedAt"] = at(ended)
    return state | {"syncResult": {"revision": ABC, **result}}


def heard(reason: str, message: str, when: int, number: int = 1, type_: str = "Normal", **about: Any) -> Observation:
    """An Event of Argo CD about the application."""
    own = {"kind": "Application", "apiVersion": ARGO_CD, "name": "web", "namespace": "argocd", "uid": "u1"} | about
    given = event(
        involvedObject=own,
        reason=reason,
        message=message,
        type=type_,
        source={"component": "argocd-application-controller"},
        count=1,
        firstTimestamp=at(when),
        lastTimestamp=at(when),
        metadata={"name": f"web.{number}", "namespace": "argocd"},
    )
    found = normalise(msgspec.convert(given, Event))
    assert found is not None
    return found


# Argo CD


def test_each_change_is_an_event_with_revision_message_and_actor(keeper: Kept) -> None:
    keeper.lists("applications", application())
    keeper.sees("applications", application("OutOfSync", "Missing"))
    running = operation("Running", NOW)
    keeper.sees("applications", application("OutOfSync", "Missing", running))
    results = [
        {
            "group": "apps",
            "kind": "Deployment",
            "namespace": "shop",
            "name": "web",
            "status": "Synced",
            "message": "configured",
        },
        {
            "group": "",
            "kind": "Service",
            "namespace": "shop",
            "name": "web",
            "status": "Synced",
            "message": "service/web unchanged",
        },
        {"group": "apps", "kind": "Deployment", "namespace": "shop", "name": "db", "status": "SyncFailed", "message": "no"},
    ]
    done = operation("Succeeded", NOW, NOW + 7 * SECOND, "successfully synced (all tasks run)", resources=results)
    keeper.waits(8 * SECOND, "applications")
    keeper.sees("applications", application("Synced", "Progressing", done))
    keeper.sees("applications", application("Synced", "Degraded", done, said={"message": "web has no pods"}))
    found = [(one["title"], one["severity"], one["reason"]) for one in keeper.events()]
    assert found == [
        ("Application out of sync", INFO, "ResourceUpdated"),
        ("Application unhealthy", WARNING, "ResourceUpdated"),
        ("Application sync started", INFO, "OperationStarted"),
        ("Application synced", INFO, "ResourceUpdated"),
        ("Application health changed", INFO, "ResourceUpdated"),
        ("Application sync succeeded", INFO, "OperationCompleted"),
        ("Application degraded", ERROR, "ResourceUpdated"),
    ]
    assert all(one["count"] == 1 and one["kind"] == "Application" for one in keeper.events())
    started, synced, succeeded, degraded = (keeper.events()[index] for index in (2, 3, 5, 6))
    assert started["metadata"] == {"phase": "started", "revision": ABC, "initiated_by": "ada"}
    assert started["text"] == f"Sync of web started, begun by ada at revision {ABC}"
    assert synced["metadata"] == {"previous": "OutOfSync", "current": "Synced", "revision": ABC, "initiated_by": "ada"}
    assert succeeded["metadata"] == {
        "phase": "succeeded",
        "revision": ABC,
        "initiated_by": "ada",
        "message": "successfully synced (all tasks run)",
        "changed_resources": 1,
        "workloads": ["Deployment/shop/web"],
        "seconds": 7,
    }
    assert (succeeded["first"], succeeded["last"]) == (NOW + 7 * SECOND, NOW + 7 * SECOND), "its own date"
    assert degraded["metadata"]["message"] == "web has no pods"
    assert degraded["text"] == f"Health of web changed from Progressing to Degraded at revision {ABC}: web has no pods"
    groups = keeper.connection.execute(
        "SELECT w.word FROM objects o JOIN words w ON w.id = o.api_group WHERE o.name = 'web'"
    ).fetchall()
    assert groups == [("argoproj.io",)], "the group is part of its identity"


def test_the_same_change_again_is_another_event(keeper: Kept) -> None:
    keeper.lists("applications", application("Synced", "Healthy"))
    for _ in range(3):
        keeper.sees("applications", application("OutOfSync", "Healthy"), application("Synced", "Healthy"))
    assert keeper.told() == [("Application out of sync", "web", 1), ("Application synced", "web", 1)] * 3


def test_what_a_restart_shows_again_is_no_event(keeper: Kept) -> None:
    failed = operation("Failed", NOW - MINUTE, NOW - 30 * SECOND, "one or more objects failed to apply", user="")
    degraded = {"lastTransitionTime": at(NOW - 20 * SECOND)}
    first = application("Synced", "Healthy"), application("OutOfSync", "Degraded", failed, said=degraded)
    keeper.lists("applications", first[0])
    keeper.sees("applications", first[1])
    assert sorted(keeper.told()) == [
        ("Application degraded", "web", 1),
        ("Application out of sync", "web", 1),
        ("Application sync failed", "web", 1),
    ]
    for _ in range(2):
        keeper.restart()
        keeper.lists("applications", first[1])
        keeper.sees("applications", first[1])
    assert len(keeper.events()) == 3
    (text,) = [one["text"] for one in keeper.events() if one["title"] == "Application sync failed"]
    assert text == f"Sync of web failed, begun by automated sync at revision {ABC}: one or more objects failed to apply"


def test_a_first_list_records_only_what_has_a_date(keeper: Kept) -> None:
    done = operation("Succeeded", NOW - HOUR, NOW - HOUR + MINUTE)
    keeper.lists("applications", application("OutOfSync", "Degraded", done, said={"lastTransitionTime": at(NOW - HOUR)}))
    assert sorted(keeper.told()) == [("Application degraded", "web", 1), ("Application sync succeeded", "web", 1)]
    assert {one["first"] for one in keeper.events()} == {NOW - HOUR, NOW - HOUR + MINUTE}


def test_what_changed_while_nothing_watched_is_a_range(keeper: Kept) -> None:
    keeper.lists("applications", application("Synced", "Healthy"))
    keeper.restart()
    keeper.now_ms += HOUR
    keeper.lists("applications", application("OutOfSync", "Healthy", revision=DEF))
    one = keeper.one()
    assert (one["first"], one["last"], one["metadata"]["revision"]) == (NOW, NOW + HOUR, DEF)
    assert "noticed_at" in one["metadata"]


@pytest.mark.parametrize("order", list(permutations(range(4)))[::4])
def test_an_event_of_argo_cd_and_the_change_that_it_tells_of_are_one(keeper: Kept, order: tuple[int, ...]) -> None:
    """In any order, twice within seconds: two events, each with one Event and one status."""
    message = "Updated health status: Healthy -> Degraded"
    keeper.lists("applications", application("Synced", "Healthy"))
    statuses = [
        (application("Synced", "Degraded", said={"lastTransitionTime": at(NOW)}),),
        (
            application("Synced", "Healthy"),
            application("Synced", "Degraded", said={"lastTransitionTime": at(NOW + 20 * SECOND), "message": "no pods"}),
        ),
    ]
    steps = [
        lambda: keeper.sees("applications", *statuses.pop(0)),
        lambda: keeper.hears(heard("ResourceUpdated", message, NOW)),
        lambda: keeper.sees("applications", *statuses.pop(0)),
        lambda: keeper.hears(heard("ResourceUpdated", message, NOW + 20 * SECOND, 2)),
    ]
    for number in order:
        steps[number]()
    found = [one for one in keeper.events() if one["title"] == "Application degraded"]
    assert [one["count"] for one in found] == [1, 1]
    assert all(one["text"].startswith("Health of web changed from Healthy to Degraded") for one in found)


def test_events_of_argo_cd_alone_are_an_event_each(keeper: Kept) -> None:
    for number, when in enumerate((NOW, NOW + SECOND, NOW + HOUR)):
        keeper.hears(heard("OperationCompleted", f"Sync operation to {ABC} failed: no", when, number, "Warning"))
    assert keeper.told() == [("Application sync failed", "web", 1)] * 3
    assert keeper.events()[0]["metadata"]["revision"] == ABC
    keeper.hears(heard("OperationCompleted", f"Sync operation to {ABC} failed: no", NOW, 0, "Warning"))
    assert len(keeper.events()) == 3, "read again"


def test_an_event_long_before_the_change_is_of_another_one(keeper: Kept) -> None:
    keeper.lists("applications", application("Synced", "Healthy"))
    keeper.hears(heard("OperationCompleted", f"Sync operation to {ABC} succeeded", NOW - APART_MS - SECOND))
    keeper.sees("applications", application("Synced", "Healthy", operation("Succeeded", NOW - SECOND, NOW)))
    keeper.hears(heard("OperationCompleted", f"Sync operation to {ABC} succeeded", NOW, 2))
    assert keeper.told() == [("Application sync succeeded", "web", 1)] * 2


def test_secrets_and_long_texts_of_a_status(keeper: Kept) -> None:
    password = "token=ghp_" + "Zz9" * 12
    error = {"type": "ComparisonError", "message": f"rpc error: {password} " + "x" * 5_000}
    keeper.lists("applications", application("Synced", "Healthy"))
    keeper.sees("applications", application("Unknown", "Healthy", conditions=[{"type": "SharedResourceWarning"}, error]))
    one = keeper.one()
    assert (one["title"], one["severity"]) == ("Application cannot be compared", WARNING)
    assert "ghp_" not in json.dumps(one)
    assert len(one["metadata"]["message"]) <= 500


def installed(keeper: Kept, *found: State) -> None:
    """A first list after the definition was absent."""
    ends = ListEnds("99", keeper.now_ms, reason="installed")
    keeper.take(
        ControlFrame("applications", ListBegins("")), keeper.page("applications", found), ControlFrame("applications", ends)
    )


def test_a_definition_that_is_removed_and_installed_again(keeper: Kept) -> None:
    keeper.take(ControlFrame("applications", Absent(keeper.now_ms)))
    keeper.now_ms += 15 * SECOND
    installed(keeper)
    keeper.sees("applications", application("Synced", "Healthy"))
    keeper.sees("applications", application("OutOfSync", "Healthy"))
    assert keeper.told() == [("Application out of sync", "web", 1)]
    for _ in range(3):
        keeper.now_ms += 15 * SECOND
        keeper.take(ControlFrame("applications", Absent(keeper.now_ms)))
    (stored,) = keeper.connection.execute("SELECT count(*) FROM states WHERE source = 'applications'").fetchone()
    row = keeper.connection.execute(
        "SELECT version, unavailable, covered_from_ms, proved_until_ms FROM sources WHERE source = 'applications'"
    ).fetchone()
    assert (stored, row) == (0, (None, None, NOW, keeper.now_ms))
    keeper.restart()
    keeper.now_ms += HOUR
    keeper.take(ControlFrame("applications", Absent(keeper.now_ms)))
    failed = operation("Failed", keeper.now_ms, keeper.now_ms)
    installed(keeper, application("OutOfSync", "Missing", failed))
    assert keeper.told()[1:] == [("Application unhealthy", "web", 1), ("Application sync failed", "web", 1)], "it is new"
    assert keeper.connection.execute("SELECT count(*) FROM gaps").fetchone() == (0,)


def test_a_definition_that_went_while_nothing_watched_leaves_a_gap(keeper: Kept) -> None:
    keeper.lists("applications", application("Synced", "Healthy"))
    keeper.restart()
    keeper.now_ms += HOUR
    keeper.take(ControlFrame("applications", Absent(keeper.now_ms)))
    assert keeper.connection.execute("SELECT from_ms, to_ms FROM gaps").fetchall() == [(NOW, NOW + HOUR)]


# Flux


def reconciled(ready: str, reason: str = "", message: str = "", revision: str = "main@sha1:1", **more: Any) -> State:
    conditions = [{"type": "Ready", "status": ready, "reason": reason, "message": message, **more}] if ready else []
    return seen("kustomizations", status={"conditions": conditions, "lastAppliedRevision": revision})


def test_a_kustomization_is_ready_not_ready_and_ready_again(keeper: Kept) -> None:
    keeper.lists("kustomizations", reconciled("True", "ReconciliationSucceeded", "Applied revision: main@sha1:1"))
    for ready in ("Unknown", "True") * 3:
        keeper.sees("kustomizations", reconciled(ready, "ReconciliationSucceeded", "Applied revision: main@sha1:1"))
    assert keeper.events() == [], "Flux looks at it every few minutes"
    keeper.sees("kustomizations", reconciled("Unknown", "Progressing"))
    broken = reconciled("False", "HealthCheckFailed", "timeout waiting for Deployment/shop/web")
    keeper.sees("kustomizations", broken, reconciled("Unknown", "Progressing"), broken)
    keeper.lists("kustomizations", reconciled("Unknown", "Progressing"))
    keeper.sees("kustomizations", reconciled("False", "DependencyNotReady", "dependency 'shop/db' is not ready"))
    keeper.sees("kustomizations", reconciled("True", "ReconciliationSucceeded", "Applied revision: main@sha1:2", "main@sha1:2"))
    keeper.sees("kustomizations", reconciled("True", "ReconciliationSucceeded", "Applied revision: main@sha1:3", "main@sha1:3"))
    found = [(one["title"], one["severity"], one["count"]) for one in keeper.events()]
    assert found == [
        ("Kustomization failed: HealthCheckFailed", ERROR, 1),
        ("Kustomization waits for a dependency", WARNING, 1),
        ("Kustomization ReconciliationSucceeded", INFO, 1),
        ("Kustomization ReconciliationSucceeded", INFO, 1),
    ]
    failed, _, back, applied = keeper.events()
    assert failed["text"] == "timeout waiting for Deployment/shop/web"
    assert (back["metadata"]["previous"], back["metadata"]["revision"]) == ("False", "main@sha1:2")
    assert (applied["metadata"]["previous_revision"], applied["metadata"]["revision"]) == ("main@sha1:2", "main@sha1:3")


def test_a_failure_and_the_events_about_it_are_one(keeper: Kept) -> None:
    about = {"kind": "Kustomization", "apiVersion": FLUX}
    keeper.lists("kustomizations", reconciled("True", "ReconciliationSucceeded"))
    keeper.hears(heard("BuildFailed", "kustomize build failed: 1", NOW, 1, "Warning", **about))
    keeper.sees("kustomizations", reconciled("False", "BuildFailed", "kustomize build failed", lastTransitionTime=at(NOW)))
    for number in range(2, 5):  # each with another message
        when = NOW + number * 10 * MINUTE
        keeper.hears(heard("BuildFailed", f"kustomize build failed: {number}", when, number, "Warning", **about))
    one = keeper.one()
    assert (one["title"], one["count"], one["text"]) == ("Kustomization failed: BuildFailed", 4, "kustomize build failed")
    keeper.sees("kustomizations", reconciled("True", "ReconciliationSucceeded"), reconciled("False", "BuildFailed"))
    assert [one["count"] for one in keeper.events()] == [4, 1, 1], "it failed again"


def test_another_reason_than_those_known_is_a_warning(keeper: Kept) -> None:
    keeper.lists("kustomizations", reconciled(""))
    keeper.sees("kustomizations", reconciled("False", "ArtifactFailed", "source not found"))
    about = {"kind": "Kustomization", "apiVersion": FLUX}
    keeper.hears(heard("ArtifactFailed", "source not found", NOW, 1, "Warning", **about))
    one = keeper.one()
    assert (one["title"], one["severity"], one["count"]) == ("Kustomization is not ready: ArtifactFailed", WARNING, 1)


def test_a_release_that_only_has_other_values_is_a_change(keeper: Kept) -> None:
    def release(number: int, ready: str = "True") -> State:
        condition = {"type": "Ready", "status": ready, "reason": "UpgradeSucceeded", "message": f"upgrade to web.v{number}"}
        history = [{"chartVersion": "1.2.3", **({"version": number} if number else {})}]
        return seen("helmreleases", status={"conditions": [condition], "history": history})

    keeper.lists("helmreleases", release(0))
    keeper.sees("helmreleases", release(7), release(7))
    assert keeper.events() == [], "the number was not known before"
    keeper.sees("helmreleases", release(8, "Unknown"), release(8), release(8), release(9))
    assert [(one["count"], one["text"].rpartition(": ")[2]) for one in keeper.events()] == [
        (1, "upgrade to web.v8"),
        (1, "upgrade to web.v9"),
    ]


def test_the_revision_of_a_release_is_that_of_its_chart(keeper: Kept) -> None:
    def release(version: str, **ready: str) -> State:
        condition = {"type": "Ready", "status": "True", "reason": "UpgradeSucceeded"} | ready
        return seen("helmreleases", status={"conditions": [condition], "history": [{"chartVersion": version}]})

    keeper.lists("helmreleases", release("1.2.3"))
    keeper.sees("helmreleases", release("1.2.4"))
    one = keeper.one()
    assert (one["kind"], one["title"]) == ("HelmRelease", "HelmRelease UpgradeSucceeded")
    assert (one["metadata"]["previous_revision"], one["metadata"]["revision"]) == ("1.2.3", "1.2.4")
