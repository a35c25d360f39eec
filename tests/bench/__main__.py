"""`make bench`: figures of one run, to be compared with each other only. They are kept in docs/benchmarks.md."""

import argparse
import os
import platform
import sys
import time
from pathlib import Path

from tests.bench import (
    assessing,
    assessments,
    collections,
    database,
    flood,
    ingest,
    insights,
    memory,
    mixes,
    normalise,
    page,
    pod,
    pressure,
    queries,
    redact,
    resources,
    retention,
    rules,
    sink,
    standin,
    start,
)

PARTS = {
    "standin": standin.run,
    "normalise": normalise.run,
    "rules": rules.run,
    "redact": redact.run,
    "ingest": ingest.run,
    "start": start.run,
    "memory": memory.run,
    "retention": retention.run,
    "insights": insights.run,
    "assessments": assessments.run,
    "collections": collections.run,
}
QUERIES = "queries"
"""Builds large databases of several kinds for itself."""
LONG = {"pressure": pressure.run, "flood": flood.run, "sink": sink.run, "store": sink.pages}
"""Up to a quarter of an hour each: only where they are asked for. The last two need what `make engine-tools` builds."""
ON_A_CLUSTER = {"page": page.run, "idle": pod.idle, "pod": pod.run, "resources": resources.run, "assessing": assessing.run}
"""The same; these need no large database, but what the tests of a node and of a control plane need."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parts = [*PARTS, QUERIES, *LONG, *ON_A_CLUSTER]
    parser.add_argument(
        "only", nargs="*", help=f"of {', '.join(parts)}; by default all but the last {len(LONG | ON_A_CLUSTER)}"
    )
    parser.add_argument("--events", type=int, default=1_000_000, help="of each large database (default: 1,000,000)")
    parser.add_argument("--mix", action="append", choices=mixes.MIXES, help=f"for {QUERIES}: only this database")
    parser.add_argument("--seed", type=int, default=1, help=f"for {QUERIES}: of its search (default: 1)")
    names = [bar.name for bar in queries.BARS]
    parser.add_argument("--bar", action="append", choices=names, default=[], help=f"for {QUERIES}: only this bar")
    given = parser.parse_args()
    if not set(given.only) <= set(parts):
        parser.error(f"must be of: {', '.join(parts)}")
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}")
    for name in given.only:
        if name in ON_A_CLUSTER:
            print(f"\n== {name}", flush=True)
            ON_A_CLUSTER[name]()
    if QUERIES in given.only or not given.only:
        print(f"\n== {QUERIES}", flush=True)
        queries.run(given.seed, given.mix or tuple(mixes.MIXES), given.events, given.bar)
    if with_large := [one for one in given.only if one in PARTS | LONG] or ([] if given.only else list(PARTS)):
        with_a_database(with_large, given.events)


def with_a_database(parts: list[str], events: int) -> None:
    """Runs those of PARTS and LONG."""
    with database.folder() as folder:
        began = time.perf_counter()
        connection = database.create(folder)
        database.fill(connection, events)
        connection.execute("PRAGMA wal_checkpoint(TRUNCATE)").fetchall()
        connection.close()
        seconds = time.perf_counter() - began
        print(f"a database of {events:,} events: built by the store at {events / seconds:,.0f} events/s, ", end="")
        print(f"{database.bytes_of(folder) / events:,.0f} bytes an event on disk")
        for name in parts:
            print(f"\n== {name}", flush=True)
            (PARTS | LONG)[name](Path(folder))


if __name__ == "__main__":
    sys.exit(main())
