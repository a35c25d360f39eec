"""Narrow questions to the record before the window. Each answer is bounded, and so is what is read for it."""

from kube9_cli.query.connection import WHOLE, Database
from kube9_operator.analyze import gaps as recorded_gaps
from kube9_operator.analyze.model import Record
from kube9_operator.analyze.records import Records
from kube9_operator.model.ref import Ref

MOST_OBJECTS = 2_000
"""Of one owner, the newest."""
OWNED = f"""WITH RECURSIVE owned (id) AS (
    SELECT o.id FROM objects o JOIN words k ON k.id = o.kind JOIN words n ON n.id = o.namespace
        WHERE o.name = ?1 AND k.word = ?2 AND n.word = ?3 AND (?4 = '' OR o.uid = ?4)
    UNION SELECT o.id FROM owned JOIN objects o ON o.owner = owned.id ORDER BY 1 DESC LIMIT {MOST_OBJECTS})
    SELECT e.id FROM owned JOIN events e INDEXED BY events_by_object ON e.object = owned.id
    WHERE e.type = 0 AND e.last_ms >= ?5 AND e.first_ms < ?6 ORDER BY e.last_ms DESC, e.id DESC LIMIT ?7"""  # noqa: S608
STOPPED = """SELECT e.id FROM objects o JOIN words k ON k.id = o.kind JOIN words n ON n.id = o.namespace
    JOIN controllers c ON c.object = o.id JOIN events e ON e.id = c.event
    WHERE o.name = ?1 AND k.word = ?2 AND n.word = ?3 AND (?4 = '' OR o.uid = ?4)
    AND e.type = 0 AND e.last_ms >= ?5 AND e.first_ms < ?6
    ORDER BY e.last_ms DESC, e.id DESC LIMIT ?7"""
REASON = """SELECT 1 FROM events INDEXED BY events_by_series WHERE last_period IN (
    SELECT id FROM periods WHERE start_ms >= (SELECT coalesce(max(start_ms), 0) FROM periods WHERE start_ms <= ?3))
    AND series IN (SELECT s.id FROM series s JOIN words n ON n.id = s.namespace JOIN words r ON r.id = s.reason
        WHERE n.word = ?1 AND r.word = ?2 AND s.type = 0 AND s.count > 0)
    AND last_ms >= ?3 AND first_ms < ?4 LIMIT 1"""


class RecordHistory:
    """Reads from one database."""

    def __init__(self, database: Database, records: Records, now_ms: int) -> None:
        self._database = database
        self._records = records
        self._now_ms = now_ms

    def of_owner(self, owner: Ref, since_ms: int, until_ms: int, most: int) -> list[Record]:
        """Events of a top owner and of what it owned that touch [since, until), the latest first."""
        values = (owner.name, owner.kind, owner.namespace, owner.uid, since_ms, until_ms, most)
        found = {row[0] for sql in (OWNED, STOPPED) for row in self._database.all(sql, values, (WHOLE,))}
        records = [one.record for one in self._records.read(sorted(found))]
        return sorted(records, key=lambda one: (-one.last_ms, one.id))[:most]

    def has_reason(self, namespace: str, reason: str, since_ms: int, until_ms: int) -> bool:
        """Whether an event of a namespace with this reason touches [since, until)."""
        return bool(self._database.all(REASON, (namespace, reason, since_ms, until_ms), (WHOLE,)))

    def covers(self, source: str, since_ms: int, until_ms: int) -> bool:
        """Whether the record has all of a source in [since, until)."""
        return recorded_gaps.is_covered(self._database, source, since_ms, until_ms, self._now_ms)
