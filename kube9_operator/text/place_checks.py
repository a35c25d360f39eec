"""Checks of what stands in command lines, headers, URLs and encodings: by the value and by what is around it."""

import base64
import binascii
import re

from kube9_operator.text.candidate import Candidate, is_name, is_path, placeholder, signs
from kube9_operator.text.value_checks import SENTENCE, any_value, coded, opaque, opaque20

_LOGINS = re.compile(
    rb"\b(?:mysql\w*|mariadb[\w-]*|mongo\w*|sshpass|docker|podman|buildah|skopeo|nerdctl|crane|helm|oras|redis-\w+|ldap\w+|plink|pscp|"
    rb"htpasswd|smbclient|sqlcmd|bcp|cqlsh|rabbitmq\w*|influx\w*|clickhouse\w*|pg_\w+|psql|login|mc|vault|zip|unzip|7z\w?|isql|openssl|"
    rb"keytool|kinit|nodetool|kafka\S*|ipmitool|net|az|cf|oc|ftp|lftp|amqp\S*|mqtt\S*|mosquitto\w*|curl|wget|xtrabackup|mydumper|"
    rb"percona\S*|snmp\w*|gpg|ansible\S*)\b"
)
_ATTACHED = re.compile(rb"\b(?:mysql|mariadb|mydumper|xtrabackup|sshpass|7z|zip|plink|percona)")
_USER_FLAG = re.compile(rb"(?:^|\s)(?:-u|--user(?:name)?)[ =]?\S")
_HTTP = re.compile(rb"\b(?:curl|wget|https?)\b")
_METAVAR = re.compile(rb"[A-Z][A-Z0-9_-]*$|[A-Z][a-z]+$|[\[(<{$]")
_MEANS_KEY = re.compile(rb"(?:key|token|secret)s?[ \t\"',=]*$")
_STDIN = re.compile(rb"[\"']?\s*\|\s*\S[^|]{0,64}(?:--password-stdin|--stdin|-S\b|passwd)")
_NO_HOST = re.compile(rb"sha(?:1|256|384|512):|[0-9]+(?:\.[0-9]+){0,2}(?:[^0-9.]|$)|v[0-9]")
_USER = re.compile(rb"[A-Za-z0-9_.%$+~-]*$")
_MAIL = (b"mailto", b"email", b"from", b"to", b"cc", b"by", b"author", b"sip", b"xmpp", b"acct", b"mail", b"contact", b"npm")
_SCHEMES = frozenset(
    b"bearer basic token digest negotiate apikey bot aws4-hmac-sha256 ntlm hawk key signature jwt oauth".split()
)


def flag(one: Candidate) -> bool:
    """After `--password `: no further flag, no word of a sentence, no placeholder of a usage."""
    word = one.word
    if one.raw.startswith(b"-") or not any_value(one) or len(word) < 3:
        return False
    if not one.quoted and (word.lower() in SENTENCE or is_path(word) or _METAVAR.match(word)):
        return False
    if _MEANS_KEY.search(one.head) and b"password" not in one.head:
        return signs(word).digit or len(word) >= 20
    return True


def short_flag(one: Candidate) -> bool:
    """`-p SECRET` of a program that logs in somewhere."""
    if not coded(one) or (not one.quoted and (b":" in one.word or b"/" in one.word)):
        return False
    return bool(_LOGINS.search(one.before) or _USER_FLAG.search(one.before + one.after[:64]))


def attached_flag(one: Candidate) -> bool:
    """`-pSECRET`, which the programs of MySQL take."""
    return bool(_ATTACHED.search(one.before)) and coded(one)


def user_flag(one: Candidate) -> bool:
    """`-u user:password`; what follows the colon counts."""
    user, _, word = one.word.partition(b":")
    if not word or not user or user.isdigit() or word.startswith(b"/") or placeholder(word):
        return False
    has = signs(word)
    around = one.data[max(0, one.at - 256) : one.end + 128]
    return bool(_HTTP.search(around)) or ((has.digit or has.other) and not word.isdigit())


