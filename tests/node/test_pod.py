"""The operator as a pod: what it may do there."""

from tests.node.node import Node
from tests.node.pod import NAMESPACE, RELEASE, OperatorPod


def test_the_pod_is_confined(operator: OperatorPod) -> None:
    asked = (
        "id -u; cat /proc/1/cmdline | tr '\\0' ' '; grep -E 'NoNewPrivs|CapEff|Seccomp:' /proc/1/status; touch /x 2>&1; true"
    )
    said = operator.exec("sh", "-c", asked).split()
    assert said[0] == "65532"
    assert said[2] == "/opt/kube9/bin/kube9-operator"
    assert said[3:9] == ["CapEff:", "0" * 16, "NoNewPrivs:", "1", "Seccomp:", "2"]
    assert " ".join(said[9:]).endswith("Read-only file system")
    assert operator.cli("status")["watches"]["events"]["state"] == "current"


def test_the_image_has_all_bytecode(operator: OperatorPod) -> None:
    """Where nothing can be written each import would compile again."""
    counted = (
        "import sys, kube9_operator.main as m, msgspec, argparse; print(*(one.__cached__ for one in (m, msgspec, argparse)))"
    )
    for path in operator.exec("python3", "-c", counted).split():
        operator.exec("test", "-f", path)


def test_helm_test_passes(node: Node, operator: OperatorPod) -> None:
    assert "Phase:          Succeeded" in node.program("helm", "test", RELEASE, "-n", NAMESPACE, "--timeout", "3m").stdout
