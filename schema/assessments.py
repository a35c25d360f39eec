"""The words of assessments: what a run, a check and a result can be."""

PILLARS = (
    "security",
    "reliability",
    "performance-efficiency",
    "cost-optimization",
    "operational-excellence",
    "sustainability",
)
"""The six pillars. Each check belongs to one."""

STATUSES = ("passing", "failing", "warning", "skipped", "error", "timeout")
"""What a check can give."""
PASSING, FAILING, WARNING, SKIPPED, ERROR, TIMEOUT = STATUSES

SEVERITIES = ("critical", "high", "medium", "low")
"""How much a finding of a check matters. It is not an event's severity."""
CRITICAL, HIGH, MEDIUM, LOW = SEVERITIES

MODES = ("full", "pillar", "single-check")
"""What an assessment looks at: all checks, those of one pillar, or one."""
FULL, PILLAR, SINGLE_CHECK = MODES

STATES = ("running", "completed", "partial", "failed")
"""What becomes of an assessment. A partial one has checks that could not be made; a failed one has no others, or broke off."""
RUNNING, COMPLETED, PARTIAL, FAILED = STATES

ORIGINS = ("scheduled", "manual")
SCHEDULED, MANUAL = ORIGINS

RETENTION_DAYS = 90
"""How long assessments are kept."""
