"""Makes observations of events about the operator itself (types operator, system and health). Pure."""

from typing import Any
from zlib import crc32

from kube9_operator.model.observation import Observation, hash64
from kube9_operator.text import limits
from kube9_operator.text.limits import MAX_DESCRIPTION_CHARACTERS, MAX_TITLE_CHARACTERS
from kube9_schema import sources
from kube9_schema.codes import HEALTH as HEALTH
from kube9_schema.codes import OPERATOR as OPERATOR
from kube9_schema.codes import SYSTEM as SYSTEM
from kube9_schema.intervals import MS_IN_HOUR

SOURCE = sources.OPERATOR


def observation(
    reason: str,
    severity: int,
    title: str,
    description: str,
    at_ms: int,
    metadata: dict[str, Any] | None = None,
    event_type: int = OPERATOR,
    *,
    key: str = "",
    last_ms: int = 0,
) -> Observation:
    """Makes an observation of something that happened to the operator or its database at `at_ms`, until `last_ms` if given.

    Times are ms since 1970 by the operator's own clock. `reason` is a word for programs, as in Kubernetes (`GapFound`,
    `RetentionDeleted`). Observations with the same reason and `key` are one event with a count, as long as each follows the
    last within the quiet time. Without a `key` each is an event of its own. The same reason, title, key and time are the same
    observation, so sending it twice changes nothing. Secrets in the texts are replaced, and the texts are cut to their limits.
    """
    contributor = hash64("own", reason, title, key, str(at_ms))
    title, in_title = limits.line(title, MAX_TITLE_CHARACTERS)
    description, in_description = limits.line(description, MAX_DESCRIPTION_CHARACTERS)
    encoded, in_metadata = limits.metadata(metadata or {})
    return Observation(
        kind="",
        namespace="",
        name="",
        uid="",
        key=hash64("own", reason, key) if key else contributor,
        contributor=contributor,
        contributor_hour=at_ms // MS_IN_HOUR,
        contributor_name="",
        primary=True,
        from_status=False,
        count=1,
        first_ms=at_ms,
        last_ms=max(at_ms, last_ms),
        event_type=event_type,
        severity=severity,
        title=title,
        description=description,
        metadata=encoded,
        reason=reason,
        node="",
        text_hash=crc32("\0".join((title, description, encoded)).encode("utf-8", "replace")),
        redacted=in_title + in_description + in_metadata,
    )
