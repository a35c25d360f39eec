"""Random values of the filters, and what they mean: docs/cli.md says it. It shares no code with kube9_cli."""

import random
import re
from collections.abc import Callable, Iterable
from typing import Any, NamedTuple

from tests.oracle import kinds
from tests.oracle.answers import Condition
from tests.oracle.coverage import EVERY_TYPE
from tests.oracle.reader import SEVERITIES, TYPES, Event, World, owners

EVERY_SEVERITY = frozenset(SEVERITIES)
ITSELF = "kube9-operator"
ABSENT = "never-recorded"
MINUTE_MS = 60_000


def _anything(_: str) -> bool:
    return True


def _nothing(_: str) -> bool:
    return False


class Meaning(NamedTuple):
    """A value as it is typed, and what it means."""

    text: str
    holds: Condition = lambda world, event: True
    refused: bool = False
    kinds: Callable[[str], bool] = _anything
    watches: Callable[[str], bool] = _anything
    owners: frozenset[str] = frozenset()
    types: frozenset[str] = EVERY_TYPE
    severities: frozenset[str] = EVERY_SEVERITY
    is_all_of: Callable[[str], bool] = _nothing
    """Whether all events about a kind are meant."""
    is_itself: bool = False
    """Whether all that the operator found itself is meant."""


Make = Callable[[random.Random, World, Event], Meaning]


def _typed(chance: random.Random, one: str, others: Iterable[str]) -> str:
    """One value, or several by commas."""
    return ",".join([one, *chance.sample(sorted(others), chance.choice((0, 0, 1, 2)))])


def _split(text: str) -> list[str]:
    return [one.strip() for one in text.split(",")]


def _is_wrong(texts: Iterable[str]) -> bool:
    return any(not text or not text.isprintable() for text in texts)


def _matching(texts: Iterable[str], any_case: bool = False) -> Callable[[str], bool]:
    """* stands for any characters, ? for one."""
    patterns = [
        re.compile(
            "".join({"*": ".*", "?": "."}.get(one, re.escape(one)) for one in text), re.DOTALL | re.IGNORECASE * any_case
        )
        for text in texts
    ]
    return lambda text: any(pattern.fullmatch(text) for pattern in patterns)


def _patterned(chance: random.Random, text: str) -> str:
    """The text, or a pattern that matches it."""
    if len(text) > 2 and chance.random() < 0.35:
        at = chance.randrange(len(text))
        return chance.choice((text[:at] + "*", "*" + text[at:], text[:at] + "?" + text[at + 1 :], "*" + text[at] + "*"))
    return text


def _any_case(chance: random.Random, text: str) -> str:
    return chance.choice((text, text, text.lower(), text.upper()))


# Codes


def event_type(chance: random.Random, _: World, event: Event) -> Meaning:
    """--type: in any case."""
    text = _typed(chance, event.type, TYPES)
    wanted = frozenset(_split(text))
    return Meaning(_any_case(chance, text), lambda world, event: event.type in wanted, types=wanted)


def severity(chance: random.Random, _: World, event: Event) -> Meaning:
    """--severity: in any case; with a plus, this and worse."""
    text = _typed(chance, event.severity + chance.choice(("", "", "+")), SEVERITIES)
    wanted = set()
    for one in _split(text):
        at = SEVERITIES.index(one.removesuffix("+"))
        wanted.update(SEVERITIES[at:] if one.endswith("+") else SEVERITIES[at : at + 1])
    found = frozenset(wanted)
    return Meaning(_any_case(chance, text), lambda world, event: event.severity in found, severities=found)


# Words


def reason(chance: random.Random, world: World, event: Event) -> Meaning:
    """--reason: in any case."""
    text = _typed(chance, _any_case(chance, _patterned(chance, event.reason or ABSENT)), (ABSENT, "BackOff"))
    wanted = _matching(_split(text), any_case=True)
    return Meaning(text, lambda world, event: event.reason != "" and wanted(event.reason))


def node(chance: random.Random, world: World, event: Event) -> Meaning:
    """--node: only pods and nodes have one."""
    text = _typed(chance, _patterned(chance, event.node or ABSENT), (ABSENT, "n1"))
    wanted = _matching(_split(text))
    return Meaning(
        text, lambda world, event: event.node != "" and wanted(event.node), watches=lambda watch: watch in ("nodes", "pods")
    )


