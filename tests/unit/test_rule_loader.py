"""Files of rules: what is read, and that each error is one line that names the rule, the field and what is allowed."""

import os
import re
import time
import tracemalloc
from pathlib import Path
from typing import Any

import pytest
import yaml
from hypothesis import given
from hypothesis import strategies as st

from kube9_operator.model.observation import SEVERITIES
from kube9_operator.model.rules import loader, readers
from kube9_operator.model.rules.loader import MAX_BYTES, RulesError, parse, read
from kube9_operator.model.rules.rule import Match, Rule, Severity

WHOLE = """
rules:
- id: quiet
  match: {kind: Pod, reason: [Unhealthy, Killing], emitter: "kube*"}
  ignore: true
- id: loud
  match: {group: "", reason: yes, min_count: 3, min_seconds: EVENT_WAIT_MINUTES, message_prefix: "Error: "}
  severity: critical
  title: "{kind} is loud: {reason}"
  fold_by: [reason, volume]
  primary: false
  read: {volume: volume}
  note: A note
"""


def test_a_whole_file() -> None:
    quiet, loud = parse(WHOLE.encode())
    assert quiet == Rule(id="quiet", match=Match(kind="Pod", reason=("Unhealthy", "Killing"), emitter="kube*"), ignore=True), (
        "what is absent has its default"
    )
    assert loud.match == Match(
        group="", reason="yes", min_count=3, min_seconds="EVENT_WAIT_MINUTES", message_prefix="Error: "
    ), "every scalar is a text: yes is no boolean"
    assert (loud.severity, loud.primary, loud.read, loud.fold_by) == (
        "critical",
        False,
        {"volume": "volume"},
        ("reason", "volume"),
    )


@pytest.mark.parametrize("text", ["", "# nothing", "rules: []", "rules:", "---\nrules: []\n"])
def test_a_file_without_rules(text: str) -> None:
    assert parse(text.encode()) == ()


def test_severities_are_those_of_events() -> None:
    assert Severity.__args__ == SEVERITIES  # type: ignore[attr-defined]


def test_the_built_in_rules_are_whole() -> None:
    rules = loader.built_in()
    assert len({rule.id for rule in rules}) == len(rules)
    assert [rule.id for rule in rules][-2:] == ["normal", "other"], "the defaults come last"
    assert all(rule.note == rule.note.strip() for rule in rules)


NOT_WHOLE = (
    *("", "rules: []", "sections: text", "sections: [{title: a}]", "sections: [{title: a, rules: [{id: b}]}]", "sections: []"),
    *("sections: [{title: a, rules: [{id: b, match: {reason: X}, ignore: true}]}]", "sections: [{title: a, rules: [{id: "),
)


@pytest.mark.parametrize("text", NOT_WHOLE)
def test_built_in_rules_that_are_not_whole(text: str, tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "BUILT_IN", tmp_path / "rules.yaml")
    loader.BUILT_IN.write_text(text, encoding="utf-8")
    with pytest.raises(RulesError, match=re.escape(str(loader.BUILT_IN))):
        loader.built_in_sections()


