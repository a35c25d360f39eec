"""The records that a sink sends of a database (docs/sink-records.md), made by plain reading, for tests of the central reader.

It shares no code with the sink. Each event has its newest revision and, by chance, earlier ones: with a smaller count, an
earlier last time, a later first one, a lower severity, and other texts.
"""

import json
import random
from collections.abc import Iterator
from typing import Any, NamedTuple

import apsw

from kube9_schema import ids
from tests.oracle.times import iso

SEVERITIES = ("info", "warning", "error", "critical")
TYPES = ("cluster", "operator", "insight", "assessment", "health", "system")
NUMBERS = (9, 13, 17, 21)
SKEW_MS = 60_000
FIRST_REVISION = 1_767_322_000_000_000
EVENTS = """SELECT e.id, e.severity, e.type, e.first_ms, e.last_ms, e.created_ms, e.recorded_ms, e.count, e.object,
    n.word, k.word, r.word, d.word, t.word, v.word, g.word, o.name, o.uid, x.description, x.metadata
    FROM events e JOIN objects o ON o.id = e.object JOIN texts x ON x.event = e.id JOIN words n ON n.id = e.namespace
    JOIN words k ON k.id = e.kind JOIN words r ON r.id = e.reason JOIN words d ON d.id = e.node JOIN words t ON t.id = e.title
    JOIN words v ON v.id = o.api_version JOIN words g ON g.id = o.api_group ORDER BY e.id"""
OWNER = """SELECT o.owner, k.word, n.word, o.name, g.word FROM objects o JOIN words k ON k.id = o.kind
    JOIN words n ON n.id = o.namespace JOIN words g ON g.id = o.api_group WHERE o.id = ?"""
SERVICES = """SELECT DISTINCT service FROM service_pods WHERE pod = ? AND namespace = ? AND from_ms - ? <= ?
    AND (to_ms IS NULL OR to_ms + ? >= ?)
    AND (uid = ? OR uid IN (SELECT uid FROM mirror_pods WHERE static_uid = ?)) ORDER BY 1"""


class Sender(NamedTuple):
    """The resource of a cluster."""

    name: str
    uid: str
    instance: str

    def resource(self, stream: str, namespace: str = "") -> dict[str, str]:
        """The resource attributes."""
        named = {
            "service.name": "kube9-operator",
            "service.instance.id": self.instance,
            "kube9.stream": stream,
            "k8s.cluster.uid": self.uid,
            "k8s.cluster.name": self.name,
            "k8s.namespace.name": namespace,
        }
        return {key: value for key, value in named.items() if value}


def events(connection: apsw.Connection, sender: Sender, chance: random.Random) -> Iterator[dict[str, str]]:
    """All revisions of all events, in any order."""
    found = []
    for row in connection.execute(EVENTS).fetchall():
        revision = FIRST_REVISION + len(found)
        event = _event(connection, row)
        states = [*(_earlier(event, chance) for _ in range(chance.choice((0, 0, 1, 3)))), event]
        resource = sender.resource("events", row[9])
        found += [resource | state | _revision(revision + at) for at, state in enumerate(states)]
    chance.shuffle(found)
    yield from found


def _revision(number: int) -> dict[str, str]:
    return {"kube9.event.revision": str(number)}


def _earlier(event: dict[str, str], chance: random.Random) -> dict[str, str]:
    """The event as it may have been before."""
    earlier = dict(event)
    severity = chance.randint(0, NUMBERS.index(int(event["severity_number"])))
    earlier |= {"severity_number": str(NUMBERS[severity]), "severity_text": SEVERITIES[severity]}
    earlier |= {"k8s.event.count": str(chance.randint(1, int(event["k8s.event.count"])))}
    earlier["_time"] = chance.choice((event["k8s.event.start_time"], event["_time"]))
    if chance.random() < 0.5:
        earlier |= {"k8s.event.start_time": earlier["_time"], "kube9.event.title": "Something", "k8s.event.reason": "Unknown"}
    if chance.random() < 0.5:
        earlier |= {"_msg": "not known yet", "kube9.event.body": "description", "kube9.event.metadata": "{}"}
        earlier.pop("k8s.node.name", None)
        earlier.pop("kube9.event.owners", None)
    return earlier


