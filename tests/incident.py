"""An incident, recorded by the real operator: at 14:05 a new release of a web server is rolled out, and its pods crash.

Its clock is set, and moved on between two steps, so that an hour takes a few seconds. The rest is as in life: the rules, the
thresholds of insights, the processes. docs/incident.md and `make demo` tell it.
"""

import math
import os
import time
from collections.abc import Iterator
from contextlib import contextmanager
from datetime import datetime
from pathlib import Path
from typing import Any

from tests import kubectl
from tests.managed import IMAGE, REPLICAS, Managed, stamp
from tests.operator import Operator, until
from tests.standin import StandIn, warning
from tests.terminal import on_a_terminal

CLOCK = Path(__file__).parent / "clock"
DURING, AFTER = 12, 27
"""Minutes of the story in which questions are asked."""
MINUTE = 60
COLUMNS = 80
NODES = ("node-a", "node-b")
OLD, NEW = "web-6d4b9c7f5b", "web-7c8d5b6f9d"
"""The ReplicaSets of both releases."""
RUNNING = (f"{OLD}-8wzqk", f"{OLD}-m2xvt", f"{OLD}-pl9rd")
CRASHING = (f"{NEW}-x2k4p", f"{NEW}-7qmzd")
DATABASE = "spec__template__spec__containers__app__env__DATABASE_HOST__value"
CAUSE = "FATAL: cannot connect to postgres at db-new.shop.svc:5432: no such host"
CRASHES = (6, 21, 47, 92, 178, 340)
"""When the container of each new pod ends, in seconds after it was rolled out: the kubelet waits longer each time."""
LOOKED = "kube9_insights_last_look_timestamp_seconds"
SOURCES = ("deployments", "replicasets", "pods", "services", "endpointslices", "nodes", "events")


