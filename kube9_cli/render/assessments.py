"""Prints assessments, results and checks."""

from __future__ import annotations

from kube9_cli.render.clock import Clock, ago
from kube9_cli.render.escape import plain
from kube9_cli.render.grid import Grid
from kube9_cli.render.look import Look
from kube9_cli.render.width import wrapped

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from typing import Any

    from kube9_cli.options import Options

RUNS = {
    "RUN_ID": "run_id",
    "MODE": "mode",
    "STATE": "state",
    "TOTAL": "total_checks",
    "PASSED": "passed_checks",
    "FAILED": "failed_checks",
    "REQUESTED": "requested_at",
}
RESULTS = {"STATUS": "status", "SEVERITY": "severity", "CHECK": "check_id"}
CHECKS = {"CHECK": "check_id", "PILLAR": "pillar", "SEVERITY": "severity", "NAME": "check_name"}
OVER_TIME = {"ASSESSED": "assessed_at", **RESULTS, "RUN_ID": "run_id"}
HISTORY = {"ASSESSED": "assessed_at", "STATUS": "status", "CHECK": "check_id", "RUN_ID": "run_id"}
TIMES = ("REQUESTED", "ASSESSED")
GIVING_WAY = ("PILLAR", "RUN_ID", "TOTAL", "MODE", "SEVERITY", "PASSED", "REQUESTED")
"""Left out in this order if the terminal is too narrow, except for the first column."""
LEAST_CHECK = 16
RED, YELLOW, GREEN = "31", "33", "32"
OF_STATUS = {"passing": GREEN, "warning": YELLOW, "failing": RED, "error": RED, "timeout": RED}
OF_STATE = {"completed": GREEN, "partial": YELLOW, "failed": RED}
COLOURS = {"STATUS": OF_STATUS, "STATE": OF_STATE}
NUMBERS = ("passed", "failed", "warning", "skipped", "error", "timeout")
INDENT = "    "


def show(options: Options, found: Any) -> None:
    """Prints an answer in the format of the options."""
    if options.for_people:
        from kube9_cli.render import look

        print("\n".join(lines(found, look.of(options), wide=options.format == "wide")))
        return
    from kube9_cli.render import serialize

    print(serialize.as_yaml(found) if options.format == "yaml" else serialize.as_json(found) + "\n", end="")


def lines(found: Any, seen: Look, wide: bool = False) -> list[str]:
    """The lines of an answer for people."""
    seen = seen._replace(width=None) if wide else seen
    if "assessments" in found:
        return _table(RUNS, found["assessments"], seen) or ["No assessments."]
    if "checks" in found:
        return _checks(found["checks"], seen) or ["No checks are stored yet."]
    if "history" in found:
        return _table(HISTORY, found["history"], seen) or ["No results."]
    if "total_runs" in found:
        return _summary(found)
    if "run_id" in found:
        return _run(found, seen, wide)
    return _results(found["results"], seen, wide, OVER_TIME) or ["No results."]


def _run(found: dict[str, Any], seen: Look, wide: bool) -> list[str]:
    """An assessment, with its results if the answer has them."""
    clock = seen.clock
    requested = clock.read(found["requested_at"])
    how = ", ".join(found[word] for word in ("origin", "mode") if word in found)
    when = f"requested {clock.range(requested)}, {ago(clock.passed(requested))}"
    said = [f"{found['run_id']}: {found['state']}, {when} ({how})"]
    if found.get("failure_reason"):
        said.append(f"Failed: {plain(found['failure_reason'])}")
    shown = [part for line in said for part in _wrapped(line, seen.width)]
    results = _results(found.get("results", []), seen, wide)
    return [*shown, _counts(found) or "No checks.", *([""] if results else []), *results]


def _results(results: list[dict[str, Any]], seen: Look, wide: bool, columns: dict[str, str] = RESULTS) -> list[str]:
    """A line for each result. What is not passing is explained below its line, with `wide` what to do about it too."""
    made = _table(columns, results, seen)
    headings = int(seen.headings)
    shown = made[:headings]
    for line, result in zip(made[headings:], results, strict=True):
        shown.append(line)
        if result["status"] != "passing":
            shown += _indented(result["message"], seen)
            if wide and result["remediation"]:
                shown += [INDENT + plain(part) for part in result["remediation"].split("\n")]
    return shown


def _checks(checks: list[dict[str, Any]], seen: Look) -> list[str]:
    """A line for each check. Its name is below if there is no room for it."""
    names = [plain(check["check_name"]) for check in checks]
    grid = _grid(CHECKS, checks, seen.clock, seen.headings)
    if seen.width is None or grid.total() <= seen.width or not checks:
        return _lines(grid, seen) if checks else []
    del grid.cells["NAME"]
    made = _lines(grid, seen)
    headings = int(seen.headings)
    below = (part for line, name in zip(made[headings:], names, strict=True) for part in (line, *_indented(name, seen)))
    return [*made[:headings], *below]


def _summary(found: dict[str, Any]) -> list[str]:
    if not found["total_runs"]:
        return ["No assessments."]
    states, modes = (", ".join(f"{number} {word}" for word, number in found[name].items()) for name in ("by_state", "by_mode"))
    return [
        f"{found['total_runs']} assessments in all. The newest {found['recent_runs']}:",
        *(f"{INDENT}{line}" for line in (states, modes, _counts(found["totals"]) or "no checks")),
    ]


def _counts(found: dict[str, Any]) -> str:
    return ", ".join(f"{found[f'{word}_checks']} {word}" for word in NUMBERS if found[f"{word}_checks"])


def _table(columns: dict[str, str], rows: list[dict[str, Any]], seen: Look) -> list[str]:
    """The table; nothing without rows."""
    return _lines(_grid(columns, rows, seen.clock, seen.headings), seen) if rows else []


def _grid(columns: dict[str, str], rows: list[dict[str, Any]], clock: Clock, headings: bool) -> Grid:
    cells = {
        name: clock.cells([(clock.read(row[field]),) for row in rows])
        if name in TIMES
        else [plain(str(row[field])) for row in rows]
        for name, field in columns.items()
    }
    return Grid(cells, {name: f"{name}{clock.suffix}" for name in TIMES} if headings else None)


def _lines(grid: Grid, seen: Look) -> list[str]:
    """The lines of a table, which fit into the terminal."""
    if seen.width is not None:
        first = next(iter(grid.cells))
        for name in GIVING_WAY:
            if grid.total() > seen.width and name in grid.cells and name != first:
                del grid.cells[name]
        grid.narrow("CHECK", LEAST_CHECK, seen.width)
    return grid.lines(COLOURS if seen.colour else None)


def _indented(text: str, seen: Look) -> list[str]:
    width = None if seen.width is None else max(1, seen.width - len(INDENT))
    return [INDENT + part for part in _wrapped(plain(text), width)]


def _wrapped(text: str, width: int | None) -> list[str]:
    return [text] if width is None else wrapped(text, width, len(text))
