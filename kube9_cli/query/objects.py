"""The newest event about an object, which is named as a table shows it or as kubectl takes it."""

from __future__ import annotations

from kube9_cli.errors import QueryError
from kube9_cli.query import conditions, notes
from kube9_cli.query.connection import TEXT, Database
from kube9_cli.query.search import Request, find
from kube9_cli.selection import About, Selection
from kube9_schema.api_groups import plural

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any, NamedTuple
else:
    from kube9_cli.named_tuple import NamedTuple

MOST_NAMED = 5
"""Of several objects that are meant, so many are named."""
WITH_EVENTS = """SELECT DISTINCT k.word, g.word, n.word, objects.name FROM objects JOIN words k ON k.id = objects.kind
    JOIN words g ON g.id = objects.api_group JOIN words n ON n.id = objects.namespace
    WHERE ({}) AND EXISTS (SELECT 1 FROM events WHERE events.object = objects.id) ORDER BY 3, 4, 1, 2 LIMIT ?"""


class Named(NamedTuple):
    """An object that was named."""

    given: str
    """As it was typed."""
    kind: str
    namespace: str | None
    """None for any. It may have a `…` as the name."""
    name: str
    """It may be a pattern. What a table has left out of a name is a `…` in it."""


def newest(database: Database, named: Named) -> int:
    """The id of the event about this object that was last seen. Raises QueryError if there is none, or more than one object."""
    name = named.name.replace(notes.CUT, "*")
    wanted: dict[str, Any] = {"kind": (named.kind,), "name": (name,)}
    if named.namespace is not None and notes.CUT not in named.namespace:
        wanted["object-namespace"] = (named.namespace,)
    database.load(Selection(wanted))
    condition = conditions.objects_of(database, (About(named.kind, name),), "object")
    where, values = condition.sql, condition.values
    if named.namespace is not None:
        operator = "GLOB" if notes.CUT in named.namespace else "="
        where, values = f"({where}) AND n.word {operator} ?", (*values, named.namespace.replace(notes.CUT, "*"))
    found = database.all(WITH_EVENTS.format(where), (*values, MOST_NAMED), (TEXT,) * 4)
    if not found:
        raise _none(database, named)
    if len(found) > 1:
        shown = ", ".join(_shown(*one) for one in found)
        details = f"say which one, with -n NAMESPACE or the whole name: {shown}{' …' * (len(found) == MOST_NAMED)}"
        raise QueryError(f"Several objects are {named.given}", details, "INVALID_ARGUMENT")
    ((_, _, namespace, name),) = found
    wanted = {"kind": (named.kind,), "object-name": (name,)}
    if namespace:
        wanted["object-namespace"] = (namespace,)
    return find(database, Selection(wanted), Request(limit=1, counted=False)).ids[0]


def _shown(kind: str, group: str, namespace: str, name: str) -> str:
    return "/".join(part for part in (f"{plural(kind)}.{group}" if group else kind, namespace, name) if part)


def _none(database: Database, named: Named) -> QueryError:
    """That there is no event about the object, with the nearest one."""
    wanted: dict[str, Any] = {"for": (About(named.kind, named.name),)}
    if named.namespace is not None and notes.CUT not in named.namespace:
        wanted["object-namespace"] = (named.namespace,)
    hints = notes.of(database, Selection(wanted), empty=True).sentences
    details = hints or [f"what it owned may have some: kube9-cli events list --for {named.kind}/{named.name}"]
    return QueryError(f"There is no event about {named.given}", " ".join(details), "INVALID_ARGUMENT")
