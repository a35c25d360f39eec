"""A side process for tests. A file in its folder says how it behaves; another says how many of its findings are committed."""

import itertools
import os
import time
from multiprocessing.connection import Connection
from pathlib import Path

from kube9_operator.model.assessment import AssessmentFrame, Begun, Request
from kube9_operator.supervise.findings import Findings
from kube9_operator.supervise.link import Link

FIRST_MS = 1_795_000_000_000
MANY = 120


def found(number: int) -> AssessmentFrame:
    """A finding, of which one event tells."""
    request = Request(f"asm_{number:05}", "manual", "single-check", "", f"check {number}", 60.0, FIRST_MS + number)
    return AssessmentFrame([Begun(request, request.requested_ms, 1)])


def run(link: Link, pipe: Connection, folder: str) -> None:
    """Behaves as the file `how` says."""
    globals()[Path(folder, "how").read_text(encoding="utf-8")](link, pipe, Path(folder))


def works(link: Link, pipe: Connection, folder: Path) -> None:
    """Sends MANY findings, five at a time. Goes on after the last one that it knows to be committed."""
    findings, done = Findings(link, pipe), folder / "done"
    first = int(done.read_text(encoding="utf-8")) if done.exists() else 0
    for number in range(first, MANY, 5):
        for one in range(number, number + 5):
            if not findings.send(found(one)):
                return
        if not findings.flush():
            return
        done.with_name("new").write_text(str(number + 5), encoding="utf-8")
        done.with_name("new").replace(done)
    while not link.stop.wait(0.05):
        link.beat()


def hangs(_link: Link, _pipe: Connection, _folder: Path) -> None:
    """Sends no heartbeat."""
    time.sleep(600)


def fails(_link: Link, _pipe: Connection, _folder: Path) -> None:
    """Ends with an error."""
    raise RuntimeError("nothing works")


def sends_nonsense(link: Link, pipe: Connection, _folder: Path) -> None:
    """Sends what is no finding."""
    pipe.send_bytes(b"\xc1nonsense")
    while not link.stop.wait(0.05):
        link.beat()


def stops_in_the_middle(link: Link, pipe: Connection, _folder: Path) -> None:
    """Sends the beginning of a finding, and then nothing."""
    os.write(pipe.fileno(), (1_000).to_bytes(4, "big") + b"half")
    while not link.stop.wait(0.05):
        link.beat()


def floods(link: Link, pipe: Connection, _folder: Path) -> None:
    """Sends findings and heartbeats without a pause."""
    findings = Findings(link, pipe)
    for number in itertools.count():
        link.beat(f"flood {number % 2}")
        if not findings.send(found(number)):
            return
