"""A small database for the tests of the CLI, with a reference of what is in it."""

import random
from pathlib import Path
from typing import Any

from kube9_operator.model.observation import EVENT_TYPES, SEVERITIES
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite.session import Session
from tests.bench import database as made


def build(folder: Path, count: int) -> list[dict[str, Any]]:
    """Records `count` events in `folder`; returns what each of them is, to be filtered in plain Python."""
    connection = made.create(str(folder))
    made.fill(connection, count, seed=7)
    session = Session(connection)
    store = Store(session, quiet_ms=3_600_000)
    with session.transaction(0):  # a time that touches hours and ranges from all sides
        chance = random.Random(3)
        for (event,) in connection.execute("SELECT id FROM events").fetchall():
            longer = chance.choice([0, 0, 0, 1, 3_599_999, 3_600_000, 86_400_000])
            connection.execute("UPDATE events SET last_ms = last_ms + ?1 WHERE id = ?2", (longer, event))
            store.filing.file((event,))
    rows = connection.execute(
        """SELECT e.id, e.type, e.severity, e.first_ms, e.last_ms, k.word, n.word, o.name FROM events e
        JOIN objects o ON o.id = e.object JOIN words k ON k.id = e.kind JOIN words n ON n.id = e.namespace"""
    ).fetchall()
    connection.close()
    names = ("id", "type", "severity", "first_ms", "last_ms", "kind", "namespace", "name")
    events = [dict(zip(names, row, strict=True)) for row in rows]
    for event in events:
        event["type"], event["severity"] = EVENT_TYPES[event["type"]], SEVERITIES[event["severity"]]
    return events
