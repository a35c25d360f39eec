"""Large databases of the kinds that make queries slow, built by the writer's own store and kept for a run.

- quiet: seven days, evenly; 60 namespaces of very different size; an object with 4 % of all events; rare types; events that
  last for days.
- flood: the same, but nine of ten events are of the last hour, from a few workloads.
- wide: 5,000 namespaces of the same size.
"""

import contextlib
import hashlib
import itertools
import os
import random
import time
from collections.abc import Callable, Iterator
from pathlib import Path
from zlib import crc32

from kube9_operator.model.observation import Observation, hash64
from kube9_operator.model.resource_states import Owner
from kube9_schema.codes import CLUSTER, INSIGHT, OPERATOR, SYSTEM
from tests.recording import Recording, Seen

ROOT = Path(__file__).parent.parent.parent
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
KEPT_MS = 7 * DAY_MS
AT_ONCE = 5_000
NAMESPACES, MANY_NAMESPACES, NODES = 60, 5_000, 100
WORKLOADS, FEW_WORKLOADS = 97, 3
"""In each namespace; few where there are many namespaces."""
BUSY = "busy-0"
"""An object with 4 % of all events."""
BUSY_PART, INSIGHTS_PART, LASTING_PART = 25, 20_000, 500
"""One of so many events is about BUSY, is an insight, lasts for days."""
RARE_TEXT, RARE_PART = "disk sda1 failed", 40_000
KINDS = (*("Pod",) * 12, "ReplicaSet", "Job", "Node", "PersistentVolumeClaim", "Deployment", "Service", "StatefulSet")
REASONS = (
    *("BackOff", "Unhealthy", "FailedMount", "FailedScheduling", "Failed", "FailedCreate", "Evicted", "OOMKilled"),
    *("NodeNotReady", "FailedAttachVolume", "FailedBinding", "ImageGCFailed", "DeadlineExceeded", "ScalingReplicaSet"),
    *("FailedGetScale", "Preempted", "NetworkNotReady", "FailedToUpdateEndpoint", "BackoffLimitExceeded", "SystemOOM"),
)
MESSAGES = (
    "Back-off restarting failed container app in pod {name}_{namespace}({uid})",
    'Readiness probe failed: Get "http://10.42.{a}.{b}:8080/healthz": dial tcp 10.42.{a}.{b}:8080: connect: connection refused',
    'MountVolume.SetUp failed for volume "config-{b}" : configmap "{namespace}-config-{b}" not found',
    "0/{a} nodes are available: {b} Insufficient memory. preemption: 0/{a} nodes are available",
    "exit code {b}: FATAL: cannot reach postgres at 10.43.0.{a}:5432, giving up after {a} tries",
)


def built(mix: str, events: int, folder: Path) -> Path:
    """The folder of the database of a mix. It is built unless `folder` has it already; one that was broken off goes on."""
    place = folder / f"{mix}-{events}-{_digest()}"
    if not place.exists():
        began = time.process_time()
        unfinished = folder / f"{place.name}.unfinished"
        unfinished.mkdir(parents=True, exist_ok=True)
        done = build(lambda now_ms: MIXES[mix](events, now_ms), unfinished)
        unfinished.rename(place)
        seconds = time.process_time() - began
        print(f"{mix}: {done:,} events built, {done / seconds:,.0f} in a second of the processor", flush=True)
    return place


def build(seen: Callable[[int], Iterator[Seen]], folder: Path) -> int:
    """Records all of these, each batch at the time of its last observation. Returns how many were not recorded before.

    They are those of a time, which is kept in a file with how many are recorded, so that a broken off build can go on. What was
    recorded after the file was written comes again, which changes nothing.
    """
    note = folder / "progress"
    if not note.exists():
        note.write_text(f"{_now()} 0", "ascii")
    now_ms, before = map(int, note.read_text("ascii").split())
    recording = Recording(str(folder))
    recording.begun = before > 0
    recording.connection.pragma("synchronous", "off")
    recording.connection.pragma("wal_autocheckpoint", 50_000)
    recording.connection.pragma("cache_size", -200_000)
    rest = itertools.islice(seen(now_ms), before, None)
    done = before
    while batch := list(itertools.islice(rest, AT_ONCE)):
        recording.record(batch, batch[-1].observation.first_ms)
        done += len(batch)
        note.write_text(f"{now_ms} {done}", "ascii")
    recording.record([], now_ms)
    recording.sign()
    recording.close()
    note.unlink()
    return done - before


@contextlib.contextmanager
def kept_in() -> Iterator[Path]:
    """The folder for the databases: KUBE9_BENCH_DATABASES, where they stay, or one for this run."""
    from tests.bench.database import folder

    if place := os.environ.get("KUBE9_BENCH_DATABASES"):
        Path(place).mkdir(parents=True, exist_ok=True)
        yield Path(place)
    else:
        with folder() as made:
            yield Path(made)


