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
from collections.abc import Iterator, Sequence
from copy import deepcopy
from datetime import datetime
from pathlib import Path
from unittest import mock

from kube9_cli.render import listing
from kube9_cli.render.width import wrapped
from kube9_operator.model import sources
from kube9_operator.settings import from_environment
from kube9_operator.write import writer
from kube9_schema import DATABASE_NAME
from tests.cases import Cluster, Json, cluster
from tests.cli import run_cli
from tests.kept import MINUTE
from tests.managed import IMAGE, REPLICAS, Managed, stamp

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
Line = tuple[float, str, Json]
"""What a watch delivers: how many minutes before the questions, of which source, and the object as the API has it."""
BEGIN = 3 * DAY
"""When the operator was started, in minutes before the questions."""
REPLICASET = "web-5d9c7b8f6d"
CRASHES = (6, 21, 47, 92, 178, 343, 648, 953, 1258)
"""When the container of a pod ends, in seconds: the kubelet waits longer each time, up to five minutes."""
EXAMPLE = re.compile(r"(?<=one line for each change of state:\n\n).*?(?=^\| column)", re.MULTILINE | re.DOTALL)
SECTION = re.compile(r"(?<=^## Seven questions\n\n).*?(?=^## )", re.MULTILINE | re.DOTALL)
INTRODUCTION = f"""\
These are questions of an on-call engineer, with one command for each. The terminal has {WIDTH} columns. In these examples \
it is 14:20 UTC on
24 November 2026.
"""


def main() -> None:
    text = DOCUMENT.read_text(encoding="utf-8")
    text = SECTION.sub(lambda _: section(), text, count=1)
    DOCUMENT.write_text(EXAMPLE.sub(lambda _: timeline(), text, count=1), encoding="utf-8")


def section() -> str:
    """The part of the document, as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        recorded(Path(folder))
        answers = [f"**{question}**\n\n{answered(Path(folder), command)}" for question, command in QUESTIONS]
    return "\n".join([INTRODUCTION, *answers, ""])


def timeline() -> str:
    """The example of a timeline, as it should be."""
    with tempfile.TemporaryDirectory() as folder:
        rolled_out(Path(folder))
        return answered(Path(folder), "events timeline -n shop --since 1h") + "\n"


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
    """Writes the database of an operator that has watched this cluster for three days. All texts are the operator's."""
    with cluster() as told:
        begins(told, folder, BEGIN, LISTED)
        for line in sorted((*yesterday(), *today()), key=lambda line: -line[0]):
            delivers(told, *line)
        ends(told, folder)


def rolled_out(folder: Path) -> None:
    """Writes the database of an operator that is away while a bad rollout is undone."""
    made, name, away, back = web(), f"{REPLICASET}-x2k4p", 18.6, 16.6
    with cluster() as told:
        begins(told, folder, 120, [("deployments", deepcopy(made.object()))])
        delivers(told, 37.6, "deployments", made.write("kubectl-set", at=seconds(37.6), **{IMAGE: "web:2.4"}))
        delivers(told, 37.6, "replicasets", {"metadata": meta(REPLICASET, 37.6, "Deployment", "web")})
        for restarts, after in enumerate((0, *CRASHES[:6])):
            delivers(told, 36.6 - after / 60, "pods", pod(name, 36.6, restarts, 36.6 - after / 60))
        delivers(told, 27.6, "deployments", made.object() | progressing("False", 27.6))
        told.now_ms = NOW_MS - round(away * MINUTE)
        told.waits(0, *SOURCES)
        told.restart()
        for manager in ("kubectl-edit", "kubectl-rollout"):
            made.write(manager, at=seconds(17.6), **{IMAGE: "web:2.3"})
        begins(told, folder, back, [("deployments", made.object() | progressing("False", 27.6))])
        delivers(told, 14.6, "deployments", made.object() | progressing("True", 14.6))
        ends(told, folder)


def begins(told: Cluster, folder: Path, ago: float, listed: Sequence[tuple[str, Json]]) -> None:
    """The operator starts, and lists every source."""
    told.now_ms = NOW_MS - round(ago * MINUTE)
    with at(told.now_ms), mock.patch.object(writer, "now_ms", return_value=told.now_ms):
        told.writer.begin(from_environment({"DB_PATH": str(folder)}))
        for source in SOURCES:
            told.list_(source, *(made for of, made in listed if of == source))


def delivers(told: Cluster, ago: float, source: str, made: Json) -> None:
    """A watch delivers an Event, or an object as it is now."""
    told.now_ms = NOW_MS - round(ago * MINUTE)
    with at(told.now_ms):
        if source == "events":
            told.event(made)
        else:
            told.put(source, made)


def ends(told: Cluster, folder: Path) -> None:
    """Everything is confirmed up to the time of the questions."""
    told.now_ms = NOW_MS
    with at(NOW_MS):
        told.waits(0, *SOURCES)
    told.connection.execute("VACUUM INTO ?", (str(folder / DATABASE_NAME),))


def yesterday() -> Iterator[Line]:
    """A node ran out of memory, lost its kubelet, and was cordoned."""
    name, when = NODES[1], DAY + 75  # 14:05 in Berlin
    text = "The node was low on resource: memory. Threshold quantity: 100Mi, available: 84Mi."
    for number in (1, 2):
        yield when + 5, "events", event(f"Pod/batch/report-{number}", "Evicted", text, when + 5, host=name)
    lost = {"status": "Unknown", "reason": "NodeStatusUnknown", "message": "Kubelet stopped posting node status."}
    yield when + 1, "nodes", node(name, when + 1, **lost)
    text = f"Node {name} status is now: NodeNotReady"
    yield when + 1, "events", event(f"Node//{name}", "NodeNotReady", text, when + 1, by="node-controller", severity="Normal")
    yield when - 2, "nodes", node(name, when + 1, when - 2, **lost)
    yield when - 10, "nodes", node(name, when - 10, when - 2)


