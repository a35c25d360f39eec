"""A database that is filled with what a question needs from a store."""

from __future__ import annotations

from kube9_cli import kinds
from kube9_cli.central import logsql, records
from kube9_cli.central.client import Client, Record, failed
from kube9_cli.central.fleet import Fleet
from kube9_cli.central.logsql import Query
from kube9_cli.errors import QueryError
from kube9_cli.query.connection import Scratch
from kube9_cli.query.search import Request, find
from kube9_cli.selection import Selection
from kube9_schema import facts, ids
from kube9_schema.attributes import API_GROUP, INSTANCE, KIND, NUMBER

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable, Iterator

    from kube9_cli.central.place import Place

MOST_RECORDS = 1_000_000
"""Records that one question fetches."""
FIRST_RECORDS, MORE = 200, 4
"""So many records are fetched at first for the newest events, or three for each; and how many times as many then."""
AT_ONCE = 500
MOST_NAMES = 2_000


class Copy(Scratch):
    """The events of one or more clusters, as far as they were asked for."""

    fleet: Fleet

    def __init__(self, place: Place, timeout_seconds: float, waited: Callable[[], float]) -> None:
        """Looks which clusters the store has. Raises QueryError."""
        self._client = Client(place, timeout_seconds, waited)
        super().__init__(place.url, timeout_seconds, waited)
        try:
            self.fleet = Fleet(self._client, place, lambda: Scratch("coverage", timeout_seconds, waited))
        except QueryError:
            self._client.close()
            super().close()
            raise
        self._filler = records.Filler(self, self.fleet)
        self._query: Query | None = None
        """The one whose events are not all here; None if they are."""
        self._total: int | None = None
        # What a release before this one moved is read row by row, which needs no totals.
        began_ms = self.fleet.settled_ms()
        self.write("INSERT INTO facts VALUES (?, ?)", [(facts.MOVE_UNTIL, ids.MAX_ID), (facts.LAST_COMMIT, began_ms)])
        self._kinds: list[tuple[str, str]] | None = None

    def renew(self) -> None:
        """Gives the next query the whole time again."""
        super().renew()
        self._client.renew()

    def close(self) -> None:
        """Closes the connection to the store, and removes the database."""
        self._client.close()
        self.fleet.close()
        super().close()

    # What is fetched

    def load(self, selection: Selection, first: int | None = None, counted: bool = False) -> None:
        """Fetches the events of a selection, or at least the `first` that were last seen."""
        query = Query(selection, self.fleet.instances, self._custom(selection))
        self._query, self._total = None, None
        if first is not None and not (counted and not query.is_exact):
            if not self._load_first(query, selection, first):
                return
            self._query = query
            if counted:
                gone = {(one[INSTANCE], one[NUMBER]) for one in self._client.rows(query.merged())}
                self._total = int(next(self._client.rows(query.number(gone)))["found"])
            return
        self._filler.take(self._limited(self._client.rows(query.records())))

    def _load_first(self, query: Query, selection: Selection, first: int) -> bool:
        """Fetches the newest records until they have so many events. Returns False if these are all.

        Of the oldest time that was fetched there may be more records. They are left out, because a newer revision of an event
        may be among the others.
        """
        wanted, until = max(FIRST_RECORDS, 3 * first), ""
        fetched = 0
        while True:
            found = list(self._client.rows(query.records(until), limit=wanted))
            if len(found) < wanted:
                self._filler.take(found)
                return False
            fetched += len(found)
            if fetched > MOST_RECORDS:
                raise _too_many()
            last = min(one["_time"] for one in found)
            self._filler.take(one for one in found if one["_time"] > last)
            request = Request(limit=first, counted=False)
            if len(find(self, selection, request).ids) >= first:
                return True
            until, wanted = last, wanted * MORE

    def load_ids(self, numbers: Iterable[int]) -> None:
        """Fetches events by their ids."""
        wanted = list(numbers)
        source = f'{{kube9.stream="events",{INSTANCE} in ({", ".join(map(logsql.quoted, self.fleet.instances))})}}'
        for at in range(0, len(wanted), AT_ONCE):
            some = ", ".join(f'"{one}"' for one in wanted[at : at + AT_ONCE])
            self._filler.take(self._client.rows(f"{source} {NUMBER}:in({some})"))

    def _limited(self, rows: Iterator[Record]) -> Iterator[Record]:
        for number, one in enumerate(rows):
            if number >= MOST_RECORDS:
                raise _too_many()
            yield one

    def _custom(self, selection: Selection) -> dict[str, list[str]]:
        """The recorded kinds that each name means which is not one of Kubernetes. They become known in the database, too."""
        asked: list[str] = []
        for of in (selection.wanted, selection.excluded):
            asked += [*of.get("kind", ()), *of.get("object-kind", ()), *(about.kind for about in of.get("for", ()))]
        is_literal = "object-kind" in selection.wanted
        custom = [text for text in asked if kinds.built_in(text) is None]
        if not custom and not is_literal:
            return {}
        if self._kinds is None:
            group = API_GROUP
            source = f'{{kube9.stream="events",{INSTANCE} in ({", ".join(map(logsql.quoted, self.fleet.instances))})}}'
            rows = self._client.rows(f"{source} {KIND}:* | uniq by ({KIND}, {group})")
            self._kinds = [(one[KIND], one.get(group, "")) for one in rows]
            self._filler.know(self._kinds)
        names = {kind for kind, _ in self._kinds}
        return {text: kinds.named(kinds.split(text)[0], names) for text in custom}

    # What a question asks

    def total(self) -> int | None:
        """How many events the selection has; None if all of them are here."""
        return self._total

    def number(self, number: int) -> int:
        """The number of an event here, by its id. Raises QueryError if several clusters have such an event."""
        possible = self.fleet.all_inner(number)
        found = [one for one in possible if one in self._filler.revisions]
        if len(found) > 1:
            names = ", ".join(possible[one] for one in found)
            details = f"{ids.encode(number)}: say which one with --cluster: {names}"
            raise QueryError("Several clusters have an event with this id", details, "INVALID_ARGUMENT")
        return found[0] if found else next(iter(possible))

    def shown_id(self, number: int) -> str:
        """The id of an event as clients see it."""
        return ids.encode(self.fleet.outer(number))

    def newest_id(self) -> int:
        """The greatest number of an event of the selection."""
        found = super().newest_id()
        if self._query is not None:
            for one in self._client.rows(self._query.newest()):
                found = max(found, self.fleet.inner(int(one[NUMBER]), one[INSTANCE]))
        return found

    def names(self, field: str, sql: str) -> list[str]:
        """The recorded values of a field."""
        name = logsql.FIELDS.get(field)
        if name is None:
            return super().names(field, sql)
        source = f'{{kube9.stream="events",{INSTANCE} in ({", ".join(map(logsql.quoted, self.fleet.instances))})}}'
        return [one[name] for one in self._client.rows(f"{source} {name}:* | uniq by ({name}) limit {MOST_NAMES}")]


def _too_many() -> QueryError:
    return failed("The question is about too many records", f"more than {MOST_RECORDS:,}; select fewer events")
