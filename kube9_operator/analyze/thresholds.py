"""The thresholds of the rules of insights, with their defaults. Data.

The field's name says the unit: `_s` is in seconds, everything else is a number. Those in GUESSED have no source: they are to be
measured, so each is a setting. docs/insights.md shows them.
"""

import msgspec

MINUTE, HOUR, DAY = 60, 3_600, 86_400


class Thresholds(msgspec.Struct, frozen=True, kw_only=True):
    """All thresholds. A field's name begins with that of its rule."""

    change_failure_s: int = 15 * MINUTE
    """Pods fail within this time of their start …"""
    change_lasting_s: int = 2 * HOUR
    """… and within this time after the change."""
    change_occurrences: int = 2
    change_baseline_s: int = 60 * MINUTE
    """Before the change they did not fail alike for this time."""
    change_node_owners: int = 2

    node_pods: int = 3
    node_owners: int = 2
    node_within_s: int = 10 * MINUTE

    image_owners: int = 2
    image_registry_owners: int = 3
    image_registry_images: int = 2
    image_failing_s: int = 120
    image_within_s: int = 15 * MINUTE

    oom_kills: int = 3
    oom_within_s: int = DAY

    stuck_warning_s: int = 15 * MINUTE
    stuck_error_s: int = HOUR
    stuck_rollout_s: int = HOUR
    stuck_stable_s: int = 5 * MINUTE
    """A container that has run for this long is no longer in a crash loop."""

    capacity_s: int = 15 * MINUTE
    capacity_pods: int = 3
    capacity_owners: int = 2
    capacity_scale_up_s: int = 10 * MINUTE
    """So long a scale-up under way may take."""

    quota_rejections: int = 2
    quota_s: int = 5 * MINUTE

    claim_s: int = 5 * MINUTE

    endpoints_s: int = 5 * MINUTE
    endpoints_recreate_s: int = 10 * MINUTE
    """So long a rollout with the strategy Recreate may take: the default of progressDeadlineSeconds."""

    flapping_node_changes: int = 3
    flapping_node_s: int = 15 * MINUTE
    flapping_endpoints_changes: int = 6
    flapping_endpoints_s: int = 30 * MINUTE
    flapping_autoscaler_reversals: int = 4
    flapping_autoscaler_s: int = HOUR
    flapping_rollout_changes: int = 3
    flapping_rollout_s: int = HOUR

    cronjob_runs: int = 3
    cronjob_lookback_s: int = 8 * DAY

    new_reason_count: int = 10
    new_reason_objects: int = 3
    new_reason_within_s: int = HOUR
    new_reason_baseline_s: int = 7 * DAY

    storm_count: int = 100
    storm_factor: int = 10
    storm_within_s: int = 10 * MINUTE
    storm_baseline_s: int = DAY
    """So much must be recorded before a rate counts as usual."""

    control_failures: int = 3
    control_pods: int = 2
    control_overlap_s: int = 10 * MINUTE

    latent_age_s: int = DAY
    """A change is latent if it was made at least this long before."""
    latent_lookback_s: int = 14 * DAY
    latent_pods: int = 2

    seen_before_times: int = 2
    seen_before_end_s: int = 5 * MINUTE
    seen_before_lookback_s: int = 30 * DAY

    tug_changes: int = 4
    tug_within_s: int = HOUR

    metronome_deaths: int = 5
    metronome_percent: int = 10
    metronome_least_s: int = 15 * MINUTE
    """Shorter intervals are those of the kubelet's back-off."""
    metronome_lookback_s: int = 7 * DAY


GUESSED = frozenset(
    (
        "change_lasting_s",
        "node_pods",
        "node_within_s",
        "image_registry_owners",
        "image_within_s",
        "oom_within_s",
        "capacity_pods",
        "capacity_scale_up_s",
        "quota_s",
        "flapping_endpoints_s",
        "flapping_autoscaler_s",
        "flapping_rollout_s",
        "cronjob_lookback_s",
        "new_reason_objects",
        "new_reason_within_s",
        "new_reason_baseline_s",
        "storm_count",
        "storm_factor",
        "control_pods",
        "control_overlap_s",
        "latent_age_s",
        "latent_lookback_s",
        "latent_pods",
        "seen_before_times",
        "seen_before_end_s",
        "seen_before_lookback_s",
        "tug_within_s",
        "metronome_deaths",
        "metronome_percent",
        "metronome_least_s",
        "metronome_lookback_s",
    )
)
"""Thresholds without a source."""
