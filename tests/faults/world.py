"""Events that come, rise and expire, and what the record must say of them; signals to any process of an operator."""

import contextlib
import os
import random
import signal
import time
from collections import Counter
from typing import Any

import apsw

from tests.operator import Operator, until
from tests.standin import StandIn, warning

SETTLE_SECONDS = 120.0
STOPPED_SECONDS = 5.0
"""Longer than a child may be silent before it is killed, with the deadlines of these tests."""


class World:
    """What was written to the stand-in API server, by a seed."""

    def __init__(self, operator: Operator, standin: StandIn, seed: int) -> None:
        self._operator = operator
        self._standin = standin
        self._chance = random.Random(seed)
        self.counts: dict[str, int] = {}
        """Of every Event that ever was its last count."""
        self._live: list[str] = []
        self._known: set[str] = set()
        """Those that were recorded with their last count: only they expire, so that what is missing is lost."""
        self.seen: dict[str, tuple[int, int]] = {}
        """Of every object that was recorded its event's id and count, when it was last looked."""
        self.written = self.expired = 0

    def happen(self, new: int, rises: int, expiries: int) -> None:
        """So many new Events, rises and expiries, in any order."""
        lines: list[dict[str, Any]] = []
        for _ in range(new):
            name = f"soak-{len(self.counts):06}"
            self.counts[name] = 1
            self._live.append(name)
            lines.append(self._event(name))
        for _ in range(rises if self._live else 0):
            name = self._chance.choice(self._live)
            self.counts[name] += self._chance.randint(1, 3)
            self._known.discard(name)
            lines.append(self._event(name))
        self.written += len(lines)
        self._standin.write(*lines)
        leaving = self._chance.sample(sorted(self._known), min(expiries, len(self._known)))
        if leaving:
            self._standin.control("delete", [("shop", f"{name}.soakhappened") for name in leaving])
            self.expired += len(leaving)
            self._known -= set(leaving)
            gone = set(leaving)
            self._live = [name for name in self._live if name not in gone]

    def _event(self, name: str) -> dict[str, Any]:
        return warning(name, "SoakHappened", f"it happened to {name}", count=self.counts[name])

    def compact(self) -> None:
        """Forgets the history; whoever is behind has to list."""
        self._standin.control("compact")

    def settle(self) -> None:
        """Waits until everything is recorded: nothing lost, nothing doubled, nothing made up, nothing committed gone."""
        until(lambda: self._look() == self.counts, "every Event with its last count", seconds=SETTLE_SECONDS)
        self._known = set(self._live)

    def missing(self) -> list[str]:
        """Those that are not recorded with their last count."""
        found = self._look()
        return [name for name, count in self.counts.items() if found.get(name) != count]

    def _look(self) -> dict[str, int]:
        rows = recorded(self._operator)
        found = {name: (event, count) for name, event, count in rows}
        assert len(found) == len(rows), (
            f"recorded twice: {[name for name, n in Counter(row[0] for row in rows).items() if n > 1]}"
        )
        for name, (event, count) in self.seen.items():
            assert name in found, f"{name} was committed and is gone"
            assert found[name][0] == event, f"{name} was committed as another event"
            assert found[name][1] >= count, f"{name} counts less than before"
        self.seen = found
        for name, (_, count) in found.items():
            assert count <= self.counts[name], f"{name} happened {self.counts[name]} times, and counts {count}"
        return {name: count for name, (_, count) in found.items()}


class Killer:
    """Sends signals to processes of an operator, at random by a seed: writer, watchers, fork server, supervisor."""

    def __init__(self, operator: Operator, seed: int) -> None:
        self._operator = operator
        self._chance = random.Random(seed)
        self.sent: Counter[str] = Counter()

    def strike(self) -> None:
        """Kills one of the living processes after some second or less, or stops it for a while; mostly a child."""
        time.sleep(min(4.0, self._chance.expovariate(1.8)))
        assert self._operator.process
        ended = self._operator.process.poll()
        assert ended is None, f"the operator ended by itself, with {ended}:\n{self._operator.log_text()[-3000:]}"
        supervisor = self._operator.process.pid
        on_supervisor = self._chance.random() < 0.15
        victim = supervisor if on_supervisor else self._chance.choice(until(self._operator.children, "a child"))
        stops = self._chance.random() < 0.05 and victim != supervisor
        with contextlib.suppress(ProcessLookupError):
            if stops:
                os.kill(victim, signal.SIGSTOP)
                time.sleep(self._chance.random() * STOPPED_SECONDS)
                os.kill(victim, signal.SIGCONT)
            else:
                os.kill(victim, signal.SIGKILL)
        self.sent["SIGSTOP" if stops else "SIGKILL"] += 1
        if victim == supervisor:
            self._operator.process.wait()
        if self._operator.process.poll() is not None:
            self.sent["starts"] += 1
            self._operator.start()


def recorded(operator: Operator) -> list[tuple[str, int, int]]:
    """Of each event about the world its object's name, its id and its count; nothing as long as there is no database."""
    try:
        reader = apsw.Connection(str(operator.data / "kube9.db"), flags=apsw.SQLITE_OPEN_READONLY)
    except apsw.CantOpenError:
        return []
    with contextlib.closing(reader):
        reader.set_busy_timeout(5_000)
        try:
            return reader.execute(
                "SELECT o.name, e.id, e.count FROM events e JOIN objects o ON o.id = e.object WHERE o.name GLOB 'soak-*'"
            ).fetchall()
        except apsw.SQLError:  # no schema yet
            return []


def assert_sound(operator: Operator) -> None:
    """Of an operator that has stopped: the books balance, the file is whole, every sum is that of its parts."""
    operator.accounting()
    reader = apsw.Connection(str(operator.data / "kube9.db"), flags=apsw.SQLITE_OPEN_READONLY)
    with contextlib.closing(reader):
        assert reader.pragma("integrity_check") == "ok"
        wrong = reader.execute(
            """SELECT count(*) FROM events e JOIN objects o ON o.id = e.object WHERE o.name GLOB 'soak-*' AND e.lead_events !=
            (SELECT sum(count - base) FROM contributors c WHERE c.event = e.id)"""
        ).get
        assert wrong == 0
        assert reader.execute("SELECT count(*) FROM contributors GROUP BY hour, hash, part HAVING count(*) > 1").get is None
        assert reader.execute("SELECT count(*) FROM events WHERE id NOT IN (SELECT event FROM texts)").get == 0
