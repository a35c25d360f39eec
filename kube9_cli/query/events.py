"""Events as clients see them: one by one from their rows, and one with its owners and occurrences."""

from __future__ import annotations

from kube9_cli import json_text
from kube9_cli.errors import QueryError, damaged
from kube9_cli.query.connection import TEXT, TEXT_OR_NONE, WHOLE, Database, Types
from kube9_cli.times import iso
from kube9_schema import ids
from kube9_schema.codes import EVENT_TYPES, PRIMARY, SEVERITIES, STATUS
from kube9_schema.steps import MAX_STEPS
from kube9_schema.steps import decode as steps_of

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Iterator, Sequence
    from typing import Any, NamedTuple
else:
    from kube9_cli.named_tuple import NamedTuple

ABSENT = ("occurrences", "insights")
"""What only the database of the cluster has of an event."""
AT_ONCE = 100
"""Events that are read with one query. Each takes at most about 14 KiB."""
SHOWN_BETWEEN_LOOKS = 50
"""Events that are shown between two looks at the clock."""
UNPACKED_BYTES = 2 * 1024 * 1024
"""Texts of a page that are kept in memory as they are; the rest is compressed."""


class Row(NamedTuple):
    """An event as it is stored, with its words in full; '' for an absent one. Times are in ms since 1970."""

    title: str
    kind: str
    namespace: str
    reason: str
    node: str
    api_version: str
    id: int
    type: int
    severity: int
    created_ms: int
    first_ms: int
    last_ms: int
    times: int
    """How often it happened, the column count."""
    name: str
    description: str | None
    metadata: str


WORDS = 6
"""So many of the first columns of a Row, and of what EVENTS selects, are ids of words."""
EVENTS = """SELECT e.title, e.kind, e.namespace, e.reason, e.node, o.api_version, e.id, e.type, e.severity, e.created_ms,
    e.first_ms, e.last_ms, e.count, o.name, t.description, t.metadata
    FROM events e JOIN texts t ON t.event = e.id JOIN objects o ON o.id = e.object WHERE e.id IN ({})"""
EVENT: Types = (*((WHOLE,) * 13), TEXT, TEXT_OR_NONE, TEXT)
MAX_OWNERS = 8
OWNERS = """WITH RECURSIVE chain (object, far) AS (
    SELECT coalesce(c.object, o.owner), 1 FROM events e JOIN objects o ON o.id = e.object
        LEFT JOIN controllers c ON c.event = e.id WHERE e.id = ?1
    UNION ALL SELECT o.owner, far + 1 FROM chain JOIN objects o ON o.id = chain.object WHERE far < ?2)
    SELECT k.word, o.name FROM chain JOIN objects o ON o.id = chain.object JOIN words k ON k.id = o.kind ORDER BY far"""
"""The chain of owners. For an event about a quota it begins with the controller that the quota stopped."""


class Page:
    """The rows of some events, read at once, so that they belong to the snapshot of the database in which the page is made.

    It needs no database afterwards: a reader of the answer may be slow, and the snapshot must not wait for it.
    """

    def __init__(self, database: Database, numbers: Sequence[int]) -> None:
        """Reads the events of these ids, in this order. Events that are gone are left out. Raises QueryError."""
        self._look_at_the_clock = database.look_at_the_clock
        self._fleet = database.fleet
        self._rows: list[Row | bytes] = []
        room = UNPACKED_BYTES
        for at in range(0, len(numbers), AT_ONCE):
            for row in rows(database, numbers[at : at + AT_ONCE]):
                room -= len(row.description or "") + len(row.metadata)
                self._rows.append(row if room > 0 else _packed(row))
            database.look_at_the_clock()

    def events(self) -> Iterator[dict[str, Any]]:
        """The events as clients see them, one by one."""
        return (event for _, event in self.numbered())

    def numbered(self) -> Iterator[tuple[int, dict[str, Any]]]:
        """The same, each with its number in the database."""
        for row in self.rows():
            shown = event(row)
            yield row.id, shown if self._fleet is None else self._fleet.named(row.id, shown)

    def rows(self) -> Iterator[Row]:
        """The rows of the events, one by one."""
        for at, each in enumerate(self._rows):
            yield each if isinstance(each, Row) else _unpacked(each)
            if not at % SHOWN_BETWEEN_LOOKS:
                self._look_at_the_clock()


