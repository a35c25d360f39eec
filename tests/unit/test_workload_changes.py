"""Changes of workloads beyond image and replicas: from two objects of the API to the event, with secrets and odd things."""

import json
from typing import Any

import msgspec
import pytest

from kube9_operator.model import changes, resource_states
from kube9_operator.model.changes import Evidence
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Part, Workload
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.kinds import KINDS
from kube9_operator.watch.template import MAX_NAMES, MAX_PARTS
from kube9_operator.write.resources import detect
from kube9_operator.write.resources.detect.dating import Window
from kube9_operator.write.resources.detect.observed import Lives, Observed
from kube9_operator.write.resources.detect.workload_changes import POD, differences
from kube9_schema.codes import INFO

NOW = 1_795_000_000_000
LIVES = Lives(10**12, 10**12)
APP = f"{POD}containers[app]"


def container(**fields: Any) -> dict[str, Any]:
    return {"name": "app", "image": "web:1", "imagePullPolicy": "IfNotPresent"} | fields


def deployment(*containers: dict[str, Any], pod: Any = None, spec: Any = None, template: Any = None, **meta: Any) -> Any:
    pods = {"containers": list(containers) or [container()], "restartPolicy": "Always"} | (pod or {})
    own = {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7", "generation": 1} | meta
    return {"metadata": own, "spec": {"replicas": 2, "template": {"spec": pods} | (template or {})} | (spec or {})}


def reduced(made: Any, source: str = "deployments") -> tuple[Workload, Evidence]:
    batch = Batch()
    KINDS[source].take(msgspec.Raw(json.dumps(made).encode()), batch)
    assert batch.counts.undecodable == 0
    state: Workload = resource_states.decode(source, batch.states[0].reduced)
    return state, changes.decode(batch.states[0].evidence)


def told(before: Any, after: Any, source: str = "deployments", **window: Any) -> list[Observation]:
    (old, _), (new, evidence) = reduced(before, source), reduced(after, source)
    change = Window(NOW, NOW - 60_000, writes=new.generation - old.generation)._replace(**window)
    seen = Observed(source, "shop", "web", "u1", "8", NOW, True, change=change, writers=evidence.writers)
    return detect.compare(seen, old, new, LIVES)


def only(before: Any, after: Any, source: str = "deployments", **window: Any) -> dict[str, Any]:
    (found,) = told(before, after, source, **window)
    assert (found.severity, found.reason) == (INFO, f"{found.kind}ConfigurationChanged")
    return {"description": found.description} | json.loads(found.metadata)


def memory(figure: str) -> dict[str, Any]:
    return {"resources": {"limits": {"memory": figure, "cpu": "1"}, "requests": {"memory": "32Mi"}}}


def test_a_memory_limit() -> None:
    found = only(deployment(container(**memory("64Mi"))), deployment(container(**memory("128Mi"))))
    path = f"{APP}.resources.limits.memory"
    assert (found["changed"], found["previous"], found["current"]) == ([path], {path: "64Mi"}, {path: "128Mi"})
    assert found["description"] == "Deployment web changed: containers[app].resources.limits.memory from 64Mi to 128Mi"
    first = only(deployment(), deployment(container(**memory("64Mi"))))
    assert first["changed"] == [f"{APP}.resources.{name}" for name in ("limits.cpu", "limits.memory", "requests.memory")]
    assert "previous" not in first


def test_nothing_is_told_of_what_is_not_compared() -> None:
    assert told(deployment(), deployment(generation=2, labels={"a": "b"})) == []
    assert told(deployment(), deployment(spec={"progressDeadlineSeconds": 5}, generation=2)) == []
    a = container(resources={"limits": {"cpu": "1", "memory": "1Gi"}})
    b = container(resources={"limits": {"memory": "1Gi", "cpu": "1"}})
    assert told(deployment(a), deployment(b)) == [], "the order of keys is nothing"


def env(**values: Any) -> dict[str, Any]:
    return {
        "env": [{"name": name} | (value if isinstance(value, dict) else {"value": value}) for name, value in values.items()]
    }


def test_environment_has_names_only() -> None:
    before = deployment(container(**env(LEVEL="info", DB_PASSWORD="hunter2222", GONE="1", SAME="s")))
    after = deployment(container(**env(LEVEL="debug", DB_PASSWORD="hunter3333", NEW="1", SAME="s")))
    (event,) = told(before, after)
    found = json.loads(event.metadata)
    assert found["changed"] == [f"{APP}.env[{name}]" for name in ("DB_PASSWORD", "GONE", "LEVEL", "NEW")]
    assert "previous" not in found
    assert "current" not in found
    for state in (reduced(before)[0], reduced(after)[0]):
        kept = resource_states.encode(state)
        assert not any(value in kept for value in (b"hunter", b"debug", b"info"))
    assert "hunter" not in event.metadata + event.description
    referred = {"valueFrom": {"secretKeyRef": {"name": "db", "key": "password"}}}
    other = {"valueFrom": {"secretKeyRef": {"name": "db2", "key": "password"}}}
    one, two = (deployment(container(**env(P=value))) for value in (referred, other))
    assert only(one, two)["changed"] == [f"{APP}.env[P]"]


def test_a_digest_is_of_one_object_alone() -> None:
    one, other = (reduced(deployment(container(**env(P="hunter2222")), uid=uid))[0] for uid in ("u1", "u2"))
    assert one.environment != other.environment


def test_command_and_arguments_are_shown_without_secrets() -> None:
    before = deployment(container(command=["serve"], args=["--port", "80"]))
    found = only(before, deployment(container(command=["serve", "-v"], args=["--port", "8080"])))
    assert found["current"] == {f"{APP}.command": "serve -v", f"{APP}.args": "--port 8080"}
    (event,) = told(before, deployment(container(command=["serve"], args=["--password", "hunter2222"])))
    assert "hunter" not in event.metadata + event.description
    assert json.loads(event.metadata)["changed"] == [f"{APP}.args"]
    one, other = (deployment(container(args=["--password", secret])) for secret in ("hunter2222", "hunter3333"))
    assert only(one, other)["changed"] == [f"{APP}.args"], "a secret that changes is a change without values"
    assert "hunter" not in repr([reduced(one), reduced(other)])


def test_probes_volumes_account_strategy_and_restart() -> None:
    probe = {"httpGet": {"path": "/healthz", "port": 80, "httpHeaders": [{"name": "X-Key", "value": "hunter2222"}]}}
    (event,) = told(
        deployment(container(livenessProbe=probe)), deployment(container(livenessProbe=probe | {"periodSeconds": 5}))
    )
    assert json.loads(event.metadata)["changed"] == [f"{APP}.livenessProbe"]
    assert "periodSeconds" in event.metadata
    assert "hunter" not in event.metadata
    volume = {"volumes": [{"name": "config", "configMap": {"name": "web-1", "defaultMode": 420}}]}
    other = {"volumes": [{"name": "config", "configMap": {"name": "web-2", "defaultMode": 420}}]}
    path = f"{POD}volumes[config]"
    found = only(deployment(pod=volume), deployment(pod=other))
    assert (found["previous"], found["current"]) == ({path: "configMap web-1"}, {path: "configMap web-2"})
    account = only(deployment(pod={"serviceAccountName": "default"}), deployment(pod={"serviceAccountName": "admin"}))
    assert account["current"] == {f"{POD}serviceAccountName": "admin"}
    recreate = only(
        deployment(spec={"strategy": {"type": "RollingUpdate"}}), deployment(spec={"strategy": {"type": "Recreate"}})
    )
    assert recreate["changed"] == ["spec.strategy"]
    restarted = {"metadata": {"annotations": {"kubectl.kubernetes.io/restartedAt": "2026-11-30T08:00:00Z"}}}
    again = deployment(template=restarted)
    assert only(deployment(), again)["changed"] == ["spec.template.metadata.annotations[kubectl.kubernetes.io/restartedAt]"]


@pytest.mark.parametrize(("source", "kind"), [("statefulsets", "StatefulSet"), ("daemonsets", "DaemonSet")])
def test_other_workloads(source: str, kind: str) -> None:
    before = deployment(spec={"updateStrategy": {"type": "OnDelete"}})
    after = deployment(spec={"updateStrategy": {"type": "RollingUpdate"}})
    assert only(before, after, source)["description"].startswith(f"{kind} web changed: spec.updateStrategy")


def test_a_container_that_is_added_is_one_path() -> None:
    sidecar = {"name": "proxy", "image": "envoy:3"} | memory("64Mi") | env(A="1")
    found = only(deployment(), deployment(container(), sidecar))
    assert found["changed"] == [f"{POD}containers[proxy]"]
    assert found["current"] == {f"{POD}containers[proxy]": "envoy:3"}
    gone = only(deployment(pod={"initContainers": [sidecar]}), deployment())
    assert gone["changed"] == [f"{POD}initContainers[proxy]"]
    assert gone["previous"] == {f"{POD}initContainers[proxy]": "envoy:3"}


def test_a_state_of_an_older_release_differs_in_nothing() -> None:
    new, _ = reduced(deployment(container(**memory("64Mi"), **env(A="1")), generation=9))
    old = resource_states.decode("deployments", msgspec.msgpack.encode([2, {"app": "web:1"}, 0, "", 0, None, False]))
    assert old.parts is None
    assert differences(old, new) == {}
    seen = Observed("deployments", "shop", "web", "u1", "8", NOW, True)
    assert detect.compare(seen, old, new, LIVES) == []
    assert differences(Workload(parts={}), new), "one without parts does"


def test_states_are_bounded() -> None:
    many = [{"name": f"NAME_{at}", "value": str(at)} for at in range(2_000)]
    volumes = [{"name": f"v{at}", "hostPath": {"path": "/" + "x" * 4_000}} for at in range(1_000)]
    made = json.loads(json.dumps(deployment(container(env=many, args=["x" * 100_000]), pod={"volumes": volumes})))
    state, _ = reduced(made)
    assert state.parts is not None
    assert len(state.parts) == MAX_PARTS + 1
    assert len(state.environment["containers[app]"]) <= MAX_NAMES + 1
    assert len(resource_states.encode(state)) < 64 * 1024
    many[-1]["value"] = "other"
    volumes[-1]["hostPath"]["path"] = "/other"
    found = only(made, deployment(container(env=many, args=["x" * 100_000]), pod={"volumes": volumes}))
    assert found["changed"] == [f"{APP}.env[…]", f"{POD}…"], "what has no room is seen to change all the same"


def fields(manager: str, time: str, *containers_: str, spec: Any = None, **more: Any) -> dict[str, Any]:
    owned = {'k:{"name":"app"}': {name: {} for name in containers_}}
    inner = {"f:template": {"f:spec": {"f:containers": owned}}} if containers_ else {}
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": {"f:spec": inner | (spec or {})}} | more


def test_who_changed_it() -> None:
    at = "2026-11-18T11:06:39Z"  # a second before NOW
    before = deployment(container(**memory("64Mi")))
    set_ = fields("kubectl-set", at, "f:resources")
    old = fields("kubectl-create", "2026-11-18T08:36:40Z", "f:resources", "f:image")
    after = deployment(container(**memory("128Mi")), managedFields=[old, set_], generation=2)
    assert only(before, after)["changed_by"] == "kubectl-set"
    scale = fields("kubectl", at, spec={"f:replicas": {}}, subresource="scale")
    (scaled,) = told(deployment(), deployment(spec={"replicas": 5}, managedFields=[scale], generation=2))
    assert json.loads(scaled.metadata)["changed_by"] == "kubectl-scale"
    image = fields("argocd-controller", at, "f:image", operation="Apply")
    (imaged,) = told(deployment(), deployment(container(image="web:2"), managedFields=[image], generation=2))
    assert json.loads(imaged.metadata)["changed_by"] == "argocd-controller"
    assert "changed_by" not in only(before, deployment(container(**memory("128Mi")), managedFields=[old], generation=2))


def test_what_two_managers_changed_is_two_events() -> None:
    away = {"live": False, "one_write": False, "unchanged_ms": NOW - 600_000}
    one, other = "2026-11-18T11:00:00Z", "2026-11-18T11:02:00Z"
    resources = fields("kubectl-set", one, "f:resources")
    account = fields("helm", other)
    account["fieldsV1"]["f:spec"] = {"f:template": {"f:spec": {"f:serviceAccountName": {}}}}
    before = deployment(container(**memory("64Mi")), pod={"serviceAccountName": "default"})
    after = deployment(
        container(**memory("128Mi")), pod={"serviceAccountName": "web"}, managedFields=[resources, account], generation=3
    )
    found = told(before, after, **away)
    assert [json.loads(event.metadata)["changed_by"] for event in found] == ["helm", "kubectl-set"]
    assert found[0].first_ms - found[1].first_ms == 120_000
    assert found[0].key != found[1].key
    assert all(event.first_ms == event.last_ms for event in found)
    unknown = told(
        before, msgspec.json.decode(msgspec.json.encode(after).replace(b'"generation":3', b'"generation":9')), **away
    )
    assert {(event.first_ms, event.last_ms) for event in unknown} == {(NOW - 600_000, NOW)}
    assert {json.loads(event.metadata)["noticed_at"] for event in unknown} == {"2026-11-18T11:06:40.000Z"}


def test_a_part_of_a_state_is_small() -> None:
    assert len(resource_states.encode(Workload(parts={"containers[app].resources": Part(2**24 - 1, '{"limits":{}}')}))) < 80


def cronjob(schedule: str = "0 * * * *", *containers: dict[str, Any], **meta: Any) -> Any:
    own = {"name": "web", "namespace": "shop", "uid": "u1", "resourceVersion": "7", "generation": 1} | meta
    job = {"spec": {"template": {"spec": {"containers": list(containers) or [container()]}}}}
    return {"metadata": own, "spec": {"schedule": schedule, "jobTemplate": job}}


def test_a_cronjob() -> None:
    found = only(cronjob(), cronjob("5 * * * *"), "cronjobs")
    assert (found["changed"], found["current"]) == (["spec.schedule"], {"spec.schedule": "5 * * * *"})
    path = "spec.jobTemplate.spec.template.spec.containers[app].resources.limits.memory"
    at = "2026-11-18T11:06:39Z"
    owned = {"f:spec": {"f:jobTemplate": fields("kubectl-set", at, "f:resources")["fieldsV1"]}}
    set_ = {"manager": "kubectl-set", "operation": "Update", "time": at, "fieldsV1": owned}
    after = cronjob("0 * * * *", container(**memory("128Mi")), managedFields=[set_], generation=2)
    limit = only(cronjob("0 * * * *", container(**memory("64Mi"))), after, "cronjobs")
    assert (limit["changed"], limit["changed_by"]) == ([path], "kubectl-set")
    (image,) = told(cronjob(), cronjob("0 * * * *", container(image="web:2")), "cronjobs")
    assert image.title == "CronJob image changed"
    new, _ = reduced(cronjob(), "cronjobs")
    old = resource_states.decode("cronjobs", msgspec.msgpack.encode([None]))
    seen = Observed("cronjobs", "shop", "web", "u1", "8", NOW, True)
    assert detect.compare(seen, old, new, LIVES) == [], "a state of an older release"
