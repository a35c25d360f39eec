"""Asks the same of a database and of a store that has its records, and compares the answers field by field."""

import contextlib
import json
import random
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import apsw

from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import Owner
from kube9_operator.write.events import filing
from kube9_schema import ids
from tests import sent
from tests.bench.options import of
from tests.cli import run_cli
from tests.oracle import databases, options, reader
from tests.oracle.comparison import Case
from tests.recording import Seen

SEVERITIES = ("info", "warning", "error", "critical")
COMMANDS = ("list", "list", "list", "summary", "timeline", "export", "get")
"""`events list` has most cases."""
PATIENT = ("--timeout", "300")
"""A machine with other work may take long."""
DAY_MS = 86_400_000
LONGEST_DAYS = 900
"""A store keeps nothing that is older, or of the far future."""


OWNING = ("ReplicaSet", "Deployment", "Job", "CronJob", "Widget")
"""Records name owners without their uids: one that was created again under its name is taken for the one before."""


class Maker(databases.Maker):
    """Makes databases without times that a store refuses, and without Namespaces in a namespace."""

    def seen(self) -> Seen:
        found = super().seen()
        one = found.observation
        return found._replace(owners=self._owners(one.kind, one.namespace, one.name, one.uid))

    def again(self, seen: Seen) -> Seen:
        return super().again(seen)._replace(owners=seen.owners)

    def _span(self) -> tuple[int, int]:
        first, last = super()._span()
        earliest = self.now_ms - LONGEST_DAYS * DAY_MS
        return (first, last) if earliest < first and last < self.now_ms + DAY_MS else (self.now_ms - DAY_MS, self.now_ms)

    def _observation(self, event_type: int, about: tuple[str, ...], first: int, last: int) -> Observation:
        kind, namespace, name, uid, *rest = about
        uid = f"uid-{namespace}-{kind}-{name}-0" if uid and kind in OWNING else uid
        about = (kind, "" if kind == "Namespace" else namespace, name, uid, *rest)
        return super()._observation(event_type, about, first, last)

    def _owners(self, kind: str, namespace: str, name: str, uid: str) -> tuple[Owner, ...]:
        """All objects of a name have the same owners: the totals of a database take one for the other."""
        return super()._owners(kind, namespace, name, uid and f"uid-{namespace}-{kind}-{name}-0")


def case(folder: Path, seed: int, now_ms: int) -> Case:
    """A new random database."""
    folder.mkdir()
    with mock.patch.multiple(filing, PERIOD_EVENTS=40, LOOK_AFTER=10, AFTER_CUT=10):
        Maker(folder, random.Random(seed), now_ms).build()
    connection = reader.open_read_only(folder)
    try:
        return Case(seed, folder, reader.read(connection), now_ms)
    finally:
        connection.close()


def records(one: Case, sender: sent.Sender) -> list[dict[str, str]]:
    """What a sink sends of the database."""
    connection = apsw.Connection(str(one.folder / "kube9.db"))
    try:
        found = [*sent.events(connection, sender, random.Random(one.seed)), sent.coverage(connection, sender, one.now_ms)]
    finally:
        connection.close()
    return found


def command_line(one: Case, line: int) -> list[str]:
    """The n-th random command line about the events of a database."""
    chance = random.Random(f"fleet {one.seed} {line}")
    maker = options.Maker(chance, one.world, one.now_ms)
    action = chance.choice(COMMANDS)
    if action == "get":
        numbers = {maker.event().id for _ in range(chance.choice((1, 1, 3)))}
        return ["events", "get", *(ids.encode(number) for number in sorted(numbers)), "-o", "json"]
    names = of(f"events {action}") & set(options.MAKERS)
    given = [token for option in options.command_line(maker, names) for token in option.tokens]
    form = "jsonl" if action == "export" else "json"
    more = ["--by", chance.choice(("cause,owner", "namespace", "owner", "reason,severity", "name,kind", "source,node,type"))]
    return ["events", action, *given, "-o", form, *(more if action == "summary" else [])]


