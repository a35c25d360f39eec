"""One rule of redaction: what it is called, what it finds and what of it is replaced."""

import re

import msgspec

TAKES = ("group", "value", "userinfo", "base64", "header", "element")
"""What is replaced: group 1 of the match; or what begins where the match ends, as `secret_values` reads it."""


class Rule(msgspec.Struct, frozen=True):
    """A kind of secret. `pattern` is RE2 syntax over bytes; macros in `{{}}` are replaced by `expand`."""

    id: str
    family: str
    pattern: str
    take: str = "group"
    needs: str = "any"
    """The check of `checks.CHECKS` that the value has to pass."""
    sign: str = ""
    """Where `pattern` would make the automaton of all rules large: a looser one that finds wherever it does."""
    wraps: bool = False
    """Whether a line break or a space may lie within it, as where its writer wrapped lines."""


_INDEX = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/"


def _text_of(*bits: int) -> str:
    """The characters of base64 whose value has none of these bits: where a byte of ASCII has its zero."""
    return "[" + "".join(each for value, each in enumerate(_INDEX) if not any(value & bit for bit in bits)) + "]"


MACROS = {
    # A token begins here: not within a word. `\n` and `%3D` are escapes, not words.
    "BEGIN": r"(?:^|[^A-Za-z0-9]|\\[nrt]|%[0-9A-Fa-f]{2})",
    # The same for a word of a key, which may follow digits and underscores.
    "WORD": r"(?:^|[^A-Za-z]|\\[nrt])",
    "END": r"(?:$|[^A-Za-z0-9])",
    # Closes the quotes around a key, as often as they are escaped.
    "CLOSE": r"(?:\\{0,16}[\"'`]|&quot;|&#3[49];)?\]?",
    "QUOTE": r"(?:\\{0,16}[\"'`]|&quot;|&#3[49];)",
    "EQ": r"[ \t]{0,8}(?::=|[=-]>|={1,3}|!=|\\u003[dD]|%3[dD])[ \t]{0,8}",
    "COLON": r"[ \t]{0,8}:[ \t]{0,8}",
    "IS": r"[ \t](?:is|was|ist|est|es)[ \t:]{1,2}",
    # Base64 of ASCII: groups of four of which the first three show that the highest bit of each byte is 0.
    "ASCII64": f"(?:{_text_of(32)}{_text_of(8)}{_text_of(2)}[A-Za-z0-9+/])",
    # Words of keys. What may follow them in a key: password2, passwordHash.
    "PASS": "(?:passwor[dt]|passwd|passw|passphrase|passcode|keypass|storepass|requirepass|masterauth|"
    "(?:bind|root|admin|user|db)pw|pwd|psk|pre[_-]?shared|kennwort|"
    "contraseñ?n?a|clave|"
    "mot[_ -]?de[_ -]?passe|senha|wachtwoord|parola|пароль|密码|密碼|パスワード)",
    "TAIL": "s?(?:[_.-]?(?:hash|id|value|new|old|plain|text|encrypted|raw|base64|b64|data)|[0-9]{1,2})?",
    "TOKEN": "(?:token|secret|credential|cred|jwt|crumb|erlang[_.-]?cookie|"
    "(?:secret|access)[_-]?(?:key[_-]?)?id|access[_-]?key[_-]?secret)",
    "KEY": "(?:api|access|secret|private|account|shared|encryption|encrypt|cipher|crypto|signing|signature|sign|master|storage|"
    "auth|license|licence|subscription|client|app|application|consumer|session|service|deploy|deployment|webhook|hmac|ssh|"
    "tls|ssl|pgp|gpg|integration|ingest|ingestion|instrumentation|write|admin|root|functions?|host|user|ts|rest|wif|seed|"
    r"aes|rsa|ecdsa|jwt|cookie|csrf|fernet|vault|unseal|recovery|datadog|dd)[_. -]?key",
}


def expand(pattern: str) -> bytes:
    """The expression with its macros replaced, as bytes of UTF-8."""
    for name, meaning in MACROS.items():
        pattern = pattern.replace("{{" + name + "}}", meaning)
    return pattern.encode()


_CONTEXT = re.compile(r"\{\{(?:BEGIN|WORD)\}\}(?!\(\))")
_AT_MOST = re.compile(r"\{([01]),(?:[89]|[1-9][0-9]+)\}\??")
_AT_LEAST = re.compile(r"\{(?:9|[1-9][0-9]+),\}")


def sign(rule: Rule) -> bytes:
    """A simpler expression that finds wherever the rule's does, and seldom more: what stands before a token is left out, and
    long open counts are shortened. So the automaton of all rules has few states: 12 KB of random base64 take 125 ms, with the
    patterns themselves 420 ms.
    """
    pattern = expand(_CONTEXT.sub("", rule.sign or rule.pattern)).decode()
    pattern = _AT_MOST.sub(lambda found: "*" if found[1] == "0" else "+", pattern)
    return _AT_LEAST.sub("{8,}", pattern).encode()
