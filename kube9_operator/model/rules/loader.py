"""Reads files of rules, the built-in one and users', and says in one line what is wrong: which rule, which field, what is
allowed. A file may be hostile: its size, depth and number of values are bounded, and every scalar stays a text, so nothing
grows while it is read.
"""

import errno
import functools
import os
import re
import stat
from collections.abc import Iterator
from pathlib import Path
from typing import Any, NoReturn

import msgspec
import yaml

from kube9_operator.model.rules import readers
from kube9_operator.model.rules.rule import WAIT, Match, Rule, Section, values

OTHER = "other"
"""The id of the last built-in rule, for every Event that no other rule speaks of."""
BUILT_IN = Path(__file__).parent / "rules.yaml"
MAX_BYTES = 256 * 1024
MAX_RULES = 1_000
MAX_YAML_EVENTS = 50_000
MAX_DEPTH = 8
MAX_VALUES = 200
"""Of one field."""
MAX_ID_CHARACTERS = 100
MAX_TEXT_CHARACTERS = 200
MAX_COUNT = 999_999
"""Helm writes larger numbers of values as 1e+06."""
MAX_SECONDS = 604_800
SHOWN_CHARACTERS = 40
"""Of a wrong value in a message."""

Loader: Any = getattr(yaml, "CSafeLoader", yaml.SafeLoader)


class RulesError(ValueError):
    """A file of rules that cannot be used. Its text is one line: the rule, the field and what is allowed."""


def built_in_sections() -> tuple[Section, ...]:
    """The built-in rules as they belong together. Raises RulesError where the file is not whole."""
    try:
        return _sections(BUILT_IN.read_bytes())
    except OSError as error:
        raise RulesError(f"{BUILT_IN}: {error.strerror}") from None
    except RulesError as error:
        raise RulesError(f"{BUILT_IN}: {error}") from None


def _sections(data: bytes) -> tuple[Section, ...]:
    document = _document(data)
    try:
        sections = msgspec.convert(document, dict[str, tuple[Section, ...]], strict=False)["sections"]
    except (msgspec.ValidationError, KeyError) as error:
        raise RulesError(_one_line(error)) from None
    everything = tuple(_checked(rule, f"rule {rule.id!r}") for section in sections for rule in section.rules)
    _check_together(everything, {})
    if not everything or everything[-1].id != OTHER:
        raise RulesError(f"must end with the rule {OTHER!r}")
    return sections


@functools.cache
def built_in() -> tuple[Rule, ...]:
    """The built-in rules, in the order in which they are tried."""
    return tuple(rule for section in built_in_sections() for rule in section.rules)


def read(path: Path) -> tuple[Rule, ...]:
    """The rules of a user's file. Raises RulesError; its text does not name the file."""
    return parse(_bytes_of(path))


def parse(data: bytes) -> tuple[Rule, ...]:
    """The rules of a user's file with this content. Raises RulesError."""
    document = _document(data)
    if not isinstance(document, dict):
        raise RulesError("must be a mapping with a list 'rules'")
    for key in document:
        if key != "rules":
            raise RulesError(f"{_shown(key)} is not a field; the only one is 'rules'")
    found = document.get("rules") or []
    if not isinstance(found, list):
        raise RulesError("rules: must be a list of rules")
    if len(found) > MAX_RULES:
        raise RulesError(f"rules: has {len(found):,} rules; at most {MAX_RULES:,} are allowed")
    rules = tuple(_rule(raw, f"rule {number}") for number, raw in enumerate(found, 1))
    _check_together(rules, {rule.id: rule for rule in built_in()})
    return rules


def _bytes_of(path: Path) -> bytes:
    """The content of a regular file; a pipe or a device is not waited for."""
    try:
        descriptor = os.open(path, os.O_RDONLY | os.O_NONBLOCK | os.O_CLOEXEC)
    except OSError as error:
        raise RulesError("must be a regular file" if error.errno == errno.ENXIO else str(error.strerror)) from None
    except ValueError:  # a null character in the name
        raise RulesError("must be the path of a file") from None
    try:
        if not stat.S_ISREG(os.fstat(descriptor).st_mode):
            raise RulesError("must be a regular file")
        with open(descriptor, "rb", closefd=False) as file:
            data = file.read(MAX_BYTES + 1)
    except OSError as error:
        raise RulesError(str(error.strerror)) from None
    finally:
        os.close(descriptor)
    if len(data) > MAX_BYTES:
        raise RulesError(f"is larger than {MAX_BYTES // 1024} KiB, which is the most that is allowed")
    return data


