"""The counters and histograms of one process, since its start, for /metrics. Every process sends them with its heartbeats.

It knows nothing of Prometheus. The names are those of the table in `http.prometheus`, which a test compares.
"""

import threading
from bisect import bisect_left
from collections import Counter

import msgspec

Labels = tuple[str, ...]

RECORDED = "kube9_events_recorded_duration_seconds"
PROCESSING = "kube9_events_processing_duration_seconds"
LAG = "kube9_events_lag_seconds"
ASSESSMENT_SECONDS = "kube9_assessment_run_duration_seconds"
CHECK_SECONDS = "kube9_assessment_check_duration_seconds"
COLLECTION_SECONDS = "kube9_collection_duration_seconds"
LOOK = "kube9_insights_look_duration_seconds"
SINK_RECORDS = "kube9_sink_records_total"
SINK_REQUEST = "kube9_sink_request_duration_seconds"

LIMITED = "kube9_namespace_limited_total"
OTHER = "(other)"
"""Stands for a word that a namespace may not add, and for namespaces beyond MOST_NAMESPACE_LABELS."""
MOST_NAMESPACE_LABELS, MOST_REASON_LABELS = 20, 50
BY_NAMESPACE = "kube9_events_by_namespace_total"
BY_REASON = "kube9_events_by_reason_total"
FIRST_LABELS = {LIMITED: MOST_NAMESPACE_LABELS, BY_NAMESPACE: MOST_NAMESPACE_LABELS, BY_REASON: MOST_REASON_LABELS}
"""How many values the first label of a metric may have besides OTHER, so that no metric grows with the cluster."""

BOUNDS: dict[str, tuple[float, ...]] = {
    RECORDED: (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0),
    PROCESSING: (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0),
    CHECK_SECONDS: (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 5.0),
    ASSESSMENT_SECONDS: (0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0),
    COLLECTION_SECONDS: (0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0, 60.0, 120.0, 300.0, 600.0),
    LOOK: (0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    SINK_REQUEST: (0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 30.0),
    LAG: (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0),
}
"""The upper bounds of the buckets of each histogram, in seconds. The last bucket has no bound."""


class Histogram(msgspec.Struct, array_like=True):
    """How many values fell into each bucket (not cumulative), and the sum of the values in seconds."""

    buckets: list[int]
    sum: float = 0.0


class TallyReport(msgspec.Struct, frozen=True, tag=True):
    """Everything a process has counted since its start: by metric, then by the values of its labels."""

    counts: dict[str, dict[Labels, int]]
    histograms: dict[str, Histogram]


class FirstLabels:
    """The values that the first label of each metric of FIRST_LABELS has: those that came first."""

    def __init__(self) -> None:
        self._known: dict[str, set[str]] = {}

    def bounded(self, metric: str, labels: Labels) -> Labels:
        """The labels, with OTHER in the place of a first one that is too many."""
        if metric not in FIRST_LABELS or labels[0] == OTHER:
            return labels
        known = self._known.setdefault(metric, set())
        if labels[0] not in known and len(known) >= FIRST_LABELS[metric]:
            return (OTHER, *labels[1:])
        known.add(labels[0])
        return labels


class Tally:
    """The counters and histograms of a process. Safe for several threads."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[Labels]] = {}
        self._histograms: dict[str, Histogram] = {}
        self._lock = threading.Lock()

    def add(self, metric: str, *labels: str, number: int = 1) -> None:
        """Adds `number` to a counter, for these values of its labels."""
        with self._lock:
            self._counts.setdefault(metric, Counter())[labels] += number

    def observe(self, metric: str, *seconds: float) -> None:
        """Adds values to a histogram of BOUNDS."""
        bounds = BOUNDS[metric]
        with self._lock:
            histogram = self._histograms.setdefault(metric, Histogram([0] * (len(bounds) + 1)))
            for value in seconds:
                histogram.buckets[bisect_left(bounds, value)] += 1
                histogram.sum += value

    def report(self) -> TallyReport:
        """Returns a copy of all counters and histograms."""
        with self._lock:
            counts = {metric: dict(values) for metric, values in self._counts.items()}
            histograms = {metric: Histogram(list(found.buckets), found.sum) for metric, found in self._histograms.items()}
        return TallyReport(counts, histograms)
