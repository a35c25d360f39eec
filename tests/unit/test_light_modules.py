"""What replaces slow modules of the standard library does the same as these."""

from __future__ import annotations

import json
import math
import pickle
import re
import typing
from datetime import UTC, datetime
from typing import Any

import pytest
from hypothesis import example, given
from hypothesis import strategies as st

from kube9_cli import json_text, named_tuple, times
from kube9_cli.render import uids
from kube9_schema import ids

SCALARS = st.none() | st.booleans() | st.integers() | st.floats() | st.text()
JSON = st.recursive(SCALARS, lambda inner: st.lists(inner, max_size=3) | st.dictionaries(st.text(), inner, max_size=3))


@given(JSON)
def test_json_is_written_as_json_writes_it(value: Any) -> None:
    try:
        expected = json.dumps(value, ensure_ascii=False, allow_nan=False)
    except ValueError:
        with pytest.raises(ValueError, match="JSON"):
            json_text.encode(value)
    else:
        assert json_text.encode(value) == expected


@given(JSON.map(json.dumps) | st.text(alphabet='[]{}":,0123456789.eE+-trufalsn \n\t\\\x00', max_size=20))
@example('{"a": 1} {"b": 2}')
@example(" \n[1, NaN, -Infinity]\t")
@example("\ufeff1")
def test_json_is_read_as_json_reads_it(text: str) -> None:
    try:
        expected = json.loads(text)
    except ValueError:
        with pytest.raises(ValueError):  # noqa: PT011  # that of json has many messages
            json_text.decode(text)
    else:
        assert same(json_text.decode(text), expected)


def same(one: Any, other: Any) -> bool:
    return repr(one) == repr(other)


@given(st.text())
def test_strings_are_escaped_as_json_escapes_them(text: str) -> None:
    assert json_text.quoted(text) == json.dumps(text)


def test_no_value_of_json_is_an_error() -> None:
    with pytest.raises(TypeError, match="set is not JSON"):
        json_text.encode({1})
    assert math.isinf(json_text.decode("Infinity"))


@given(st.datetimes(max_value=datetime(9999, 12, 31)), st.integers(0, ids.SUFFIXES - 1))
def test_ids_of_all_times(moment: datetime, suffix: int) -> None:
    second = int((moment.replace(tzinfo=UTC, microsecond=0)).timestamp())
    number = min(second * ids.SUFFIXES + suffix, ids.MAX_ID)
    if moment.year >= 1970:
        assert ids.decode(ids.encode(second * ids.SUFFIXES + suffix)) == number


PARTS = st.tuples(st.integers(0, 9999), st.integers(0, 13), st.integers(0, 32), st.integers(0, 24), st.integers(0, 60))


@given(PARTS, st.integers(0, 61))
@example((2000, 2, 29, 0, 0), 0)
@example((1900, 2, 29, 0, 0), 0)
@example((2016, 12, 31, 23, 59), 60)
def test_ids_of_times_that_never_were(parts: tuple[int, ...], second: int) -> None:
    year, month, day, hour, minute = parts
    text = f"evt_{year:04}{month:02}{day:02}_{hour:02}{minute:02}{second:02}_00000z"
    try:
        expected = int(datetime(year, month, day, hour, minute, second, tzinfo=UTC).timestamp())
    except ValueError:
        assert ids.decode(text) is None
    else:
        if year >= 1000:  # before that, strftime does not write four digits
            assert ids.decode(text) == min(expected * ids.SUFFIXES + 35, ids.MAX_ID)


@given(
    st.text(alphabet="evt_0123456789zA٣\n ", max_size=28)
    | st.from_regex(r"evt_[0-9]{8}_[0-9]{6}_[0-9a-z]{6}\n?", fullmatch=True)
)
def test_what_looks_like_an_id(text: str) -> None:
    if re.fullmatch("evt_[0-9]{8}_[0-9]{6}_[0-9a-z]{6}", text):
        ids.decode(text)
    else:
        with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
            ids.decode(text)


@given(st.text(alphabet="0123456789smhdwx٣ ", max_size=16))
@example("1h30m")
@example("1234567890123s")
def test_durations(text: str) -> None:
    """As a regular expression finds them."""
    if re.fullmatch("([0-9]{1,12}[smhdw])+", text):
        seconds = sum(int(number) * times.UNITS_SECONDS[unit] for number, unit in re.findall("([0-9]+)([smhdw])", text))
        assert times.duration(text) == seconds * 1000
    else:
        with pytest.raises(ValueError, match=f"^{re.escape(text)}$"):
            times.duration(text)


UID = r"\b([0-9a-f]{8})-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{4}-[0-9a-f]{12}\b"
ONE = "909e1677-c7fe-4615-b618-045e08e53650"


@given(
    st.lists(st.sampled_from([ONE, ONE[:-1], ONE.upper(), "a", "_", "-", "é", "0", " ", "(", "12345678-", "team-1-web-"])).map(
        "".join
    )
)
@example(f"{ONE}-{ONE}")
@example(f"pod ({ONE}) of {ONE[:8]}-{ONE}")
def test_uids_are_found_as_a_regular_expression_finds_them(text: str) -> None:
    assert uids.shortened(text, "…") == re.sub(UID, r"\1…", text)


class Point(named_tuple.NamedTuple):
    """A place."""

    x: int
    y: int = 2
    z: tuple[int, ...] = ()

    def total(self) -> int:
        """Both together."""
        return self.x + self.y


class Typed(typing.NamedTuple):
    """A place."""

    x: int
    y: int = 2
    z: tuple[int, ...] = ()


@given(st.lists(st.integers(), max_size=4), st.dictionaries(st.sampled_from(["x", "y", "z", "w"]), st.integers(), max_size=3))
def test_named_tuples_are_made_as_typing_makes_them(values: list[int], named: dict[str, int]) -> None:
    kinds: tuple[Any, Any] = (Point, Typed)
    made = [outcome(kind, *values, **named) for kind in kinds]
    assert made[0] == made[1]
    assert outcome(kinds[0]._make, values) == outcome(kinds[1]._make, values)
    changed = [outcome(kind(1)._replace, **named) for kind in kinds]
    assert changed[0] == changed[1]


def outcome(call: Any, *values: Any, **named: Any) -> Any:
    """The tuple, or the class of the error."""
    try:
        return call(*values, **named)
    except Exception as error:
        return type(error)


def test_a_named_tuple_is_one() -> None:
    point: Any = Point(1)  # type: ignore[call-arg]
    assert (point.x, point.y, point.z, point.total(), *point) == (1, 2, (), 3, 1, 2, ())
    assert (point._fields, point._field_defaults, repr(point)) == (("x", "y", "z"), {"y": 2, "z": ()}, "Point(x=1, y=2, z=())")
    assert (Point.__doc__, Point.__name__, Point.__module__, Point.__qualname__) == ("A place.", "Point", __name__, "Point")
    assert hash(point) == hash((1, 2, ())) == hash(pickle.loads(pickle.dumps(point)))
    assert point._asdict() == {"x": 1, "y": 2, "z": ()}
    assert (point < (1, 3), isinstance(point, tuple), Point._field_defaults == {"y": 2, "z": ()}) == (True, True, True)  # type: ignore[attr-defined]
    with pytest.raises(AttributeError):
        point.x = 5
    with pytest.raises(AttributeError):
        point.other = 5
    match point:
        case Point(one, two):  # type: ignore[misc]
            assert (one, two) == (1, 2)
        case _:
            pytest.fail("no match")
