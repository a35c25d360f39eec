"""What the operator shows to people: its log on a terminal, its pages, its complaints at the start."""

import io
import json
import re
import sys
import unicodedata
from pathlib import Path

import pytest
import structlog

from kube9_operator import logs, parser
from kube9_operator.http.pages import Pages
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.supervise.aggregation import MetricTotals
from kube9_operator.supervise.health import Health
from kube9_operator.supervise.messages import WatcherReport
from kube9_operator.supervise.volume import Volume
from kube9_schema import plain

NASTY = "a\x1b]0;title\x07\x1b[2J\x1b[31m\x9b1m\u202e\u2066\u200b\u2028\ufeff\U000e0041\ufe0f\u3164\ud800\r\n\0é日🎉"


class Terminal(io.StringIO):
    """That of somebody who reads the log."""

    def isatty(self) -> bool:
        return True


def hidden(text: str) -> set[str]:
    bad = ("Cc", "Cf", "Cs", "Co", "Cn", "Zl", "Zp")
    return {one for one in text if unicodedata.category(one) in bad or one in plain.INVISIBLE} - {"\n"}


def written(monkeypatch: pytest.MonkeyPatch, text: str) -> str:
    """A log with this text wherever one can be, on a terminal."""
    terminal = Terminal()
    monkeypatch.setattr(sys, "stderr", terminal)
    logs.configure("info", text)
    log = structlog.get_logger()
    log.warning(
        text,
        some=text,
        **{text: 1},
        inner={text: [text, {"a": text}]},
        error=ValueError(text),
        data=text.encode("utf-8", "replace"),
    )
    try:
        raise ValueError(text)
    except ValueError:
        log.error("event", exc_info=True)
    structlog.reset_defaults()
    return terminal.getvalue()


def test_the_log_on_a_terminal_shows_no_text_raw(monkeypatch: pytest.MonkeyPatch) -> None:
    harmless, nasty = written(monkeypatch, "harmless"), written(monkeypatch, NASTY)
    assert hidden(nasty) <= {"\x1b"}
    assert nasty.count("\x1b") == harmless.count("\x1b"), "its own colours"
    assert re.findall(r"\x1b\[\d+m", nasty) == re.findall(r"\x1b\[\d+m", harmless)
    starts = [one for one in nasty.splitlines() if not one.startswith("  ")]
    assert len(starts) == 2, "nobody makes lines of their own"
    assert (
        r"a\x1b]0;title\x07\x1b[2J\x1b[31m\x9b1m\u202e\u2066\u200b\u2028\ufeff\U000e0041\ufe0f\u3164\ud800\r\n\x00é日🎉"
        in nasty
    )


def test_off_a_terminal_it_is_json_that_loses_nothing(monkeypatch: pytest.MonkeyPatch) -> None:
    out = io.StringIO()
    monkeypatch.setattr(sys, "stderr", out)
    logs.configure("info", "test")
    structlog.get_logger().info("event", text=NASTY)
    structlog.reset_defaults()
    assert out.getvalue().isascii()
    assert json.loads(out.getvalue())["text"] == NASTY


def test_pages_show_no_text_raw(tmp_path: Path) -> None:
    health, volume = Health(("events", NASTY), 120, 10), Volume(tmp_path / "kube9.db", 1, Deadlines())
    health.set_processes([NASTY])
    health.receive("rest", WatcherReport({"events": NASTY, NASTY: "not permitted"}))
    volume.check()
    volume._why = NASTY
    pages = Pages(health, MetricTotals(), volume, lambda: b"")
    document = pages.page("/healthz").body
    assert document.isascii()
    assert NASTY in json.loads(document)["watches"], "and loses nothing"
    assert hidden(pages.page("/readyz").body.decode()) == set()
    document_of_map = health.for_status_map().health
    assert document_of_map.isascii()


def test_complaints_about_arguments_are_plain(capsys: pytest.CaptureFixture[str]) -> None:
    with pytest.raises(SystemExit):
        parser.get_parser().parse_args([NASTY.replace("\0", "")])
    with pytest.raises(SystemExit):
        parser.get_parser().parse_args(["serve", f"--{NASTY}"])
    assert hidden(capsys.readouterr().err) == set()
