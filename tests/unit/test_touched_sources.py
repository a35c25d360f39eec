"""Which sources an answer depends on: those whose events can match, and those that say what belongs to whom."""

import pytest

from kube9_cli import parser
from kube9_cli.query.sources import ON_NODES, OWNED, Touched
from kube9_cli.selection import check
from kube9_schema.api_groups import GROUPS
from kube9_schema.sources import EVENTS_ABOUT, KINDS

EVERY = {"events", *KINDS}
WITH_EVENTS = {"events", *EVENTS_ABOUT}


def touched(*options: str) -> set[str]:
    selection = check(parser.get_parser().parse_args(["events", "list", *options]))
    return {source for source in EVERY if Touched(selection).by(source)}


WORKLOADS = {"deployments", "statefulsets", "daemonsets", "services", "endpointslices", "pods", "cronjobs"}
CUSTOM = {"applications", "kustomizations", "helmreleases"}
IN_NAMESPACES = WORKLOADS | {"persistentvolumeclaims", "configmaps"} | CUSTOM


@pytest.mark.parametrize(
    ("options", "sources"),
    [
        ("", WITH_EVENTS - {"events"}),
        ("--for deploy/web", {"deployments", "replicasets", "pods"}),
        ("--for rs/web-1", {"pods"}),
        ("--for sts/db", {"statefulsets", "pods"}),
        ("--for cronjob/backup", {"cronjobs", "jobs", "pods"}),
        ("--for job/backup-1", {"pods"}),
        ("--for svc/api", {"services", "endpointslices", "pods"}),
        ("--for node/n1", {"nodes", "pods"}),
        ("--for ns/shop", IN_NAMESPACES | {"namespaces"}),
        ("--for pvc/data", {"persistentvolumeclaims"}),
        ("--for pod/a --for node/n1", {"nodes", "pods"}),
        ("--for rollouts.argoproj.io/web", WITH_EVENTS - {"events"}),
        ("--exclude for=deploy/web --kind pod", {"pods", "replicasets"}),
        ("-n shop", IN_NAMESPACES | {"namespaces"}),
        ("--object-namespace shop", IN_NAMESPACES),
        ("--kind po,NODES", {"pods", "nodes"}),
        ("--kind nodes.longhorn.io", set()),
        ("--kind Applications,helmrelease.helm.toolkit.fluxcd.io", {"applications", "helmreleases"}),
        ("--kind applications.app.k8s.io", set()),
        ("--for applications/web", {"applications"}),
        ("--for app/web", WITH_EVENTS - {"events"}),
        ("--exclude kind=kustomizations -n shop", (IN_NAMESPACES | {"namespaces"}) - {"kustomizations"}),
        ("--kind pod --object-kind node", set()),
        ("--kind pod,node --exclude kind=po", {"nodes"}),
        ("--exclude kind=nodes.longhorn.io --kind node", {"nodes"}),
        ("--node n1", {"nodes", "pods"}),
        ("--node n1 -n shop", {"pods"}),
        ("--source kubelet", set()),
        ("--source kube9-*,kubelet --kind pod", {"pods"}),
        ("--exclude source=KUBE9-operator", set()),
        ("--name web --reason BackOff --search x --kind sts", {"statefulsets"}),
    ],
)
def test_only_sources_that_can_change_the_answer_are_asked(options: str, sources: set[str]) -> None:
    assert touched(*options.split()) - {"events"} == sources
    assert "events" in touched(*options.split()), "there may be an Event about anything"


def test_the_tables_name_kinds_and_sources_that_exist() -> None:
    assert set(OWNED) | {kind for owned in OWNED.values() for kind in owned} <= set(GROUPS)
    assert set(ON_NODES) <= set(KINDS)
