"""The options of `events list`, with values that are frequent, rare and absent in a database: what slow queries are made of."""

import argparse
import functools
from pathlib import Path
from typing import Any

import apsw

from kube9_cli.parser import get_parser
from kube9_schema.codes import EVENT_TYPES, SEVERITIES
from tests.bench.mixes import RARE_TEXT
from tests.commands import levels

Domain = dict[str, list[str]]
"""For each option, the values that it may have; an option without a value has ''."""
NARROWING = ("--since", "--until", "--for", "--search", "--exclude", "--around")
"""Filters besides FILTERS."""
PAGING = {
    "--sort": ["created", "last", "first", "count", "severity"],
    "--reverse": [""],
    "--limit": ["1", "1000"],
    "--offset": ["1", "500", "900", "3000", "500000"],
}
TIMES = {
    "--since": ["30d", "169h", "3d", "25h", "59m", "31m", "10m", "3s"],
    "--until": ["166h", "3d", "26h", "70m", "61m", "29m", "3m"],
    "--around": ["3d", "61m", "30m", "5m"],
}
TEXTS = {"--search": [RARE_TEXT, "postgres", "back-off", "web-7-5d9c", "no such text", '"10.42.7.3:8080"']}
COLUMNS = {
    "--object-kind": "kind",
    "--kind": "kind",
    "--object-namespace": "namespace",
    "--namespace": "namespace",
    "--reason": "reason",
    "--node": "node",
}
"""Options whose values are words, and the columns of these."""


@functools.cache
def of(command: str) -> frozenset[str]:
    """The options that a command has, by their last and longest names."""
    parsers: list[argparse.ArgumentParser] = [one for one in levels(get_parser("kube9-cli")) if one.prog.endswith(command)]
    return frozenset(action.option_strings[-1] for one in parsers for action in one._actions if action.option_strings)


def domain(folder: Path, known: set[str]) -> Domain:
    """The values of each of these options, taken from the database."""
    connection = apsw.Connection(str(folder / "kube9.db"), flags=apsw.SQLITE_OPEN_READONLY)
    try:
        found: Domain = {
            "--type": [*EVENT_TYPES[:3], "system,operator", ",".join(EVENT_TYPES)],
            "--severity": [*SEVERITIES, "error,critical", ",".join(SEVERITIES)],
            **PAGING,
            **TIMES,
            **TEXTS,
        }
        for option, column in COLUMNS.items():
            words = _spread(connection.execute(_BY_WORD.format(column)).fetchall())
            found[option] = [*words, "never-recorded"]
        names = connection.execute(
            "SELECT name FROM objects JOIN events ON object = objects.id GROUP BY 1 ORDER BY count(*) DESC LIMIT 500"
        )
        found["--object-name"] = found["--name"] = [*_spread(names.fetchall()), "never-recorded"]
        found["--name"] += ["*-web-7-*", "busy-*", "*0"]
        found["--source"] = ["kubelet", "kube-controller-manager", "never-recorded"]
        found["--for"] = _objects(connection)
        found["--exclude"] = [
            f"{option.removeprefix('--')}={value}"
            for option in ("--kind", "--namespace", "--reason", "--severity", "--name")
            for value in found[option][:2]
        ]
    finally:
        connection.close()
    return {option: values for option, values in found.items() if option in known}


def arguments(chosen: dict[str, str]) -> list[str]:
    """The command line of these options."""
    return [f"{option}={value}" if value else option for option, value in chosen.items()]


_BY_WORD = "SELECT w.word FROM events e JOIN words w ON w.id = e.{} WHERE w.word <> '' GROUP BY 1 ORDER BY count(*) DESC"


def _spread(rows: list[tuple[Any, ...]]) -> list[str]:
    """The most frequent values, one in the middle, and the rarest."""
    values = [row[0] for row in rows]
    return list(dict.fromkeys([*values[:2], *values[len(values) // 2 :][:1], *values[-1:]]))


def _objects(connection: apsw.Connection) -> list[str]:
    """Kind and name of objects with few and with many events, and of owners of many."""
    sql = """SELECT k.word || '/' || o.name FROM objects o JOIN words k ON k.id = o.kind WHERE k.word = ?
        GROUP BY o.name ORDER BY count(*) DESC LIMIT 200"""
    kinds = ("Pod", "Deployment", "ReplicaSet", "Node", "Job", "Service")
    found = [one for kind in kinds for one in _spread(connection.execute(sql, (kind,)).fetchall())[::2]]
    return [*found, "pod/busy-0", "namespace/team-0", "namespace/team-40", "namespace/tenant-7"]
