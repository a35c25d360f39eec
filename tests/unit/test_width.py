"""How wide a table is: COLUMNS first, then the terminal."""

import os
from pathlib import Path
from typing import Any

import pytest

from kube9_cli import terminal as module
from kube9_cli.options import Options
from kube9_cli.render import listing
from tests.cli import run_cli

EVENT: dict[str, Any] = {
    "id": "evt_20260102_030405_000000",
    "severity": "error",
    "object_kind": "Pod",
    "object_namespace": "shop",
    "object_name": "web-6f7d",
    "description": "Back-off restarting failed container " * 9,
    "metadata": {"reason": "BackOff"},
    "last_seen_at": "2026-01-02T03:04:05.678Z",
    "count": 3,
}
COVERED = {"complete": True, "gaps": [], "unavailable": []}


@pytest.mark.parametrize(
    ("columns", "terminal", "width"),
    [
        ("100", 80, 100),
        ("100", None, 100),
        ("", 120, 120),
        ("", 0, 80),
        ("", None, None),
        *((wrong, 70, 70) for wrong in ("0", "-5", "wide", "8.5", "\u00b2", "9" * 5_000)),
    ],
)
def test_the_width(monkeypatch: pytest.MonkeyPatch, columns: str, terminal: int | None, width: int | None) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    monkeypatch.setattr(module.os, "get_terminal_size", lambda _fd=1: os.terminal_size((terminal or 0, 24)))
    assert module.columns(terminal is not None) == width


@pytest.mark.parametrize("columns", [1, 20, 40, 80, 132])
def test_a_table_keeps_within_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: int
) -> None:
    monkeypatch.setenv("COLUMNS", str(columns))
    listing.print_list(Options("table", "", 1.0), iter([EVENT]), {"total": 1}, {"coverage": COVERED})
    narrow = capsys.readouterr().out.splitlines()
    assert len(narrow) > 1
    if columns >= 40:
        assert max(map(len, narrow)) <= columns
    listing.print_list(Options("wide", "", 1.0), iter([EVENT]), {"total": 1}, {"coverage": COVERED})
    assert EVENT["description"].strip() in capsys.readouterr().out, "wide is never cut"


def test_an_error_is_as_wide_as_the_terminal(monkeypatch: pytest.MonkeyPatch, tmp_path: Path) -> None:
    command = ("events", "list", "--since", "30", "-o")
    monkeypatch.delenv("COLUMNS", raising=False)
    whole = run_cli(tmp_path, *command, "table").stderr
    assert len(whole.splitlines()) == 1
    monkeypatch.setenv("COLUMNS", "80")
    lines = run_cli(tmp_path, *command, "table").stderr.splitlines()
    assert len(lines) > 1
    assert max(map(len, lines)) <= 80
    assert " ".join(lines) == whole.strip()
    assert len(run_cli(tmp_path, *command, "json").stderr.splitlines()) == 1, "a program reads it"


@pytest.mark.parametrize("columns", ["80", "200"])
def test_the_parts_of_a_table_that_goes_on_have_the_same_columns(
    monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str], columns: str
) -> None:
    monkeypatch.setenv("COLUMNS", columns)
    following = Options("table", "", 1.0).following()
    first = EVENT | {"object_name": "web-5d9c7b8f6d-x2k4p"}
    for event in (first, first | {"object_name": "db", "description": "short", "severity": "info"}):
        listing.print_events(following, iter([event]))
        following.headings = False
    lines = capsys.readouterr().out.splitlines()
    rows = [lines[0], *(line for line in lines if event["object_namespace"] in line)]
    assert len(rows) == 3
    assert len({row.index(text) for row, text in zip(rows, ("SEVERITY", first["severity"], "info "), strict=True)}) == 1
    assert max(map(len, lines)) <= int(columns)
    assert lines[-1].endswith("short")
    assert lines[-1].startswith("    short") == (columns == "80")
