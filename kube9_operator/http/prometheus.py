"""The table of all metrics, and the text of /metrics, which prometheus-client makes from what the children report.

No label grows with the cluster: `FIRST_LABELS` of `model.tally` says how many values each may have. The library is imported at
the first request, because it costs 2 MiB and about 70 ms.
"""

from collections.abc import Callable, Iterator
from itertools import accumulate
from typing import Any, NamedTuple

from kube9_operator.model.registration import DELIVERIES, OUTCOMES
from kube9_operator.model.tally import (
    ASSESSMENT_SECONDS,
    BOUNDS,
    BY_NAMESPACE,
    BY_REASON,
    CHECK_SECONDS,
    COLLECTION_SECONDS,
    LAG,
    LOOK,
    PROCESSING,
    RECORDED,
    SINK_RECORDS,
    SINK_REQUEST,
    Labels,
)
from kube9_operator.supervise.aggregation import MetricTotals
from kube9_operator.supervise.health import STATUSES, Health
from kube9_operator.supervise.messages import SinkReport
from kube9_operator.supervise.volume import Volume
from kube9_schema.assessments import PILLARS, STATES
from kube9_schema.assessments import STATUSES as CHECK_STATUSES
from kube9_schema.codes import CATEGORIES, EVENT_TYPES, SEVERITIES
from kube9_schema.collections import STATES as COLLECTION_STATES
from kube9_schema.collections import TYPES as COLLECTION_TYPES


class Metric(NamedTuple):
    """A metric as Prometheus knows it. `known` holds the label values that are exposed from the start, with 0."""

    kind: str
    help: str
    labels: tuple[str, ...] = ()
    known: tuple[Labels, ...] = ()


