"""Random small databases, recorded by the writer's own store: every kind of event that makes a difference to a question."""

import random
import time
from pathlib import Path
from typing import Any
from unittest import mock
from zlib import crc32

import msgspec

from kube9_operator.model import rows
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.observation import Observation, hash64
from kube9_operator.model.resource_states import Owner
from kube9_operator.model.tally import Tally
from kube9_operator.settings import from_environment
from kube9_operator.write.events.deletion import Deletion, Run
from kube9_operator.write.events.retention import Retention
from kube9_operator.write.resources.service_pods import ServicePods
from tests.oracle.times import iso
from tests.recording import Recording, Seen

SECOND_MS, MINUTE_MS, HOUR_MS, DAY_MS = 1_000, 60_000, 3_600_000, 86_400_000
NAMESPACES = (
    *("shop", "shop-2", "default", "kube-system", "pod", "gateway", "node", "Warning", "Pod", "cluster", "info"),
    *(f"team-{number}" for number in range(12)),
)
"""Some are called like kinds, severities or types, which are words of the same table."""
APIS = {
    "Pod": ("v1",),
    "Node": ("v1", "longhorn.io/v1beta2"),
    "Deployment": ("apps/v1",),
    "ReplicaSet": ("apps/v1",),
    "StatefulSet": ("apps/v1",),
    "Job": ("batch/v1",),
    "CronJob": ("batch/v1",),
    "Service": ("v1", "serving.knative.dev/v1"),
    "Namespace": ("v1",),
    "PersistentVolumeClaim": ("v1",),
    "HorizontalPodAutoscaler": ("autoscaling/v2", ""),
    "Gateway": ("gateway.networking.k8s.io/v1", "networking.istio.io/v1"),
    "Widget": ("example.com/v1", ""),
    "Policy": ("example.com/v1",),
    "ResourceQuota": ("v1",),
}
"""Kinds with the API versions that events name."""
WITHOUT_NAMESPACE = ("Node", "Namespace")
ODD_NAMES = (
    *(
        "a*b",
        "a?b",
        "[x]",
        "50%_off",
        "it's",
        'say "hi"',
        "Ünïcode-ß",
        "ÜNÏCODE-SS",
        "İstanbul",
        "\u017ftrange",
        "fox-\U0001f98a",
    ),
    *(
        "a,b",
        "-dash",
        "--name=x",
        "=eq",
        "pod",
        "Pod",
        "shop",
        "back\\slash",
        "  spaces  ",
        "tab\there",
        "x\u202ey",
        "a/b",
        "日本語",
    ),
)
NAMES = (*(f"web-{number}" for number in range(9)), "db-0", "db-1", "cache", "worker", *ODD_NAMES)
NODES = ("ip-10-0-1-17.eu-west-1.compute.internal", "ip-10-0-2-17.eu-west-1.compute.internal", "n1", "Node", "shop")
REASONS = ("BackOff", "Backoff", "Failed", "FailedMount", "OOMKilled", "Unhealthy", "ImageChanged", "shop", "Pod", "Ünïcode")
TITLES = ("Container is crash looping", "Image was changed", "Pod failed", "50% of nodes", "Straße gesperrt", "BackOff")
MESSAGES = (
    "",
    "exit code 3: FATAL: cannot reach postgres:5432",
    "exit code 137: killed at its memory limit",
    'Readiness probe failed: Get "http://10.42.0.7:8080/healthz": connection refused',
    "0/3 nodes are available: 3 Insufficient cpu.",
    "STRASSE Straße \u017ftrange İ \u0131 K",
    "line one\nline two\tand a tab",
    "100 % of_what? a\\b 'quoted' \"double\"",
    "日本語のメッセージ \U0001f98a",
)
COMPONENTS = ("kubelet", "Kubelet", "default-scheduler", "deployment-controller", "karpenter", "kube9-operator", "")
TYPES = ((0, 70), (1, 10), (2, 6), (3, 2), (4, 6), (5, 6))
"""Codes of types with their weights."""