def source(chance: random.Random, world: World, event: Event) -> Meaning:
    """--source: the component that reported it. What has none, the operator found itself."""
    text = _typed(chance, _any_case(chance, _patterned(chance, component(event) or ABSENT)), (ABSENT, "kubelet"))
    wanted = _matching(_split(text), any_case=True)
    itself = wanted(ITSELF)
    return Meaning(text, lambda world, event: wanted(component(event)), watches=lambda watch: itself, is_itself=itself)


def component(event: Event) -> str:
    """The component that an event says."""
    found = event.metadata.get("source")
    return ITSELF if found is None else str(found.get("component", ""))


def name(chance: random.Random, world: World, event: Event) -> Meaning:
    """--name: exactly, or a pattern."""
    text = _typed(chance, _patterned(chance, world.about(event).name or ABSENT), (ABSENT, "web-1"))
    texts = _split(text)
    wanted = _matching(texts)
    return Meaning(text, lambda world, event: wanted(world.about(event).name), refused=_is_wrong(texts))


def namespace(chance: random.Random, world: World, event: Event) -> Meaning:
    """--namespace: what is in it, and the Namespace itself."""
    text = _typed(chance, _patterned(chance, event.namespace or ABSENT), (ABSENT, "shop"))
    wanted = _matching(_split(text))

    def holds(world: World, event: Event) -> bool:
        about = world.about(event)
        itself = about.name if about.kind == "Namespace" and about.group == "" else ""
        return any(name != "" and wanted(name) for name in (itself, event.namespace))

    return Meaning(text, holds, kinds=lambda kind: kind != "Node")


# Kinds and objects


def kind(chance: random.Random, world: World, event: Event) -> Meaning:
    """--kind: as kubectl takes them."""
    about = world.about(event)
    spelled = [kinds.spelled(chance, about.kind or "Pod", about.group)]
    if chance.random() < 0.3:
        spelled.append(kinds.spelled(chance, chance.choice(("Pod", "Node", "Deployment", "Service")), ""))
    if chance.random() < 0.1:
        spelled.append(chance.choice(("unknown", "web-0", "shop.example.com")))
    meant = [kinds.meant(one, world) for one in spelled]

    def holds(world: World, event: Event) -> bool:
        about = world.about(event)
        return any((about.kind, about.group) in each for each in meant if each)

    own = {kinds.built_in(one) for one in spelled}
    return Meaning(
        ",".join(spelled),
        holds,
        refused=None in meant,
        kinds=lambda kind: kind in own,
        is_all_of=lambda kind: kind in own,
    )


def object_for(chance: random.Random, world: World, event: Event) -> Meaning:
    """--for: an object and everything that belongs to it."""
    chain = list(owners(world, event))
    about = chance.choice(chain)
    spelled, called = kinds.spelled(chance, about.kind or "Pod", about.group), _patterned(chance, about.name or ABSENT)
    choice = chance.random()
    if choice < 0.1 and event.namespace:
        spelled, called = chance.choice(("ns", "Namespace", "namespaces")), _patterned(chance, event.namespace)
    elif choice < 0.2 and event.node:
        spelled, called = chance.choice(("no", "node")), _patterned(chance, event.node)
    elif choice < 0.35 and world.behind:
        spelled, called = chance.choice(("svc", "services")), _patterned(chance, chance.choice(world.behind).service)
    elif choice < 0.4:
        spelled = "unknown"
    text = f"{spelled}/{called}"
    wrong = "/" in called or "/" in spelled or _is_wrong([text]) or not called
    meant, own, is_called = kinds.meant(spelled, world), kinds.built_in(spelled), _matching([called])

    def holds(world: World, event: Event) -> bool:
        if any((one.kind, one.group) in (meant or ()) and is_called(one.name) for one in owners(world, event)):
            return True
        if own == "Namespace":
            return event.namespace != "" and is_called(event.namespace)
        if own == "Node":
            return event.node != "" and is_called(event.node)
        return own == "Service" and _stood_behind(world, event, is_called)

    return Meaning(
        text,
        holds,
        refused=wrong or meant is None,
        kinds=lambda kind: kinds.may_belong(kind, own),
        owners=kinds.SAYS_OWNERS.get(own or "", frozenset()),
    )


