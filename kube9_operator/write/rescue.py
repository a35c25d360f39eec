"""Brings what `salvage` reads of a damaged database into the new one, between the writer's batches. What was recorded anew
meanwhile and what is salvaged become one event again, under the id that it had.
"""

import os
import subprocess
import sys
import time
from pathlib import Path

import msgspec

from kube9_operator import logs, own
from kube9_operator.clock import iso, now_ms
from kube9_operator.frame import CRITICAL, MS_IN_HOUR, Sighting
from kube9_operator.write import damage, database, salvage
from kube9_operator.write.adopter import Adopter
from kube9_operator.write.ledger import EVENTS, Ledger
from kube9_operator.write.store import SUFFIXES, Store

STEP_SECONDS = 0.02
ADOPTED_AT_ONCE = 100
SHOWN_MS = 86_400_000
"""Health tells of damage until the file that was moved aside is taken away, or this long."""
FACT = "salvage"


class State(msgspec.Struct):
    """What the database keeps of a salvage, as JSON in the fact of this name."""

    file: str
    """The path of the damaged database."""
    why: str
    at_ms: int
    saved: int = 0
    unreadable: int = 0
    over: bool = False
    started_ms: int = 0
    """When the damaged database was begun, 0 where it does not say."""
    covered_from_ms: dict[str, int] = {}


