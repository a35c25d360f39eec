"""The check whether workloads can be placed on nodes."""

from kube9_operator.assess import scope, text
from kube9_operator.assess.checks.availability import MIN_REPLICAS, spread_command
from kube9_operator.assess.cluster import DAEMONSET, Cluster, Node, NodeTerm, Workload, satisfies
from kube9_operator.assess.faults import Fault, verdict
from kube9_operator.assess.model import MEDIUM, PERFORMANCE, WARNING, Check, Verdict

NAME_FIELD = "metadata.name"
UNPLACED = {"nodeSelector": None, "affinity": {"nodeAffinity": None}}


def node_affinity_and_placement(cluster: Cluster) -> Verdict:
    """Fails for workloads that name a node or fit none; warns for several replicas that fit one node or are not spread."""
    workloads = scope.in_scope(cluster.workloads)
    if workloads and not cluster.nodes:
        return Verdict(WARNING, "There are no nodes, so that no workload can be placed.")
    faults = [fault for one in workloads for fault in _faults(one, cluster.nodes)]
    return verdict(
        faults,
        "Workloads that name a node or fit none",
        "Workloads whose replicas may meet on one node",
        "All workloads can be placed, and those with several replicas are spread.",
    )


def _faults(one: Workload, nodes: list[Node]) -> list[Fault]:
    if one.node_name:
        said = "Let the scheduler choose the node."
        remedy = text.advice(said, text.patch_pods(one, {"nodeName": None}))
        return [Fault(True, f"{one.shown} (names node {one.node_name})", remedy)]
    several = one.kind != DAEMONSET and one.replicas >= MIN_REPLICAS
    faults = []
    if several and not one.spread and not one.own:
        faults.append(Fault(False, f"{one.shown} (not spread)", text.advice("Spread the replicas.", spread_command(one))))
    if not one.node_selector and one.node_terms is None:
        return faults
    fitting = [node.name for node in nodes if _fits(one, node)]
    freed = text.advice(
        "Label the nodes as the workload asks, or ask for no nodes in particular.", text.patch_pods(one, UNPLACED)
    )
    if not fitting:
        return [Fault(True, f"{one.shown} (no node has the labels that it asks for)", freed)]
    if several and len(fitting) == 1:
        faults.append(Fault(False, f"{one.shown} (fits node {fitting[0]} alone)", freed))
    return faults


def _fits(one: Workload, node: Node) -> bool:
    if any(node.labels.get(key) != value for key, value in one.node_selector.items()):
        return False
    return one.node_terms is None or any(_meets(term, node) for term in one.node_terms)


def _meets(term: NodeTerm, node: Node) -> bool:
    """A term without requirements is met by no node."""
    if not term.labels and not term.fields:
        return False
    labels = all(satisfies(wanted, node.labels.get(wanted.key)) for wanted in term.labels)
    return labels and all(wanted.key == NAME_FIELD and satisfies(wanted, node.name) for wanted in term.fields)


CHECKS = (
    Check(
        "performance-efficiency.node-affinity-and-placement",
        "Node Affinity and Placement",
        PERFORMANCE,
        MEDIUM,
        ("deployments", "statefulsets", "daemonsets", "nodes"),
        node_affinity_and_placement,
    ),
)
