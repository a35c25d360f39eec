"""/metrics: the table of all metrics, and their text by prometheus-client, from what the children report. No label grows with
the cluster, but for the 20 namespaces that `write.bounds` names. The library is imported at the first request: it costs 2 MiB
and some 70 ms.
"""

from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from kube9_operator.model.observation import SEVERITIES
from kube9_operator.model.tally import BOUNDS, LAG, PROCESSING, RECORDED, Labels
from kube9_operator.supervise.aggregation import Figures
from kube9_operator.supervise.health import STATUSES, Health
from kube9_operator.supervise.volume import Volume


class Metric(NamedTuple):
    """A metric as Prometheus knows it. `known` are values of its labels that are there from the start, with 0."""

    kind: str
    help: str
    labels: tuple[str, ...] = ()
    known: tuple[Labels, ...] = ()


METRICS: dict[str, Metric] = {
    "kube9_build_info": Metric("gauge", "Always 1; the label is the version of the operator.", ("version",)),
    "kube9_health": Metric("gauge", "1 for the status that /healthz reports, 0 for the others.", ("status",)),
    "kube9_event_listener_healthy": Metric("gauge", "1 while the watch of Events is confirmed, 0 otherwise."),
    "kube9_source_proved_timestamp_seconds": Metric(
        "gauge", "Until when the watch of each source is confirmed, in seconds since 1970.", ("source",)
    ),
    "kube9_events_total": Metric(
        "counter",
        "Events recorded for the first time.",
        ("event_type", "severity"),
        tuple(("cluster", severity) for severity in SEVERITIES),
    ),
    "kube9_events_received_total": Metric(
        "counter", "Kubernetes Events received, by their type.", ("type",), (("Normal",), ("Warning",), ("other",))
    ),
    "kube9_books_total": Metric(
        "counter",
        "Observations received from the API server, and their outcomes, as the database keeps them: "
        "received is the sum of all other outcomes.",
        ("source", "outcome"),
    ),
    RECORDED: Metric(
        "histogram", "Seconds from reading Events to their place in the queue: decoding, and waiting for a free place."
    ),
    PROCESSING: Metric("histogram", "Seconds from taking a batch of Events off the queue to its commit, retries included."),
    LAG: Metric("histogram", "Seconds from the time that an Event states to its commit."),
    "kube9_events_queue_size": Metric("gauge", "Events that wait for the writer."),
    "kube9_events_dropped_total": Metric("counter", "Events dropped because the writer did not keep up.", (), ((),)),
    "kube9_events_redacted_total": Metric("counter", "Secrets that were replaced before anything was stored.", (), ((),)),
    "kube9_events_errors_total": Metric(
        "counter",
        "Events that could not be decoded, that the database refused, that a watch missed, "
        "or whose transaction failed and was tried again.",
        ("reason",),
        (("undecodable",), ("refused",), ("missed",), ("database",)),
    ),
    "kube9_events_watch_errors_total": Metric("counter", "Lists and watches that failed.", ("resource",)),
    "kube9_events_storage_size_bytes": Metric("gauge", "Size of the database with its write-ahead log."),
    "kube9_events_storage_limit_bytes": Metric(
        "gauge", "Size limit of the database with its write-ahead log; near it events are deleted."
    ),
    "kube9_database_operations_total": Metric(
        "counter",
        "Events inserted, updated and deleted, and transactions committed and rolled back.",
        ("operation",),
        (("insert",), ("update",), ("delete",), ("commit",), ("rollback",)),
    ),
    "kube9_database_written_timestamp_seconds": Metric(
        "gauge", "When the writer last committed; it commits at least every half minute."
    ),
    "kube9_retention_deleted_total": Metric(
        "counter",
        "Events deleted by retention and the size cap.",
        ("severity",),
        tuple((severity,) for severity in SEVERITIES),
    ),
    "kube9_namespace_limited_total": Metric(
        "counter",
        "New words and log lines refused to a namespace that has used its share; 20 namespaces by name.",
        ("namespace", "bound"),
    ),
    "kube9_process_restarts_total": Metric("counter", "Processes of the operator that were started again.", ("process",)),
}
"""All that is exposed; the table of docs/metrics.md says the same."""


def exposition(version: str, figures: Figures, health: Health, volume: Volume) -> Callable[[], bytes]:
    """A function that gives the text of /metrics as it is now."""

    registry: Any = None

    def text() -> bytes:
        nonlocal registry
        from prometheus_client import CollectorRegistry, generate_latest

        if registry is None:
            registry = CollectorRegistry()
            registry.register(_Collector(version, figures, health, volume))
        return bytes(generate_latest(registry))

    return text


class _Collector:
    """Gives prometheus-client the families of METRICS."""

    def __init__(self, version: str, figures: Figures, health: Health, volume: Volume) -> None:
        self._version = version
        self._figures = figures
        self._health = health
        self._volume = volume

    def describe(self) -> list[Any]:
        """Nothing to be collected at registration."""
        return []

    def collect(self) -> Iterator[Any]:
        """The families, each with all its samples."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        samples = self._gauges() | self._counters()
        for name, metric in METRICS.items():
            if metric.kind == "histogram":
                family: Any = HistogramMetricFamily(name, metric.help)
                observed = self._figures.observed[name]
                bounds = [*map(str, BOUNDS[name]), "+Inf"]
                family.add_metric([], list(zip(bounds, accumulate(observed.buckets), strict=True)), observed.sum)
            else:
                make = CounterMetricFamily if metric.kind == "counter" else GaugeMetricFamily
                family = make(name, metric.help, labels=metric.labels)
                for labels, value in sorted((dict.fromkeys(metric.known, 0) | samples[name]).items()):
                    family.add_metric(labels, value)
            yield family

    def _gauges(self) -> dict[str, dict[Labels, float]]:
        found = self._health.document()
        watches = found["watches"]
        return {
            "kube9_build_info": {(self._version,): 1},
            "kube9_health": {(one,): int(one == found["status"]) for one in STATUSES},
            "kube9_event_listener_healthy": {(): int(watches["events"]["current"])},
            "kube9_source_proved_timestamp_seconds": {
                (source,): ms / 1000 for source, ms in self._health.confirmed_ms().items() if source in watches
            },
            "kube9_events_queue_size": {(): sum(self._figures.waiting.values())},
            "kube9_events_storage_size_bytes": {(): self._volume.size_bytes},
            "kube9_events_storage_limit_bytes": {(): self._volume.limit_bytes},
            "kube9_database_written_timestamp_seconds": {(): self._figures.written_ms / 1000},
        }

    def _counters(self) -> dict[str, dict[Labels, float]]:
        figures = self._figures
        counts: dict[str, dict[Labels, float]] = {
            name: dict(figures.counts.get(name, {})) for name, metric in METRICS.items() if metric.kind == "counter"
        }
        accounting = figures.accounting
        counts["kube9_books_total"] = {
            (source, outcome): number for source, account in accounting.items() for outcome, number in account.items()
        }
        for reason in ("undecodable", "refused"):
            counts["kube9_events_errors_total"][(reason,)] = sum(account[reason] for account in accounting.values())
        return counts
