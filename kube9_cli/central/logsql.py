"""Turns a selection into a query in LogsQL that finds at least its events. They are tested again where they are counted. Pure.

A record is one revision of an event, and only the newest revision is the event. So there are two classes of conditions:

- steady: if an older revision meets it, the newest one does. These select records directly.
- changing: only the newest revision tells. These select ids, of which all records are fetched.
"""

from __future__ import annotations

import json

from kube9_cli import kinds, patterns
from kube9_cli.query.sources import allowed
from kube9_cli.selection import About, Selection
from kube9_cli.times import iso
from kube9_schema.attributes import (
    API_GROUP,
    ID,
    INSTANCE,
    KIND,
    MERGED,
    METADATA,
    NAME,
    NAMESPACE,
    NODE,
    NUMBER,
    OWNERS,
    REASON,
    SERVICES,
    SEVERITY_NUMBERS,
    START,
    TITLE,
    TYPE,
)
from kube9_schema.codes import EVENT_TYPES, SEVERITIES

TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable, Mapping, Sequence

SEVERITY = "severity_number"
BODY = "_msg"
TEXTS = (BODY, TITLE, NAME, REASON, METADATA, NODE)
"""What --search looks at."""
WILD = {"*": "(?s:.*)", "?": "(?s:.)"}
"""The special characters of patterns as regular expressions."""
IN_JSON = r"""(?:[^"\\]|\\u[0-9a-f]{4}|\\.)"""
"""A character inside a text of JSON."""
WILD_IN_JSON = {"*": f"{IN_JSON}*", "?": IN_JSON}
BEYOND = "[^\\x00-\\x7f]"
"""A character for which upper and lower case are not one each."""
PLAIN = frozenset("abcdefghijklmnopqrstuvwxyzABCDEFGHIJKLMNOPQRSTUVWXYZ0123456789-._")
"""The characters of most names. In a JSON text they are as they are."""
FIELDS = {"namespace": NAMESPACE, "reason": REASON, "node": NODE, "name": NAME}
"""The fields of records by the names of filters."""


class Query:
    """A selection as a query."""

    def __init__(self, selection: Selection, instances: Sequence[str], custom: Mapping[str, Sequence[str]]) -> None:
        """`custom` has the recorded kinds that each name means which is not one of Kubernetes."""
        self._custom = custom
        self._selection = selection
        self._labels = ['kube9.stream="events"', f"{INSTANCE} in ({_list(instances)})"]
        self.steady: list[str] = []
        self.changing: list[str] = []
        self.is_exact = True
        """Whether each event with a record that meets the steady conditions is in the selection, and there are no others."""
        self._times()
        self._codes()
        for field, values in selection.wanted.items():
            getattr(self, f"_filter_{field.replace('-', '_')}", self._tested_here)(values)
        self._excluded()

    def _records_from(self) -> str:
        since = self._selection.since_ms
        return f"{{{','.join(self._labels)}}}" + (f' _time:>="{iso(since)}"' if since else "")

    def records(self, until: str = "") -> str:
        """The query for the records, also those that say that an event was merged into another. `until` is a time."""
        source = self._records_from() + (f' _time:<="{until}"' if until else "")
        steady = " ".join(self.steady)
        if self.changing:
            wanted = " ".join([steady, *self.changing])
            steady = f"{steady} {ID}:in({self._records_from()} {wanted} | fields {ID})"
        return f"{source} (({steady}) or {MERGED}:=true)" if steady.strip() else source

    def number(self, without: Iterable[tuple[str, str]]) -> str:
        """The query for the number of events; it does not count those of these instances and numbers."""
        gone = "".join(f" !({INSTANCE}:={quoted(instance)} {NUMBER}:={number})" for instance, number in without)
        counted = f"stats count_uniq({INSTANCE}, {NUMBER}) as found"
        return f"{self._records_from()} {' '.join(self.steady)}{gone} !{MERGED}:=true | {counted}"

    def merged(self) -> str:
        """The query for what was merged into other events."""
        return f"{self._records_from()} {MERGED}:=true | fields {INSTANCE}, {NUMBER}"

    def newest(self) -> str:
        """The query for the greatest number of an event."""
        return f"{self._records_from()} {' '.join(self.steady)} | sort by ({NUMBER} desc) limit 1 | fields {INSTANCE}, {NUMBER}"

    # The filters. What a method does not say is tested in the database.

    def _tested_here(self, _: object) -> None:
        self.is_exact = False

    def _times(self) -> None:
        until = self._selection.until_ms
        if until is not None:
            self.steady.append(f'{START}:<"{iso(until)}"')

    def _codes(self) -> None:
        """Severity and type. A severity only rises."""
        severities = allowed(self._selection, "severity", SEVERITIES)
        if severities != set(range(len(SEVERITIES))):
            least = min(severities, default=0)
            if severities == set(range(least, len(SEVERITIES))):
                self.steady.append(f"{SEVERITY}:>={SEVERITY_NUMBERS[least]}")
            else:
                self.changing.append(f"{SEVERITY}:in({', '.join(str(SEVERITY_NUMBERS[one]) for one in sorted(severities))})")
                self.is_exact = False
        types = allowed(self._selection, "type", EVENT_TYPES)
        if types != set(range(len(EVENT_TYPES))):
            self.steady.append(f"{TYPE}:in({_list(EVENT_TYPES[one] for one in sorted(types))})")

    def _filter_severity(self, _: object) -> None:
        """Is in `_codes`."""

    def _filter_type(self, _: object) -> None:
        """Is in `_codes`."""

    def _filter_namespace(self, values: Sequence[str]) -> None:
        """What is in the namespaces, and the Namespaces themselves, which are in none."""
        test = _among(values)
        self._labels.append(f"{NAMESPACE}=~{quoted(test + '|')}")
        itself = f"{KIND}:=Namespace {API_GROUP}:={quoted('')} {_any(NAME, values)}"
        self.steady.append(f"({_any(NAMESPACE, values)} or ({itself}))")

    def _filter_object_namespace(self, values: Sequence[str]) -> None:
        self._labels.append(f"{NAMESPACE}=~{quoted('|'.join(map(_literally, values)) + '|')}")
        self.steady.append(f"{NAMESPACE}:in({_list(values)})")

    def _filter_name(self, values: Sequence[str]) -> None:
        self.steady.append(_any(NAME, values))

    def _filter_object_name(self, values: Sequence[str]) -> None:
        self.steady.append(f"{NAME}:in({_list(values)})")

    def _filter_kind(self, values: Sequence[str]) -> None:
        """The API group is tested in the database."""
        self.is_exact = False
        self.steady.append(f"{KIND}:in({_list(kind for value in values for kind in self._kinds(value))})")

    def _filter_object_kind(self, values: Sequence[str]) -> None:
        self.is_exact = False
        found = {kind for value in values for kind in (value, kinds.as_written(value), *self._kinds(value))}
        self.steady.append(f"{KIND}:in({_list(sorted(found))})")

    def _kinds(self, value: str) -> Sequence[str]:
        own = kinds.built_in(value)
        return [own] if own is not None else self._custom.get(value, ())

    def _filter_reason(self, values: Sequence[str]) -> None:
        self.is_exact = False
        self.changing.append(f"({REASON}:~{quoted(_among(values, any_case=True))} or {REASON}:~{quoted(BEYOND)})")

    def _filter_node(self, values: Sequence[str]) -> None:
        self.is_exact = False
        self.changing.append(_any(NODE, values))

    def _filter_search(self, values: Sequence[tuple[str, ...]]) -> None:
        """The texts with the words, and each that has characters whose case is not simple, or that JSON writes otherwise."""
        self.is_exact = False
        odd = " or ".join(f"{field}:~{quoted(BEYOND)}" for field in TEXTS)
        odd += f" or {METADATA}:~{quoted(_BACKSLASH)}"
        for terms in values:
            for term in terms:
                if term.isascii():
                    test = quoted("".join(map(_in_any_case, term)))
                    self.changing.append(f"({' or '.join(f'{field}:~{test}' for field in TEXTS)} or {odd})")
                else:
                    self.changing.append(f"({odd})")

    def _filter_for(self, values: Sequence[About]) -> None:
        self.is_exact = False
        if all(set(value.name) - set(patterns.SPECIAL) <= PLAIN for value in values):
            self.changing.append(f"({' or '.join(piece for value in values for piece in _about(value))})")

    def _excluded(self) -> None:
        """Only what many events have is left out here."""
        excluded = self._selection.excluded
        self.is_exact = self.is_exact and set(excluded) <= {"severity", "type"}
        if "namespace" in excluded:
            self._labels.append(f"{NAMESPACE}!~{quoted(_among(excluded['namespace']))}")


