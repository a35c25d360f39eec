"""The coverage in words, and the table in terminals of any width."""

import unicodedata
from datetime import datetime

import pytest

from kube9_cli.kinds import as_written
from kube9_cli.render.coverage import ago, sentence
from kube9_cli.render.details import sheet
from kube9_cli.render.table import HEADINGS, columns, headings, table

A, B, C, D = (f"2026-01-01T00:0{minute}:00.000Z" for minute in range(4))


def gap(source: str, begin: str, end: str, reason: str = "why") -> dict[str, str]:
    return {"source": source, "from": begin, "to": end, "reason": reason}


NOW = datetime.fromisoformat("2026-01-01T00:10:00Z").timestamp()
LATER = datetime.fromisoformat("2026-01-03T00:10:00Z").timestamp()


def line(*gaps: dict[str, str], unavailable: tuple[str, ...] = (), now: float = NOW) -> str:
    return sentence({"complete": False, "gaps": list(gaps), "unavailable": list(unavailable)}, now)


def test_a_complete_answer() -> None:
    unconfirmed = "No gap is known, but not every watch has been confirmed yet."
    assert sentence({"complete": True, "gaps": [], "unavailable": []}, NOW) == unconfirmed
    complete = {"complete": True, "gaps": [], "unavailable": [], "from": A, "until": B}
    assert sentence(complete, NOW) == "Complete from 00:00:00 to 00:01:00 UTC (9 min ago)."
    assert sentence(complete, LATER) == "Complete from 2026-01-01 00:00:00 to 00:01:00 UTC (2 d ago)."
    older = complete | {"from": "2025-12-31T23:00:00.000Z"}
    assert sentence(older, NOW) == "Complete from 2025-12-31 23:00:00 to 2026-01-01 00:01:00 UTC (9 min ago)."


def test_one_outage_is_one_entry() -> None:
    assert line(gap("pods", A, C)) == "Incomplete: pods not fully recorded from 00:00:00 to 00:02:00 UTC (why)."
    both = line(gap("pods", A, C), gap("events", B, D))
    assert both == "Incomplete: events, pods not fully recorded from 00:00:00 to 00:03:00 UTC (why)."
    five = [gap(name, A, B) for name in ("jobs", "events", "nodes", "pods", "services")]
    named = "events, jobs, nodes and 2 more"
    assert line(*five) == f"Incomplete: {named} not fully recorded from 00:00:00 to 00:01:00 UTC (why)."


def test_other_gaps_are_counted() -> None:
    later, other = gap("pods", C, D), gap("pods", A, B, "another")
    first = "not fully recorded from 00:00:00 to 00:01:00 UTC (why)."
    assert line(gap("pods", A, B), later) == f"Incomplete: pods {first} 1 more gap: see -o json."
    assert line(gap("events", A, B), later, other) == f"Incomplete: events {first} 2 more gaps: see -o json."


def test_a_gap_without_a_beginning_or_an_end() -> None:
    ever = "1970-01-01T00:00:00.000Z"
    assert line(gap("events", ever, B)) == "Incomplete: events not fully recorded until 00:01:00 UTC (why)."
    lasting = gap("events", A, "2026-01-01T00:09:58.000Z")
    assert line(lasting) == "Incomplete: events not fully recorded since 00:00:00 UTC (why)."


def test_a_time_that_no_date_can_hold() -> None:
    assert line(gap("events", A, "287396-10-12T08:59:00.991Z")).startswith("Incomplete: events not fully recorded since ")


@pytest.mark.parametrize(
    ("seconds", "words"), [(-3, "0 s ago"), (119, "119 s ago"), (120, "2 min ago"), (7200, "2 h ago"), (172_800, "2 d ago")]
)
def test_how_long_ago(seconds: float, words: str) -> None:
    assert ago(seconds) == words


def test_narrow_tables_have_the_short_names_of_kinds() -> None:
    cells = ("5m", "error", "PersistentVolumeClaim/shop/data", "ProvisioningFailed", "12", "no such class, and more than that")
    wide, narrow = table([cells], HEADINGS, 130, False)[1], table([cells], HEADINGS, 80, False)[1]
    assert "PersistentVolumeClaim/shop/data  ProvisioningFailed  12" in wide
    assert "pvc/shop/data  ProvisioningFa…  12" in narrow or "pvc/shop/data  ProvisioningFailed  12" in narrow


@pytest.mark.parametrize(("typed", "kind"), [("pods", "Pod"), ("PVC", "PersistentVolumeClaim"), ("job", "Job"), ("Cow", "Cow")])
def test_kinds_are_taken_as_kubectl_takes_them(typed: str, kind: str) -> None:
    assert as_written(typed) == kind


def test_without_permission() -> None:
    assert line(unavailable=("jobs",)) == "Incomplete: jobs cannot be watched."


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
