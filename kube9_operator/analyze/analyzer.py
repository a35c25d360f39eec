"""The analyzer process: looks at the record every minute, and sends what has changed in the insights to the writer.

It only reads the database. What it keeps in memory is a copy of what is stored, so it may be killed at any time.
"""

import time
from collections import Counter
from collections.abc import Iterable, Sequence
from pathlib import Path
from typing import Any, Protocol

import msgspec

from kube9_cli.errors import QueryError
from kube9_cli.query.connection import Database
from kube9_operator import logs
from kube9_operator.analyze import gaps as recorded_gaps
from kube9_operator.analyze.episodes import Known, advance, subjects_of
from kube9_operator.analyze.limits import Limits
from kube9_operator.analyze.model import Finding, Window
from kube9_operator.analyze.rules import RULES
from kube9_operator.analyze.stored import StoredInsights
from kube9_operator.analyze.window import WindowReader
from kube9_operator.clock import now_ms
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.findings import MAX_FINDING_BYTES
from kube9_operator.model.insight import Change, Insight, InsightFrame, most_rows
from kube9_operator.model.tally import LOOK, Labels
from kube9_operator.settings import Settings
from kube9_operator.supervise.findings import Findings
from kube9_operator.supervise.link import Link
from kube9_operator.supervise.messages import AnalyzerReport
from kube9_schema import DATABASE_NAME, facts, ids
from kube9_schema.codes import ACTIVE, CATEGORIES, QUIET, SEVERITIES

SLICE_SECONDS = 30.0
"""Every query may take this long. Most take some milliseconds."""
CACHE_KIB = 256
"""SQLite's page cache. The window is in memory anyway."""
MOST_UNRESOLVED = 300
MOST_FAILURES = 10
"""After so many looks that have failed one after the other, the process ends, and health says why."""
ERRORS = "kube9_insight_rule_errors_total"


class Sender(Protocol):
    """The way to the writer."""

    def send(self, finding: Any) -> bool:
        """Hands a frame over. Returns False if this process has to stop first."""

    def flush(self) -> bool:
        """Waits until everything is committed. Returns False if this process has to stop first."""


class Stopped(Exception):
    """Raised in the middle of a look if the process has to stop."""


