"""A side process and the writer die, hang and flood: findings are recorded once, and Events are recorded as before."""

import itertools
import random
import time
from pathlib import Path
from typing import Any

import pytest

from tests import side
from tests.operator import Operator, until
from tests.standin import StandIn, warning

ROOT = Path(__file__).parent.parent.parent
START = """
import sys
sys.path.insert(0, {root!r})
from kube9_operator.main import serve
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.supervise import supervisor
from kube9_operator.supervise.process import Role
from kube9_operator.supervise.sides import SideRole

made = supervisor.Supervisor
tester = SideRole(Role("tester", "tests.side:run", ({folder!r},)))
supervisor.Supervisor = lambda **given: made(**given | {{"sides": [tester]}})
sys.exit(serve(Deadlines(**{deadlines!r})))
"""


class WithSide(Operator):
    """An operator with the side process of tests.side."""

    def __init__(self, folder: Path, kubeconfig: Path, how: str, **deadlines: Any) -> None:
        short = {"side_first": 0.05, "side_most": 0.5} | deadlines
        super().__init__(folder, kubeconfig, short)
        self.behave(how)

    def behave(self, how: str) -> None:
        (self.folder / "how").write_text(how, encoding="utf-8")

    def start(self, *prefix: str) -> None:
        self._run(START.format(deadlines=self.deadlines, folder=str(self.folder), root=str(ROOT)), prefix)

    def found(self) -> list[str]:
        return sorted(one["metadata"]["run_id"] for one in self.events("--type=assessment", "--search=check"))

    def failures(self) -> list[str]:
        return [line["reason"] for line in self.log() if line["event"] == "process.failed" and "reason" in line]


def test_findings_are_recorded_once_whoever_is_killed(tmp_path: Path, standin: StandIn) -> None:
    chance = random.Random(5)
    with WithSide(tmp_path, standin.kubeconfig(tmp_path), "works") as operator:
        done = tmp_path / "done"
        victims = itertools.cycle(("tester", "writer", "tester", "supervisor"))
        for victim in itertools.islice(victims, 6):
            before = done.read_text(encoding="utf-8") if done.exists() else ""
            until(
                lambda before=before: done.exists() and done.read_text(encoding="utf-8") != before, "findings to be committed"
            )
            time.sleep(chance.random() / 20)
            operator.kill(victim)
            if victim == "supervisor":
                operator.start()
        until(lambda: done.read_text(encoding="utf-8") == str(side.MANY), "all findings")
        assert operator.found() == [f"asm_{number:05}" for number in range(side.MANY)]
        assert all(one["count"] == 1 for one in operator.events("--type=assessment"))


def test_a_side_process_that_dies_ends_only_itself(tmp_path: Path, standin: StandIn) -> None:
    with WithSide(tmp_path, standin.kubeconfig(tmp_path), "works") as operator:
        until(lambda: operator.found(), "a finding")
        before = operator.pid("writer"), operator.pid("watcher-events")
        operator.kill("tester")
        (failed,) = until(lambda: operator.events("--type=system"), "the event of its death")
        assert (failed["severity"], failed["metadata"]["why"]) == ("warning", "tester was killed by signal 9")
        until(lambda: operator.pid("tester"), "another one")
        assert (operator.pid("writer"), operator.pid("watcher-events")) == before
        until(lambda: operator.counter("kube9_process_restarts_total", process="tester") == 1, "the count of restarts")
        assert operator.counter("kube9_process_restarts_total", process="writer") == 0
        assert "tester" in operator.health()[1]["processes"]


@pytest.mark.parametrize(
    ("how", "failure"),
    [
        ("hangs", "hangs in phase 'starting'"),
        ("fails", "ended with exit code 1: RuntimeError: nothing works"),
        ("sends_nonsense", "sent an invalid finding: DecodeError: MessagePack data is malformed"),
    ],
)
def test_a_side_process_that_fails_is_started_again_and_named_when_that_lasts(
    tmp_path: Path, standin: StandIn, how: str, failure: str
) -> None:
    with WithSide(tmp_path, standin.kubeconfig(tmp_path), how, hang=2.0, side_patience=2.5) as operator:
        long = "the tester has failed again and again for 0 minutes: it "
        reasons = until(
            lambda: [one for one in operator.health()[1]["reasons"] if one.startswith(long) and failure in one],
            "health to say so",
        )
        assert len(reasons) == 1
        until(lambda: operator.health()[1]["status"] == "degraded", "every source to be listed: Events are recorded")
        assert len(operator.failures()) > 1
        standin.write(warning("web-1", "BackOff", "Back-off"))
        until(lambda: operator.events(), "an Event")
        operator.behave("works")
        until(lambda: operator.found(), "a finding")


@pytest.mark.parametrize("how", ["floods", "stops_in_the_middle"])
def test_a_side_process_holds_up_no_event(tmp_path: Path, standin: StandIn, how: str) -> None:
    with WithSide(tmp_path, standin.kubeconfig(tmp_path), how) as operator:
        until(lambda: operator.pid("tester"), "the side process")
        for number in range(5):
            standin.write(warning(f"web-{number}", "BackOff", "Back-off"))
            until(lambda number=number: len(operator.events()) == number + 1, "an Event")
        assert operator.failures() == []
        assert not [line for line in operator.log() if line["event"] == "workers.restarting"]
