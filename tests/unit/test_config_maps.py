"""Changes of ConfigMaps, of which nothing but metadata is known."""

import json
from datetime import UTC, datetime
from typing import Any

import msgspec
import pytest

from kube9_operator.model import changes, resource_states, rows
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import ConfigMap, Namespace
from kube9_operator.settings import from_environment
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.client import JSON
from kube9_operator.watch.kinds import KINDS
from kube9_operator.write.resources import detect
from kube9_operator.write.resources.detect.dating import Window
from kube9_operator.write.resources.detect.observed import Lives, Observed
from tests.kept import Kept, state

NOW = 1_795_000_000_000
LIVES = Lives(10**12, 10**12)
KIND = KINDS["configmaps"]


def entry(manager: str, ms: int, *keys: str, **more: Any) -> dict[str, Any]:
    time = datetime.fromtimestamp(ms // 1000, UTC).isoformat().replace("+00:00", "Z")
    owned = {"f:data": {".": {}} | {f"f:{key}": {} for key in keys}} if keys else {"f:metadata": {"f:labels": {}}}
    return {"manager": manager, "operation": "Update", "time": time, "fieldsV1": owned} | more


def made(*entries: dict[str, Any], name: str = "web", version: str = "7", **meta: Any) -> Batch:
    own = {"name": name, "namespace": "shop", "uid": "u1", "resourceVersion": version, "managedFields": list(entries)} | meta
    batch = Batch()
    KIND.take(msgspec.Raw(json.dumps({"metadata": own}).encode()), batch)
    return batch


def told(before: Batch, after: Batch) -> list[Observation]:
    old, new = (resource_states.decode("configmaps", one.states[0].reduced) for one in (before, after))
    window, evidence = Window(NOW, NOW - 60_000), changes.decode(after.states[0].evidence)
    seen = Observed("configmaps", "shop", "web", "u1", "8", NOW, True, change=window, writers=evidence.writers)
    return detect.compare(seen, old, new, LIVES)


FIRST = made(entry("helm", NOW - 86_400_000, "a"))


def test_nothing_but_metadata_is_ever_accepted() -> None:
    for watch in (False, True):
        assert "PartialObjectMetadata" in KIND.accept(watch)
        assert not any(one.strip() == JSON for one in KIND.accept(watch).split(","))
    assert JSON in KINDS["services"].accept(watch=True).split(","), "of services whole objects would do no harm"


def test_a_change_of_the_data() -> None:
    (found,) = told(FIRST, made(entry("helm", NOW - 86_400_000, "b"), entry("kubectl-edit", NOW - 1_000, "a")))
    assert (found.title, found.kind, found.name, found.reason) == ("ConfigMap changed", "ConfigMap", "web", "ConfigMapChanged")
    assert json.loads(found.metadata) == {"changed_by": "kubectl-edit"}
    assert NOW - 1_000 <= found.first_ms <= NOW


def test_a_key_that_is_removed_leaves_no_author() -> None:
    before = made(entry("helm", NOW - 86_400_000, "a", "b"))
    (found,) = told(before, FIRST)
    assert json.loads(found.metadata) == {}


def test_other_writes_are_no_change() -> None:
    other = entry("kubectl-label", NOW - 1_000)
    assert told(FIRST, made(entry("helm", NOW - 86_400_000, "a"), other, version="8")) == []
    assert told(FIRST, FIRST) == []


def test_without_managed_fields_every_version_may_be_one() -> None:
    assert len(told(made(version="7"), made(version="8"))) == 1
    assert told(made(version="8"), made(version="8")) == []


BUSY = rows.key(rows.CONFIG_MAP_BUSY)


@pytest.mark.parametrize("minutes", [9, 11])
def test_a_busy_one_is_folded(minutes: int) -> None:
    before, after = made(entry("job", NOW - minutes * 60_000, "a")), made(entry("job", NOW, "a"))
    (found,) = told(before, after)
    assert found.title == ("ConfigMap changes often" if minutes < 10 else "ConfigMap changed")
    assert (found.key == BUSY) is (minutes < 10)
    assert told(after, made(entry("job", NOW + 5_000, "a")))[0].key == BUSY


def test_that_it_was_created_is_no_change() -> None:
    created = {"creationTimestamp": datetime.fromtimestamp((NOW - 60_000) // 1000, UTC).isoformat()}
    (found,) = told(made(entry("helm", NOW - 60_000, "a"), **created), made(entry("helm", NOW, "a"), **created))
    assert found.key != BUSY


def test_the_lock_of_a_leader_election_is_folded() -> None:
    lock = {"annotations": {"control-plane.alpha.kubernetes.io/leader": "{}"}}
    (found,) = told(made(entry("x", NOW - 86_400_000, "a"), **lock), made(entry("x", NOW - 1_000, "a"), **lock))
    assert found.key == BUSY


def test_our_own_status_is_left_out() -> None:
    one, other = (made(entry("x", at, "status"), name="kube9-operator-status") for at in (NOW - 60_000, NOW))
    assert one.states[0].reduced == other.states[0].reduced


def test_one_that_comes_or_goes_is_no_change() -> None:
    seen = Observed("configmaps", "shop", "web", "u1", "8", NOW, True)
    assert detect.compare(seen, None, ConfigMap("x"), LIVES) == []
    assert detect.compare(seen, ConfigMap("x"), None, LIVES) == []


def test_of_several_writes_the_last_is_dated() -> None:
    window = Window(NOW, NOW - 600_000, live=False, one_write=False)
    after = made(entry("kubectl-edit", NOW - 60_000, "a"))
    old, new = (resource_states.decode("configmaps", one.states[0].reduced) for one in (FIRST, after))
    writers = changes.decode(after.states[0].evidence).writers
    seen = Observed("configmaps", "shop", "web", "u1", "8", NOW, True, listing=True, change=window, writers=writers)
    (found,) = detect.compare(seen, old, new, LIVES)
    assert found.first_ms == found.last_ms == NOW - 60_000 + 999
    (unknown,) = detect.compare(seen._replace(writers=()), old, new, LIVES)
    assert (unknown.first_ms, unknown.last_ms) == (NOW - 600_000, NOW)


def test_a_source_that_is_switched_off_is_forgotten() -> None:
    """Otherwise nothing would ever confirm it again, and no answer would be complete."""
    keeper = Kept()
    for source in ("configmaps", "namespaces"):
        keeper.lists(source, state("a", ConfigMap("x") if source == "configmaps" else Namespace(1)))
    keeper.restart()
    keeper.writer.begin(from_environment({"DB_PATH": "/", "WATCH_CONFIG_MAPS": "true"}))
    names = "SELECT source FROM sources WHERE source != 'operator' ORDER BY 1"
    assert [row[0] for row in keeper.connection.execute(names)] == ["configmaps", "namespaces"]
    keeper.writer.begin(from_environment({"DB_PATH": "/"}))
    for table in ("sources", "states", "baselines"):
        assert [row[0] for row in keeper.connection.execute(names.replace("sources", table))] == ["namespaces"]
    keeper.close()
