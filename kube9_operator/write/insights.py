"""Stores insights, and makes the events that tell of them. Owns the tables insights and insight_evidence.

A change names the revision that it was computed from, and applies to that one or not at all. So a change that arrives twice, or
after another one, does nothing, and the analyzer computes the next one from what is stored.
"""

from zlib import crc32

import msgspec

from kube9_operator.model.insight import Change, Details, Insight, InsightFrame, Said, most_rows
from kube9_operator.model.observation import INFO, Observation, hash64
from kube9_operator.text import limits, redact
from kube9_operator.write.events.facts import Facts
from kube9_operator.write.sqlite.database import Connection, one, rows
from kube9_schema import facts, ids, tables
from kube9_schema.api_groups import GROUPS
from kube9_schema.codes import CATEGORIES, INSIGHT, INSIGHT_STATUSES, RESOLVED
from kube9_schema.intervals import MS_IN_HOUR

REASONS: dict[Said, str] = {"found": "InsightFound", "escalated": "InsightEscalated", "resolved": "InsightResolved"}
TITLES: dict[Said, str] = {"found": "{}", "escalated": "Worse: {}", "resolved": "Resolved: {}"}
MOST_EVENTS_NAMED = 20
"""So many events of its evidence are named in the event of an insight. `insights get` has all."""
DELETED_AT_ONCE = 100

PUT = tables.insert("insights", replace=True)
OLDEST = "SELECT id FROM insights ORDER BY status <> ?, last_ms LIMIT ?"
EXPIRED = "SELECT id FROM insights WHERE status = ? AND stored_ms < ? LIMIT ?"

_json = msgspec.json.Encoder(order="sorted")


class Insights:
    """Works in the transaction of its caller."""

    def __init__(self, connection: Connection, max_bytes: int) -> None:
        """`max_bytes` is the size limit of the database."""
        self._connection = connection
        self._execute = connection.execute
        self._facts = Facts(connection)
        self.most = most_rows(max_bytes)

    def begin(self, now_ms: int) -> None:
        """Stores since when insights are made, unless it is known."""
        self._execute("INSERT INTO facts VALUES (?, ?) ON CONFLICT DO NOTHING", (facts.INSIGHTS_FROM, now_ms))

    def apply(self, frame: InsightFrame, now_ms: int) -> list[Observation]:
        """Applies the changes of a frame. Returns the events about them, which the caller records."""
        said: list[Observation] = []
        for change in frame.changes:
            insight, secrets = _redacted(change.insight)
            if self._apply(msgspec.structs.replace(change, insight=insight), now_ms):
                said += [observation(insight, each, secrets) for each in change.said]
        self._facts.set(facts.ANALYZED, frame.analyzed_ms)
        return said

    def delete_expired(self, before_ms: int) -> bool:
        """Deletes some resolved insights that were last stored before a time. Returns whether there were any."""
        found = rows(self._connection, EXPIRED, (RESOLVED, before_ms, DELETED_AT_ONCE))
        for (insight,) in found:
            self._delete(insight)
        return bool(found)

    def _apply(self, change: Change, now_ms: int) -> bool:
        """Applies a change if the insight is as it was when the change was computed."""
        insight = change.insight
        row = one(self._connection, "SELECT revision FROM insights WHERE id = ?", (insight.id,))
        if (0 if row is None else row[0]) != insight.revision - 1:
            return False
        if change.dropped:
            self._delete(insight.id)
            return True
        self._execute(PUT, _row(insight, now_ms))
        self._execute("DELETE FROM insight_evidence WHERE insight = ?", (insight.id,))
        for event, role in insight.evidence.items():
            self._execute("INSERT INTO insight_evidence (insight, event, role) VALUES (?, ?, ?)", (insight.id, event, role))
        if row is None:
            self._keep_few()
        return True

    def _keep_few(self) -> None:
        """Deletes the oldest insights if there are too many, resolved ones first."""
        (number,) = one(self._connection, "SELECT count(*) FROM insights") or (0,)
        if number > self.most:
            for (insight,) in rows(self._connection, OLDEST, (RESOLVED, number - self.most)):
                self._delete(insight)

    def _delete(self, insight: str) -> None:
        self._execute("DELETE FROM insights WHERE id = ?", (insight,))
        self._execute("DELETE FROM insight_evidence WHERE insight = ?", (insight,))


