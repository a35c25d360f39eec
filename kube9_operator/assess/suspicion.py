"""Decides whether a key and its value look like a secret. Pure. Nothing here keeps a value."""

import base64
import binascii

WORDS = (
    "password",
    "passwd",
    "token",
    "secret",
    "api_key",
    "apikey",
    "auth",
    "credentials",
    "private_key",
    "privatekey",
)
"""A key with one of these, in any case, names a secret."""
PLACEHOLDERS = frozenset(
    {
        "",
        "changeme",
        "change_me",
        "change-me",
        "placeholder",
        "xxx",
        "yyy",
        "secret",
        "<secret>",
        "your-secret-here",
        "your_password_here",
        "replace-me",
        "replace_me",
        "tbd",
        "todo",
        "none",
        "null",
        "test",
        "dummy",
        "sample",
        "example",
        "default",
    }
)
"""Values that stand for a secret."""
SWITCHES = frozenset({"true", "false"})
"""Values of keys such as AUTH_ENABLED."""
MIN_CONFIG_MAP_CHARACTERS = 4
MIN_VARIABLE_CHARACTERS = 8


def in_config_map(key: str, value: str) -> bool:
    """Returns whether an entry of a ConfigMap looks like a secret."""
    return _suspicious(key, value, MIN_CONFIG_MAP_CHARACTERS)


def in_binary_data(key: str, value: str) -> bool:
    """Returns whether an entry of a ConfigMap's binaryData, in base64, looks like a secret."""
    try:
        text = base64.b64decode(value).decode("utf-8", "replace")
    except (binascii.Error, ValueError):
        return False
    return _suspicious(key, text, MIN_CONFIG_MAP_CHARACTERS)


def in_variable(name: str, value: str) -> bool:
    """Returns whether an environment variable's literal value looks like a secret. `$(OTHER)` refers to another variable."""
    reference = value.startswith("$(") and value.endswith(")")
    return not reference and _suspicious(name, value, MIN_VARIABLE_CHARACTERS)


def _suspicious(key: str, value: str, least: int) -> bool:
    lower = key.lower()
    plain = value.strip().lower()
    return len(value) >= least and any(word in lower for word in WORDS) and plain not in PLACEHOLDERS | SWITCHES
