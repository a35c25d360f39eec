"""How kubectl lets people write kinds. Data, and one function that looks a kind up."""

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
"""Of kinds, as kubectl has them: tables have them where there is no room for the kind."""
_KINDS = {name: kind for kind, short in SHORT_NAMES.items() for name in (short, kind.lower(), f"{kind.lower()}s")}
_KINDS |= dict.fromkeys(("job", "jobs"), "Job")


def as_written(text: str) -> str:
    """The kind that is meant by `pods`, `deploy` or `PVC`; what is not known stays as it is."""
    return _KINDS.get(text.lower(), text)
