"""The coverage of an answer in words."""
# ruff: noqa: RUF001

from datetime import datetime
from typing import Any

import pytest

from kube9_cli.query import coverage
from kube9_cli.render.clock import Clock, ago
from kube9_cli.render.coverage import sentence
from kube9_cli.render.listing import closing
from kube9_cli.zones import zone

A, B, C, D = (f"2026-01-01T00:0{minute}:00.000Z" for minute in range(4))
EVER = "1970-01-01T00:00:00.000Z"
LAST = "2026-01-01T00:09:58.000Z"
NOW = datetime.fromisoformat("2026-01-01T00:10:00Z").timestamp()
LATER = datetime.fromisoformat("2026-01-03T00:10:00Z").timestamp()
COMPLETE: dict[str, Any] = {"complete": True, "gaps": [], "unavailable": [], "from": A, "until": B}
AWAY = "not watched, and Events of that time had expired when they were listed again"


def gap(source: str, begin: str, end: str, reason: str = "why") -> dict[str, str]:
    return {"source": source, "from": begin, "to": end, "reason": reason}


def going_on(source: str, begin: str, end: str = LAST, reason: str = "why") -> dict[str, Any]:
    return gap(source, begin, end, reason) | {"ongoing": True}


def line(*gaps: dict[str, Any], now: float = NOW, **more: Any) -> str:
    return sentence({"complete": False, "gaps": list(gaps), "unavailable": [], **more}, Clock(now))


def test_a_complete_answer() -> None:
    unconfirmed = "No gap is known, but not every watch has been confirmed yet: this takes up to two minutes after a start."
    assert sentence({"complete": True, "gaps": [], "unavailable": []}, Clock(NOW)) == unconfirmed
    assert sentence(COMPLETE, Clock(NOW)) == "Complete from 00:00 to 00:01 UTC (9 min ago)."
    assert sentence(COMPLETE, Clock(LATER)) == "Complete from 2026-01-01 00:00 to 00:01 UTC (2 d ago)."
    older = COMPLETE | {"from": "2025-12-31T23:00:07.000Z"}
    assert sentence(older, Clock(NOW)) == "Complete from 2025-12-31 23:00:07 to 2026-01-01 00:01:00 UTC (9 min ago)."


def test_the_time_zone_is_named() -> None:
    said = sentence(COMPLETE, Clock(NOW, zone("Europe/Berlin")))
    assert said == "Complete from 01:00 to 01:01 CET (9 min ago)."
    assert sentence(COMPLETE, Clock(NOW, zone("+05:30"))).startswith("Complete from 05:30 to 05:31 UTC+05:30 ")
    assert sentence(COMPLETE, Clock(NOW, zone("Asia/Kathmandu"))).startswith("Complete from 05:45 to 05:46 UTC+0545 ")


def test_one_outage_is_one_entry() -> None:
    assert line(gap("pods", A, C)) == "Incomplete: pods not fully recorded 00:00–00:02 UTC (why)."
    both = line(gap("pods", A, C), gap("events", B, D))
    assert both == "Incomplete: events, pods not fully recorded 00:00–00:03 UTC (why)."
    five = [gap(name, A, B) for name in ("jobs", "events", "nodes", "pods", "services")]
    assert line(*five) == "Incomplete: events, jobs, nodes and 2 more not fully recorded 00:00–00:01 UTC (why)."


def test_what_was_not_watched_is_said_so() -> None:
    expired = "Events of that time had expired when they were listed again"
    assert line(gap("events", A, C, AWAY)) == f"Incomplete: events not watched 00:00–00:02 UTC ({expired})."
    assert "not fully recorded" in line(gap("events", A, C, "the database could not be written"))


def test_seconds_only_where_they_say_something_and_never_less_than_the_gap() -> None:
    assert " 00:00:04–00:01:05 UTC" in line(gap("events", "2026-01-01T00:00:04Z", "2026-01-01T00:01:05Z"))
    assert " 00:00–00:04 UTC" in line(gap("events", "2026-01-01T00:00:59Z", "2026-01-01T00:03:01Z"))


def test_the_newest_gaps_come_first_and_the_others_are_counted() -> None:
    first, second, third = gap("pods", A, A, "1"), gap("pods", B, B, "2"), gap("pods", C, D, "3")
    for gaps in ((first, second, third), (third, first, second)):
        assert line(*gaps) == (
            "Incomplete: pods not fully recorded 00:02–00:03 UTC (3); pods not fully recorded at 00:01 UTC (2); "
            "1 more gap (see -o json)."
        )
    assert line(first, gaps_left_out=4).endswith("; 4 more gaps (see -o json).")


