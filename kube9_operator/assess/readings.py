"""The kinds that an assessment can list. Data."""

from kube9_operator.assess.kinds import access, apis, autoscalers, config_maps, governance, pods, workloads
from kube9_operator.assess.kinds.forms import Reading

READINGS: dict[str, Reading] = {
    one.resource: one
    for one in (
        pods.PODS,
        workloads.DEPLOYMENTS,
        workloads.STATEFULSETS,
        workloads.DAEMONSETS,
        governance.NODES,
        governance.NAMESPACES,
        governance.PODDISRUPTIONBUDGETS,
        governance.RESOURCEQUOTAS,
        governance.LIMITRANGES,
        autoscalers.HORIZONTALPODAUTOSCALERS,
        autoscalers.VERTICALPODAUTOSCALERS,
        access.ROLES,
        access.CLUSTERROLES,
        access.ROLEBINDINGS,
        access.CLUSTERROLEBINDINGS,
        config_maps.CONFIGMAPS,
    )
}
"""The kinds that can be listed, by their plural names. `apis` is one more, which every authenticated user may read."""
KINDS = (*READINGS, apis.KIND)
CONFIG_MAPS = config_maps.CONFIGMAPS.resource
