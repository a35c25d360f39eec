"""The questions that docs/cli.md answers. `python -m tests.questions` asks them of a made record, at a fixed time, and writes
the answers into the document.
"""

import contextlib
import os
import re
import shlex
import sys
import tempfile
import time
from collections.abc import Iterator
from datetime import datetime
from pathlib import Path
from unittest import mock

from kube9_cli.render import listing
from kube9_cli.render.width import wrapped
from kube9_operator.model import sources
from tests.cli import run_cli
from tests.record import MINUTE, Record

DOCUMENT = Path(__file__).parent.parent / "docs" / "cli.md"
WIDTH = 80
NOW_MS = int(datetime.fromisoformat("2026-11-24T14:20:00+00:00").timestamp()) * 1000
DAY = 24 * 60
"""In minutes."""
NODES = "ip-10-0-1-17.eu-west-1.compute.internal", "ip-10-0-1-18.eu-west-1.compute.internal"
SOURCES = (*sources.SOURCES, *sources.CUSTOM)
"""What an operator watches unless it is told otherwise."""

QUESTIONS = (
    ("What broke in the last 30 minutes?", "events list --since 30m --severity error+"),
    ("Which pods of this deployment crashed, and why?", "events list --for deploy/web -n shop --severity error+"),
    ("What changed before this?", "events get po/shop/web-5d9c7b8f6d-x2k4p"),
    ("Is the record complete?", "status"),
    ("Which namespaces are the noisiest?", "events summary --by namespace"),
    ("What happened on this node?", f"events list --for node/{NODES[1]}"),
    ("What happened around 14:05 yesterday, in my time zone?", "events list --around 'yesterday 14:05' --tz Europe/Berlin"),
)
"""What an on-call engineer asks, and the command that answers it."""
SECTION = re.compile(r"(?<=^## Seven questions\n\n).*?(?=^## )", re.MULTILINE | re.DOTALL)
INTRODUCTION = f"""\
These are questions of an on-call engineer, with one command for each. The terminal has {WIDTH} columns. In these examples \
it is 14:20 UTC on
24 November 2026.
"""


def main() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    DOCUMENT.write_text(SECTION.sub(lambda _: section(), text, count=1), encoding="utf-8")


def section() -> str:
    """The part of the document, as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        recorded(Path(folder))
        answers = [f"**{question}**\n\n{answered(Path(folder), command)}" for question, command in QUESTIONS]
    return "\n".join([INTRODUCTION, *answers, ""])


def answered(folder: Path, command: str) -> str:
    """A command with its answer, as a terminal shows them."""

    def said(sentences: list[str]) -> None:
        for one in sentences:
            sys.stdout.write("".join(f"{line}\n" for line in wrapped(one, WIDTH, len(one))))

    with at(NOW_MS), mock.patch.dict(os.environ, {"COLUMNS": str(WIDTH)}), mock.patch.object(listing, "say", said):
        done = run_cli(folder, *shlex.split(command), "-o", "table")
    assert (done.returncode, done.stderr) == (0, "")
    return "".join(f"    {line}".rstrip() + "\n" for line in (f"$ kube9-cli {command}", *done.stdout.splitlines()))


@contextlib.contextmanager
def at(now_ms: int) -> Iterator[None]:
    """It is this time by the clock."""
    with (
        mock.patch.object(time, "time_ns", return_value=now_ms * 1_000_000),
        mock.patch.object(time, "time", return_value=now_ms / 1000),
    ):
        yield


def recorded(folder: Path) -> None:
    """Three days of a cluster: a rollout that breaks because of a change of another owner, a node that is lost, and noise."""
    with at(NOW_MS - 3 * DAY * MINUTE + 60 * MINUTE):
        record = Record(folder)
        record.watched(*SOURCES)
    record.now_ms = NOW_MS
    with at(NOW_MS):
        yesterday(record)
        today(record)
        record.confirmed(*SOURCES)
    record.close()


def yesterday(record: Record) -> None:
    """Node 18 was drained and lost its kubelet."""
    node, when = NODES[1], DAY + 75  # 14:05 in Berlin
    record.event(
        f"Node//{node}",
        "NodeCordoned",
        ago=when - 2,
        severity="info",
        node=node,
        title="Node cordoned",
        description="Node was cordoned",
        changed_by="kubectl-cordon",
    )
    for number in (1, 2):
        record.event(
            f"Pod/batch/report-{number}",
            "Evicted",
            ago=when + 5,
            node=node,
            title="Pod evicted",
            description="The node was low on resource: memory. Threshold quantity: 100Mi, available: 84Mi.",
        )
    record.event(
        f"Node//{node}",
        "NodeNotReady",
        ago=when + 1,
        lasts=11,
        severity="critical",
        node=node,
        title="Node NotReady",
        description="NodeStatusUnknown: Kubelet stopped posting node status.",
    )
    record.event(
        f"Node//{node}",
        "NodeReady",
        ago=when - 10,
        severity="info",
        node=node,
        title="Node Ready",
        description="KubeletReady: kubelet is posting ready status",
    )


def today(record: Record) -> None:
    """The database of the shop is scaled to zero, and the pods of its web server crash."""
    for number in range(3):
        record.event(
            f"Job/batch/report-2941{number}",
            "BackoffLimitExceeded",
            ago=9 * 60 - 180 * number,
            count=1,
            severity="error",
            source="job-controller",
            title="Job failed",
            description="Job has reached the specified backoff limit",
        )
    record.event(
        "Pod/batch/giant",
        "FailedScheduling",
        ago=300,
        lasts=290,
        count=41,
        source="default-scheduler",
        title="Pod scheduling failed",
        description="0/2 nodes are available: 2 Insufficient cpu.",
    )
    record.event(
        "ConfigMap/shop/web-config",
        "ConfigMapChanged",
        ago=31,
        severity="info",
        source=None,
        title="ConfigMap changed",
        description="ConfigMap web-config was changed",
        changed_by="helm",
    )
    record.event(
        "StatefulSet/shop/db",
        "StatefulSetScaled",
        ago=29,
        severity="info",
        source=None,
        title="StatefulSet scaled",
        description="Replicas changed from 1 to 0",
        changed_by="kubectl-scale",
    )
    record.event(
        "Deployment/shop/web",
        "DeploymentImageChanged",
        ago=28,
        severity="info",
        source=None,
        title="Deployment image changed",
        description="Image of app changed from web:2.3 to web:2.4",
        changed_by="helm",
    )
    for name, ago, count in (("x2k4p", 26, 9), ("7qmzd", 25, 8)):
        pod = f"Pod/shop/web-5d9c7b8f6d-{name}"
        record.event(
            pod,
            "CrashLoopBackOff",
            ago=ago,
            lasts=ago - 1,
            count=count,
            severity="error",
            node=NODES[0],
            source=None,
            title="Container crash loop",
            container="app",
            description="exit code 3: FATAL: cannot reach postgres at db.shop.svc:5432",
        )
        record.owns("ReplicaSet/shop/web-5d9c7b8f6d", pod)
    record.owns("Deployment/shop/web", "ReplicaSet/shop/web-5d9c7b8f6d")


if __name__ == "__main__":
    main()
