"""The rules of insights, by name. Each is a pure function over a window of the record."""

from kube9_operator.analyze.model import Rule
from kube9_operator.analyze.rules import (
    capacity,
    change_followed,
    claim,
    control_group,
    cronjob,
    flapping,
    image_or_registry,
    latent_change,
    metronome,
    new_reason,
    no_endpoints,
    node_suspect,
    quota,
    recurring_oom,
    seen_before,
    storm,
    stuck,
    tug_of_war,
)

RULES: dict[str, Rule] = {
    change_followed.RULE: change_followed.change_followed_by_failure,
    node_suspect.RULE: node_suspect.node_suspect,
    image_or_registry.RULE: image_or_registry.image_or_registry,
    recurring_oom.RULE: recurring_oom.recurring_oom,
    stuck.RULE: stuck.stuck,
    capacity.RULE: capacity.capacity,
    quota.RULE: quota.quota,
    claim.RULE: claim.claim,
    no_endpoints.RULE: no_endpoints.no_endpoints,
    flapping.RULE: flapping.flapping,
    cronjob.RULE: cronjob.cronjob,
    new_reason.RULE: new_reason.new_reason,
    storm.RULE: storm.storm,
    control_group.RULE: control_group.control_group,
    latent_change.RULE: latent_change.latent_change,
    seen_before.RULE: seen_before.seen_before,
    tug_of_war.RULE: tug_of_war.tug_of_war,
    metronome.RULE: metronome.metronome,
}
"""In the order of docs/insights.md."""