# From YAML to mappings, lists and texts


def _document(data: bytes) -> Any:
    """The one document in YAML: mappings, lists, and each scalar as the text that stands there. Raises RulesError."""
    try:
        text = data.decode("utf-8")
    except UnicodeDecodeError as error:
        raise RulesError(f"is not UTF-8: byte {error.start + 1:,} is 0x{data[error.start]:02x}") from None
    parsed = _bounded(yaml.parse(text, Loader=Loader))
    try:
        next(parsed)  # the stream begins
        event = next(parsed)
        if isinstance(event, yaml.StreamEndEvent):
            return {}
        document = _node(next(parsed), parsed, 0)
        next(parsed)  # the document ends
        if not isinstance(after := next(parsed), yaml.StreamEndEvent):
            _fail(after, "there is a second document; a file must have one")
    except yaml.MarkedYAMLError as error:
        mark = error.problem_mark or error.context_mark
        place = f"line {mark.line + 1}: " if mark else ""
        raise RulesError(f"{place}is not YAML: {_one_line(error.problem or error.context)}") from None
    except yaml.YAMLError as error:
        raise RulesError(f"is not YAML: {_one_line(getattr(error, 'reason', error))}") from None
    return document


def _bounded(parsed: Iterator[Any]) -> Iterator[Any]:
    for number, event in enumerate(parsed):
        if number > MAX_YAML_EVENTS:
            _fail(event, f"there are too many values; at most {MAX_YAML_EVENTS:,} are allowed")
        yield event


def _node(event: Any, parsed: Iterator[Any], depth: int) -> Any:
    """What begins with this event of the parser."""
    if isinstance(event, yaml.AliasEvent) or event.anchor:
        _fail(event, "anchors and aliases (& and *) are not allowed; a text with these characters must be in quotes")
    if event.tag not in (None, "!"):
        _fail(event, f"tags are not allowed: {_shown(event.tag)}")
    if isinstance(event, yaml.ScalarEvent):
        return "" if not event.style and event.value in ("~", "null") else event.value
    if depth >= MAX_DEPTH:
        _fail(event, f"is nested deeper than {MAX_DEPTH} levels")
    if isinstance(event, yaml.SequenceStartEvent):
        made = []
        while not isinstance(event := next(parsed), yaml.SequenceEndEvent):
            made.append(_node(event, parsed, depth + 1))
        return made
    mapping: dict[str, Any] = {}
    while not isinstance(event := next(parsed), yaml.MappingEndEvent):
        key = _node(event, parsed, depth + 1)
        if not isinstance(key, str):
            _fail(event, "the name of a field must be a text")
        if key in mapping:
            _fail(event, f"{_shown(key)} is there twice")
        mapping[key] = _node(next(parsed), parsed, depth + 1)
    return mapping


def _fail(event: Any, why: str) -> NoReturn:
    raise RulesError(f"line {event.start_mark.line + 1}: {why}")


# From there to rules

