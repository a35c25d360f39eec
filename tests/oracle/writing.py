"""A writer at work: `python -m tests.oracle.writing FOLDER` writes a database and a journal of its states until stdin ends.

For 4,000 events a thousand observations a second, some of them of Events that are known, and as many deletions as new events.
"""

import argparse
import random
import select
import sys
import time
from pathlib import Path

from tests.oracle import databases
from tests.oracle.history import Journal
from tests.recording import Seen

JOURNAL = "journal"
BATCHES = 20
"""In a second. Together they have observations of a quarter of the events."""
KEPT = 4_000


def main() -> None:
    parser = argparse.ArgumentParser(prog="python -m tests.oracle.writing", description=__doc__)
    parser.add_argument("folder", type=Path)
    parser.add_argument("--seed", type=int, default=0)
    parser.add_argument("--new", type=float, default=0.5, help="the part of the observations that begins events (default: 0.5)")
    parser.add_argument("--kept", type=int, default=KEPT, help=f"events that stay; the oldest of more go (default: {KEPT})")
    given = parser.parse_args()
    write(given.folder, random.Random(given.seed), given.new, given.kept)


def write(folder: Path, chance: random.Random, part_new: float, kept: int) -> None:
    """Writes at the rate, or as fast as it can, until stdin ends. Says `ready` when there is enough to ask about."""
    maker = databases.Maker(folder, chance, _now_ms())
    recording = maker.recording
    Journal(recording.session, folder / JOURNAL)
    deletion = databases.deleter(recording)
    maker.behind_services()
    known: list[Seen] = []
    reason = databases.run(_now_ms())
    ready, due = False, time.monotonic()
    while not _ended():
        maker.moves_to(_now_ms())
        at_once = kept // 4 // BATCHES if ready else kept // 10
        new = [maker.seen() for _ in range(int(at_once * part_new) if ready else at_once)]
        again = [maker.again(chance.choice(known)) for _ in range(at_once - len(new))]
        recording.record([*new, *again], maker.now_ms)
        known = [*known, *new][-kept:]
        rows = recording.connection.execute(
            "SELECT id FROM events ORDER BY id LIMIT max(0, (SELECT count(*) FROM events) - ?)", (kept,)
        )
        if going := [row[0] for row in rows]:
            deletion.delete(going, reason)
            if not ready:
                ready = True
                print("ready", flush=True)
        due = max(due + 1 / BATCHES, time.monotonic() - 1)
        time.sleep(max(0.0, due - time.monotonic()))
    recording.close()


def _now_ms() -> int:
    return time.time_ns() // 1_000_000


def _ended() -> bool:
    readable, _, _ = select.select([sys.stdin], [], [], 0)
    return bool(readable) and not sys.stdin.read(1)


if __name__ == "__main__":
    main()
