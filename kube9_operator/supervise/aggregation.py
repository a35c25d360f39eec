"""Adds up what the children count for /metrics. No counter goes backwards when a child restarts."""

from collections import Counter

from kube9_operator.model.tally import BOUNDS, FirstLabels, Histogram, Labels, TallyReport
from kube9_operator.supervise.messages import (
    AnalyzerReport,
    AssessmentReport,
    CollectionReport,
    Message,
    SinkReport,
    WatcherReport,
    WriterReport,
)

Counts = dict[str, dict[Labels, int]]


class MetricTotals:
    """The totals since the supervisor started.

    The supervisor's loop writes them, and the thread of the HTTP server reads them: a value is replaced as a whole, or grows.
    """

    def __init__(self) -> None:
        self.counts: dict[str, Counter[Labels]] = {}
        """The values of each counter, by the values of its labels."""
        self.histograms = {metric: Histogram([0] * (len(bounds) + 1)) for metric, bounds in BOUNDS.items()}
        self.accounting: dict[str, Counter[str]] = {}
        """For each source, the number received and the number of each outcome: as in the database, unless that was replaced."""
        self.waiting: dict[str, int] = {}
        """Observations in the outbox of each source."""
        self.last_commit_ms = 0
        """When the writer last committed."""
        self.assessed_ms, self.assessment_score = 0, 0.0
        """When the newest assessment ended, and the part of its checks that pass."""
        self.collected_ms: dict[str, int] = {}
        """When each type of collection was last made."""
        self.trouble = ""
        """Why the database cannot be written now."""
        self.insights: dict[Labels, int] = {}
        """How many insights are active or quiet, by category and severity."""
        self.analyzed_ms = 0
        """When the analyzer last looked at the record."""
        self.sink: SinkReport | None = None
        """What the sink said last; None if there is none."""
        self._first_labels = FirstLabels()
        """Each writer names the first of its own: these are the first of all writers since the start."""
        self._last_counts: dict[str, Counts] = {}
        self._last_histograms: dict[str, dict[str, Histogram]] = {}
        self._last_accounting: dict[str, dict[str, int]] = {}
        self._started: set[str] = set()

    def process_started(self, name: str, is_restart: bool = True) -> None:
        """Notes that a process was started, so its counters begin at 0.

        `is_restart` is False for a process that had done what it was started for. The first start is none either.
        """
        self._last_counts.pop(name, None)
        self._last_histograms.pop(name, None)
        self._count("kube9_process_restarts_total", (name,), 1 if is_restart and name in self._started else 0)
        self._started.add(name)

    def receive(self, name: str, message: Message) -> None:
        """Adds what a child reports."""
        match message:
            case TallyReport(counts, histograms):
                self._add(name, counts)
                self._add_histograms(name, histograms)
            case WatcherReport(_, waiting, dropped, failures, _):
                self.waiting = self.waiting | waiting
                self._add(
                    name,
                    {
                        "kube9_events_dropped_total": {(): sum(dropped.values())},
                        "kube9_events_watch_errors_total": {(source,): number for source, number in failures.items()},
                    },
                )
            case AssessmentReport(ended_ms=ended_ms, score=score):
                self.assessed_ms, self.assessment_score = ended_ms, score
            case CollectionReport(succeeded_ms=succeeded_ms):
                self.collected_ms = succeeded_ms
            case AnalyzerReport(analyzed_ms, unresolved):
                if analyzed_ms:
                    self.analyzed_ms, self.insights = analyzed_ms, dict(unresolved)
            case SinkReport():
                self.sink = message
            case WriterReport():
                self.last_commit_ms, self.trouble = message.last_commit_ms or self.last_commit_ms, message.trouble
                self._add_accounting(message.accounting)

    def total(self, metric: str) -> int:
        """Returns the sum of a counter over all its labels."""
        return self.counts.get(metric, Counter()).total()

    def _count(self, metric: str, labels: Labels, number: int) -> None:
        self.counts.setdefault(metric, Counter())[labels] += number

    def _add(self, name: str, counts: Counts) -> None:
        """Adds the difference to the last report of this process."""
        last = self._last_counts.setdefault(name, {})
        for metric, values in counts.items():
            before = last.get(metric, {})
            for labels, number in values.items():
                self._count(metric, self._first_labels.bounded(metric, labels), max(0, number - before.get(labels, 0)))
        last.update(counts)

    def _add_histograms(self, name: str, histograms: dict[str, Histogram]) -> None:
        last = self._last_histograms.get(name, {})
        for metric, now in histograms.items():
            before, total = last.get(metric, Histogram([0] * len(now.buckets))), self.histograms[metric]
            buckets = [
                sum(three) for three in zip(total.buckets, now.buckets, (-count for count in before.buckets), strict=True)
            ]
            self.histograms[metric] = Histogram(buckets, total.sum + now.sum - before.sum)
        self._last_histograms[name] = histograms

    def _add_accounting(self, accounting: dict[str, dict[str, int]]) -> None:
        """Adds the difference to the last report. The accounting of a database that was replaced begins at 0."""
        for source, account in accounting.items():
            before = self._last_accounting.get(source, {})
            if any(number < before.get(outcome, 0) for outcome, number in account.items()):
                before = {}
            total = Counter(self.accounting.get(source, {}))
            for outcome, number in account.items():
                total[outcome] += number - before.get(outcome, 0)
            self.accounting = self.accounting | {source: total}
        self._last_accounting = self._last_accounting | accounting
