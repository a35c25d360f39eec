"""Restores what can be salvaged from damaged databases into the new one, between the writer's batches.

An event that was recorded again meanwhile becomes one with the salvaged event, under the id that it had.
"""

import time
from pathlib import Path

import msgspec

from kube9_operator import logs
from kube9_operator.clock import iso, now_ms
from kube9_operator.model import operator_event
from kube9_operator.model.observation import CRITICAL, MS_IN_HOUR, Observation
from kube9_operator.write.events import stored
from kube9_operator.write.events.coverage import EVENTS, Coverage
from kube9_operator.write.events.facts import Facts
from kube9_operator.write.events.store import Store
from kube9_operator.write.recovery import quarantine, salvage
from kube9_operator.write.recovery.importer import Importer
from kube9_operator.write.recovery.salvage_process import SalvageProcess
from kube9_operator.write.sqlite import database
from kube9_operator.write.sqlite.session import Session
from kube9_schema import facts
from kube9_schema.ids import first_of

STEP_SECONDS = 0.02
IMPORTED_AT_ONCE = 100
CHECK_SECONDS = 1.0
TRIES = 3
"""How often a file is read without a new event before the restore goes on without the rest of it."""
SHOWN_MS = 86_400_000
"""Health mentions damage for this long, or until the file that was moved aside is deleted."""
UNREADABLE_END = "it could not be read to its end"
NO_ROOM = "the rest was not read, because the volume was full"


class State(msgspec.Struct):
    """The progress of a restore. It is stored as JSON in the fact `salvage`, so fields keep their names there."""

    why: str = ""
    at_ms: int = 0
    files: list[str] = []
    """The paths of damaged databases that are not completely restored, the newest first; none if the file was removed."""
    at: int = 0
    """Which of them is being read: an index of `files`."""
    tries: int = 0
    saved: int = 0
    unreadable: int = 0
    incomplete: str = msgspec.field(default="", name="given_up")
    """Why they may have more than was read."""
    deleted: list[str] = []
    """Files that were deleted because the volume was full."""
    over: bool = False
    covered_from_ms: dict[str, int] = {}
    """Since when the damaged databases covered each source. A source is removed when its remaining gap is recorded."""


_state = msgspec.json.Decoder(State)


