"""The names of sources in the database, and the kinds of objects that they are about."""

EVENTS = "events"
"""The watch of Kubernetes Events."""
OPERATOR = "operator"
"""Not a watch: the operator's own events are accounted for under this name."""
ITSELF = "kube9-operator"
"""The component that reported what no Event says: the operator found it in the state of a resource, or it is about itself."""

KINDS = {
    "nodes": "Node",
    "namespaces": "Namespace",
    "deployments": "Deployment",
    "statefulsets": "StatefulSet",
    "daemonsets": "DaemonSet",
    "services": "Service",
    "endpointslices": "EndpointSlice",
    "pods": "Pod",
    "replicasets": "ReplicaSet",
    "jobs": "Job",
    "cronjobs": "CronJob",
    "persistentvolumeclaims": "PersistentVolumeClaim",
    "horizontalpodautoscalers": "HorizontalPodAutoscaler",
    "configmaps": "ConfigMap",
    "applications": "Application",
    "kustomizations": "Kustomization",
    "helmreleases": "HelmRelease",
}
"""The kind of the objects of each source but `events`. A source is named as its resource in the API."""
CUSTOM = {
    "Application": "argoproj.io",
    "Kustomization": "kustomize.toolkit.fluxcd.io",
    "HelmRelease": "helm.toolkit.fluxcd.io",
}
"""Of these kinds those that Kubernetes itself does not have, and their API groups. They may be absent."""

ENRICHING = ("replicasets", "jobs", "horizontalpodautoscalers")
"""Sources whose states make no events: they only add owners and metadata to the events of others."""
EVENTS_ABOUT: dict[str, tuple[str, ...]] = {
    **{source: (kind,) for source, kind in KINDS.items() if source not in ENRICHING},
    "endpointslices": ("Service",),
    "pods": ("Pod", "Job"),
}
"""The kinds that the events of a source are about: those of a slice are about its service, and a failed pod can be a Job's."""
CLUSTER_SCOPED = ("Node", "Namespace")
"""Of these kinds those that are in no namespace."""
ITSELF = "kube9-operator"
"""The component that reported an event that no Event tells of: the operator found it in the state of a resource, or it is about
the operator itself.
"""
