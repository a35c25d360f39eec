"""Random options of `events list`: how they are typed, and what they mean. It shares no code with kube9_cli."""

import random
from collections.abc import Callable, Iterable
from datetime import timedelta, timezone
from typing import NamedTuple

from tests.oracle.answers import Question
from tests.oracle.reader import SEVERITIES, TYPES, Event, World
from tests.oracle.times import EPOCH, iso

SECOND_MS = 1_000
UNITS = {"s": 1, "m": 60, "h": 3_600, "d": 86_400, "w": 604_800}


class Given(NamedTuple):
    """An option as it is typed, and what it adds to the question."""

    name: str
    tokens: tuple[str, ...]
    apply: Callable[[Question], None]


class Maker:
    """Makes options whose values are, mostly, in the database."""

    def __init__(self, chance: random.Random, world: World, now_ms: int) -> None:
        self.chance, self.world, self.now_ms = chance, world, now_ms
        self.events = list(world.events.values())

    def event(self) -> Event:
        """Any event: its values match something."""
        return self.chance.choice(self.events)

    def typed(self, option: str, value: str) -> tuple[str, ...]:
        """With = or as a word of its own, as far as both mean the same."""
        if value.startswith("-") or self.chance.random() < 0.5:
            return (f"{option}={value}",)
        return (option, value)

    def any_case(self, text: str) -> str:
        """The text, or the same in other letters of ASCII."""
        return self.chance.choice((text, text, text.lower(), text.upper())) if text.isascii() else text


def event_type(maker: Maker) -> Given:
    """--type: several by commas, in any case."""
    wanted = frozenset(maker.chance.sample(TYPES, maker.chance.randint(1, 3)))

    def apply(question: Question) -> None:
        question.types = wanted
        question.conditions.append(lambda _, event: event.type in wanted)

    return Given("--type", maker.typed("--type", maker.any_case(",".join(sorted(wanted)))), apply)


def severity(maker: Maker) -> Given:
    """--severity: several by commas, in any case."""
    wanted = frozenset(maker.chance.sample(SEVERITIES, maker.chance.randint(1, 3)))

    def apply(question: Question) -> None:
        question.severities = wanted
        question.conditions.append(lambda _, event: event.severity in wanted)

    return Given("--severity", maker.typed("--severity", maker.any_case(",".join(sorted(wanted)))), apply)


SPELLINGS = {
    "Pod": ("pod", "pods", "po", "PODS"),
    "Node": ("node", "nodes", "no"),
    "Deployment": ("deployment", "deployments", "deploy", "Deploy"),
    "ReplicaSet": ("replicaset", "replicasets", "rs"),
    "StatefulSet": ("statefulset", "statefulsets", "sts"),
    "Job": ("job", "jobs"),
    "CronJob": ("cronjob", "cronjobs", "cj"),
    "Service": ("service", "services", "svc"),
    "Namespace": ("namespace", "namespaces", "ns"),
    "PersistentVolumeClaim": ("persistentvolumeclaim", "persistentvolumeclaims", "pvc"),
    "HorizontalPodAutoscaler": ("horizontalpodautoscaler", "horizontalpodautoscalers", "hpa"),
}
"""How kubectl takes kinds."""


def object_kind(maker: Maker) -> Given:
    """--object-kind: a kind as it was recorded, otherwise in a spelling of kubectl. Any other finds nothing."""
    kind = maker.chance.choice((maker.event().kind, *SPELLINGS))
    text = maker.chance.choice((kind, *SPELLINGS.get(kind, ()), "Unknown", "nodes.longhorn.io"))
    recorded = {event.kind for event in maker.events}
    wanted = text if text in recorded else kind if text in SPELLINGS.get(kind, ()) else ""
    if not text or not text.isprintable():
        return refused("--object-kind", maker, text)

    def apply(question: Question) -> None:
        question.kinds = frozenset((kind.lower() if text in SPELLINGS.get(kind, ()) else text.lower(),))
        question.conditions.append(lambda _, event: event.kind == wanted and wanted != "")

    return Given("--object-kind", maker.typed("--object-kind", text), apply)


def object_namespace(maker: Maker) -> Given:
    """--object-namespace: exactly this one."""
    text = maker.chance.choice((maker.event().namespace, maker.event().namespace, "never-recorded", "SHOP"))
    if not text or not text.isprintable():
        return refused("--object-namespace", maker, text)

    def apply(question: Question) -> None:
        question.cluster_scoped = False
        question.conditions.append(lambda _, event: event.namespace == text)

    option = maker.chance.choice(("--object-namespace", "-n"))
    return Given("--object-namespace", maker.typed(option, text) if option != "-n" else ("-n", text), apply)


