-- Insights: what the operator concludes from the record. Events of type `insight` tell of them; these tables hold them as they are.

-- One row for each episode of an insight.
CREATE TABLE insights (
    id         TEXT PRIMARY KEY,    -- ins_ and 16 hexadecimal digits: a hash of rule, owner, container, cause and episode
    subject    INTEGER NOT NULL,    -- 64 bits of rule, owner, container and cause: what all its episodes have in common
    episode    INTEGER NOT NULL,    -- 1, 2, …
    revision   INTEGER NOT NULL,    -- rises with every change. A change names the one that it was computed from
    rule       TEXT NOT NULL,
    category   INTEGER NOT NULL,    -- schema/codes.py
    severity   INTEGER NOT NULL,    -- as in events; it only rises within an episode
    status     INTEGER NOT NULL,    -- schema/codes.py
    kind       TEXT NOT NULL,       -- of the object that it is shown for
    api_group  TEXT NOT NULL,       -- '' for Kubernetes' own kinds
    namespace  TEXT NOT NULL,
    name       TEXT NOT NULL,
    uid        TEXT NOT NULL,
    first_ms   INTEGER NOT NULL,    -- of its evidence
    last_ms    INTEGER NOT NULL,    -- of its evidence
    created_ms INTEGER NOT NULL,    -- when it was concluded first, by the operator's clock
    changed_ms INTEGER NOT NULL,    -- when its status or severity changed last, by the operator's clock
    stored_ms  INTEGER NOT NULL,    -- when it was stored last, by the operator's clock; retention uses this time
    title      TEXT NOT NULL,
    text       TEXT NOT NULL,
    details    TEXT NOT NULL        -- JSON object with the other fields, see kube9_operator/model/insight.py
) STRICT, WITHOUT ROWID;
CREATE INDEX insights_by_subject ON insights (subject, episode);
CREATE INDEX insights_by_time ON insights (status, last_ms);

-- The events that an insight rests on. Retention may have deleted them.
CREATE TABLE insight_evidence (
    insight TEXT NOT NULL,    -- insights.id
    event   INTEGER NOT NULL, -- events.id
    role    INTEGER NOT NULL, -- schema/codes.py
    PRIMARY KEY (insight, event)
) STRICT, WITHOUT ROWID;
CREATE INDEX insight_evidence_by_event ON insight_evidence (event);
