"""A file of users' rules: from the setting to the CLI, over a restart, and what a wrong one does to the start."""

import os
from pathlib import Path

import pytest

from tests.operator import Operator, until
from tests.process.test_cannot_run import stopped
from tests.standin import StandIn, warning

RULES = """
rules:
- id: no probes
  match: {kind: Pod, reason: Unhealthy}
  ignore: true
- id: mounts
  match: {kind: Pod, reason: FailedMount}
  joins: cannot mount
  severity: critical
  title: Storage is broken
- id: started
  match: {type: Normal, reason: Started}
  severity: info
  title: "{kind} has started"
"""


def test_one_reason_is_silenced_and_another_raised(tmp_path: Path, standin: StandIn) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text(RULES, encoding="utf-8")
    standin.write(
        warning("probed", "Unhealthy", "Readiness probe failed: no"),
        warning("stuck", "FailedMount", 'MountVolume.SetUp failed for volume "data" : timed out'),
        warning("new", "Started", "Started container app") | {"type": "Normal"},
        warning("odd", "Odd", "something odd"),
    )
    with Operator(tmp_path, standin.kubeconfig(tmp_path), EVENT_RULES_FILE=str(file)) as operator:
        until(lambda: operator.events() and operator.accounting()["received"] == 4, "all of them")
        found = {event["object_name"]: (event["severity"], event["title"]) for event in operator.events()}
        assert found == {
            "stuck": ("critical", "Storage is broken"),
            "new": ("info", "Pod has started"),
            "odd": ("warning", "Pod Odd"),
        }
        assert operator.accounting() | {"received": 4, "stored": 3, "filtered": 1} == operator.accounting()


def test_other_rules_double_and_split_nothing(tmp_path: Path, standin: StandIn) -> None:
    """The same problem goes on while a rule that joins the built-in one comes and goes."""
    file = tmp_path / "rules.yaml"
    message = 'MountVolume.SetUp failed for volume "data" : timed out'
    for number, rules in enumerate(("rules: []", RULES, "rules: []"), 1):
        file.write_text(rules, encoding="utf-8")
        standin.write(warning("stuck", "FailedMount", message, metadata={"namespace": "shop", "name": f"stuck.{number}"}))
        with Operator(tmp_path, standin.kubeconfig(tmp_path), EVENT_RULES_FILE=str(file)) as operator:
            until(lambda wanted=number: [one["count"] for one in operator.events()] == [wanted], "one event of them all")
            (one,) = operator.events()
            assert one["severity"] == ("error" if number == 1 else "critical"), "severity only rises"


@pytest.mark.parametrize(
    ("content", "said"),
    [
        ("rules: [{id: mine, match: {reason: X}, severity: fatal}]", "rule 'mine': severity: 'fatal': must be info, warning"),
        ("rules: [{id: mine, match: {resaon: X}, ignore: true}]", "rule 'mine': 'resaon' is not a field of match"),
        ("rules: &r [*r]", "line 1: anchors and aliases"),
        (None, "No such file or directory"),
    ],
    ids=["severity", "field", "recursive", "absent"],
)
def test_a_wrong_file_stops_the_start(tmp_path: Path, content: str | None, said: str) -> None:
    file = tmp_path / "rules.yaml"
    if content is not None:
        file.write_text(content, encoding="utf-8")
    line = stopped(tmp_path, EVENT_RULES_FILE=str(file))
    assert line.startswith(f"kube9-operator: EVENT_RULES_FILE={file}: {said}")


def test_a_pipe_does_not_hold_up_the_start(tmp_path: Path) -> None:
    os.mkfifo(tmp_path / "pipe")
    assert stopped(tmp_path, EVENT_RULES_FILE=str(tmp_path / "pipe")).endswith(": must be a regular file")


def test_the_built_in_rules_are_missing(tmp_path: Path) -> None:
    """As from a package that is not whole: restarting cannot fix that."""
    (tmp_path / "sitecustomize.py").write_text(
        "import pathlib, sys\n"
        "read = pathlib.Path.read_bytes\n"
        "def read_bytes(path):\n"
        "    if path.name == 'rules.yaml':\n"
        "        raise FileNotFoundError(2, 'No such file or directory')\n"
        "    return read(path)\n"
        "pathlib.Path.read_bytes = read_bytes\n",
        encoding="ascii",
    )
    line = stopped(tmp_path, PYTHONPATH=str(tmp_path))
    assert "the installation is incomplete" in line
    assert "rules.yaml" in line