def _row(insight: Insight, now_ms: int) -> tables.Insight:
    about = insight.object
    return tables.Insight(
        insight.id,
        insight.subject,
        insight.episode,
        insight.revision,
        insight.rule,
        insight.category,
        insight.severity,
        insight.status,
        about.kind,
        about.group,
        about.namespace,
        about.name,
        about.uid,
        insight.first_ms,
        insight.last_ms,
        insight.created_ms,
        insight.changed_ms,
        now_ms,
        insight.title,
        insight.text,
        _json.encode(insight.details).decode(),
    )


def _redacted(insight: Insight) -> tuple[Insight, int]:
    """The insight without secrets in its texts, and how many there were. What it is made of has none, but together they may."""
    found = 0

    def line(text: str, most: int) -> str:
        nonlocal found
        hidden, secrets = limits.line(text, most)
        found += secrets
        return hidden

    details = insight.details
    figures, secrets = redact.values(details.figures, limits.MAX_METADATA_BYTES)
    details = msgspec.structs.replace(
        details,
        recommendation=line(details.recommendation, limits.MAX_DESCRIPTION_CHARACTERS),
        unknown=[line(one, limits.MAX_DESCRIPTION_CHARACTERS) for one in details.unknown],
        figures=figures,
    )
    title, text = line(insight.title, limits.MAX_TITLE_CHARACTERS), line(insight.text, limits.MAX_DESCRIPTION_CHARACTERS)
    return msgspec.structs.replace(insight, title=title, text=text, details=details), found + secrets


def observation(insight: Insight, said: Said, secrets: int = 0) -> Observation:
    """The event that tells of a change of an insight. Each change has one of its own."""
    about, details = insight.object, insight.details
    key = hash64("insight", insight.id, str(insight.revision), said)
    at_ms = insight.changed_ms
    title = limits.cut(TITLES[said].format(insight.title), limits.MAX_TITLE_CHARACTERS)
    description = limits.cut(_description(insight, said), limits.MAX_DESCRIPTION_CHARACTERS)
    metadata = _json.encode(_metadata(insight)).decode()
    return Observation(
        kind=about.kind,
        namespace=about.namespace,
        name=about.name,
        uid=about.uid,
        key=key,
        contributor=key,
        contributor_hour=at_ms // MS_IN_HOUR,
        contributor_name="",
        primary=True,
        from_status=False,
        count=1,
        first_ms=at_ms,
        last_ms=at_ms,
        event_type=INSIGHT,
        severity=INFO if said == "resolved" else insight.severity,
        title=title,
        description=description,
        metadata=metadata,
        reason=REASONS[said],
        node=details.nodes[0] if len(details.nodes) == 1 else "",
        text_hash=crc32("\0".join((title, description, metadata)).encode("utf-8", "replace")),
        redacted=secrets,
        # Only where a kind of Kubernetes has the same name is the group needed to find the object.
        api_version=f"{about.group}/v1" if about.group and about.kind in GROUPS else "",
    )


def _description(insight: Insight, said: Said) -> str:
    if said != "resolved":
        return insight.text
    ended = {
        "recovered": "It has recovered",
        "deleted": "The object was deleted",
        "evidence expired": "Its evidence has expired",
    }
    return f"{ended.get(insight.details.ended, 'There was no more evidence of it')}. It was: {insight.text}"


def _metadata(insight: Insight) -> dict[str, object]:
    details: Details = insight.details
    known: dict[str, object] = {
        "insight_id": insight.id,
        "category": CATEGORIES[insight.category],
        "rule": insight.rule,
        "status": INSIGHT_STATUSES[insight.status],
        "evidence": [ids.encode(event) for event in list(insight.evidence)[:MOST_EVENTS_NAMED]],
    }
    optional = {
        "container": details.container,
        "recommendation": details.recommendation,
        "ended": details.ended,
        "unknown": details.unknown,
    }
    return known | {key: value for key, value in optional.items() if value}
