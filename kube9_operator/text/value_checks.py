"""Checks of values under a name: the less a spelling says that a value follows, the more it has to look like a secret."""

import re

from kube9_operator.text.candidate import Candidate, is_algorithm, is_name, is_path, placeholder, signs

SENTENCE = frozenset(
    b"a an and are as at be but by can cannot can't could did do does during either empty error expected expired "
    b"expires file flag flags for from given got had has have if in instead invalid is it its lookup may mechanism "
    b"method missing must need needs neither no nor not of on only option options or parameter password passwords "
    b"policy provided reset required requires rotation see set should since specified supplied than that the then this "
    b"to too unless unset update usage use used user username using via was were when which while will with without "
    b"would you your auth authentication authorization field argument value wrong hash hashing store manager generator "
    b"length strength change changed check failed failure for: mismatch attempt expiry".split()
)
"""Words that follow the name of a secret in messages."""
_NUMBER = re.compile(rb"\d+(?:\.\d+)?[a-zA-Z]{0,2}(?:/\d*\w+)?$")
_CAMEL = re.compile(rb"(?:[A-Z][a-z]+)+$")
_PLAIN_WORDS = re.compile(rb"[A-Za-z]+['-][a-z]+$|[a-z]+(?:[.:/-][a-z]+)*$")
_FINGERPRINT = (b"SHA256:", b"sha256:", b"sha512:", b"MD5:")
_BARE_KEYS = (b"secret", b"secrets", b"credential", b"credentials", b"cred")
_OF_SENTENCES = (b"token", b"tokens", b"credential", b"credentials")


def any_value(one: Candidate) -> bool:
    """Anything but a placeholder."""
    return bool(one.word or len(one.raw) > 1) and not placeholder(one.raw)


def has_digit(one: Candidate) -> bool:
    """Anything with a digit."""
    return signs(one.raw).digit


def opaque(one: Candidate) -> bool:
    """At least 16 characters with digits, as chance makes them, and neither a path nor the name of an object."""
    word = one.word
    has = signs(word)
    if len(word) < 16 or not has.digit or not any_value(one) or b" " in word or is_path(word) or word.startswith(_FINGERPRINT):
        return False
    if has.lower and has.upper:
        return True
    digits = sum(48 <= each <= 57 for each in word)
    return len(word) >= 20 and (
        (has.upper and digits >= 2) or (digits >= 4 and not re.search(rb"[./]", word) and word.count(b"-") in (0, 4))
    )


def opaque20(one: Candidate) -> bool:
    """The same of 20 characters."""
    return len(one.word) >= 20 and opaque(one)


def coded(one: Candidate) -> bool:
    """A password as people make them: letters and digits."""
    word = one.word
    has = signs(word)
    plain = len(word) >= 5 and has.digit and (has.lower or has.upper) and not is_algorithm(word) and not is_path(word)
    return plain and any_value(one) and b"(" not in word


def bare(one: Candidate) -> bool:
    """After a word and a space: seven characters of a password, and nothing that a name is made of."""
    word = one.word
    return len(word) >= 7 and coded(one) and not (b"-" in word and is_name(word)) and word[:1] not in b"([{<\"'"


def in_quotes(one: Candidate) -> bool:
    """After a word and between quotes: no words and no name of an object."""
    has = signs(one.raw)
    plain = len(one.raw) >= 4 and any_value(one) and (has.digit or has.other) and b" " not in one.raw
    return plain and not (b"-" in one.raw and is_name(one.raw)) and not re.match(rb"[A-Z_]+$", one.raw)


def after_colon(one: Candidate) -> bool:
    """After `password:`, where a sentence may go on."""
    if one.quoted:
        return len(one.raw) >= 3 and any_value(one)
    word, has = one.word, signs(one.word)
    if len(word) < 4 or not any_value(one) or word[:1] in b"([{":
        return False
    if one.previous == b":" and one.after[:1] in (b" ", b"}", b"]") and (b"{" in one.before or b"map[" in one.before):
        return True  # a struct or a map of Go
    sentence = word.lower() in SENTENCE or _PLAIN_WORDS.match(word) or (word.startswith(b"/") and is_path(word))
    return (has.digit or has.other) and not sentence


def in_json(one: Candidate) -> bool:
    """After `"password":`; where JSON has quotes and there are none, a sentence may go on."""
    return any_value(one) if one.quoted or one.raw[:1].isdigit() else after_colon(one)


def token(one: Candidate) -> bool:
    """After `token=`: no number, no path, no name of an object after a bare `secret=`."""
    word, has, key = one.word, signs(one.word), one.key
    if not any_value(one) or is_path(word) or len(word) < 4 or word[:1] in b"([{" or (key.endswith(b"hash") and len(word) < 16):
        return False
    if word.isdigit() or re.match(rb"\d+[a-zA-Z]{0,2}$", word):
        return len(word) >= 8
    if _NUMBER.match(word):
        return False
    if key in _BARE_KEYS:
        name = is_name(word) or (word.islower() and not has.digit and len(word) < 20)
        return not name and (has.digit or (has.upper and has.lower) or len(word) >= 20) and not _CAMEL.match(word)
    if word.isalpha() and (word.isupper() or word.istitle()) and b"_" not in key and not one.quoted:
        return False
    return word.lower() not in SENTENCE


def token_in_json(one: Candidate) -> bool:
    """After `"token":`."""
    return token(one) if one.quoted else token_after_colon(one)


def token_after_colon(one: Candidate) -> bool:
    """After `token:`, where a sentence may go on."""
    word, key = one.word, one.key
    if opaque(one):
        return True
    if len(word) < 8 or not coded(one):
        return False
    if b":" in word:
        return key.startswith(b"cred")
    return not is_name(word) and (key not in _OF_SENTENCES or one.quoted or one.previous == b":")


def key_value(one: Candidate) -> bool:
    """After `apiKey:`."""
    word = one.word
    if word.startswith(_FINGERPRINT):
        return False
    return opaque(one) or (len(word) >= 8 and coded(one) and not is_name(word) and b":" not in word)


def not_number(one: Candidate) -> bool:
    """After `DB_PASS=`; of tests, `pass=12` are those that passed."""
    return any_value(one) and len(one.word) >= 3 and not one.word.isdigit() and not is_path(one.word)


def signature(one: Candidate) -> bool:
    """After `sig=`."""
    return opaque20(one)


def auth(one: Candidate) -> bool:
    """After `REDISCLI_AUTH=` and `"auth":`."""
    return opaque(one) or (len(one.word) >= 6 and coded(one) and b"/" not in one.raw)


def pin(one: Candidate) -> bool:
    """Four to ten digits."""
    return one.word.isdigit() and 4 <= len(one.word) <= 10


def pin6(one: Candidate) -> bool:
    """Six to ten digits: a code of four is one of HTTP."""
    return pin(one) and len(one.word) >= 6


def dsn(one: Candidate) -> bool:
    """A connection string with a user."""
    return b"@" in one.raw and b":" in one.raw and any_value(one)
