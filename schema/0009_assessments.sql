-- Assessments: how the cluster is configured, looked at by checks. Events of type `assessment` tell of them.

-- The checks of the newest program that has written this database, and of earlier ones.
CREATE TABLE assessment_checks (
    id       TEXT PRIMARY KEY,    -- PILLAR.SLUG
    name     TEXT NOT NULL,
    pillar   TEXT NOT NULL,       -- words of schema/assessments.py, as all that follow
    severity TEXT NOT NULL
) STRICT, WITHOUT ROWID;

-- One row for each assessment. Ids rise with the time at which it was requested.
CREATE TABLE assessments (
    id           TEXT PRIMARY KEY,    -- asm_ and 17 hexadecimal digits: the time, and a random part
    origin       TEXT NOT NULL,
    mode         TEXT NOT NULL,
    pillar       TEXT NOT NULL,       -- '' unless the mode is pillar
    check_id     TEXT NOT NULL,       -- '' unless the mode is single-check
    state        TEXT NOT NULL,
    requested_ms INTEGER NOT NULL,    -- by the operator's clock, as all times here
    started_ms   INTEGER NOT NULL,
    completed_ms INTEGER,             -- NULL while it runs
    checks       INTEGER NOT NULL,    -- how many it has
    failure      TEXT NOT NULL        -- why it failed; '' if it has not
) STRICT, WITHOUT ROWID;

-- What each check gave.
CREATE TABLE assessment_results (
    assessment      TEXT NOT NULL,    -- assessments.id
    check_id        TEXT NOT NULL,    -- assessment_checks.id
    status          TEXT NOT NULL,
    message         TEXT NOT NULL,
    remediation     TEXT NOT NULL,
    offenders       TEXT NOT NULL,    -- JSON list of the first few
    offenders_total INTEGER NOT NULL,
    error_code      TEXT NOT NULL,
    assessed_ms     INTEGER NOT NULL,
    duration_ms     INTEGER NOT NULL,
    PRIMARY KEY (assessment, check_id)
) STRICT, WITHOUT ROWID;
CREATE INDEX assessment_results_by_check ON assessment_results (check_id, assessment);
