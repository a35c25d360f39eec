"""JSON and YAML. Pure."""

import functools
import json
from typing import Any

from kube9_cli.render.escape import in_json, in_yaml, whole_characters
from kube9_schema.plain import is_plain

NUMERIC = tuple("+-.0123456789")
"""A text that begins so is quoted in YAML: parsers differ in what they take for a number, such as 1e5."""

_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
"""json.dumps would make a new encoder for each call, because these are not its defaults."""


def as_json(value: Any) -> str:
    """JSON on one line, with escapes for characters that are not plain. Raises ValueError for a number that JSON lacks."""
    return in_json(_json.encode(value))


def as_yaml(value: Any) -> str:
    """YAML in the order of the keys, with escapes for characters that are not plain."""
    import yaml  # only where it is needed: 10 ms

    return in_yaml(yaml.dump(value, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=10**9))


@functools.cache
def _dumper() -> Any:
    """A dumper that puts strings which are not plain into double quotes: YAML has escapes only there."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        """Has its own representers."""

    def string(dumper: Any, text: str) -> Any:
        style = None if is_plain(text) else '"'
        if style is None and text[:1] in NUMERIC:
            style = "'"
        return dumper.represent_scalar("tag:yaml.org,2002:str", whole_characters(text), style=style)

    Dumper.add_representer(str, string)
    return Dumper
