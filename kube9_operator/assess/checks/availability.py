"""Checks of the pillar reliability that ask what survives the loss of a pod, of a node, or of data."""

from kube9_operator.assess import scope, text
from kube9_operator.assess.cluster import NAME_LABEL, Budget, Cluster, Workload
from kube9_operator.assess.kinds import apis
from kube9_operator.assess.kinds.workloads import COMPONENT_LABEL
from kube9_operator.assess.model import FAILING, MEDIUM, PASSING, RELIABILITY, WARNING, Check, Verdict

MIN_REPLICAS = 2
HOSTNAME = "kubernetes.io/hostname"
VELERO = "velero"
SNAPSHOT_CONTROLLERS = ("snapshot-controller", "csi-snapshot-controller", "snapshot-controller-operator")
SNAPSHOT_CRDS = "https://github.com/kubernetes-csi/external-snapshotter/client/config/crd"


def replica_counts(cluster: Cluster) -> Verdict:
    """Fails for workloads with fewer than two replicas."""
    found = text.Offenders()
    for one in scope.for_availability(cluster):
        if one.replicas < MIN_REPLICAS:
            found.add(one.shown, one)
    if not found:
        return Verdict(PASSING, f"All workloads run at least {MIN_REPLICAS} replicas.")
    one = found.subject
    remediation = text.advice(
        "Run a second replica. If one is enough, label the workload kube9.io/ha-exempt=true.",
        text.kubectl(one.namespace, f"scale {text.reference(one)} --replicas={MIN_REPLICAS}"),
    )
    return found.verdict(FAILING, f"Fewer than {MIN_REPLICAS} replicas", remediation)


def spread_anti_affinity(cluster: Cluster) -> Verdict:
    """Warns for workloads whose replicas may all run on one node."""
    found = text.Offenders()
    for one in _replicated(cluster):
        if not one.spread:
            found.add(one.shown, one)
    if not found:
        return Verdict(PASSING, "All workloads with several replicas are spread over nodes.")
    remediation = text.advice("Spread the replicas over nodes.", spread_command(found.subject))
    return found.verdict(WARNING, "Replicas may all run on one node", remediation)


def spread_command(workload: Workload) -> str:
    """Returns the command that spreads the replicas of a workload over nodes."""
    constraint = {
        "maxSkew": 1,
        "topologyKey": HOSTNAME,
        "whenUnsatisfiable": "ScheduleAnyway",
        "labelSelector": {"matchLabels": workload.selector or workload.pod_labels},
    }
    return text.patch_pods(workload, {"topologySpreadConstraints": [constraint]})


def pod_disruption_budgets(cluster: Cluster) -> Verdict:
    """Warns for workloads that no PodDisruptionBudget protects."""
    budgets: dict[str, list[Budget]] = {}
    for budget in cluster.poddisruptionbudgets:
        budgets.setdefault(budget.namespace, []).append(budget)
    found = text.Offenders()
    for one in _replicated(cluster):
        own = budgets.get(one.namespace, ())
        if not any(budget.selector is not None and budget.selector.selects(one.pod_labels) for budget in own):
            found.add(one.shown, one)
    if not found:
        return Verdict(PASSING, "A PodDisruptionBudget protects every workload with several replicas.")
    one = found.subject
    labels = text.quote(",".join(f"{key}={value}" for key, value in (one.selector or one.pod_labels).items()))
    remediation = text.advice(
        "Let a drain of nodes stop only one replica at a time.",
        text.kubectl(one.namespace, f"create poddisruptionbudget {one.name} --selector={labels} --max-unavailable=1"),
    )
    return found.verdict(WARNING, "No PodDisruptionBudget", remediation)


def backup_dr_signals(cluster: Cluster) -> Verdict:
    """Warns if nothing tells of backups."""
    signals = [
        name
        for name, there in (
            ("Velero", any(map(_is_velero, cluster.deployments))),
            ("the API of VolumeSnapshots", apis.VOLUME_SNAPSHOTS in cluster.apis),
            ("snapshot-controller", any(one.name in SNAPSHOT_CONTROLLERS for one in cluster.deployments)),
        )
        if there
    ]
    if signals:
        return Verdict(PASSING, f"Found: {', '.join(signals)}.")
    if not scope.users(cluster):
        return Verdict(PASSING, "No workloads to back up.")
    remediation = text.advice(
        "Install Velero (https://velero.io/docs), or let volumes be snapshotted.",
        f"kubectl apply -k {SNAPSHOT_CRDS}",
    )
    return Verdict(WARNING, "Nothing tells of backups: no Velero, no VolumeSnapshots.", remediation=remediation)


def _is_velero(one: Workload) -> bool:
    """Velero's chart and its own installer set different labels."""
    return VELERO in (one.labels.get(NAME_LABEL), one.pod_labels.get(NAME_LABEL), one.labels.get(COMPONENT_LABEL))


def _replicated(cluster: Cluster) -> list[Workload]:
    return [one for one in scope.for_availability(cluster) if one.replicas >= MIN_REPLICAS]


CHECKS = (
    Check(
        "reliability.replica-counts",
        "High Availability Replica Counts",
        RELIABILITY,
        MEDIUM,
        ("deployments", "statefulsets"),
        replica_counts,
    ),
    Check(
        "reliability.spread-anti-affinity",
        "Pod Spread and Anti-Affinity",
        RELIABILITY,
        MEDIUM,
        ("deployments", "statefulsets"),
        spread_anti_affinity,
    ),
    Check(
        "reliability.pod-disruption-budgets",
        "PodDisruptionBudget Coverage",
        RELIABILITY,
        MEDIUM,
        ("deployments", "statefulsets", "poddisruptionbudgets"),
        pod_disruption_budgets,
    ),
    Check(
        "reliability.backup-dr-signals",
        "Backup and Disaster Recovery Signals",
        RELIABILITY,
        MEDIUM,
        ("deployments", "statefulsets", "daemonsets", apis.KIND),
        backup_dr_signals,
    ),
)
