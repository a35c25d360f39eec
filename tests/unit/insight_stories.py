"""Stories for the rules of insights: what was recorded, and what is known now."""

import itertools
import random
from collections.abc import Callable, Iterable
from typing import Any

import msgspec

from kube9_operator.analyze.model import NOTHING, WINDOW_MS, Finding, Record, Ref, Rule, Window
from kube9_operator.analyze.thresholds import Thresholds
from kube9_operator.clock import iso
from kube9_operator.model.resource_states import Container, End, Owner, Pod, Reduced, ReplicaSet, Workload
from kube9_schema.causes import Recorded, cause_of
from kube9_schema.codes import SEVERITIES

MINUTE_MS, HOUR_MS, DAY_MS = 60_000, 3_600_000, 86_400_000
NOON_MS = 1_796_040_000_000
"""2026-11-30 12:00 UTC."""
SOURCES = ("events", "pods", "deployments", "nodes", "replicasets", "services", "endpointslices", "configmaps", "cronjobs")


def at(clock: str, days: int = 0) -> int:
    """A time of the day of the story: `14:03` or `14:03:20`."""
    hours, minutes, seconds = (*map(int, clock.split(":")), 0)[:3]
    return NOON_MS + (hours - 12) * HOUR_MS + minutes * MINUTE_MS + seconds * 1000 + days * DAY_MS


def ref(kind: str, name: str, namespace: str = "shop", group: str = "") -> Ref:
    """An object; its uid follows from its name."""
    return Ref(kind, group, "" if kind == "Node" else namespace, name, "" if kind == "Node" else f"uid-{kind}-{name}")


class KnownStates:
    """What is known of objects now, by a story."""

    def __init__(self) -> None:
        self.states: dict[Ref, Reduced] = {}
        self.owners: dict[Ref, Ref] = {}
        self.gone: set[Ref] = set()
        self.behind: dict[Ref, list[Ref]] = {}
        self.ready: dict[Ref, int] = {}

    def of(self, ref: Ref) -> Reduced | None:
        return self.states.get(ref)

    def is_gone(self, ref: Ref) -> bool:
        return ref in self.gone

    def pods_of(self, owner: Ref) -> list[tuple[Ref, Pod]]:
        found = [(ref, state) for ref, state in self.states.items() if isinstance(state, Pod) and self.owners.get(ref) == owner]
        return sorted(found, key=lambda one: one[0].name)

    def replicasets_of(self, deployment: Ref) -> list[tuple[Ref, ReplicaSet]]:
        found = [
            (ref, state)
            for ref, state in self.states.items()
            if isinstance(state, ReplicaSet) and self.owners.get(ref) == deployment
        ]
        return sorted(found, key=lambda one: one[1].revision)

    def pods_behind(self, service: Ref) -> list[Ref]:
        return self.behind.get(service, [])

    def ready_endpoints(self, service: Ref) -> int:
        return self.ready.get(service, 0)


class Past:
    """What was recorded before the window, by a story."""

    def __init__(self) -> None:
        self.records: list[Record] = []
        self.holes: list[tuple[int, int]] = []
        self.begin_ms = 0

    def of_owner(self, owner: Ref, since_ms: int, until_ms: int, most: int) -> list[Record]:
        mine = [one for one in self.records if one.first_ms < until_ms and one.last_ms >= since_ms]
        mine = [one for one in mine if (one.owner if owner.uid else msgspec.structs.replace(one.owner, uid="")) == owner]
        return sorted(mine, key=lambda one: one.last_ms, reverse=True)[:most]

    def has_reason(self, namespace: str, reason: str, since_ms: int, until_ms: int) -> bool:
        return any(
            one.object.namespace == namespace and one.reason == reason and one.first_ms < until_ms and one.last_ms >= since_ms
            for one in self.records
        )

    def covers(self, source: str, since_ms: int, until_ms: int) -> bool:
        return self.begin_ms <= since_ms and not any(begin < until_ms and end > since_ms for begin, end in self.holes)


