"""Which rule an Event follows. EVENT_REASONS_EXCLUDE comes first, then users' rules in their order, then the built-in ones.
Candidates are looked up by API group, kind, reason, type and emitter of the Event; then its message, count and age decide.
"""

import functools
from collections.abc import Iterable
from typing import Any, NamedTuple

from kube9_operator.model.observation import hash64
from kube9_operator.model.rules import loader, readers
from kube9_operator.model.rules.readers import Facts, Reader, Said
from kube9_operator.model.rules.rule import WAIT, Rule, values
from kube9_schema.api_groups import GROUPS, group_of
from kube9_schema.codes import INFO, SEVERITIES
from kube9_schema.intervals import MS_IN_HOUR

COMBINED = "(combined from similar events): "
"""Before the latest message of ten or more that the recorder made one Event of; to be cut before recognition."""
ALL = "*"
USERS = "user/"
"""Before the ids of users' rules in keys: a release may bring a rule of the same id."""
MAX_CACHED = 10_000


class Patterns:
    """Values of which one must fit; `*` at the beginning or the end of one stands for any text."""

    def __init__(self, given: Iterable[str]) -> None:
        every = tuple(given)
        self.exact = frozenset(one for one in every if "*" not in one)
        self.is_exact = bool(every) and len(self.exact) == len(every)
        self._fits_all = not every
        self._starts = tuple(one[:-1] for one in every if one.endswith("*") and not one.startswith("*"))
        self._ends = tuple(one[1:] for one in every if one.startswith("*") and not one.endswith("*"))
        self._inner = tuple(one.strip("*") for one in every if one.startswith("*") and one.endswith("*"))

    def fit(self, text: str) -> bool:
        """Whether the text is one of these; where there is none, every text is."""
        return (
            text in self.exact
            or self._fits_all
            or text.startswith(self._starts)
            or text.endswith(self._ends)
            or any(one in text for one in self._inner)
        )


class KindOfEvent(NamedTuple):
    """What candidates are looked up by; few of these make most Events of a cluster."""

    api_version: str
    kind: str
    reason: str
    type: str
    emitter: str


class Compiled:
    """A rule that is ready to be tried."""

    def __init__(self, rule: Rule, target: Rule, key_id: str, of_user: bool, wait_seconds: int) -> None:
        """`target` is the rule that it joins, or itself."""
        match = rule.match
        self.id, self.key_id, self.of_user, self.ignore = rule.id, key_id, of_user, rule.ignore
        self.order = 0
        self.kinds, self.reasons, self.types = (Patterns(values(one)) for one in (match.kind, match.reason, match.type))
        self._groups = None if match.group == () else Patterns(values(match.group))
        self._emitters = Patterns(values(match.emitter))
        self._starts, self._contains = values(match.message_prefix), values(match.message_contains)
        self._min_count = match.min_count
        self._min_seconds = wait_seconds if match.min_seconds == WAIT else int(match.min_seconds)
        self.fits_any = not (self._starts or self._contains or match.min_count or match.min_seconds)
        """Whether it speaks of all Events that `is_for` lets through."""
        self.severity = SEVERITIES.index(rule.severity or target.severity or "info")
        self.title = rule.title or target.title or "{kind} {reason}"
        self.repeat = target.repeat or "fold"
        self.fold_by = values(target.fold_by)
        self.primary = rule.primary if rule.primary is not None else target.primary is not False
        read = rule.read if rule.read is not None else target.read or {}
        self.reader: Reader = next((readers.READERS[name] for name in read), Reader((), readers.nothing))
        self.fields = tuple(field for fields in read.values() for field in values(fields))
        self._kept = frozenset((*self.fields, "reason"))
        self.of_several_reasons = False
        """Whether events of its key may have several reasons, so that the metadata say the latest."""

    def is_for(self, kind_of: KindOfEvent) -> bool:
        """Whether it may speak of Events of this kind; then `fits` decides."""
        if not (
            self.reasons.fit(kind_of.reason)
            and self.kinds.fit(kind_of.kind)
            and self.types.fit(kind_of.type)
            and self._emitters.fit(kind_of.emitter)
        ):
            return False
        group = group_of(kind_of.kind, kind_of.api_version)
        if group is None:
            return True
        if self._groups is None:
            known = GROUPS.get(kind_of.kind) if kind_of.kind in self.kinds.exact else None
            return known is None or group in known
        return self._groups.fit(group)

    def fits(self, said: Said) -> bool:
        """Whether it speaks of this Event, which is of a kind that `is_for` lets through."""
        message = said.message
        if self._starts and not message.startswith(self._starts):
            return False
        for one in self._contains:
            if one in message:
                break
        else:
            if self._contains:
                return False
        return said.occurrences >= self._min_count and said.seconds >= self._min_seconds

    def facts(self, said: Said) -> Facts:
        """What the message tells, as far as the rule takes it."""
        found = self.reader.read(said)
        metadata = {name: value for name, value in found.metadata.items() if name in self._kept} if found.metadata else {}
        container = said.about.container()
        if container:
            metadata["container"] = container
        if self.of_several_reasons:
            metadata.setdefault("reason", said.reason)
        return Facts(metadata, found.key, found.about)

    def key(self, said: Said, facts: Facts) -> int:
        """64 bits of the event's key besides the object: the id and the values of `fold_by`, and the container that the Event
        names.
        """
        parts = [self._value(name, said, facts) for name in self.fold_by]
        if "container" not in self.fold_by and (container := said.about.container()):
            parts.append(container)
        return hash64(self.key_id, *parts)

    def _value(self, name: str, said: Said, facts: Facts) -> str:
        if name == "reason":
            return said.reason
        if name == "emitter":
            return said.emitter
        return facts.key[name] if name in facts.key else str(facts.metadata.get(name, ""))