def test_what_goes_on_is_said_apart() -> None:
    tls = "TLS handshake fails"
    assert line(going_on("events", A, LAST, tls)) == f"Incomplete. Not watching now: events since 00:00 UTC ({tls})."
    said = line(gap("events", A, C, AWAY), going_on("events", D, LAST, tls), going_on("pods", D, LAST, tls))
    assert said.startswith("Incomplete: events not watched 00:00–00:02 UTC (Events")
    assert said.endswith(f". Not watching now: events, pods since 00:03 UTC ({tls}).")


def test_a_gap_that_has_just_ended_is_past_and_so_is_one_of_a_time_in_the_past() -> None:
    assert line(gap("pods", A, LAST)) == "Incomplete: pods not fully recorded 00:00–00:10 UTC (why)."
    both = line(gap("pods", A, LAST), going_on("nodes", A))
    assert both == ("Incomplete: pods not fully recorded 00:00–00:10 UTC (why). Not watching now: nodes since 00:00 UTC (why).")
    assert line(going_on("pods", A, C)) == "Incomplete: pods not fully recorded 00:00–00:02 UTC (why)."


def test_gaps_of_their_own_kinds() -> None:
    assert line(gap("events", EVER, B)) == "Incomplete: events not fully recorded before 00:01 UTC (why)."
    began = line(gap("events", EVER, B, coverage.BEFORE_FIRST), gap("nodes", EVER, B, coverage.BEFORE_FIRST))
    assert began == "Incomplete: events, nodes not yet recorded before 00:01 UTC."
    assert line(going_on("events", B, B, coverage.NEVER_LISTED)).endswith(
        "events not fully recorded before 00:01 UTC (not listed yet)."
    )
    kept = f"{coverage.KEPT} info and warning are kept for 7 days"
    assert line(gap("events", EVER, B, kept)) == f"Incomplete: before 00:01 UTC, because {kept}."
    assert line(gap("events", LAST, LAST, coverage.NOT_YET)) == "Incomplete: this time is in the future."


def test_what_is_known_besides_the_gaps() -> None:
    said = line(gap("pods", A, B), **{"from": A, "until": D})
    assert said.endswith(" (why). Otherwise complete from 00:00 to 00:03 UTC (7 min ago).")


def test_without_permission() -> None:
    assert line(unavailable=["jobs"]) == "Incomplete. Cannot be watched: jobs."
    assert "Cannot" not in line(going_on("jobs", A, LAST, "not permitted"), unavailable=["jobs"])


def test_a_time_that_no_date_can_hold() -> None:
    assert line(going_on("events", A, "287396-10-12T08:59:00.991Z")).startswith("Incomplete. Not watching now: events since ")


def test_an_empty_answer_is_no_good_news_unless_the_time_was_watched() -> None:
    clock = Clock(NOW)
    assert closing(0, 0, COMPLETE, clock) == ["No events.", "Complete from 00:00 to 00:01 UTC (9 min ago)."]
    unconfirmed = {"complete": True, "gaps": [], "unavailable": []}
    assert closing(0, 0, unconfirmed, clock)[0] == "No events so far."
    blind = {"complete": False, "gaps": [going_on("events", A)], "unavailable": []}
    nothing = "No events are recorded, but none of this time was watched, so something may have happened."
    first, note, last = closing(0, None, blind, clock, ["A note."])
    assert (first, note, last.partition(".")[0]) == (nothing, "A note.", "Incomplete")
    assert "but only part of this time" in closing(0, 0, blind | {"from": A, "until": B}, clock)[0]
    ahead = {"complete": False, "gaps": [gap("events", D, D, coverage.NOT_YET)], "unavailable": []}
    future = "No events: the time that is asked for begins at 00:03 UTC, which is in the future."
    assert closing(0, 0, ahead, clock, ["A note."]) == [future, "A note."]
    assert closing(1, 1, ahead, clock) == ["1 of 1 events.", "Incomplete: this time is in the future."]
    assert closing(3, 9, COMPLETE, clock)[0] == "3 of 9 events."
    assert closing(3, None, COMPLETE, clock)[0] == "3 events."
    assert closing(0, 9, COMPLETE, clock)[0] == "0 of 9 events."


@pytest.mark.parametrize(
    ("seconds", "words"), [(-3, "0 s ago"), (119, "119 s ago"), (120, "2 min ago"), (7200, "2 h ago"), (172_800, "2 d ago")]
)
def test_how_long_ago(seconds: float, words: str) -> None:
    assert ago(seconds) == words
