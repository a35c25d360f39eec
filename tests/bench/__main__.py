"""`make bench`: figures of one run, to be compared with each other only. They are kept in docs/benchmarks.md."""

import argparse
import os
import platform
import sys

from tests.bench import ingest, memory, queries


def main() -> None:
    parser = argparse.ArgumentParser(prog="make bench", description=__doc__)
    parser.add_argument("only", nargs="*", choices=["ingest", "queries", "memory"], help="by default all")
    parser.add_argument("--events", type=int, default=1_000_000, help="of the large database (default: 1,000,000)")
    given = parser.parse_args()
    print(f"{platform.python_implementation()} {platform.python_version()}, {os.cpu_count()} cores, {platform.system()}")
    parts = {"ingest": ingest.run, "queries": queries.run, "memory": memory.run}
    for name in given.only or parts:
        print(f"\n== {name}", flush=True)
        parts[name](given.events)


if __name__ == "__main__":
    sys.exit(main())
