CREATE TRIGGER unsign_inserted_text AFTER INSERT ON texts
    WHEN NEW.event <= (SELECT max(last_event) FROM signatures)
BEGIN
    INSERT OR IGNORE INTO unsigned_events VALUES (NEW.event);
END

CREATE TRIGGER unsign_updated_event AFTER UPDATE OF title, reason, node, object ON events
    WHEN NEW.id <= (SELECT max(last_event) FROM signatures)
    AND (OLD.title, OLD.reason, OLD.node, OLD.object) <> (NEW.title, NEW.reason, NEW.node, NEW.object)
BEGIN
    INSERT OR IGNORE INTO unsigned_events VALUES (NEW.id);
END

CREATE TRIGGER unsign_updated_text AFTER UPDATE OF description, metadata ON texts
    WHEN NEW.event <= (SELECT max(last_event) FROM signatures)
    AND (OLD.description, OLD.metadata) IS NOT (NEW.description, NEW.metadata)
BEGIN
    INSERT OR IGNORE INTO unsigned_events VALUES (NEW.event);
END

CREATE TABLE assessment_checks (
    id       TEXT PRIMARY KEY,    -- PILLAR.SLUG
    name     TEXT NOT NULL,
    pillar   TEXT NOT NULL,       -- words of schema/assessments.py, as all that follow
    severity TEXT NOT NULL
) STRICT, WITHOUT ROWID

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
) STRICT, WITHOUT ROWID

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
) STRICT, WITHOUT ROWID

CREATE TABLE baselines (
    source  TEXT PRIMARY KEY,
    cluster TEXT NOT NULL -- the uid of the namespace kube-system of the listed cluster; '' if it may not be read
) STRICT, WITHOUT ROWID

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
) STRICT, WITHOUT ROWID

CREATE TABLE causes (
    id    INTEGER PRIMARY KEY,
    cause TEXT NOT NULL UNIQUE,
    count INTEGER NOT NULL DEFAULT 0 -- how many events it has; without events it is deleted
) STRICT

CREATE TABLE changes (
    seq  INTEGER PRIMARY KEY, -- rises with each change; becomes the revision of the record. Begins with microseconds since 1970
    what INTEGER NOT NULL,    -- 0 an event changed, 1 an object (and so its events), 2 an event was merged into another, 3 nothing
    id   INTEGER NOT NULL     -- events.id or objects.id
) STRICT

CREATE TABLE collection_types (
    type            TEXT PRIMARY KEY,
    succeeded       INTEGER NOT NULL,
    failed          INTEGER NOT NULL,
    last_id         TEXT NOT NULL,       -- of the last one, so that none counts twice
    last_success_ms INTEGER NOT NULL,    -- 0 for never, as the next one
    last_failure_ms INTEGER NOT NULL,
    last_failure    TEXT NOT NULL        -- why the last one failed; '' if it has not
) STRICT, WITHOUT ROWID

CREATE TABLE collections (
    id           TEXT PRIMARY KEY,    -- coll_ and 32 hexadecimal digits: the time, and a random part
    type         TEXT NOT NULL,       -- words of schema/collections.py, as the state
    cluster      TEXT NOT NULL,       -- cls_ and 32 hexadecimal digits of a hash; '' if the operator may not know
    state        TEXT NOT NULL,
    collected_ms INTEGER NOT NULL,    -- by the operator's clock, as all times here
    payload      TEXT NOT NULL        -- JSON
) STRICT, WITHOUT ROWID

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
) STRICT, WITHOUT ROWID

CREATE TABLE controllers (
    event  INTEGER PRIMARY KEY, -- events.id
    object INTEGER NOT NULL     -- objects.id
) STRICT

CREATE TABLE dead_letters (
    id         INTEGER PRIMARY KEY,
    source     TEXT NOT NULL,
    error      TEXT NOT NULL,
    sighting   BLOB NOT NULL,   -- the observation as msgpack, as it came over the queue
    refused_ms INTEGER NOT NULL
) STRICT

CREATE TABLE departed (
    uid     TEXT PRIMARY KEY, -- of the object that is gone
    owner   BLOB NOT NULL,    -- kind, name and uid of its controller, as msgpack
    gone_ms INTEGER NOT NULL  -- when the deletion was seen, by the operator's clock
) STRICT, WITHOUT ROWID

CREATE TABLE endpoints (
    namespace TEXT NOT NULL,
    service   TEXT NOT NULL,
    known     BLOB NOT NULL, -- msgpack, see kube9_operator/write/resources/detect/endpoints.py
    due_ms    INTEGER,       -- when the loss will have lasted long enough, by the operator's clock; NULL for no loss
    PRIMARY KEY (namespace, service)
) STRICT, WITHOUT ROWID

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
, series INTEGER, last_period INTEGER NOT NULL DEFAULT 0, first_period INTEGER NOT NULL DEFAULT 0, span INTEGER NOT NULL DEFAULT 0, cause INTEGER, root INTEGER) STRICT

