"""One problem is one line in the log, whatever the number of watches and processes that have it. No I/O; the clock is given."""

from typing import Any, NamedTuple

from kube9_operator.supervise.messages import Message, Problem, Watching


class Line(NamedTuple):
    """A line for the log."""

    event: str
    is_over: bool
    fields: dict[str, Any]


class OutboxBatch(NamedTuple):
    """A problem that the log has named, and the sources that had it."""

    since: float
    sources: set[str]


class Problems:
    """What the watches report, compared with what the log has said. A problem is named when it has lasted for `settle` seconds:
    until then it is seen how many watches have it, and what passes by itself is none.
    """

    def __init__(self, settle_seconds: float) -> None:
        self._settle_seconds = settle_seconds
        self._now: dict[str, tuple[Problem, float]] = {}
        """Of each source its problem, and since when it has that."""
        self._told: dict[str, OutboxBatch] = {}
        """By what is wrong."""

    def heard(self, message: Message, now: float) -> None:
        """A child has said something; a watcher what is wrong with its sources, None for nothing. It leaves out those of which
        it knows nothing yet: what another process said before is not over because that one ended.
        """
        for source, problem in message.problems.items() if isinstance(message, Watching) else ():
            before = self._now.get(source)
            if problem is None:
                self._now.pop(source, None)
            elif before is None or before[0].why != problem.why:
                self._now[source] = (problem, now)

    def look(self, now: float) -> list[Line]:
        """What is new for the log."""
        lines = []
        for why in dict.fromkeys(problem.why for problem, _ in self._now.values()):
            lines += self._begun(why, now)
        for why in [one for one in self._told if all(problem.why != one for problem, _ in self._now.values())]:
            told = self._told.pop(why)
            if not told.sources & self._now.keys():  # otherwise it has become another problem
                seconds = round(now - told.since, 1)
                lines.append(Line("problem.ended", True, {"why": why, "sources": sorted(told.sources), "seconds": seconds}))
        return lines

    def _begun(self, why: str, now: float) -> list[Line]:
        """The line for a problem that is new, or new for some sources where each has it by itself."""
        found = {source: one for source, one in self._now.items() if one[0].why == why}
        told = self._told.get(why)
        before = told.sources if told else set()
        new = found.keys() - before
        if not new:
            return []
        first = min(new, key=lambda source: found[source][1])
        problem, since = found[first]
        if told and problem.of_all:
            told.sources.update(new)
            return []
        if now - since < self._settle_seconds:
            return []
        self._told[why] = OutboxBatch(told.since if told else since, before | new)
        return [Line("problem.began", False, {"why": why, "error": problem.error, "sources": sorted(new)})]
