-- What the writer keeps beside the states of objects, to tell a change from what was always so, and what goes on from what is over.

-- Sources of which states holds a complete list: only there an object that is not kept is one that was not there before.
CREATE TABLE baselines (
    source  TEXT PRIMARY KEY,
    cluster TEXT NOT NULL -- the uid of the namespace kube-system of the cluster that was listed, '' where it may not be read
) STRICT, WITHOUT ROWID;

-- What lasts: the last time of its event is moved every few minutes, and to the end when it ends.
CREATE TABLE lasting (
    source    TEXT NOT NULL,    -- of the object's states
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    key_hash  INTEGER NOT NULL, -- events.key_hash of what lasts
    uid       TEXT NOT NULL,    -- objects.uid of what its events are about
    since_ms  INTEGER NOT NULL, -- when it began
    moved_ms  INTEGER NOT NULL, -- when its event was last moved, by our clock
    PRIMARY KEY (source, namespace, name, key_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX lasting_by_moved ON lasting (moved_ms);

-- Which EndpointSlices a service has; their endpoints are in states.
CREATE TABLE slices (
    namespace TEXT NOT NULL,
    service   TEXT NOT NULL,
    name      TEXT NOT NULL,
    PRIMARY KEY (namespace, service, name)
) STRICT, WITHOUT ROWID;

-- How many ready endpoints each service had of late, and a loss of them that has not lasted for the settle time yet.
CREATE TABLE endpoints (
    namespace TEXT NOT NULL,
    service   TEXT NOT NULL,
    known     BLOB NOT NULL, -- msgpack, see write/resources/detect/endpoints.py
    due_ms    INTEGER,       -- when the loss will have lasted long enough, by our clock; NULL where there is none
    PRIMARY KEY (namespace, service)
) STRICT, WITHOUT ROWID;
CREATE INDEX endpoints_by_due ON endpoints (due_ms) WHERE due_ms IS NOT NULL;

-- Owners of objects that are gone, for Events that come after that.
CREATE TABLE departed (
    uid     TEXT PRIMARY KEY, -- of the object that is gone
    owner   BLOB NOT NULL,    -- msgpack of its controller's kind, name and uid
    gone_ms INTEGER NOT NULL  -- when that was seen, by our clock
) STRICT, WITHOUT ROWID;
CREATE INDEX departed_by_time ON departed (gone_ms);

-- Of events about something that several controllers share (a quota) the controller that it befell.
CREATE TABLE controllers (
    event  INTEGER PRIMARY KEY, -- events.id
    object INTEGER NOT NULL     -- objects.id
) STRICT;
CREATE INDEX controllers_by_object ON controllers (object);
