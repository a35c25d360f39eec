"""`assessments run` asks the operator for an assessment, and gets one clear answer, whoever is slow, asks too or dies."""

import contextlib
import json
import os
import pty
import signal
import subprocess
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kube9_schema.requests import socket_path
from tests.operator import BIN, Operator, until
from tests.standin import StandIn

REPLICAS = "reliability.replica-counts"
DEADLINES = {"side_first": 0.05, "side_most": 0.5, "page": 60.0}
"""A list that is held back waits for the test, however slow the machine is."""
DEPLOYMENT = {
    "metadata": {"namespace": "shop", "name": "web"},
    "spec": {"replicas": 1, "selector": {}, "template": {"spec": {"containers": [{"name": "app"}]}}},
}


class Asked:
    """A command that is running."""

    def __init__(self, operator: Operator, *arguments: str, **streams: Any) -> None:
        streams = {"stdout": subprocess.PIPE, "stderr": subprocess.PIPE} | streams
        command = [BIN / "kube9-cli", *(arguments or ("assessments", "run"))]
        self.process = subprocess.Popen(command, env=operator.environment, **streams)

    def answer(self) -> Any:
        out, error = self.process.communicate(timeout=120)
        assert self.process.returncode == 0, error
        return json.loads(out)

    def error(self, code: int = 1) -> Any:
        out, error = self.process.communicate(timeout=120)
        assert (self.process.returncode, out) == (code, b"")
        return json.loads(error)

    def close(self) -> None:
        """Ends it, if a test has left it running."""
        self.process.kill()
        self.process.communicate()


@pytest.fixture
def operator(tmp_path: Path, standin: StandIn) -> Iterator[Operator]:
    standin.put("deployments", DEPLOYMENT)
    with Operator(tmp_path, standin.kubeconfig(tmp_path), DEADLINES) as made:
        until(lambda: made.health()[1]["status"] == "healthy", "every list")
        yield made


Ask = Callable[..., Asked]


@pytest.fixture
def ask(operator: Operator) -> Iterator[Ask]:
    """Starts a command, which asks for a full assessment if nothing else is given."""
    with contextlib.ExitStack() as started:

        def start(*arguments: str, **streams: Any) -> Asked:
            asked = Asked(operator, *arguments, **streams)
            started.callback(asked.close)
            return asked

        yield start


def runs(operator: Operator) -> list[tuple[str, str]]:
    return [(one["run_id"], one["state"]) for one in operator.cli("assessments", "list")["assessments"]]


def hang(standin: StandIn) -> None:
    """Lets the next list of Deployments, which only an assessment makes now, get no answer until the test lets it go."""
    standin.plan("held", on="first", of="deployments")


def running(operator: Operator, standin: StandIn, held_later: int = 0) -> str:
    """The id of the assessment that runs, when it waits for the API server, which will hold back so many answers more."""
    (found,) = until(lambda: [name for name, state in runs(operator) if state == "running"], "an assessment")
    until(lambda: len(standin.control("plans")) == held_later, "it to ask")
    until(lambda: operator.health()[1]["processes"].get("assessor") == "reading deployments", "it to say what it reads")
    return str(found)


def ended(operator: Operator, name: str) -> None:
    """Returns when this assessment is recorded as completed, and its process has ended, so that another may be asked for."""
    until(lambda: (name, "completed") in runs(operator), "the assessment to go on")
    until(lambda: "assessor" not in operator.health()[1]["processes"], "its process to end")


def test_what_is_asked_for_is_made_and_shown(operator: Operator, standin: StandIn, ask: Ask) -> None:
    found = ask().answer()
    assert (found["origin"], found["mode"], found["state"], found["total_checks"]) == ("manual", "full", "completed", 31)
    by_check = {one["check_id"]: one for one in found["results"]}
    assert by_check[REPLICAS]["offenders"] == ["Deployment shop/web"]
    assert ask("assessments", "run", "--pillar", "sustainability").answer()["total_checks"] == 2
    one = ask("assessments", "run", "--check", REPLICAS).answer()
    assert [result["status"] for result in one["results"]] == ["failing"]
    wrong = ask("assessments", "run", "--check", "replica-count").error()
    assert wrong["code"] == "INVALID_ARGUMENT"
    assert wrong["details"].endswith(f"did you mean {REPLICAS}?")
    master, terminal = pty.openpty()
    ask("assessments", "run", "--check", REPLICAS, stderr=terminal).answer()
    os.close(terminal)
    shown = os.read(master, 65536).decode()
    assert shown.startswith(f"The operator makes the assessment {runs(operator)[0][0]}. Ctrl-C ends this command")
    os.close(master)
    assert standin.control("plans") == []


def test_two_at_once_a_slow_api_and_ctrl_c(operator: Operator, standin: StandIn, ask: Ask) -> None:
    hang(standin)
    first = ask("assessments", "run", "--check", REPLICAS)
    name = running(operator, standin)
    refused = ask().error()
    assert (refused["error"], refused["code"]) == ("Another assessment is running", "ASSESSMENT_RUNNING")
    assert refused["details"].startswith(f"{name};")
    standin.control("let_go")
    assert first.answer()["run_id"] == name
    hang(standin)
    late = ask("assessments", "run", "--check", REPLICAS, "--wait", "1")
    name = running(operator, standin)
    assert late.error(2)["error"] == "The assessment takes too long"
    standin.control("let_go")
    ended(operator, name)
    hang(standin)
    stopped = ask("assessments", "run", "--check", REPLICAS)
    name = running(operator, standin)
    stopped.process.send_signal(signal.SIGINT)
    assert stopped.process.communicate() == (b"", b"")
    assert stopped.process.returncode == -signal.SIGINT
    standin.control("let_go")
    ended(operator, name)
    standin.plan("HTTP 500", on="first", of="deployments", times=3)
    unmade = ask("assessments", "run", "--check", REPLICAS).error()
    assert unmade["code"] == "ASSESSMENT_FAILED"
    assert unmade["details"].startswith("none of its checks could be made; see kube9-cli assessments get asm_")


def test_the_assessor_and_the_operator_die_meanwhile(operator: Operator, standin: StandIn, ask: Ask) -> None:
    standin.plan("held", on="first", of="deployments", times=3)
    asked = ask("assessments", "run", "--check", REPLICAS)
    for deaths in range(1, 4):
        name = running(operator, standin, 3 - deaths)
        operator.kill("assessor")
        until(lambda deaths=deaths: operator.log_text().count("process.failed") == deaths, "its death")
    failed = asked.error()
    assert (failed["error"], failed["code"]) == ("The assessment has failed", "ASSESSMENT_FAILED")
    assert failed["details"] == (
        f"its process failed 3 times; at last it was killed by signal 9; see kube9-cli assessments get {name}"
    )
    assert runs(operator) == [(name, "failed")]
    assert ask("assessments", "run", "--check", REPLICAS).answer()["state"] == "completed"
    hang(standin)
    asked = ask()
    name = running(operator, standin)
    operator.kill("supervisor")
    ended = asked.error()
    assert (ended["error"], ended["code"]) == ("The operator has ended during the assessment", "OPERATOR_ENDED")
    assert ask().error()["code"] == "NO_OPERATOR"
    operator.start()
    until(lambda: (name, "failed") in runs(operator), "the end to be recorded")
    assert len(ask("assessments", "run", "--check", REPLICAS).answer()["results"]) == 1
    assert operator.stop() == 0
    assert not os.path.exists(socket_path(str(operator.data / "kube9.db")))
    none = ask().error()
    assert (none["error"], none["code"]) == ("No operator is running on this database", "NO_OPERATOR")