def _packed(row: Row) -> bytes:
    """A row in less memory: of a thousand large events, the texts take 14 MiB."""
    import json  # both only where they are needed
    import zlib

    return zlib.compress(json.dumps(row).encode(), level=1)


def _unpacked(packed: bytes) -> Row:
    import json
    import zlib

    return Row._make(json.loads(zlib.decompress(packed)))


def rows(database: Database, numbers: Sequence[int]) -> list[Row]:
    """The rows of these ids, a hundred at most, in this order. Events that are gone are left out."""
    found = {}
    known: dict[tuple[int, ...], list[str]] = {}
    new = tuple.__new__  # without the check of Row._make, in a third of its time
    # Not `all`, which bounds the memory: SQLite's limit of the length of a row does, because the rows are few.
    for row in database.stream(EVENTS.format(", ".join("?" * len(numbers))), tuple(numbers), EVENT):
        key = row[:WORDS]
        words = known.get(key)
        if words is None:
            words = known[key] = database.words(key)
        found[row[WORDS]] = new(Row, (*words, *row[WORDS:]))
    return [found[number] for number in numbers if number in found]


def event(row: Row) -> dict[str, Any]:
    """An event as clients see it. kube9_cli/render/event_lines.py makes the same as JSON."""
    # Unpacked at once: each access by name takes a twentieth of a microsecond.
    (title, kind, namespace, reason, node, api_version, number, type_, severity, created_ms, first_ms, last_ms) = row[:12]
    times, name, description, metadata = row[12:]
    first = iso(first_ms)
    last = first if last_ms == first_ms else iso(last_ms)
    created = first if created_ms == first_ms else iso(created_ms)
    figures = {"reason": reason, "count": times, "first_timestamp": first, "last_timestamp": last}
    if node:
        figures["node"] = node
    shown = {
        "id": ids.encode(number),
        "event_type": named(EVENT_TYPES, type_),
        "severity": named(SEVERITIES, severity),
        "title": title,
        "description": description,
        "object_kind": kind,
        "object_namespace": namespace,
        "object_name": name,
        "object_api_version": api_version,
        "metadata": figures | (_known.get(metadata) or _decoded(metadata)),
        "created_at": created,
        "first_seen_at": first,
        "last_seen_at": last,
        "count": times,
    }
    return shown if all(shown.values()) else {key: value for key, value in shown.items() if value}


MOST_KNOWN, LONG = 1_000, 500
"""Metadata that are remembered, because those of most events only say who wrote the Event; longer ones are not."""
_known: dict[str, dict[str, Any]] = {}


def _decoded(metadata: str) -> dict[str, Any]:
    """The metadata of an event. Whoever changes them changes a copy."""
    found = decoded(metadata)
    if len(metadata) <= LONG:
        if len(_known) >= MOST_KNOWN:
            _known.clear()
        _known[metadata] = found
    return found


def named(names: tuple[str, ...], number: int) -> str:
    """The word of a code. Raises QueryError for a number that is none."""
    if not 0 <= number < len(names):
        raise damaged(f"{number} is not a code of {', '.join(names)}")
    return names[number]


def decoded(text: str) -> dict[str, Any]:
    """The JSON object in a column. Raises QueryError for any other text."""
    try:
        decoded = json_text.decode(text)
    except (ValueError, RecursionError) as error:
        raise damaged(f"a JSON column cannot be decoded: {error}") from None
    if not isinstance(decoded, dict):
        raise damaged("a JSON column is not an object")
    return decoded


