"""Brings what `salvage` reads of damaged databases into the new one, between the writer's batches. What was recorded anew
meanwhile and what is salvaged become one event again, under the id that it had.
"""

import time
from pathlib import Path

import msgspec

from kube9_operator import logs
from kube9_operator.clock import iso, now_ms
from kube9_operator.model import operator_event
from kube9_operator.model.observation import CRITICAL, MS_IN_HOUR, Observation
from kube9_operator.write.events import stored
from kube9_operator.write.events.coverage import EVENTS, Ledger
from kube9_operator.write.events.store import SUFFIXES, Store
from kube9_operator.write.recovery import quarantine, salvage
from kube9_operator.write.recovery.importer import Adopter
from kube9_operator.write.recovery.salvage_process import Reading
from kube9_operator.write.sqlite import database

STEP_SECONDS = 0.02
ADOPTED_AT_ONCE = 100
LOOK_SECONDS = 1.0
TRIES = 3
"""So often a file is read without a new event being saved before it is given up."""
SHOWN_MS = 86_400_000
"""Health tells of damage until the file that was moved aside is taken away, or this long."""
FACT = "salvage"
NOT_TO_ITS_END = "it could not be read to its end"
NO_ROOM = "the rest was given up for want of room on the volume"


class State(msgspec.Struct):
    """What the database keeps of a salvage, as JSON in the fact of this name."""

    why: str = ""
    at_ms: int = 0
    files: list[str] = []
    """The paths of damaged databases of which not all was saved yet, the newest first; none where the file was removed."""
    at: int = 0
    """Which of them is being read."""
    tries: int = 0
    saved: int = 0
    unreadable: int = 0
    given_up: str = ""
    """Why there may be more in them than is known."""
    deleted: list[str] = []
    """Those of `files` that had to go for want of room."""
    over: bool = False
    covered_from_ms: dict[str, int] = {}
    """Of each source from when on the damaged ones covered it, until the gap that is left is stated."""


_state = msgspec.json.Decoder(State)