def build(folder: Path, seed: int, now_ms: int) -> None:
    """A database whose times lie around `now_ms` and before it. The same seed and time give the same events."""
    Maker(folder, random.Random(seed), now_ms).build()


class Maker:
    """Makes one database."""

    def __init__(self, folder: Path, chance: random.Random, now_ms: int) -> None:
        self.chance, self.now_ms = chance, now_ms
        self.recording = Recording(str(folder))
        self.namespaces = chance.sample(NAMESPACES, chance.randint(3, len(NAMESPACES)))
        self.moments = [self._moment() for _ in range(chance.randint(5, 40))]
        """Few, so that many events have the same time."""
        self.pods: list[tuple[str, str, str]] = []
        """Namespace, name and uid."""
        self.number = 0

    def build(self) -> None:
        """Records batches of events, deletes some, and says what is covered."""
        chance = self.chance
        at_ms = self.now_ms - chance.choice((HOUR_MS, DAY_MS, 20 * DAY_MS))
        recorded: list[Seen] = []
        for _ in range(chance.randint(2, 8)):
            batch = [self.seen() for _ in range(chance.randint(5, 120))]
            again = [self.again(chance.choice(recorded)) for _ in range(len(recorded) // 5)]
            self.recording.record([*batch, *again], at_ms)
            recorded += batch
            at_ms = min(self.now_ms, at_ms + chance.choice((0, 1, SECOND_MS, MINUTE_MS, HOUR_MS)))
            if chance.random() < 0.4:
                self._delete_some(at_ms)
            if chance.random() < 0.4:
                self.recording.sign()
        self.behind_services()
        self._coverage(at_ms)
        self.recording.close()

    def moves_to(self, now_ms: int) -> None:
        """Time passes: a new moment is among those at which events happen."""
        self.now_ms = now_ms
        self.moments[self.chance.randrange(len(self.moments))] = self._moment()

    # Events

    def _moment(self) -> int:
        """Often on the border of an hour or a day, or just beside it."""
        chance = self.chance
        ago = chance.choice((0, MINUTE_MS, HOUR_MS, 6 * HOUR_MS, DAY_MS, 8 * DAY_MS, 40 * DAY_MS))
        moment = self.now_ms - chance.randint(0, max(1, ago))
        border = chance.choice((0, 0, SECOND_MS, MINUTE_MS, HOUR_MS, HOUR_MS, DAY_MS))
        if border:
            moment -= moment % border
        return max(0, moment + chance.choice((0, 0, 0, 1, -1)))

    def _span(self) -> tuple[int, int]:
        """First and last time. Rarely they are strange: the beginning of 1970, or the future."""
        chance = self.chance
        last = chance.choice(self.moments)
        longest = chance.choice((0, 0, 0, 1, SECOND_MS, HOUR_MS - 1, HOUR_MS, DAY_MS, 5 * DAY_MS, 60 * DAY_MS))
        if chance.random() < 0.02:
            last = chance.choice((0, 1, self.now_ms + MINUTE_MS, self.now_ms + DAY_MS, 2**43))
        return max(0, last - longest), last

    def seen(self) -> Seen:
        """Something new, mostly about an object that others are about too."""
        chance = self.chance
        (event_type,) = chance.choices(*zip(*TYPES, strict=True))
        first, last = self._span()
        if event_type and chance.random() < 0.7:
            return Seen(self._observation(event_type, ("", "", "", "", ""), first, last))
        kind = chance.choice((*APIS, *("Pod",) * len(APIS), "", "pod"))
        namespace = "" if kind in WITHOUT_NAMESPACE and chance.random() < 0.8 else chance.choice(self.namespaces)
        name = chance.choice((*self.namespaces,) if kind == "Namespace" else NODES if kind == "Node" else NAMES)
        if chance.random() < 0.03:
            name = ""
        uid = "" if kind in ("Node", "") else f"uid-{namespace}-{kind}-{name}-{chance.randint(0, 2)}"
        api = chance.choice(APIS.get(kind, ("", "v1")))
        if kind == "Pod":
            self.pods.append((namespace, name, uid))
        observation = self._observation(event_type, (kind, namespace, name, uid, api), first, last)
        if kind == "ResourceQuota":
            observation = self._stopped_by_quota(observation)
        return Seen(observation, self._owners(kind, namespace, name, uid) if api in ("v1", "apps/v1", "batch/v1") else ())

    def _owners(self, kind: str, namespace: str, name: str, uid: str) -> tuple[Owner, ...]:
        """A chain of owners that depends on the object only."""
        choice = crc32(uid.encode()) % 4
        stem = name.rsplit("-", 1)[0] or "web"

        def owner(of: str, called: str, api_version: str = "") -> Owner:
            return Owner(of, called, f"uid-{namespace}-{of}-{called}-0", api_version)

        if kind == "Pod" and choice == 0:
            return owner("ReplicaSet", f"{stem}-5d9c7"), owner("Deployment", stem)
        if kind == "Pod" and choice == 1:
            return owner("Job", f"{stem}-1"), owner("CronJob", stem)
        if kind == "Pod" and choice == 2:
            return (owner("Widget", stem, "example.com/v1"),)
        if kind == "ReplicaSet" and choice:
            return (owner("Deployment", stem),)
        return ()

    def _observation(self, event_type: int, about: tuple[str, ...], first: int, last: int) -> Observation:
        chance = self.chance
        kind, namespace, name, uid, api = about
        self.number += 1
        reason = chance.choice((*REASONS, ""))
        contributor = f"{name}.{self.number:x}"
        return Observation(
            kind=kind,
            namespace=namespace,
            name=name,
            uid=uid,
            key=hash64("oracle", chance.choice((reason, str(self.number)))),
            contributor=hash64("Event", contributor, str(first)),
            contributor_hour=first // HOUR_MS,
            contributor_name=contributor,
            primary=chance.random() < 0.9,
            from_status=chance.random() < 0.3,
            count=chance.choice((1, 1, 1, 2, 7, 1_000)),
            first_ms=first,
            last_ms=last,
            event_type=event_type,
            severity=chance.choices((0, 1, 2, 3), (25, 45, 20, 10))[0],
            title=chance.choice(TITLES),
            description=chance.choice(MESSAGES),
            metadata=_json(self._metadata(last)),
            reason=reason,
            node=chance.choice((*NODES, "", "", "")),
            text_hash=crc32(contributor.encode()),
            api_version=api,
        )

    def _stopped_by_quota(self, observation: Observation) -> Observation:
        """The event is about the quota, and names the controller that was stopped."""
        called = f"{self.chance.choice(NAMES[:9])}-5d9c7"
        controller = {"kind": "ReplicaSet", "name": called, "uid": f"uid-{observation.namespace}-ReplicaSet-{called}-0"}
        metadata = _json({"controller": controller})
        return msgspec.structs.replace(observation, row=rows.QUOTA_EXCEEDED.name, metadata=metadata)

    def _metadata(self, last: int) -> dict[str, Any]:
        chance = self.chance
        found: dict[str, Any] = {}
        if component := chance.choice(COMPONENTS):
            found["source"] = {"component": component} | ({"host": "n1"} if chance.random() < 0.5 else {})
        others = {
            "container": chance.choice(("app", "Sidecar")),
            "image": "registry.example/shop/web:v2",
            "exit_codes": {"137": {"count": 3, "first": iso(last), "last": iso(last)}},
            "termination_message": "FATAL: cannot reach postgres",
            "noticed_at": iso(last),
            "changed": ["spec.replicas", 3],
            "empty": "",
        }
        return found | {name: value for name, value in others.items() if chance.random() < 0.15}

    def again(self, seen: Seen) -> Seen:
        """The same Event with a higher count, a later time, and perhaps a higher severity."""
        one, chance = seen.observation, self.chance
        later = min(self.now_ms, one.last_ms + chance.choice((0, 1, MINUTE_MS, HOUR_MS, 60 * DAY_MS)))
        return Seen(
            msgspec.structs.replace(
                one,
                count=one.count + chance.choice((0, 1, 5)),
                last_ms=max(one.last_ms, later),
                severity=chance.choice((one.severity, min(3, one.severity + 1))),
            )
        )

    def _delete_some(self, at_ms: int) -> None:
        """As retention does."""
        recording = self.recording
        known = [row[0] for row in recording.connection.execute("SELECT id FROM events ORDER BY id")]
        at_ms += self.chance.choice((0, 0, 12 * DAY_MS))  # a clock that is set back afterwards
        with mock.patch.object(time, "time_ns", return_value=at_ms * 1_000_000):
            deleter(recording).delete(self.chance.sample(known, len(known) // 6), run(at_ms))

    # What else an answer depends on

    def behind_services(self) -> None:
        """Pods behind services, from and to: at the time of their events, before and after."""
        chance, behind = self.chance, ServicePods(self.recording.connection, 60 * DAY_MS)
        with self.recording.session.transaction(self.now_ms):
            for namespace, name, uid in chance.sample(self.pods, min(len(self.pods), 40)):
                place = namespace, chance.choice(("web", "db", "shop", name))
                from_ms = chance.choice((0, chance.choice(self.moments) + self._beside()))
                behind.changed(place, set(), {(name, uid)}, from_ms, self.now_ms)
                if chance.random() < 0.6:
                    to_ms = chance.choice(self.moments) + self._beside()
                    behind.changed(place, {(name, uid)}, set(), self.now_ms, max(from_ms, to_ms))

    def _beside(self) -> int:
        """A minute is the time by which clocks may differ."""
        return self.chance.choice((0, -1, 1)) + self.chance.choice((0, MINUTE_MS, -MINUTE_MS))

    def _coverage(self, at_ms: int) -> None:
        """Sources in every state, gaps, and what retention keeps."""
        chance, execute = self.chance, self.recording.connection.execute
        many = chance.random() < 0.15
        with self.recording.session.transaction(at_ms):
            for source in ("events", "pods", "nodes", "namespaces", "services", "endpointslices", "deployments", "jobs"):
                if chance.random() < 0.7 or source == "events":
                    execute("INSERT OR REPLACE INTO sources (source) VALUES (?)", (source,))
                    begun = chance.choice((None, *self.moments[:3], self.now_ms - 30 * DAY_MS))
                    confirmed = chance.choice((self.now_ms, self.now_ms, self.now_ms - 119_000, *self.moments[:3]))
                    execute(
                        "UPDATE sources SET covered_from_ms = ?, proved_until_ms = ? WHERE source = ?",
                        (begun, None if begun is None else max(begun, confirmed), source),
                    )
                    if chance.random() < 0.15:
                        why = chance.choice(("not permitted", "not served"))
                        execute(
                            "UPDATE sources SET unavailable = ?, unavailable_since_ms = ? WHERE source = ?",
                            (why, self.now_ms - HOUR_MS, source),
                        )
                for _ in range(40 if many else chance.choice((0, 0, 0, 1, 4))):
                    begin = chance.choice(self.moments) + (chance.randint(0, HOUR_MS) if many else 0)
                    end = begin + chance.choice((0, 1, MINUTE_MS, HOUR_MS, DAY_MS))
                    self.recording.coverage.add_gap(source, begin, end, chance.choice(("not watched", "what: Straße\n")))
            if chance.random() < 0.5:
                self.recording.lifecycle.retention(chance.choice((1, 7)) * DAY_MS, chance.choice((7, 30)) * DAY_MS)
            self.recording.lifecycle.alive(chance.choice((at_ms, self.now_ms, self.now_ms - 91_000)))


def deleter(recording: Recording) -> Deletion:
    """What retention deletes events with."""
    settings = from_environment({"DB_PATH": str(Path(recording.connection.filename).parent)})
    return Retention(recording.session, recording.store, recording.coverage, settings, Deadlines(), Tally())._deletion


def run(at_ms: int) -> Run:
    """A reason to delete."""
    return Run("RetentionDeleted", 0, "Retention deleted events", "not seen for longer than they are kept", at_ms)


def _json(value: dict[str, Any]) -> str:
    return msgspec.json.encode(value).decode()