def difference(one: Case, url: str, cluster: str, arguments: list[str]) -> str:
    """How the answer of the store differs from that of the database; '' if it does not."""
    arguments = [*arguments, *PATIENT]
    with clock(one.now_ms):
        local = run_cli(one.folder, *arguments)
        central = run_cli(one.folder, *arguments, "--store", url, "--cluster", cluster)
        if local.returncode or central.returncode:
            same = (local.returncode, _said(local.stderr)) == (central.returncode, _said(central.stderr))
            return "" if same else f"local:   {local.stderr}central: {central.stderr}"
        if why := _differs(arguments, local.stdout, central.stdout):
            return why
        cursors = [_cursor(arguments, answer.stdout) for answer in (local, central)]
        if all(cursors):
            pages = [run_cli(one.folder, *arguments, "--after", cursors[0])]
            pages.append(run_cli(one.folder, *arguments, "--after", cursors[1], "--store", url, "--cluster", cluster))
            why = _differs(arguments, *(page.stdout for page in pages))
            return why and f"the second page: {why} {pages[1].stderr}"
        return ""


@contextlib.contextmanager
def clock(now_ms: int) -> Iterator[None]:
    """The clock of the commands, in this process."""
    with mock.patch.object(time, "time_ns", return_value=now_ms * 1_000_000):
        yield


def _cursor(arguments: list[str], answer: str) -> str:
    is_page = arguments[1] == "list" and "--around" not in " ".join(arguments)
    return str(json.loads(answer)["pagination"].get("next", "")) if is_page else ""


def _said(error: str) -> Any:
    try:
        found = json.loads(error)
    except ValueError:
        return error
    return {key: value.partition("; did you mean")[0] if key == "details" else value for key, value in found.items()}


def _differs(arguments: list[str], local: str, central: str) -> str:
    if arguments[1] == "export":
        wanted, got = ([json.loads(line) for line in text.splitlines()] for text in (local, central))
        return _first(wanted, [_plain(event) for event in got])
    wanted, got = json.loads(local), _plain(json.loads(central))
    if arguments[1] == "get":
        return _first(_events_of(wanted), _events_of(got))
    for part in wanted.keys() | got.keys():
        ours, theirs = (_comparable(part, answer.get(part)) for answer in (wanted, got))
        if ours != theirs:
            why = _first(ours, theirs) if isinstance(ours, list) and isinstance(theirs, list) else f"{ours}\ngot: {theirs}"
            return f"{part}: {why}"
    return ""


def _comparable(part: str, value: Any) -> Any:
    """What has to be equal. Gaps of the coverage are: what retention of the operator deletes is not missing in a store."""
    if part == "pagination":
        return {key: bool(one) if key == "next" else one for key, one in value.items()}
    if part in ("groups", "lines") and value and "events" in value[0]:
        return _without_ties(value)
    if part == "hints":
        return [one.partition("; did you mean")[0].rstrip(".") for one in value or ()]
    return None if part in ("coverage", "insights", "insights_total") else value


def _without_ties(groups: list[dict[str, Any]]) -> list[str]:
    """Groups, or lines about groups, in one order. Of those that are equal to the last one, chance decides which are shown."""
    keys = [(one["occurrences"], SEVERITIES.index(one["severity"]), one["last_seen_at"]) for one in groups]
    return sorted(json.dumps(one, ensure_ascii=False) for one, key in zip(groups, keys, strict=True) if key > min(keys))


def _events_of(answer: dict[str, Any]) -> list[dict[str, Any]]:
    """The events of `events get`, without what is not sent."""
    events = answer.get("events", [answer])
    return [{key: one[key] for key in one.keys() - {"occurrences", "absent", "insights"}} for one in events]


def _plain(value: Any) -> Any:
    """The same without the names of clusters."""
    if isinstance(value, dict):
        return {key: _plain(one) for key, one in value.items() if key != "cluster"}
    return [_plain(one) for one in value] if isinstance(value, list) else value


def _first(wanted: list[Any], got: list[Any]) -> str:
    """The first that differs."""
    if wanted == got:
        return ""
    for at, (ours, theirs) in enumerate(zip(wanted, got, strict=False)):
        if ours != theirs:
            shown = (json.dumps(one, ensure_ascii=False) for one in (ours, theirs))
            return f"{len(wanted)} and {len(got)}; at {at}\n" + "\n".join(shown)
    return f"{len(wanted)} and {len(got)}"
