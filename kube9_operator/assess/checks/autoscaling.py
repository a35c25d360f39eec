"""Checks of the pillar performance-efficiency that look at autoscalers."""

from kube9_operator.assess import scope, text
from kube9_operator.assess.cluster import DEPLOYMENT, STATEFULSET, Autoscaler, Cluster, Workload, is_managed
from kube9_operator.assess.model import FAILING, MEDIUM, PASSING, PERFORMANCE, SKIPPED, WARNING, Check, Verdict

SCALED_KINDS = (DEPLOYMENT, STATEFULSET)
MIN_COVERAGE = 0.5
MODES = ("Off", "Initial", "Recreate", "Auto", "InPlaceOrRecreate")
"""Of a VerticalPodAutoscaler. The last one came with version 1.4."""
ONLY_RECOMMENDS = "Off"
VPA = "verticalpodautoscalers"

Key = tuple[str, str, str]


def hpa_configuration_sanity(cluster: Cluster) -> Verdict:
    """Fails for HorizontalPodAutoscalers that cannot work; warns if few workloads have one."""
    workloads = {_key(one): one for one in _scalable(cluster)}
    targets = {_key(one) for one in cluster.scalable}
    found, covered = text.Offenders(), set[Key]()
    for one in cluster.horizontalpodautoscalers:
        if is_managed(one.namespace):
            continue
        faults = _target_faults(one, targets) + _bounds_faults(one)
        if faults:
            found.add(f"HorizontalPodAutoscaler {one.namespace}/{one.name} ({', '.join(faults)})", one)
        covered.add((one.namespace, one.target_kind, one.target_name))
    if found:
        one = found.subject
        remediation = text.advice(
            "Delete the autoscaler, and make one that fits if its workload is there: kubectl autoscale --help shows how.",
            text.kubectl(one.namespace, f"delete horizontalpodautoscaler {one.name}"),
        )
        return found.verdict(FAILING, "HorizontalPodAutoscalers that cannot work", remediation)
    if not workloads:
        return Verdict(PASSING, "No workloads to scale.")
    without = text.Offenders()
    for key, workload in workloads.items():
        if key not in covered:
            without.add(workload.shown, workload)
    have = len(workloads) - without.total
    if have and have >= MIN_COVERAGE * len(workloads):
        return Verdict(PASSING, f"{have} of {len(workloads)} workloads have a HorizontalPodAutoscaler that can work.")
    workload = without.subject
    remediation = text.advice(
        "Give workloads with a varying load an autoscaler. It needs requests of processor time, and metrics-server.",
        text.kubectl(workload.namespace, f"autoscale {text.reference(workload)} --min=2 --max=4 --cpu-percent=80"),
    )
    said = f"{have} of {len(workloads)} workloads have a HorizontalPodAutoscaler. Those without"
    return without.verdict(WARNING, said, remediation)


def vpa_configuration_sanity(cluster: Cluster) -> Verdict:
    """Fails for VerticalPodAutoscalers that cannot work; warns if there are none, or if all only recommend."""
    if VPA in cluster.absent:
        return Verdict(SKIPPED, "Skipped: verticalpodautoscalers.autoscaling.k8s.io is not served.")
    targets = {_key(one) for one in cluster.scalable}
    ours = [one for one in cluster.verticalpodautoscalers if not is_managed(one.namespace)]
    found = text.Offenders()
    for one in ours:
        faults = _target_faults(one, targets)
        if one.mode not in MODES:
            faults.append("unknown update mode")
        if faults:
            found.add(f"VerticalPodAutoscaler {one.namespace}/{one.name} ({', '.join(faults)})", one)
    if found:
        one = found.subject
        remediation = text.advice(
            "Delete the autoscaler, and make one for a Deployment or StatefulSet of its namespace, with a known update mode.",
            text.kubectl(one.namespace, f"delete {VPA} {one.name}"),
        )
        return found.verdict(FAILING, "VerticalPodAutoscalers that cannot work", remediation)
    return _vpa_use(ours, _scalable(cluster))


def _vpa_use(ours: list[Autoscaler], workloads: list[Workload]) -> Verdict:
    """Judges VerticalPodAutoscalers that can work."""
    if not ours and not workloads:
        return Verdict(PASSING, "No workloads to scale.")
    if not ours:
        return Verdict(WARNING, "There is no VerticalPodAutoscaler.", remediation=_vpa_manifest(workloads[0]))
    recommend = text.Offenders()
    for one in ours:
        if one.mode == ONLY_RECOMMENDS:
            recommend.add(f"VerticalPodAutoscaler {one.namespace}/{one.name}", one)
    if recommend.total == len(ours):
        one = recommend.subject
        changed = text.quote('{"spec":{"updatePolicy":{"updateMode":"Initial"}}}')
        remediation = text.advice(
            "Let one act where that is safe. Initial only sets the requests of new pods.",
            text.kubectl(one.namespace, f"patch {VPA} {one.name} --type=merge -p {changed}"),
        )
        return recommend.verdict(WARNING, "All VerticalPodAutoscalers only recommend", remediation)
    return Verdict(PASSING, f"VerticalPodAutoscalers can work: {len(ours)}.")


def _vpa_manifest(workload: Workload) -> str:
    target = {"apiVersion": "apps/v1", "kind": workload.kind, "name": workload.name}
    manifest = {
        "apiVersion": "autoscaling.k8s.io/v1",
        "kind": "VerticalPodAutoscaler",
        "metadata": {"name": workload.name},
        "spec": {"targetRef": target, "updatePolicy": {"updateMode": "Initial"}},
    }
    said = "Let the requests of a workload follow what it uses. For example:"
    return text.advice(said, text.apply(workload.namespace, manifest))


def _scalable(cluster: Cluster) -> list[Workload]:
    """kube9-operator is left out: it is one process."""
    return [one for one in scope.in_scope(cluster.scalable) if not one.own]


def _key(workload: Workload) -> Key:
    return (workload.namespace, workload.kind, workload.name)


def _target_faults(one: Autoscaler, targets: set[Key]) -> list[str]:
    if not one.target_kind or not one.target_name:
        return ["no target"]
    if one.target_kind not in SCALED_KINDS:
        return [f"its target is a {one.target_kind}"]
    if (one.namespace, one.target_kind, one.target_name) not in targets:
        return [f"{one.target_kind} {one.target_name} does not exist"]
    return []


def _bounds_faults(one: Autoscaler) -> list[str]:
    faults = []
    if one.most is None or one.most < 1:
        faults.append("maxReplicas is below 1")
    if one.least < 1:
        faults.append("minReplicas is below 1")
    if one.most is not None and one.least > one.most:
        faults.append("minReplicas is above maxReplicas")
    if not one.metrics:
        faults.append("no metrics")
    return faults + [f"a policy of {name} has no value or period" for name in one.bad_policies]


CHECKS = (
    Check(
        "performance-efficiency.hpa-configuration-sanity",
        "HPA Configuration Sanity",
        PERFORMANCE,
        MEDIUM,
        ("deployments", "statefulsets", "horizontalpodautoscalers"),
        hpa_configuration_sanity,
    ),
    Check(
        "performance-efficiency.vpa-configuration-sanity",
        "VPA Configuration Sanity",
        PERFORMANCE,
        MEDIUM,
        ("deployments", "statefulsets", VPA),
        vpa_configuration_sanity,
    ),
)
