"""What the children count is added up over their restarts, and exposed as in the table of metrics."""

import subprocess
import sys
from pathlib import Path

import pytest
from hypothesis import given
from hypothesis import strategies as st
from prometheus_client.parser import text_string_to_metric_families

from kube9_operator.http.pages import TEXT, Pages
from kube9_operator.http.prometheus import METRICS, exposition
from kube9_operator.model import operator_event
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.observation import INFO, WARNING
from kube9_operator.model.tally import (
    BOUNDS,
    BY_NAMESPACE,
    BY_REASON,
    FIRST_LABELS,
    LAG,
    LIMITED,
    MOST_NAMESPACE_LABELS,
    MOST_REASON_LABELS,
    OTHER,
    PROCESSING,
    Tally,
)
from kube9_operator.supervise.aggregation import MetricTotals
from kube9_operator.supervise.health import Health
from kube9_operator.supervise.messages import WatcherReport, WriterReport, decode, encode
from kube9_operator.supervise.volume import SQLITE_MAGIC, Volume
from kube9_operator.write.counters import BatchCounts, EventCounts

TOTAL = "kube9_events_total"


def exposed(totals: MetricTotals) -> dict[tuple[str, tuple[tuple[str, str], ...]], float]:
    """Every sample of /metrics, as Prometheus' own parser reads it."""
    text = exposition("1.2.3", totals, Health(("events",), 5.0, 3.0), Volume(Path("/nowhere"), 2**30, Deadlines()))().decode()
    return {
        (sample.name, tuple(sorted(sample.labels.items()))): sample.value
        for family in text_string_to_metric_families(text)
        for sample in family.samples
    }


@given(st.lists(st.lists(st.integers(0, 5), min_size=1), max_size=5))
def test_counters_survive_restarts(lives: list[list[int]]) -> None:
    """Each life of a process reports what it has counted since its start, some reports twice."""
    totals, expected, before = MetricTotals(), 0, 0
    for life in lives:
        tally = Tally()
        totals.process_started("writer")
        for number in life:
            tally.add(TOTAL, "cluster", "error", number=number)
            tally.observe(PROCESSING, *[0.003] * number)
            expected += number
            totals.receive("writer", tally.report())
            totals.receive("writer", tally.report())
            assert totals.total(TOTAL) == expected >= before
            before = totals.total(TOTAL)
    assert sum(totals.histograms[PROCESSING].buckets) == expected
    assert totals.histograms[PROCESSING].sum == pytest.approx(0.003 * expected)
    restarts = exposed(totals).get(("kube9_process_restarts_total", (("process", "writer"),)), 0)
    assert restarts == max(0, len(lives) - 1)


def test_namespaces_do_not_grow_over_restarts() -> None:
    totals = MetricTotals()
    for life in range(3):
        totals.process_started("writer")
        tally = Tally()
        for number in range(MOST_NAMESPACE_LABELS):
            tally.add(LIMITED, f"namespace-{life}-{number}", "words")
        totals.receive("writer", tally.report())
    named = {namespace for namespace, _ in totals.counts[LIMITED]}
    assert len(named) == MOST_NAMESPACE_LABELS + 1
    assert totals.counts[LIMITED][OTHER, "words"] == 2 * MOST_NAMESPACE_LABELS


def test_reasons_and_namespaces_of_events_are_bounded_in_the_writer_too() -> None:
    tally = Tally()
    counts = EventCounts(tally)
    for number in range(3 * MOST_REASON_LABELS):
        counts.event_begun(0, WARNING, f"namespace-{number}", f"Reason{number}")
        counts.event_begun(0, WARNING, "namespace-0", f"Reason{number}")
        counts.committed()
    found = tally.report().counts
    for metric, most in ((BY_NAMESPACE, MOST_NAMESPACE_LABELS), (BY_REASON, MOST_REASON_LABELS)):
        assert len(found[metric]) == most + 1
        assert sum(found[metric].values()) == 6 * MOST_REASON_LABELS
    assert found[BY_NAMESPACE]["namespace-0", "warning"] == 3 * MOST_REASON_LABELS + 1
    assert found[BY_NAMESPACE][OTHER, "warning"] == 3 * MOST_REASON_LABELS - MOST_NAMESPACE_LABELS


def test_an_event_of_no_namespace_has_a_label() -> None:
    tally = Tally()
    counts = EventCounts(tally)
    counts.event_begun(0, WARNING, "", 'odd\n"reason"')
    assert not tally.report().counts, "nothing is committed"
    counts.committed()
    assert tally.report().counts[BY_NAMESPACE] == {("(cluster-scoped)", "warning"): 1}
    assert tally.report().counts[BY_REASON] == {("odd??reason?", "warning"): 1}


def test_a_death_of_one_process_leaves_the_totals_of_others() -> None:
    totals = MetricTotals()
    for name in ("watcher-events", "watcher-pods"):
        totals.process_started(name)
    totals.receive("watcher-events", WatcherReport({}, {"events": 3}, {"events": 7}, {"events": 1}))
    totals.receive("watcher-pods", WatcherReport({}, {"pods": 4}, {"pods": 1}, {"pods": 2}))
    totals.process_started("watcher-events")
    totals.receive("watcher-events", WatcherReport({}, {"events": 0}, {"events": 2}, {"events": 1}))
    totals.receive("watcher-pods", WatcherReport({}, {"pods": 4}, {"pods": 1}, {"pods": 2}))
    assert totals.total("kube9_events_dropped_total") == 10
    assert totals.counts["kube9_events_watch_errors_total"] == {("events",): 2, ("pods",): 2}
    assert totals.waiting == {"events": 0, "pods": 4}


