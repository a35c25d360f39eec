"""The outline of any JSON, cut anywhere."""

import json
from typing import Any

from hypothesis import given
from hypothesis import strategies as st

from kube9_operator.watch.outline import Outline, outline

anything = st.recursive(
    st.none() | st.booleans() | st.integers() | st.text(alphabet='ab"\\[]{},:<\n ä', max_size=8),
    lambda inner: st.lists(inner, max_size=4) | st.dictionaries(st.text(alphabet='a"\\[', max_size=4), inner, max_size=4),
    max_leaves=30,
)


def fed(data: bytes, size: int, *limits: int) -> tuple[Outline, int]:
    """An outline that was fed in pieces of a size, and how much of the data it has read."""
    made, read = Outline(*limits), 0
    for at in range(0, len(data), size):
        read += made.feed(data[at : at + size])
        if made.ended:
            break
    return made, read


def without_depths(value: Any, levels: int) -> Any:
    """The value with null for containers that are too deep."""
    if not isinstance(value, dict | list):
        return value
    if not levels:
        return None
    if isinstance(value, list):
        return [without_depths(one, levels - 1) for one in value]
    return {key: without_depths(one, levels - 1) for key, one in value.items()}


@given(anything, st.integers(0, 5), st.integers(1, 40), st.booleans())
def test_it_is_the_value_without_its_depths(value: Any, levels: int, size: int, spaces: bool) -> None:
    text = json.dumps(value, indent=1 if spaces else None).encode()
    made, read = fed(text + b",[1", size, levels)
    assert made.ended
    assert read == len(text), "it says where the value ends"
    assert json.loads(made.json()) == without_depths(value, levels)
    assert outline(text, levels) == made.json()


@given(anything, st.integers(1, 6), st.integers(1, 40))
def test_long_strings_become_empty(value: Any, longest: int, size: int) -> None:
    text = json.dumps(value, ensure_ascii=False).encode()
    made, _ = fed(text + b" ", size, 99, longest)
    short = made.json()
    assert outline(text, 99, longest) == short
    if not any(len(json.dumps(one, ensure_ascii=False).encode()) - 2 > longest for one in strings(value)):
        assert short == text
    assert all(len(json.dumps(one, ensure_ascii=False).encode()) - 2 <= longest for one in strings(json.loads(short)))


def strings(value: Any) -> list[str]:
    """All texts in a value, keys too."""
    if isinstance(value, str):
        return [value]
    if isinstance(value, list):
        return [text for one in value for text in strings(one)]
    if isinstance(value, dict):
        return [text for key, one in value.items() for text in (key, *strings(one))]
    return []


def test_an_outline_has_a_limit() -> None:
    made, _ = fed(json.dumps(["x" * 10] * 1_000).encode(), 64, 9, 100, 500)
    assert made.ended
    assert len(made.json()) <= 500


@given(st.binary(max_size=200), st.integers(1, 20))
def test_no_bytes_stop_it(junk: bytes, size: int) -> None:
    made, read = fed(junk, size, 2, 10, 100)
    assert read <= len(junk)
    assert made.ended or read == len(junk)
