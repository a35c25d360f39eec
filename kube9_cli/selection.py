"""The options that select events. Each is declared once, with its help, its check and what it is compared with.

To add a filter, add it to FILTERS: the parser, the conditions and the man page follow. CONTRIBUTING.md says what else to do.
"""

from __future__ import annotations

import time
from types import MappingProxyType

from kube9_cli import options, times
from kube9_cli.arguments import UsageError, invalid, nearest
from kube9_schema.codes import EVENT_TYPES, SEVERITIES

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse
    from collections.abc import Callable, Mapping
    from typing import Any, Literal, NamedTuple

    from kube9_cli.zones import Zone

    Values = tuple[Any, ...]
    Check = Callable[[list[str], str], Values]
    """Takes what was typed and the name of the option, returns the values. Raises UsageError."""
    Stored = Literal[
        "code", "word", "name", "literal word", "literal name", "literal kind", "kind", "namespace", "source", "owner", "text"
    ]
else:
    from kube9_cli.named_tuple import NamedTuple

MOST_VALUES = 50
"""Values of one option."""
MOST_CHARACTERS = 1_000
"""Characters of one value. Names of Kubernetes have at most 253."""
OF_KUBERNETES = {"normal": "info", "warning": "warning"}
"""The types of Kubernetes Events, and the severity that most of these Events have."""


class Filter:
    """An option that selects events.

    - `about` is its help.
    - `check` makes the wanted values from what was typed.
    - `stored` says what the values are compared with: a number of `kube9_schema.codes` (`code`), a word of the table `words`
      (`word`) or the name of the object (`name`). `literal` values are no patterns. `kube9_cli/query/conditions.py` explains
      the others.
    - `column` is a column of the table `events`, for codes and words.
    - A filter that is `repeated` may be given several times; of another one the last counts.
    - With `any_case`, upper and lower case are the same.
    - `many` options take several arguments at once.
    - What `--exclude` cannot name is not `excludable`.
    """

    def __init__(
        self,
        *flags: str,
        metavar: str,
        about: str,
        check: Check,
        stored: Stored,
        column: str = "",
        repeated: bool = True,
        any_case: bool = False,
        many: bool = False,
        excludable: bool = True,
    ) -> None:
        self.flags, self.metavar, self.about = flags, metavar, about
        self.check, self.stored, self.column = check, stored, column
        self.repeated, self.any_case, self.many, self.excludable = repeated, any_case, many, excludable
        self.field = flags[-1].removeprefix("--")
        """Its name in `Selection`, and for --exclude."""
        self.dest = f"filter_{self.field}".replace("-", "_")

    def excluding(self) -> Filter:
        """The same with the name that it has in --exclude. Errors show this name."""
        made = object.__new__(Filter)
        made.__dict__.update(self.__dict__, flags=(f"--exclude {self.field}",))
        return made


class About(NamedTuple):
    """An object that `--for` names. The name may be a pattern."""

    kind: str
    """As it was typed."""
    name: str


class Selection(NamedTuple):
    """Which events are wanted. Times are in ms since 1970; None is no limit."""

    wanted: Mapping[str, Values] = MappingProxyType({})
    """For each field, the values that an event may have. A field that is absent may have any value."""
    excluded: Mapping[str, Values] = MappingProxyType({})
    """For each field, the values that an event must not have."""
    since_ms: int | None = None
    until_ms: int | None = None
    zone: Zone | None = None
    """The time zone in which times were given, if they were given as a clock shows them, or with --tz."""


def some_of(names: tuple[str, ...], hints: Mapping[str, str], ordered: bool = False) -> Check:
    """Accepts one or more of these names, separated by commas. The values are the places of the names in the tuple.

    If the names are `ordered`, a name with a plus stands for itself and all after it. `hints` are for names that are none.
    """

    def check(texts: list[str], option: str) -> Values:
        found: set[int] = set()
        for name in [name.strip().lower() for text in texts for name in text.split(",")]:
            plain = name.removesuffix("+") if ordered else name
            if plain not in names:
                hint = f"; {hints[plain]}" if plain in hints else nearest(plain, names)
                allowed = f"it must be one or more of: {', '.join(names)}{hint}"
                raise invalid(option, ",".join(texts), allowed)
            at = names.index(plain)
            found.update(range(at, len(names)) if plain != name else (at,))
        return tuple(sorted(found))

    return check


def text(texts: list[str], option: str) -> Values:
    """Accepts any printable text that is not too long."""
    for given in texts:
        if given == "" or not given.isprintable():
            raise invalid(option, given, "it must be printable text")
        if len(given) > MOST_CHARACTERS:
            raise invalid(option, given, f"it has {len(given)} characters; at most {MOST_CHARACTERS} are allowed")
    return tuple(texts)


def values(texts: list[str], option: str) -> Values:
    """Accepts one or more values, separated by commas."""
    found = [one.strip(" ") for each in texts for one in each.split(",")]
    return tuple(dict.fromkeys(text(_few(found, option), option)))


