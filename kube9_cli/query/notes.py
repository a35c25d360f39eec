"""What an answer says besides events and coverage: which time was asked for, and that what was asked for was never recorded."""

from __future__ import annotations

from kube9_cli import kinds, patterns
from kube9_cli.arguments import nearest
from kube9_cli.query import conditions, coverage
from kube9_cli.query.connection import TEXT, Database
from kube9_cli.selection import FILTERS, About, Selection
from kube9_cli.times import iso

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any, NamedTuple
else:
    from kube9_cli.named_tuple import NamedTuple

MOST_HINTS = 10
MOST_NAMES = 500
"""So many names are compared with a misspelt one: this takes 50 us for each."""
PHRASES = {
    "for": "about {} or what it owned",
    "namespace": "in namespace {}",
    "kind": "about kind {}",
    "name": "about an object named {}",
    "reason": "with reason {}",
    "node": "on node {}",
    "source": "reported by {}",
    "object-kind": "about kind {}",
    "object-namespace": "in namespace {}",
    "object-name": "about an object named {}",
}
"""The fields whose values are looked up, and what an event with such a value is called."""
NAMES = {
    column: f"SELECT word FROM words WHERE id <> 0 AND id IN (SELECT {column} FROM series WHERE count > 0) LIMIT {MOST_NAMES}"
    for column in ("namespace", "reason", "source")
}
NAMES["node"] = f"""SELECT word FROM words WHERE id <> 0 AND EXISTS (SELECT 1 FROM events INDEXED BY events_by_node
    WHERE series IS NOT NULL AND node <> 0 AND node = words.id) LIMIT {MOST_NAMES}"""
NAMES["name"] = f"""SELECT DISTINCT name FROM objects WHERE EXISTS (SELECT 1 FROM events WHERE object = objects.id)
    LIMIT {MOST_NAMES}"""
NAMES_BEFORE_THE_MOVE = NAMES | {
    column: f"SELECT word FROM words WHERE id <> 0 AND id IN (SELECT {column} FROM events) LIMIT {MOST_NAMES}"
    for column in ("namespace", "reason", "node")
}
"""The recorded values of a field."""
GLOBS = ("for", "namespace", "name", "reason", "node", "source")
"""The fields whose values may be patterns."""
CUT = "…"
"""What a table shows in place of a part of a name."""
NAMES_OF_KIND = f"""SELECT DISTINCT name FROM objects WHERE kind = (SELECT id FROM words WHERE word = ?)
    LIMIT {MOST_NAMES}"""


class Notes(NamedTuple):
    """The notes of an answer."""

    fields: dict[str, Any]
    """For programs."""
    sentences: list[str]
    """For people."""


def of(database: Database, selection: Selection, empty: bool) -> Notes:
    """The notes of an answer, which is `empty` or not. Raises QueryError."""
    hints = _hints(database, selection) if empty else []
    fields = _asked(selection) | ({"hints": hints} if hints else {})
    return Notes(fields, [*_asked_in_words(selection), *_before_the_record(database, selection), *hints])


def _asked(selection: Selection) -> dict[str, Any]:
    """The time zone and the range in UTC; {} if no time zone matters."""
    if selection.zone is None:
        return {}
    times = {"since": selection.since_ms, "until": selection.until_ms}
    return {"asked": {"time_zone": selection.zone.name} | {key: iso(ms) for key, ms in times.items() if ms is not None}}


def _asked_in_words(selection: Selection) -> list[str]:
    zone = selection.zone
    if zone is None:
        return []
    times = (("since", selection.since_ms), ("until", selection.until_ms))
    shown = [f"{word} {zone.at(ms):%Y-%m-%d %H:%M:%S}" for word, ms in times if ms is not None]
    return [f"Asked for: {', '.join(shown)} ({zone.name})."] if shown else []


def _before_the_record(database: Database, selection: Selection) -> list[str]:
    """When recording began, if that is after the whole time that is asked for."""
    if database.fleet is not None or selection.until_ms is None:
        return []
    began_ms = coverage.first_start(database)
    if began_ms is None or selection.until_ms > began_ms:
        return []
    if selection.zone is None:
        from datetime import UTC, datetime  # only where it is needed

        return [f"Recording began at {datetime.fromtimestamp(began_ms / 1000, UTC):%Y-%m-%d %H:%M:%S} UTC."]
    return [f"Recording began at {selection.zone.at(began_ms):%Y-%m-%d %H:%M:%S} ({selection.zone.name})."]


def _hints(database: Database, selection: Selection) -> list[str]:
    """Why nothing can match, and which of the values that were asked for no event has, whatever else is asked for."""
    from kube9_cli.query import contradictions  # only where it is needed

    found = contradictions.hints(selection)
    for one in FILTERS:
        for value in selection.wanted.get(one.field, ()) if one.field in PHRASES else ():
            database.load(Selection({one.field: (value,)}), first=1)
            condition = conditions.BUILDERS[one.stored](database, one, (value,))
            if not conditions.is_met(database, condition):
                text = f"{value.kind}/{value.name}" if isinstance(value, About) else value
                hint = _nearest(database, one.field, value)
                found.append(f"No event {PHRASES[one.field].format(text)} was ever recorded{hint or '.'}")
                if len(found) == MOST_HINTS:
                    return found
    return found


def _nearest(database: Database, field: str, value: Any) -> str:
    """The recorded name that is nearest to a misspelt one, or that a table has shown cut; '' for none."""
    name = value.name if isinstance(value, About) else value
    column = field.removeprefix("object-")
    if isinstance(value, About):
        known = [row[0] for row in database.all(NAMES_OF_KIND, (kinds.built_in(value.kind) or "",), (TEXT,))]
    elif column in NAMES:
        known = database.names(column, (NAMES if database.is_moved() else NAMES_BEFORE_THE_MOVE)[column])
    else:
        return ""
    known.sort()
    first, _, last = name.partition(CUT)
    whole = [one for one in known if one.startswith(first) and one.endswith(last)]
    if whole and not patterns.is_pattern(name):
        also = f", or {first}*{last}" if len(whole) > 1 and field in GLOBS else ""
        return f"; did you mean {whole[0]}{also}?"
    return nearest(name, known)
