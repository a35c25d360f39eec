"""Random options of `events list`: how they are typed, and what they mean. It shares no code with kube9_cli."""

import random
from collections.abc import Callable, Iterable
from typing import NamedTuple

from tests.oracle import moments, values
from tests.oracle.answers import Around, Condition, Question, text_of
from tests.oracle.moments import Moment, first_after
from tests.oracle.reader import Event, World
from tests.oracle.values import Meaning


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


# Filters


def _filter(option: str) -> Callable[[Maker], Given]:
    def make(maker: Maker) -> Given:
        meaning = values.MAKERS[option](maker.chance, maker.world, maker.event())

        def apply(question: Question) -> None:
            if meaning.refused:
                question.refused = True
                return
            question.conditions.append(meaning.holds)
            question.kinds.append(meaning.kinds)
            question.watches.append(meaning.watches)
            question.owners |= meaning.owners
            question.types &= meaning.types
            question.severities &= meaning.severities

        shown = "-n" if option == "--namespace" and maker.chance.random() < 0.5 else option
        tokens = maker.typed(shown, meaning.text) if shown != "-n" else ("-n", meaning.text)
        if option == "--for" and not meaning.refused and maker.chance.random() < 0.3:
            tokens = ("--for", *meaning.text.split("/"))
        if any(token.startswith("-") for token in tokens[1:]):
            tokens = (f"{option}={meaning.text}",)
        return Given(option, tokens, apply)

    return make


def exclude(maker: Maker) -> Given:
    """--exclude FIELD=VALUE: what another option with this value would find is left out."""
    option = maker.chance.choice(sorted(values.EXCLUDABLE))
    meaning: Meaning = values.MAKERS[option](maker.chance, maker.world, maker.event())
    is_two = option == "--for" and "," in meaning.text  # the second of them is no KIND/NAME

    def apply(question: Question) -> None:
        if meaning.refused or is_two:
            question.refused = True
            return
        question.conditions.append(_not(meaning.holds))
        question.kinds.append(lambda kind: not meaning.is_all_of(kind))
        question.watches.append(lambda watch: not meaning.is_itself)
        question.owners |= meaning.owners
        question.types -= meaning.types if option == "--type" else frozenset()
        question.severities -= meaning.severities if option == "--severity" else frozenset()

    return Given("--exclude", maker.typed("--exclude", f"{option.removeprefix('--')}={meaning.text}"), apply)


def _not(holds: Condition) -> Condition:
    return lambda world, event: not holds(world, event)


def all_namespaces(maker: Maker) -> Given:
    """-A is the default."""
    return Given("--all-namespaces", (maker.chance.choice(("-A", "--all-namespaces")),), lambda question: None)


# Times


def _time(option: str) -> Callable[[Maker], Given]:
    def make(maker: Maker) -> Given:
        moment = _moment(maker)

        def apply(question: Question) -> None:
            if option == "--since":
                question.since_ms = moment.ms
            else:
                question.until_ms, question.until_is_clock = moment.ms, moment.is_clock
            since_ms, until_ms = question.since_ms, question.until_ms
            if question.until_is_clock and since_ms is not None and until_ms is not None and until_ms <= since_ms:
                question.until_ms = first_after(until_ms, since_ms)
            question.zoned = question.zoned or moment.zoned

        return Given(option, (*maker.typed(option, moment.text), *moment.more), apply)

    return make


def _moment(maker: Maker) -> Moment:
    event = maker.event()
    return moments.random_moment(maker.chance, (event.first_ms, event.last_ms), maker.now_ms)


# Order and pages


def sort(maker: Maker) -> Given:
    """--sort seen is an older name of last."""
    text = maker.chance.choice(("seen", "last", "created", "first", "count", "severity"))

    def apply(question: Question) -> None:
        question.sort = "last" if text == "seen" else text

    return Given("--sort", maker.typed("--sort", text), apply)


def reverse(maker: Maker) -> Given:
    """--reverse turns the order round."""

    def apply(question: Question) -> None:
        question.reverse = True

    return Given("--reverse", ("--reverse",), apply)


def count(maker: Maker) -> Given:
    """--count none leaves the total out."""
    text = maker.chance.choice(("none", "exact"))

    def apply(question: Question) -> None:
        question.counts = text == "exact"

    return Given("--count", maker.typed("--count", text), apply)


def limit(maker: Maker) -> Given:
    """--limit: 1 to 1000, and 0 for all."""
    number = maker.chance.choice((0, 1, 2, 3, 10, 49, 51, 999, 1000))

    def apply(question: Question) -> None:
        question.limit = number

    return Given("--limit", maker.typed("--limit", str(number)), apply)


def around(maker: Maker) -> Given:
    """--around a time or an event, with --window or 15 minutes."""
    chance = maker.chance
    if chance.random() < 0.5:
        event = maker.event()
        moment = Moment(text_of(event.id), event.last_ms)
        number: int | None = event.id
    else:
        moment, number = _moment(maker), None
    length = chance.choice((None, "15m", "1s", "0s", "1h30m", "2d", "40d"))
    window_ms = moments.duration_ms(length or "15m")

    def apply(question: Question) -> None:
        question.around = Around(moment.ms, number, window_ms)
        question.zoned = question.zoned or moment.zoned

    window = () if length is None else maker.typed("--window", length)
    return Given("--around", (*maker.typed("--around", moment.text), *moment.more, *window), apply)


def offset(maker: Maker) -> Given:
    """--offset: within the events, at their end, and beyond."""
    number = maker.chance.choice((0, 1, 7, 60, len(maker.events) - 1, len(maker.events), 10**14))

    def apply(question: Question) -> None:
        question.offset = number

    return Given("--offset", maker.typed("--offset", str(number)), apply)


MAKERS: dict[str, Callable[[Maker], Given]] = {
    **{option: _filter(option) for option in values.MAKERS},
    "--exclude": exclude,
    "--all-namespaces": all_namespaces,
    "--around": around,
    "--since": _time("--since"),
    "--until": _time("--until"),
    "--sort": sort,
    "--reverse": reverse,
    "--count": count,
    "--limit": limit,
    "--offset": offset,
}
"""What makes each option of `events list`."""
NOT_ABOUT_EVENTS = {
    *("--help", "--format", "--timeout", "--db", "--tz", "--no-headers", "--color", "--time", "--exit-on-stdin-close"),
    *("--store", "--cluster", "--store-headers", "--store-ca"),
}
"""Options that neither select nor order events. --tz comes with a time of a clock."""
APART = {"--window", "--after", "--watch"}
"""--window comes with --around. --after is about several answers (see paging.py), and --watch never ends
(tests/process/test_lists.py).
"""
OFTEN = {"--for": 6, "--exclude": 3, "--search": 3, "--since": 2, "--until": 2, "--namespace": 2, "--kind": 2}
"""Options with many cases are taken more often."""
NEVER_TOGETHER = (
    *({"--around", other} for other in ("--offset", "--sort", "--reverse")),
    {"--object-namespace", "--all-namespaces"},
    {"--namespace", "--all-namespaces"},
)


def command_line(maker: Maker, names: Iterable[str]) -> list[Given]:
    """Some of these options, in any order, each once."""
    among = [name for name in sorted(names) for _ in range(OFTEN.get(name, 1))]
    chosen = set(maker.chance.sample(among, maker.chance.choice((0, 1, 1, 2, 2, 3, 4, 6))))
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
