"""What is secret is gone, what is not stays, wherever the cut is, and a second time changes nothing."""

import json
from pathlib import Path

import msgspec
import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube9_operator import logs, own, redact, texts
from kube9_operator.frame import INFO, MAX_METADATA_BYTES
from kube9_operator.secret_shapes import PREFIXES
from tests import secrets

DATA = Path(__file__).parent.parent / "data" / "events-1.36.3.jsonl"


@pytest.mark.parametrize(("sentence", "hidden"), secrets.SENTENCES)
def test_a_secret_is_replaced(sentence: str, hidden: list[str]) -> None:
    line, found = texts.line(sentence, 1_000)
    assert found >= 1
    for secret in hidden:
        assert secret not in line
    assert redact.REDACTED in line
    assert texts.line(line, 1_000) == (line, 0), "a second time changes nothing"


@pytest.mark.parametrize("sentence", secrets.ORDINARY)
def test_what_is_no_secret_is_left_alone(sentence: str) -> None:
    assert texts.line(sentence, 1_000) == (sentence, 0)


def test_what_kubernetes_wrote_is_left_alone() -> None:
    messages = [json.loads(line).get("message") or "" for line in DATA.read_text().splitlines()]
    assert len(messages) == 210
    for message in messages:
        assert redact.text(message, 1_000) == (message, 0)


@given(st.sampled_from(secrets.SENTENCES), st.integers(0, 1_100), st.sampled_from([" ", "x ", "é ", "\n", "= ", "://x/ "]))
def test_the_cut_leaves_nothing_of_a_secret(given_sentence: tuple[str, list[str]], before: int, filler: str) -> None:
    sentence, hidden = given_sentence
    line, _ = texts.line("begin " + (filler * before)[:before] + " " + sentence + " and more " * 200, 1_000)
    assert len(line) <= 1_000
    for secret in () if sentence.startswith("cut by") else hidden:
        for size in range(8, len(secret) + 1):
            assert not line.rstrip("…").endswith(secret[:size])
        assert secret not in line


@given(st.text(max_size=3_000), st.integers(1, 1_200))
def test_any_text_is_taken_within_the_limit(text: str, most: int) -> None:
    line, _ = texts.line(text, most)
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
    once, _ = redact.text(text, 10_000)
    twice, _ = redact.text(once, 10_000)
    # Two that stand beside each other may become one: what is left of a secret is never brought back.
    assert (redact.REDACTED in twice) == (redact.REDACTED in once)
    assert len(twice.replace(redact.REDACTED, "")) <= len(once.replace(redact.REDACTED, ""))


@pytest.mark.parametrize("prefix", PREFIXES)
def test_every_prefix_is_looked_for(prefix: bytes) -> None:
    token = prefix.decode() + "A1B2C3D4E5F6G7H8A1B2C3D4E5F6G7H8"
    assert redact.text(f"it was {token} then", 100) == ("it was [REDACTED] then", 1)


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
    encoded, _ = texts.metadata(values)
    assert len(encoded.encode()) <= MAX_METADATA_BYTES
    decoded = json.loads(encoded)
    if "_truncated" in decoded and "_truncated" not in values:
        assert decoded["_original_size"] > MAX_METADATA_BYTES
    assert set(decoded) <= {*values, "_truncated", "_original_size"}


def test_metadata_that_is_too_large_keeps_what_has_room() -> None:
    encoded, _ = texts.metadata({"reason": "Failed", "output": "x" * 20_000, "more": ["y"] * 12_000})
    decoded = json.loads(encoded)
    assert (decoded["reason"], decoded["_truncated"], decoded["_original_size"] > 60_000) == ("Failed", True, True)
    assert decoded["output"].endswith("…")
    assert "more" not in decoded


def test_own_events_are_redacted_and_counted() -> None:
    seen = own.happened(
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
