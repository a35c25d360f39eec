"""Takes secrets out of what is stored or logged. Linear in time whatever the text: it looks for literal marks, and
`secret_shapes` says what is secret there. Object names are not its business: who calls it leaves them out.
"""

from typing import Any

from kube9_operator.secret_shapes import MARK, SHAPES

REDACTED = "[REDACTED]"

SECRET_WORDS = (
    *("password", "passwd", "passphrase", "token", "secret", "credential", "authorization", "signature"),
    *("key", "sig", "pwd", "pass"),
)
"""What keys of metadata look like whose values are secret; without _ - and full stops, in lower case."""


def text(value: str, most: int) -> tuple[str, int]:
    """The text with its secrets replaced, and how many there were.

    Only the first `most` characters of the answer count: what is after them may be left out, so that a megabyte costs no more
    than what is kept of it. The answer is longer than `most` where there is more.
    """
    head = value if len(value) <= most + SLACK else value[: most + SLACK]
    if not suspicious(head):
        return head, 0
    return _replace(value.encode("utf-8", "surrogatepass"), MAX_BYTES_OF_CHARACTER * (most + 1))


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
    return any(word in plain for word in SECRET_WORDS)


def suspicious(head: str) -> bool:
    """Whether a text, or several one after the other, may hold a secret: 2 us for what mostly does not."""
    lower = head.lower()
    for mark in _MARKS:  # twice as fast as any() with a generator
        if mark in lower:
            return True
    if "://" in lower and _has_user(lower):
        return True
    return any(sign in lower and any(word in lower for word in words) for sign, words in _SIGNS.items())


def _has_user(lower: str) -> bool:
    """Whether a URL in it may name a user; without @ the last one may be cut."""
    last = lower.rpartition("://")[2]
    return "@" in lower or (":" in last and " " not in last and '"' not in last)


SLACK = 64
"""Characters: longer than every mark, so that one across the cut is seen."""
MAX_BYTES_OF_CHARACTER = 4

# What is looked for first, in lower case: each search is some 50 ns on a message of usual length.
_MARKS = ("eyj", "bearer", "basic ", "akia", "asia", "aiza", "ltai", "glpat-", "xox", "xapp-", "hvs.", "ya29.")
_WITH_UNDERSCORE = ("ghp_", "gho_", "ghs_", "ghu_", "ghr_", "github_pat_", "_live_", "npm_", "dckr_pat_", "_v1_")
_KEYS = (
    *("password", "passwd", "passphrase", "token", "secret", "credential", "authorization", "signature"),
    *("key", "sig", "pwd", "pass"),
)
_SIGNS = {
    "--": ("-----begin", "--pass", "--token", "--secret"),
    "_": _WITH_UNDERSCORE,
    "=": _KEYS,
    '":': _KEYS,
    "':": _KEYS,
    ":": ("password:", "passwd:", "passphrase:", "token:", "authorization:"),
}
"""Of a sign what makes it worth a look."""


def _replace(data: bytes, most_bytes: int) -> tuple[str, int]:
    """What `text` does, until the answer has so many bytes. Bytes, since their lower case is as long as they are."""
    lower = data.lower()
    hidden = REDACTED.encode()
    pieces: list[bytes] = []
    size = copied = at = found = 0
    while size + at - copied < most_bytes:
        mark = MARK.search(lower, at, at + most_bytes + SLACK)
        if mark is None:
            break
        begin, end = SHAPES[mark.group()](data, lower, mark.start(), mark.end())
        if begin < end and not data.startswith(hidden, begin):
            pieces += (data[copied:begin], hidden)
            size += begin - copied + len(hidden)
            copied = end
            found += 1
        at = max(end, mark.end())
    pieces.append(data[copied : copied + max(0, most_bytes - size) + SLACK])
    return b"".join(pieces).decode("utf-8", "replace"), found
