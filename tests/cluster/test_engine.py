"""The engine that the tests of the sink and of `kube9-cli --store` run: it takes records and gives them back."""

from pathlib import Path

from tests.engine import Engine


def test_what_is_stored_is_found_also_after_the_engine_was_stopped_and_started(tmp_path: Path) -> None:
    record = {"_time": "2026-11-24T10:00:00.001Z", "_msg": "it failed", "kube9.stream": "events", "kube9.event.number": "7"}
    with Engine(tmp_path) as engine:
        engine.insert([record])
        (found,) = engine.query('{kube9.stream="events"} kube9.event.number:=7')
        assert {name: found[name] for name in record} == record
    with Engine(tmp_path) as engine:
        assert engine.query("* | stats count() as found") == [{"found": "1"}]
