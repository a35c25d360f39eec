"""JSON and YAML. Pure."""

import functools
import json
from typing import Any

from kube9_cli.render.escape import in_json, in_yaml, whole_characters
from kube9_schema.plain import is_plain

_json = json.JSONEncoder(ensure_ascii=False, allow_nan=False)
"""Made once: json.dumps makes one each time where it is not asked for its defaults."""


def as_json(value: Any) -> str:
    """JSON on one line, what is not plain escaped. Raises ValueError for a number that JSON does not have."""
    return in_json(_json.encode(value))


def as_yaml(value: Any) -> str:
    """YAML in the order of the keys; what is not plain is escaped."""
    import yaml  # only where it is needed: 10 ms

    return in_yaml(yaml.dump(value, Dumper=_dumper(), sort_keys=False, allow_unicode=True, width=10**9))


@functools.cache
def _dumper() -> Any:
    """Puts a string that is not plain into double quotes: only there YAML has escapes."""
    import yaml

    class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
        """Has representers of its own."""

    def string(dumper: Any, text: str) -> Any:
        style = None if is_plain(text) else '"'
        return dumper.represent_scalar("tag:yaml.org,2002:str", whole_characters(text), style=style)

    Dumper.add_representer(str, string)
    return Dumper