def objects(texts: list[str], option: str) -> Values:
    """Accepts objects as kubectl takes them: KIND/NAME, several of these, or KIND NAME."""
    text(texts, option)
    if not any("/" in one for one in texts) and len(texts) > 1:
        texts = [f"{texts[0]}/{name}" for name in texts[1:]]
    found = []
    for one in texts:
        kind, slash, name = one.partition("/")
        if not (kind and slash and name) or "/" in name:
            raise invalid(option, " ".join(texts), "it must be KIND/NAME or KIND NAME, such as deploy/web")
        found.append(About(kind, name))
    return tuple(found)


def terms(texts: list[str], option: str) -> Values:
    """Accepts words and phrases in double quotes. The only value is a tuple of all of them."""
    import re  # only where it is needed

    text(texts, option)
    found = []
    for one in texts:
        for phrase, word in re.findall(r'"([^"]*)"|(\S+)', one):
            if word.startswith('"'):
                raise invalid(option, one, f"the phrase that begins with {word} has no closing double quote")
            if not (phrase or word):
                raise invalid(option, one, "a phrase in double quotes must not be empty")
            found.append(phrase or word)
    if not found:
        raise invalid(option, "", "it must be one or more words, or a phrase in double quotes")
    return (tuple(dict.fromkeys(one.casefold() for one in _few(found, option))),)


def _few(found: Any, option: str) -> Any:
    """The values if they are not too many. Raises UsageError."""
    if len(found) > MOST_VALUES:
        raise UsageError(f"Too many values for {option}: {len(found)}", f"it takes at most {MOST_VALUES}")
    return found


_TYPE_HINTS = {
    name: f"for Kubernetes' type {name.capitalize()} use --severity {severity}" for name, severity in OF_KUBERNETES.items()
}
_TYPE_HINTS |= {name: f"{name} is a severity: use --severity {name}" for name in SEVERITIES if name not in _TYPE_HINTS}
_SEVERITY_HINTS = {name: f"{name} is a type: use --type {name}" for name in EVENT_TYPES}
_SEVERITY_HINTS |= {"normal": "most Events of Kubernetes' type Normal have --severity info"}

FILTERS = (
    Filter(
        "--for",
        metavar="KIND/NAME",
        about="only events about this object and everything that it owns or owned: deploy/web, or: deploy web. For a "
        "Namespace: everything in it; for a Node: everything that happened on it; for a Service: also the pods behind it. "
        "It may be repeated",
        check=objects,
        stored="owner",
        many=True,
    ),
    Filter(
        "-n",
        "--namespace",
        metavar="NAMESPACE[,...]",
        about="only events about objects in these namespaces, and about the Namespaces themselves. It may be a pattern, as in "
        "--name, --reason, --node and --source: * stands for any characters, ? for one",
        check=values,
        stored="namespace",
    ),
    Filter(
        "--kind",
        metavar="KIND[,...]",
        about="only events about these kinds of objects, as kubectl takes them: pods, deploy, nodes.longhorn.io",
        check=values,
        stored="kind",
    ),
    Filter(
        "--name",
        metavar="NAME[,...]",
        about="only events about objects with these names, such as web-*",
        check=values,
        stored="name",
    ),
    Filter(
        "--reason",
        metavar="REASON[,...]",
        about="only events with these reasons, such as BackOff, in any case",
        check=values,
        stored="word",
        column="reason",
        any_case=True,
    ),
    Filter(
        "--node",
        metavar="NODE[,...]",
        about="only events that happened on these nodes",
        check=values,
        stored="word",
        column="node",
    ),
    Filter(
        "--type",
        metavar="TYPE[,...]",
        about=f"only these types: {', '.join(EVENT_TYPES)}",
        check=some_of(EVENT_TYPES, _TYPE_HINTS),
        stored="code",
        column="type",
    ),
    Filter(
        "--severity",
        metavar="SEVERITY[,...]",
        about=f"only these severities: {', '.join(SEVERITIES)}; error+ is error and worse",
        check=some_of(SEVERITIES, _SEVERITY_HINTS, ordered=True),
        stored="code",
        column="severity",
    ),
    Filter(
        "--source",
        metavar="COMPONENT[,...]",
        about="only events that these components reported, such as kubelet, or kube9-operator for what the operator itself "
        "found",
        check=values,
        stored="source",
        any_case=True,
    ),
    Filter(
        "--search",
        metavar="TEXT",
        about="only events that contain each of these words, or phrases in double quotes, in their title, description, reason, "
        "metadata or the name of their object, in any case",
        check=terms,
        stored="text",
    ),
    Filter(
        "--object-kind",
        metavar="KIND",
        about="only events about this kind of object: exactly as recorded, or as kubectl takes it. An unknown kind is no error",
        check=text,
        stored="literal kind",
        repeated=False,
        excludable=False,
    ),
    Filter(
        "--object-namespace",
        metavar="NAMESPACE",
        about="only events about objects in exactly this namespace, not about the Namespace itself",
        check=text,
        stored="literal word",
        column="namespace",
        repeated=False,
        excludable=False,
    ),
    Filter(
        "--object-name",
        metavar="NAME",
        about="only events about objects with exactly this name",
        check=text,
        stored="literal name",
        repeated=False,
        excludable=False,
    ),
)