RULE = "rules: [{id: mine, match: {reason: X}, %s}]"
WRONG = [
    # what the file holds, what the line of error says
    ("[]", "must be a mapping with a list 'rules'"),
    ("text", "must be a mapping with a list 'rules'"),
    ("rulez: []", "'rulez' is not a field; the only one is 'rules'"),
    ("sections: []", "'sections' is not a field"),
    ("rules: {a: b}", "rules: must be a list of rules"),
    ("rules: text", "rules: must be a list of rules"),
    ("rules: [text]", "rule 1: must be a mapping"),
    ("rules: [{match: {reason: X}, ignore: true}]", "rule 1: id: is missing"),
    ("rules: [{id: '', match: {reason: X}, ignore: true}]", "rule 1: id: must be a text of 1 to 100"),
    ("rules: [{id: ' a', match: {reason: X}, ignore: true}]", "rule ' a': id: must be a text"),
    ("rules: [{id: [a], match: {reason: X}, ignore: true}]", "rule 1: id: must be a text"),
    (f"rules: [{{id: {'x' * 101}, match: {{reason: X}}, ignore: true}}]", "id: must be a text of 1 to 100"),
    ("rules: [{id: mine, ignore: true}]", "rule 'mine': match: is missing"),
    ("rules: [{id: mine, match: {}, ignore: true}]", "rule 'mine': match: must be a mapping of at least one of group, kind"),
    ("rules: [{id: mine, match: text, ignore: true}]", "rule 'mine': match: 'text': must be a mapping"),
    (
        "rules: [{id: mine, match: {resaon: X}, ignore: true}]",
        "rule 'mine': 'resaon' is not a field of match; the fields are group",
    ),
    ("rules: [{id: mine, match: {kind: {a: b}}, ignore: true}]", "rule 'mine': match.kind: must be a text, or a list"),
    ("rules: [{id: mine, match: {kind: [[a]]}, ignore: true}]", "rule 'mine': match.kind: must be a text, or a list"),
    ("rules: [{id: mine, match: {kind: ''}, ignore: true}]", "rule 'mine': match.kind: '': must be"),
    ("rules: [{id: mine, match: {kind: P*d}, ignore: true}]", "rule 'mine': match.kind: 'P*d': must be a text"),
    ("rules: [{id: mine, match: {message_prefix: ''}, ignore: true}]", "match.message_prefix: '': must be a text of 1 to 200"),
    (
        "rules: [{id: mine, match: {reason: X, min_count: many}, ignore: true}]",
        "match.min_count: 'many': must be a whole number",
    ),
    ("rules: [{id: mine, match: {reason: X, min_count: -1}, ignore: true}]", "match.min_count: must be a whole number from 1"),
    (f"rules: [{{id: mine, match: {{min_count: {'9' * 5_000}}}, ignore: true}}]", "match.min_count: '99"),
    (
        "rules: [{id: mine, match: {reason: X, min_seconds: 10m}, ignore: true}]",
        "min_seconds: '10m': must be a whole number of sec",
    ),
    ("rules: [{id: mine, match: {reason: X, min_seconds: 604801}, ignore: true}]", "match.min_seconds: must be a whole number"),
    (f"rules: [{{id: mine, match: {{reason: [{'a,' * 201}]}}, ignore: true}}]", "match.reason: has 201 values; at most 200"),
    (RULE % "severity: fatal", "rule 'mine': severity: 'fatal': must be info, warning, error or critical"),
    (RULE % "severity: [info]", "rule 'mine': severity: must be info"),
    (RULE % "title: X", "rule 'mine': severity: is missing"),
    (RULE % "level: info", "rule 'mine': 'level' is not a field; the fields are id, match, note, ignore"),
    (RULE % "ignore: perhaps", "rule 'mine': ignore: 'perhaps': must be true or false"),
    (RULE % "ignore: true, severity: info", "rule 'mine': severity: must be absent where ignore is true"),
    (RULE % "ignore: true, primary: false", "rule 'mine': primary: must be absent where ignore is true"),
    (RULE % "severity: info, title: ''", "rule 'mine': title: must be a text of 1 to 200"),
    (RULE % "severity: info, title: '{message}'", "rule 'mine': title: must be a text"),
    (RULE % "severity: info, title: '{kind.__class__}'", "rule 'mine': title: must be a text"),
    (RULE % "severity: info, title: [a]", "rule 'mine': title: must be a text"),
    (RULE % "severity: info, primary: 7", "rule 'mine': primary: '7': must be true or false"),
    (RULE % "severity: info, repeat: often", "rule 'mine': repeat: 'often': must be fold or each"),
    (RULE % "severity: info, repeat: each, fold_by: reason", "rule 'mine': fold_by: must be absent where repeat is each"),
    (RULE % "severity: info, fold_by: [volume]", "rule 'mine': fold_by: 'volume': must be of reason, emitter, container"),
    (RULE % "severity: info, read: {regex: x}", "rule 'mine': read: must be a mapping of one reader"),
    (RULE % "severity: info, read: {volume: volume, image: image}", "rule 'mine': read: must be a mapping of one reader"),
    (RULE % "severity: info, read: {volume: size}", "rule 'mine': read: 'size': the reader volume has volume"),
    (RULE % "severity: info, read: volume", "rule 'mine': read: 'volume': must be a mapping of one reader"),
    (RULE % "joins: nothing known", "rule 'mine': joins: 'nothing known': must be the id of a rule"),
    (RULE % "joins: mine", "rule 'mine': joins: 'mine': must be the id of a rule"),
    (
        RULE % "joins: node not ready repeated for a pod",
        "rule 'mine': joins: 'node not ready repeated for a pod': must be the id of a rule that records",
    ),
    (
        RULE % "joins: image error",
        "rule 'mine': joins: 'image error': must be the id of a rule that records, and joins no other",
    ),
    (RULE % "joins: other, fold_by: reason", "rule 'mine': fold_by: must be absent where joins is there"),
    (RULE % "joins: cannot mount, read: {image: image}", "rule 'mine': read: must have volume, by which 'cannot mount'"),
    (RULE % f"severity: info, note: {'x' * 201}", "rule 'mine': note: must be a text of at most 200"),
    (
        "rules: [{id: a, match: {reason: X}, ignore: true}, {id: a, match: {reason: Y}, ignore: true}]",
        "rule 'a': id: is there twice",
    ),
    ("rules:\n- id: a\n  id: b\n", "line 3: 'id' is there twice"),
    ("rules: []\nrules: []\n", "line 2: 'rules' is there twice"),
    ("rules:\n- &a {id: a}\n", "line 2: anchors and aliases (& and *) are not allowed"),
    ("rules: *a\n", "line 1: "),
    ("rules: [*a]\n", "line 1: anchors and aliases"),
    ("rules:\n- id: !!python/object/apply:os.system [ls]\n", "line 2: tags are not allowed: 'tag:yaml.org,2002:python"),
    ("rules: !!set {a}\n", "line 1: tags are not allowed"),
    ("rules:\n- {id: a\n", "line 3: is not YAML: "),
    ("rules: [}\n", "line 1: is not YAML: "),
    ("rules:\n\t- id: a\n", "line 2: is not YAML: "),
    ("rules: []\n---\nrules: []\n", "line 2: there is a second document"),
    ("rules: [{[a]: b}]\n", "line 1: the name of a field must be a text"),
    ("rules: [{<<: {id: a}, match: {reason: X}}]\n", "rule 1: '<<' is not a field"),
    ("rules: \x00\n", "is not YAML: "),
    ("rules: \x07\n", "is not YAML: "),
    ("[" * 9 + "]" * 9, "line 1: is nested deeper than 8 levels"),
    ("[" * 100_000, "line 1: is n"),
    ("rules: " + "{a: " * 1_000, "line 1: is nested deeper than 8 levels"),
]


