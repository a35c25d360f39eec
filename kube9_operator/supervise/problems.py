"""Logs one problem as one line, whatever the number of watches and processes that have it. No I/O; the clock is given."""

from typing import Any, NamedTuple

from kube9_operator.supervise.messages import Message, Problem, WatcherReport


class Line(NamedTuple):
    """A line for the log."""

    event: str
    is_over: bool
    fields: dict[str, Any]


class LoggedProblem(NamedTuple):
    """A problem that the log has named, and the sources that had it."""

    since: float
    sources: set[str]


class ProblemLog:
    """Compares the problems that the watches report with those that were logged.

    A problem is logged when it has lasted for `settle_seconds`. By then it is known how many watches have it. A problem that
    ends earlier is not worth a line.
    """

    def __init__(self, settle_seconds: float) -> None:
        self._settle_seconds = settle_seconds
        self._current: dict[str, tuple[Problem, float]] = {}
        """The problem of each source, and since when the source has it."""
        self._logged: dict[str, LoggedProblem] = {}
        """By what is wrong."""

    def receive(self, message: Message, now: float) -> None:
        """Notes the problems that a watcher reports: None for a source without one.

        A report leaves out the sources whose state it does not know yet. A problem is not over because a process ended.
        """
        for source, problem in message.problems.items() if isinstance(message, WatcherReport) else ():
            before = self._current.get(source)
            if problem is None:
                self._current.pop(source, None)
            elif before is None or before[0].why != problem.why:
                self._current[source] = (problem, now)

    def new_lines(self, now: float) -> list[Line]:
        """Returns the lines that are due now."""
        lines = []
        for why in dict.fromkeys(problem.why for problem, _ in self._current.values()):
            lines += self._began(why, now)
        for why in [logged for logged in self._logged if all(problem.why != logged for problem, _ in self._current.values())]:
            logged = self._logged.pop(why)
            if not logged.sources & self._current.keys():  # otherwise it has become another problem
                seconds = round(now - logged.since, 1)
                lines.append(
                    Line("problem.ended", True, {"reason": why, "sources": sorted(logged.sources), "seconds": seconds})
                )
        return lines

    def _began(self, why: str, now: float) -> list[Line]:
        """Returns the line for a problem that is new, or that more sources have, each for a reason of its own."""
        affected = {source: current for source, current in self._current.items() if current[0].why == why}
        logged = self._logged.get(why)
        before = logged.sources if logged else set()
        new = affected.keys() - before
        if not new:
            return []
        first = min(new, key=lambda source: affected[source][1])
        problem, since = affected[first]
        if logged and problem.of_all:
            logged.sources.update(new)
            return []
        if now - since < self._settle_seconds:
            return []
        self._logged[why] = LoggedProblem(logged.since if logged else since, before | new)
        return [Line("problem.began", False, {"reason": why, "error": problem.error, "sources": sorted(new)})]
