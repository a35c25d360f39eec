"""Takes secrets out of what is stored or logged. What is one is said by the rules of `token_rules` and `key_rules`.

Names of objects are not its business: who calls it leaves them out.
"""

import re
from typing import Any

from kube9_operator.text import engine

REDACTED = engine.MARK.decode()

SECRET_WORDS = (
    *("password", "passwd", "passphrase", "token", "secret", "credential", "authorization", "signature"),
    *("key", "sig", "pwd", "pass"),
)
"""What keys of metadata look like whose values are secret; without _ - and full stops, in lower case."""
HARMLESS_WORDS = ("passing", "passed")
"""They are in names of numbers of checks, and are no passwords."""

MAX_LOOKED_AT = 8_192
"""Characters of a text that are looked at, or half as many again as are kept; what is after them is not kept."""
MARGIN = 256
"""Characters at the end of what is looked at that are not kept: a secret may be cut there."""
MAX_PASSES = 4

_matches = engine.matching

_ODD = re.compile(
    "[\u00a0\u00ad\u034f\u061c\u115f\u1160\u17b4\u17b5\u180b-\u180f\u2000-\u200f\u2018-\u201f\u2028-\u202f\u205f-\u206f"
    "\u3000\u3164\ufe00-\ufe0f\ufeff\uff01-\uff5e\uffa0\U000e0000-\U000e007f]"
)


def text(value: str, most: int) -> tuple[str, int]:
    """The text with its secrets replaced, and how many there were.

    Only the first `most` characters of the answer count: of a long text what is after them may be left out, so that a megabyte
    costs no more than what is kept of it. The answer is longer than `most`, or ends in `…`, where there is more.
    """
    if len(value) <= MAX_LOOKED_AT and value.isascii() and not _matches(value.encode()):
        return value, 0  # nearly all
    limit = max(MAX_LOOKED_AT, most + most // 2)
    if len(value) > limit:
        hidden, found = _hidden(value[:limit])
        if len(hidden) <= most + MARGIN:
            hidden = hidden[: max(0, len(hidden) - MARGIN)] + "…"
        return hidden, found
    return _hidden(value)


def _hidden(value: str) -> tuple[str, int]:
    found = 0
    for _ in range(MAX_PASSES):
        data, origin = _plain(value)
        try:
            spans = engine.find(data)
        except engine.TooMany:
            return REDACTED, found + 1
        if not spans:
            return value, found
        found += len(spans)
        whole = value.encode("utf-8", "surrogatepass") if origin else data
        pieces: list[bytes] = []
        copied = 0
        for begin, end in spans:
            begin, end = (origin[begin], origin[end]) if origin else (begin, end)
            pieces += (whole[copied:begin], engine.MARK)
            copied = end
        value = b"".join((*pieces, whole[copied:])).decode("utf-8", "replace")
    return REDACTED, found + 1


def _plain(value: str) -> tuple[bytes, list[int] | None]:
    """The text as bytes without signs that nobody sees and with full-width ones as ASCII; and where each byte was before."""
    if value.isascii() or not _ODD.search(value):
        return value.encode("utf-8", "surrogatepass"), None
    plain, at = bytearray(), 0
    origin: list[int] = []
    for each in value:
        size = len(each.encode("utf-8", "surrogatepass"))
        made = _meant(each).encode("utf-8", "surrogatepass")
        plain += made
        origin += [at] * len(made) if len(made) != size else range(at, at + size)
        at += size
    origin.append(at)
    return bytes(plain), origin


def _meant(sign: str) -> str:
    if not _ODD.match(sign):
        return sign
    code = ord(sign)
    if 0xFF01 <= code <= 0xFF5E:
        return chr(code - 0xFEE0)
    if code in (0x2018, 0x2019, 0x201A, 0x201B):
        return "'"
    if code in (0x201C, 0x201D, 0x201E, 0x201F):
        return '"'
    if code == 0xA0 or 0x2000 <= code <= 0x200A or code in (0x202F, 0x205F, 0x3000):
        return " "
    return "\n" if code in (0x2028, 0x2029) else ""


def values(value: Any, most: int) -> tuple[Any, int]:
    """A JSON value with the secrets of all its texts replaced, and whatever stands under a key that looks like one.

    `most` is as for `text`, for each text in it.
    """
    if isinstance(value, str):
        return text(value, most)
    if isinstance(value, dict):
        made, found = {}, 0
        for key, inner in value.items():
            if looks_secret(key):
                made[key], number = REDACTED, int(inner != REDACTED)
            else:
                made[key], number = values(inner, most)
            found += number
        return made, found
    if isinstance(value, list | tuple):
        pairs = [values(inner, most) for inner in value]
        return [one for one, _ in pairs], sum(number for _, number in pairs)
    return value, 0


def looks_secret(key: str) -> bool:
    """Whether what stands under this key is a secret by its name: dbPassword, API-KEY, client_secret."""
    plain = key.lower().replace("_", "").replace("-", "").replace(".", "")
    for word in HARMLESS_WORDS:
        plain = plain.replace(word, " ")
    return any(word in plain for word in SECRET_WORDS)


def suspicious(head: str) -> bool:
    """Whether a text, or several one after the other, may hold a secret."""
    return engine.matching(_plain(head)[0]) is not None