@pytest.mark.parametrize(("text", "said"), WRONG, ids=range(len(WRONG)))
def test_what_is_wrong_is_said_in_a_line(text: str, said: str) -> None:
    with pytest.raises(RulesError) as caught:
        parse(text.encode())
    line = str(caught.value)
    assert said in line, line
    assert "\n" not in line
    assert len(line) < 700, "whatever stands in the file"


def test_every_field_has_its_words() -> None:
    """So no field is only called wrong."""
    fields = {*Rule.__struct_fields__, *(f"match.{name}" for name in Match.__struct_fields__)}
    assert fields == set(loader.ALLOWED)


HOSTILE = {
    "many rules": "rules:\n" + "- {id: a}\n" * 1_001,
    "many values": "rules: [" + "a," * 60_000 + "]",
    "billion laughs": "a: &a [x,x]\n"
    + "".join(f"{b}: &{b} [*{a},*{a}]\n" for a, b in zip("abcdefgh", "bcdefghi", strict=True)),
    "recursive": "rules: &r\n- *r\n",
    "large number": "rules: [{id: a, match: {min_count: " + "9" * 200_000 + "}, ignore: true}]",
    "sexagesimal number": "rules: [{id: a, match: {min_count: " + "1:" * 100_000 + "1}, ignore: true}]",
    "long text": "rules: [{id: a, match: {reason: " + "x" * 200_000 + "}, ignore: true}]",
    "deep": "rules: " + "[" * 200_000,
    "deep blocks": "rules:\n" + "- " * 100_000,
    "keys": "rules: {" + "? a\n" * 50_000,
    "quotes": "rules: '" + "''" * 100_000,
    "comments": "#" * 200_000 + "\nrules: [",
    "escapes": 'rules: "' + "\\x41" * 50_000,
}


