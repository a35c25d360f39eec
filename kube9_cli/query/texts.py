"""Searches the texts of events: title, description, name of the object, reason, node, and the values of the metadata.

There is no index of texts. SQLite can compare a text of ASCII with LIKE ten times as fast as a function in Python does, so it
looks first, and the function is only called where LIKE cannot tell.
"""

from __future__ import annotations

from array import array

from kube9_cli import json_text
from kube9_cli.query.connection import MAX_PATTERN, TEXT, Database

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Callable

FEW, MANY = 500, 50_000
"""So many objects are written into the SQL. Of more than MANY objects, each text is compared with the name of its object."""
MOST_KNOWN, LONG = 500, 1_000
"""Metadata whose values are remembered, because they repeat; longer ones are not."""
CALL = """{}(texts.description, objects.name, texts.metadata, (SELECT word FROM words WHERE words.id = events.title),
    (SELECT word FROM words WHERE words.id = events.reason), (SELECT word FROM words WHERE words.id = events.node))"""
OF_EVENT = """EXISTS (SELECT 1 FROM texts JOIN objects ON objects.id = events.object
    WHERE texts.event = events.id AND ({}))"""
OF_TEXT = "EXISTS (SELECT 1 FROM events JOIN objects ON objects.id = events.object WHERE events.id = texts.event AND ({}))"
MORE_THAN_ASCII = "length({0}) <> octet_length({0})"
UNSURE = f"""{MORE_THAN_ASCII.format("texts.description")} OR {MORE_THAN_ASCII.format("texts.metadata")}
    OR texts.metadata LIKE '%\\%'"""
"""Whether texts may have what LIKE does not find: case-folding changes other letters too, and JSON may escape characters.

LIKE finds the backslash in half of the time of instr().
"""
WORDS = f"(SELECT id FROM words WHERE word {{}} OR {MORE_THAN_ASCII.format('word')})"  # noqa: S608
OF_WORDS = "events.title IN {0} OR events.reason IN {0} OR events.node IN {0}"
OBJECTS = f"SELECT id FROM objects WHERE name {{}} OR {MORE_THAN_ASCII.format('name')}"  # noqa: S608
ABOUT = "texts.event IN (SELECT id FROM events INDEXED BY events_by_object WHERE object IN ({}))"


def each(database: Database, terms: tuple[str, ...]) -> str:
    """SQL that says of a row of `events` whether it has all terms."""
    exact = CALL.format(database.function(containing(terms)))
    patterns = [_like(term) for term in terms]
    if not all(patterns):
        return OF_EVENT.format(exact)
    possible = " AND ".join(
        f"""(texts.description {one} OR objects.name {one} OR texts.metadata {one} OR {OF_WORDS.format(WORDS.format(one))})"""
        for one in patterns
    )
    return OF_EVENT.format(f"({possible} OR {UNSURE} OR {MORE_THAN_ASCII.format('objects.name')}) AND {exact}")


def ids(database: Database, terms: tuple[str, ...]) -> str:
    """SQL that selects the ids of all events that have all terms, by reading all texts. '' if it is of no use."""
    patterns = [_like(term) for term in terms]
    if not all(patterns):
        return ""
    sure, unsure = [], [UNSURE]
    for one in patterns:
        found = [f"texts.description {one}"]
        unsure.append(f"texts.metadata {one}")
        objects = array("q", database.numbers(f"{OBJECTS.format(one)} LIMIT {MANY + 1}", ()))
        if len(objects) > MANY:
            found.append(OF_TEXT.format(f"objects.name {one}"))
            unsure.append(OF_TEXT.format(MORE_THAN_ASCII.format("objects.name")))
        elif objects:
            few = ", ".join(map(str, objects)) if len(objects) <= FEW else OBJECTS.format(one)
            unsure.append(ABOUT.format(few))
        words = [row[0] for row in database.all(f"SELECT word FROM words WHERE word {one} LIMIT 1", (), (TEXT,))]  # noqa: S608
        if words:
            found.append(OF_TEXT.format(OF_WORDS.format(f"(SELECT id FROM words WHERE word {one})")))  # noqa: S608
        sure.append(f"({' OR '.join(found)})")
    more = f"SELECT word FROM words WHERE {MORE_THAN_ASCII.format('word')} LIMIT 1"  # noqa: S608
    if database.all(more, (), (TEXT,)):
        others = f"(SELECT id FROM words WHERE {MORE_THAN_ASCII.format('word')})"  # noqa: S608
        unsure.append(OF_TEXT.format(OF_WORDS.format(others)))
    exact = OF_TEXT.format(CALL.format(database.function(containing(terms))))
    return f"SELECT texts.event FROM texts WHERE ({' AND '.join(sure)}) OR (({' OR '.join(unsure)}) AND {exact})"  # noqa: S608


def _like(term: str) -> str:
    """A comparison with a term of ASCII, in any case, wherever it is in the text; '' if LIKE cannot make it."""
    if not term.isascii():
        return ""
    for special in "\\%_":
        term = term.replace(special, f"\\{special}")
    term = term.replace("'", "''")
    return f"LIKE '%{term}%' ESCAPE '\\'" if len(term) + 2 <= MAX_PATTERN else ""


def containing(terms: tuple[str, ...]) -> Callable[..., bool]:
    """A function that says whether each of the terms is in one of an event's texts, in any case.

    It takes the description, the name of the object, the metadata as JSON, and any other texts. Decoding JSON takes most of the
    time, so it is only done if a term is not in the other texts and may be in the metadata.
    """

    known: dict[str, str] = {}

    def values_of(metadata: str) -> str:
        values = known.get(metadata)
        if values is None:
            values = "\0".join(_leaves(metadata)).casefold()
            if len(known) < MOST_KNOWN and len(metadata) < LONG:
                known[metadata] = values
        return values

    def contains(description: str | None, name: str, metadata: str, *others: str | None) -> bool:
        whole = "\0".join([description or "", name, *(other or "" for other in others)]).casefold()
        missing = [term for term in terms if term not in whole]
        if not missing:
            return True
        if "\\" not in metadata:  # then JSON has every character as it is
            encoded = metadata.casefold()
            if not all(term in encoded for term in missing):
                return False
        values = values_of(metadata)
        return all(term in values for term in missing)

    return contains


def _leaves(metadata: str) -> list[str]:
    """The strings and numbers in a JSON text."""
    found, waiting = [], [json_text.decode(metadata)]
    while waiting:
        one = waiting.pop()
        if isinstance(one, dict):
            waiting.extend(one.values())
        elif isinstance(one, list):
            waiting.extend(one)
        elif isinstance(one, str | int | float) and not isinstance(one, bool):
            found.append(str(one))
    return found
