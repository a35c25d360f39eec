"""`make bench`: figures of one run, to be compared with each other only. They are kept in docs/benchmarks.md."""

import argparse
import os
import platform
import sys
import time
from pathlib import Path

from tests.bench import database, ingest, memory, normalise, pressure, queries, redact, retention, standin

PARTS = {
    "standin": standin.run,
    "normalise": normalise.run,
    "redact": redact.run,
    "ingest": ingest.run,
    "queries": queries.run,
    "memory": memory.run,
    "retention": retention.run,
}
LONG = {"pressure": pressure.run}
"""Ten minutes: only where it is asked for."""


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.bench", description=__doc__)
    parser.add_argument("only", nargs="*", help=f"of {', '.join([*PARTS, *LONG])}; by default all but the last")
    parser.add_argument("--events", type=int, default=1_000_000, help="of the large database (default: 1,000,000)")
    given = parser.parse_args()
    if not set(given.only) <= {*PARTS, *LONG}:
        parser.error(f"must be of: {', '.join([*PARTS, *LONG])}")
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}")
    with database.folder() as folder:
        began = time.perf_counter()
        connection = database.create(folder)
        database.fill(connection, given.events)
        connection.pragma("wal_checkpoint(TRUNCATE)")
        connection.close()
        seconds = time.perf_counter() - began
        print(f"a database of {given.events:,} events: built by the store at {given.events / seconds:,.0f} events/s, ", end="")
        print(f"{database.bytes_of(folder) / given.events:,.0f} bytes an event on disk")
        for name in given.only or PARTS:
            print(f"\n== {name}", flush=True)
            (PARTS | LONG)[name](Path(folder))


if __name__ == "__main__":
    sys.exit(main())
