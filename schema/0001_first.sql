-- The first schema. Times named *_ms are milliseconds since 1970-01-01 UTC. An *_hour is such a time divided by 3,600,000.
-- Narrow rows of integers are stored apart from texts: an update of a count then writes half the pages, and a filter reads a
-- tenth. docs/benchmarks.md has the measurements.

-- The files of schema/ that were applied to this database. Each file is applied in one transaction with its row.
CREATE TABLE schema_version (
    version    INTEGER PRIMARY KEY, -- the number of the file
    name       TEXT NOT NULL,       -- the file's name
    applied_at TEXT NOT NULL        -- UTC, 2025-12-02T10:30:45.123Z
);

-- Single values by name. schema/facts.py has the names.
CREATE TABLE facts (
    name  TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID;

-- Texts that repeat (kinds, namespaces, reasons, nodes, titles), so that rows and indexes hold small integers. 0 is no text.
CREATE TABLE words (
    id   INTEGER PRIMARY KEY,
    word TEXT NOT NULL UNIQUE
) STRICT;
INSERT INTO words (id, word) VALUES (0, '');

-- The objects that events are about, and their owners. Another uid is another object.
CREATE TABLE objects (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL,    -- '' if an Event names no object
    kind      INTEGER NOT NULL, -- words.id
    namespace INTEGER NOT NULL, -- words.id, 0 for cluster-scoped objects
    uid       TEXT NOT NULL,    -- '' if unknown, and for nodes, which are identified by name
    owner     INTEGER           -- objects.id of the controller, as last known; NULL for none or unknown
) STRICT;
CREATE INDEX objects_by_name ON objects (name);
CREATE INDEX objects_by_owner ON objects (owner) WHERE owner IS NOT NULL;

-- One row for each event.
CREATE TABLE events (
    id            INTEGER PRIMARY KEY, -- seconds since 1970 * 36^6 + suffix; as text evt_YYYYMMDD_HHMMSS_xxxxxx (see schema/ids.py)
    last_hour     INTEGER NOT NULL, -- last_ms / 3600000; changes once an hour, so most updates do not touch the indexes
    first_hour    INTEGER NOT NULL, -- first_ms / 3600000
    namespace     INTEGER NOT NULL, -- words.id of the object's namespace
    kind          INTEGER NOT NULL, -- words.id of the object's kind
    severity      INTEGER NOT NULL, -- 0 info, 1 warning, 2 error, 3 critical (schema/codes.py); it only rises
    type          INTEGER NOT NULL, -- 0 cluster, 1 operator, 2 insight, 3 assessment, 4 health, 5 system
    object        INTEGER NOT NULL, -- objects.id
    key_hash      INTEGER NOT NULL, -- 64-bit hash of what belongs together, besides the object: the row of docs/events.md and its key
    first_ms      INTEGER NOT NULL, -- when it first happened, by the source's clock
    last_ms       INTEGER NOT NULL, -- when it last happened, by the source's clock
    created_ms    INTEGER NOT NULL, -- when it was first recorded, by the operator's clock
    recorded_ms   INTEGER NOT NULL, -- when it was last recorded, by the operator's clock; retention uses this time
    count         INTEGER NOT NULL CHECK (count >= 1), -- how often it happened, computed from the next three columns
    lead_events   INTEGER NOT NULL, -- sum of the counts of its primary contributors that are Events
    lead_statuses INTEGER NOT NULL, -- sum of the counts of its primary contributors that are from a status
    stand_in      INTEGER NOT NULL, -- greatest count of one secondary contributor
    reason        INTEGER NOT NULL, -- words.id
    node          INTEGER NOT NULL, -- words.id, 0 where unknown
    title         INTEGER NOT NULL, -- words.id
    text_ms       INTEGER NOT NULL, -- the last time of the contributor that supplied description and metadata …
    text_count    INTEGER NOT NULL, -- … and its count; with its name (texts.contributor) they decide which contributor is the latest
    text_hash     INTEGER NOT NULL  -- 32-bit hash of the row of texts, so that an unchanged text is not read
) STRICT;
-- Answers every filter but the name without reading rows: one walk counts by hour, then only the hours of the wanted page are
-- read. Newest first is the order of the index, except within an hour.
CREATE INDEX events_recent ON events (last_hour, first_hour, namespace, kind, severity, type);
-- The same for one namespace.
CREATE INDEX events_by_namespace ON events (namespace, last_hour, first_hour, kind, severity, type);
-- The events of an object; and for the writer, those with the same key.
CREATE INDEX events_by_object ON events (object, key_hash);

-- Counts how many of the few events that last longer than their first hour began at or after a time.
CREATE INDEX events_long ON events (first_hour, namespace, kind, severity, type) WHERE first_hour <> last_hour;

-- How many events each day has, by namespace, kind, severity and type, so that a total needs no walk over the index: once by the
-- day of the last time and once by the day of the first. The events seen in a range are those with last_ms >= since, less those
-- with first_ms >= until. Triggers keep it correct, whichever program writes events.
CREATE TABLE tallies (
    of_first  INTEGER NOT NULL, -- 0: by the day of last_hour, 1: by the day of first_hour
    day       INTEGER NOT NULL, -- the hour divided by 24
    namespace INTEGER NOT NULL, -- as in events
    kind      INTEGER NOT NULL, -- as in events
    severity  INTEGER NOT NULL, -- as in events
    type      INTEGER NOT NULL, -- as in events
    count     INTEGER NOT NULL,
    PRIMARY KEY (of_first, day, namespace, kind, severity, type)
) STRICT, WITHOUT ROWID;
CREATE TRIGGER tally_insert AFTER INSERT ON events BEGIN
    INSERT INTO tallies VALUES
        (0, NEW.last_hour / 24, NEW.namespace, NEW.kind, NEW.severity, NEW.type, 1),
        (1, NEW.first_hour / 24, NEW.namespace, NEW.kind, NEW.severity, NEW.type, 1)
        ON CONFLICT DO UPDATE SET count = count + excluded.count;
END;
CREATE TRIGGER tally_delete AFTER DELETE ON events BEGIN
    INSERT INTO tallies VALUES
        (0, OLD.last_hour / 24, OLD.namespace, OLD.kind, OLD.severity, OLD.type, -1),
        (1, OLD.first_hour / 24, OLD.namespace, OLD.kind, OLD.severity, OLD.type, -1)
        ON CONFLICT DO UPDATE SET count = count + excluded.count;
    DELETE FROM tallies WHERE count = 0 AND of_first = 0 AND day = OLD.last_hour / 24
        AND namespace = OLD.namespace AND kind = OLD.kind AND severity = OLD.severity AND type = OLD.type;
    DELETE FROM tallies WHERE count = 0 AND of_first = 1 AND day = OLD.first_hour / 24
        AND namespace = OLD.namespace AND kind = OLD.kind AND severity = OLD.severity AND type = OLD.type;
END;
CREATE TRIGGER tally_update AFTER UPDATE OF last_hour, first_hour, severity ON events
    WHEN (OLD.last_hour / 24, OLD.first_hour / 24, OLD.severity) <> (NEW.last_hour / 24, NEW.first_hour / 24, NEW.severity)
BEGIN
    INSERT INTO tallies VALUES
        (0, OLD.last_hour / 24, OLD.namespace, OLD.kind, OLD.severity, OLD.type, -1),
        (1, OLD.first_hour / 24, OLD.namespace, OLD.kind, OLD.severity, OLD.type, -1),
        (0, NEW.last_hour / 24, NEW.namespace, NEW.kind, NEW.severity, NEW.type, 1),
        (1, NEW.first_hour / 24, NEW.namespace, NEW.kind, NEW.severity, NEW.type, 1)
        ON CONFLICT DO UPDATE SET count = count + excluded.count;
    DELETE FROM tallies WHERE count = 0 AND of_first = 0 AND day = OLD.last_hour / 24
        AND namespace = OLD.namespace AND kind = OLD.kind AND severity = OLD.severity AND type = OLD.type;
    DELETE FROM tallies WHERE count = 0 AND of_first = 1 AND day = OLD.first_hour / 24
        AND namespace = OLD.namespace AND kind = OLD.kind AND severity = OLD.severity AND type = OLD.type;
END;

-- The long texts of an event. They are apart from events, so a filter does not read them and a rising count does not write them.
CREATE TABLE texts (
    event       INTEGER PRIMARY KEY, -- events.id
    description TEXT,                -- NULL for none
    metadata    TEXT NOT NULL,       -- JSON object without reason, count and times, which the reader adds
    contributor TEXT NOT NULL,       -- the name of the contributor that supplied the description
    stamps      TEXT                 -- JSON object: for each metadata key of an earlier contributor, its [ms, count, name]
) STRICT;

-- What an event's count consists of: an Event (its namespace, name and first time), or a fact from a status. An Event that goes
-- on after the quiet time has another part, which counts from `base`.
CREATE TABLE contributors (
    event   INTEGER NOT NULL, -- events.id; retention may have deleted the event
    hash    INTEGER NOT NULL, -- 64-bit hash of the contributor's identity
    part    INTEGER NOT NULL, -- 0, 1, …: the parts of one Event, separated by quiet times
    hour    INTEGER NOT NULL, -- the hour of its first time, so that new contributors are neighbours in the index below
    flags   INTEGER NOT NULL, -- 1: primary (otherwise secondary); 2: from a status (otherwise an Event)
    count   INTEGER NOT NULL, -- the highest count that was seen, including base
    base    INTEGER NOT NULL, -- the count at the end of the previous part; 0 for the first part
    last_ms INTEGER NOT NULL, -- the latest time that was seen
    steps   BLOB NOT NULL,    -- occurrences, see schema/steps.py: the first and the newest 199
    PRIMARY KEY (event, hash, part)
) STRICT, WITHOUT ROWID;
CREATE INDEX contributors_by_identity ON contributors (hour, hash, part);

-- The reduced state of each watched object. The next state is compared with it.
CREATE TABLE states (
    source           TEXT NOT NULL, -- pods, nodes, …
    namespace        TEXT NOT NULL, -- '' for cluster-scoped objects
    name             TEXT NOT NULL,
    uid              TEXT NOT NULL,
    resource_version TEXT NOT NULL,
    state            BLOB NOT NULL, -- the fields that are compared, as msgpack
    seen_ms          INTEGER NOT NULL, -- when the state was last confirmed
    PRIMARY KEY (source, namespace, name)
) STRICT, WITHOUT ROWID;

-- Each watch: the version to go on from, and until when it is confirmed.
CREATE TABLE sources (
    source           TEXT PRIMARY KEY,
    version          TEXT,    -- resourceVersion to go on from, stored with what the watch delivered; NULL: list first
    covered_from_ms  INTEGER, -- when the first list began; NULL until it is complete
    proved_until_ms  INTEGER, -- confirmed until: the last time at which a line, a bookmark, a clean end or a list confirmed the watch
    listing_since_ms INTEGER, -- since when a list is running; NULL for none
    unavailable      TEXT     -- why it can be neither listed nor watched (not permitted, not served); NULL if it can
) STRICT, WITHOUT ROWID;

-- Gaps: times in which a source may have missed something.
CREATE TABLE gaps (
    id      INTEGER PRIMARY KEY,
    source  TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms   INTEGER NOT NULL CHECK (to_ms >= from_ms),
    reason  TEXT NOT NULL
) STRICT;
CREATE INDEX gaps_by_source ON gaps (source, to_ms);

-- The accounting: what became of every list item and watch line. received is the sum of the other seven.
CREATE TABLE books (
    source      TEXT PRIMARY KEY,
    received    INTEGER NOT NULL DEFAULT 0,
    stored      INTEGER NOT NULL DEFAULT 0, -- began an event
    updated     INTEGER NOT NULL DEFAULT 0, -- changed an event
    unchanged   INTEGER NOT NULL DEFAULT 0, -- was known already
    filtered    INTEGER NOT NULL DEFAULT 0, -- is not worth an event
    dropped     INTEGER NOT NULL DEFAULT 0, -- was left out under pressure
    refused     INTEGER NOT NULL DEFAULT 0, -- was refused by the database, see dead_letters
    undecodable INTEGER NOT NULL DEFAULT 0, -- did not have the form that the API promises
    CHECK (received = stored + updated + unchanged + filtered + dropped + refused + undecodable)
) STRICT, WITHOUT ROWID;

-- Observations that the database refused because of their content, kept for people to look at.
CREATE TABLE dead_letters (
    id         INTEGER PRIMARY KEY,
    source     TEXT NOT NULL,
    error      TEXT NOT NULL,
    sighting   BLOB NOT NULL,   -- the observation as msgpack, as it came over the queue
    refused_ms INTEGER NOT NULL
) STRICT;
