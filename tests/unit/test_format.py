"""The line that says how far an answer is whole, and the table in terminals of any width."""

import unicodedata

import pytest

from kube9_cli.kinds import as_written
from kube9_cli.render.coverage import covered
from kube9_cli.render.details import sheet
from kube9_cli.render.table import HEADINGS, columns, headings, table

A, B, C, D = (f"2026-01-01T00:0{minute}:00.000Z" for minute in range(4))


def gap(source: str, begin: str, end: str, reason: str = "why") -> dict[str, str]:
    return {"source": source, "from": begin, "to": end, "reason": reason}


def line(*gaps: dict[str, str], unavailable: tuple[str, ...] = ()) -> str:
    return covered({"complete": False, "gaps": list(gaps), "unavailable": list(unavailable)})


def test_whole() -> None:
    unconfirmed = "no gap is known; not all watches have been proved yet"
    assert covered({"complete": True, "gaps": [], "unavailable": []}) == unconfirmed
    whole = {"complete": True, "gaps": [], "unavailable": [], "from": A, "until": B}
    assert covered(whole) == f"complete from {A} to {B}"


def test_one_outage_is_said_once() -> None:
    assert line(gap("pods", A, C)) == f"incomplete: pods from {A} to {C}: why"
    assert line(gap("pods", A, C), gap("events", B, D)) == f"incomplete: events, pods from {A} to {D}: why"
    five = [gap(name, A, B) for name in ("jobs", "events", "nodes", "pods", "services")]
    assert line(*five) == f"incomplete: events, jobs, nodes and 2 more from {A} to {B}: why"


def test_others_are_counted() -> None:
    later, other = gap("pods", C, D), gap("pods", A, B, "another")
    assert line(gap("pods", A, B), later) == f"incomplete: pods from {A} to {B}: why (and 1 more gap)"
    assert line(gap("events", A, B), later, other) == f"incomplete: events from {A} to {B}: why (and 2 more gaps)"


def test_before_everything_is_proved() -> None:
    assert line(gap("events", "1970-01-01T00:00:00.000Z", B)) == f"incomplete: events to {B}: why"


def test_narrow_tables_have_the_short_names_of_kinds() -> None:
    cells = ("5m", "error", "PersistentVolumeClaim/shop/data", "ProvisioningFailed", "12", "no such class, and more than that")
    wide, narrow = table([cells], HEADINGS, 130, False)[1], table([cells], HEADINGS, 80, False)[1]
    assert "PersistentVolumeClaim/shop/data  ProvisioningFailed  12" in wide
    assert "pvc/shop/data  ProvisioningFa…  12" in narrow or "pvc/shop/data  ProvisioningFailed  12" in narrow


@pytest.mark.parametrize(("typed", "kind"), [("pods", "Pod"), ("PVC", "PersistentVolumeClaim"), ("job", "Job"), ("Cow", "Cow")])
def test_kinds_are_taken_as_kubectl_takes_them(typed: str, kind: str) -> None:
    assert as_written(typed) == kind


def test_without_permission() -> None:
    assert line(unavailable=("jobs",)) == "incomplete: jobs cannot be watched"


ROWS = [
    ("3h20m", "warning", "Pod/shop/web-6f7d-xk2p9", "FailedCreatePodSandBox", "12", "Failed to create pod sandbox: rpc error"),
    ("45s", "critical", "Pod/shop/größe-名前", "日本", "2147483647", "日本語のメッセージ 🎉🎉 e\u0301e\u0301 和"),
    ("9s", "error", "-", "-", "1", "x"),
]


def wide(text: str) -> int:
    return sum(
        0 if unicodedata.category(one) in ("Mn", "Me") else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )


@pytest.mark.parametrize("width", [30, 40, 50, 62, 80, 120])
def test_the_table_fits_the_terminal(width: int) -> None:
    shown = headings(width)
    rows = [tuple(row[HEADINGS.index(one)] for one in shown) for row in ROWS]
    lines = table(rows, shown, width, colour=False)
    assert max(map(wide, lines)) <= width
    assert [line.split()[1] for line in lines[1:]] == ["warning", "critical", "error"], "the severity is never cut"
    column = [wide(line[: line.index(one[1])]) for one, line in zip(rows, lines[1:], strict=True)]
    assert len(set(column)) == 1
    assert lines[0].split()[-1] == "MESSAGE" or width < 40


def test_columns_line_up_whatever_is_in_them() -> None:
    lines = table(ROWS, HEADINGS, None, colour=False)
    counts = [wide(line[: line.index(f"  {row[4]}  ")]) for row, line in zip(ROWS, lines[1:], strict=True)]
    assert len(set(counts)) == 1
    assert columns("e\u0301") == 1
    assert columns("日本🎉") == 6


def test_what_is_left_out_of_a_narrow_terminal() -> None:
    assert headings(None) == headings(80) == HEADINGS
    assert headings(50) == tuple(one for one in HEADINGS if one != "REASON")
    assert headings(40) == tuple(one for one in HEADINGS if one not in ("REASON", "COUNT"))


def test_what_is_of_many_the_same_is_a_table() -> None:
    watches = {"events": {"state": "current", "confirmed_until": A}, "jobs": {"state": "not permitted"}}
    assert sheet({"status": "running", "database": {"size_bytes": 1}, "watches": watches}) == [
        "status: running",
        "database:",
        "  size_bytes: 1",
        "watches:  STATE          CONFIRMED UNTIL",
        f"  events  current        {A}",
        "  jobs    not permitted  -",
    ]
