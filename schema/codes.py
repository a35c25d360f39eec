"""Numbers that the database stores for words: the place of the word in a tuple. So words are only ever added at the end."""

EVENT_TYPES = ("cluster", "operator", "insight", "assessment", "health", "system")
"""The words of `events.type`."""
CLUSTER, OPERATOR, INSIGHT, ASSESSMENT, HEALTH, SYSTEM = range(len(EVENT_TYPES))

SEVERITIES = ("info", "warning", "error", "critical")
"""The words of `events.severity`, from the least severe."""
INFO, WARNING, ERROR, CRITICAL = range(len(SEVERITIES))

PRIMARY, STATUS = 1, 2
"""Bits of `contributors.flags`."""

INSIGHT_STATUSES = ("pending", "active", "quiet", "resolved")
"""The words of `insights.status`. A pending insight was concluded once, and is dropped if the next look does not confirm it. A
quiet one has had no evidence for a while.
"""
PENDING, ACTIVE, QUIET, RESOLVED = range(len(INSIGHT_STATUSES))

CATEGORIES = ("issue", "optimization", "security")
"""The words of `insights.category`."""

ROLES = ("cause", "effect", "control", "against")
"""The words of `insight_evidence.role`: what came before, what followed, what did not fail, and what speaks against it."""

CHANGED_EVENT, CHANGED_OBJECT, MERGED_EVENT, NOTHING_CHANGED = range(4)
"""The numbers of `changes.what`."""
