"""JSON by the parts of the module json that are written in C. json itself compiles regular expressions, which takes 5 ms."""

from __future__ import annotations

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any

SPACE = " \t\n\r"


class _Settings:
    """Those of json.JSONDecoder by default."""

    strict, object_hook, object_pairs_hook = True, None, None
    parse_int, parse_float, parse_constant = int, float, float


def _refuse(value: Any) -> Any:
    raise TypeError(f"Object of type {type(value).__name__} is not JSON serializable")


_parts: Any
_scan: Any
_quote: Any
_string: Any
try:
    import _json

    _parts = _json.make_encoder(None, _refuse, _json.encode_basestring, None, ": ", ", ", False, False, False)
    _scan = _json.make_scanner(_Settings())  # type: ignore[arg-type]
    _quote, _string = _json.encode_basestring_ascii, _json.encode_basestring
except ImportError:  # an interpreter without them
    import json

    _encoder = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
    _decoder: Any = json.JSONDecoder()
    _parts, _scan, _quote = (lambda value, _: _encoder.iterencode(value)), _decoder.scan_once, json.dumps
    _string = _encoder.encode


def encode(value: Any) -> str:
    """The JSON of a value, as json.dumps has it with ensure_ascii=False and allow_nan=False. Raises ValueError, TypeError."""
    return "".join(_parts(value, 0))


def decode(text: str) -> Any:
    """The value of a JSON text, as json.loads has it. Raises ValueError, RecursionError."""
    begin = len(text) - len(text.lstrip(SPACE))
    try:
        value, end = _scan(text, begin)
    except StopIteration as error:
        raise ValueError(f"no JSON value at character {error.value}") from None
    if text[end:].strip(SPACE):
        raise ValueError(f"more than one JSON value, from character {end} on")
    return value


def quoted(text: str) -> str:
    """A text as a JSON string of ASCII characters."""
    return str(_quote(text))


def string(text: str) -> str:
    """A text as a JSON string, as `encode` has it."""
    found: str = _string(text)
    return found
