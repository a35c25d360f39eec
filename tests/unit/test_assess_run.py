"""Runs of an assessment: which checks, what is listed how often, what is missing, what fails, how long it may take."""

import json

import msgspec
import pytest

from kube9_operator.assess.cluster import Cluster
from kube9_operator.assess.kinds import apis
from kube9_operator.assess.model import (
    CHECK_ERROR,
    CHECK_TIMEOUT,
    ERROR,
    MAX_TEXT_CHARACTERS,
    MODES,
    PASSING,
    PILLARS,
    RBAC_LIST_ERROR,
    SEVERITIES,
    SKIPPED,
    STATUSES,
    TIMEOUT,
    Check,
    Progress,
    Verdict,
)
from kube9_operator.assess.readings import KINDS, READINGS
from kube9_operator.assess.registry import CHECKS
from kube9_operator.assess.run import assess_run, selected
from kube9_operator.watch.errors import BrokenAnswer, Expired, Unreachable, http_error
from tests.assessed import FakeClient, check, listing, role, running, workload

ROLES = "security.rbac-wildcard-permissions"
PODS = "security.privileged-containers"


def test_the_registry_has_the_31_checks_of_the_contract_by_id() -> None:
    assert len(CHECKS) == 31
    ids = [one.id for one in CHECKS]
    assert ids == sorted(set(ids))
    for one in CHECKS:
        assert one.pillar in PILLARS
        assert one.id.startswith(f"{one.pillar}.")
        assert one.severity in SEVERITIES
        assert set(one.reads) <= set(KINDS)


def test_a_run_selects_all_one_pillar_or_one_check() -> None:
    assert selected() == list(CHECKS)
    assert {one.pillar for one in selected("pillar", "security")} == {"security"}
    assert [one.id for one in selected("single-check", check_id=ROLES)] == [ROLES]
    assert selected("single-check", check_id="security.no-such") == []
    assert selected("pillar", "no-such") == []
    assert set(MODES) == {"full", "pillar", "single-check"}


def test_a_full_run_lists_each_kind_once_and_gives_one_result_a_check() -> None:
    client = FakeClient(*(running(f"p{number}") for number in range(250)), workload())
    results = list(assess_run(listing(client)))
    assert [one.check_id for one in results] == [one.id for one in CHECKS]
    assert all(one.status in STATUSES for one in results)
    begun = [path for path, query in client.asked if "continue" not in query]
    assert sorted(begun) == sorted([*(one.path for one in READINGS.values()), "/apis"])
    assert len([path for path, _ in client.asked if path == READINGS["pods"].path]) == 3
    assert all(int(query["limit"]) <= 500 for path, query in client.asked if path != "/apis")


def test_kinds_are_dropped_when_no_later_check_looks_at_them(monkeypatch: pytest.MonkeyPatch) -> None:
    held: list[tuple[int, int]] = []

    def look(cluster: Cluster) -> Verdict:
        held.append((len(cluster.pods), len(cluster.roles)))
        return Verdict(PASSING, "")

    checks = [
        Check(f"security.{name}", name, "security", "low", reads, look) for name, reads in (("a", ("pods",)), ("b", ("roles",)))
    ]
    monkeypatch.setattr("kube9_operator.assess.run.CHECKS", checks)
    list(assess_run(listing(FakeClient(running(), role("r", "shop", verbs=["*"])))))
    assert held == [(1, 0), (0, 1)]


def test_progress_is_told_before_each_check_and_list_and_after_each_page() -> None:
    told: list[Progress] = []
    client = FakeClient(*(running(f"p{number}") for number in range(150)))
    list(assess_run(listing(client), "pillar", "security", progress=told.append))
    assert [one.objects for one in told if one.reading == "pods"] == [0, 100, 150]
    assert {one.checks_total for one in told} == {9}
    assert [one.checks_done for one in told if not one.reading] == list(range(9))


def test_checks_that_have_no_time_left_say_so() -> None:
    calls = iter([False] * 8)
    results = list(assess_run(listing(FakeClient()), "pillar", "security", expired=lambda: next(calls, True)))
    late = [one for one in results if one.status == TIMEOUT]
    assert 0 < len(late) < 9
    assert len(results) == 9
    assert {one.error_code for one in late} == {CHECK_TIMEOUT}
    assert results[-len(late) :] == late


@pytest.mark.parametrize("one", [one for one in CHECKS if one.reads], ids=lambda one: one.id)
def test_a_missing_permission_skips_the_check_and_is_named(one: Check) -> None:
    for kind in one.reads:
        found = check(one.id, missing=(kind,))
        assert found.status == SKIPPED
        permission = "/apis" if kind == apis.KIND else READINGS[kind].permission
        assert f"the permission to list {permission}" in found.message
        assert kind == apis.KIND or f"--resource={permission}" in found.remediation or "readConfigMaps" in found.remediation
        assert found.error_code == ""


def test_config_maps_are_not_asked_for_unless_they_may_be_read() -> None:
    client = FakeClient()
    (found,) = assess_run(listing(client, config_maps=False), "single-check", check_id="security.secrets-in-configmaps")
    assert (found.status, client.asked) == (SKIPPED, [])
    assert "assessments.readConfigMaps" in found.message


def test_secrets_are_never_asked_for() -> None:
    client = FakeClient()
    list(assess_run(listing(client)))
    assert not [path for path, _ in client.asked if path.endswith("/secrets")]


