"""The columns of the tables that more than one module reads or writes whole, in the order of the SQL files.

A row is a named tuple, so that a column is declared once, with its type. tests/unit/test_tables.py compares them with a
migrated database. The SQL files explain what the columns mean.
"""

from typing import NamedTuple


class Event(NamedTuple):
    """A row of `events`."""

    id: int
    last_hour: int
    first_hour: int
    namespace: int
    kind: int
    severity: int
    type: int
    object: int
    key_hash: int
    first_ms: int
    last_ms: int
    created_ms: int
    recorded_ms: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nothing needs
    lead_events: int
    lead_statuses: int
    stand_in: int
    reason: int
    node: int
    title: int
    text_ms: int
    text_count: int
    text_hash: int
    series: int | None
    last_period: int
    first_period: int
    span: int
    cause: int | None
    root: int | None


class Text(NamedTuple):
    """A row of `texts`."""

    event: int
    description: str | None
    metadata: str
    contributor: str
    stamps: str | None


class Contributor(NamedTuple):
    """A row of `contributors`."""

    event: int
    hash: int
    part: int
    hour: int
    flags: int
    count: int  # type: ignore[assignment]  # hides tuple.count, which nothing needs
    base: int
    last_ms: int
    steps: bytes


class Accounting(NamedTuple):
    """A row of `books`: received is the sum of the other seven."""

    source: str
    received: int = 0
    stored: int = 0
    updated: int = 0
    unchanged: int = 0
    filtered: int = 0
    dropped: int = 0
    refused: int = 0
    undecodable: int = 0


class Insight(NamedTuple):
    """A row of `insights`."""

    id: str
    subject: int
    episode: int
    revision: int
    rule: str
    category: int
    severity: int
    status: int
    kind: str
    api_group: str
    namespace: str
    name: str
    uid: str
    first_ms: int
    last_ms: int
    created_ms: int
    changed_ms: int
    stored_ms: int
    title: str
    text: str
    details: str


class AssessmentCheck(NamedTuple):
    """A row of `assessment_checks`."""

    id: str
    name: str
    pillar: str
    severity: str


class Assessment(NamedTuple):
    """A row of `assessments`."""

    id: str
    origin: str
    mode: str
    pillar: str
    check_id: str
    state: str
    requested_ms: int
    started_ms: int
    completed_ms: int | None
    checks: int
    failure: str


class AssessmentResult(NamedTuple):
    """A row of `assessment_results`."""

    assessment: str
    check_id: str
    status: str
    message: str
    remediation: str
    offenders: str
    offenders_total: int
    error_code: str
    assessed_ms: int
    duration_ms: int


class Collection(NamedTuple):
    """A row of `collections`."""

    id: str
    type: str
    cluster: str
    state: str
    collected_ms: int
    payload: str


class CollectionType(NamedTuple):
    """A row of `collection_types`."""

    type: str
    succeeded: int
    failed: int
    last_id: str
    last_success_ms: int
    last_failure_ms: int
    last_failure: str


COLUMNS = {
    "events": Event._fields,
    "texts": Text._fields,
    "contributors": Contributor._fields,
    "books": Accounting._fields,
    "insights": Insight._fields,
    "assessment_checks": AssessmentCheck._fields,
    "assessments": Assessment._fields,
    "assessment_results": AssessmentResult._fields,
    "collections": Collection._fields,
    "collection_types": CollectionType._fields,
}


def columns(table: str) -> str:
    """The columns of a table for a SELECT or an INSERT."""
    return ", ".join(COLUMNS[table])


def insert(table: str, *, replace: bool = False) -> str:
    """The statement that inserts a row of a table."""
    verb = "INSERT OR REPLACE" if replace else "INSERT"
    marks = ", ".join("?" * len(COLUMNS[table]))
    return f"{verb} INTO {table} ({columns(table)}) VALUES ({marks})"
