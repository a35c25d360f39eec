"""The names of kinds that kubectl accepts."""

SHORT_NAMES = {
    "CronJob": "cj",
    "DaemonSet": "ds",
    "Deployment": "deploy",
    "HorizontalPodAutoscaler": "hpa",
    "Namespace": "ns",
    "Node": "no",
    "PersistentVolume": "pv",
    "PersistentVolumeClaim": "pvc",
    "Pod": "po",
    "ReplicaSet": "rs",
    "ResourceQuota": "quota",
    "Service": "svc",
    "StatefulSet": "sts",
}
"""The short names of kubectl. Narrow tables show them."""
_KINDS = {name: kind for kind, short in SHORT_NAMES.items() for name in (short, kind.lower(), f"{kind.lower()}s")}
_KINDS |= dict.fromkeys(("job", "jobs"), "Job")


def as_written(text: str) -> str:
    """The kind of a name such as `pods`, `deploy` or `PVC`. An unknown name is returned unchanged."""
    return _KINDS.get(text.lower(), text)
