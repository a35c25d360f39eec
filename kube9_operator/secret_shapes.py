"""How secrets look in texts: the marks by which they are found, and for each where the secret begins and ends.

A shape may run over as much as it hides or skips; what it leaves for others to look at again it has looked at no further than
a fixed number of bytes. So the whole is linear, and no expression goes back.
"""

import base64
import binascii
import re
from collections.abc import Callable

Span = tuple[int, int]
"""From where to where a secret is; where nothing is, both are where to look on."""

SCHEMES = frozenset((b"bearer", b"basic", b"token", b"digest", b"negotiate", b"apikey"))
ORDINARY = frozenset(
    b"bearer token tokens auth authentication authorization authenticator realm credential credentials scheme challenge error "
    b"header headers is was not for from in and or with has of to by the an required missing invalid expired format".split()
)
"""Words that follow "bearer" in messages without a secret."""
SECRET_ENDS = (
    *(
        b"password",
        b"passwd",
        b"passphrase",
        b"token",
        b"secret",
        b"credential",
        b"credentials",
        b"authorization",
        b"signature",
    ),
    *(b"apikey", b"accesskey", b"secretkey", b"privatekey", b"accountkey", b"sharedkey", b"encryptionkey"),
)
"""How keys of secrets end in texts, without _ - and full stops. Not in s: a quota of secrets=1 is no secret."""
SECRET_KEYS = frozenset((b"sig", b"pwd", b"pass"))

BOUND = 64
"""Bytes that a shape looks at before it has decided."""
MAX_URL_BYTES = 2_048
MAX_INNER_QUOTES = 64
MAX_ESCAPES = 16

_KEY_BYTES = b"ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789_.-"
_NOT_TOKEN = re.compile(rb"[^A-Za-z0-9+/_=.~%-]")
_NOT_WORD = re.compile(rb"[^A-Za-z0-9_-]")
_NOT_UPPER = re.compile(rb"[^A-Z0-9]")
_NOT_KEY = re.compile(rb"[^A-Za-z0-9_.-]")
_NOT_SPACE = re.compile(rb"[^ \t\r\n]")
_NOT_BETWEEN = re.compile(rb"[^ \t\r\n:=\"'\\+]")
_HOST_END = re.compile(rb"[/?#\s\"'<>\\`]")
_URL_END = re.compile(rb"[\s\"'<>\\`]")
_VALUE_END = re.compile(rb"[\s\"'&;)\]}>\\`]")

PREFIXES: dict[bytes, tuple[re.Pattern[bytes], int]] = {
    b"AKIA": (_NOT_UPPER, 20),
    b"ASIA": (_NOT_UPPER, 20),
    b"LTAI": (_NOT_WORD, 16),
    b"AIza": (_NOT_WORD, 30),
    b"glpat-": (_NOT_WORD, 20),
    b"xapp-": (_NOT_WORD, 16),
    b"hvs.": (_NOT_TOKEN, 20),
    b"ya29.": (_NOT_TOKEN, 20),
    b"npm_": (_NOT_WORD, 30),
    **{b"xox" + kind + b"-": (_NOT_WORD, 16) for kind in (b"a", b"b", b"e", b"o", b"p", b"r", b"s")},
    **{b"gh" + kind + b"_": (_NOT_WORD, 20) for kind in (b"p", b"o", b"s", b"u", b"r")},
    **dict.fromkeys((b"github_pat_", b"sk_live_", b"rk_live_", b"dckr_pat_", b"doo_v1_", b"dop_v1_"), (_NOT_WORD, 20)),
}
"""How keys and tokens of clouds and services begin, the end of what they are made of, and how long they are at least."""


def _jwt(data: bytes, _lower: bytes, at: int, mark_end: int) -> Span:
    """Base64 of JSON begins with eyJ: tokens, and what is in Secrets; names of objects have no capitals."""
    if not data.startswith(b"eyJ", at):
        return mark_end, mark_end
    end = _end(_NOT_TOKEN, data, at)
    trimmed = _trimmed(data, at, end)
    secret = trimmed - at >= 12 and (_begins_word(data, at) or data.find(b".eyJ", at, end) >= 0)
    return (at, trimmed) if secret else (end, end)


