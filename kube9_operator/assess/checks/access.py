"""Checks of the pillar security that look at roles and bindings."""

from kube9_operator.assess import text
from kube9_operator.assess.cluster import Binding, Cluster, Subject
from kube9_operator.assess.model import CRITICAL, FAILING, HIGH, PASSING, SECURITY, Check, Verdict

TRUSTED_NAMESPACES = frozenset({"kube-system", "kube-public", "kube-node-lease", "kube9-system"})
"""Their service accounts may be cluster-admin."""


def rbac_wildcard_permissions(cluster: Cluster) -> Verdict:
    """Fails for roles with `*` that neither Kubernetes nor a distribution made."""
    found = text.Offenders()
    for role in cluster.roles + cluster.clusterroles:
        if not role.builtin:
            found.add(f"{role.shown} (* in {', '.join(role.wildcards)})", role)
    if not found:
        return Verdict(PASSING, "No role that somebody wrote has a wildcard.")
    role = found.subject
    made = text.kubectl(
        role.namespace,
        *("create", role.kind.lower(), text.quote(role.name), "--verb=get,list,watch", "--resource=pods,services"),
        *("--dry-run=client", "-o", "yaml"),
    )
    remediation = text.advice(
        "Name the verbs, resources and API groups that are needed instead of *. For example, if reading is enough:",
        f"{made} | kubectl replace -f -",
    )
    return found.verdict(FAILING, "Roles with wildcards", remediation)


def rbac_cluster_admin_misuse(cluster: Cluster) -> Verdict:
    """Fails for bindings to cluster-admin outside system namespaces."""
    found = text.Offenders()
    for binding in cluster.clusterrolebindings + cluster.rolebindings:
        if not binding.builtin and not _is_trusted(binding):
            found.add(f"{binding.shown} ({_subjects(binding)})", binding)
    if not found:
        return Verdict(PASSING, "cluster-admin is bound to nobody outside system namespaces.")
    binding = found.subject
    name, kind = text.quote(binding.name), binding.kind.lower()
    commands = [text.kubectl(binding.namespace, "delete", kind, name)]
    if binding.subjects:
        given = " ".join(dict.fromkeys(_option(one, binding.namespace) for one in binding.subjects))
        commands.append(text.kubectl(binding.namespace, "create", kind, name, "--clusterrole=view", given))
    said = "Delete the binding, and bind a role that allows only what is needed. For example, if reading is enough:"
    return found.verdict(FAILING, "Bindings to cluster-admin outside system namespaces", text.advice(said, *commands))


def _is_trusted(binding: Binding) -> bool:
    if binding.kind == "RoleBinding":
        return binding.namespace in TRUSTED_NAMESPACES
    accounts = [one.kind == "ServiceAccount" and one.namespace in TRUSTED_NAMESPACES for one in binding.subjects]
    return bool(accounts) and all(accounts)


def _subjects(binding: Binding) -> str:
    if not binding.subjects:
        return "no subjects"
    more = len(binding.subjects) - 1
    first = binding.subjects[0]
    named = f"{first.kind} {first.namespace}/{first.name}" if first.namespace else f"{first.kind} {first.name}"
    return f"{named} and {more} more" if more else named


def _option(subject: Subject, namespace: str) -> str:
    if subject.kind == "ServiceAccount":
        return f"--serviceaccount={text.quote(f'{subject.namespace or namespace}:{subject.name}')}"
    return f"--{'group' if subject.kind == 'Group' else 'user'}={text.quote(subject.name)}"


CHECKS = (
    Check(
        "security.rbac-wildcard-permissions",
        "RBAC Wildcard Permissions",
        SECURITY,
        HIGH,
        ("clusterroles", "roles"),
        rbac_wildcard_permissions,
    ),
    Check(
        "security.rbac-cluster-admin-misuse",
        "RBAC Cluster-Admin Misuse",
        SECURITY,
        CRITICAL,
        ("clusterrolebindings", "rolebindings"),
        rbac_cluster_admin_misuse,
    ),
)
