"""What the operator stores about Argo CD, as both sides read it."""

APPLICATIONS = "applications"
"""The source of Applications: their states are in the table states."""
FIELDS = (
    *("api_version", "project", "sync", "revision", "health", "health_message", "health_since_ms", "error", "phase"),
    *("started_ms", "finished_ms", "message", "synced_revision", "initiated_by", "automated"),
)
"""The fields of the state of an Application, in their order. Later ones are not read here."""
SERVER_PATH = "/api/v1/applications"
"""Argo CD's API of Applications."""
TOKEN, TOKEN_FILE = "ARGOCD_API_BEARER_TOKEN", "ARGOCD_API_TOKEN_FILE"
BASE_URL, CA_FILE = "ARGOCD_API_BASE_URL", "ARGOCD_API_CA_FILE"
"""Environment variables: how Argo CD's API is asked. The token is never that of the service account."""
