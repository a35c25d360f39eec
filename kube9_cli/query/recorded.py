"""What the record knows: kinds, namespaces and names. It tells an empty answer from a misspelt question."""

from kube9_cli import kinds
from kube9_cli.query.connection import TEXT, WHOLE, Database

Known = dict[str, int]
"""Words with their ids."""


def kinds_of_events(database: Database) -> Known:
    """The kinds that events are about."""
    of = _of_events(database)
    sql = f"SELECT word, id FROM words WHERE id <> 0 AND id IN (SELECT kind FROM {of})"  # noqa: S608
    return dict(database.all(sql, (), (TEXT, WHOLE)))


def kinds_of_objects(database: Database) -> Known:
    """The kinds of all objects, also of those that only own others."""
    return dict(
        database.all("SELECT word, id FROM words WHERE id <> 0 AND id IN (SELECT kind FROM objects)", (), (TEXT, WHOLE))
    )


def is_in_group(database: Database, kind: int, group: int) -> bool:
    """Whether there are objects of this kind and API group."""
    return bool(database.all("SELECT 1 FROM objects WHERE kind = ? AND api_group = ? LIMIT 1", (kind, group)))


def word(database: Database, text: str) -> int | None:
    """The id of a word; None if it was never recorded."""
    rows = database.all("SELECT id FROM words WHERE word = ?", (text,), (WHOLE,))
    return rows[0][0] if rows else None


def is_kind(database: Database, number: int) -> bool:
    """Whether events are about objects of this kind."""
    return bool(database.all(f"SELECT 1 FROM {_of_events(database)} WHERE kind = ? LIMIT 1", (number,)))  # noqa: S608


def _of_events(database: Database) -> str:
    """A table with the kinds that events are about."""
    has_series = database.is_moved() or database.fleet is not None
    return "(SELECT kind FROM series WHERE count > 0)" if has_series else "events"


def literal_kind(database: Database, text: str) -> list[int]:
    """The ids of the kinds that --object-kind means: the text as it was recorded, otherwise a kind in kubectl's spelling."""
    number = word(database, text)
    if number is not None and is_kind(database, number):
        return [number]
    number = word(database, kinds.as_written(text))
    if number is not None and is_kind(database, number):
        return [number]
    known = kinds_of_events(database)
    return [known[kind] for kind in kinds.named(text.lower(), known)]