CREATE TABLE facts (
    name  TEXT PRIMARY KEY,
    value ANY NOT NULL
) STRICT, WITHOUT ROWID

CREATE TABLE gaps (
    id      INTEGER PRIMARY KEY,
    source  TEXT NOT NULL,
    from_ms INTEGER NOT NULL,
    to_ms   INTEGER NOT NULL CHECK (to_ms >= from_ms),
    reason  TEXT NOT NULL
, event INTEGER) STRICT

CREATE TABLE insight_evidence (
    insight TEXT NOT NULL,    -- insights.id
    event   INTEGER NOT NULL, -- events.id
    role    INTEGER NOT NULL, -- schema/codes.py
    PRIMARY KEY (insight, event)
) STRICT, WITHOUT ROWID

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
) STRICT, WITHOUT ROWID

CREATE TABLE lasting (
    source    TEXT NOT NULL,    -- the source of the object's states
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    key_hash  INTEGER NOT NULL, -- events.key_hash of its event
    uid       TEXT NOT NULL,    -- objects.uid of the object that its event is about
    since_ms  INTEGER NOT NULL, -- when it began
    moved_ms  INTEGER NOT NULL, -- when its event was last moved, by the operator's clock
    PRIMARY KEY (source, namespace, name, key_hash)
) STRICT, WITHOUT ROWID

CREATE TABLE leftovers (
    event    INTEGER PRIMARY KEY, -- events.id of the deleted event
    until_ms INTEGER NOT NULL     -- until when its rows in contributors stay, by the operator's clock
) STRICT

CREATE TABLE mirror_pods (
    uid        TEXT PRIMARY KEY,
    static_uid TEXT NOT NULL,
    gone_ms    INTEGER           -- when it was gone, by our own clock; NULL while it is there
) STRICT, WITHOUT ROWID

CREATE TABLE objects (
    id        INTEGER PRIMARY KEY,
    name      TEXT NOT NULL,    -- '' if an Event names no object
    kind      INTEGER NOT NULL, -- words.id
    namespace INTEGER NOT NULL, -- words.id, 0 for cluster-scoped objects
    uid       TEXT NOT NULL,    -- '' if unknown, and for nodes, which are identified by name
    owner     INTEGER           -- objects.id of the controller, as last known; NULL for none or unknown
, api_group INTEGER NOT NULL DEFAULT 0, api_version INTEGER NOT NULL DEFAULT 0) STRICT

CREATE TABLE periods (
    id       INTEGER PRIMARY KEY,
    start_ms INTEGER NOT NULL UNIQUE
) STRICT

CREATE TABLE problems (
    root        INTEGER NOT NULL, -- objects.id, as in events
    cause       INTEGER NOT NULL, -- causes.id
    info        INTEGER NOT NULL, -- how many events of this severity it has
    warning     INTEGER NOT NULL,
    error       INTEGER NOT NULL,
    critical    INTEGER NOT NULL,
    occurrences INTEGER NOT NULL, -- the sum of their counts
    PRIMARY KEY (root, cause)
) STRICT, WITHOUT ROWID

CREATE TABLE scalings (
    namespace       TEXT NOT NULL,
    name            TEXT NOT NULL,    -- of the Deployment
    uid             TEXT NOT NULL,
    at_ms           INTEGER NOT NULL,
    replicas_after  INTEGER NOT NULL,
    replicas_before INTEGER NOT NULL, -- -1 if the Event does not say it
    PRIMARY KEY (namespace, name, uid, at_ms, replicas_after)
) STRICT, WITHOUT ROWID

CREATE TABLE schema_version (
    version    INTEGER PRIMARY KEY, -- the number of the file
    name       TEXT NOT NULL,       -- the file's name
    applied_at TEXT NOT NULL        -- UTC, 2025-12-02T10:30:45.123Z
)

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
) STRICT

CREATE TABLE service_pods (
    namespace TEXT NOT NULL,
    service   TEXT NOT NULL,
    uid       TEXT NOT NULL,    -- of the pod
    from_ms   INTEGER NOT NULL, -- since when, by our own clock; 0: since before services were watched
    pod       TEXT NOT NULL,    -- its name
    to_ms     INTEGER,          -- until when; NULL: still
    PRIMARY KEY (namespace, service, uid, from_ms)
) STRICT, WITHOUT ROWID

CREATE TABLE signatures (
    last_event INTEGER PRIMARY KEY, -- events.id: the block has all events after the last one of the block before
    plain      INTEGER NOT NULL,    -- 1 if all of its texts are ASCII, and no metadata have a backslash
    bits       BLOB NOT NULL        -- of descriptions; of names of objects, titles, reasons and nodes; of metadata
) STRICT

