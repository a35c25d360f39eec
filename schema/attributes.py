"""The attributes of the records that the sink sends and `kube9-cli --store` reads. docs/sink-records.md describes them."""

INSTANCE, CLUSTER_UID, CLUSTER_NAME = "service.instance.id", "k8s.cluster.uid", "k8s.cluster.name"
SERVICE, STREAM, NAMESPACE = "service.name", "kube9.stream", "k8s.namespace.name"
"""Of the resource."""
EVENTS, COVERAGE = "events", "coverage"
"""The values of STREAM."""

NUMBER, REVISION, ID, MERGED = "kube9.event.number", "kube9.event.revision", "kube9.event.id", "kube9.event.merged"
TYPE, TITLE, BODY, METADATA = "kube9.event.type", "kube9.event.title", "kube9.event.body", "kube9.event.metadata"
CREATED, RECORDED, CHECKSUM = "kube9.event.created_at", "kube9.event.recorded_at", "kube9.event.checksum"
OWNERS, SERVICES = "kube9.event.owners", "kube9.event.services"
REASON, COUNT, START = "k8s.event.reason", "k8s.event.count", "k8s.event.start_time"
KIND, NAME, UID = "k8s.object.kind", "k8s.object.name", "k8s.object.uid"
API_VERSION, API_GROUP, NODE = "k8s.object.api_version", "kube9.object.api_group", "k8s.node.name"
"""Of an event."""

DESCRIPTION_SAID, TITLE_SAID, REASON_SAID, NOTHING_SAID = "description", "title", "reason", "none"
"""The values of BODY: what the body of the record is."""
NO_BODY = "event"
"""The body of an event that says nothing."""
SEVERITY_NUMBERS = (9, 13, 17, 21)
"""By our code of a severity: https://opentelemetry.io/docs/specs/otel/logs/data-model/#field-severitynumber"""
