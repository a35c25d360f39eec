"""Prints assessments, results and checks."""

from __future__ import annotations

from kube9_cli.render.escape import plain
from kube9_cli.render.grid import Grid

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
INDENT = "    "


def show(options: Options, found: Any) -> None:
    """Prints an answer in the format of the options."""
    if options.for_people:
        print("\n".join(lines(found, options.headings, wide=options.format == "wide")))
        return
    from kube9_cli.render import serialize

    print(serialize.as_yaml(found) if options.format == "yaml" else serialize.as_json(found) + "\n", end="")


def lines(found: Any, headings: bool, wide: bool = False) -> list[str]:
    """The lines of an answer for people."""
    if "assessments" in found:
        return grid(RUNS, found["assessments"], headings) if found["assessments"] else ["No assessments."]
    if "checks" in found:
        return grid(CHECKS, found["checks"], headings) if found["checks"] else ["No checks are stored yet."]
    if "run_id" not in found:
        return _results(found["results"], headings, wide) if found["results"] else ["No results."]
    counts = ", ".join(
        f"{found[f'{word}_checks']} {word}"
        for word in ("passed", "failed", "warning", "skipped", "error", "timeout")
        if found[f"{word}_checks"]
    )
    first = f"{found['run_id']}: {found['state']}, requested {found['requested_at']} ({found['origin']}, {found['mode']})"
    why = [f"Failed: {plain(found['failure_reason'])}"] if found["failure_reason"] else []
    return [
        first,
        *why,
        counts or "No checks.",
        *([""] if found["results"] else []),
        *_results(found["results"], headings, wide),
    ]


def grid(columns: dict[str, str], rows: list[dict[str, Any]], headings: bool) -> list[str]:
    """The lines of a table with these fields of the rows."""
    cells = {name: [plain(str(row[field])) for row in rows] for name, field in columns.items()}
    return Grid(cells, {} if headings else None).lines()


def _results(results: list[dict[str, Any]], headings: bool, wide: bool) -> list[str]:
    """A line for each result. What is not passing is explained below its line, with `wide` what to do about it too."""
    made = grid(RESULTS, results, headings) if results else []
    shown = made[:1] if headings else []
    for line, result in zip(made[len(shown) :], results, strict=True):
        shown.append(line)
        if result["status"] != "passing":
            shown += [INDENT + plain(result["message"])]
            if wide and result["remediation"]:
                shown += [INDENT + plain(part) for part in result["remediation"].split("\n")]
    return shown
