"""The outline of a JSON value: what remains when deep containers and long strings are left out.

It is read from bytes that are cut anywhere, without recursion, and in memory bounded by the outline. So neither depth nor width
can stop it. It does not validate.
"""

import re

import msgspec

# Possessive quantifiers: the expression need not remember positions in a long string or list.
_STRING = rb'"[^"\\]*+(?:\\.[^"\\]*+)*+"'
_PLAIN = rb'[^"\[\]{}]*+(?:' + _STRING + rb'[^"\[\]{}]*+)*+'
PLAIN = re.compile(_PLAIN, re.DOTALL)
"""Everything before the next bracket, or before an incomplete string."""
BRACKETS = re.compile(_PLAIN + rb"([\[{]++|[\]}]++)", re.DOTALL)
_FLAT = rb"[\[{]" + _PLAIN + rb"[\]}]"
FLAT = re.compile(_PLAIN + rb"(?:" + _FLAT + _PLAIN + rb")*+([\[{]++|[\]}]++)", re.DOTALL)
"""The same, but skips containers that contain no others: most of a large object is such containers."""
INSIDE = re.compile(rb'[^"\\]*+(?:\\.[^"\\]*+)*+', re.DOTALL)
"""Everything in a string before its end, or before a backslash that is the last byte."""
STRING = re.compile(_STRING, re.DOTALL)
SPACE = re.compile(rb"[ \t\r\n]*+")
SCALAR = re.compile(rb"[^,\]}\s]*+")
_text = msgspec.json.Decoder(str)
QUOTE = ord('"')
OPENING = frozenset(b"[{")
MOST_BYTES = 1024 * 1024
"""The longest outline of a value that is too large to be held. Its first levels take a few KB."""


class Outline:
    """The outline of one value. `feed` it the pieces; `ended` says that the value is complete."""

    def __init__(self, levels: int, string_bytes: int = 0, most_bytes: int = 0) -> None:
        """Keeps this many levels of containers; deeper ones become null. A string that is longer than `string_bytes`, or
        invalid, becomes empty. An outline that is longer than `most_bytes` breaks off. 0 is no limit.
        """
        self._levels = levels
        self._string_bytes = string_bytes
        self._most_bytes = most_bytes
        self._out = bytearray()
        self._depth = 0
        self._kept: bytearray | None = None
        """The part so far of a string that has not ended; None outside of a string."""
        self._is_long = False
        self._escaped = False
        self._scalar = False
        self.ended = False

    def json(self) -> bytes:
        """Returns the outline so far."""
        return bytes(self._out)

    def feed(self, data: bytes | bytearray, at: int = 0) -> int:
        """Reads from `at`. Returns where the value ends, or the length of the data if it does not end there."""
        size = len(data)
        while at < size and not self.ended:
            if self._kept is not None:
                at = self._read_string(data, at)
            elif self._scalar:
                end = _end(SCALAR, data, at)
                self._write(data[at:end])
                self.ended = end < size
                at = end
            elif self._depth:
                at = self._read_containers(data, at)
            else:
                at = self._begin(data, at)
        return at

    def _begin(self, data: bytes | bytearray, at: int) -> int:
        at = _end(SPACE, data, at)
        if at == len(data):
            return at
        if data[at] in OPENING:
            return self._read_containers(data, at)
        if data[at] == QUOTE:
            self._kept = bytearray()
            return at + 1
        self._scalar = True
        return at

    def _read_containers(self, data: bytes | bytearray, at: int) -> int:
        """Reads until the value ends, the data end, or an incomplete string begins."""
        depth, levels, copied = self._depth, self._levels, at
        while run := (FLAT.match(data, at) if depth not in (0, levels) else None) or BRACKETS.match(data, at):
            begin, at = run.span(1)
            if data[begin] in OPENING:
                if depth <= levels < depth + at - begin:
                    self._copy(data[copied : begin + levels - depth])
                    self._write(b"null")
                depth += at - begin
                continue
            if depth > levels:
                copied = begin + depth - levels
            if depth <= at - begin:
                self._depth, self.ended = 0, True
                self._copy(data[copied : begin + depth])
                return begin + depth
            depth -= at - begin
        at, self._depth = _end(PLAIN, data, at), depth
        if depth <= levels:
            self._copy(data[copied:at])
        if at < len(data):
            self._kept, self._is_long = bytearray(), depth > levels
            at += 1
        return at

    def _read_string(self, data: bytes | bytearray, at: int) -> int:
        begin = at
        if self._escaped:
            self._escaped = False
            at += 1
        end = _end(INSIDE, data, at)
        self._keep(data[begin:end])
        if end == len(data):
            return end
        if data[end] != QUOTE:  # a backslash that is the last byte
            self._keep(data[end:])
            self._escaped = True
            return len(data)
        if self._depth <= self._levels:
            self._copy(b'"%s"' % (b"" if self._is_long else self._kept))
        self._kept = None
        self.ended = self._depth == 0
        return end + 1

    def _keep(self, piece: bytes | bytearray) -> None:
        assert self._kept is not None, "inside of a string"
        if not self._is_long:
            self._kept += piece
            if self._string_bytes and len(self._kept) > self._string_bytes:
                self._kept, self._is_long = bytearray(), True

    def _copy(self, piece: bytes | bytearray) -> None:
        if self._string_bytes and (len(piece) > self._string_bytes or b"\\" in piece):
            piece = STRING.sub(self._shortened, piece)
        self._write(piece)

    def _shortened(self, string: "re.Match[bytes]") -> bytes:
        text = string.group()
        if len(text) - 2 > self._string_bytes:
            return b'""'
        try:
            _text.decode(text.decode("utf-8", "replace"))
        except msgspec.DecodeError:  # half a surrogate pair
            return b'""'
        return text

    def _write(self, piece: bytes | bytearray) -> None:
        if not self._most_bytes or len(self._out) + len(piece) <= self._most_bytes:
            self._out += piece
        else:
            self._most_bytes = 1  # what follows a missing piece makes no sense


def _end(expression: "re.Pattern[bytes]", data: bytes | bytearray, at: int) -> int:
    """Returns where the match of an expression ends that matches everywhere, even if only the empty string."""
    found = expression.match(data, at)
    assert found is not None, "it matches the empty string"
    return found.end()


def outline(data: bytes | bytearray | memoryview, levels: int, string_bytes: int = 0) -> bytes:
    """Returns the outline of a complete value."""
    made = Outline(levels, string_bytes)
    made.feed(bytes(data))
    return made.json()
