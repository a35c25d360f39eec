"""Tables of the documents have what the code has, and nothing else."""

import importlib
import re
from pathlib import Path

import pytest

from kube9_operator.http.pages import Pages
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.supervise.aggregation import MetricTotals
from kube9_operator.supervise.health import STATUSES, Health
from kube9_operator.supervise.volume import Volume
from kube9_operator.watch import answers
from kube9_operator.watch.errors import HttpError
from kube9_operator.write.sqlite.session import Participant
from kube9_schema import tables

ROOT = Path(__file__).parent.parent.parent
SAID = {
    "watch again": "watches again from the version",
    "wait long": "tries again every three minutes",
}
"""How docs/reliability.md calls what the table of answers says."""


def rows(page: str, heading: str) -> list[list[str]]:
    """The cells of the table whose first heading this is."""
    text = (ROOT / "docs" / f"{page}.md").read_text(encoding="utf-8")
    assert text.count(f"\n| {heading} |") == 1, heading
    table = text.partition(f"\n| {heading} |")[2].partition("\n\n")[0]
    return [line.strip("| ").split(" | ") for line in table.splitlines()[2:]]


def names(page: str, heading: str) -> list[str]:
    """The names in the first column."""
    return [name for cells in rows(page, heading) for name in re.findall(r"`([^`]+)`", cells[0])]


def test_outcomes() -> None:
    assert names("metrics", "outcome") == list(tables.Accounting._fields[2:])


def test_the_health_and_its_fields(tmp_path: Path) -> None:
    assert set(names("metrics", "status")) == set(STATUSES)
    assert set(names("operations", "health")) == set(STATUSES)
    health = Health(("events",), 120.0, 10.0)
    pages = Pages(health, MetricTotals(), Volume(tmp_path / "kube9.db", 1, Deadlines()), lambda: b"")
    assert set(names("metrics", "field")) == pages._document().keys()


@pytest.mark.parametrize("status", [*answers.STATUSES, 500, 503])
def test_what_an_answer_means(status: int) -> None:
    (row,) = [cells for cells in rows("reliability", "answer") if re.search(rf"\b({status}|{status // 100}xx)\b", cells[0])]
    meaning = answers.meaning(HttpError(status, ""))
    assert SAID[meaning.then] in row[1].lower()
    assert status != 401 or ("Reads the credentials again" in row[1] and meaning.reload_credentials)


def test_participants_of_a_transaction() -> None:
    for path in (ROOT / "kube9_operator" / "write").rglob("*.py"):
        importlib.import_module(".".join(path.relative_to(ROOT).with_suffix("").parts))
    found = {one.__name__ for one in Participant.__subclasses__() if one.__module__.startswith("kube9_operator.")}
    assert set(names("internals", "participant")) == found


def test_what_health_and_the_log_say_is_what_the_code_says() -> None:
    """Reasons in the lists of operations.md, and names of log events in all documents."""
    code = "\n".join(path.read_text(encoding="utf-8") for path in (ROOT / "kube9_operator").rglob("*.py"))
    alerts = (ROOT / "docs" / "operations.md").read_text(encoding="utf-8").partition("\n## Alerts\n")[2].partition("\n## ")[0]
    listed = [said for said in re.findall(r"^- `([^`]+)`", alerts, re.MULTILINE) if said not in STATUSES]
    assert len(listed) > 8
    assert [said for said in listed if said not in code] == []
    logged = set(re.findall(r'"([a-z_]+(?:\.[a-z_]+)+)"', code))
    said = re.findall(r'\.(?:info|warning|error|debug)\("([a-z_.]+)"', code)
    others = {
        "metadata",
        "http",
        "events",
        "insights",
        "argocd",
        "assessment",
        "sink",
    }  # fields, modules and values of the chart look the same
    nouns = {event.partition(".")[0] for event in said} - others
    for page in (*ROOT.glob("*.md"), *(ROOT / "docs").rglob("*.md")):
        named = set(re.findall(r"`([a-z_]+\.[a-z_.]+)`", page.read_text(encoding="utf-8")))
        unknown = {
            name for name in named if name.partition(".")[0] in nouns and not name.endswith((".py", ".md", ".sql"))
        } - logged
        assert unknown == set(), page