def _event(connection: apsw.Connection, row: tuple[Any, ...]) -> dict[str, str]:
    number, severity, kind_of_event, first, last, created, recorded, count, object_number = row[:9]
    namespace, kind, reason, node, title, version, group, name, uid, description, metadata = row[9:]
    body = "description" if description else "title" if title else "reason" if reason else "none"
    owners = _owners(connection, number, object_number)
    services = [one for (one,) in connection.execute(SERVICES, (name, namespace, SKEW_MS, last, SKEW_MS, first, uid, uid))]
    found = {
        "_time": iso(last),
        "_msg": {"description": description, "title": title, "reason": reason, "none": "event"}[body],
        "severity_number": str(NUMBERS[severity]),
        "severity_text": SEVERITIES[severity],
        "event_name": "kube9.event",
        "kube9.event.number": str(number),
        "kube9.event.id": _id(number),
        "kube9.event.type": TYPES[kind_of_event],
        "kube9.event.title": title,
        "kube9.event.body": body,
        "kube9.event.created_at": iso(created),
        "kube9.event.recorded_at": iso(recorded),
        "kube9.event.metadata": metadata,
        "kube9.event.owners": json.dumps(owners, ensure_ascii=False, separators=(",", ":")) if owners else "",
        "kube9.event.services": json.dumps(services, ensure_ascii=False) if services and kind == "Pod" and not group else "",
        "k8s.event.reason": reason,
        "k8s.event.count": str(count),
        "k8s.event.start_time": iso(first),
        "k8s.object.kind": kind,
        "k8s.object.name": name,
        "k8s.object.uid": uid,
        "k8s.object.api_version": version,
        "kube9.object.api_group": group,
        "k8s.node.name": node,
    }
    return {key: value for key, value in found.items() if value}


def _id(number: int) -> str:
    return ids.encode(number)


def _owners(connection: apsw.Connection, number: int, object_number: int) -> list[dict[str, str]]:
    stopped = connection.execute("SELECT object FROM controllers WHERE event = ?", (number,)).fetchone()
    above = stopped[0] if stopped else connection.execute(OWNER, (object_number,)).fetchall()[0][0]
    found: list[dict[str, str]] = []
    while above is not None and len(found) < 8:
        above, kind, namespace, name, group = connection.execute(OWNER, (above,)).fetchall()[0]
        named = {"kind": kind, "namespace": namespace, "name": name, "api_group": group}
        found.append({key: value for key, value in named.items() if value})
    return found


def coverage(connection: apsw.Connection, sender: Sender, now_ms: int, **more: str) -> dict[str, str]:
    """The coverage record of this time."""
    sources = [
        {"source": source, "from": begun, "until": until, "unavailable": why, "unavailable_since": since}
        for source, begun, until, why, since in (
            (row[0], *(one and iso(one) for one in row[1:3]), row[3], row[4] and iso(row[4]))
            for row in connection.execute(
                "SELECT source, covered_from_ms, proved_until_ms, unavailable, unavailable_since_ms FROM sources"
            )
        )
    ]
    gaps = [
        {"id": number, "source": source, "from": iso(begin), "to": iso(end), "reason": reason}
        for number, source, begin, end, reason in connection.execute(
            "SELECT id, source, from_ms, to_ms, reason FROM gaps ORDER BY to_ms DESC, from_ms DESC LIMIT 100"
        )
    ]
    facts = dict(connection.execute("SELECT name, value FROM facts").fetchall())
    said = {
        "version": "1.0.0",
        "sources": json.dumps([{key: value for key, value in one.items() if value} for one in sources]),
        "gaps": json.dumps(gaps),
        "first_start": iso(facts["first_start_ms"]),
        "started": iso(facts["started_ms"]),
        "last_commit": iso(facts["last_commit_ms"]),
        "health": "healthy",
        "events": json.dumps({"info": 1, "warning": 2, "error": 0, "critical": 0}),
        "settled_until": iso(now_ms),
        **more,
    }
    return (
        sender.resource("coverage")
        | {
            "_time": iso(now_ms),
            "_msg": "coverage",
            "severity_number": "9",
            "severity_text": "info",
            "event_name": "kube9.coverage",
        }
        | {f"kube9.coverage.{key}": value for key, value in said.items() if value}
    )