class Incident:
    """A cluster, its operator, and a clock that stands at a minute of the story: 0 is 14:05."""

    def __init__(self, folder: Path, begin: float, **environment: str) -> None:
        """`begin` is the 14:05 of the story, in seconds since 1970."""
        self.begin = begin
        self._folder = folder
        self._clock = folder / "clock"
        self._web = Managed("web", {"replicas": 3, "template": _template()})
        self.set(-70)
        with self._in_its_time():
            self.standin = StandIn()
        self.operator = Operator(
            folder,
            self.standin.kubeconfig(folder),
            {"confirmation": 120.0, "side_first": 0.05, "hang": 60.0, "page": 30.0},  # a busy machine is no part of the story
            INSIGHTS_INTERVAL_SECONDS="1",
            ASSESSMENT_ENABLED="false",
            **self._environment(),
            **environment,
        )

    def __enter__(self) -> "Incident":
        return self

    def __exit__(self, *_: object) -> None:
        if self.operator.process:
            self.operator.stop()
        self.standin.stop()

    def set(self, minute: float) -> None:
        """Sets the clock to a minute of the story."""
        self._clock.write_text(str(math.ceil(self.begin + minute * MINUTE - time.time())), encoding="ascii")

    def now(self) -> float:
        """The time of the story, in seconds since 1970."""
        return time.time() + int(self._clock.read_text(encoding="ascii"))

    def recorded(self) -> Iterator[tuple[int, str]]:
        """Lets the story happen, step by step. Yields the minute, and what happens, when a step has been recorded."""
        for minute, step in (
            (-70, self._before),
            (-1, self._as_usual),
            (0, self._rolled_out),
            (7, self._crashes),
            (DURING, self._stuck),
            (15, self._rolled_back),
            (AFTER, self._as_usual),
        ):
            self.set(minute)
            # The operator has the server's time from the head of an answer, which must not be from before the clock was moved.
            self.standin.control("cut")
            step()
            self._until_recorded()
            yield minute, (step.__doc__ or "").strip()

    def ask(self, line: str, columns: int = COLUMNS, colours: bool = False) -> str:
        """What a line that is typed in a shell says on a terminal with so many columns."""
        plain = {} if colours else {"NO_COLOR": "1"}
        environment = self.operator.environment | kubectl.install(self._folder) | {"TERM": "xterm"} | plain
        said = on_a_terminal(["sh", "-c", f"cd {self._folder} && {line}"], columns, environment)
        return "".join(f"{each.rstrip()}\n" for each in said.splitlines())

    def _environment(self) -> dict[str, str]:
        return {"PYTHONPATH": str(CLOCK), "KUBE9_TEST_CLOCK": str(self._clock)}

    @contextmanager
    def _in_its_time(self) -> Iterator[None]:
        """Processes that are started here have the clock of the story."""
        before = {name: os.environ.get(name) for name in self._environment()}
        os.environ.update(self._environment())
        try:
            yield
        finally:
            for name, value in before.items():
                if value is None:
                    del os.environ[name]
                else:
                    os.environ[name] = value

    def _until_recorded(self) -> None:
        """Returns when every source is confirmed at a time after now, and the analyzer has looked since."""
        now = self.now()

        def current() -> bool:
            watches = self.operator.cli("status")["watches"]
            return all(_seconds(watches.get(name, {}).get("confirmed_until")) > now for name in SOURCES)

        until(current, "every watch to be confirmed")
        for _ in range(2):  # the second look is one after the changes of the first are written
            before = self.now()
            until(lambda before=before: self.operator.counter(LOOKED) > before, "a look")

    # What happens

    def _before(self) -> None:
        """Everything runs."""
        began = self.begin - 24 * 60 * MINUTE
        for node in NODES:
            ready = {"type": "Ready", "status": "True", "lastTransitionTime": stamp(began)}
            self._put("nodes", {"metadata": {"name": node}, "status": {"conditions": [ready]}}, began)
        self._put("namespaces", {"metadata": {"name": "shop"}}, began)
        self._web.write("helm", at=began, **{REPLICAS: 3, IMAGE: "registry.example/shop/web:2.3", DATABASE: "db.shop.svc"})
        self._put_web(began)
        self._put_replicaset(OLD, 1, began)
        for name in RUNNING:
            self._put_pod(name, OLD, began)
        self._put("services", {"metadata": {"name": "web", "namespace": "shop"}, "spec": {"selector": {"app": "web"}}}, began)
        self._put_endpoints(RUNNING)
        self.operator.start()
        until(lambda: (self.operator.data / "kube9.db").exists() and self.operator.health()[0] == 200, "the operator")

    def _as_usual(self) -> None:
        """A pod of another team cannot be scheduled, as for days."""
        text = "0/2 nodes are available: 2 Insufficient cpu."
        event = warning("giant", "FailedScheduling", text, 40, when=self.now() - 60, reportingComponent="default-scheduler")
        event["metadata"] |= {"namespace": "batch", "creationTimestamp": event["firstTimestamp"]}
        event["involvedObject"]["namespace"] = "batch"
        self.standin.write(event | {"source": {"component": "default-scheduler"}, "lastTimestamp": stamp(self.now())})

    def _rolled_out(self) -> None:
        """helm rolls out release 2.4, with another address of the database."""
        self._web.write("helm", at=self.begin, **{IMAGE: "registry.example/shop/web:2.4", DATABASE: "db-new.shop.svc"})
        self._put_web()
        self._put_replicaset(NEW, 2, self.begin + 1)
        for name in CRASHING:
            self._put_pod(name, NEW, self.begin + 2)
        self.standin.remove("pods", "shop", RUNNING[2])
        self._put_endpoints(RUNNING[:2], unready=CRASHING)

    def _crashes(self) -> None:
        """Each new pod crashes six times."""
        for number, after in enumerate(CRASHES, 1):
            for place, name in enumerate(CRASHING):
                at = self.begin + after + place * 2
                self._put_pod(name, NEW, self.begin + 2, restarts=number, ended=at)
                self.standin.write(_back_off(name, number, self.begin + CRASHES[0] + place * 2, at + 1))

    def _stuck(self) -> None:
        """The deployment controller gives up waiting."""
        at = self.begin + 10 * MINUTE
        message = f'ReplicaSet "{NEW}" has timed out progressing.'
        stuck = {"type": "Progressing", "status": "False", "reason": "ProgressDeadlineExceeded", "message": message}
        self._put_web(status={"observedGeneration": 2, "conditions": [stuck | {"lastTransitionTime": stamp(at)}]})

    def _rolled_back(self) -> None:
        """Somebody undoes the rollout: the old release runs again."""
        at = self.begin + 15 * MINUTE
        self._web.write("kubectl-rollout", at=at, **{IMAGE: "registry.example/shop/web:2.3", DATABASE: "db.shop.svc"})
        progressing = {"type": "Progressing", "status": "True", "reason": "NewReplicaSetAvailable"}
        self._put_web(status={"observedGeneration": 3, "conditions": [progressing | {"lastTransitionTime": stamp(at + 8)}]})
        for name in CRASHING:
            self.standin.remove("pods", "shop", name)
        self._put_pod(f"{OLD}-t6hbn", OLD, at + 2)
        self._put_endpoints((*RUNNING[:2], f"{OLD}-t6hbn"))

    def _put(self, resource: str, made: dict[str, Any], created: float) -> None:
        about = {"uid": f"uid-{resource}-{made['metadata']['name']}", "creationTimestamp": stamp(created)}
        self.standin.put(resource, made | {"metadata": about | made["metadata"]})

    def _put_web(self, created: float = 0.0, status: dict[str, Any] | None = None) -> None:
        made = self._web.object()
        self._put("deployments", made | ({"status": status} if status else {}), created or self.begin - 24 * 60 * MINUTE)

    def _put_replicaset(self, name: str, revision: int, created: float) -> None:
        about = {"name": name, "namespace": "shop", "ownerReferences": [_owner("Deployment", "web", "uid-web")]}
        about["annotations"] = {"deployment.kubernetes.io/revision": str(revision)}
        self._put("replicasets", {"metadata": about}, created)

    def _put_pod(self, name: str, owner: str, created: float, restarts: int = 0, ended: float = 0.0) -> None:
        references = [_owner("ReplicaSet", owner, f"uid-replicasets-{owner}")]
        about = {"name": name, "namespace": "shop", "labels": {"app": "web"}, "ownerReferences": references}
        status: dict[str, Any] = {"name": "app", "restartCount": restarts, "state": {"running": {"startedAt": stamp(created)}}}
        if restarts:
            last = {
                "exitCode": 3,
                "reason": "Error",
                "message": CAUSE,
                "startedAt": stamp(ended - 2),
                "finishedAt": stamp(ended),
            }
            status |= {"lastState": {"terminated": last}, "state": {"waiting": {"reason": "CrashLoopBackOff"}}}
        ready = {"type": "Ready", "status": "False" if restarts else "True", "lastTransitionTime": stamp(ended or created + 3)}
        spec = {"nodeName": NODES[len(name) % 2 if owner == OLD else 0], "containers": [{"name": "app"}]}
        running = {"phase": "Running", "startTime": stamp(created), "conditions": [ready], "containerStatuses": [status]}
        self._put("pods", {"metadata": about, "spec": spec, "status": running}, created)

    def _put_endpoints(self, ready: tuple[str, ...], unready: tuple[str, ...] = ()) -> None:
        endpoints = [
            {
                "addresses": [f"10.244.0.{number}"],
                "conditions": {"ready": name in ready},
                "targetRef": {"kind": "Pod", "name": name, "uid": f"uid-pods-{name}"},
            }
            for number, name in enumerate((*ready, *unready), 10)
        ]
        about = {"name": "web-5tq2x", "namespace": "shop", "labels": {"kubernetes.io/service-name": "web"}}
        self._put("endpointslices", {"metadata": about, "endpoints": endpoints}, self.begin - 24 * 60 * MINUTE)


def _template() -> dict[str, Any]:
    container = {"name": "app", "env": [{"name": "DATABASE_HOST"}]}
    return {"metadata": {"labels": {"app": "web"}}, "spec": {"containers": [container]}}


def _owner(kind: str, name: str, uid: str) -> dict[str, Any]:
    return {"apiVersion": "apps/v1", "kind": kind, "name": name, "uid": uid, "controller": True}


def _back_off(pod: str, count: int, first: float, last: float) -> dict[str, Any]:
    text = f"Back-off restarting failed container app in pod {pod}_shop(uid-pods-{pod})"
    event = warning(pod, "BackOff", text, count, when=first)
    event["involvedObject"]["uid"] = f"uid-pods-{pod}"
    written = [{"manager": "kubelet", "operation": "Update", "time": stamp(last)}]
    event["metadata"] |= {"creationTimestamp": event["firstTimestamp"], "managedFields": written}
    return event | {"lastTimestamp": stamp(last), "source": {"component": "kubelet", "host": NODES[0]}}


def _seconds(text: str | None) -> float:
    return datetime.fromisoformat(text).timestamp() if text else 0.0
