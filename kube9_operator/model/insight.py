"""Insights as they travel from the analyzer to the writer, and as the database keeps them. Neither SQL nor Kubernetes."""

from typing import Any, Literal

import msgspec

from kube9_operator.model.ref import Ref

ROW_BYTES, ROWS_PART = 8_192, 64
"""What an insight takes with its evidence at most, and the part of the size limit that all may take."""
LEAST_ROWS = 100

Said = Literal["found", "escalated", "resolved"]
"""What an event of type insight tells of."""


class Details(msgspec.Struct, kw_only=True):
    """The column `insights.details`. A field is only ever added, with a default."""

    recommendation: str = ""
    owner: Ref = Ref()
    container: str = ""
    cause: str = ""
    ended: str = ""
    """Why it is resolved: `recovered`, `deleted`, `evidence expired`; '' if there was no more evidence."""
    figures: dict[str, Any] = {}
    unknown: list[str] = []
    about: list[Ref] = []
    """The owners of its object, the nearest first; the objects of its evidence, and their owners."""
    nodes: list[str] = []
    """The nodes of its evidence."""
    related: list[str] = []
    """The ids of insights that rest on the same events."""
    previous: str = ""
    """The id of the episode before it."""
    transitions: list[int] = []
    """When it was found and resolved in the last day, earlier episodes included, in ms since 1970."""
    quiet_ms: int = 0
    """After how long without evidence it is quiet; 0: as the life cycle has it."""
    touched_ms: int = 0
    """When it was stored last."""
    silent: bool = False
    """It had begun before insights were made, or shortly after: there are no events about it."""


class Insight(msgspec.Struct, kw_only=True):
    """An episode of an insight. The fields are the columns of the table `insights`; times are in ms since 1970."""

    id: str
    subject: int
    episode: int
    revision: int
    rule: str
    category: int
    severity: int
    status: int
    object: Ref
    first_ms: int
    last_ms: int
    created_ms: int
    changed_ms: int
    title: str
    text: str
    details: Details
    evidence: dict[int, int] = {}
    """The ids of events, each with its role."""


class Change(msgspec.Struct):
    """A new insight, or one as it is from now on.

    It applies to the revision before its own, or to nothing: so a change that arrives twice, or late, does nothing.
    """

    insight: Insight
    said: list[Said] = []
    dropped: bool = False
    """The insight was pending, and is not confirmed."""


class InsightFrame(msgspec.Struct, frozen=True, array_like=True, gc=False, tag=True):
    """What one look at the record has changed."""

    changes: list[Change]
    analyzed_ms: int
    """When the analyzer looked."""


def most_rows(max_bytes: int) -> int:
    """How many insights are kept within a size limit of the database."""
    return max(LEAST_ROWS, max_bytes // ROWS_PART // ROW_BYTES)