class Rescue:
    """Of one writer. Does nothing where there is nothing to salvage."""

    def __init__(self, connection: database.Connection, store: Store, ledger: Ledger) -> None:
        self._connection = connection
        self._store = store
        self._ledger = ledger
        kept = ledger.fact(FACT)
        self._state = msgspec.json.decode(kept, type=State) if kept else None
        self._process: subprocess.Popen[bytes] | None = None
        self._adopter: Adopter | None = None
        self._buffer = b""
        self._waiting: list[salvage.Saved] = []
        self._ended = False

    def begin(self, folder: str, why: str) -> None:
        """In the first transaction of a database: where it takes the place of one that was moved aside, notes that."""
        aside = damage.all_aside(folder)
        if aside and self._ledger.fact("first_start_ms") is None:
            self._state = State(str(aside[-1]), why or "it was found damaged", now_ms())
            # Ids of the old one and those given from now on are told apart by their number.
            self._ledger.keep_fact("last_event_id", _fresh_from(self._state) - 1)
            self._store.begin(now_ms())
            self._tell(f"it was moved to {self._state.file}; what can be read of it is being saved")
            self._store.finish()

    def notice(self) -> str:
        """What health says of damage; '' where there is nothing to say, or it has been seen to."""
        state = self._state
        if state is None or now_ms() - state.at_ms > SHOWN_MS or not Path(state.file).exists():
            return ""
        done = "saved" if state.over else "saved so far"
        return f"the database was damaged at {iso(state.at_ms)} and moved to {state.file}; {state.saved} events {done}"

    def busy(self) -> bool:
        """Whether there is something to go on with."""
        return self._state is not None and not self._state.over

    def step(self) -> None:
        """Saves some more, for some 20 ms at most; to be called between batches."""
        state = self._state
        if state is None or state.over:
            return
        if self._process is None:
            self._start(state)
        until = time.monotonic() + STEP_SECONDS
        while not self._ended and time.monotonic() < until and self._read(state):
            if len(self._waiting) >= ADOPTED_AT_ONCE:
                self._adopt(state)
        if self._ended:
            self._adopt(state)
            self._finish(state)

    def close(self) -> None:
        """Ends what is under way; the next start goes on with it."""
        if self._process is not None:
            self._process.kill()
            self._process.communicate()

    def _start(self, state: State) -> None:
        logs.get().info("salvage.begins", path=state.file)
        command = [sys.executable, "-m", "kube9_operator.write.salvage", state.file]
        self._process = subprocess.Popen(command, stdout=subprocess.PIPE, stdin=subprocess.DEVNULL)  # noqa: S603
        assert self._process.stdout
        os.set_blocking(self._process.stdout.fileno(), False)
        self._adopter = Adopter(self._connection, self._store, _fresh_from(state))

    def _read(self, state: State) -> bool:
        """Takes what the process has said by now; says whether there was anything."""
        assert self._process
        assert self._process.stdout
        try:
            data = os.read(self._process.stdout.fileno(), 65_536)
        except BlockingIOError:
            return False
        self._buffer += data
        while len(self._buffer) >= salvage.LENGTH_BYTES:
            end = salvage.LENGTH_BYTES + int.from_bytes(self._buffer[: salvage.LENGTH_BYTES], "big")
            if len(self._buffer) < end:
                break
            self._take(state, salvage.decode(self._buffer[salvage.LENGTH_BYTES : end]))
            self._buffer = self._buffer[end:]
        if not data:
            self._ended = True
            if self._process.wait():
                state.unreadable = max(1, state.unreadable)
                logs.get().error("salvage.failed", exit_code=self._process.returncode, path=state.file)
        return bool(data)

    def _take(self, state: State, message: salvage.Message) -> None:
        match message:
            case salvage.Found(started_ms, covered_from_ms):
                state.started_ms, state.covered_from_ms = started_ms, covered_from_ms
            case salvage.Read(unreadable):
                state.unreadable = unreadable
            case salvage.Saved():
                self._waiting.append(message)

    def _adopt(self, state: State) -> None:
        if not self._waiting:
            return
        assert self._adopter
        adopted = 0
        with database.transaction(self._connection):
            self._store.begin(now_ms())
            for saved in self._waiting:
                adopted += self._adopter.adopt(saved)
            self._keep(msgspec.structs.replace(state, saved=state.saved + adopted))
            self._store.finish()
        state.saved += adopted
        self._waiting.clear()

    def _finish(self, state: State) -> None:
        """When the new database covers the time from now on, states what the old one may lack; then it is over."""
        covered = self._ledger.covered_from_ms()
        if EVENTS not in covered:
            return
        with database.transaction(self._connection):
            self._store.begin(now_ms())
            for source, from_ms in state.covered_from_ms.items():
                if source in covered and from_ms < covered[source]:
                    shown = self._ledger.event_life_ms() if source == EVENTS else 0
                    reason = "the database was damaged, and only what could be read of it was saved"
                    self._ledger.covers_from(source, from_ms)
                    self._ledger.gap(source, from_ms, max(from_ms, covered[source] - shown), reason)
            over = msgspec.structs.replace(state, over=True)
            lost = f"{state.unreadable} could not be read" if state.unreadable else "nothing else was found in it"
            self._tell(f"it was moved to {state.file}; {state.saved} events of it were saved, {lost}", over)
            self._store.finish()
        self._state = over
        logs.get().warning("salvage.done", path=state.file, saved=state.saved, unreadable=state.unreadable)

    def _tell(self, what: str, state: State | None = None) -> None:
        """The critical event; what is known in the end takes the place of what was known at first."""
        state = state or self._state
        assert state
        metadata = {"file": state.file, "saved": state.saved, "why": state.why}
        text = f"The database was damaged ({state.why}): {what}"
        told = own.happened("DatabaseDamaged", CRITICAL, "Database damaged", text, state.at_ms, metadata, own.SYSTEM)
        later: Sighting = msgspec.structs.replace(told, last_ms=max(now_ms(), state.at_ms))
        assert later.contributor_hour == state.at_ms // MS_IN_HOUR
        self._ledger.happened(later)
        self._keep(state)

    def _keep(self, state: State) -> None:
        self._ledger.keep_fact(FACT, msgspec.json.encode(state).decode())


def _fresh_from(state: State) -> int:
    """The first id that is given after the damage: of the second after it."""
    return (state.at_ms // 1000 + 1) * SUFFIXES
