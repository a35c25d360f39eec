-- What the writer stores besides the states of objects, to know what has changed, and what is still going on.

-- Sources with a complete list in states. Only for these, an object without a state is a new object.
CREATE TABLE baselines (
    source  TEXT PRIMARY KEY,
    cluster TEXT NOT NULL -- the uid of the namespace kube-system of the listed cluster; '' if it may not be read
) STRICT, WITHOUT ROWID;

-- Ongoing problems. The last time of an ongoing event is moved every few minutes, and to the end when the problem ends.
CREATE TABLE lasting (
    source    TEXT NOT NULL,    -- the source of the object's states
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    key_hash  INTEGER NOT NULL, -- events.key_hash of its event
    uid       TEXT NOT NULL,    -- objects.uid of the object that its event is about
    since_ms  INTEGER NOT NULL, -- when it began
    moved_ms  INTEGER NOT NULL, -- when its event was last moved, by the operator's clock
    PRIMARY KEY (source, namespace, name, key_hash)
) STRICT, WITHOUT ROWID;
CREATE INDEX lasting_by_moved ON lasting (moved_ms);

-- The EndpointSlices of each service. Their endpoints are in states.
CREATE TABLE slices (
    namespace TEXT NOT NULL,
    service   TEXT NOT NULL,
    name      TEXT NOT NULL,
    PRIMARY KEY (namespace, service, name)
) STRICT, WITHOUT ROWID;

-- How many ready endpoints each service had recently, and a loss that has not lasted for the settle time yet.
CREATE TABLE endpoints (
    namespace TEXT NOT NULL,
    service   TEXT NOT NULL,
    known     BLOB NOT NULL, -- msgpack, see kube9_operator/write/resources/detect/endpoints.py
    due_ms    INTEGER,       -- when the loss will have lasted long enough, by the operator's clock; NULL for no loss
    PRIMARY KEY (namespace, service)
) STRICT, WITHOUT ROWID;
CREATE INDEX endpoints_by_due ON endpoints (due_ms) WHERE due_ms IS NOT NULL;

-- Owners of objects that are gone, for Events that arrive later.
CREATE TABLE departed (
    uid     TEXT PRIMARY KEY, -- of the object that is gone
    owner   BLOB NOT NULL,    -- kind, name and uid of its controller, as msgpack
    gone_ms INTEGER NOT NULL  -- when the deletion was seen, by the operator's clock
) STRICT, WITHOUT ROWID;
CREATE INDEX departed_by_time ON departed (gone_ms);

-- For events about an object that several controllers share (a quota), the controller that was affected.
CREATE TABLE controllers (
    event  INTEGER PRIMARY KEY, -- events.id
    object INTEGER NOT NULL     -- objects.id
) STRICT;
CREATE INDEX controllers_by_object ON controllers (object);
