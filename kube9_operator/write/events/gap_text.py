"""The reasons of gaps, and a gap in plain sentences: what may be missing, from when to when, why, and what to do. Pure."""

import time

from kube9_schema.gaps import DELETED_FOR_SIZE

EXPIRED = "Events of that time had expired when they were listed again"
CHANGES, NET = "changes in between unknown", "only net changes are recorded"
"""What a list after an interruption cannot show: Events that have expired; what a resource was between two states."""
UNWATCHED = "not watched"
UNSENT = "deleted to keep the database within its size limit, before they were sent"

SHORTENED = "Of something that changed more than once, only the last state was recorded, and nothing if it changed back."
GONE = "When the operator could list them again, the API server had already deleted them, because they had expired."
NO_PROOF = "If a query about this time finds nothing, that does not mean that nothing happened."
LOOK = "For what the operator recorded about itself then: kube9-cli events list --type operator,system --around "
MORE_ROOM = "To keep events longer, raise events.persistence.size of the chart (or DATABASE_MAX_SIZE_MIB)."


def reason_of_events(cause: str) -> str:
    """Why Events may be missing."""
    return f"{cause}, and {EXPIRED}"


def reason_of_changes(cause: str) -> str:
    """Why changes of a resource may be missing."""
    return f"{CHANGES}; {NET}" if cause == UNWATCHED else f"{CHANGES}: {cause}; {NET}"


def text(sources: list[str], from_ms: int, to_ms: int, reason: str) -> str:
    """The description of a gap of these sources."""
    named = {"events": "Events"}
    names = [named.get(source, source) for source in sources]
    what = names[0] if len(names) == 1 else f"{', '.join(names[:-1])} and {names[-1]}"
    begin, end = _clock(from_ms // 1000), _clock(-(-to_ms // 1000))
    when = f"from {begin} to {end} UTC"
    if reason == UNSENT:
        return f"Events {when} are missing in the other store: {reason}. {MORE_ROOM}"
    if reason == DELETED_FOR_SIZE:
        return f"What was recorded about {what} {when} is no longer complete: {reason}. {MORE_ROOM}"
    if reason.endswith(f", and {EXPIRED}"):
        why = f"{_why(reason.removesuffix(f', and {EXPIRED}'))}. {GONE}"
        said = f"Some {what} {when} may be missing"
    elif reason.startswith(CHANGES):
        why = f"{_why(reason.removeprefix(CHANGES).removesuffix(f'; {NET}').removeprefix(': '))}. {SHORTENED}"
        said = f"Some changes of {what} {when} may be missing"
    else:
        why, said = f"{reason}.", f"What happened to {what} {when} may be missing"
    return f"{said}: {why} {NO_PROOF} {LOOK}{begin.replace(' ', 'T')}Z"


def _why(cause: str) -> str:
    return "the operator was not watching" if cause in ("", UNWATCHED) else cause


def _clock(seconds: int) -> str:
    return time.strftime("%Y-%m-%d %H:%M:%S", time.gmtime(seconds))