def test_the_accounting_is_that_of_the_database_and_stands_when_it_is_replaced() -> None:
    totals = MetricTotals()
    totals.receive("writer", _report(received=10, stored=10))
    totals.process_started("writer")
    totals.receive("writer", _report(received=12, stored=11, unchanged=1))
    assert totals.accounting == {"events": {"received": 12, "stored": 11, "unchanged": 1}}
    totals.receive("writer", _report(received=3, stored=3, unchanged=0))
    assert totals.accounting == {"events": {"received": 15, "stored": 14, "unchanged": 1}}


def _report(**account: int) -> WriterReport:
    return WriterReport({}, "", 0, 1, {"events": account})


def test_a_report_arrives_as_it_was_sent() -> None:
    tally = Tally()
    tally.add(TOTAL, "cluster", "info")
    tally.add("kube9_events_dropped_total", number=3)
    tally.observe(LAG, 0.2, 1e9)
    sent = tally.report()
    assert decode(encode(sent)) == sent


def test_the_number_received_is_apart_from_its_outcomes() -> None:
    totals = MetricTotals()
    totals.receive("writer", _report(received=12, stored=11, unchanged=1))
    samples = exposed(totals)
    assert samples["kube9_observations_received_total", (("source", "events"),)] == 12
    outcomes = {
        dict(labels)["outcome"]: number
        for (name, labels), number in samples.items()
        if name == "kube9_observation_outcomes_total"
    }
    assert outcomes == {"stored": 11, "unchanged": 1}


def test_what_waits_and_what_is_not_stored_is_that_of_all_sources() -> None:
    totals = MetricTotals()
    totals.receive("watcher-events", WatcherReport({}, {"events": 3}, {}, {}))
    totals.receive("watcher-pods", WatcherReport({}, {"pods": 4}, {}, {}))
    both = {source: {"received": 2, "refused": 1, "undecodable": 1} for source in ("events", "pods")}
    totals.receive("writer", WriterReport({}, "", 0, 1, both))
    samples = exposed(totals)
    assert samples["kube9_events_queue_size", ()] == 7
    for reason in ("refused", "undecodable"):
        assert samples["kube9_events_errors_total", (("reason", reason),)] == 2


def test_every_metric_is_there_from_the_start() -> None:
    samples = exposed(MetricTotals())
    for name, metric in METRICS.items():
        if metric.kind == "histogram":
            assert samples[name + "_count", ()] == 0
            assert len([one for one in samples if one[0] == name + "_bucket"]) == len(BOUNDS[name]) + 1
        for labels in metric.known:
            assert samples[name, tuple(sorted(zip(metric.labels, labels, strict=True)))] == 0
    assert samples["kube9_event_listener_healthy", ()] == 1, "it has just begun"


def test_buckets_add_up() -> None:
    totals, tally = MetricTotals(), Tally()
    tally.observe(LAG, 0.1, 0.25, 0.3, 5000.0)
    totals.receive("writer", tally.report())
    samples = exposed(totals)
    assert [samples[LAG + "_bucket", (("le", le),)] for le in ("0.25", "0.5", "3600.0", "+Inf")] == [2, 3, 3, 4]
    assert samples[LAG + "_sum", ()] == pytest.approx(5000.65)


def test_help_texts_and_labels_are_in_order() -> None:
    for name, metric in METRICS.items():
        assert metric.help.endswith("."), name
        assert name.endswith("_total") == (metric.kind == "counter"), name
        assert (name in BOUNDS) == (metric.kind == "histogram"), name
        growing = {"namespace", "object_namespace", "name", "pod", "node", "object", "reason_text"} & set(metric.labels)
        assert not growing or name in FIRST_LABELS, "it would grow; those are bounded"
    assert set(METRICS) >= set(FIRST_LABELS)


def test_the_children_do_not_carry_prometheus() -> None:
    asked = "import sys, kube9_operator.preload; print([name for name in sys.modules if 'prometheus' in name])"
    assert subprocess.run([sys.executable, "-c", asked], capture_output=True, text=True, check=True).stdout == "[]\n"


def test_pages_say_what_is_wrong(tmp_path: Path) -> None:
    health, volume = Health(("events",), 5.0, hang_seconds=0.0), Volume(tmp_path / "kube9.db", 2**30, Deadlines())
    pages = Pages(health, MetricTotals(), volume, lambda: b"")
    assert pages.page("/livez") == (503, b"failed: the supervisor's main loop is stuck\n", TEXT)
    assert pages.page("/readyz") == (503, b"failed: not checked yet\n", TEXT)
    volume.check()
    assert pages.page("/readyz") == (503, b"failed: No such file or directory\n", TEXT)
    (tmp_path / "kube9.db").write_bytes(b"no database")
    volume.check()
    assert pages.page("/readyz") == (503, b"failed: the file is not a SQLite database yet\n", TEXT)
    (tmp_path / "kube9.db").write_bytes(SQLITE_MAGIC)
    (tmp_path / "kube9.db-wal").write_bytes(b"12345")
    volume.check()
    assert pages.page("/readyz") == (200, b"ok\n", TEXT)
    assert volume.size_bytes == len(SQLITE_MAGIC) + 5


def test_a_batch_is_timed_to_its_commit() -> None:
    tally = Tally()
    counts = BatchCounts()
    counts.applied(operator_event.observation("Test", INFO, "", "", 1_000), "stored")
    counts.publish(tally, 0.5, 3_000)
    timed = tally.report().histograms
    assert set(timed) == {"kube9_events_processing_duration_seconds", LAG}
    assert (timed[PROCESSING].sum, timed[LAG].sum) == (0.5, 2.0)
