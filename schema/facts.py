"""The names in the table `facts`. Times are in ms since 1970 by the operator's clock, durations in ms."""

FIRST_START = "first_start_ms"
"""When an operator first used this database."""
LAST_COMMIT = "last_commit_ms"
"""When the writer last committed. It commits at least every `intervals.ALIVE_SECONDS`."""
STOPPED = "stopped_ms"
"""When the operator stopped as it was asked to; absent while it runs, and after a crash."""
OPERATOR_VERSION = "operator_version"
LAST_EVENT_ID = "last_event_id"
"""The greatest id that was ever given, see `ids`."""
HEALTH = "health"
"""JSON `{"status", "reasons", "troubles"}`: the health of the operator, as it last was.

`troubles` has, by source, what is wrong with its watch. It is absent if that is nothing.
"""
CLUSTER = "cluster"
"""The uid of the namespace kube-system: which cluster this is."""
EVENT_TTL = "event_life_ms"
"""How long Events were seen to live, where that is less than the setting."""
UNWRITTEN_FROM, UNWRITTEN_TO = "unwritten_from_ms", "unwritten_to_ms"
"""The last time in which the database could not be written."""
RETENTION = {"retention_info_warning_ms": ("info", "warning"), "retention_error_critical_ms": ("error", "critical")}
"""How long events are kept; for each fact the severities that it is about."""
SALVAGE = "salvage"
"""JSON: how far the import of a damaged database has come."""
EVICTED_UNTIL, EVICTED_FROM = "given_up_ms_", "given_up_from_ms_"
"""Prefixes. A severity and a namespace follow: up to when events were deleted because of the size limit, and since when a gap
says so without a break.
"""
MOVE_UNTIL, MOVED_UNTIL = "move_until", "moved_until"
"""Ids of events: up to which those of an earlier release have to be moved into the tables of this one, and how far that is.
Both are absent when all are moved.
"""
ARGOCD = "argocd"
"""JSON `{"detected", "namespace", "version", "checked_ms"}`: whether Argo CD is there, as the operator last found it."""
INSIGHTS_FROM = "insights_from_ms"
"""Since when insights are made. What had begun before, or shortly after, is listed without events."""
ANALYZED = "analyzed_ms"
"""When the analyzer last looked at the record."""
SINK_INSTANCE = "sink_instance"
"""A random id of this database, by which its events are told from those of other clusters in another store."""
SINK_FROM = "sink_from"
"""The number in the table `changes` with which it began. Everything that was recorded before it is sent again."""
REGISTERED_UNTIL, REGISTRATION_LAST = "registered_until_ms", "registration_last_ms"
"""Until when the cluster is registered with a kube9 server, 0 if it is not; and when that was last tried."""
RULES, RULES_SINCE = "rules", "rules_since_ms"
"""A hash of the operator's version and of the settings that say which Events are recorded, and since when that is so."""
