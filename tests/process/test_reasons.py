"""Settings that add reasons of Events and leave reasons out."""

from pathlib import Path

from tests.operator import Operator, until
from tests.standin import StandIn, warning


def test_reasons_are_added_and_left_out(tmp_path: Path, standin: StandIn) -> None:
    normal = {"type": "Normal"}
    standin.write(
        warning("started", "Started", "Started container app") | normal,
        warning("pulled", "Pulled", "Successfully pulled image") | normal,
        warning("odd", "Odd", "something odd"),
        warning("probed", "Unhealthy", "Readiness probe failed: no"),
    )
    chosen = {"EVENT_REASONS_INCLUDE": "Started, Killing", "EVENT_REASONS_EXCLUDE": "Unhealthy"}
    with Operator(tmp_path, standin.kubeconfig(tmp_path), **chosen) as operator:
        until(lambda: operator.events() and operator.accounting()["received"] == 4, "all of them")
        found = {event["object_name"]: event for event in operator.events()}
        assert set(found) == {"started", "odd"}
        assert (found["started"]["severity"], found["started"]["title"]) == ("info", "Pod Started")
        assert operator.accounting() | {"received": 4, "stored": 2, "filtered": 2} == operator.accounting()


def test_all_reasons_are_added(tmp_path: Path, standin: StandIn) -> None:
    standin.write(*(warning(name, name.title(), "said") | {"type": "Normal"} for name in ("started", "pulled")))
    with Operator(tmp_path, standin.kubeconfig(tmp_path), EVENT_REASONS_INCLUDE="*") as operator:
        until(lambda: len(operator.events()) == 2, "both")