def test_one_missing_permission_leaves_the_other_checks_alone() -> None:
    client = FakeClient(running(containers=[{"name": "app", "securityContext": {"privileged": True}}]))
    client.fail("roles", http_error(403, "no"))
    results = {one.check_id: one.status for one in assess_run(listing(client), "pillar", "security")}
    assert results[ROLES] == SKIPPED
    assert results[PODS] == "failing"


@pytest.mark.parametrize(("check_id", "kind", "code"), [(ROLES, "roles", RBAC_LIST_ERROR), (PODS, "pods", CHECK_ERROR)])
def test_a_list_that_fails_three_times_is_an_error_without_secrets(check_id: str, kind: str, code: str) -> None:
    client, waited = FakeClient(), list[float]()
    client.fail(
        kind, BrokenAnswer("failed with Bearer eyJhbGciOiJIUzI1NiJ9.eyJzdWIiOiIxMjM0NTY3ODkwIn0.abcdefghijklmnopqrstuv")
    )
    (found,) = assess_run(listing(client, wait=waited.append), "single-check", check_id=check_id)
    assert (found.status, found.error_code) == (ERROR, code)
    assert "eyJ" not in found.message
    assert waited == [1.0, 2.0]


def test_a_server_that_asks_to_wait_for_an_hour_is_asked_again_after_a_minute() -> None:
    client, waited = FakeClient(), list[float]()
    client.fail("pods", http_error(429, "Too Many Requests", 3600.0))
    (found,) = assess_run(listing(client, wait=waited.append), "single-check", check_id="security.privileged-containers")
    assert (found.status, waited) == ("error", [60.0, 60.0])


def test_a_group_whose_last_resource_was_removed() -> None:
    """Go writes an empty list that was never made as null."""
    client = FakeClient(apis=("applications.argoproj.io",))
    client.documents["/apis/argoproj.io/v1"] = {"kind": "APIResourceList", "resources": None}
    (found,) = assess_run(listing(client), "single-check", check_id="operational-excellence.gitops-delivery-signals")
    assert (found.status, found.message) == ("passing", "No workloads to deliver.")


def test_a_list_is_tried_again_and_the_first_try_does_not_count() -> None:
    client = FakeClient(
        *(running(f"p{number}", containers=[{"name": "app", "securityContext": {"privileged": True}}]) for number in range(250))
    )
    pages = client.get

    def flaky(path: str, query: list[tuple[str, str]], *more: float, **named: str) -> object:
        if dict(query).get("continue") == "200" and len(client.asked) < 3:
            client.asked.append((path, {}))
            raise Unreachable("gone")
        return pages(path, query, *more, **named)

    client.get = flaky  # type: ignore[method-assign, assignment]
    (found,) = assess_run(listing(client), "single-check", check_id=PODS)
    assert found.offenders_total == 250


def test_an_expired_token_makes_the_list_whole() -> None:
    client = FakeClient(
        *(running(f"p{number}", containers=[{"name": "app", "securityContext": {"privileged": True}}]) for number in range(150))
    )
    pages = client.get

    def expiring(path: str, query: list[tuple[str, str]], *more: float, **named: str) -> object:
        if "continue" in dict(query):
            raise Expired(410, "too old")
        return pages(path, query, *more, **named)

    client.get = expiring  # type: ignore[method-assign, assignment]
    (found,) = assess_run(listing(client), "single-check", check_id=PODS)
    assert found.offenders_total == 150
    assert client.asked[-1] == (READINGS["pods"].path, {})


def test_credentials_that_are_refused_are_read_again() -> None:
    client = FakeClient()
    client.fail("pods", http_error(401, "no"))
    (found,) = assess_run(listing(client), "single-check", check_id=PODS)
    assert (found.status, client.reloaded) == (ERROR, 2)


def test_an_object_that_cannot_be_decoded_is_counted_and_the_rest_is_judged() -> None:
    client = FakeClient(running(containers=[{"name": "app", "securityContext": {"privileged": True}}]))
    client.items[READINGS["pods"].path].append(b'{"metadata":{"name":7},"spec":{"password":"hunter2hunter2"}}')
    (found,) = assess_run(listing(client), "single-check", check_id=PODS)
    assert found.offenders_total == 1
    assert found.message.endswith("Could not be read: 1 pods.")
    assert "hunter2" not in json.dumps(msgspec.to_builtins(found))


def test_a_fault_of_a_check_is_an_error_that_says_nothing_of_the_cluster(monkeypatch: pytest.MonkeyPatch) -> None:
    def broken(_: Cluster) -> Verdict:
        raise ValueError("hunter2hunter2")

    monkeypatch.setattr("kube9_operator.assess.run.CHECKS", [Check("security.a", "A", "security", "low", (), broken)])
    (found,) = assess_run(listing(FakeClient()))
    assert (found.status, found.error_code, found.message) == (ERROR, CHECK_ERROR, "The check failed: ValueError.")


def test_texts_keep_their_limits_however_long_names_are() -> None:
    long = "n" * 253
    manifests = [
        workload(name=f"{number}{long}"[:253], namespace="s" * 63, replicas=1, containers=[{"name": "c" * 63}])
        for number in range(7)
    ]
    pods = [running(f"{number}{long}"[:253], "s" * 63, containers=[{"name": "c" * 63}]) for number in range(7)]
    for one in assess_run(listing(FakeClient(*manifests, *pods))):
        for text in (one.message, one.remediation, *one.offenders):
            assert len(text) <= MAX_TEXT_CHARACTERS
        assert len(one.offenders) <= 5
        assert one.offenders_total >= len(one.offenders)