def sqlplus(one: Candidate) -> bool:
    """user/password of Oracle's programs."""
    return coded(one) and b"." not in one.raw.partition(b"@")[0]


def chpasswd(one: Candidate) -> bool:
    """`echo user:password | chpasswd`."""
    return b"chpasswd" in one.after[:32]


def stdin(one: Candidate) -> bool:
    """`echo password | docker login --password-stdin`."""
    return any_value(one) and _STDIN.match(one.after) is not None


def authorization(one: Candidate) -> bool:
    """The value of the header: a scheme and credentials, or what is no word."""
    scheme, space, rest = one.raw.partition(b" ")
    if b"[REDACTED]" in one.raw[:40]:
        return False
    if space and scheme.lower() in _SCHEMES:
        return bool(rest.strip()) and not placeholder(rest)
    word = scheme.rstrip(b".,:;!?)]}\"'")
    return (len(word) >= 16 and not placeholder(word)) or (signs(word).digit and len(word) >= 6)


def bearer(one: Candidate) -> bool:
    """What follows a scheme: digits or length, for sentences go on after `bearer` too."""
    word, has = one.word, signs(one.word)
    parameter = b"=" in word[:16] and not word.endswith(b"=")
    if parameter or b":" in word or not any_value(one) or is_path(word):
        return False
    if re.search(rb"bearer|negotiate|ntlm", one.head):
        return ((has.digit and len(word) >= 8) or len(word) >= 20) and not (b"-" in word and is_name(word) and len(word) < 20)
    return opaque20(one) or (len(word) >= 32 and has.digit and has.lower and not has.other)


def user_password(one: Candidate) -> bool:
    """Base64 of user:password."""
    plain = decode(one.raw)
    login = b":" in plain and len(plain) >= 3 and all(32 <= each < 127 for each in plain)
    return login or (one.raw.endswith(b"=") and len(plain) >= 6 and b"auth" not in plain and signs(one.raw).upper)


def cookie(one: Candidate) -> bool:
    """name=value of a header, or something opaque."""
    named = b"=" in one.raw and len(one.raw) >= 8 and not one.raw.lstrip().startswith(b"[REDACTED]")
    return named or opaque(one)


def digest(one: Candidate) -> bool:
    """The answer of digest authentication."""
    return re.match(rb"[0-9a-fA-F]{32,}$", one.raw) is not None and b"nonce" in one.before + one.after


def dsn_password(one: Candidate) -> bool:
    """user:password@host without a scheme: no digest of an image, no version of a package, no address of mail."""
    word, has, host = one.raw, signs(one.raw), one.after[1:]
    user = _USER.search(one.data, one.at, one.begin - 1)
    if _NO_HOST.match(host) or word.isdigit() or not any_value(one) or (user and user.group().lower() in _MAIL):
        return False
    return has.digit or (has.other and len(word) >= 5) or host.startswith((b"tcp(", b"unix(", b"(", b"//"))


def kubeadm(one: Candidate) -> bool:
    """A bootstrap token; without digits it is a host."""
    return sum(48 <= each <= 57 for each in one.raw[7:23]) >= 3


def aws_wrapped(one: Candidate) -> bool:
    """A key id that is whole once its white space is gone."""
    plain = b"".join(one.raw.split())
    return len(plain) == 20 and (not plain.isalpha() or b"\n" in one.raw)


def decode(text: bytes) -> bytes:
    """Base64 of either alphabet, without its padding too, cut to whole bytes; empty where it is none."""
    text = text.rstrip(b"=").translate(bytes.maketrans(b"-_", b"+/"))
    text = text[: len(text) - (len(text) % 4 == 1)]
    try:
        return base64.b64decode(text + b"=" * (-len(text) % 4), validate=True)
    except binascii.Error:
        return b""