PATTERN = "must be a text, or a list of texts, of which each may begin or end with '*'"
TEXTS = f"must be a text of 1 to {MAX_TEXT_CHARACTERS} characters, or a list of such texts"
ALLOWED = {
    "id": f"must be a text of 1 to {MAX_ID_CHARACTERS} printable characters",
    "note": f"must be a text of at most {MAX_TEXT_CHARACTERS} characters",
    "match": f"must be a mapping of at least one of {', '.join(Match.__struct_fields__)}",
    "match.group": f"{PATTERN}; '' is the core group",
    "match.kind": PATTERN,
    "match.reason": PATTERN,
    "match.type": f"{PATTERN}: Normal, Warning",
    "match.emitter": PATTERN,
    "match.message_prefix": TEXTS,
    "match.message_contains": TEXTS,
    "match.min_count": f"must be a whole number from 1 to {MAX_COUNT}",
    "match.min_seconds": f"must be a whole number of seconds from 1 to {MAX_SECONDS}, or {WAIT} for that setting",
    "ignore": "must be true or false",
    "joins": "must be the id of a rule that records, and joins no other",
    "severity": "must be info, warning, error or critical",
    "title": f"must be a text of 1 to {MAX_TEXT_CHARACTERS} printable characters, with no braces but {{kind}} and {{reason}}",
    "repeat": "must be fold or each",
    "primary": "must be true or false",
    "read": f"must be a mapping of one reader to a list of its fields; the readers are {', '.join(sorted(readers.READERS))}",
    "fold_by": "must be a list of reason, emitter, container, and what the rule reads",
}
"""Of each field what may stand there."""
UNKNOWN = re.compile(r"unknown field `(.*?)`(?: - at `\$[^`]*`)?\Z", re.DOTALL)
PLACE = re.compile(r" - at `\$\.?(.*)`\Z", re.DOTALL)


def _rule(raw: Any, name: str) -> Rule:
    """The rule that stands there. Raises RulesError."""
    if not isinstance(raw, dict):
        raise RulesError(f"{name}: must be a mapping with id, match, and ignore or severity")
    if isinstance(raw.get("id"), str) and raw["id"]:
        name = f"rule {_shown(raw['id'])}"
    try:
        rule = msgspec.convert(raw, Rule, strict=False)
    except msgspec.ValidationError as error:
        raise RulesError(f"{name}: {_what_is_wrong(raw, str(error))}") from None
    return _checked(rule, name)


def _checked(rule: Rule, name: str) -> Rule:
    """The rule, which says nothing that it may not. Raises RulesError."""
    for field, wrong in _wrong(rule):
        raise RulesError(f"{name}: {field}: {wrong or ALLOWED[field]}")
    return rule


def _what_is_wrong(raw: dict[str, Any], message: str) -> str:
    """msgspec's words in ours."""
    place = PLACE.search(message)
    path = place[1] if place else ""
    if unknown := UNKNOWN.search(message):
        fields = Match.__struct_fields__ if path == "match" else Rule.__struct_fields__
        inside = f" of {path}" if path else ""
        return f"{_shown(unknown[1])} is not a field{inside}; the fields are {', '.join(fields)}"
    if "missing required field" in message:
        return f"{message.partition('`')[2].partition('`')[0]}: is missing"
    field = ".".join(re.findall(r"[a-z_]+", path)[: 2 if path.startswith("match.") else 1])
    value = raw.get(field.partition(".")[0])
    if isinstance(value, dict) and "." in field:
        value = value.get(field.partition(".")[2])
    shown = f"{_shown(value)}: " if isinstance(value, str) else ""
    return f"{field}: {shown}{ALLOWED.get(field, 'is wrong')}"


def _wrong(rule: Rule) -> Iterator[tuple[str, str]]:
    """What a rule says that it may not: fields, with '' where ALLOWED has the words."""
    if not _is_text(rule.id, MAX_ID_CHARACTERS) or rule.id != rule.id.strip():
        yield "id", ""
    if len(rule.note) > MAX_TEXT_CHARACTERS:
        yield "note", ""
    yield from _wrong_match(rule.match)
    if rule.ignore:
        for field in ("joins", "severity", "title", "repeat", "fold_by", "primary", "read"):
            if getattr(rule, field) not in (None, ""):
                yield field, "must be absent where ignore is true"
    else:
        yield from _wrong_outcome(rule)


def _wrong_outcome(rule: Rule) -> Iterator[tuple[str, str]]:
    """The same of what a rule makes of an Event."""
    if rule.severity is None and not rule.joins:
        yield "severity", f"is missing; {ALLOWED['severity']}, or ignore must be true"
    if rule.title is not None and (not _is_text(rule.title, MAX_TEXT_CHARACTERS) or not _is_template(rule.title)):
        yield "title", ""
    if rule.read is not None:
        yield from _wrong_reader(rule.read)
    for field in ("repeat", "fold_by"):
        if rule.joins and getattr(rule, field) is not None:
            yield field, "must be absent where joins is there: it is as in that rule"
    if rule.fold_by is not None:
        yield from _wrong_fold(rule)


