"""What a rule found, and what of it says whether it is a secret."""

import re
from typing import NamedTuple

_PLACEHOLDER = re.compile(
    rb"(?:\[REDACTED\])+[.,:;!?]*$|[*xX\xe2\x80\xa2.#_-]+$|\$[A-Z_][A-Z0-9_]*$|\$[({]|\{\{|<[^<>]*>?$|%[({]|%[a-zA-Z0-9]{1,2}$|"
    rb"\(?(?:null|none|nil|true|false|yes|no|on|off|undefined|unset|empty|redacted|masked|hidden|removed|omitted|censored|sanitized|"
    rb"missing|required|invalid|is|not|was|n/a|default|optional|enabled|disabled|string|int|bool|object|bytes|expired|plain|basic|"
    rb"bearer|jwt|oauth2?|changeit_?|file|env|secret|vault|type|valid|unknown|\?\?\?)\)?[.,:;!]*$",
    re.IGNORECASE,
)
_FILES = rb"csv|json|ya?ml|txt|pem|key|crt|cer|conf|go|py|js|ts|java|c|rs|rb|php|sh|html"
_PATH = re.compile(rb"(?:~|\.{0,2})?/[A-Za-z0-9._-]+|file:|[A-Za-z0-9_./-]*\.(?:" + _FILES + rb")(?::\d+)?$")
_NAME = re.compile(rb"[a-z0-9][a-z0-9-]*(?:[./][a-z0-9-]+)*$")
_ALGORITHMS = re.compile(
    rb"(?:sha\d+|md[45]|base64|utf-?8|oauth2?|http2?|ipv[46]|v\d+[a-z0-9.]*|rs256|hs256|es256|aes\d*|x509|k8s|s3|ec2|p12|pkcs\d+|"
    rb"scram\S*|\d+[a-z]{1,2}|argon2\w*|pbkdf2\w*|bcrypt\d*|tls1?\.?\d?|mysql\d?|mongo\d?|\d+-\w+|log4j2?|i18n|l10n|utf16|latin1)$",
    re.IGNORECASE,
)
_KEY_BEFORE = re.compile(rb"[A-Za-z0-9_.-]*$")
_KEY_AFTER = re.compile(rb"[A-Za-z_.-]+")
_PUNCTUATION = b".,:;!?)]}\"'"
NEAR = 256
"""Bytes before and after that are looked at."""


class Signs(NamedTuple):
    """Which kinds of characters a word has."""

    digit: bool
    lower: bool
    upper: bool
    other: bool


class Candidate(NamedTuple):
    """A value in a text: where the rule's match begins, and where the value begins and ends. The value is at most 256 bytes."""

    data: bytes
    at: int
    begin: int
    end: int

    @property
    def raw(self) -> bytes:
        """The value as it stands there."""
        return self.data[self.begin : self.end]

    @property
    def word(self) -> bytes:
        """The value without the punctuation of the sentence around it."""
        return self.raw.rstrip(_PUNCTUATION)

    @property
    def head(self) -> bytes:
        """What the rule matched before the value, in lower case."""
        return self.data[self.at : self.begin].lower()

    @property
    def before(self) -> bytes:
        """What stands before the match."""
        return self.data[max(0, self.at - NEAR) : self.at]

    @property
    def after(self) -> bytes:
        """What stands after the value."""
        return self.data[self.end : self.end + NEAR]

    @property
    def previous(self) -> bytes:
        """The byte before the value."""
        return self.data[self.begin - 1 : self.begin] if self.begin else b""

    @property
    def quoted(self) -> bool:
        """Whether the value stands in quotes."""
        return self.previous in (b'"', b"'", b"`")

    @property
    def key(self) -> bytes:
        """The whole key around the match, in lower case."""
        before = _KEY_BEFORE.search(self.data, max(0, self.at - 64), self.at)
        after = _KEY_AFTER.match(self.data, self.at, self.at + 64)
        return ((before.group() if before else b"") + (after.group() if after else b"")).lower().strip(b".-_")


def signs(word: bytes) -> Signs:
    """Which kinds of characters a word has."""
    letters = bytes(one for one in word if 65 <= one & 0xDF <= 90)
    digits = sum(48 <= one <= 57 for one in word)
    return Signs(digits > 0, letters != letters.upper(), letters != letters.lower(), digits + len(letters) < len(word))


def placeholder(value: bytes) -> bool:
    """Whether a value only stands for a secret: `$(PASSWORD)`, `****`, `<nil>`, `true`."""
    return _PLACEHOLDER.match(value) is not None


def is_path(word: bytes) -> bool:
    """Whether it is the path or the name of a file."""
    return _PATH.match(word) is not None


def is_name(word: bytes) -> bool:
    """Whether it is built as names of Kubernetes are: lower case with `-`, `.` or `/`."""
    return _NAME.match(word) is not None and any(sign in word for sign in (b"-", b".", b"/"))


def is_algorithm(word: bytes) -> bool:
    """Whether it names an algorithm, a version or a size, which mix letters and digits too."""
    return _ALGORITHMS.match(word) is not None
