"""The words of collections: what is collected, and what became of it."""

TYPES = ("cluster-metadata", "resource-inventory", "resource-configuration-patterns")
"""What a collection can be about."""
METADATA, INVENTORY, PATTERNS = TYPES

STATES = ("complete", "partial", "failed")
"""What becomes of a collection. A partial one lacks what the operator may not read. A failed one is counted, but not stored."""
COMPLETE, PARTIAL, FAILED = STATES

RETENTION_DAYS = 90
"""How long collections are kept."""