def _wrong_fold(rule: Rule) -> Iterator[tuple[str, str]]:
    if rule.repeat == "each":
        yield "fold_by", "must be absent where repeat is each: every change is an event of its own"
    known = foldable(rule)
    for name in values(rule.fold_by):
        if name not in known:
            yield "fold_by", f"{_shown(name)}: must be of {', '.join(known)}"


PATTERNS = ("group", "kind", "reason", "type", "emitter")
NUMBERS = {"min_count": MAX_COUNT, "min_seconds": MAX_SECONDS}


def _wrong_match(match: Match) -> Iterator[tuple[str, str]]:
    if match == Match():
        yield "match", ""
    for field in Match.__struct_fields__:
        given = getattr(match, field)
        if field in NUMBERS:
            if isinstance(given, int) and not 0 <= given <= NUMBERS[field]:
                yield f"match.{field}", ""
        elif len(values(given)) > MAX_VALUES:
            yield f"match.{field}", f"has {len(given):,} values; at most {MAX_VALUES} are allowed"
        else:
            fits = _is_pattern if field in PATTERNS else _is_part
            for one in values(given):
                if not fits(one) and not (field == "group" and not one):
                    yield f"match.{field}", f"{_shown(one)}: {ALLOWED[f'match.{field}']}"


def _is_pattern(value: str) -> bool:
    return 0 < len(value) <= MAX_TEXT_CHARACTERS and "*" not in value[1:-1]


def _is_part(value: str) -> bool:
    return 0 < len(value) <= MAX_TEXT_CHARACTERS


def _wrong_reader(read: dict[str, Any]) -> Iterator[tuple[str, str]]:
    if len(read) != 1 or not set(read) <= set(readers.READERS):
        yield "read", ""
        return
    for name, fields in read.items():
        known = (*readers.READERS[name].fields, *readers.READERS[name].only_key)
        for field in values(fields):
            if field not in known:
                yield "read", f"{_shown(field)}: the reader {name} has {', '.join(known)}"


def foldable(rule: Rule) -> tuple[str, ...]:
    """What observations of a rule may be told apart by, besides the object."""
    found = [*("reason", "emitter", "container")]
    for name, fields in (rule.read or {}).items():
        found += [*values(fields), *readers.READERS[name].only_key]
    return tuple(dict.fromkeys(found))


def _check_together(rules: tuple[Rule, ...], known: dict[str, Rule]) -> None:
    """Whether ids are there once, and what is joined is there: in these rules, or in those known. Raises RulesError."""
    own: dict[str, Rule] = {}
    for rule in rules:
        if rule.id in own:
            raise RulesError(f"rule {_shown(rule.id)}: id: is there twice")
        own[rule.id] = rule
    for rule in rules:
        if not rule.joins:
            continue
        target = own.get(rule.joins) or known.get(rule.joins)
        if target is None or target.ignore or target.joins or target is rule:
            raise RulesError(f"rule {_shown(rule.id)}: joins: {_shown(rule.joins)}: {ALLOWED['joins']}")
        read = rule if rule.read is not None else target
        missing = [name for name in values(target.fold_by) if name not in foldable(read)]
        if missing:
            why = f"must have {', '.join(missing)}, by which {_shown(rule.joins)} tells its events apart"
            raise RulesError(f"rule {_shown(rule.id)}: read: {why}")


def _is_text(text: str, most: int) -> bool:
    return 0 < len(text) <= most and text.isprintable() and not text.isspace()


def _is_template(title: str) -> bool:
    """Whether the braces of a title are those that are replaced."""
    plain = title
    for name in ("{kind}", "{reason}", "{target}"):
        plain = plain.replace(name, "")
    return "{" not in plain and "}" not in plain


def _one_line(text: Any) -> str:
    return " ".join(str(text).split())[:MAX_TEXT_CHARACTERS]


def _shown(value: str) -> str:
    """A value in quotes, cut; on one line."""
    return repr(value if len(value) <= SHOWN_CHARACTERS else value[:SHOWN_CHARACTERS] + "…")
