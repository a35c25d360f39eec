"""JSON and YAML. Pure."""

from __future__ import annotations

from kube9_cli import json_text
from kube9_cli.render.escape import in_json, in_yaml

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any


def as_json(value: Any) -> str:
    """JSON on one line, with escapes for characters that are not plain. Raises ValueError for a number that JSON lacks."""
    return in_json(json_text.encode(value))


def as_yaml(value: Any) -> str:
    """YAML in the order of the keys, with escapes for characters that are not plain."""
    import yaml  # only where it is needed: 10 ms

    from kube9_cli.render.yaml_dumper import Dumper

    return in_yaml(yaml.dump(value, Dumper=Dumper, sort_keys=False, allow_unicode=True, width=10**9))