METRICS: dict[str, Metric] = {
    "kube9_build_info": Metric("gauge", "Always 1; the label is the version of the operator.", ("version",)),
    "kube9_health": Metric("gauge", "1 for the status that /healthz reports, 0 for the others.", ("status",)),
    "kube9_event_listener_healthy": Metric(
        "gauge", "1 while the watch of Events is confirmed, and in the first two minutes; 0 otherwise."
    ),
    "kube9_source_confirmed_timestamp_seconds": Metric(
        "gauge", "The time up to which the watch of each source is confirmed, in seconds since 1970.", ("source",)
    ),
    "kube9_events_total": Metric(
        "counter",
        "Events recorded for the first time.",
        ("event_type", "severity"),
        tuple((event_type, severity) for event_type in EVENT_TYPES for severity in SEVERITIES),
    ),
    BY_NAMESPACE: Metric(
        "counter",
        "Events recorded for the first time, by the namespace of their object. The first 20 namespaces have their own label.",
        ("object_namespace", "severity"),
    ),
    BY_REASON: Metric(
        "counter",
        "Events recorded for the first time, by reason. The first 50 reasons have their own label.",
        ("reason", "severity"),
    ),
    "kube9_events_received_total": Metric(
        "counter", "Kubernetes Events received, by their type.", ("type",), (("Normal",), ("Warning",), ("other",))
    ),
    "kube9_observations_received_total": Metric(
        "counter", "Observations received, by source. Stored in the database, so it survives a new pod.", ("source",)
    ),
    "kube9_observation_outcomes_total": Metric(
        "counter",
        "Outcomes of received observations, as the database counts them. For each source, their sum is the number received.",
        ("source", "outcome"),
    ),
    RECORDED: Metric(
        "histogram", "Seconds from reading Events to putting them into the queue. This includes decoding, and waiting for room."
    ),
    PROCESSING: Metric("histogram", "Seconds from taking a batch off the queue to its commit, including retries."),
    LAG: Metric("histogram", "Seconds from the time of an Event or change to the commit that records it."),
    "kube9_events_queue_size": Metric("gauge", "Observations of all sources that wait for the writer."),
    "kube9_events_dropped_total": Metric("counter", "Events dropped because the writer did not keep up.", (), ((),)),
    "kube9_secrets_redacted_total": Metric("counter", "Secrets replaced in texts before they were stored.", (), ((),)),
    "kube9_events_errors_total": Metric(
        "counter",
        "Observations that could not be decoded or were refused, Events that a watch missed, "
        "and transactions that failed and were retried.",
        ("reason",),
        (("undecodable",), ("refused",), ("missed",), ("database",)),
    ),
    "kube9_events_watch_errors_total": Metric("counter", "Lists and watches that failed.", ("resource",)),
    "kube9_events_storage_size_bytes": Metric("gauge", "Size of the database with its write-ahead log."),
    "kube9_events_storage_limit_bytes": Metric(
        "gauge", "Size limit of the database with its write-ahead log. Near it, events are deleted."
    ),
    "kube9_database_operations_total": Metric(
        "counter",
        "Events inserted, updated and deleted, and transactions committed and rolled back.",
        ("operation",),
        (("insert",), ("update",), ("delete",), ("commit",), ("rollback",)),
    ),
    "kube9_database_last_commit_timestamp_seconds": Metric(
        "gauge", "When the writer last committed, in seconds since 1970. It commits at least every 30 s."
    ),
    "kube9_events_deleted_total": Metric(
        "counter",
        "Events deleted by retention or because of the size limit.",
        ("severity",),
        tuple((severity,) for severity in SEVERITIES),
    ),
    "kube9_namespace_limited_total": Metric(
        "counter",
        "New values (reasons, kinds, hosts, titles) stored as (other), and log lines left out, because a namespace reached its "
        "limit. The first 20 namespaces have their own label.",
        ("namespace", "limit"),
    ),
    "kube9_assessment_runs_total": Metric(
        "counter", "Assessments that have ended, by their state.", ("state",), tuple((state,) for state in STATES[1:])
    ),
    "kube9_assessment_checks_total": Metric(
        "counter",
        "Results of the checks of assessments that have ended.",
        ("pillar", "status"),
        tuple((pillar, status) for pillar in PILLARS for status in CHECK_STATUSES),
    ),
    ASSESSMENT_SECONDS: Metric("histogram", "Seconds from the beginning of an assessment to its end."),
    CHECK_SECONDS: Metric("histogram", "Seconds that each check of an assessment took, without the time of the lists."),
    "kube9_assessment_last_run_timestamp_seconds": Metric(
        "gauge",
        "When the newest scheduled or full assessment ended, in seconds since 1970; 0 if there is none.",
    ),
    "kube9_assessment_last_score_ratio": Metric(
        "gauge", "The share of checks that pass in the newest scheduled or full assessment, 0 to 1."
    ),
    "kube9_collections_total": Metric(
        "counter",
        "Collections, by their state.",
        ("type", "state"),
        tuple((kind, state) for kind in COLLECTION_TYPES for state in COLLECTION_STATES),
    ),
    COLLECTION_SECONDS: Metric("histogram", "Seconds from the start of the collector until a collection was made."),
    "kube9_collection_last_success_timestamp_seconds": Metric(
        "gauge",
        "When a collection of this type was last made, in seconds since 1970; 0 for never.",
        ("type",),
        tuple((kind,) for kind in COLLECTION_TYPES),
    ),
    "kube9_registrations_total": Metric(
        "counter",
        "Requests to register with a kube9 server, by their outcome.",
        ("outcome",),
        tuple((one,) for one in OUTCOMES),
    ),
    "kube9_collections_sent_total": Metric(
        "counter",
        "Collections that were sent to a kube9 server or could not be sent, by the outcome.",
        ("outcome",),
        tuple((one,) for one in DELIVERIES),
    ),
    "kube9_insights_unresolved": Metric(
        "gauge",
        "Insights that are active or quiet.",
        ("category", "severity"),
        tuple((category, severity) for category in CATEGORIES for severity in SEVERITIES),
    ),
    "kube9_insights_last_look_timestamp_seconds": Metric(
        "gauge", "When the analyzer last looked for insights, in seconds since 1970; 0 if it has not looked since the start."
    ),
    LOOK: Metric("histogram", "Seconds that the analyzer took each time it looked for insights."),
    "kube9_insight_rule_errors_total": Metric("counter", "Failures of rules of insights, by rule.", ("rule",)),
    SINK_RECORDS: Metric(
        "counter",
        "Records for the store of SINK_URL, by their outcome.",
        ("outcome",),
        (("sent",), ("refused",), ("unsent",), ("sent_again",), ("missing",)),
    ),
    SINK_REQUEST: Metric("histogram", "Seconds that each request to the store of SINK_URL took."),
    "kube9_sink_lag_seconds": Metric(
        "gauge", "For how many seconds something has been waiting to be sent to the store of SINK_URL; 0 if everything is sent."
    ),
    "kube9_sink_pending": Metric(
        "gauge", "The approximate number of changes and events that wait to be sent to the store of SINK_URL."
    ),
    "kube9_sink_settled_timestamp_seconds": Metric(
        "gauge",
        "Everything recorded up to this time is settled in the store of SINK_URL, in seconds since 1970; "
        "0 if nothing is settled.",
    ),
    "kube9_sink_verified_timestamp_seconds": Metric(
        "gauge",
        "Everything that happened up to this time was read back from the store of SINK_URL, in seconds since 1970; "
        "0 if nothing was read back.",
    ),
    "kube9_process_restarts_total": Metric("counter", "Processes of the operator that were restarted.", ("process",)),
}
"""All metrics. docs/metrics.md has the same table."""