def _stood_behind(world: World, event: Event, is_called: Callable[[str], bool]) -> bool:
    """Whether the pod stood behind a service of this name when the event happened, give or take a minute."""
    about = world.about(event)
    return (about.kind, about.group) == ("Pod", "") and any(
        is_called(one.service)
        and (one.pod, one.uid) == (about.name, about.uid)
        and event.last_ms >= one.from_ms - MINUTE_MS
        and (one.to_ms is None or event.first_ms <= one.to_ms + MINUTE_MS)
        for one in world.behind
    )


# Texts


def search(chance: random.Random, world: World, event: Event) -> Meaning:
    """--search: each word or quoted phrase, in any case, in some text of the event."""
    texts = [text for text in texts_of(world, event) if len(text) > 2]
    words: list[str] = []
    for _ in range(chance.choice((1, 1, 2, 3))):
        text = chance.choice(texts or [ABSENT])
        begin = chance.randrange(len(text) - 1)
        words.append(_any_case(chance, text[begin : begin + chance.randint(1, 12)]))
    typed = " ".join(f'"{word}"' if chance.random() < 0.5 and '"' not in word else word for word in words)
    read = re.findall(r'"([^"]*)"|(\S+)', typed)
    terms = [phrase or word for phrase, word in read]
    is_open = any(word.startswith('"') or not (phrase or word) for phrase, word in read)

    def holds(world: World, event: Event) -> bool:
        texts = [text.casefold() for text in texts_of(world, event)]
        return all(any(term.casefold() in text for text in texts) for term in terms)

    return Meaning(typed, holds, refused=not terms or is_open or _is_wrong([typed]))


def texts_of(world: World, event: Event) -> list[str]:
    return [
        event.title,
        event.description or "",
        event.reason,
        event.node,
        world.about(event).name,
        *_leaves(event.metadata),
    ]


def _leaves(value: Any) -> Iterable[str]:
    if isinstance(value, dict | list):
        for one in value.values() if isinstance(value, dict) else value:
            yield from _leaves(one)
    elif isinstance(value, str):
        yield value
    elif isinstance(value, int | float) and not isinstance(value, bool):
        yield str(value)


# For programs: exactly as recorded


def object_kind(chance: random.Random, world: World, event: Event) -> Meaning:
    """--object-kind: as recorded, otherwise as kubectl takes it, and of any API group if it names none."""
    about = world.about(event)
    spelled = _any_case(chance, chance.choice(kinds.names(about.kind or "Pod")))
    grouped = kinds.spelled(chance, about.kind or "Pod", about.group)
    text = chance.choice((about.kind or "Pod", spelled, spelled, grouped, "Unknown", "nodes.longhorn.io", "po.v1"))
    recorded = {event.kind for event in world.events.values()}
    own = kinds.built_in(text)
    if text in recorded:
        wanted = {text}
    elif "." in text:
        meant = kinds.meant(text, world) or set()
        return Meaning(
            text,
            lambda world, event: (event.kind, world.about(event).group) in meant,
            kinds=lambda kind: kind == own,
        )
    elif own in recorded:
        wanted = {own}
    else:
        wanted = {kind for kind in recorded if text.lower() in kinds.names(kind)}
    return Meaning(
        text,
        lambda world, event: event.kind in wanted,
        kinds=lambda kind: kind.lower() == (own or text).lower(),
    )


def object_namespace(chance: random.Random, world: World, event: Event) -> Meaning:
    """--object-namespace: exactly this one."""
    text = chance.choice((event.namespace or ABSENT, event.namespace or ABSENT, "SHOP"))
    return Meaning(text, lambda world, event: event.namespace == text, kinds=lambda kind: kind not in ("Node", "Namespace"))


def object_name(chance: random.Random, world: World, event: Event) -> Meaning:
    """--object-name: exactly this one."""
    text = chance.choice((world.about(event).name, world.about(event).name, ABSENT))
    return Meaning(text, lambda world, event: world.about(event).name == text, refused=_is_wrong([text]))


MAKERS: dict[str, Make] = {
    "--for": object_for,
    "--namespace": namespace,
    "--kind": kind,
    "--name": name,
    "--reason": reason,
    "--node": node,
    "--type": event_type,
    "--severity": severity,
    "--source": source,
    "--search": search,
    "--object-kind": object_kind,
    "--object-namespace": object_namespace,
    "--object-name": object_name,
}
EXCLUDABLE = {option for option in MAKERS if not option.startswith("--object-")}
