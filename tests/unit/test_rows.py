"""The table as data: what the rows of one name share, and what their keys are."""

import itertools

import pytest

from kube9_operator.model import rows
from kube9_operator.model.observation import SEVERITIES, hash64
from kube9_operator.model.rules import matcher
from kube9_operator.model.rules.matcher import built_in_table
from kube9_operator.text.limits import MAX_TITLE_CHARACTERS


@pytest.mark.parametrize("row", rows.TABLE, ids=lambda row: f"{row.name}: {row.title}")
def test_title_variants_of_one_name_share_all_but_severity_and_title(row: rows.Row) -> None:
    first = rows.BY_NAME[row.name]
    for field in set(row.__struct_fields__) - {"severity", "title"}:
        assert getattr(row, field) == getattr(first, field), field
    assert row.severity in range(len(SEVERITIES))
    assert len(row.title) < MAX_TITLE_CHARACTERS
    assert bool(row.raised_from) == (row.name in rows.RAISED)


def test_the_table_is_whole_and_each_title_is_one() -> None:
    assert set(rows.TABLE) == {value for value in vars(rows).values() if isinstance(value, rows.Row)}
    variants = [(row.severity, row.title) for row in rows.TABLE]
    assert len(set(variants)) == len(variants)


def test_the_title_from_a_status_stands() -> None:
    assert min(rows.RESTARTS.title, rows.RESTARTED.title) == rows.RESTARTED.title, "merge.title takes the first of a severity"


def test_keys() -> None:
    assert rows.key(rows.RESTARTS, "app") == hash64("container restarts", "app")
    assert rows.key(rows.RESTARTED, "app") == rows.key(rows.CRASH_LOOP, "app")
    with pytest.raises(AssertionError):
        rows.key(rows.RESTARTS)
    keys = [rows.key(row, *("a" for _ in row.key)) for row in rows.BY_NAME.values()]
    assert len(set(keys)) == len(keys)
    assert all(one != other for one, other in itertools.pairwise(sorted(keys)))


def test_titles() -> None:
    assert rows.title(rows.HPA_SCALED) == "HPA scaled"
    assert rows.title(rows.HPA_SCALED, "Deployment") == "HPA scaled Deployment"
    assert rows.title(rows.SCALED, "{kind.__class__}") == "{kind.__class__} scaled"


def test_a_row_and_a_rule_of_one_name_are_one_event() -> None:
    """The same key, so an Event and a status meet; severity and title are those of the rule, or of one that joins it."""
    table = built_in_table().rules
    rules = {rule.id: rule for rule in table}
    shared = [row for row in rows.BY_NAME.values() if row.name in rules]
    assert {row.name for row in shared} == {
        *("container restarts", "node not ready", "quota exceeded", "HPA scaled", "cannot schedule", "container cannot start"),
        *("node pressure", "node condition", "PVC cannot bind", "evicted, preempted", "other"),
        *("argocd/degraded", "argocd/sync unknown", "argocd/operation"),
        *("flux/failed", "flux/waits for a dependency", "flux/released"),
    }
    for row in shared:
        rule = rules[row.name]
        assert (rule.key_id, rule.repeat) == (row.name, row.repeat)
        assert rule.repeat == "each" or rule.fold_by == row.key
        assert set(rule.fields) <= set(row.metadata)
        faces = {(one.severity, matcher.title(one, row.kind, "")) for one in table if one.key_id == row.name}
        assert (row.severity, rows.title(row)) in faces