def today() -> Iterator[Line]:
    """Somebody scales the database of the shop to zero, and the pods of a rollout of its web server crash."""
    text = "Job has reached the specified backoff limit"
    for number, ago in enumerate((540, 360, 180)):
        yield ago, "events", event(f"Job/batch/report-2941{number}", "BackoffLimitExceeded", text, ago, by="job-controller")
    text, first = "0/2 nodes are available: 2 Insufficient cpu.", 300
    for count, ago in enumerate(range(first, 9, -5), 1):
        yield ago, "events", event("Pod/batch/giant", "FailedScheduling", text, first, ago, count, by="default-scheduler")
    yield 29, "statefulsets", db().write("kubectl", "scale", at=seconds(29), **{REPLICAS: 0})
    yield 28, "deployments", web().write("helm", at=seconds(28), **{IMAGE: "web:2.4"})
    yield 28, "replicasets", {"metadata": meta(REPLICASET, 28, "Deployment", "web")}
    for name, began in (("x2k4p", 26.1), ("7qmzd", 25.1)):
        for restarts, after in enumerate((0, *CRASHES)):
            yield began - after / 60, "pods", pod(f"{REPLICASET}-{name}", began, restarts, began - after / 60)


def web() -> Managed:
    """The web server of the shop, as helm has installed it."""
    made = Managed("web", {"template": {"spec": {"containers": [{"name": "app"}]}}})
    made.write("helm", at=seconds(BEGIN), **{IMAGE: "web:2.3"})
    return made


def db() -> Managed:
    """The database of the shop, as helm has installed it."""
    made = Managed("db")
    made.write("helm", at=seconds(BEGIN), **{REPLICAS: 1})
    return made


def node(name: str, since: float, cordoned: float = 0, status: str = "True", **why: str) -> Json:
    """A node whose readiness has not changed since then."""
    ready = {"type": "Ready", "status": status, "lastTransitionTime": stamp(seconds(since))} | why
    written = {"time": stamp(seconds(cordoned)), "fieldsType": "FieldsV1", "fieldsV1": {"f:spec": {"f:unschedulable": {}}}}
    managed = [{"manager": "kubectl-cordon", "operation": "Update"} | written] if cordoned else []
    about = {"name": name, "creationTimestamp": stamp(seconds(30 * DAY)), "managedFields": managed}
    return {"metadata": about, "spec": {"unschedulable": bool(cordoned)}, "status": {"conditions": [ready]}}


def pod(name: str, began: float, restarts: int, ended: float) -> Json:
    """A pod of the web server after so many restarts, the last of them after an end at this time."""
    app: Json = {"name": "app", "restartCount": restarts}
    if restarts:
        times = {"startedAt": stamp(seconds(ended) - 5), "finishedAt": stamp(seconds(ended))}
        end = {"exitCode": 3, "reason": "Error", "message": "FATAL: cannot reach postgres at db.shop.svc:5432"} | times
        app |= {"lastState": {"terminated": end}, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
    status = {"phase": "Running", "containerStatuses": [app]}
    return {
        "metadata": meta(name, began, "ReplicaSet", REPLICASET),
        "spec": {"nodeName": NODES[0], "containers": [{"name": "app"}]},
        "status": status,
    }


def progressing(status: str, since: float) -> Json:
    """The status of the Deployment: whether its rollout makes progress."""
    reason = "NewReplicaSetAvailable" if status == "True" else "ProgressDeadlineExceeded"
    message = f'ReplicaSet "{REPLICASET}" has timed out progressing.'
    condition = {"type": "Progressing", "status": status, "reason": reason, "message": message}
    return {"status": {"conditions": [condition | {"lastTransitionTime": stamp(seconds(since))}]}}


def meta(name: str, created: float, kind: str, owner: str) -> Json:
    """The metadata of an object in the shop with an owner."""
    owners = [{"apiVersion": "apps/v1", "kind": kind, "name": owner, "uid": f"uid-{owner}", "controller": True}]
    return {"name": name, "namespace": "shop", "creationTimestamp": stamp(seconds(created)), "ownerReferences": owners}


def event(
    about: str,
    reason: str,
    message: str,
    first: float,
    last: float = 0,
    count: int = 1,
    *,
    by: str = "kubelet",
    host: str = "",
    severity: str = "Warning",
) -> Json:
    """An Event about `Kind/namespace/name`."""
    kind, namespace, name = about.split("/")
    began, ended = stamp(seconds(first)), stamp(seconds(last or first))
    return {
        "metadata": {"name": f"{name}.{reason.lower()}", "namespace": namespace, "creationTimestamp": began},
        "involvedObject": {"kind": kind, "namespace": namespace, "name": name, "uid": f"uid-{name}"},
        "type": severity,
        "reason": reason,
        "message": message,
        "count": count,
        "firstTimestamp": began,
        "lastTimestamp": ended,
        "source": {"component": by} | ({"host": host} if host else {}),
    }


def seconds(ago: float) -> float:
    """So many minutes before the questions, in seconds since 1970."""
    return NOW_MS / 1000 - ago * 60


LISTED = (
    *(("nodes", node(name, BEGIN)) for name in NODES),
    ("deployments", web().object()),
    ("statefulsets", db().object()),
)
"""What the first lists show: the source and the object."""


if __name__ == "__main__":
    main()
