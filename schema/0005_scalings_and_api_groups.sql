-- The API group is part of an object's identity: a Longhorn Node is not a Kubernetes Node. Objects of earlier releases have none;
-- an object of a kind that Kubernetes does not have gets its group when it is named again.
ALTER TABLE objects ADD COLUMN api_group INTEGER NOT NULL DEFAULT 0;   -- words.id; 0 for Kubernetes' own kinds, and if it is unknown
ALTER TABLE objects ADD COLUMN api_version INTEGER NOT NULL DEFAULT 0; -- words.id of the apiVersion, as it was first given; 0 if it is unknown

-- When Deployments were scaled, by Events of their controller: managedFields have no time for the subresource `scale`.
CREATE TABLE scalings (
    namespace       TEXT NOT NULL,
    name            TEXT NOT NULL,    -- of the Deployment
    uid             TEXT NOT NULL,
    at_ms           INTEGER NOT NULL,
    replicas_after  INTEGER NOT NULL,
    replicas_before INTEGER NOT NULL, -- -1 if the Event does not say it
    PRIMARY KEY (namespace, name, uid, at_ms, replicas_after)
) STRICT, WITHOUT ROWID;
CREATE INDEX scalings_by_time ON scalings (at_ms);