RECEIVED = "received"
"""In the accounting of a source, the total beside its outcomes."""


def exposition(version: str, metrics: MetricTotals, health: Health, volume: Volume) -> Callable[[], bytes]:
    """Returns a function that makes the current text of /metrics."""

    registry: Any = None

    def text() -> bytes:
        nonlocal registry
        from prometheus_client import CollectorRegistry, generate_latest

        if registry is None:
            registry = CollectorRegistry()
            registry.register(_Collector(version, metrics, health, volume))
        return bytes(generate_latest(registry))

    return text


def _of_sink(report: SinkReport | None) -> dict[str, dict[Labels, float]]:
    """The gauges of the sink; all are 0 without one."""
    found = report or SinkReport(0.0, 0, 0, 0, "")
    return {
        "kube9_sink_lag_seconds": {(): round(found.lag_seconds, 1)},
        "kube9_sink_pending": {(): found.pending},
        "kube9_sink_settled_timestamp_seconds": {(): found.settled_ms / 1000},
        "kube9_sink_verified_timestamp_seconds": {(): found.verified_ms / 1000},
    }


class _Collector:
    """Collects the families of METRICS for prometheus-client."""

    def __init__(self, version: str, metrics: MetricTotals, health: Health, volume: Volume) -> None:
        self._version = version
        self._metrics = metrics
        self._health = health
        self._volume = volume

    def describe(self) -> list[Any]:
        """Returns nothing, so that nothing is collected at registration."""
        return []

    def collect(self) -> Iterator[Any]:
        """Yields the families, each with all its samples."""
        from prometheus_client.core import CounterMetricFamily, GaugeMetricFamily, HistogramMetricFamily

        samples = self._gauges() | self._counters()
        for name, metric in METRICS.items():
            if metric.kind == "histogram":
                family: Any = HistogramMetricFamily(name, metric.help)
                histogram = self._metrics.histograms[name]
                bounds = [*map(str, BOUNDS[name]), "+Inf"]
                family.add_metric([], list(zip(bounds, accumulate(histogram.buckets), strict=True)), histogram.sum)
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
            "kube9_health": {(status,): int(status == found["status"]) for status in STATUSES},
            "kube9_event_listener_healthy": {(): int(watches["events"]["confirmed"])},
            "kube9_source_confirmed_timestamp_seconds": {
                (source,): ms / 1000 for source, ms in self._health.confirmed_ms().items() if source in watches
            },
            "kube9_events_queue_size": {(): sum(self._metrics.waiting.values())},
            "kube9_events_storage_size_bytes": {(): self._volume.size_bytes},
            "kube9_events_storage_limit_bytes": {(): self._volume.limit_bytes},
            "kube9_insights_unresolved": dict(self._metrics.insights),
            "kube9_insights_last_look_timestamp_seconds": {(): self._metrics.analyzed_ms / 1000},
            "kube9_database_last_commit_timestamp_seconds": {(): self._metrics.last_commit_ms / 1000},
            "kube9_assessment_last_run_timestamp_seconds": {(): self._metrics.assessed_ms / 1000},
            "kube9_collection_last_success_timestamp_seconds": {
                (kind,): ms / 1000 for kind, ms in self._metrics.collected_ms.items()
            },
            "kube9_assessment_last_score_ratio": {(): self._metrics.assessment_score},
            **_of_sink(self._metrics.sink),
        }

    def _counters(self) -> dict[str, dict[Labels, float]]:
        metrics = self._metrics
        counts: dict[str, dict[Labels, float]] = {
            name: dict(metrics.counts.get(name, {})) for name, metric in METRICS.items() if metric.kind == "counter"
        }
        accounting = metrics.accounting
        counts["kube9_observations_received_total"] = {(source,): account[RECEIVED] for source, account in accounting.items()}
        counts["kube9_observation_outcomes_total"] = {
            (source, outcome): number
            for source, account in accounting.items()
            for outcome, number in account.items()
            if outcome != RECEIVED
        }
        for reason in ("undecodable", "refused"):
            counts["kube9_events_errors_total"][(reason,)] = sum(account[reason] for account in accounting.values())
        return counts