def _url(data: bytes, _lower: bytes, _at: int, mark_end: int) -> Span:
    """user:password before the host. A password may hold @/?# by mistake, and what a source has cut may have no host."""
    limit = min(len(data), mark_end + MAX_URL_BYTES)
    host_end = _end(_HOST_END, data, mark_end, limit)
    authority = data[mark_end:host_end]
    user, has_user, _ = authority.rpartition(b"@")
    _, has_port, port = authority.rpartition(b":")
    if b":" in user:
        found = True
    elif has_user:
        return (mark_end, mark_end + len(user)) if len(user) >= 20 else (mark_end, mark_end)
    elif has_port and port and not port.isdigit() and not authority.startswith(b"["):
        found = False
    else:
        return mark_end, mark_end
    end = _end(_URL_END, data, host_end, limit)
    at = data.rfind(b"@", host_end, end)
    if at >= 0 and not data.startswith(b"sha", at + 1):  # of an image's digest
        return mark_end, at
    if found:
        return mark_end, mark_end + len(user)
    return (mark_end, host_end) if end == len(data) else (mark_end, mark_end)


def _bearer(data: bytes, lower: bytes, at: int, mark_end: int) -> Span:
    begin = _end(_NOT_BETWEEN, data, mark_end, mark_end + BOUND)
    word = lower[begin : _end(_VALUE_END, data, begin, begin + BOUND)].rstrip(b".,:;!?")
    if begin == mark_end or len(word) < 4 or word in ORDINARY or word.startswith(b"realm=") or not _begins_word(data, at):
        return mark_end, mark_end
    return begin, _trimmed(data, begin, _end(_VALUE_END, data, begin))


