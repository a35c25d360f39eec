"""The table of events in terminals of any width, and nested answers."""

import re
import unicodedata
from typing import Any

import pytest
from hypothesis import given, settings, strategies

from kube9_cli.kinds import as_written
from kube9_cli.render.clock import Clock
from kube9_cli.render.details import sheet
from kube9_cli.render.look import Look
from kube9_cli.render.table import table
from kube9_cli.render.width import columns, cut_inside, ending, wrapped

NOW = 1_767_225_600.0  # 2026-01-01T00:00:00Z
TIME = "2025-12-31T23:58:00.000Z"


def event(about: str, reason: str, message: str, **more: Any) -> dict[str, Any]:
    kind, namespace, name = about.split("/")
    metadata = {"reason": reason} | more.pop("metadata", {})
    return {
        "id": "evt_20260102_030405_000000",
        "severity": "error",
        "object_kind": kind,
        "object_namespace": namespace,
        "object_name": name,
        "description": message,
        "metadata": metadata,
        "first_seen_at": TIME,
        "last_seen_at": TIME,
        "count": 3,
        **more,
    }


def shown(events: list[dict[str, Any]], width: int | None, wide_table: bool = False, **look: Any) -> list[str]:
    return table(events, Look(Clock(NOW, ages=look.pop("ages", True)), width, **look), wide_table)


EVENTS = [
    event("Pod/shop/web-6f7d-xk2p9", "FailedCreatePodSandBox", "Failed to create pod sandbox: rpc error " + "and more " * 20),
    event("Pod/shop/größe-名前", "日本", "日本語のメッセージ 🎉🎉 e\u0301e\u0301 和 " * 9, severity="critical", count=2**31),
    event("//", "-", "x"),
    event(f"Pod/{'n' * 63}/{'p' * 253}", "r" * 128, "m" * 1_000, severity="warning"),
]


def wide(text: str) -> int:
    return sum(
        0 if unicodedata.category(one) in ("Mn", "Me") else 2 if unicodedata.east_asian_width(one) in "WF" else 1
        for one in text
    )


@pytest.mark.parametrize("width", [30, 40, 50, 62, 80, 120, 200])
@pytest.mark.parametrize("ages", [True, False])
def test_the_table_fits_the_terminal(width: int, ages: bool) -> None:
    lines = shown(EVENTS, width, ages=ages)
    assert max(map(wide, lines)) <= width
    severities = [one["severity"] for one in EVENTS]
    words = [word for line in lines[1:] if line[0] != " " for word in line.split()[1:3] if word in severities]
    assert words == severities, "never cut"
    assert any("Failed to create pod sandbox" in line or "Failed to create" in line for line in lines), "the cause is there"


def test_the_message_of_a_change_says_who_made_it() -> None:
    change = event("Deployment/shop/web", "Scaled", "Replicas 3 → 1", severity="info", metadata={"changed_by": "kubectl-scale"})
    assert shown([change], 120)[1].endswith("Replicas 3 → 1 (by kubectl-scale)")
    for odd in ("", 5, None, ["helm"]):
        assert shown([change | {"metadata": change["metadata"] | {"changed_by": odd}}], 120)[1].endswith("Replicas 3 → 1")


def test_a_message_has_half_of_the_line_or_lines_of_its_own() -> None:
    one = [event("Pod/shop/web-0", "Failed", "no such image: " + "x" * 200)]
    narrow = shown(one, 80)
    assert narrow[0] == "LAST SEEN  SEVERITY  OBJECT         REASON  COUNT"
    assert narrow[1] == "2m         error     po/shop/web-0  Failed  3"
    assert [line[:4] for line in narrow[2:]] == ["    ", "    "]
    assert narrow[2].startswith("    no such image: xxx")
    roomy = shown(one, 120)
    assert roomy[0].split()[-1] == "MESSAGE"
    assert len(roomy) == 2
    assert roomy[1].index("no such image") <= 60
    short = shown([event("Pod/shop/web-0", "Failed", "no such image")], 80)
    assert short[1] == "2m         error     Pod/shop/web-0  Failed  3      no such image", "it fits as it is"


def test_the_end_of_a_long_message_is_kept_because_the_cause_is_there() -> None:
    message = 'Failed to pull image "registry.example/shop/web:1": ' + "failed to resolve: " * 9 + "connection refused"
    below = shown([event("Pod/shop/web-0", "Failed", message)], 80)
    assert below[2].startswith('    Failed to pull image "registry.example')
    assert below[3].endswith("connection refused")
    assert "…" in below[2] + below[3]
    (_, beside) = shown([event("Pod/shop/web-0", "Failed", message)], 120)
    assert beside.endswith("  3      Failed to pull image … connection refused")


