"""docs/events.md says what the table says."""

from pathlib import Path

from kube9_operator import rows
from kube9_operator.frame import SEVERITIES
from kube9_operator.watch.recognise import RULES

EVENTS = Path(__file__).parent.parent.parent / "docs" / "events.md"


def described(row: rows.Row) -> str:
    """A row as the document has it, but for by what it is recognised."""
    title = row.title.replace("{kind}", "<Kind>").replace("{reason}", "<Reason>")
    key = f", by {' and '.join(row.key)}" if row.key and row.repeat == "fold" else ""
    metadata = ", ".join(f"`{name}`" for name in row.metadata)
    return " | ".join((row.name, SEVERITIES[row.severity], title, row.kind or "any", row.repeat + key, metadata))


def test_the_table_is_in_the_document_and_nothing_else() -> None:
    lines = [line for line in EVENTS.read_text(encoding="utf-8").splitlines() if line.startswith("| ")][2:]
    assert [line.removeprefix("| ").rpartition(" | ")[0] for line in lines] == [described(row) for row in rows.TABLE]


def test_every_reason_is_in_the_document() -> None:
    text = EVENTS.read_text(encoding="utf-8")
    for _, reason in RULES:
        assert f"`{reason}`" in text