class Restore:
    """Does nothing if there is nothing to restore."""

    def __init__(self, session: Session, store: Store, coverage: Coverage, folder: str) -> None:
        self._session = session
        self._connection = session.connection
        self._store = store
        self._coverage = coverage
        self._facts = Facts(session.connection)
        self._folder = folder
        found = self._facts.get(facts.SALVAGE)
        self._state = stored.decoded(_state, found) if found else None
        self._process: SalvageProcess | None = None
        self._importer: Importer | None = None
        self._waiting: list[salvage.Saved] = []
        self._unreadable = 0
        self._check_at = 0.0
        self._event_is_current = True
        self._lost: list[Path] = []

    def begin(self, now_ms: int) -> None:
        """Begins a restore if this database is new and replaces one that was moved aside, in the caller's transaction."""
        if self._facts.get(facts.FIRST_START) is not None:
            return
        unsaved = [path for path in reversed(quarantine.all_aside(self._folder)) if not quarantine.note(path).salvaged]
        if not unsaved:
            return
        files = [str(path) for path in unsaved if path.exists()]
        self._lost = [path for path in unsaved if not path.exists()]
        self._state = State(quarantine.note(unsaved[0]).why, now_ms, files, over=not files)
        # Every id that is given from now on is greater than those of the old databases.
        self._store.start_ids_after(_fresh_from(self._state) - 1)
        self._record(self._state)

    def notice(self) -> str:
        """What health says about damage; '' if there was none, or if its files were deleted."""
        state = self._state
        if state is None or now_ms() - state.at_ms > SHOWN_MS or not any(Path(one).exists() for one in state.files):
            return ""
        done = "saved" if state.over else "saved so far"
        return f"the database was damaged at {iso(state.at_ms)} and moved to {state.files[0]}; {state.saved} events {done}"

    def busy(self) -> bool:
        """Whether there is more to restore at once."""
        return self._state is not None and self._state.at < len(self._state.files)

    def step(self) -> None:
        """Restores more, for some 20 ms at most."""
        while self._lost:  # the event about them is committed
            quarantine.remove(self._lost.pop())
        state = self._state
        if state is None or (state.over and not state.covered_from_ms and self._event_is_current):
            return
        if state.at < len(state.files):
            self._read_on(state)
        elif time.monotonic() >= self._check_at:
            self._check_at = time.monotonic() + CHECK_SECONDS
            self._finish(state)

    def give_way(self) -> bool:
        """Makes room on a full volume. Says whether it could.

        The first call stops reading; each further one deletes the oldest file that was moved aside.
        """
        state = self._state
        if state is not None and state.at < len(state.files):
            logs.get().warning("salvage.stopped", path=state.files[state.at], why="no room on the volume")
            self._end_process()
            state.incomplete, state.at = NO_ROOM, len(state.files)
            return True
        aside = [path for path in quarantine.all_aside(self._folder) if path.exists()]
        if aside:
            quarantine.remove(aside[0])
            if state is not None and str(aside[0]) in state.files:
                state.deleted.append(str(aside[0]))
                self._event_is_current = False
        return bool(aside)

    def close(self) -> None:
        """Stops reading; the next start goes on with it."""
        self._end_process()

    def _end_process(self) -> None:
        if self._process is not None:
            self._process.close()
        self._process = None
        self._waiting.clear()

    def _read_on(self, state: State) -> None:
        if self._process is None:
            if state.tries == TRIES or not Path(state.files[state.at]).exists():
                state.incomplete = UNREADABLE_END
                self._next(state)
                return
            with self._session.transaction(now_ms()):  # before it is read, because reading may end the process
                self._save_progress(msgspec.structs.replace(state, tries=state.tries + 1))
            state.tries, self._unreadable = state.tries + 1, 0
            self._importer = Importer(self._connection, self._store, _fresh_from(state))
            self._process = SalvageProcess(state.files[state.at])
        until = time.monotonic() + STEP_SECONDS
        while time.monotonic() < until and (messages := self._process.read()):
            for message in messages:
                self._take(state, message)
            if len(self._waiting) >= IMPORTED_AT_ONCE:
                self._import(state)
        if self._process.ended:
            self._import(state)
            whole = self._process.whole
            self._end_process()
            if whole:
                self._next(state)

    def _next(self, state: State) -> None:
        """Goes on with the next file."""
        state.unreadable += self._unreadable
        state.at, state.tries, self._unreadable = state.at + 1, 0, 0
        self._import(state)

    def _take(self, state: State, message: salvage.Message) -> None:
        match message:
            case salvage.Found(covered_from_ms):
                known = state.covered_from_ms
                known |= {one: min(from_ms, known.get(one, from_ms)) for one, from_ms in covered_from_ms.items()}
            case salvage.Read(unreadable):
                self._unreadable += unreadable
            case salvage.Saved():
                self._waiting.append(message)

    def _import(self, state: State) -> None:
        """Imports what waits, and stores the progress, in one transaction."""
        imported = refused = 0
        with self._session.transaction(now_ms()):
            for saved in self._waiting:
                outcome = self._import_one(saved)
                imported += outcome is True
                refused += outcome is None
            tries = 0 if imported else state.tries
            self._save_progress(msgspec.structs.replace(state, saved=state.saved + imported, tries=tries))
        state.saved, state.tries = state.saved + imported, tries
        self._unreadable += refused
        self._waiting.clear()

    def _import_one(self, saved: salvage.Saved) -> bool | None:
        """Whether an event was imported; None if it makes no sense after all."""
        assert self._importer
        try:
            with self._session.savepoint():
                return self._importer.add(saved)
        except Exception as error:
            if not database.is_of_content(error):
                raise
            logs.get().debug("salvage.refused", id=saved.id, error=logs.one_line(error))
            return None

    def _finish(self, state: State) -> None:
        """Records what the old databases may lack: for each source when the new one covers it. With Events it is over."""
        covered = self._coverage.covered_from_ms()
        coming = [source for source in state.covered_from_ms if source in covered]
        ends = not state.over and EVENTS in covered
        if not (ends or (coming and state.over) or not self._event_is_current):
            return
        left = {source: from_ms for source, from_ms in state.covered_from_ms.items() if source not in covered}
        after = msgspec.structs.replace(state, over=state.over or ends, covered_from_ms=left)
        with self._session.transaction(now_ms()):
            for source in coming:
                from_ms, until_ms = state.covered_from_ms[source], covered[source]
                if from_ms < until_ms:
                    shown = self._coverage.event_ttl_ms() if source == EVENTS else 0
                    reason = "the database was damaged, and only what could be read of it was saved"
                    self._coverage.extend_back(source, from_ms)
                    self._coverage.add_gap(source, from_ms, max(from_ms, until_ms - shown), reason)
            self._record(after)
        self._state, self._event_is_current = after, True
        for path in map(Path, state.files if ends else ()):
            if path.exists():
                quarantine.keep_note(path, msgspec.structs.replace(quarantine.note(path), salvaged=True))
        if ends:
            figures = {"saved": state.saved, "unreadable": state.unreadable}
            logs.get().warning("salvage.done", path=state.files[0], **figures, **_incomplete(state))

    def _record(self, state: State) -> None:
        """Records the event about the damage, or brings it up to date, and stores the progress."""
        metadata = {"files": state.files, "saved": state.saved, "why": state.why}
        text = f"The database was damaged ({state.why}): {_result(state)}"
        event = operator_event.observation(
            "DatabaseDamaged", CRITICAL, "Database damaged", text, state.at_ms, metadata, operator_event.SYSTEM
        )
        later: Observation = msgspec.structs.replace(event, last_ms=max(now_ms(), state.at_ms))
        assert later.contributor_hour == state.at_ms // MS_IN_HOUR
        self._coverage.record_operator_event(later)
        self._save_progress(state)

    def _save_progress(self, state: State) -> None:
        self._facts.set(facts.SALVAGE, msgspec.json.encode(state).decode())


def _result(state: State) -> str:
    if not state.files:
        return "the file is gone, and the events that only it had are lost"
    newest, *older = state.files
    moved = f"it was moved to {newest}"
    if older:
        moved += f" (earlier: {', '.join(older)})"
    if not state.over:
        return f"{moved}; what can be read of it is being saved"
    lost = [f"{state.unreadable} could not be read"] if state.unreadable else []
    lost += _incomplete(state).values()
    lost += [f"{', '.join(state.deleted)} had to be deleted, because the volume was full"] if state.deleted else []
    return f"{moved}; {state.saved} events of it were saved, {'; '.join(lost) or 'nothing else was found in it'}"


def _incomplete(state: State) -> dict[str, str]:
    return {"incomplete": state.incomplete} if state.incomplete else {}


def _fresh_from(state: State) -> int:
    """The first id that may be given after the damage: of the second after it."""
    return first_of(state.at_ms + 1000)