_BACKSLASH = "\\\\"


def _about(value: About) -> list[str]:
    """Pieces of a condition: the object itself, or one that it owned or stood for."""
    name = value.name
    own = kinds.built_in(value.kind)
    inside = "".join(WILD_IN_JSON.get(each) or _literally(each) for each in name)
    owner, service = quoted('"name":"' + inside + '"'), quoted('"' + inside + '"')
    found = [_any(NAME, [name]), f"{OWNERS}:~{owner}"]
    if own == "Namespace":
        found.append(_any(NAMESPACE, [name]))
    if own == "Node":
        found.append(_any(NODE, [name]))
    if own == "Service":
        found.append(f"{SERVICES}:~{service}")
    return found


def _any(field: str, values: Sequence[str]) -> str:
    """A condition on a field that is one of these texts, or matches one of these patterns."""
    if not any(map(patterns.is_pattern, values)):
        return f"{field}:in({_list(values)})"
    return f"{field}:~{quoted(f'^(?:{_among(values)})$')}"


def _among(values: Iterable[str], any_case: bool = False) -> str:
    """A regular expression for these texts and patterns, without the ends of the text unless it is of `any_case`."""
    found = []
    for value in values:
        as_text = _in_any_case if any_case else _literally
        found.append("".join(WILD.get(one) or as_text(one) for one in value))
    alternatives = "|".join(found)
    return f"^(?:{alternatives})$" if any_case else alternatives


def _literally(text: str) -> str:
    """A text as a regular expression."""
    return "".join(f"\\{one}" if one in r"\.+*?()|[]{}^$" else one for one in text)


def _in_any_case(one: str) -> str:
    """A character as a regular expression for it in any case. What is beyond ASCII is tested in the database."""
    if one.isascii() and one.isalpha():
        return f"[{one.lower()}{one.upper()}]"
    return _literally(one)


def _list(values: Iterable[str]) -> str:
    return ", ".join(map(quoted, values)) or quoted("")


def quoted(text: str) -> str:
    """A text as a string of LogsQL, which is one of Go."""
    return json.dumps(text, ensure_ascii=False)