@pytest.mark.parametrize("text", HOSTILE.values(), ids=HOSTILE)
def test_a_hostile_file_takes_little(text: str) -> None:
    parse(b"")  # what is made once is not counted
    tracemalloc.start()
    began = time.process_time()
    with pytest.raises(RulesError) as caught:
        parse(text.encode())
    took, (_, peak) = time.process_time() - began, tracemalloc.get_traced_memory()
    tracemalloc.stop()
    assert len(str(caught.value).splitlines()) == 1
    assert took < 5, "with tracemalloc, on a slow machine"
    assert peak < 40 * 2**20


FILES = {
    "absent": "No such file or directory",
    "folder": "must be a regular file",
    "pipe": "must be a regular file",
    "device": "must be a regular file",
    "socket": "must be a regular file",
    "large": f"is larger than {MAX_BYTES // 1024} KiB",
    "latin1": "is not UTF-8: byte 10 is 0xe9",
    "utf16": "is not UTF-8: byte 1 is 0xff",
}


@pytest.mark.parametrize("kind", FILES)
def test_a_file_that_cannot_be_read(kind: str, tmp_path: Path) -> None:
    path = tmp_path / kind
    if kind == "folder":
        path.mkdir()
    elif kind == "pipe":
        os.mkfifo(path)
    elif kind == "device":
        path = Path("/dev/zero")
    elif kind == "socket":
        import socket

        with socket.socket(socket.AF_UNIX) as made:
            made.bind(str(path))
    elif kind != "absent":
        content = {"large": b"#" * (MAX_BYTES + 1), "latin1": b"rules: # \xe9", "utf16": "rules: []".encode("utf-16")}
        path.write_bytes(content[kind])
    with pytest.raises(RulesError, match=re.escape(FILES[kind])):
        read(path)


@pytest.mark.skipif(os.geteuid() == 0, reason="root may read everything")
def test_a_file_that_may_not_be_read(tmp_path: Path) -> None:
    path = tmp_path / "rules.yaml"
    path.write_text("rules: []")
    path.chmod(0)
    with pytest.raises(RulesError, match="Permission denied"):
        read(path)


def test_names_of_files_may_be_anything() -> None:
    with pytest.raises(RulesError, match="must be the path of a file"):
        read(Path("/a\0b"))


def test_without_the_parser_in_c(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(loader, "Loader", yaml.SafeLoader)
    assert len(parse(WHOLE.encode())) == 2
    for text, _ in WRONG[:60]:
        with pytest.raises(RulesError):
            parse(text.encode())


scalars = (
    st.text(max_size=8)
    | st.integers()
    | st.booleans()
    | st.none()
    | st.sampled_from(["Pod", "info", "*", "EVENT_WAIT_MINUTES"])
)
fields = st.sampled_from([*Rule.__struct_fields__, *Match.__struct_fields__, *readers.READERS, "rules"]) | st.text(max_size=4)
trees = st.recursive(
    scalars, lambda inner: st.lists(inner, max_size=4) | st.dictionaries(fields, inner, max_size=5), max_leaves=20
)


@given(trees)
def test_any_tree_is_read_or_refused(tree: Any) -> None:
    for document in (tree, {"rules": [tree]}, {"rules": [{"id": "a", "match": tree, "severity": "info"}]}):
        _read_or_refused(yaml.safe_dump(document, allow_unicode=True).encode("utf-8", "surrogatepass"))


@given(st.binary(max_size=200) | st.text(max_size=200).map(lambda text: text.encode("utf-8", "surrogatepass")))
def test_any_bytes_are_read_or_refused(data: bytes) -> None:
    _read_or_refused(data)


def _read_or_refused(data: bytes) -> None:
    try:
        assert isinstance(parse(data), tuple)
    except RulesError as error:
        assert "\n" not in str(error)  # noqa: PT017