def _digest() -> str:
    """Changes with what writes the database: another one is built then."""
    digest = hashlib.sha256()
    for pattern in ("schema/*", "kube9_operator/write/**/*.py", "tests/bench/mixes.py", "tests/recording.py"):
        for path in sorted(ROOT.glob(pattern)):
            if path.is_file():
                digest.update(path.read_bytes())
    return digest.hexdigest()[:12]


def quiet(events: int, now: int) -> Iterator[Seen]:
    """Evenly over seven days."""
    yield from _history(events, now, _namespace_of_few, seed=1)


def flood(events: int, now: int) -> Iterator[Seen]:
    """One of ten events over seven days, then all others in the last hour."""
    before = events // 10
    yield from _history(before, now - HOUR_MS, _namespace_of_few, seed=2)
    chance = random.Random(3)
    for number in range(before, events):
        first = now - HOUR_MS + HOUR_MS * (number - before) // (events - before)
        yield _seen(chance, number, f"team-{number % 5}", "Pod", first, min(now, first + chance.choice((0, 5_000, 60_000))))


def wide(events: int, now: int) -> Iterator[Seen]:
    """Evenly over seven days and 5,000 namespaces."""
    yield from _history(
        events, now, lambda chance: f"tenant-{chance.randrange(MANY_NAMESPACES)}", seed=4, workloads=FEW_WORKLOADS
    )


MIXES: dict[str, Callable[[int, int], Iterator[Seen]]] = {"quiet": quiet, "flood": flood, "wide": wide}


def _now() -> int:
    return time.time_ns() // 1_000_000


def _namespace_of_few(chance: random.Random) -> str:
    return f"team-{min(int(chance.expovariate(0.1)), NAMESPACES - 1)}"


def _history(
    events: int, until_ms: int, namespace: Callable[[random.Random], str], seed: int, workloads: int = WORKLOADS
) -> Iterator[Seen]:
    """Events of seven days, the oldest first."""
    chance = random.Random(seed)
    for number in range(events):
        first = until_ms - KEPT_MS + KEPT_MS * number // events
        longest = until_ms - first
        last = first + min(longest, chance.choice((0, 0, 5_000, 600_000, HOUR_MS)))
        if number % LASTING_PART == 0:
            last = first + chance.randint(0, longest)
        if number % BUSY_PART == 0:
            yield _seen(chance, number, "team-0", "Pod", first, last, name=BUSY)
        else:
            yield _seen(chance, number, namespace(chance), chance.choice(KINDS), first, last, workloads)


def _seen(
    chance: random.Random,
    number: int,
    namespace: str,
    kind: str,
    first: int,
    last: int,
    workloads: int = WORKLOADS,
    name: str = "",
) -> Seen:
    workload = f"{namespace}-web-{number % workloads}"
    about, owners = name or f"{workload}-5d9c7b8f6d-{number:07d}", ()
    uid = f"909e1677-c7fe-4615-b618-{0 if name else number:012x}"
    if kind == "Pod" and not name:
        owners = (
            Owner("ReplicaSet", f"{workload}-5d9c7b8f6d", f"rs-{workload}"),
            Owner("Deployment", workload, f"deploy-{workload}"),
        )
    elif kind == "Node":
        namespace, about, uid = "", f"node-{number % NODES}", ""
    node = f"node-{number % NODES}" if kind in ("Pod", "Node") else ""
    reason = REASONS[min(int(chance.expovariate(0.3)), len(REASONS) - 1)]
    event_type = INSIGHT if number % INSIGHTS_PART == 1 else chance.choices((CLUSTER, OPERATOR, SYSTEM), (97, 2, 1))[0]
    message = chance.choice(MESSAGES).format(name=about, namespace=namespace, uid=uid, a=number % 250, b=number % 7)
    if number % RARE_PART == 2:
        message = f"{RARE_TEXT} in {about}"
    contributor = f"{about}.18eab6b0{number:08x}"
    source = f'{{"component":"kubelet","host":"{node}"}}' if node else '{"component":"kube-controller-manager"}'
    return Seen(
        Observation(
            kind=kind,
            namespace=namespace,
            name=about,
            uid=uid,
            key=hash64("other", reason, str(number)) if name or kind == "Node" else hash64("other", reason),
            contributor=hash64("Event", namespace, contributor, str(first)),
            contributor_hour=first // HOUR_MS,
            contributor_name=contributor.removeprefix(about),
            primary=True,
            from_status=False,
            count=1,
            first_ms=first,
            last_ms=last,
            event_type=event_type,
            severity=chance.choices((0, 1, 2, 3), (10, 80, 9, 1))[0],
            title=f"{kind}: {reason}",
            description=message,
            metadata=f'{{"source":{source}}}',
            reason=reason,
            node=node,
            text_hash=crc32(contributor.encode()),
            api_version="v1" if kind in ("Pod", "Node", "Service", "PersistentVolumeClaim") else "apps/v1",
        ),
        owners,
    )