def add(parser: argparse.ArgumentParser) -> None:
    """Adds the options to the parser of a command."""
    for one in FILTERS:
        place = parser.add_mutually_exclusive_group() if one.field == "namespace" else parser
        more: dict[str, Any] = {"nargs": "+"} if one.many else {}
        place.add_argument(*one.flags, metavar=one.metavar, dest=one.dest, action="append", help=one.about, **more)
        if one.field == "namespace":
            place.add_argument("-A", "--all-namespaces", action="store_true", help="events about all namespaces (the default)")
    parser.add_argument(
        "--exclude",
        metavar="FIELD=VALUE[,...]",
        action="append",
        help=f"leave out events with these values; FIELD is one of: {', '.join(_excludable())}. It may be repeated",
    )
    parser.add_argument(
        "--since",
        metavar="TIME",
        help="only events that were seen at or after TIME: how long ago (30s, 15m, 1h30m, 7d), a time as a clock shows it "
        "(14:05, today, yesterday 22:00), or an ISO 8601 date or time (UTC without a zone)",
    )
    parser.add_argument("--until", metavar="TIME", help="only events that were seen before TIME, in the same forms")


def check(given: argparse.Namespace) -> Selection:
    """Checks the arguments. Raises UsageError for the first that is wrong."""
    wanted = {}
    for one in FILTERS:
        texts = getattr(given, one.dest)
        if texts is None:
            continue
        if one.field == "object-namespace" and given.all_namespaces:
            raise UsageError("Argument --object-namespace: not allowed with argument -A/--all-namespaces", "give one of them")
        if one.many:
            wanted[one.field] = tuple(value for each in texts for value in one.check(each, one.flags[-1]))
        else:
            wanted[one.field] = one.check(texts if one.repeated else texts[-1:], one.flags[-1])
        _few(wanted[one.field], one.flags[-1])
    clock = Clock(given.tz)
    since_ms, until_ms = clock.range(given.since, given.until)
    return Selection(wanted, _excluded(given.exclude or []), _bounded(since_ms), _bounded(until_ms), clock.zone)


def _excludable() -> tuple[str, ...]:
    return tuple(one.field for one in FILTERS if one.excludable)


def _excluded(texts: list[str]) -> dict[str, Values]:
    fields = {one.field: one for one in FILTERS if one.excludable}
    found: dict[str, Values] = {}
    for each in texts:
        field, equals, rest = each.partition("=")
        one = fields.get(field.strip().lower())
        if one is None or not equals:
            hint = nearest(field.strip(), fields) if one is None else ""
            raise invalid("--exclude", each, f"it must be FIELD=VALUE, with one of: {', '.join(fields)}{hint}")
        typed = rest.split(",") if one.many else [rest]
        option = one.excluding().flags[-1]
        found[one.field] = _few(found.get(one.field, ()) + one.check(typed, option), option)
    return found


class Clock:
    """Reads times. All are relative to one moment."""

    def __init__(self, zone: str | None) -> None:
        """`zone` is that of --tz. Raises UsageError for an unknown one."""
        self._asked, self._now_ms = zone, time.time_ns() // 1_000_000
        self.zone: Zone | None = None
        """The time zone, once it is needed."""
        if zone is not None:
            self._zone()

    def range(self, since: str | None, until: str | None) -> tuple[int | None, int | None]:
        """The times of --since and --until in ms since 1970. Raises UsageError, also if they are the wrong way round."""
        since_ms = self.time(since, "--since")
        until_ms = self.time(until, "--until", since_ms)
        if since_ms is not None and until_ms is not None and since_ms >= until_ms:
            raise UsageError(f"Invalid range --since {since} --until {until}", "--since must be before --until")
        return since_ms, until_ms

    def time(self, given: str | None, option: str, after_ms: int | None = None) -> int | None:
        """A time in ms since 1970. One of the clock without a day is after `after_ms`. Raises UsageError."""
        if given is None:
            return None
        try:
            return times.parse(given, self._now_ms)
        except ValueError:
            pass
        from kube9_cli import zones  # only where it is needed

        try:
            return zones.parse(given, self._now_ms, self._zone(), after_ms)
        except ValueError:
            raise invalid(
                option,
                given,
                "it must be an ISO 8601 date or time, such as 2025-12-02T10:30:00Z, how long ago, such as 15m, 24h or 7d, or a "
                "time of a clock, such as 14:05, today or yesterday 22:00",
            ) from None

    def _zone(self) -> Zone:
        found = options.zone(self._asked)
        self.zone = found
        return found


def _bounded(ms: int | None) -> int | None:
    """The time within what can be recorded: nothing is from before 1970."""
    return None if ms is None else min(max(0, ms), times.MAX_MS)
