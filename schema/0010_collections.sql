-- Collections: what the cluster consists of, in numbers, without names. docs/collections.md describes them.

-- One row for each collection that did not fail. Ids rise with the time at which it was due.
CREATE TABLE collections (
    id           TEXT PRIMARY KEY,    -- coll_ and 32 hexadecimal digits: the time, and a random part
    type         TEXT NOT NULL,       -- words of schema/collections.py, as the state
    cluster      TEXT NOT NULL,       -- cls_ and 32 hexadecimal digits of a hash; '' if the operator may not know
    state        TEXT NOT NULL,
    collected_ms INTEGER NOT NULL,    -- by the operator's clock, as all times here
    payload      TEXT NOT NULL        -- JSON
) STRICT, WITHOUT ROWID;

-- What became of the collections of a type, those that failed or were deleted included.
CREATE TABLE collection_types (
    type            TEXT PRIMARY KEY,
    succeeded       INTEGER NOT NULL,
    failed          INTEGER NOT NULL,
    last_id         TEXT NOT NULL,       -- of the last one, so that none counts twice
    last_success_ms INTEGER NOT NULL,    -- 0 for never, as the next one
    last_failure_ms INTEGER NOT NULL,
    last_failure    TEXT NOT NULL        -- why the last one failed; '' if it has not
) STRICT, WITHOUT ROWID;
