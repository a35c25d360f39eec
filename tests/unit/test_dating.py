"""When a change was made: every kind of evidence, each with cases that look like it and are not."""

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube9_operator.model.changes import Writer
from kube9_operator.write.resources.detect.dating import POINT_MS, TOLERANCE_MS, Known, Made, Window, author, made

NOW = 1_795_000_000_000
AWAY = NOW - 180_000
"""When the operator went away."""
AT = NOW - 100_000
REPLICAS, IMAGE = "spec.replicas", "containers[app].image"
LISTED = Window(NOW, AWAY, live=False, one_write=False, writes=1)
REPLAYED = Window(NOW, AWAY, live=False)
WATCHED = Window(NOW, NOW - 60_000)


def by(manager: str, time_ms: int, *paths: str, subresource: str = "") -> Writer:
    return Writer(manager, subresource, time_ms, list(paths))


SET = by("kubectl-set", AT, IMAGE)
SCALE = by("kubectl", AT, REPLICAS, subresource="scale")
UNKNOWN = Made(AWAY, NOW)


def when(window: Window, path: str, *writers: Writer, of_template: bool = False, **known: object) -> Made:
    return made(window, [path], Known(list(writers), **known), of_template)  # type: ignore[arg-type]


def test_a_change_that_a_watch_shows_at_once() -> None:
    assert when(WATCHED, IMAGE) == Made(NOW, NOW)
    assert when(WATCHED, IMAGE, by("helm", NOW - NOW % 1000, IMAGE)) == Made(NOW, NOW, "helm")
    late = when(WATCHED, IMAGE, by("helm", NOW - 30_000, IMAGE))
    assert late == Made(NOW - 29_001, NOW - 29_001, "helm"), "the writer was late, the evidence is not"
    assert when(WATCHED, IMAGE, by("helm", NOW - 63_000, IMAGE)) == Made(NOW, NOW), "of a change that is known already"


def test_a_watch_that_goes_on_after_a_while_shows_each_write() -> None:
    assert when(REPLAYED, IMAGE, SET) == Made(AT + 999, AT + 999, "kubectl-set")
    assert when(REPLAYED, IMAGE, SET, by("other", AT + 5_000, REPLICAS)).by == "kubectl-set"
    assert when(REPLAYED, IMAGE) == UNKNOWN, "a field that was removed has no owner"
    assert when(REPLAYED, IMAGE, of_template=True, replicasets_ms=[AT]) == Made(AT + 999, AT + 999)


def test_the_scale_subresource_changes_nothing_else() -> None:
    many = LISTED._replace(writes=5)
    assert when(many, REPLICAS, SCALE) == Made(AT + 999, AT + 999, "kubectl-scale")
    assert when(many, REPLICAS, by("kubectl-edit", AT, REPLICAS)) == UNKNOWN._replace(by="kubectl-edit")
    assert when(many, REPLICAS, by("kubectl", AWAY - TOLERANCE_MS - 1, REPLICAS, subresource="scale")) == UNKNOWN


def test_a_writer_without_a_time_is_the_author_all_the_same() -> None:
    """As an API server has it: managedFields have no time for the subresource `scale`."""
    untimed = by("kubectl", 0, REPLICAS, subresource="scale")
    assert when(WATCHED, REPLICAS, untimed) == Made(NOW, NOW, "kubectl-scale")
    assert when(LISTED, REPLICAS, untimed) == Made(AWAY, NOW, "kubectl-scale")
    assert when(REPLAYED, REPLICAS, untimed) == Made(AWAY, NOW, "kubectl-scale")
    assert when(LISTED, REPLICAS, untimed, events_ms=[AT]) == Made(AT + 999, AT + 999, "kubectl-scale")
    both = LISTED._replace(writes=2)
    assert when(both, IMAGE, SET, untimed).is_range, "kubectl-set may have written twice"
    assert when(both._replace(untimed=1), IMAGE, SET, untimed) == Made(AT + 999, AT + 999, "kubectl-set")
    assert when(both._replace(untimed=1, writes=3), IMAGE, SET, untimed).is_range


def test_one_write_of_what_is_asked_for() -> None:
    assert when(LISTED, IMAGE, SET) == Made(AT + 999, AT + 999, "kubectl-set")
    assert when(LISTED._replace(writes=0), IMAGE, SET) == UNKNOWN._replace(by="kubectl-set"), "a state of an older release"
    assert when(LISTED._replace(writes=2), IMAGE, SET) == UNKNOWN._replace(by="kubectl-set"), "twice by one manager"
    assert when(LISTED, IMAGE, by("kubectl-set", AT, REPLICAS)) == UNKNOWN, "of another field"


def test_as_many_writes_as_managers() -> None:
    both = LISTED._replace(writes=2)
    other = by("argocd-controller", AT + 9_000, REPLICAS)
    assert when(both, IMAGE, SET, other) == Made(AT + 999, AT + 999, "kubectl-set")
    assert when(both, REPLICAS, SET, other) == Made(AT + 9_999, AT + 9_999, "argocd-controller")
    assert when(both._replace(writes=3), IMAGE, SET, other).is_range
    old = by("helm", AWAY - 60_000, "serviceAccountName")
    assert not when(both, IMAGE, SET, other, old).is_range, "who wrote before does not count"


