"""Searches the texts of events: title, description, name of the object, reason, node, and the values of the metadata.

There is no index of texts, only signatures of blocks of events, which tell where a text cannot be. SQLite can compare a text of
ASCII with LIKE ten times as fast as a function in Python does, so it looks first, and the function is only called where LIKE
cannot tell.
"""

from __future__ import annotations

from array import array

from kube9_cli import json_text
from kube9_cli.query import blocks
from kube9_cli.query.connection import MAX_PATTERN, Database
from kube9_schema.signatures import values_of

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Callable

    from kube9_cli.query.blocks import Blocks, Range

FEW, MANY = 500, 50_000
"""So many objects are written into the SQL. If there are more than MANY objects, or fewer events to read than that, each event
is compared with the name of its object.
"""
MOST_KNOWN, LONG = 500, 1_000
"""Metadata whose values are remembered, because they repeat; longer ones are not."""
CALL = """{}(texts.description, objects.name, texts.metadata, (SELECT word FROM words WHERE words.id = events.title),
    (SELECT word FROM words WHERE words.id = events.reason), (SELECT word FROM words WHERE words.id = events.node))"""
JOINED = "CROSS JOIN events ON events.id = texts.event CROSS JOIN objects ON objects.id = events.object"
OF_TEXT = "EXISTS (SELECT 1 FROM events JOIN objects ON objects.id = events.object WHERE events.id = texts.event AND ({}))"
MORE_THAN_ASCII = "length({0}) <> octet_length({0})"
UNSURE = MORE_THAN_ASCII.format("texts.description")
UNSURE_METADATA = f"{MORE_THAN_ASCII.format('texts.metadata')} OR texts.metadata LIKE '%\\%'"
"""Whether texts may have what LIKE does not find: case-folding changes other letters too, and JSON may escape characters.

LIKE finds the backslash in half of the time of instr().
"""
WORD = "SELECT id FROM words WHERE {}"
WORDS = f"(SELECT id FROM words WHERE word {{}} OR {MORE_THAN_ASCII.format('word')})"
OF_WORDS = "events.title IN {0} OR events.reason IN {0} OR events.node IN {0}"
PLAIN_OBJECTS = "SELECT id FROM objects WHERE name {}"
OBJECTS = f"{PLAIN_OBJECTS} OR {MORE_THAN_ASCII.format('name')}"
ABOUT = "texts.event IN (SELECT id FROM events INDEXED BY events_by_object WHERE object IN ({}))"


def each(database: Database, terms: tuple[str, ...]) -> str:
    """SQL that says of a row of `events` whether it has all terms."""
    objects = "JOIN objects ON objects.id = events.object"
    return f"EXISTS (SELECT 1 FROM texts {objects} WHERE texts.event = events.id AND {_all(database, terms)})"


def _all(database: Database, terms: tuple[str, ...]) -> str:
    """SQL that says of rows of `events`, `texts` and `objects` whether they have all terms."""
    exact = CALL.format(database.function(containing(terms)))
    patterns = [_like(term) for term in terms]
    if not all(patterns):
        return f"({exact})"
    possible = " AND ".join(
        f"""(texts.description {one} OR objects.name {one} OR texts.metadata {one} OR {OF_WORDS.format(WORDS.format(one))})"""
        for one in patterns
    )
    unsure = f"{UNSURE} OR {UNSURE_METADATA} OR {MORE_THAN_ASCII.format('objects.name')}"
    return f"({possible} OR {unsure}) AND {exact}"


class Search:
    """How all events with all terms are found: by reading the texts of those that may have them."""

    def __init__(self, database: Database, terms: tuple[str, ...]) -> None:
        self._database, self._terms = database, terms
        self._blocks = blocks.find(database, terms)
        self.reads = self._blocks.reads
        """What it costs, as a number of texts that are read one after the other."""

    def sql(self) -> str:
        """Selects the ids of the events."""
        where, patterns = self._blocks, [_like(term) for term in self._terms]
        described, mixed, single = where.described, where.mixed, where.single
        if not all(patterns):
            described, mixed, single = [], [], [*described, *mixed, *single]
        signed = "AND texts.event NOT IN (SELECT event FROM unsigned_events)" if where.unsigned else ""
        pieces = list[str]()
        if described:
            likes = " AND ".join(f"texts.description {one}" for one in patterns)
            pieces.append(f"{_in(described)} WHERE {likes} {signed}")
        if mixed:
            pieces.append(f"{_in(mixed)} WHERE ({_mixed(self._database, self._terms, where)}) {signed}")
        whole = f"{JOINED} WHERE {_all(self._database, self._terms)}"
        pieces.append(f"{_in(single)} {whole} {signed}")
        if where.unsigned:
            pieces.append(f"FROM unsigned_events AS part CROSS JOIN texts ON texts.event = part.event {whole}")
        return " UNION ALL ".join(f"SELECT texts.event {piece}" for piece in pieces)


def _in(ranges: list[Range]) -> str:
    """The texts of ranges of events."""
    values = ", ".join(f"({begin}, {last})" for begin, last in ranges)
    return f"FROM (VALUES {values}) AS part CROSS JOIN texts ON texts.event > part.column1 AND texts.event <= part.column2"


def _mixed(database: Database, terms: tuple[str, ...], where: Blocks) -> str:
    """SQL that says of a row of `texts` whether its event has all terms. It is for many events."""
    sure, unsure = [], [] if where.plain else [UNSURE]
    if any(where.noted):
        unsure.append(UNSURE_METADATA)
    for at, term in enumerate(terms):
        one = _like(term)
        about = [f"texts.description {one}"]
        if where.noted[at]:
            unsure.append(f"texts.metadata {one}")
        if where.named[at]:
            more, uncertain = _named(database, one, where)
            about += more
            unsure += uncertain
        sure.append(f"({' OR '.join(about)})")
    if not where.plain and database.all(f"{WORD.format(MORE_THAN_ASCII.format('word'))} LIMIT 1"):
        unsure.append(OF_TEXT.format(OF_WORDS.format(f"({WORD.format(MORE_THAN_ASCII.format('word'))})")))
    if not unsure:
        return " AND ".join(sure)
    exact = OF_TEXT.format(CALL.format(database.function(containing(terms))))
    return f"({' AND '.join(sure)}) OR (({' OR '.join(unsure)}) AND {exact})"


def _named(database: Database, like: str, where: Blocks) -> tuple[list[str], list[str]]:
    """The same for names: what a row with the term meets, and what it may meet only because LIKE cannot tell."""
    sure, unsure = list[str](), list[str]()
    objects = PLAIN_OBJECTS.format(like) if where.plain else OBJECTS.format(like)
    numbers = array("q", database.numbers(f"{objects} LIMIT {MANY + 1}", ())) if where.number > MANY else None
    if numbers is None or len(numbers) > MANY:
        sure.append(OF_TEXT.format(f"objects.name {like}"))
        if not where.plain:
            unsure.append(OF_TEXT.format(MORE_THAN_ASCII.format("objects.name")))
    elif numbers:
        few = ", ".join(map(str, numbers)) if len(numbers) <= FEW else objects
        (sure if where.plain else unsure).append(ABOUT.format(few))
    if database.all(f"{WORD.format(f'word {like}')} LIMIT 1"):
        sure.append(OF_TEXT.format(OF_WORDS.format(f"({WORD.format(f'word {like}')})")))
    return sure, unsure


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

    def values_in(metadata: str) -> str:
        values = known.get(metadata)
        if values is None:
            values = "\0".join(values_of(json_text.decode(metadata))).casefold()
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
        values = values_in(metadata)
        return all(term in values for term in missing)

    return contains