def object_name(maker: Maker) -> Given:
    """--object-name: exactly this one."""
    text = maker.chance.choice((maker.world.about(maker.event()).name, maker.world.about(maker.event()).name, "never-recorded"))
    if not text or not text.isprintable():
        return refused("--object-name", maker, text)

    def apply(question: Question) -> None:
        question.conditions.append(lambda world, event: world.about(event).name == text)

    return Given("--object-name", maker.typed("--object-name", text), apply)


def refused(option: str, maker: Maker, text: str) -> Given:
    """A value that is no printable text."""

    def apply(question: Question) -> None:
        question.refused = True

    return Given(option, (f"{option}={text}",), apply)


def moment(maker: Maker) -> tuple[str, int]:
    """A time at the border of an event, as ISO 8601 with or without a zone, or how long ago, and what it is in ms."""
    chance, event = maker.chance, maker.event()
    ms = max(
        0,
        chance.choice((event.first_ms, event.last_ms, maker.now_ms)) + chance.choice((-1, 0, 0, 0, 1, 3_600_000, -86_400_000)),
    )
    if chance.random() < 0.4 and ms <= maker.now_ms:
        seconds = (maker.now_ms - ms) // SECOND_MS
        return ago(chance, seconds), maker.now_ms - seconds * SECOND_MS
    if chance.random() < 0.3:
        zone = timezone(timedelta(minutes=chance.choice((-570, 60, 330))))
        return (EPOCH + timedelta(milliseconds=ms)).astimezone(zone).isoformat(timespec="milliseconds"), ms
    return chance.choice((iso(ms), iso(ms).removesuffix("Z"), iso(ms).replace("T", " "))), ms


def ago(chance: random.Random, seconds: int) -> str:
    """A duration in one unit or in several."""
    parts = []
    for unit in chance.choice(("s", "ms", "hs", "dhms", "wdhms")):
        number, seconds = divmod(seconds, UNITS[unit])
        parts.append(f"{number}{unit}")
    return "".join(parts)


def since(maker: Maker) -> Given:
    """--since: the last time is at or after it."""
    text, ms = moment(maker)

    def apply(question: Question) -> None:
        question.since_ms = ms

    return Given("--since", maker.typed("--since", text), apply)


def until(maker: Maker) -> Given:
    """--until: the first time is before it."""
    text, ms = moment(maker)

    def apply(question: Question) -> None:
        question.until_ms = ms

    return Given("--until", maker.typed("--until", text), apply)


def sort(maker: Maker) -> Given:
    """--sort seen is the default."""
    text = maker.chance.choice(("seen", "created", "created"))

    def apply(question: Question) -> None:
        question.sort = "last" if text == "seen" else text

    return Given("--sort", maker.typed("--sort", text), apply)


def limit(maker: Maker) -> Given:
    """--limit: 1 to 1000."""
    number = maker.chance.choice((1, 2, 3, 10, 49, 51, 999, 1000))

    def apply(question: Question) -> None:
        question.limit = number

    return Given("--limit", maker.typed("--limit", str(number)), apply)


def offset(maker: Maker) -> Given:
    """--offset: within the events, at their end, and beyond."""
    number = maker.chance.choice((0, 1, 7, 60, len(maker.events) - 1, len(maker.events), 10**14))

    def apply(question: Question) -> None:
        question.offset = number

    return Given("--offset", maker.typed("--offset", str(number)), apply)


def all_namespaces(maker: Maker) -> Given:
    """-A is the default."""
    return Given("--all-namespaces", (maker.chance.choice(("-A", "--all-namespaces")),), lambda question: None)


MAKERS: dict[str, Callable[[Maker], Given]] = {
    "--type": event_type,
    "--severity": severity,
    "--object-kind": object_kind,
    "--object-namespace": object_namespace,
    "--object-name": object_name,
    "--since": since,
    "--until": until,
    "--sort": sort,
    "--limit": limit,
    "--offset": offset,
    "--all-namespaces": all_namespaces,
}
"""What makes each option of `events list`."""
NOT_ABOUT_EVENTS = {"--help", "--format", "--timeout", "--db"}
"""Options that neither select nor order events."""
NEVER_TOGETHER = ({"--object-namespace", "--all-namespaces"},)


def command_line(maker: Maker, names: Iterable[str]) -> list[Given]:
    """Some of these options, in any order, each once."""
    names = sorted(names)
    chosen = set(maker.chance.sample(names, min(len(names), maker.chance.choice((0, 1, 1, 2, 2, 3, 4, 6)))))
    for pair in NEVER_TOGETHER:
        if pair <= chosen:
            chosen.remove(maker.chance.choice(sorted(pair)))
    given = [MAKERS[name](maker) for name in sorted(chosen)]
    maker.chance.shuffle(given)
    return given


def question_of(given: Iterable[Given]) -> Question:
    """What these options ask together."""
    question = Question()
    for one in given:
        one.apply(question)
    return question
