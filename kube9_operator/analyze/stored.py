"""Reads the stored insights, as far as the next look needs them."""

from collections.abc import Callable, Iterable, Sequence

import msgspec

from kube9_cli.query.connection import TEXT, WHOLE, Database, Types
from kube9_operator.model.insight import Details, Insight
from kube9_operator.model.ref import Ref
from kube9_schema.codes import RESOLVED

AT_ONCE = 100
COLUMNS = """i.id, i.subject, i.episode, i.revision, i.rule, i.category, i.severity, i.status, i.kind, i.api_group, i.namespace,
    i.name, i.uid, i.first_ms, i.last_ms, i.created_ms, i.changed_ms, i.title, i.text, i.details"""
TYPES: Types = (
    *(TEXT, WHOLE, WHOLE, WHOLE, TEXT, WHOLE, WHOLE, WHOLE, TEXT, TEXT, TEXT, TEXT, TEXT),
    *(WHOLE, WHOLE, WHOLE, WHOLE, TEXT, TEXT, TEXT),
)
UNRESOLVED = f"""SELECT {COLUMNS} FROM insights i WHERE i.status < {RESOLVED} AND i.id > ? ORDER BY i.id LIMIT {AT_ONCE}"""  # noqa: S608
LAST = f"""SELECT {COLUMNS} FROM insights i WHERE i.subject IN ({{}})
    AND i.episode = (SELECT max(episode) FROM insights WHERE subject = i.subject)"""  # noqa: S608
EVIDENCE = "SELECT insight, event, role FROM insight_evidence WHERE insight IN ({}) ORDER BY event"
LEFT = """SELECT DISTINCT x.insight FROM insight_evidence x JOIN events e ON e.id = x.event WHERE x.insight IN ({})"""

_details = msgspec.json.Decoder(Details)


class StoredInsights:
    """Reads from one database, in slices: `pause` is called between them."""

    def __init__(self, database: Database, pause: Callable[[], None]) -> None:
        self._database = database
        self._pause = pause

    def unresolved(self) -> list[Insight]:
        """All insights that are not resolved."""
        found: list[Insight] = []
        while some := self._insights(UNRESOLVED, (found[-1].id if found else "",)):
            found += some
            self._pause()
        return found

    def last_of(self, subjects: Iterable[int]) -> list[Insight]:
        """The last episode of each of these subjects."""
        found: list[Insight] = []
        for some in _some(sorted(subjects)):
            found += self._insights(LAST.format(_marks(some)), tuple(some))
            self._pause()
        return found

    def expired(self, insights: Iterable[Insight]) -> frozenset[str]:
        """The ids of those of whose evidence nothing is left."""
        wanted = sorted(one.id for one in insights if one.evidence)
        left: set[str] = set()
        for some in _some(wanted):
            left |= {row[0] for row in self._database.all(LEFT.format(_marks(some)), tuple(some), (TEXT,))}
            self._pause()
        return frozenset(set(wanted) - left)

    def _insights(self, sql: str, values: tuple[object, ...]) -> list[Insight]:
        rows = self._database.all(sql, values, TYPES)
        names = [row[0] for row in rows]
        evidence: dict[str, dict[int, int]] = {name: {} for name in names}
        for insight, event, role in self._database.all(EVIDENCE.format(_marks(names)), tuple(names), (TEXT, WHOLE, WHOLE)):
            evidence[insight][event] = role
        return [
            Insight(
                id=row[0],
                subject=row[1],
                episode=row[2],
                revision=row[3],
                rule=row[4],
                category=row[5],
                severity=row[6],
                status=row[7],
                object=Ref(*row[8:13]),
                first_ms=row[13],
                last_ms=row[14],
                created_ms=row[15],
                changed_ms=row[16],
                title=row[17],
                text=row[18],
                details=_details.decode(row[19]),
                evidence=evidence[row[0]],
            )
            for row in rows
        ]


def _some(values: Sequence[object]) -> Iterable[Sequence[object]]:
    return (values[at : at + AT_ONCE] for at in range(0, len(values), AT_ONCE))


def _marks(values: Sequence[object]) -> str:
    return ", ".join("?" * len(values))