class Story:
    """Records in the order in which they are told, and what is known at `now`."""

    def __init__(self, now: str = "14:20", begin_days: int = -40) -> None:
        self.now_ms = at(now)
        self.begin_ms = at("00:00", begin_days)
        self.records: list[Record] = []
        self.states = KnownStates()
        self.past = Past()
        self.gaps: dict[str, list[tuple[int, int]]] = {source: [] for source in SOURCES}
        self.rules_since_ms = 0
        self._numbers = itertools.count(1)

    def tell(
        self,
        reason: str,
        title: str,
        about: Ref,
        first_ms: int,
        *,
        last_ms: int = 0,
        count: int = 0,
        times: Iterable[int] = (),
        owner: Ref = NOTHING,
        controller: Ref = NOTHING,
        severity: str = "warning",
        description: str = "",
        source: str = "kubelet",
        node: str = "",
        container: str = "",
        ongoing: bool = False,
        facts: dict[str, Any] | None = None,
        **metadata: Any,
    ) -> Record:
        """Records an event. Without `times`, the counts are spread over its time."""
        found = sorted(times)
        if not found:
            last_ms, count = last_ms or first_ms, count or 1
            found = [first_ms + (last_ms - first_ms) * one // max(1, count - 1) for one in range(count)]
        occurrences = tuple((moment, number) for number, moment in enumerate(found, 1))
        metadata |= facts or {}
        if container:
            metadata["container"] = container
        record = Record(
            id=f"evt_{next(self._numbers):06}",
            type="cluster",
            severity=severity,
            reason=reason,
            title=title,
            description=description,
            source=source,
            object=about,
            owner=about if owner == NOTHING else owner,
            controller=controller,
            node=node,
            container=container,
            first_ms=found[0],
            last_ms=max(found[-1], last_ms),
            count=len(found),
            occurrences=occurrences,
            cause=cause_of(
                Recorded(
                    reason, SEVERITIES.index(severity), about.kind, about.namespace, about.name, node, description, metadata
                )
            ),
            metadata=metadata,
            ongoing=ongoing,
        )
        (self.records if record.last_ms >= self.now_ms - WINDOW_MS else self.past.records).append(record)
        return record

    # What often happens

    def workload(self, name: str = "web", kind: str = "Deployment", namespace: str = "shop", **state: Any) -> Ref:
        """A workload that exists."""
        found = ref(kind, name, namespace)
        self.states.states[found] = Workload(**({"replicas": 3} | state))
        return found

    def replicaset(self, deployment: Ref, template: str, created_ms: int, revision: int = 1) -> Ref:
        """A ReplicaSet of a Deployment that exists."""
        found = ref("ReplicaSet", f"{deployment.name}-{template}", deployment.namespace)
        self.states.states[found] = ReplicaSet(
            owner=Owner("Deployment", deployment.name, deployment.uid), created_ms=created_ms, revision=revision
        )
        self.states.owners[found] = deployment
        return found

    def pod(self, owner: Ref, name: str, controller: Ref = NOTHING, **state: Any) -> Ref:
        """A pod that exists; it runs unless the state says something else."""
        found = ref("Pod", name, owner.namespace)
        by = owner if controller == NOTHING else controller
        usual = {"phase": "Running", "node": "n1", "owner": Owner(by.kind, by.name, by.uid), "containers": [Container("app")]}
        self.states.states[found] = Pod(**(usual | state))
        self.states.owners[found] = owner
        return found

    def image(self, workload: Ref, clock_ms: int, before: str, after: str, container: str = "app", **more: Any) -> Record:
        """An image was changed."""
        return self.tell(
            f"{workload.kind}ImageChanged",
            f"{workload.kind} image changed",
            workload,
            clock_ms,
            severity="info",
            container=container,
            previous=before,
            current=after,
            **more,
        )

    def configuration(self, workload: Ref, clock_ms: int, path: str, before: str = "", after: str = "", **more: Any) -> Record:
        """Something else of the configuration was changed."""
        return self.tell(
            f"{workload.kind}ConfigurationChanged",
            f"{workload.kind} configuration changed",
            workload,
            clock_ms,
            severity="info",
            changed=[path],
            previous={path: before} if before else {},
            current={path: after} if after else {},
            **more,
        )

    def scaled(self, workload: Ref, clock_ms: int, before: int, after: int, **more: Any) -> Record:
        """The number of replicas was changed."""
        return self.tell(
            f"{workload.kind}Scaled",
            f"{workload.kind} scaled",
            workload,
            clock_ms,
            severity="info",
            previous_replicas=before,
            new_replicas=after,
            **more,
        )

    def restarts(
        self, pod: Ref, owner: Ref, times: Iterable[int], code: int = 1, message: str = "", loop: bool = False, **more: Any
    ) -> Record:
        """A container ended and was started again."""
        found = sorted(times)
        ended = {str(code): {"count": len(found), "first": iso(found[0]), "last": iso(found[-1])}}
        return self.tell(
            "CrashLoopBackOff" if loop else "ContainerRestarted",
            "Container crash loop" if loop else "Container restarted",
            pod,
            found[0],
            times=found,
            owner=owner,
            severity="error" if loop else "warning",
            source="kube9-operator",
            last_exit_code=code,
            exit_codes=ended,
            **({"container": "app", "node": "n1", "termination_message": message, "termination_reason": "Error"} | more),
        )

    def killed(self, pod: Ref, owner: Ref, times: Iterable[int], limit: str = "512Mi", **more: Any) -> Record:
        """A container was killed for memory."""
        found = sorted(times)
        return self.tell(
            "OOMKilled",
            "Container OOM killed",
            pod,
            found[0],
            times=found,
            owner=owner,
            severity="critical",
            source="kube9-operator",
            description=f"Container app was killed at its memory limit of {limit}"
            if limit
            else "Container app was killed because its node ran out of memory; the container has no memory limit",
            last_exit_code=137,
            **({"container": "app", "node": "n1"} | ({"memory_limit": limit} if limit else {}) | more),
        )

    def noise(self, number: int = 500, seed: int = 1) -> None:
        """Adds events that have nothing to do with any story."""
        chance = random.Random(seed)
        for one in range(number):
            moment = self.now_ms - chance.randrange(WINDOW_MS - HOUR_MS)
            owner = ref("Deployment", f"noise-{one}", f"ns-{one % 50}")
            pod = ref("Pod", f"noise-{one}-x", owner.namespace)
            kind = one % 3
            if kind == 0:
                self.tell("Unhealthy", "Pod Unhealthy", pod, moment, owner=owner, probe="readiness", node=f"m{one % 40}")
            elif kind == 1:
                self.restarts(pod, owner, [moment], code=7, node=f"m{one % 40}")
            else:
                self.scaled(owner, moment, 2, 3)

    def window(self, keep: Callable[[Record], bool] = lambda _: True) -> Window:
        """What a rule may know, without the records that are not to be kept."""
        return Window(
            now_ms=self.now_ms,
            begin_ms=self.begin_ms,
            records=[one for one in self.records if keep(one)],
            gaps=self.gaps,
            states=self.states,
            history=self.past,
            rules_since_ms=self.rules_since_ms,
        )

    def gap(self, since_ms: int, until_ms: int, *sources: str) -> None:
        """Notes that something may have been missed."""
        self.past.holes.append((since_ms, until_ms))
        for source in sources or SOURCES:
            self.gaps[source].append((since_ms, until_ms))


def findings(rule: Rule, story: Story, thresholds: Thresholds = Thresholds(), **keep: Any) -> list[Finding]:  # noqa: B008
    """What a rule finds."""
    return list(rule(story.window(**keep), thresholds))


def verdict(found: Iterable[Finding]) -> list[dict[str, Any]]:
    """Findings in a form that compares."""
    return sorted((msgspec.to_builtins(one) for one in found), key=repr)


def only(found: Iterable[Finding]) -> Finding:
    """The only finding."""
    (one,) = found
    return one


def holds(rule: Rule, story: Story, *essential: Record) -> Finding:
    """Checks what holds of each story, and returns its one finding.

    Without any of the essential records there is no such finding; 500 others change nothing; nor does the order.
    """
    finding = only(findings(rule, story))
    for record in essential:
        without = findings(rule, story, keep=lambda one, left_out=record: one.id != left_out.id)
        assert verdict(without) != verdict([finding]), f"{record.reason} of {record.object.name} does not matter"
    told = list(story.records)
    random.Random(7).shuffle(story.records)
    assert verdict(findings(rule, story)) == verdict([finding])
    story.noise()
    random.Random(8).shuffle(story.records)
    assert verdict(findings(rule, story)) == verdict([finding])
    story.records = told
    cited = {one.event_id for one in finding.evidence}
    assert cited <= {one.id for one in (*story.records, *story.past.records)}
    assert finding.evidence
    assert {record.id for record in essential} <= cited
    assert finding.text.count(". ") >= 1
    said = f"{finding.title} {finding.text} {finding.recommendation}".lower()
    assert not any(word in said for word in ("root cause", "%", "blame", "percent"))
    assert finding.first_ms <= finding.last_ms <= story.now_ms
    return finding


def looping(code: int = 1, restarts: int = 8, name: str = "app", reason: str = "Error", limit: str = "") -> Container:
    """A container that waits in a crash loop."""
    return Container(name, "", restarts, "CrashLoopBackOff", limit, [End(reason, code, NOON_MS)])
