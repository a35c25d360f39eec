"""The line that says how far an answer is whole."""

from kube9_cli.format import covered

A, B, C, D = (f"2026-01-01T00:0{minute}:00.000Z" for minute in range(4))


def gap(source: str, begin: str, end: str, reason: str = "why") -> dict[str, str]:
    return {"source": source, "from": begin, "to": end, "reason": reason}


def line(*gaps: dict[str, str], unavailable: tuple[str, ...] = ()) -> str:
    return covered({"complete": False, "gaps": list(gaps), "unavailable": list(unavailable)})


def test_whole() -> None:
    assert covered({"complete": True, "gaps": [], "unavailable": []}) == "complete"
    whole = {"complete": True, "gaps": [], "unavailable": [], "from": A, "until": B}
    assert covered(whole) == f"complete from {A} to {B}"


def test_one_outage_is_said_once() -> None:
    assert line(gap("pods", A, C)) == f"incomplete: pods from {A} to {C}: why"
    assert line(gap("pods", A, C), gap("events", B, D)) == f"incomplete: events, pods from {A} to {D}: why"
    five = [gap(name, A, B) for name in ("jobs", "events", "nodes", "pods", "services")]
    assert line(*five) == f"incomplete: events, jobs, nodes and 2 more from {A} to {B}: why"


def test_others_are_counted() -> None:
    later, other = gap("pods", C, D), gap("pods", A, B, "another")
    assert line(gap("pods", A, B), later) == f"incomplete: pods from {A} to {B}: why (and 1 more gap)"
    assert line(gap("events", A, B), later, other) == f"incomplete: events from {A} to {B}: why (and 2 more gaps)"


def test_without_permission() -> None:
    assert line(unavailable=("jobs",)) == "incomplete: jobs cannot be watched"
