"""What a process counts and times for /metrics, since its start; it goes to the supervisor with the beats. No Prometheus here.

The names are those of the table in `serve.metrics`; a test holds them against it.
"""

import threading
from bisect import bisect_left
from collections import Counter

import msgspec

Labels = tuple[str, ...]

RECORDED = "kube9_events_recorded_duration_seconds"
PROCESSING = "kube9_events_processing_duration_seconds"
LAG = "kube9_events_lag_seconds"

LIMITED = "kube9_namespace_limited_total"
OTHER = "(other)"
"""Stands for a word that a namespace may not add, and for namespaces beyond MOST_NAMESPACE_LABELS."""
MOST_NAMESPACE_LABELS = 20
"""Namespaces that have values of their own in LIMITED, so that no label grows with the cluster."""

BOUNDS: dict[str, tuple[float, ...]] = {
    RECORDED: (0.0001, 0.00025, 0.0005, 0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 1.0, 5.0, 30.0),
    PROCESSING: (0.001, 0.0025, 0.005, 0.01, 0.025, 0.05, 0.1, 0.25, 0.5, 1.0, 2.5, 5.0, 10.0, 60.0),
    LAG: (0.25, 0.5, 1.0, 2.0, 3.0, 5.0, 10.0, 30.0, 60.0, 300.0, 900.0, 3600.0),
}
"""Of each histogram the upper bounds of its buckets, in seconds; one more has no bound."""


class Observed(msgspec.Struct, array_like=True):
    """A histogram: how many values fell into each bucket (not added up), and their sum in seconds."""

    buckets: list[int]
    sum: float = 0.0


class Tallied(msgspec.Struct, frozen=True, tag=True):
    """All that a process has counted since its start: by metric, then by the values of its labels."""

    counts: dict[str, dict[Labels, int]]
    observed: dict[str, Observed]


class Tally:
    """The counters and histograms of a process; may be used from several threads."""

    def __init__(self) -> None:
        self._counts: dict[str, Counter[Labels]] = {}
        self._observed: dict[str, Observed] = {}
        self._lock = threading.Lock()

    def add(self, metric: str, *labels: str, number: int = 1) -> None:
        """Counts `number` more under these values of the metric's labels."""
        with self._lock:
            self._counts.setdefault(metric, Counter())[labels] += number

    def observe(self, metric: str, *seconds: float) -> None:
        """Notes values of a histogram of BOUNDS."""
        bounds = BOUNDS[metric]
        with self._lock:
            observed = self._observed.setdefault(metric, Observed([0] * (len(bounds) + 1)))
            for value in seconds:
                observed.buckets[bisect_left(bounds, value)] += 1
                observed.sum += value

    def report(self) -> Tallied:
        """What was counted so far."""
        with self._lock:
            counts = {metric: dict(values) for metric, values in self._counts.items()}
            observed = {metric: Observed(list(one.buckets), one.sum) for metric, one in self._observed.items()}
        return Tallied(counts, observed)
