-- The API group is part of an object's identity: a Longhorn Node is not a Kubernetes Node. Objects of earlier releases have none;
-- an object of a kind that Kubernetes does not have gets its group when it is named again.
ALTER TABLE objects ADD COLUMN api_group INTEGER NOT NULL DEFAULT 0;   -- words.id; 0 for Kubernetes' own kinds, and if it is unknown
ALTER TABLE objects ADD COLUMN api_version INTEGER NOT NULL DEFAULT 0; -- words.id of the apiVersion, as it was first given; 0 if it is unknown
