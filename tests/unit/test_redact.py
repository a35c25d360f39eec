"""What is secret is gone, what is not stays, wherever the cut is, and a second time changes nothing."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube9_operator import logs
from kube9_operator.model import operator_event
from kube9_operator.model.observation import INFO
from kube9_operator.text import limits, redact
from kube9_operator.text.limits import MAX_METADATA_BYTES
from tests import secrets

DATA = Path(__file__).parent.parent / "data" / "events-1.36.3.jsonl"


@pytest.mark.parametrize(("sentence", "hidden"), secrets.SENTENCES)
def test_a_secret_is_replaced(sentence: str, hidden: list[str]) -> None:
    line, found = limits.line(sentence, 1_000)
    assert found >= 1
    for secret in hidden:
        assert secret not in line
    assert redact.REDACTED in line
    assert limits.line(line, 1_000) == (line, 0), "a second time changes nothing"


@pytest.mark.parametrize("sentence", secrets.ORDINARY)
def test_what_is_no_secret_is_left_alone(sentence: str) -> None:
    assert limits.line(sentence, 1_000) == (sentence, 0)


def test_what_kubernetes_wrote_is_left_alone() -> None:
    messages = [json.loads(line).get("message") or "" for line in DATA.read_text().splitlines()]
    assert len(messages) == 210
    for message in messages:
        assert redact.text(message, 1_000) == (message, 0)


@given(st.sampled_from(secrets.SENTENCES), st.integers(0, 1_100), st.sampled_from([" ", "x ", "é ", "\n", "= ", "://x/ "]))
def test_the_cut_leaves_nothing_of_a_secret(given_sentence: tuple[str, list[str]], before: int, filler: str) -> None:
    sentence, hidden = given_sentence
    line, _ = limits.line("begin " + (filler * before)[:before] + " " + sentence + " and more " * 200, 1_000)
    assert len(line) <= 1_000
    for secret in () if sentence.startswith("cut by") else hidden:
        for size in range(8, len(secret) + 1):
            assert not line.rstrip("…").endswith(secret[:size])
        assert secret not in line


@given(st.text(max_size=3_000), st.integers(1, 1_200))
def test_any_text_is_taken_within_the_limit(text: str, most: int) -> None:
    line, _ = limits.line(text, most)
    assert len(line) <= most
    assert "\n" not in line


MARKS = (
    *(
        "eyJ",
        "://",
        "a:b@",
        "Bearer ",
        "Basic ",
        "Authorization: ",
        "-----BEGIN",
        " PRIVATE KEY-----",
        "-----END",
        "AKIA",
        "xoxb-",
    ),
    *(
        "--password ",
        "password:",
        "token=",
        '"token":',
        '\\"',
        "'",
        "=",
        " ",
        "x" * 30,
        "é",
        "\\",
        "[REDACTED]",
        "ghp_",
        "/",
        "@",
    ),
)


@given(st.lists(st.sampled_from(MARKS), max_size=60).map("".join))
def test_any_mixture_of_marks_is_taken(text: str) -> None:
    once, found = redact.text(text, 10_000)
    assert (found > 0) == (once != text)
    assert redact.text(once, 10_000) == (once, 0), "a second time changes nothing"
    assert len(once) <= len(text) + found * len(redact.REDACTED)


@given(st.text(max_size=20_000) | st.text(alphabet="""a1=:/@ \\"'\n\u200b\uff1d""", max_size=2_000), st.integers(1, 1_200))
def test_any_text_is_taken(text: str, most: int) -> None:
    once, found = redact.text(text, most)
    assert len(once) <= len(text) + found * len(redact.REDACTED) + 1
    assert redact.text(once, most) == (once, 0)


def test_of_a_long_text_only_the_beginning_is_looked_at() -> None:
    """So that the time it takes has a bound. What may be a part of a secret at the end of that is not kept."""
    text = "x " * (redact.MAX_LOOKED_AT // 2 - 10) + secrets.GITHUB + " and more"
    hidden, _ = redact.text(text, 1_000)
    assert 1_000 < len(hidden) <= redact.MAX_LOOKED_AT
    secret = "password='" + "a1" * (redact.MAX_LOOKED_AT // 2 - 100) + "' " + "b2 " * 30 + "token=" + "c3" * 100
    hidden, found = redact.text(secret, 1_000)
    assert found
    assert "a1a1" not in hidden
    assert "c3" not in hidden
    assert hidden.endswith("…"), "it says that there was more"


def test_a_text_made_to_be_slow_is_hidden_as_a_whole() -> None:
    assert redact.text("pwd: is " * 800, 10_000) == (redact.REDACTED, 1)


def test_keys_of_metadata_at_any_depth() -> None:
    values = {
        "dbPassword": "a",
        "API-KEY": 7,
        "apiKey": ["x"],
        "reason": "plain",
        "nested": {"Authorization": {"deep": "b"}, "list": [{"client_secret": "c", "name": "web"}, f"uses {secrets.AWS}"]},
        "Credentials": None,
        "token_count": 3,
    }
    hidden, found = redact.values(values, 1_000)
    assert hidden == {
        "dbPassword": redact.REDACTED,
        "API-KEY": redact.REDACTED,
        "apiKey": redact.REDACTED,
        "reason": "plain",
        "nested": {
            "Authorization": redact.REDACTED,
            "list": [{"client_secret": redact.REDACTED, "name": "web"}, "uses [REDACTED]"],
        },
        "Credentials": redact.REDACTED,
        "token_count": redact.REDACTED,
    }
    assert found == 8
    assert redact.values(hidden, 1_000) == (hidden, 0)


json_values = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(max_size=3_000),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(max_size=20), inner, max_size=6),
    max_leaves=20,
)


@given(st.dictionaries(st.text(max_size=300), json_values, max_size=8))
def test_metadata_of_any_size_is_a_json_object_within_the_limit(values: dict[str, object]) -> None:
    encoded, _ = limits.metadata(values)
    assert len(encoded.encode()) <= MAX_METADATA_BYTES
    decoded = json.loads(encoded)
    if "_truncated" in decoded and "_truncated" not in values:
        assert decoded["_original_size"] > MAX_METADATA_BYTES
    assert set(decoded) <= {*values, "_truncated", "_original_size"}


def test_metadata_that_is_too_large_keeps_what_has_room() -> None:
    encoded, _ = limits.metadata({"reason": "Failed", "output": "x" * 20_000, "more": ["y"] * 12_000})
    decoded = json.loads(encoded)
    assert (decoded["reason"], decoded["_truncated"], decoded["_original_size"] > 60_000) == ("Failed", True, True)
    assert decoded["output"].endswith("…")
    assert "more" not in decoded


def test_own_events_are_redacted_and_counted() -> None:
    seen = operator_event.observation(
        "Odd", INFO, f"with {secrets.AWS}", f"{secrets.KEY}\nmore", 1_000, {"password": "x", "why": secrets.JWT}
    )
    assert (seen.title, seen.description) == ("with [REDACTED]", "[REDACTED] more")
    assert json.loads(seen.metadata) == {"password": redact.REDACTED, "why": redact.REDACTED}
    assert seen.redacted == 4


def test_errors_in_logs_are_redacted() -> None:
    assert (
        logs.one_line(ValueError(f"from\npostgres://u:{secrets.AWS_SECRET}@db")) == "ValueError: from postgres://[REDACTED]@db"
    )
    assert msgspec.json.encode(logs.one_line(OSError("x" * 900))) == b'"OSError: ' + b"x" * 491 + b'"'
