-- States that are recorded only if they last, the pods behind services, and mirror pods.

-- Objects that wait and are recorded when they have waited for long: a node that is not ready yet, a claim without a volume.
CREATE TABLE waiting (
    source    TEXT NOT NULL,    -- of the object's states
    namespace TEXT NOT NULL,
    name      TEXT NOT NULL,
    since_ms  INTEGER NOT NULL, -- since when it waits
    due_ms    INTEGER,          -- when it has waited for long; NULL if that is recorded
    PRIMARY KEY (source, namespace, name)
) STRICT, WITHOUT ROWID;
CREATE INDEX waiting_by_due ON waiting (source, due_ms) WHERE due_ms IS NOT NULL;

-- Which pods stood behind a service, ready or not, from when to when; bounded by service and by age.
CREATE TABLE service_pods (
    namespace TEXT NOT NULL,
    service   TEXT NOT NULL,
    uid       TEXT NOT NULL,    -- of the pod
    from_ms   INTEGER NOT NULL, -- since when, by our own clock; 0: since before services were watched
    pod       TEXT NOT NULL,    -- its name
    to_ms     INTEGER,          -- until when; NULL: still
    PRIMARY KEY (namespace, service, uid, from_ms)
) STRICT, WITHOUT ROWID;
CREATE INDEX service_pods_by_end ON service_pods (to_ms) WHERE to_ms IS NOT NULL;

-- Mirror pods: their uid in the API server, and the uid of the static pod, which events use.
CREATE TABLE mirror_pods (
    uid        TEXT PRIMARY KEY,
    static_uid TEXT NOT NULL,
    gone_ms    INTEGER           -- when it was gone, by our own clock; NULL while it is there
) STRICT, WITHOUT ROWID;