def run(link: Link, pipe: Any, settings: Settings, deadlines: Deadlines) -> None:
    """Looks at the record every minute until the link says stop."""
    path = str(Path(settings.database_folder) / DATABASE_NAME)
    most = min(MOST_UNRESOLVED, most_rows(settings.database_max_mib * 2**20) // 2)
    analyzer = Analyzer(link, path, Findings(link, pipe), settings.insights_limits, most)
    while not link.stop.is_set():
        due = time.monotonic() + settings.insights_interval_seconds
        analyzer.look(now_ms())
        while not link.stop.wait(min(deadlines.beat, max(0.0, due - time.monotonic()))) and time.monotonic() < due:
            link.beat("waiting", report=analyzer.report)


class Analyzer:
    """Looks at one database."""

    def __init__(self, link: Link, path: str, sender: Sender, limits: Limits, most: int = MOST_UNRESOLVED) -> None:
        self._link = link
        self._path = path
        self._sender = sender
        self._limits = limits
        self._most = most
        self._database: Database | None = None
        self._reader: WindowReader | None = None
        self._failures = 0
        self._failing: set[str] = set()
        """The rules that failed in the last look."""
        self._report = AnalyzerReport(0, {})

    def report(self) -> AnalyzerReport:
        """When it last looked, and how many insights are not resolved."""
        return self._report

    def look(self, at_ms: int) -> None:
        """Looks once. A database that cannot be read is looked at again the next time; raises if that lasts."""
        began = time.monotonic()
        try:
            self._look(at_ms)
        except Stopped:
            return
        except QueryError as error:
            self._failures += 1
            if self._failures == 1:
                logs.get().warning("insights.delayed", error=f"{error}: {error.details}")
            if self._failures == MOST_FAILURES:
                raise
            return
        if self._failures:
            logs.get().info("insights.restored", looks=self._failures)
        self._failures = 0
        self._link.tally.observe(LOOK, time.monotonic() - began)

    def _look(self, at_ms: int) -> None:
        database, reader = self._opened()
        window = reader.read(at_ms)
        found, failed = self._findings(window)
        stored = StoredInsights(database, self._pause)
        unresolved = stored.unresolved()
        known_ids = {one.id for one in unresolved}
        latest = [one for one in stored.last_of(subjects_of(found, unresolved)) if one.id not in known_ids]
        numbers = {one.event_id: ids.decode(one.event_id) or 0 for each in found for one in each.evidence}
        known = Known(
            now_ms=at_ms,
            gaps=window.gaps,
            from_ms=recorded_gaps.fact(database, facts.INSIGHTS_FROM),
            expired=stored.expired(unresolved),
            about={text: reader.owners(number) for text, number in numbers.items()},
            nodes={text: reader.node(number) for text, number in numbers.items()},
            failed=failed,
            gone=frozenset(one.id for one in unresolved if window.states.is_gone(one.details.owner)),
            most=self._most,
        )
        changes = advance(found, [*unresolved, *latest], known, self._limits.life_cycle)
        for frame in frames(changes, at_ms):
            if not self._sender.send(frame):
                raise Stopped
        if not self._sender.flush():
            raise Stopped
        self._report = AnalyzerReport(at_ms, _counted(unresolved, changes))

    def _opened(self) -> tuple[Database, WindowReader]:
        """The database, opened anew: another file may be in its place."""
        if self._database is None or self._reader is None:
            self._database = Database(self._path, SLICE_SECONDS, lambda: 0.0, CACHE_KIB)
            self._reader = WindowReader(self._database, self._pause)
        else:
            self._database.reopen()
        return self._database, self._reader

    def _pause(self) -> None:
        """Between two slices: shows that it is alive, and gives the next query its time. Raises Stopped."""
        self._link.beat("looking")
        if self._link.stop.is_set():
            raise Stopped
        if self._database is not None:
            self._database.renew()

    def _findings(self, window: Window) -> tuple[list[Finding], frozenset[str]]:
        """What the rules find, and which of them have failed. A rule that fails costs only its own findings."""
        found: list[Finding] = []
        failed: set[str] = set()
        for name, rule in RULES.items():
            try:
                found += list(rule(window, self._limits.thresholds))
            except QueryError:
                raise
            except Exception as error:
                failed.add(name)
                self._link.tally.add(ERRORS, name)
                if name not in self._failing:
                    logs.get().error("insights.rule_failed", rule=name, error=logs.one_line(error))
                    logs.get().debug("insights.rule_failed.traceback", exc_info=True)
            self._pause()
        self._failing = failed
        return found, frozenset(failed)


def frames(changes: Sequence[Change], at_ms: int) -> Iterable[InsightFrame]:
    """The changes as frames that fit into the pipe; one without changes says that there were none."""
    some: list[Change] = []
    size = 0
    for change in changes:
        more = len(msgspec.msgpack.encode(change))
        if some and size + more > MAX_FINDING_BYTES // 2:
            yield InsightFrame(some, at_ms)
            some, size = [], 0
        some.append(change)
        size += more
    yield InsightFrame(some, at_ms)


def _counted(stored: Iterable[Insight], changes: Iterable[Change]) -> dict[Labels, int]:
    """How many insights are active or quiet after the changes, by category and severity."""
    left = {one.id: one for one in stored}
    left |= {change.insight.id: change.insight for change in changes}
    dropped = {change.insight.id for change in changes if change.dropped}
    return Counter(
        (CATEGORIES[one.category], SEVERITIES[one.severity])
        for one in left.values()
        if one.status in (ACTIVE, QUIET) and one.id not in dropped
    )
