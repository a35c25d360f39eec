"""A report as one page of HTML. It asks nobody for anything, and nothing in it runs but its own script. Pure.

Texts of the database are escaped, and no attribute has any of them but ids of events. The Content-Security-Policy allows the
style and the script of the page by their hashes, and nothing else.
"""

import base64
import hashlib
import os
from collections.abc import Iterable, Sequence
from datetime import datetime
from html import escape
from typing import Any

from kube9_cli.query.report import Report
from kube9_cli.render import picture
from kube9_cli.render.clock import Clock
from kube9_cli.render.coverage import sentence
from kube9_cli.render.escape import plain
from kube9_cli.render.table import about, placed
from kube9_cli.selection import FILTERS, About, Selection
from kube9_schema.codes import EVENT_TYPES, SEVERITIES

FILES = os.path.join(os.path.dirname(os.path.dirname(__file__)), "page")
LENGTHS = (400, 240, 160, 100, 60)
"""How long a message of the table may be. The first is taken with which the table is small enough."""
TABLE_BYTES = 1_600_000
MOST_CHANGES, MOST_OBJECTS = 500, 200
ROLES = (
    ("cause", "What came before"),
    ("effect", "Evidence"),
    ("control", "What did not fail"),
    ("against", "What speaks against it"),
)
CODES = {"severity": SEVERITIES, "type": EVENT_TYPES}


def page(found: Report, selection: Selection, clock: Clock, notes: Sequence[str]) -> str:
    """The whole page."""
    made = _Page(found, clock)
    style, script = _file("report.css"), _file("report.js")
    policy = (
        f"default-src 'none'; style-src '{_hash(style)}'; script-src '{_hash(script)}'; base-uri 'none'; form-action 'none'"
    )
    title = f"What happened: {_scope(selection)}"
    parts = [
        *made.header(title, selection, notes),
        *made.summary(),
        *picture.drawn(found, selection, clock),
        *made.insights(),
        *made.changes(),
        *made.objects(),
        *made.events(),
        *made.gaps(),
    ]
    return f"""<!doctype html>
<html lang="en">
<head>
<meta charset="utf-8">
<meta http-equiv="Content-Security-Policy" content="{policy}">
<meta name="viewport" content="width=device-width, initial-scale=1">
<meta name="referrer" content="no-referrer">
<title>{text(title)}</title>
<style>{style}</style>
</head>
<body>
<main>
{chr(10).join(parts)}
</main>
<script>{script}</script>
</body>
</html>
"""


def text(value: object) -> str:
    """A text of the database as HTML."""
    return escape(plain(str(value)))


def _file(name: str) -> str:
    with open(os.path.join(FILES, name), encoding="utf-8") as file:
        return file.read()


def _hash(content: str) -> str:
    return f"sha256-{base64.b64encode(hashlib.sha256(content.encode()).digest()).decode()}"


def _scope(selection: Selection) -> str:
    """What is asked for, in the words of the options."""
    said = [_asked(one.field, selection.wanted[one.field]) for one in FILTERS if one.field in selection.wanted]
    said += [
        f"without {_asked(one.field, selection.excluded[one.field])}" for one in FILTERS if one.field in selection.excluded
    ]
    return ", ".join(said) or "everything"


def _asked(field: str, values: Iterable[Any]) -> str:
    shown = []
    for value in values:
        if isinstance(value, About):
            shown.append(f"{value.kind}/{value.name}")
        elif field in CODES:
            shown.append(CODES[field][value])
        else:
            shown.append(" ".join(value) if isinstance(value, tuple) else str(value))
    return " or ".join(shown) if field == "for" else f"{field} {' or '.join(shown)}"


def _is_change(event: dict[str, Any]) -> bool:
    """Whether an event is about a change that somebody made. Nobody says who deleted an object."""
    says_what = any(name in event for name in ("change", "changed", "changed_by"))
    return says_what or event["reason"].endswith(("Created", "Deleted"))