class Rescue:
    """Of one writer. Does nothing where there is nothing to salvage."""

    def __init__(self, connection: database.Connection, store: Store, ledger: Ledger, folder: str) -> None:
        self._connection = connection
        self._store = store
        self._ledger = ledger
        self._folder = folder
        noted = ledger.fact(FACT)
        self._state = stored.decoded(_state, noted) if noted else None
        self._reading: Reading | None = None
        self._adopter: Adopter | None = None
        self._waiting: list[salvage.Saved] = []
        self._unreadable = 0
        self._look_at = 0.0
        self._told = True
        self._lost: list[Path] = []

    def begin(self) -> None:
        """In the first transaction of a database: where it takes the place of one that was moved aside, notes that."""
        if self._ledger.fact("first_start_ms") is not None:
            return
        unsaved = [path for path in reversed(quarantine.all_aside(self._folder)) if not quarantine.note(path).salvaged]
        if not unsaved:
            return
        files = [str(path) for path in unsaved if path.exists()]
        self._lost = [path for path in unsaved if not path.exists()]
        self._state = State(quarantine.note(unsaved[0]).why, now_ms(), files, over=not files)
        # Ids of the old ones and those given from now on are told apart by their number.
        self._ledger.keep_fact("last_event_id", _fresh_from(self._state) - 1)
        self._store.begin(now_ms())
        self._tell(self._state)
        self._store.finish()

    def notice(self) -> str:
        """What health says of damage; '' where there is nothing to say, or it has been seen to."""
        state = self._state
        if state is None or now_ms() - state.at_ms > SHOWN_MS or not any(Path(one).exists() for one in state.files):
            return ""
        done = "saved" if state.over else "saved so far"
        return f"the database was damaged at {iso(state.at_ms)} and moved to {state.files[0]}; {state.saved} events {done}"

    def busy(self) -> bool:
        """Whether there is something to go on with at once."""
        return self._state is not None and self._state.at < len(self._state.files)

    def step(self) -> None:
        """Saves some more, for some 20 ms at most; to be called between batches."""
        while self._lost:  # said by now
            quarantine.remove(self._lost.pop())
        state = self._state
        if state is None or (state.over and not state.covered_from_ms and self._told):
            return
        if state.at < len(state.files):
            self._read_on(state)
        elif time.monotonic() >= self._look_at:
            self._look_at = time.monotonic() + LOOK_SECONDS
            self._finish(state)

    def give_way(self) -> bool:
        """Makes room, where the volume has none left: what is being read is given up, then files that were moved aside are
        deleted, one at each call, the oldest first. Says whether it could do something.
        """
        state = self._state
        if state is not None and state.at < len(state.files):
            logs.get().warning("salvage.given_up", path=state.files[state.at], why="no room on the volume")
            self._end_reading()
            state.given_up, state.at = NO_ROOM, len(state.files)
            return True
        aside = [path for path in quarantine.all_aside(self._folder) if path.exists()]
        if aside:
            quarantine.remove(aside[0])
            if state is not None and str(aside[0]) in state.files:
                state.deleted.append(str(aside[0]))
                self._told = False
        return bool(aside)

    def close(self) -> None:
        """Ends what is under way; the next start goes on with it."""
        self._end_reading()

    def _end_reading(self) -> None:
        if self._reading is not None:
            self._reading.close()
        self._reading = None
        self._waiting.clear()

    def _read_on(self, state: State) -> None:
        if self._reading is None:
            if state.tries == TRIES or not Path(state.files[state.at]).exists():
                state.given_up = NOT_TO_ITS_END
                self._next(state)
                return
            with database.transaction(self._connection):  # before it is read: reading may end the process
                self._keep(msgspec.structs.replace(state, tries=state.tries + 1))
            state.tries, self._unreadable = state.tries + 1, 0
            self._adopter = Adopter(self._connection, self._store, _fresh_from(state))
            self._reading = Reading(state.files[state.at])
        until = time.monotonic() + STEP_SECONDS
        while time.monotonic() < until and (said := self._reading.read()):
            for message in said:
                self._take(state, message)
            if len(self._waiting) >= ADOPTED_AT_ONCE:
                self._adopt(state)
        if self._reading.ended:
            self._adopt(state)
            whole = self._reading.whole
            self._end_reading()
            if whole:
                self._next(state)

    def _next(self, state: State) -> None:
        """The next file."""
        state.unreadable += self._unreadable
        state.at, state.tries, self._unreadable = state.at + 1, 0, 0
        self._adopt(state)

    def _take(self, state: State, message: salvage.Message) -> None:
        match message:
            case salvage.Found(covered_from_ms):
                known = state.covered_from_ms
                known |= {one: min(from_ms, known.get(one, from_ms)) for one, from_ms in covered_from_ms.items()}
            case salvage.Read(unreadable):
                self._unreadable += unreadable
            case salvage.Saved():
                self._waiting.append(message)

    def _adopt(self, state: State) -> None:
        """Brings in what waits, and keeps the state, in one transaction."""
        adopted = refused = 0
        with database.transaction(self._connection):
            self._store.begin(now_ms())
            for saved in self._waiting:
                outcome = self._adopt_one(saved)
                adopted += outcome is True
                refused += outcome is None
            tries = 0 if adopted else state.tries
            self._keep(msgspec.structs.replace(state, saved=state.saved + adopted, tries=tries))
            self._store.finish()
        state.saved, state.tries = state.saved + adopted, tries
        self._unreadable += refused
        self._waiting.clear()

    def _adopt_one(self, saved: salvage.Saved) -> bool | None:
        """Whether it was brought in; None where it makes no sense after all: it costs itself only."""
        assert self._adopter
        self._connection.execute("SAVEPOINT saved")
        try:
            return self._adopter.adopt(saved)
        except Exception as error:
            if not database.is_of_content(error):
                raise
            self._connection.execute("ROLLBACK TO saved")
            self._store.forget_words()
            logs.get().debug("salvage.refused", id=saved.id, error=logs.one_line(error))
            return None
        finally:
            if self._connection.in_transaction:  # a full disk has rolled it back already
                self._connection.execute("RELEASE saved")

    def _finish(self, state: State) -> None:
        """Of each source, when the new database covers it from now on, states what the old ones may lack; when that is so of
        Events, it is over.
        """
        covered = self._ledger.covered_from_ms()
        coming = [source for source in state.covered_from_ms if source in covered]
        ends = not state.over and EVENTS in covered
        if not (ends or (coming and state.over) or not self._told):
            return
        left = {source: from_ms for source, from_ms in state.covered_from_ms.items() if source not in covered}
        after = msgspec.structs.replace(state, over=state.over or ends, covered_from_ms=left)
        with database.transaction(self._connection):
            self._store.begin(now_ms())
            for source in coming:
                from_ms, until_ms = state.covered_from_ms[source], covered[source]
                if from_ms < until_ms:
                    shown = self._ledger.event_ttl_ms() if source == EVENTS else 0
                    reason = "the database was damaged, and only what could be read of it was saved"
                    self._ledger.covers_from(source, from_ms)
                    self._ledger.gap(source, from_ms, max(from_ms, until_ms - shown), reason)
            self._tell(after)
            self._store.finish()
        self._state, self._told = after, True
        for path in map(Path, state.files if ends else ()):
            if path.exists():
                quarantine.keep_note(path, msgspec.structs.replace(quarantine.note(path), salvaged=True))
        if ends:
            figures = {"saved": state.saved, "unreadable": state.unreadable}
            logs.get().warning("salvage.done", path=state.files[0], **figures, **_given_up(state))

    def _tell(self, state: State) -> None:
        """The critical event; what is known in the end takes the place of what was known at first."""
        metadata = {"files": state.files, "saved": state.saved, "why": state.why}
        text = f"The database was damaged ({state.why}): {_what_became(state)}"
        told = operator_event.observation(
            "DatabaseDamaged", CRITICAL, "Database damaged", text, state.at_ms, metadata, operator_event.SYSTEM
        )
        later: Observation = msgspec.structs.replace(told, last_ms=max(now_ms(), state.at_ms))
        assert later.contributor_hour == state.at_ms // MS_IN_HOUR
        self._ledger.happened(later)
        self._keep(state)

    def _keep(self, state: State) -> None:
        self._ledger.keep_fact(FACT, msgspec.json.encode(state).decode())


def _what_became(state: State) -> str:
    if not state.files:
        return "what only this file had is gone"
    newest, *older = state.files
    moved = f"it was moved to {newest}"
    if older:
        moved += f", as before it was {', '.join(older)}"
    if not state.over:
        return f"{moved}; what can be read of it is being saved"
    lost = [f"{state.unreadable} could not be read"] if state.unreadable else []
    lost += _given_up(state).values()
    lost += [f"{', '.join(state.deleted)} had to be deleted for want of room"] if state.deleted else []
    return f"{moved}; {state.saved} events of it were saved, {'; '.join(lost) or 'nothing else was found in it'}"


def _given_up(state: State) -> dict[str, str]:
    return {"given_up": state.given_up} if state.given_up else {}


def _fresh_from(state: State) -> int:
    """The first id that is given after the damage: of the second after it."""
    return (state.at_ms // 1000 + 1) * SUFFIXES
