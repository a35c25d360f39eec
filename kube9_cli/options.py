"""The options of every query: the output, the time limit and the database."""

from __future__ import annotations

import os
import sys

from kube9_cli.arguments import invalid, nearest, one_of
from kube9_cli.central import place
from kube9_schema import DATABASE_NAME

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    import argparse

    from kube9_cli.central.place import Place
    from kube9_cli.custom_columns import Column
    from kube9_cli.zones import Zone

CUSTOM = "custom-columns="
"""How a format begins that names its columns."""
DOCUMENTS = ("json", "yaml")
"""The formats in which an answer is one document."""
TABLES = ("table", "wide")
"""The tables for people."""
FORMATS = (*DOCUMENTS, *TABLES, "name", "jsonl", "csv", f"{CUSTOM}COLUMNS")
"""The formats of events."""
PROGRAMS = ("json", "yaml", "jsonl")
"""With these formats, an error is JSON. With the others it is a line of text."""
FLAGS = ("-o", "--output", "--format")
DEFAULT_FORMAT = "KUBE9_OUTPUT"
"""The environment variable with the format that is used without -o."""
ENDS_WITH_STDIN = "KUBE9_EXIT_ON_STDIN_CLOSE"
"""The environment variable that has the same effect as --exit-on-stdin-close."""
COLOURS = ("auto", "always", "never")
CLOCKS = ("age", "utc", "local")
MAX_TIMEOUT_SECONDS = 3600


class Options:
    """The checked options."""

    def __init__(self, form: str, path: str, timeout_seconds: float) -> None:
        self.format, self.path, self.timeout_seconds = form, path, timeout_seconds
        self.columns: tuple[Column, ...] = ()
        """Those of custom-columns."""
        self.headings, self.colour = True, "auto"
        self.zone: Zone | None = None
        """The zone in which times are shown; None for UTC."""
        self.ages = True
        """Tables show how long ago something was, not when."""
        self.time_is_given = False
        """--time or --tz says how times are shown."""
        self.widths: dict[str, int] | None = None
        """Of a table that goes on: the widths of its columns so far."""
        self.store: Place | None = None
        """The store that is asked in place of a database."""
        self.ends_with_stdin = False
        """The end of stdin ends the command."""

    def following(self) -> Options:
        """The same for events that come one after the other without an end: lines of JSON in place of one document."""
        import copy  # only where it is needed

        made = copy.copy(self)
        made.format = "jsonl" if self.format == "json" else self.format
        made.widths = {}
        return made

    def show_clock(self, zone: Zone | None) -> None:
        """Lets tables show times of the clock in this zone, because the question has some; not if --time says otherwise."""
        if not self.time_is_given:
            self.ages, self.zone = False, zone

    @property
    def for_people(self) -> bool:
        """The answer is a table."""
        return self.format in TABLES

    @property
    def errors_as_text(self) -> bool:
        """An error is plain text, not JSON."""
        return self.format not in PROGRAMS


def add(parser: argparse.ArgumentParser, formats: tuple[str, ...] = FORMATS, default: str = "") -> None:
    """Adds the options to the parser of a command whose answer can be shown in these formats.

    With a `default`, the format depends neither on the terminal nor on the environment.
    """
    parser.set_defaults(formats=formats, usual_format=default)
    usual = f"the environment variable {DEFAULT_FORMAT}; without it, table on a terminal, otherwise json"
    wide = ". wide is a table with more columns, which is never cut" if "wide" in formats else ""
    parser.add_argument(
        *FLAGS,
        dest="format",
        metavar="FORMAT",
        help=f"one of: {', '.join(formats)}{wide} (default: {default or usual})",
    )
    parser.add_argument("--no-headers", action="store_true", help="leave out the line with the names of the columns")
    parser.add_argument(
        "--color",
        metavar="WHEN",
        default="auto",
        help=f"{', '.join(COLOURS)}. With auto, tables have colours on a terminal, unless NO_COLOR is set or TERM is dumb, and "
        "everywhere if FORCE_COLOR is set (default: auto)",
    )
    add_times(parser)
    add_reading(parser)