class Table:
    """Users' rules, then the built-in ones."""

    def __init__(self, users: tuple[Rule, ...] = (), wait_seconds: int = 600) -> None:
        built_in = loader.built_in()
        known = {rule.id: rule for rule in built_in}
        own = {rule.id: rule for rule in users}
        self.rules: list[Compiled] = []
        for rule in users:
            target = own.get(rule.joins) or known.get(rule.joins) or rule
            key_id = target.id if rule.joins and rule.joins not in own else USERS + target.id
            self.rules.append(Compiled(rule, target, key_id, True, wait_seconds))
        for rule in built_in:
            target = known.get(rule.joins, rule)
            self.rules.append(Compiled(rule, target, target.id, False, wait_seconds))
        for order, compiled in enumerate(self.rules):
            compiled.order = order
        _note_reasons(self.rules)
        self._of_reason: dict[str, list[Compiled]] = {}
        self._of_any: list[Compiled] = []
        for one in self.rules:
            if one.reasons.is_exact:
                for reason in one.reasons.exact:
                    self._of_reason.setdefault(reason, []).append(one)
            else:
                self._of_any.append(one)
        self.other = self.rules[-1]
        self._cache: dict[tuple[str, ...], tuple[Compiled, ...]] = {}

    def first(self, said: Said) -> Compiled:
        """The first rule that speaks of an Event; the last speaks of all."""
        about = said.about
        place = (about.api_version, about.kind, said.reason, said.type, said.emitter)
        candidates = self._cache.get(place)
        if candidates is None:
            candidates = self._candidates(KindOfEvent(*place))
        for one in candidates:
            if one.fits_any or one.fits(said):
                return one
        return self.other

    def _candidates(self, kind_of: KindOfEvent) -> tuple[Compiled, ...]:
        """The rules that may speak of such Events, up to the first that speaks of all of them."""
        found: list[Compiled] = []
        for one in sorted([*self._of_reason.get(kind_of.reason, ()), *self._of_any], key=_order):
            if one.is_for(kind_of):
                found.append(one)
                if one.fits_any:
                    break
        if len(self._cache) >= MAX_CACHED:  # whoever writes Events may write any reason
            self._cache.clear()
        self._cache[kind_of] = tuple(found)
        return tuple(found)


def _order(rule: Compiled) -> int:
    return rule.order


def _note_reasons(rules: list[Compiled]) -> None:
    """Finds the rules whose events may have several reasons that do not tell them apart."""
    reasons: dict[str, set[str]] = {}
    for one in rules:
        reasons.setdefault(one.key_id, set()).update(one.reasons.exact if one.reasons.is_exact else ("", "any"))
    for one in rules:
        one.of_several_reasons = "reason" not in one.fold_by and len(reasons[one.key_id]) > 1


@functools.cache
def built_in_table() -> Table:
    """The table without users' rules."""
    return Table()


class Chosen(NamedTuple):
    """What settings add to the table and leave out of it: by rules and by reasons."""

    include: frozenset[str] = frozenset()
    """With ALL among them everything is recorded."""
    exclude: frozenset[str] = frozenset()
    event_ttl_ms: int = MS_IN_HOUR
    """How long the API server keeps Events: none happened longer before it was written."""
    table: Table | None = None
    """Without users' rules where it is None."""


TABLE_ALONE = Chosen()


class Verdict(NamedTuple):
    """What becomes of an Event, and why."""

    rule: Compiled | None
    """None where EVENT_REASONS_EXCLUDE names its reason."""
    recorded: bool
    severity: int = 0
    included: bool = False
    """EVENT_REASONS_INCLUDE names its reason, otherwise it would be left out."""


def judge(said: Said, chosen: Chosen) -> Verdict:
    """What becomes of an Event."""
    if said.reason in chosen.exclude:
        return Verdict(None, False)
    table = chosen.table or built_in_table()
    rule = table.first(said)
    if not rule.ignore:
        return Verdict(rule, True, rule.severity)
    if rule.of_user or not (said.reason in chosen.include or ALL in chosen.include):
        return Verdict(rule, False)
    return Verdict(table.other, True, INFO if said.type == "Normal" else table.other.severity, included=True)


def title(rule: Compiled, kind: str, reason: str) -> str:
    """The title of an event of this rule. What is not known is left out: `{target}` is what the writer learns later."""
    if "{" not in rule.title:
        return rule.title
    words: dict[str, Any] = {"kind": kind, "reason": reason, "target": ""}
    return " ".join(rule.title.format_map(words).split())
