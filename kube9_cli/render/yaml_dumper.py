"""How YAML is written. Imported only for YAML, because the package yaml takes 10 ms."""

from typing import Any

import yaml

from kube9_cli.render.escape import whole_characters
from kube9_schema.plain import is_plain

NUMERIC = tuple("+-.0123456789")
"""A text that begins so is quoted in YAML: parsers differ in what they take for a number, such as 1e5."""


class Dumper(getattr(yaml, "CSafeDumper", yaml.SafeDumper)):  # type: ignore[misc]
    """Puts strings which are not plain into double quotes: YAML has escapes only there."""


def _string(dumper: Any, text: str) -> Any:
    style = None if is_plain(text) else '"'
    if style is None and text[:1] in NUMERIC:
        style = "'"
    return dumper.represent_scalar("tag:yaml.org,2002:str", whole_characters(text), style=style)


Dumper.add_representer(str, _string)