CREATE TABLE slices (
    namespace TEXT NOT NULL,
    service   TEXT NOT NULL,
    name      TEXT NOT NULL,
    PRIMARY KEY (namespace, service, name)
) STRICT, WITHOUT ROWID

CREATE TABLE sources (
    source           TEXT PRIMARY KEY,
    version          TEXT,    -- resourceVersion to go on from, stored with what the watch delivered; NULL: list first
    covered_from_ms  INTEGER, -- when the first list began; NULL until it is complete
    proved_until_ms  INTEGER, -- confirmed until: the last time at which a line, a bookmark, a clean end or a list confirmed the watch
    listing_since_ms INTEGER, -- since when a list is running; NULL for none
    unavailable      TEXT     -- why it can be neither listed nor watched (not permitted, not served); NULL if it can
, unavailable_since_ms INTEGER) STRICT, WITHOUT ROWID

CREATE TABLE states (
    source           TEXT NOT NULL, -- pods, nodes, …
    namespace        TEXT NOT NULL, -- '' for cluster-scoped objects
    name             TEXT NOT NULL,
    uid              TEXT NOT NULL,
    resource_version TEXT NOT NULL,
    state            BLOB NOT NULL, -- the fields that are compared, as msgpack
    seen_ms          INTEGER NOT NULL, -- when the state was last confirmed
    PRIMARY KEY (source, namespace, name)
) STRICT, WITHOUT ROWID

CREATE TABLE texts (
    event       INTEGER PRIMARY KEY, -- events.id
    description TEXT,                -- NULL for none
    metadata    TEXT NOT NULL,       -- JSON object without reason, count and times, which the reader adds
    contributor TEXT NOT NULL,       -- the name of the contributor that supplied the description
    stamps      TEXT                 -- JSON object: for each metadata key of an earlier contributor, its [ms, count, name]
) STRICT

CREATE TABLE totals (
    of_first INTEGER NOT NULL, -- 0: by last_period, 1: by first_period
    period   INTEGER NOT NULL, -- periods.id
    series   INTEGER NOT NULL, -- series.id; 0 for all; less than 0 for a namespace
    count    INTEGER NOT NULL,
    PRIMARY KEY (of_first, period, series)
) STRICT, WITHOUT ROWID

CREATE TABLE unsigned_events (
    event INTEGER PRIMARY KEY -- events.id; retention may have deleted the event
) STRICT

CREATE TABLE waiting (
    source    TEXT NOT NULL,    -- of the object's states
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    since_ms  INTEGER NOT NULL, -- since when it waits
    due_ms    INTEGER,          -- when it has waited for long; NULL if that is recorded
    PRIMARY KEY (source, namespace, name)
) STRICT, WITHOUT ROWID

CREATE TABLE words (
    id   INTEGER PRIMARY KEY,
    word TEXT NOT NULL UNIQUE
) STRICT

CREATE INDEX assessment_results_by_check ON assessment_results (check_id, assessment)

CREATE INDEX contributors_by_identity ON contributors (hour, hash, part)

CREATE INDEX controllers_by_object ON controllers (object)

CREATE INDEX departed_by_time ON departed (gone_ms)

CREATE INDEX endpoints_by_due ON endpoints (due_ms) WHERE due_ms IS NOT NULL

CREATE INDEX events_by_first ON events (span, first_ms, series) WHERE series IS NOT NULL

CREATE INDEX events_by_node ON events (node, last_period, series) WHERE series IS NOT NULL AND node <> 0

CREATE INDEX events_by_object ON events (object, key_hash)

CREATE INDEX events_by_series ON events (last_period, series) WHERE series IS NOT NULL

CREATE INDEX events_by_time ON events (last_ms, series) WHERE series IS NOT NULL

CREATE INDEX gaps_by_event ON gaps (event)

CREATE INDEX gaps_by_source ON gaps (source, to_ms)

CREATE INDEX insight_evidence_by_event ON insight_evidence (event)

CREATE INDEX insights_by_subject ON insights (subject, episode)

CREATE INDEX insights_by_time ON insights (status, last_ms)

CREATE INDEX lasting_by_moved ON lasting (moved_ms)

CREATE INDEX leftovers_by_time ON leftovers (until_ms)

CREATE INDEX objects_by_name ON objects (name)

CREATE INDEX objects_by_owner ON objects (owner) WHERE owner IS NOT NULL

CREATE INDEX scalings_by_time ON scalings (at_ms)

CREATE UNIQUE INDEX series_by_columns ON series (namespace, kind, reason, severity, type, api_group, source, place)

CREATE INDEX service_pods_by_end ON service_pods (to_ms) WHERE to_ms IS NOT NULL

CREATE INDEX service_pods_by_uid ON service_pods (uid)

CREATE INDEX waiting_by_due ON waiting (source, due_ms) WHERE due_ms IS NOT NULL
