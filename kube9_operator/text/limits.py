"""What titles, descriptions and metadata become before they are stored: one line, without secrets, then within their limits."""

from typing import Any

import msgspec

from kube9_operator.text import redact

MAX_TITLE_CHARACTERS = 200
MAX_DESCRIPTION_CHARACTERS = 1_000
MAX_NAME_CHARACTERS = 253
"""Kubernetes' own limit of an object's name; longer kinds, reasons and nodes are cut to it too."""
MAX_METADATA_BYTES = 10 * 1024 - 512
"""10 KiB less what the reader adds: reason, count and times."""
TRUNCATED = '"_truncated":true'
"""In metadata that were too large."""

_json = msgspec.json.Encoder(order="sorted")


def line(text: str, most: int) -> tuple[str, int]:
    """The text on one line, without secrets and white space at its ends, cut to `most` characters; and how many secrets."""
    hidden, found = redact.text(text, most)
    plain = one_line(hidden)
    if not text.isprintable():  # what stood on two lines may be one secret, before they are joined and after
        plain, more = redact.text(plain, most)
        found += more
    return cut(plain, most), found


def joined(text: str) -> tuple[str, int]:
    """The text on one line, without the secrets that stood on several; and how many. What is on one is left to `line`."""
    if text.isprintable():
        return text.strip(), 0
    hidden, found = redact.text(text, MAX_DESCRIPTION_CHARACTERS)
    return one_line(hidden), found


def one_line(text: str) -> str:
    """The text with its newlines as spaces, without white space at its ends. A printable one has no newlines."""
    return text.strip() if text.isprintable() else " ".join(text.splitlines()).strip()


def cut(text: str, most: int) -> str:
    """The text, cut to `most` characters with `…` as the last where it is longer."""
    return text if len(text) <= most else text[: most - 1] + "…"


def metadata(values: dict[str, Any]) -> tuple[str, int]:
    """A JSON object without secrets, of at most MAX_METADATA_BYTES; and how many secrets there were."""
    hidden, found = redact.values(values, MAX_METADATA_BYTES)
    encoded = _json.encode(hidden)
    if len(encoded) > MAX_METADATA_BYTES:
        return _truncated(hidden, len(_json.encode(values))), found
    return encoded.decode(), found


def _truncated(values: dict[str, Any], original_size: int) -> str:
    """A JSON object within the limit that says so: its smallest members whole, and as much of the next as has room."""
    kept: dict[str, Any] = {"_truncated": True, "_original_size": original_size}
    room = MAX_METADATA_BYTES - len(_json.encode(kept))
    for size, key in sorted((len(_json.encode({key: value})), key) for key, value in values.items() if key not in kept):
        if size > room:
            value = values[key]
            # A character takes six bytes at most as JSON.
            fits = (room - len(_json.encode({key: "…"}))) // 6
            if isinstance(value, str) and fits > 0:
                kept[key] = cut(value, fits)
            break
        kept[key] = values[key]
        room -= size
    return _json.encode(kept).decode()
