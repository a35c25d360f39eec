"""The time that a question is about, where its options leave a part of it open."""

from __future__ import annotations

import time

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

    from kube9_cli.options import Options
    from kube9_cli.query.around import Around
    from kube9_cli.query.connection import Database
    from kube9_cli.selection import Selection

DAY_MS = 86_400_000


def bounded(selected: Selection) -> Selection:
    """The selection with both times: it ends now, and begins a day before its end, unless something else is asked for."""
    until = time.time_ns() // 1_000_000 if selected.until_ms is None else selected.until_ms
    since = max(0, until - DAY_MS) if selected.since_ms is None else selected.since_ms
    return selected._replace(since_ms=since, until_ms=max(until, since + 1))


def narrowed(
    chosen: Options, selected: Selection, moment: Around | None, database: Database
) -> tuple[Selection, dict[str, Any], list[str]]:
    """The selection within the time around the moment, if there is one; and the moment for programs and for people."""
    if moment is None:
        return selected, {}, []
    at = moment.at(database)
    return moment.narrowed(selected, at), moment.described(at), [moment.sentence(at, chosen.zone)]
