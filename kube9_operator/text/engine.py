"""Finds secrets by the rules with RE2, whose time grows with the length of the text and nothing else."""

import re
from functools import cache
from typing import Any

import re2

from kube9_operator.text import secret_values as values
from kube9_operator.text.candidate import Candidate
from kube9_operator.text.checks import CHECKS
from kube9_operator.text.key_rules import KEY_RULES
from kube9_operator.text.place_checks import decode
from kube9_operator.text.rule import Rule, expand, sign
from kube9_operator.text.secret_values import Span
from kube9_operator.text.token_rules import TOKEN_RULES

RULES: tuple[Rule, ...] = TOKEN_RULES + KEY_RULES
MARK = b"[REDACTED]"
MAX_CANDIDATES = 512
"""In one text. One with more is made to be slow, and hidden as a whole."""
MAX_CHECKED = 256
"""Bytes of a value that say what it is."""
MAX_READ = 1_024
"""Bytes of a value that are read before it is known to be a secret."""
MAX_DEPTH = 2
"""Of base64 in base64."""
MEMORY_OF_ALL = 4 << 20
MEMORY_OF_ONE = 256 << 10
"""Bytes that the states of an automaton may take in each process; it begins again where they do not suffice."""

_RUN = re.compile(rb"[A-Za-z0-9+/_-]+(?:\r?\n[A-Za-z0-9+/_-]+)*={0,2}")
_LOGIN = re.compile(rb"[A-Za-z0-9_.@$+-]{1,64}:(?=[^\s/]*[0-9])[^\s:/]{5,64}\n?$")
_NEXT = re.compile(rb"(?:\r?\n[ \t]*|[ ])([A-Za-z0-9+/_=.-]{4,})(?![A-Za-z0-9:=(])")


class TooMany(Exception):
    """More candidates than MAX_CANDIDATES."""


def options(memory: int) -> re2.Options:
    """Bytes, since their offsets are those of UTF-8 and their classes are small."""
    made = re2.Options()
    made.encoding = re2.Options.Encoding.LATIN1
    made.max_mem = memory
    made.log_errors = False
    return made


def _signs() -> dict[bytes, list[int]]:
    """Of each sign the indexes of its rules."""
    made: dict[bytes, list[int]] = {}
    for index, rule in enumerate(RULES):
        made.setdefault(sign(rule), []).append(index)
    return made


def _everything() -> re2.Set:
    """The signs of all rules as one automaton: which of them are there, in one pass."""
    made = re2.Set.SearchSet(options(MEMORY_OF_ALL))
    for each in _signs():
        made.Add(each)
    made.Compile()
    return made


_OF_SIGN = list(_signs().values())


@cache
def expression(index: int) -> Any:
    """The expression of a rule, compiled when it is first needed."""
    return re2.compile(expand(RULES[index].pattern), options(MEMORY_OF_ONE))


matching = _everything().Match
"""Which rules match, as a list of their indexes, or None: 1 us for a text of usual length."""


def find(data: bytes, depth: int = 0) -> list[Span]:
    """Where the secrets are: in order, none empty, none within another. Raises TooMany."""
    spans: list[Span] = []
    left = MAX_CANDIDATES
    for hit in matching(data) or ():
        for index in _OF_SIGN[hit]:
            found, used = of_rule(index, data, depth, left)
            spans += found
            left -= used
    return _merged(spans, data) if spans else spans


def of_rule(index: int, data: bytes, depth: int = 0, most: int = MAX_CANDIDATES) -> tuple[list[Span], int]:
    """What one rule finds, and how many candidates it looked at. Raises TooMany where these are more than `most`."""
    rule, pattern = RULES[index], expression(index)
    spans: list[Span] = []
    at = used = 0
    while (match := pattern.search(data, at)) is not None:
        used += 1
        if used > most:
            raise TooMany
        grouped = pattern.groups > 0
        begin, end = match.span(1) if grouped else (match.end(), match.end())
        at = max(match.end(), at + 1)
        begin, end, secret = _judged(rule, data, match.start(), begin, end, depth)
        if secret:
            end = _wrapped(data, end) if rule.wraps else end
            spans.append((begin, end))
            at = max(at, end)
        elif rule.take == "base64":
            at = max(at, end)
        elif grouped and rule.take == "group":
            at = max(begin, match.start() + 1)
    return spans, used


