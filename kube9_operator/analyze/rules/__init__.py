"""The rules of insights, by name. Each is a pure function over a window of the record."""

from kube9_operator.analyze.model import Rule

RULES: dict[str, Rule] = {}
"""In the order of docs/insights.md."""