def test_a_wide_table_has_more_columns_and_is_never_cut() -> None:
    lines = shown(EVENTS, 40, wide_table=True)
    assert " ".join(lines[0].split()) == "LAST SEEN SEVERITY OBJECT REASON COUNT NODE ID TITLE MESSAGE"
    assert len(lines) == 5
    assert "…" not in "".join(lines)
    assert lines[4].endswith("m" * 1_000)
    assert "Pod/" + "n" * 63 + "/" + "p" * 253 in lines[4]


def test_without_headings() -> None:
    for width in (80, 200, None):
        with_headings = shown(EVENTS[:1], width)
        assert [line.split()[:5] for line in shown(EVENTS[:1], width, headings=False)] == [
            one.split()[:5] for one in with_headings[1:]
        ]


def test_clock_times_and_ranges() -> None:
    one = event("Pod/shop/web-0", "Scaled", "x", first_seen_at="2025-12-31T23:40:00Z", metadata={"noticed_at": TIME})
    assert shown([one], None)[1].startswith("2m..20m ")
    assert shown([one], None, ages=False)[0].startswith("LAST SEEN UTC ")
    assert shown([one], None, ages=False)[1].startswith("2025-12-31 23:58:00..2025-12-31 23:40:00 ")
    today = event("Pod/shop/web-0", "Scaled", "x", last_seen_at="2026-01-01T00:00:00Z")
    assert shown([today], None, ages=False)[1].startswith("00:00:00 ")


def test_colours_are_only_around_the_severity() -> None:
    (_, row) = shown([event("Pod/error/error", "error", "error")], None, colour=True)
    assert re.findall("\x1b.*?m", row) == ["\x1b[31m", "\x1b[0m"]
    assert re.sub("\x1b.*?m", "", row) == shown([event("Pod/error/error", "error", "error")], None)[1]


def test_narrow_tables_have_the_short_names_of_kinds() -> None:
    one = [event("PersistentVolumeClaim/shop/data", "ProvisioningFailed", "no such class, and more than that")]
    assert "PersistentVolumeClaim/shop/data  ProvisioningFailed" in shown(one, 130)[1]
    assert "pvc/shop/data  ProvisioningFailed" in shown(one, 80)[1]


def test_what_is_left_out_of_a_narrow_terminal() -> None:
    assert shown(EVENTS, 80)[0].split() == ["SEEN", "SEVERITY", "OBJECT", "REASON", "COUNT"]
    assert shown(EVENTS, 44)[0].split() == ["SEEN", "SEVERITY", "OBJECT", "COUNT"]
    assert shown(EVENTS, 30)[0].split() == ["SEEN", "SEVERITY", "OBJECT"]


def test_columns_of_a_text() -> None:
    assert columns("e\u0301") == 1
    assert columns("日本🎉") == 6
    assert ending("日本🎉", 3) == "🎉"
    assert ending("ae\u0301", 1) == "e\u0301"
    assert cut_inside("日本日本", 6) == "日…本"
    assert cut_inside("abc", 0) == ""


def test_wrapping() -> None:
    assert wrapped("one two three", 7, 9) == ["one two", "three"]
    assert wrapped("a-word-that-is-longer than a line", 8, 9) == ["a-word-t", "hat-is-l", "onger", "than a", "line"]
    assert wrapped("", 7, 2) == [""]
    for most in range(1, 5):
        lines = wrapped("word " * 50, 11, most)
        assert len(lines) <= most
        assert all(columns(line) <= 11 for line in lines)


@settings(max_examples=300, deadline=None)
@given(
    text=strategies.text(strategies.sampled_from("ab: \u0301日🎉-"), max_size=120),
    width=strategies.integers(2, 30),
    most=strategies.integers(1, 4),
)
def test_wrapped_lines_fit_and_lose_nothing_but_the_middle(text: str, width: int, most: int) -> None:
    whole = wrapped(text, width, len(text) + 1)
    assert all(wide(line) <= width for line in whole)
    assert "".join(whole).replace(" ", "") == text.replace(" ", "")
    lines = wrapped(text, width, most)
    assert all(wide(line) <= width for line in lines)
    if width >= 20:
        assert len(lines) <= most
    assert len(whole) > most or lines == whole


@pytest.mark.parametrize(("typed", "kind"), [("pods", "Pod"), ("PVC", "PersistentVolumeClaim"), ("job", "Job"), ("Cow", "Cow")])
def test_kinds_are_taken_as_kubectl_takes_them(typed: str, kind: str) -> None:
    assert as_written(typed) == kind


def test_what_is_of_many_the_same_is_a_table() -> None:
    watches = {"events": {"state": "current", "confirmed_until": TIME}, "jobs": {"state": "not permitted"}}
    assert sheet({"status": "running", "database": {"size_bytes": 1}, "watches": watches}) == [
        "status: running",
        "database:",
        "  size_bytes: 1",
        "watches:  STATE          CONFIRMED UNTIL",
        f"  events  current        {TIME}",
        "  jobs    not permitted  -",
    ]
