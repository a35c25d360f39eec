"""Adds up what the children report for /metrics, over their restarts: no counter goes backwards while the supervisor lives."""

from collections import Counter

from kube9_operator.model.tally import BOUNDS, LIMITED, MOST_NAMESPACE_LABELS, OTHER, Labels, Observed, Tallied
from kube9_operator.supervise.messages import Message, Recording, Watching

Counts = dict[str, dict[Labels, int]]


class Figures:
    """Written by the supervisor's loop, read by the HTTP server's thread: what is read is replaced whole, or only grows."""

    def __init__(self) -> None:
        self.counts: dict[str, Counter[Labels]] = {}
        """Of each counter its values, by those of its labels."""
        self.observed = {metric: Observed([0] * (len(bounds) + 1)) for metric, bounds in BOUNDS.items()}
        self.accounting: dict[str, Counter[str]] = {}
        """By source what was received, and what became of it; as in the database, unless that was replaced meanwhile."""
        self.waiting: dict[str, int] = {}
        """Observations in each source's outbox."""
        self.written_ms = 0
        """When the writer last committed."""
        self.trouble = ""
        """Why the database cannot be written at the moment."""
        self._last: dict[str, Counts] = {}
        self._last_observed: dict[str, dict[str, Observed]] = {}
        self._last_accounting: dict[str, dict[str, int]] = {}
        self._started: set[str] = set()

    def started(self, name: str) -> None:
        """A process of that name has been started: it counts from nothing."""
        self._last.pop(name, None)
        self._last_observed.pop(name, None)
        self._count("kube9_process_restarts_total", (name,), 1 if name in self._started else 0)
        self._started.add(name)

    def heard(self, name: str, message: Message) -> None:
        """A child has said something."""
        match message:
            case Tallied(counts, observed):
                self._add(name, counts)
                self._observe(name, observed)
            case Watching(_, waiting, dropped, failures, _):
                self.waiting = self.waiting | waiting
                self._add(
                    name,
                    {
                        "kube9_events_dropped_total": {(): sum(dropped.values())},
                        "kube9_events_watch_errors_total": {(source,): number for source, number in failures.items()},
                    },
                )
            case Recording():
                self.written_ms, self.trouble = message.written_ms or self.written_ms, message.trouble
                self._add_accounting(message.accounting)

    def total(self, metric: str) -> int:
        """A counter, over all values of its labels."""
        return self.counts.get(metric, Counter()).total()

    def _count(self, metric: str, labels: Labels, number: int) -> None:
        self.counts.setdefault(metric, Counter())[labels] += number

    def _add(self, name: str, counts: Counts) -> None:
        """Adds what has been counted since that process last told these."""
        last = self._last.setdefault(name, {})
        for metric, values in counts.items():
            before = last.get(metric, {})
            for labels, number in values.items():
                self._count(metric, self._bounded(metric, labels), max(0, number - before.get(labels, 0)))
        last.update(counts)

    def _bounded(self, metric: str, labels: tuple[str, ...]) -> tuple[str, ...]:
        """The labels, or those of `(other)` where a metric of namespaces has enough: each writer names some of its own."""
        if metric != LIMITED:
            return labels
        known = {namespace for namespace, _ in self.counts.get(metric, ())}
        return labels if labels[0] in known or len(known) < MOST_NAMESPACE_LABELS else (OTHER, *labels[1:])

    def _observe(self, name: str, observed: dict[str, Observed]) -> None:
        last = self._last_observed.get(name, {})
        for metric, now in observed.items():
            before, total = last.get(metric, Observed([0] * len(now.buckets))), self.observed[metric]
            buckets = [sum(three) for three in zip(total.buckets, now.buckets, (-one for one in before.buckets), strict=True)]
            self.observed[metric] = Observed(buckets, total.sum + now.sum - before.sum)
        self._last_observed[name] = observed

    def _add_accounting(self, accounting: dict[str, dict[str, int]]) -> None:
        """The books of a database that was replaced begin at nothing; what was added up before stands."""
        for source, account in accounting.items():
            before = self._last_accounting.get(source, {})
            if any(number < before.get(outcome, 0) for outcome, number in account.items()):
                before = {}
            total = Counter(self.accounting.get(source, {}))
            for outcome, number in account.items():
                total[outcome] += number - before.get(outcome, 0)
            self.accounting = self.accounting | {source: total}
        self._last_accounting = self._last_accounting | accounting