def add_times(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say how times are shown."""
    parser.add_argument(
        "--time",
        metavar="CLOCK",
        help="how tables show times: age (how long ago), utc, or local (in the zone of --tz) (default: age; local with --tz or "
        "a time such as 14:05; otherwise utc with --around and --watch)",
    )
    parser.add_argument(
        "--tz",
        metavar="ZONE",
        help="the time zone of times such as 14:05, and of --time local: Europe/Berlin, +02:00, UTC, local (default: the "
        "environment variable TZ, then that of the machine)",
    )


def add_reading(parser: argparse.ArgumentParser) -> None:
    """Adds the options that say what is read, and for how long."""
    parser.add_argument(
        "--timeout",
        metavar="SECONDS",
        default="30",
        help="stop a query after this time; stop the command if nobody reads its output for ten times as long (default: 30)",
    )
    parser.add_argument(
        "--db",
        metavar="PATH",
        help="the folder that holds kube9.db, or a database file (default: the environment variable DB_PATH, then /data)",
    )
    place.add(parser)
    parser.set_defaults(central=False)
    parser.add_argument(
        "--exit-on-stdin-close",
        action="store_true",
        help="end the command as soon as stdin is closed. With kubectl exec -i, the command in the pod then ends when kubectl "
        f"does (default: only if the environment variable {ENDS_WITH_STDIN} is set and not empty)",
    )


def check(given: argparse.Namespace) -> Options:
    """Checks the arguments. Raises UsageError for the first that is wrong."""
    asked = given.usual_format if given.format is None and given.usual_format else given.format
    form = _format(asked, given.formats)
    checked = Options(form, _path(given.db), _seconds(given.timeout))
    checked.store = place.check(given)
    if form.startswith(CUSTOM):
        from kube9_cli import custom_columns  # only where it is needed

        checked.columns = custom_columns.parse(form.removeprefix(CUSTOM))
    checked.headings = not given.no_headers
    checked.ends_with_stdin = given.exit_on_stdin_close or bool(os.environ.get(ENDS_WITH_STDIN))
    checked.colour = one_of(given.color, "--color", COLOURS)
    usual = "local" if given.tz is not None else "age"
    clock = one_of(usual if given.time is None else given.time, "--time", CLOCKS)
    checked.ages = clock == "age"
    checked.time_is_given = given.time is not None or given.tz is not None
    if clock == "local" or given.tz is not None:
        asked = zone(given.tz)
        checked.zone = None if clock == "utc" else asked
    return checked


def errors_as_text(argv: list[str]) -> bool:
    """Whether an error in the arguments is plain text: by the format that they ask for, or by whether a person reads it."""
    asked = ""
    for before, word in zip(["", *argv], argv, strict=False):
        value = word
        for flag in FLAGS:
            value = value.removeprefix(flag)
        value = value.removeprefix("=")
        if _known(value, FORMATS) and (value != word or before in FLAGS):
            asked = value
    return (asked or _default(FORMATS)) not in PROGRAMS


def _format(asked: str | None, formats: tuple[str, ...]) -> str:
    """The format that is asked for. One that only the environment asks for is ignored where a command does not have it."""
    wanted, of = (os.environ.get(DEFAULT_FORMAT, ""), DEFAULT_FORMAT) if asked is None else (asked, "--format")
    if not _known(wanted, formats if asked is not None else ("", *FORMATS)):
        raise invalid(of, wanted, f"it must be one of: {', '.join(formats)}{nearest(wanted, formats)}")
    return _default(formats) if asked is None else asked


def _default(formats: tuple[str, ...]) -> str:
    """The format without -o."""
    wanted = os.environ.get(DEFAULT_FORMAT, "")
    if wanted and _known(wanted, formats):
        return wanted
    return "table" if sys.stdout.isatty() else "json"


def _known(form: str, formats: tuple[str, ...]) -> bool:
    return form in formats or (form.startswith(CUSTOM) and FORMATS[-1] in formats)


def zone(asked: str | None) -> Zone:
    """The time zone of --tz, otherwise of TZ or the machine. Raises UsageError for an unknown one."""
    from kube9_cli import zones  # only where it is needed: 5 ms

    try:
        if asked == "":  # an empty TZ is UTC, but an empty option is a mistake, such as --tz "$MY_ZONE"
            raise ValueError
        return zones.zone(asked)
    except ValueError:
        pass
    if asked in (None, "local"):
        details = "the environment variable TZ must be a time zone, such as Europe/Berlin or UTC; --tz is used in its place"
        raise invalid("TZ", os.environ["TZ"], details)
    hint = nearest(asked, zones.names())
    raise invalid("--tz", asked, f"it must be a time zone, such as Europe/Berlin, +02:00, UTC or local{hint}")


def _path(asked: str | None) -> str:
    if asked is not None and not asked.strip():
        raise invalid("--db", asked, "it must be a folder or a database file")
    if asked is not None and not asked.isprintable():
        raise invalid("--db", asked, "it must be printable text")
    path = asked or os.environ.get("DB_PATH") or "/data"
    if os.path.isdir(path) or not (path.endswith(".db") or os.path.exists(path)):
        path = os.path.join(path, DATABASE_NAME)
    return path


def _seconds(text: str) -> float:
    try:
        number = float(text)
    except ValueError:
        number = 0.0
    if not 0 < number <= MAX_TIMEOUT_SECONDS:
        raise invalid("--timeout", text, f"it must be a number of seconds above 0, at most {MAX_TIMEOUT_SECONDS}")
    return number
