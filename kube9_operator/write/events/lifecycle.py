"""What the database says about its writer: start, end, last commit, migrations, health, and how long events are kept."""

import msgspec

from kube9_operator import __version__
from kube9_operator.model import operator_event
from kube9_operator.model.observation import INFO, Observation, hash64
from kube9_operator.settings import Settings
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.facts import Facts
from kube9_operator.write.sqlite import database
from kube9_schema import facts


class Lifecycle:
    """Works in the transaction of its caller."""

    def __init__(self, connection: database.Connection, coverage: Coverage) -> None:
        self._connection = connection
        self._facts = Facts(connection)
        self._coverage = coverage

    def last_commit_ms(self) -> int:
        """When a writer committed last, in ms since 1970; 0 if none ever did."""
        return self._facts.number(facts.LAST_COMMIT, 0)

    def started(self, now_ms: int) -> None:
        """Stores the start of the writer. If migrations came before it, that is an operator event."""
        migrated = self._migrated()
        if migrated is not None:
            self._coverage.record_operator_event(migrated)
        self._connection.execute("INSERT INTO facts VALUES (?, ?) ON CONFLICT DO NOTHING", (facts.FIRST_START, now_ms))
        self._facts.set(facts.STARTED, now_ms)
        self._facts.set(facts.OPERATOR_VERSION, __version__)
        self._connection.execute("DELETE FROM facts WHERE name = ?", (facts.STOPPED,))

    def stopped(self, now_ms: int) -> None:
        """Stores that the writer ended because it was asked to."""
        self._facts.set(facts.STOPPED, now_ms)

    def alive(self, now_ms: int) -> None:
        """Stores that the writer could write at this time."""
        self._facts.set(facts.LAST_COMMIT, now_ms)

    def health(self, document: str) -> None:
        """Stores the operator's health: JSON, see `facts.HEALTH`."""
        self._facts.set(facts.HEALTH, document)

    def retention(self, info_warning_ms: int, error_critical_ms: int) -> None:
        """Stores how long events are kept by their severity."""
        for name, age_ms in zip(facts.RETENTION, (info_warning_ms, error_critical_ms), strict=True):
            self._facts.set(name, age_ms)

    def rules(self, settings: Settings, now_ms: int) -> None:
        """Stores since when Events are recorded by these rules, for conclusions from what was not there before."""
        chosen = (__version__, settings.rules, sorted(settings.reasons_include), sorted(settings.reasons_exclude))
        told = hash64(msgspec.json.encode(chosen).decode(), str(settings.wait_minutes))
        if self._facts.number(facts.RULES, 0) != told:
            self._facts.set(facts.RULES, told)
            self._facts.set(facts.RULES_SINCE, now_ms)

    def _migrated(self) -> Observation | None:
        """The event about the migrations since the last commit. The database has their times in whole seconds."""
        rows = database.rows(
            self._connection,
            """SELECT version, unixepoch(applied_at) * 1000 FROM schema_version
            WHERE ?1 > 0 AND unixepoch(applied_at) > ?1 / 1000 ORDER BY version""",
            (self.last_commit_ms(),),
        )
        if not rows:
            return None
        before, (after, at_ms) = rows[0][0] - 1, rows[-1]
        text = f"kube9-operator {__version__} migrated the database from schema version {before} to {after}"
        facts = {"previous": before, "current": after}
        return operator_event.observation(
            "DatabaseMigrated", INFO, "Database migrated", text, at_ms, facts, operator_event.SYSTEM
        )