def existing(database: Database, wanted: dict[str, int | None]) -> dict[str, int]:
    """Those ids, as they were given, with their numbers. Raises QueryError with all that no event has."""
    known = {text: number for text, number in wanted.items() if number is not None and number < ids.MAX_ID}
    database.load_ids(known.values())
    numbers = {text: database.number(number) for text, number in known.items()}
    marks = ", ".join("?" * len(numbers))
    rows = database.all(f"SELECT id FROM events WHERE id IN ({marks})", tuple(numbers.values()), (WHOLE,))  # noqa: S608
    there = {row[0] for row in rows}
    missing = [text for text in wanted if numbers.get(text) not in there]
    if missing:
        raise _not_found(", ".join(missing))
    return numbers


def get(database: Database, number: int, given: str) -> dict[str, Any]:
    """An event with the owners of its object, the nearest first, and when each step of its count was seen.

    Raises QueryError, with the id as it was given, if there is no such event.
    """
    found = next(Page(database, [number]).events(), None)
    if found is None:
        raise _not_found(given)
    if database.fleet is not None:  # steps are not sent
        steps: dict[str, Any] = {"absent": list(ABSENT)}
    else:
        steps = {"occurrences": [{"at": iso(ms), "count": count} for ms, count in occurrences(database, number)]}
    controllers = [{"kind": kind, "name": name} for kind, name in owners(database, number)]
    return found | ({"owners": controllers} if controllers else {}) | steps


def _not_found(given: str) -> QueryError:
    return QueryError("Event not found", given, "NOT_FOUND")


def owners(database: Database, number: int) -> list[tuple[str, str]]:
    """Kind and name of the owner of the event's object, of the owner's owner, and so on."""
    return [(kind, name) for kind, name in database.all(OWNERS, (number, MAX_OWNERS), (TEXT, TEXT))]


def occurrences(database: Database, number: int) -> list[tuple[int, int]]:
    """The times at which the count was seen to rise, in ms since 1970, with the count then: the first and the newest 199."""
    import heapq  # only where it is needed

    first: tuple[int, int] | None = None
    newest: list[tuple[int, int]] = []
    total = 0
    for rise in _rises(database, number):
        total += rise[1]
        first = min(first or rise, rise)
        (heapq.heappush if len(newest) < MAX_STEPS else heapq.heappushpop)(newest, rise)
    found: list[tuple[int, int]] = []
    for ms, rise_then in sorted(newest, reverse=True):
        found.append((ms, total))
        total -= rise_then
    found.reverse()
    if first is not None and total:  # more than were stored: the first stands for all before the others
        found[0] = (first[0], first[1])
    return found


def _rises(database: Database, number: int) -> Iterator[tuple[int, int]]:
    """When and by how much the count of each contributor rose, one contributor after the other.

    An event's count is the sum of its Events, or that of its statuses, or the count of one secondary contributor. Only the
    steps of these add up to it.
    """
    found = database.all("SELECT count, lead_statuses, lead_events FROM events WHERE id = ?", (number,), (WHOLE,) * 3)
    count, of_statuses, of_events = found[0] if found else (0, 0, 0)
    if of_statuses or of_events:
        sql = "SELECT base, steps FROM contributors WHERE event = ? AND flags & ? = ?"
        values: tuple[int, ...] = (number, PRIMARY | STATUS, PRIMARY | STATUS if of_statuses == count else PRIMARY)
    else:
        sql = "SELECT base, steps FROM contributors WHERE event = ? AND flags & ? = 0 ORDER BY count - base DESC LIMIT 1"
        values = (number, PRIMARY)
    for before, steps in database.each(sql, values, (WHOLE, (bytes,))):
        database.look_at_the_clock()
        for ms, count in steps_of(steps):
            yield ms, max(1, count - before)
            before = count
