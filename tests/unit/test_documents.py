"""docs/events.md says what the table says."""

import re
from pathlib import Path

import pytest

from kube9_operator.model import rows
from kube9_operator.model.observation import SEVERITIES
from kube9_operator.model.rules.rule import Match, Rule
from tests import documents

ROOT = Path(__file__).parent.parent.parent
EVENTS = ROOT / "docs" / "events.md"
OWN = "## Events about the operator"
PAGES = [*sorted(ROOT.glob("*.md")), *sorted((ROOT / "docs").rglob("*.md"))]


def described(row: rows.Row) -> str:
    """A row as the document has it, but for by what it is recognised."""
    title = row.title.replace("{kind}", "<Kind>").replace("{reason}", "<Reason>")
    key = f", by {' and '.join(row.key)}" if row.key and row.repeat == "fold" else ""
    repeat = {"": row.repeat, "statuses": "apart", "all": "apart with one Event"}[row.apart]
    metadata = ", ".join(f"`{name}`" for name in row.metadata)
    return " | ".join((row.name, SEVERITIES[row.severity], title, row.kind or "any", repeat + key, metadata))


def test_rows_are_in_the_document_and_nothing_else() -> None:
    table = EVENTS.read_text(encoding="utf-8").partition("## Changes of resources")[2].partition("\n## ")[0]
    lines = [line for line in table.splitlines() if line.startswith("| ")][2:]
    assert [line.removeprefix("| ").rpartition(" | ")[0] for line in lines] == [described(row) for row in rows.TABLE]


def test_the_tables_of_rules_are_those_of_the_rules() -> None:
    text = EVENTS.read_text(encoding="utf-8")
    assert text == documents.whole(text), "run `make documents`"


def test_fields_of_a_rule_are_explained() -> None:
    text = EVENTS.read_text(encoding="utf-8").partition("| field | meaning |")[2].partition("A reader takes")[0]
    told = {name for cell in re.findall(r"^\| (`[^|]*`) \|", text, re.MULTILINE) for name in re.findall(r"`(\w+)`", cell)}
    assert told == set(Rule.__struct_fields__) | set(Match.__struct_fields__)


def test_what_the_operator_tells_of_itself_is_in_the_document_and_nothing_else() -> None:
    told = {
        reason
        for path in (ROOT / "kube9_operator").rglob("*.py")
        for reason in re.findall(r'(?:observation|_watch|_event|Run)\(\s*"(\w+)"', path.read_text(encoding="utf-8"))
    }
    table = EVENTS.read_text(encoding="utf-8").partition(OWN)[2].partition("\n## ")[0]
    assert set(re.findall(r"^\| `(\w+)`", table, re.MULTILINE)) == told


@pytest.mark.parametrize("page", PAGES, ids=lambda page: str(page.relative_to(ROOT)))
def test_tests_and_modules_that_a_document_names_exist(page: Path) -> None:
    """But for what docs/testing.md says was moved, and names with a part to be filled in."""
    text = page.read_text(encoding="utf-8").partition("\n## What moved")[0]
    for file, name in re.findall(r"`(tests/\w+/\w+\.py)::(\w+)`", text):
        assert re.search(rf"^ *def {name}\(", (ROOT / file).read_text(encoding="utf-8"), re.MULTILINE), f"{file}::{name}"
    for file in re.findall(r"`([a-z0-9_]+/[a-z0-9_/]+\.(?:py|yaml|sql|jsonl))`", text):
        assert any((ROOT / folder / file).exists() for folder in ("", "kube9_operator", "helm/kube9-operator", "tests")), file


def test_every_document_is_reached_from_the_readme() -> None:
    """And no link leads nowhere."""
    seen, open_ = set(), {ROOT / "README.md"}
    while open_:
        page = open_.pop()
        seen.add(page)
        text = page.read_text(encoding="utf-8")
        linked = {(page.parent / target).resolve() for target in re.findall(r"\]\((?!http)([^)#]+)", text)}
        assert all(one.exists() for one in linked), page
        open_ |= {one for one in linked if one.suffix == ".md"} - seen
    assert set((ROOT / "docs").glob("*.md")) <= seen
