"""Numbers that the database stores for words: the place of the word in a tuple. So words are only ever added at the end."""

EVENT_TYPES = ("cluster", "operator", "insight", "assessment", "health", "system")
"""The words of `events.type`."""
CLUSTER, OPERATOR, INSIGHT, ASSESSMENT, HEALTH, SYSTEM = range(len(EVENT_TYPES))

SEVERITIES = ("info", "warning", "error", "critical")
"""The words of `events.severity`, from the least severe."""
INFO, WARNING, ERROR, CRITICAL = range(len(SEVERITIES))

PRIMARY, STATUS = 1, 2
"""Bits of `contributors.flags`."""