def _basic(data: bytes, _lower: bytes, _at: int, mark_end: int) -> Span:
    """Base64 of user:password. The next mark of this kind is behind the run, so that each run is run over once."""
    end = _end(_NOT_TOKEN, data, mark_end)
    word = data[mark_end : min(end, mark_end + 4 * BOUND)]
    try:
        plain = base64.b64decode(word[: len(word) // 4 * 4])
    except binascii.Error:
        plain = b""
    secret = word.endswith(b"=") or (b":" in plain and plain.isascii())
    return (mark_end, end) if len(word) >= 8 and secret else (mark_end, mark_end)


def _authorization(data: bytes, lower: bytes, _at: int, mark_end: int) -> Span:
    """The header, with a scheme or without."""
    begin = _end(_NOT_BETWEEN, data, mark_end, mark_end + BOUND)
    between = data[mark_end:begin]
    if b":" not in between and b"=" not in between:
        return mark_end, mark_end
    end = _end(_VALUE_END, data, begin, begin + BOUND)
    word = lower[begin:end]
    if word in SCHEMES:
        begin = _end(_NOT_SPACE, data, end)
        return begin, _end(_VALUE_END, data, begin)
    if len(word) < 16 and not any(48 <= one <= 57 for one in word):
        return mark_end, mark_end
    return begin, _end(_VALUE_END, data, begin)


def _block(data: bytes, lower: bytes, at: int, mark_end: int) -> Span:
    """From BEGIN … PRIVATE KEY to its END, or to the end of a text that was cut. Certificates are public."""
    if lower.find(b"private key", mark_end, mark_end + BOUND) < 0:
        return mark_end, mark_end
    end = lower.find(b"-----end", mark_end)
    closing = data.find(b"-----", end + 8, end + 8 + BOUND) if end >= 0 else -1
    return at, closing + 5 if closing >= 0 else len(data)


def _flag(data: bytes, _lower: bytes, at: int, _mark_end: int) -> Span:
    """--password SECRET; what has a = is found by that."""
    key_end = _end(_NOT_KEY, data, at)
    begin = _end(_NOT_SPACE, data, key_end)
    if begin == key_end or not _is_key(data[at:key_end]) or data.startswith(b"-", begin):
        return key_end, key_end
    return begin, _end(_VALUE_END, data, begin)


def _prefix(data: bytes, _lower: bytes, at: int, mark_end: int) -> Span:
    """Keys and tokens that say what they are by how they begin; one that a source has cut may be shorter."""
    for length in range(3, 12):
        known = PREFIXES.get(data[at : at + length])
        if known:
            end = _end(known[0], data, at + length)
            cut = end == len(data) and end - at >= length + 4
            secret = _begins_word(data, at) and (end - at >= known[1] or cut)
            return (at, end) if secret else (end, end)
    return mark_end, mark_end


def _colon(data: bytes, lower: bytes, _at: int, mark_end: int) -> Span:
    """password: SECRET, where that is no word of a sentence; of a token it must not look like an object's name either."""
    begin = _end(_NOT_SPACE, data, mark_end)
    bound = _end(_VALUE_END, data, begin, begin + BOUND)
    word = data[begin:bound].rstrip(b".,:;!?")
    of_token = lower.endswith(b"token", 0, mark_end - 1)
    secret = len(word) >= 16 and word != lower[begin : begin + len(word)] if of_token else not word.isalpha()
    if len(word) < 4 or not secret:
        return mark_end, mark_end
    return begin, _trimmed(data, begin, _end(_VALUE_END, data, bound))


def _quoted(data: bytes, _lower: bytes, at: int, mark_end: int) -> Span:
    """A JSON member, also one that is itself in a JSON text: "password":"SECRET" and its escaped form."""
    key_end = at - 1 if data.endswith(b"\\", 0, at) else at
    key = _key_before(data, key_end)
    if not data.startswith(data[at : at + 1], key_end - len(key) - 1) or not _is_key(key):
        return mark_end, mark_end
    begin = _end(_NOT_SPACE, data, mark_end)
    if data.startswith((b"{", b"["), begin):
        return mark_end, mark_end
    return _value(data, begin)


def _equals(data: bytes, _lower: bytes, at: int, mark_end: int) -> Span:
    """password=SECRET."""
    return _value(data, mark_end) if _is_key(_key_before(data, at)) else (mark_end, mark_end)


def _value(data: bytes, begin: int) -> Span:
    """The value that begins here: between its quotes, as often as these are escaped, or up to what ends a value."""
    quote = begin
    while quote - begin < MAX_ESCAPES and data.startswith(b"\\", quote):
        quote += 1
    if not data.startswith((b'"', b"'"), quote):
        return begin, _end(_VALUE_END, data, begin)
    escapes, at = quote - begin, quote
    for _ in range(MAX_INNER_QUOTES):
        at = data.find(data[quote : quote + 1], at + 1)
        if at < 0:
            break
        before = at
        while before > quote + 1 and at - before <= escapes and data.startswith(b"\\", before - 1):
            before -= 1
        if at - before <= escapes:
            return quote + 1, before
    return quote + 1, len(data)


def _end(not_in: re.Pattern[bytes], data: bytes, at: int, limit: int | None = None) -> int:
    """Where the run of a class of bytes ends that begins here, at the limit at the latest."""
    limit = len(data) if limit is None else min(limit, len(data))
    found = not_in.search(data, at, limit)
    return found.start() if found else max(at, limit)


def _begins_word(data: bytes, at: int) -> bool:
    return at == 0 or not data[at - 1 : at].isalnum()


def _trimmed(data: bytes, at: int, end: int) -> int:
    """The end of a token without the punctuation of the sentence around it."""
    return at + len(data[at:end].rstrip(b".,:;!?"))


def _key_before(data: bytes, at: int) -> bytes:
    """The key that ends here."""
    before = data[max(0, at - BOUND) : at]
    return before[len(before.rstrip(_KEY_BYTES)) :]


def _is_key(key: bytes) -> bool:
    plain = key.lower().translate(None, b"_-.")
    return plain.endswith(SECRET_ENDS) or plain in SECRET_KEYS


SHAPES: dict[bytes, Callable[[bytes, bytes, int, int], Span]] = {
    b"eyj": _jwt,
    b"://": _url,
    b"bearer": _bearer,
    b"basic ": _basic,
    b"authorization": _authorization,
    b"-----begin": _block,
    **dict.fromkeys((b"--pass", b"--token", b"--secret"), _flag),
    **dict.fromkeys((prefix.lower() for prefix in PREFIXES), _prefix),
    **dict.fromkeys((b"password:", b"passwd:", b"passphrase:", b"token:"), _colon),
    **dict.fromkeys((b'":', b"':"), _quoted),
    b"=": _equals,
}
"""Of each mark, in lower case, its shape: a function of the text, the text in lower case, where the mark begins and ends."""
MARK = re.compile(b"|".join(re.escape(mark) for mark in SHAPES))
"""Any of them. Literals alone, without groups: so the expression knows with which bytes a mark can begin, which is ten times
as fast.
"""