def test_the_replicaset_of_the_new_template() -> None:
    many = LISTED._replace(writes=4)
    edit = by("kubectl-edit", AT + 50_000, IMAGE, REPLICAS)
    found = when(many, IMAGE, edit, of_template=True, replicasets_ms=[AT])
    assert found == Made(AT + 999, AT + 999, "kubectl-edit")
    assert when(many, REPLICAS, edit, replicasets_ms=[AT]).is_range, "it says nothing of the number of replicas"
    assert when(many, IMAGE, edit, of_template=True, replicasets_ms=[AT, AT + 20_000]).is_range, "two of them: which?"
    assert when(many, IMAGE, edit, of_template=True, replicasets_ms=[AWAY - 9_000]).is_range, "an old one, rolled back to"


def test_an_event_of_that_time() -> None:
    many = LISTED._replace(writes=4)
    edit = by("kubectl-edit", AT + 50_000, IMAGE, REPLICAS)
    assert when(many, REPLICAS, edit, events_ms=[AT]) == Made(AT + 999, AT + 999, "kubectl-edit")
    assert when(many, REPLICAS, edit, events_ms=[AT, AT + 9_000]).is_range
    assert when(many, REPLICAS, edit, events_ms=[AWAY - 9_000]).is_range
    assert when(many, IMAGE, edit, of_template=True, events_ms=[AT], replicasets_ms=[AT + 7_000]).first_ms == AT + 999, "best"


def test_the_objects_own_date() -> None:
    assert when(LISTED, "", asserted_ms=AT) == Made(AT, AT)


def test_several_who_own_a_field() -> None:
    helm, argo = by("helm", AT, IMAGE), by("argocd-controller", AT + 3_000, IMAGE)
    assert when(LISTED, IMAGE, helm, argo) == UNKNOWN, "both wrote it"
    assert when(REPLAYED, IMAGE, helm, argo) == Made(AT + 3_999, AT + 3_999, argo.name), "of a single write it is the last"
    assert when(REPLAYED, IMAGE, helm, by("argocd-controller", AT, IMAGE)) == UNKNOWN
    assert author(LISTED, [IMAGE], [by("helm", AWAY - 60_000, IMAGE), argo]) == argo, "one has had it for long"


def test_clocks_that_differ() -> None:
    ahead = LISTED._replace(ahead_ms=600_000)
    late = by("kubectl-set", AT + 600_000, IMAGE)
    assert when(ahead, IMAGE, late).first_ms == AT + 600_999
    assert when(LISTED, IMAGE, late) == UNKNOWN
    assert when(ahead, IMAGE, SET) == UNKNOWN


def test_a_short_range_is_a_moment() -> None:
    assert when(LISTED._replace(unchanged_ms=NOW - POINT_MS), IMAGE) == Made(NOW, NOW)
    assert when(LISTED._replace(unchanged_ms=NOW - POINT_MS - 1), IMAGE).is_range
    assert when(LISTED._replace(unchanged_ms=0), IMAGE) == Made(NOW, NOW), "nobody knows since when"


moments = st.integers(AWAY, NOW)


@pytest.mark.parametrize("path", [REPLICAS, IMAGE])
@given(moments, st.sampled_from(["kubectl-set", "helm"]), st.sampled_from(["", "scale"]))
def test_a_single_change_is_dated_within_two_seconds(path: str, at: int, manager: str, subresource: str) -> None:
    """`at` is when it was made; the API server writes whole seconds."""
    seen = when(LISTED, path, Writer(manager, subresource, at // 1000 * 1000, [path]))
    assert not seen.is_range
    assert abs(seen.first_ms - at) < 2_000


@given(st.lists(st.tuples(moments, st.sampled_from([REPLICAS, IMAGE]), st.sampled_from("ab")), min_size=1, max_size=6))
def test_whatever_happens_meanwhile_is_dated_right(writes: list[tuple[int, str, str]]) -> None:
    """A server that keeps managedFields as Kubernetes does: the last of each path is the net change."""
    entries: dict[str, Writer] = {}
    for at, path, manager in sorted(writes):
        for name, one in entries.items():
            entries[name] = Writer(name, "", one.time_ms, [each for each in one.paths if each != path])
        before = entries.get(manager, Writer(manager, "", 0, []))
        entries[manager] = Writer(manager, "", at // 1000 * 1000, [*before.paths, path])
    last = {path: at for at, path, _ in sorted(writes)}
    authors = {path: manager for _, path, manager in sorted(writes)}
    for path, at in last.items():
        found = when(LISTED._replace(writes=len(writes)), path, *entries.values())
        assert found.first_ms - 2_000 <= at <= found.last_ms + 2_000
        assert found.by == authors[path]
