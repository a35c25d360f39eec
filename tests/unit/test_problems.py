"""The log has one line for each problem of the watches, not one for each watch."""

from kube9_operator.model.sources import PROCESSES, SOURCES
from kube9_operator.supervise.messages import Problem, WatcherReport
from kube9_operator.supervise.problems import Line, ProblemLog

DOWN = Problem("the API server cannot be reached", "refused", of_all=True)
BROKEN = Problem("the answer is missing or broken", "reset", of_all=True)
DENIED = Problem("not permitted", "403", of_all=False)


def report(problems: dict[str, Problem | None]) -> WatcherReport:
    return WatcherReport({}, problems=problems)


def began(problem: Problem, *sources: str) -> Line:
    return Line("problem.began", False, {"reason": problem.why, "error": problem.error, "sources": sorted(sources)})


def ended(problem: Problem, seconds: float, *sources: str) -> Line:
    return Line("problem.ended", True, {"reason": problem.why, "sources": sorted(sources), "seconds": seconds})


def test_an_outage_is_one_line_whatever_watch_finds_it_when() -> None:
    problems, lines = ProblemLog(2.0), []
    for second, source in enumerate(SOURCES):
        problems.receive(report({source: DOWN}), float(second))
        lines += problems.new_lines(float(second))
    assert [(line.event, line.fields["reason"]) for line in lines] == [("problem.began", DOWN.why)]
    lines.clear()
    for second, process in enumerate(PROCESSES):
        problems.receive(
            report(dict.fromkeys([name for name, one in SOURCES.items() if one.process == process])), 100.0 + second
        )
        lines += problems.new_lines(100.0 + second)
    assert lines == [ended(DOWN, 99.0 + len(PROCESSES), *SOURCES)]


def test_what_passes_by_itself_is_no_line() -> None:
    problems = ProblemLog(2.0)
    problems.receive(report({"pods": BROKEN}), 0.0)
    assert problems.new_lines(1.9) == []
    problems.receive(report({"pods": None}), 1.9)
    assert problems.new_lines(10.0) == []


def test_resources_that_are_refused_together_are_one_line_and_later_ones_another() -> None:
    problems = ProblemLog(2.0)
    problems.receive(report({"pods": DENIED, "events": None}), 0.0)
    problems.receive(report({"nodes": DENIED}), 1.0)
    assert problems.new_lines(2.0) == [began(DENIED, "nodes", "pods")]
    problems.receive(report({"jobs": DENIED}), 60.0)
    assert problems.new_lines(61.0) == []
    assert problems.new_lines(62.0) == [began(DENIED, "jobs")]
    assert problems.new_lines(1_000.0) == []
    problems.receive(report({"pods": None, "jobs": None}), 1_000.0)
    assert problems.new_lines(1_000.0) == []
    problems.receive(report({"nodes": None}), 1_001.0)
    assert problems.new_lines(1_001.0) == [ended(DENIED, 1_001.0, "jobs", "nodes", "pods")]


def test_a_problem_that_becomes_another_is_over_with_that() -> None:
    problems = ProblemLog(2.0)
    problems.receive(report({"pods": DOWN, "nodes": DOWN}), 0.0)
    assert problems.new_lines(2.0) == [began(DOWN, "nodes", "pods")]
    problems.receive(report({"pods": DENIED, "nodes": None}), 10.0)
    assert problems.new_lines(10.0) == []
    assert problems.new_lines(12.0) == [began(DENIED, "pods")]
    problems.receive(report({"pods": None}), 20.0)
    assert problems.new_lines(20.0) == [ended(DENIED, 10.0, "pods")]


def test_a_process_that_starts_again_says_nothing_of_what_it_does_not_know_yet() -> None:
    problems = ProblemLog(2.0)
    problems.receive(report({"pods": DOWN}), 0.0)
    assert problems.new_lines(2.0) == [began(DOWN, "pods")]
    problems.receive(report({}), 3.0)
    assert problems.new_lines(3.0) == []
    problems.receive(report({"pods": DOWN}), 4.0)
    assert problems.new_lines(10.0) == []
