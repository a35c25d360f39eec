"""The rules of insights, by name. Each is a pure function over a window of the record."""

from kube9_operator.analyze.model import Rule
from kube9_operator.analyze.rules import change_followed, image_or_registry, node_suspect, recurring_oom

RULES: dict[str, Rule] = {
    change_followed.RULE: change_followed.change_followed_by_failure,
    node_suspect.RULE: node_suspect.node_suspect,
    image_or_registry.RULE: image_or_registry.image_or_registry,
    recurring_oom.RULE: recurring_oom.recurring_oom,
}
"""In the order of docs/insights.md."""