def _table(caption: str, headings: Sequence[tuple[str, str]], rows: Iterable[str]) -> list[str]:
    """A table; `headings` have a class each."""
    cells = "".join(f'<th scope="col" class="{name}">{heading}</th>' for heading, name in headings)
    return [f"<table><caption>{caption}</caption>", f"<thead><tr>{cells}</tr></thead>", "<tbody>", *rows, "</tbody></table>"]


def _number(number: int, noun: str) -> str:
    return f"{number:,} {noun}{'' if number == 1 else 's'}"


def _named(line: dict[str, Any]) -> str:
    """What a line of the timeline is about."""
    return str(line.get("title", line.get("cause", "")))


class _Page:
    """The sections of a page."""

    def __init__(self, found: Report, clock: Clock) -> None:
        self._found, self._clock = found, clock
        self._ids = {event["id"] for event in found.events}
        self._problems = [event for event in found.events if event["severity"] != "info"]

    def header(self, title: str, selection: Selection, notes: Sequence[str]) -> list[str]:
        """What the report is about, and for which time it is complete."""
        clock = self._clock
        begin, end = clock.at((selection.since_ms or 0) / 1000), clock.at((selection.until_ms or 0) / 1000)
        covered = self._found.coverage
        said = [
            ("Time", f"{self._when(begin)} to {self._when(end)} {clock.zone_name}"),
            ("Events", _number(self._found.total, "event")),
            ("Complete" if covered["complete"] else "Incomplete", sentence(covered, clock)),
            *([("Notes", " ".join(notes))] if notes else []),
            ("Made", f"{self._when(clock.now)} {clock.zone_name}, from what kube9-operator {self._found.version} recorded"),
        ]
        return [
            f"<h1>{text(title)}</h1>",
            "<dl>",
            *(f"<dt>{name}</dt><dd>{text(value)}</dd>" for name, value in said),
            "</dl>",
        ]

    def summary(self) -> list[str]:
        """Impact, onset and end, in a sentence each."""
        return ["<section><h2>In short</h2>", *(f"<p>{one}</p>" for one in self._sentences()), "</section>"]

    def _sentences(self) -> list[str]:
        if not self._problems:
            return ["No problem was recorded in this time."]
        numbers = {name: sum(event["severity"] == name for event in self._problems) for name in reversed(SEVERITIES)}
        shown = ", ".join(f"{number:,} {name}" for name, number in numbers.items() if number)
        worst = max(self._problems, key=lambda event: (SEVERITIES.index(event["severity"]), event["count"]))
        touched = len({placed(event, about(event)) for event in self._problems})
        impact = (
            f"Impact: {_number(len(self._problems), 'problem')} ({shown}) of {_number(touched, 'object')}. "
            f"The worst is {self._link(worst['id'], worst.get('title', worst['reason']))} "
            f"of {text(placed(worst, about(worst)))}."
        )
        lines = self._found.timeline.lines
        begun = [line for line in lines if line["change"] == "broke"]
        first = next((line for line in begun if line.get("offset_seconds", -1) >= 0), None)
        onset = "Onset: all of these problems began before this time."
        if first is not None:
            what = self._link(first["event"], _named(first))
            onset = f"Onset: {self._time(first['at'])}, with {what}{self._before(lines, first)}."
        ended = {line["event"] for line in lines if line["change"] == "ended"}
        good = {placed(line, about(line)) for line in lines if line["change"] == "recovered"}
        went_on = [line for line in begun if line["event"] not in ended and placed(line, about(line)) not in good]
        end = "End: all of these problems have ended."
        if went_on:
            over = len(begun) - len(went_on)
            end = (
                f"End: {over} of {_number(len(begun), 'problem')} in the picture have ended. The others go on, or nobody knows."
            )
        return [impact, onset, end]

    def _before(self, lines: list[dict[str, Any]], first: dict[str, Any]) -> str:
        """The last change before the onset. It may have nothing to do with it."""
        changes = [line for line in lines if line["change"] == "changed" and line["at"] <= first["at"]]
        if not changes:
            return ""
        last = changes[-1]
        what = self._link(last["event"], _named(last))
        return f". The last recorded change before it was {what} at {self._time(last['at'])}"

    def insights(self) -> list[str]:
        """Each with its evidence, what speaks against it, what is unknown, and the command that shows it."""
        if not self._found.insights:
            return []
        parts = ["<section><h2>What the operator concluded</h2>"]
        for one in self._found.insights:
            status = f"{one['status']} ({one['ended']})" if one.get("ended") else one["status"]
            parts += [
                '<article class="insight">',
                f"<h3>{text(one['title'])}</h3>",
                f'<p><span class="{one["severity"]}">{one["severity"]}</span>, {text(status)}. {text(one["text"])}</p>',
            ]
            if one.get("recommendation"):
                parts.append(f"<p>What to do: {text(one['recommendation'])}</p>")
            for role, heading in ROLES:
                known = [event for event in one["evidence"] if event["role"] == role]
                if known:
                    items = "".join(f"<li>{self._evidence(event)}</li>" for event in known)
                    parts += [f"<p>{heading}:</p>", f"<ul>{items}</ul>"]
            unknown = "; ".join(str(said).rstrip(".") for said in one.get("unknown", []))
            parts += [
                f"<p>Unknown: {text(unknown or 'nothing that the operator knows of')}.</p>",
                f"<p><code>kube9-cli insights get {text(one['id'])}</code></p>",
                "</article>",
            ]
        return [*parts, "</section>"]

    def _evidence(self, event: dict[str, Any]) -> str:
        if "expired" in event:
            return f"{text(event['id'])} (expired)"
        said = f"{placed(event, about(event))}: {event.get('title', event['reason'])}"
        return f"{self._time(event['first_seen_at'])} {self._link(event['id'], said)}"

    def changes(self) -> list[str]:
        """What was changed, from what to what, and by whom."""
        made = [event for event in self._found.events if event["severity"] == "info" and _is_change(event)]
        made.sort(key=lambda event: (event["first_seen_at"], event["last_seen_at"], event["id"]))
        if not made:
            return ["<section><h2>Changes</h2>", "<p>No change of an object was recorded in this time.</p></section>"]
        rows = []
        for event in made[:MOST_CHANGES]:
            old, new = event.get("change", ("", event["message"]))
            what = f"{event.get('title', event['reason'])}{f': {changed}' if (changed := event.get('changed')) else ''}"
            cells = (placed(event, about(event)), what, old, new, event.get("changed_by", ""))
            shown = "".join(f"<td>{text(cell)}</td>" for cell in cells)
            rows.append(f"<tr><td>{self._link(event['id'], self._changed(event))}</td>{shown}</tr>")
        left = f" The first {MOST_CHANGES} of {len(made)}." if len(made) > MOST_CHANGES else ""
        headings = (("Time", "when"), ("Object", "which"), ("Change", ""), ("Old", ""), ("New", ""), ("By", "whom"))
        return [
            '<section id="changes"><h2>Changes</h2>',
            *_table(f"From the oldest to the newest.{left}", headings, rows),
            "</section>",
        ]

    def _changed(self, event: dict[str, Any]) -> str:
        """When a change was made, or between which times."""
        first, last = self._time(event["first_seen_at"]), self._time(event["last_seen_at"])
        return first if first == last else f"{first} to {last}"

    def objects(self) -> list[str]:
        """The objects that had problems, each with its worst one."""
        found: dict[str, list[dict[str, Any]]] = {}
        for event in self._problems:
            found.setdefault(placed(event, about(event)), []).append(event)
        if not found:
            return []
        ranked = sorted(found.items(), key=lambda one: (-max(SEVERITIES.index(event["severity"]) for event in one[1]), one[0]))
        rows = []
        for name, events in ranked[:MOST_OBJECTS]:
            worst = max(events, key=lambda event: (SEVERITIES.index(event["severity"]), event["count"]))
            first, last = min(event["first_seen_at"] for event in events), max(event["last_seen_at"] for event in events)
            rows.append(
                f'<tr><td>{text(name)}</td><td class="{worst["severity"]}">{worst["severity"]}</td>'
                f"<td>{self._link(worst['id'], worst.get('title', worst['reason']))}</td><td>{len(events):,}</td>"
                f"<td>{self._time(first)}</td><td>{self._time(last)}</td></tr>"
            )
        left = f" The first {MOST_OBJECTS} of {len(ranked):,}." if len(ranked) > MOST_OBJECTS else ""
        names = ("Object", "Severity", "Worst problem", "Problems", "First seen", "Last seen")
        return [
            "<section><h2>Affected objects</h2>",
            *_table(f"The worst first.{left}", [(name, "") for name in names], rows),
            "</section>",
        ]

    def events(self) -> list[str]:
        """The table of events, with what searches it."""
        found = self._found
        if not found.events:
            return ["<section><h2>Events</h2><p>No event matches.</p></section>"]
        rows = self._rows(LENGTHS[-1])
        for length in LENGTHS:
            rows = self._rows(length)
            if sum(len(row.encode()) for row in rows) <= TABLE_BYTES:
                break
        left = f", of {found.total:,}" if found.total > len(found.events) else ""
        choices = "".join(
            f'<option value="{at}">{name}{" and worse" if at < 3 else ""}</option>' for at, name in enumerate(SEVERITIES)
        )
        headings = (
            ("Last seen", "when"),
            ("Severity", "what"),
            ("Object", "which"),
            ("Reason", "why"),
            ("Count", "many"),
            ("Message", ""),
        )
        return [
            '<section id="events"><h2>Events</h2>',
            '<form id="filters" hidden>',
            '<div><label for="search">Search</label><input id="search" type="search" autocomplete="off"></div>',
            f'<div><label for="severity">Severity</label><select id="severity">{choices}</select></div>',
            '<button id="all" type="button">Show all</button>',
            '<output id="matches" for="search severity"></output>',
            "</form>",
            *_table(f"{_number(len(found.events), 'event')}{left}, the newest first.", headings, rows),
            "</section>",
        ]

    def _rows(self, length: int) -> list[str]:
        """The rows of the table. The end tags of cells may be left out in HTML: there are many."""
        rows = []
        for event in self._found.events:
            message = event["message"] or event.get("title", "")
            said = message if len(message) <= length else f"{message[: length - 1]}…"
            severity = event["severity"]
            rows.append(
                f'<tr id="{event["id"]}"><td>{self._time(event["last_seen_at"])}<td class="{severity}">{severity}'
                f"<td>{text(placed(event, about(event)))}<td>{text(event['reason'])}<td>{event['count']}<td>{text(said)}"
            )
        return rows

    def gaps(self) -> list[str]:
        """The times in which something may be missing, and by which rules events were recorded."""
        covered = self._found.coverage
        rows = [
            f"<tr><td>{self._time(gap['from'])}</td><td>{self._time(gap['to'])}</td>"
            f"<td>{text(gap['source'])}</td><td>{text(gap['reason'])}</td></tr>"
            for gap in covered["gaps"]
        ]
        parts = ["<section><h2>Gaps of the record</h2>"]
        if rows:
            left = f" {covered['gaps_left_out']} older ones are left out." if "gaps_left_out" in covered else ""
            parts += _table(f"The newest first.{left}", [(name, "") for name in ("From", "To", "Of", "Why")], rows)
        else:
            parts.append("<p>No gap is known.</p>")
        if covered["unavailable"]:
            parts.append(f"<p>Cannot be watched: {text(', '.join(covered['unavailable']))}.</p>")
        parts.append(f"<p>Events were recorded by the rules of kube9-operator {text(self._found.version)}.</p>")
        return [*parts, "</section>"]

    def _link(self, event: str, said: str) -> str:
        """A text that leads to the row of an event, if the table has it."""
        return f'<a href="#{event}">{text(said)}</a>' if event in self._ids else f"{text(said)} ({event})"

    def _time(self, given: str) -> str:
        return self._when(self._clock.read(given))

    @staticmethod
    def _when(moment: datetime) -> str:
        return f"{moment:%Y-%m-%d %H:%M:%S}"
