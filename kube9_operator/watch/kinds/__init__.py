"""The kinds of objects that are watched: which of their fields are decoded, and to what they are reduced."""

from kube9_operator.watch.kind import Kind
from kube9_operator.watch.kinds.argocd import APPLICATIONS
from kube9_operator.watch.kinds.claims import AUTOSCALERS, CLAIMS
from kube9_operator.watch.kinds.config_maps import CONFIG_MAPS
from kube9_operator.watch.kinds.cronjobs import CRONJOBS
from kube9_operator.watch.kinds.events import EVENTS
from kube9_operator.watch.kinds.flux import HELM_RELEASES_OF_FLUX, KUSTOMIZATIONS_OF_FLUX
from kube9_operator.watch.kinds.namespaces import NAMESPACES
from kube9_operator.watch.kinds.nodes import NODES
from kube9_operator.watch.kinds.owners import JOBS, REPLICASETS
from kube9_operator.watch.kinds.pods import PODS
from kube9_operator.watch.kinds.services import ENDPOINTSLICES, SERVICES
from kube9_operator.watch.kinds.workloads import DAEMONSETS, DEPLOYMENTS, STATEFULSETS

KINDS: dict[str, Kind] = {
    kind.source: kind
    for kind in (
        *(EVENTS, PODS, REPLICASETS, JOBS, CRONJOBS, NODES, NAMESPACES, DEPLOYMENTS, STATEFULSETS, DAEMONSETS),
        *(SERVICES, ENDPOINTSLICES, CLAIMS, AUTOSCALERS, CONFIG_MAPS),
        *(APPLICATIONS, KUSTOMIZATIONS_OF_FLUX, HELM_RELEASES_OF_FLUX),
    )
}
"""The kind of each source of `sources.EVERY`."""
