-- Storage, version 2: events are counted and found by what many of them share, and by exact times. The study behind it is in
-- docs/decisions/0004-series-and-periods.md. Columns and tables are added here. Events of an earlier release are moved in slices
-- while recording goes on (kube9_operator/write/events/mover.py); until then their `series` is NULL, and the fact `move_until` is
-- set.

-- What many events share. kube9-cli compares most filters with the few rows of this table instead of with every event.
CREATE TABLE series (
    id          INTEGER PRIMARY KEY,
    namespace   INTEGER NOT NULL, -- as in events
    kind        INTEGER NOT NULL, -- as in events
    severity    INTEGER NOT NULL, -- as in events
    type        INTEGER NOT NULL, -- as in events
    reason      INTEGER NOT NULL, -- as in events
    api_group   INTEGER NOT NULL, -- of the object, as in objects
    source      INTEGER NOT NULL, -- words.id of the component in the event's metadata; 0 if they name none
    place       INTEGER NOT NULL, -- words.id: the object's namespace; for a Namespace its own name
    count       INTEGER NOT NULL DEFAULT 0, -- how many events it has
    occurrences INTEGER NOT NULL DEFAULT 0  -- the sum of their counts
) STRICT;
CREATE UNIQUE INDEX series_by_columns ON series (namespace, kind, reason, severity, type, api_group, source, place);

-- The causes of events: kube9_schema/causes.py makes them of texts. They are apart from words, because they are many.
CREATE TABLE causes (
    id    INTEGER PRIMARY KEY,
    cause TEXT NOT NULL UNIQUE,
    count INTEGER NOT NULL DEFAULT 0 -- how many events it has; without events it is deleted
) STRICT;

-- The events of one cause about one outermost owner, for the summary of all of them.
CREATE TABLE problems (
    root        INTEGER NOT NULL, -- objects.id, as in events
    cause       INTEGER NOT NULL, -- causes.id
    info        INTEGER NOT NULL, -- how many events of this severity it has
    warning     INTEGER NOT NULL,
    error       INTEGER NOT NULL,
    critical    INTEGER NOT NULL,
    occurrences INTEGER NOT NULL, -- the sum of their counts
    PRIMARY KEY (root, cause)
) STRICT, WITHOUT ROWID;

-- Periods divide all time; each lasts until the next one begins. The newest period is cut when it has many events; older ones
-- are not cut again. One begins with each half of a day, too: the marks of a summary over some days begin then.
CREATE TABLE periods (
    id       INTEGER PRIMARY KEY,
    start_ms INTEGER NOT NULL UNIQUE
) STRICT;
INSERT INTO periods (id, start_ms) VALUES (1, 0);

ALTER TABLE events ADD COLUMN series INTEGER;                          -- series.id; NULL if the event is not moved yet
ALTER TABLE events ADD COLUMN last_period INTEGER NOT NULL DEFAULT 0;  -- periods.id of last_ms
ALTER TABLE events ADD COLUMN first_period INTEGER NOT NULL DEFAULT 0; -- periods.id of first_ms
ALTER TABLE events ADD COLUMN span INTEGER NOT NULL DEFAULT 0;         -- how long it lasts, as a class: kube9_schema/spans.py
ALTER TABLE events ADD COLUMN cause INTEGER;                           -- causes.id; NULL if the event is not moved yet
ALTER TABLE events ADD COLUMN root INTEGER;                            -- objects.id: the outermost owner of its object, or the object itself

-- The old indexes and totals go first, so that the new ones take no more room than there is.
DROP INDEX events_recent;
DROP INDEX events_by_namespace;
DROP INDEX events_long;
DROP TRIGGER tally_insert;
DROP TRIGGER tally_delete;
DROP TRIGGER tally_update;
DROP TABLE tallies;

-- In the order of time. Only this index is written whenever a count rises.
CREATE INDEX events_by_time ON events (last_ms, series) WHERE series IS NOT NULL;
-- The events of a series, by period.
CREATE INDEX events_by_series ON events (last_period, series) WHERE series IS NOT NULL;
-- By the first time. An event of a span lasted at a moment only if it began in a known time before it.
CREATE INDEX events_by_first ON events (span, first_ms, series) WHERE series IS NOT NULL;
-- The events of a node.
CREATE INDEX events_by_node ON events (node, last_period, series) WHERE series IS NOT NULL AND node <> 0;

-- How many events each period has, by series, for all series together (0), and by namespace (-1 - words.id): once by the period
-- of the last time and once by that of the first. The events seen in a range are those with last_ms >= since, less those with
-- first_ms >= until. The writer adds up the changes of a transaction and stores them with it
-- (kube9_operator/write/events/filing.py), and the counts of series, causes and problems too: a trigger took four times as long
-- as all four indexes.
CREATE TABLE totals (
    of_first INTEGER NOT NULL, -- 0: by last_period, 1: by first_period
    period   INTEGER NOT NULL, -- periods.id
    series   INTEGER NOT NULL, -- series.id; 0 for all; less than 0 for a namespace
    count    INTEGER NOT NULL,
    PRIMARY KEY (of_first, period, series)
) STRICT, WITHOUT ROWID;

-- How far the move is: it is complete when there is no such fact. There is nothing to move in a new database.
INSERT INTO facts (name, value) SELECT 'move_until', max(id) FROM events HAVING max(id) IS NOT NULL;
