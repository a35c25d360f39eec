"""Where a value begins and ends that stands under a name. All functions look at each byte a bounded number of times."""

import re

Span = tuple[int, int]

MAX_INNER_QUOTES = 64
MAX_USERINFO = 1_024
LOOK_AHEAD = 80

_QUOTES = re.compile(rb"\\{0,16}(?:[\"'`]|&quot;|&#3[49];)")
_PREFIX = re.compile(rb"[bruf]{1,2}(?=[\"'])")
_PLAIN = re.compile(rb"[^\s\"'`&;,)\]}>\\<]+")
_STOPS = re.compile(rb"[\"'`&;,)\]}><\\]+")
_PAIR = re.compile(rb"[A-Za-z_][A-Za-z0-9_. $/-]{0,60}[\"'\\]{0,4}(?:=|:[^/])")
_GOES_ON = re.compile(rb"[A-Za-z0-9!@#$%^*+=~?/(._|-]")
_ESCAPE = re.compile(rb"[nrt]|u[0-9a-fA-F]{4}")
_SENTENCE_ENDS = re.compile(rb"[.:/?!-](?![A-Za-z0-9])")
_NEXT_LINE = re.compile(rb"\r?\n[ \t]*([^\s:=,;\"']{2,64})[ \t]*(?=\r?\n|$)")
_END_OF_LINE = re.compile(rb"[\r\n]|\\[nr]")
_SCHEME = re.compile(rb"(?:[A-Za-z0-9+.-]*)$")
_URL_END = re.compile(rb"[\s\"'<>\\`]")
_HOST_END = re.compile(rb"[/?#\s\"'<>\\`,;|(){}\[\]]")
_HOST = re.compile(rb"(?:[A-Za-z0-9_.-]{1,253}|\[[0-9a-fA-F:.]+\])(?::[0-9]{1,5})?(?=[/?#,\s\"'`<>)\\\]}.;:]|$)")


def value(data: bytes, begin: int, limit: int) -> Span:
    """The value that begins here: between its quotes, as often as these are escaped, or up to what ends a value."""
    prefix = _PREFIX.match(data, begin)
    begin = prefix.end() if prefix else begin
    opening = _QUOTES.match(data, begin)
    if opening:
        return _quoted(data, opening.end(), opening.group(), limit)
    if data.startswith(b"{", begin) and b"}" in data[begin : begin + LOOK_AHEAD] and not data.startswith((b"{{", b"{ "), begin):
        closing = data.find(b"}", begin)  # as ODBC quotes
        if b'"' not in data[begin:closing] and b":" not in data[begin:closing]:
            return begin + 1, closing
    return begin, _unquoted(data, begin, limit)


def _quoted(data: bytes, begin: int, quote: bytes, limit: int) -> Span:
    """To the same quotes with as many escapes or fewer; without them to the end."""
    mark = quote.lstrip(b"\\")
    escapes, at = len(quote) - len(mark), begin - 1
    for _ in range(MAX_INNER_QUOTES):
        at = data.find(mark, at + 1, limit)
        if at < 0:
            return begin, limit
        before = at
        while before > begin and at - before <= escapes and data.startswith(b"\\", before - 1):
            before -= 1
        if at - before <= escapes:
            return begin, before
    return begin, limit


def _unquoted(data: bytes, begin: int, limit: int) -> int:
    """To white space, or to a mark after which something else begins. A password may hold `& ; ) ' \\ >`."""
    at = begin
    while True:
        plain = _PLAIN.match(data, at, limit)
        at = plain.end() if plain else at
        stops = _STOPS.match(data, at, limit)
        if not stops:
            break
        if _ends(data, stops.group(), stops.end()):
            break
        at = stops.end()
    if at == begin:
        return at
    wrapped = _NEXT_LINE.match(data, at)
    if wrapped and any(48 <= one <= 57 for one in wrapped.group(1)) and wrapped.end() >= len(data.rstrip()):
        return wrapped.end(1)
    return at


def _ends(data: bytes, mark: bytes, after: int) -> bool:
    """Whether these marks end a value: another key follows, or nothing that a value could go on with."""
    if mark == b"\\" and _ESCAPE.match(data, after):
        rest = after + 1
        return (
            data.startswith(b"u", after)
            or rest >= len(data)
            or bool(_PAIR.match(data, rest))
            or data[rest : rest + 1].isspace()
        )
    if b'\\"' in mark or (b'"' in mark and len(mark) > 1) or mark.startswith((b"</", b"`")) or not _GOES_ON.match(data, after):
        return True
    if mark.endswith(b"<") and data.startswith(b"/", after):
        return True
    closes = mark in (b"]", b"}", b")", b'"', b"'") and _SENTENCE_ENDS.match(data, after) is not None
    return closes or _PAIR.match(data, after) is not None


def header(data: bytes, begin: int, limit: int) -> Span:
    """A header's value: to the quote that stood before its name or value, the end of the line, or of a list of Go."""
    stop = _search(_END_OF_LINE, data, begin, limit)
    for mark in (b'\\"', b'" ', b"' ", b'",', b"',", b'"}', b"']", b'"]', b"'}", b"']", b"] ", b"]]"):
        at = data.find(mark, begin, stop)
        stop = at if at >= 0 else stop
    if data[stop - 1 : stop] in (b'"', b"'") and begin < stop:
        stop -= 1
    return begin, stop


def element(data: bytes, begin: int, limit: int) -> Span:
    """The text of an XML element."""
    end = data.find(b"<", begin, limit)
    return begin, end if end >= 0 else limit


def userinfo(data: bytes, begin: int, _limit: int) -> Span:
    """user:password after `://`. A password may hold `@/?#`, a space or `<` by mistake; what was cut may have no host.

    An empty span where there is none.
    """
    limit = min(len(data), begin + MAX_USERINFO)
    host_end = _search(_HOST_END, data, begin, limit)
    url_end = _search(_URL_END, data, begin, limit)
    authority = data[begin:host_end]
    user, has_user, _ = authority.rpartition(b"@")
    if has_user and b":" in user:
        at = _last_at(data, host_end, url_end)
        return begin, at if at > 0 else begin + len(user)
    if has_user:
        return begin, begin + len(user)
    name, has_port, port = authority.partition(b":")
    if not has_port or port.isdigit() or authority.startswith(b"["):
        return begin, begin
    if not port and data[host_end : host_end + 1] in b"\"'`\\ \n":
        return begin, begin
    at = _last_at(data, host_end, url_end)
    if at > 0:
        return begin, at
    soon = data.find(b"@", url_end, min(url_end + 64, limit))  # a space or `<` in the password
    if port and soon > 0 and b"://" not in data[url_end:soon] and _HOST.match(data, soon + 1):
        return begin, soon
    cut = url_end == len(data) and name and port and b"{" not in authority and b"}" not in authority
    return begin, url_end if cut else begin


def _last_at(data: bytes, begin: int, end: int) -> int:
    """The last @ before a host, which no digest of an image is; -1 without."""
    at = data.rfind(b"@", begin, end)
    return at if at >= 0 and not data.startswith((b"sha256:", b"sha512:"), at + 1) and _HOST.match(data, at + 1) else -1


def _search(mark: re.Pattern[bytes], data: bytes, begin: int, limit: int) -> int:
    found = mark.search(data, begin, limit)
    return found.start() if found else limit


def scheme_before(data: bytes, at: int) -> bytes:
    """The scheme that ends here, in lower case."""
    found = _SCHEME.search(data[max(0, at - 32) : at])
    return found.group().lower() if found else b""