def _judged(rule: Rule, data: bytes, at: int, begin: int, end: int, depth: int) -> tuple[int, int, bool]:
    """What a rule takes of the text, and whether that is a secret. It is read no further than needed to see that it is not."""
    if rule.take == "base64":
        run = _RUN.match(data, begin)
        end = run.end() if run else begin
        return begin, end, depth < MAX_DEPTH and _holds(data[begin:end], depth)
    if rule.take != "group":
        reader, limit = READERS[rule.take], min(len(data), begin + MAX_READ)
        begin, end = reader(data, begin, limit)
        if begin >= end:
            return begin, end, False
        if rule.take == "userinfo":
            return begin, end, _is_login(data, at, begin, end)
        secret = _passes(rule.needs, data, at, begin, end)
        if secret and end >= limit:
            begin, end = reader(data, begin, len(data))
        return begin, end, secret
    return begin, end, begin < end and _passes(rule.needs, data, at, begin, end)


def _passes(check: str, data: bytes, at: int, begin: int, end: int) -> bool:
    return CHECKS[check](Candidate(data, at, begin, min(end, begin + MAX_CHECKED)))


READERS = {"value": values.value, "header": values.header, "element": values.element, "userinfo": values.userinfo}


def _holds(run: bytes, depth: int) -> bool:
    """Whether base64 has a secret in it."""
    plain = decode(b"".join(run.split()))
    printable = sum(32 <= one < 127 or one in b"\t\r\n" for one in plain[:MAX_CHECKED])
    if len(plain) < 8 or printable < 0.9 * min(len(plain), MAX_CHECKED):
        return False
    return _LOGIN.match(plain) is not None or bool(find(plain, depth + 1))


_BROKERS = (b"redis", b"rediss", b"amqp", b"amqps", b"nats", b"mqtt", b"mqtts", b"mongodb", b"valkey")


def _is_login(data: bytes, scheme_end: int, begin: int, end: int) -> bool:
    """A password with or without a user; a user alone where it is a token."""
    user = data[begin:end]
    _, colon, password = user.partition(b":")
    if colon:
        return _passes("any", data, begin, end - len(password), end)
    if b"%3a" in user.lower():
        return True
    scheme = values.scheme_before(data, scheme_end)
    digit = any(48 <= one <= 57 for one in user)
    return (len(user) >= 20 and digit) or (scheme in _BROKERS and digit and len(user) >= 6)


def _wrapped(data: bytes, end: int) -> int:
    """Where a token ends that its writer broke over lines."""
    following = _NEXT.match(data, end)
    if not following:
        return end
    begin, last = following.span(1)
    digits = any(48 <= one <= 57 for one in following.group(1))
    broken = data[end : end + 1] != b" " and digits and last - begin >= 6
    return last if broken or _passes("opaque", data, begin, begin, last) else end


def _merged(spans: list[Span], data: bytes) -> list[Span]:
    """In order, those that touch as one; none cuts through a mark, none is nothing but marks."""
    merged: list[Span] = []
    marks = [found.span() for found in re.finditer(re.escape(MARK), data)] if MARK in data else []
    for begin, end in sorted(spans):
        for first, last in marks:
            if first < end and begin < last:
                begin, end = min(begin, first), max(end, last)
        if not data[begin:end].replace(MARK, b"").strip():
            continue
        if merged and begin <= merged[-1][1]:
            merged[-1] = (merged[-1][0], max(end, merged[-1][1]))
        else:
            merged.append((begin, end))
    return merged
