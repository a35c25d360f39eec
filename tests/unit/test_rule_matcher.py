"""Which rule an Event follows: order, API groups, patterns, messages, counts and ages; and what settings add and leave out."""

import itertools
import time
from typing import Any

import pytest
from hypothesis import given
from hypothesis import strategies as st

from kube9_operator.model.observation import hash64
from kube9_operator.model.rules import loader, matcher
from kube9_operator.model.rules.matcher import Chosen, KindOfEvent, Patterns, Table, Verdict, built_in_table, group_of, judge
from kube9_operator.model.rules.readers import READERS, Reference, Said
from kube9_schema.api_groups import GROUPS

GROUPED = {
    "Deployment": "apps/v1",
    "Job": "batch/v1",
    "Ingress": "networking.k8s.io/v1",
    "HorizontalPodAutoscaler": "autoscaling/v2",
    "Pod": "v1",
    "Node": "v1",
}


def said(reason: str, message: str = "", kind: str = "Pod", **fields: Any) -> Said:
    version, path = fields.pop("api_version", GROUPED.get(kind, "")), fields.pop("path", "")
    return Said(
        Reference(kind, "shop", "web", "u1", path, version), reason, fields.pop("emitter", "kubelet"), message, **fields
    )


def users(*rules: str, wait_seconds: int = 600) -> Chosen:
    text = "rules:\n" + "".join(f"- {{id: {number}, {rule}}}\n" for number, rule in enumerate(rules, 1))
    return Chosen(table=Table(loader.parse(text.encode()), wait_seconds))


def by(one: Said, chosen: Chosen) -> str:
    """The id of the rule that decides."""
    verdict = judge(one, chosen)
    assert verdict.rule
    return verdict.rule.id


def test_the_first_rule_that_fits_decides() -> None:
    chosen = users(
        "match: {reason: Odd, type: Normal}, ignore: true",
        "match: {reason: Odd}, severity: info",
        "match: {kind: Pod}, ignore: true",
    )
    assert by(said("Odd", type="Normal"), chosen) == "1"
    assert by(said("Odd"), chosen) == "2"
    assert by(said("Unhealthy"), chosen) == "3", "users' rules come before the built-in ones"
    assert by(said("Odd", kind="Job"), chosen) == "2"
    assert by(said("FailedCreate", kind="Job"), chosen) == "workloads/known warnings"


def test_exclude_wins_over_users_and_users_over_include() -> None:
    rule = "match: {reason: Odd}, severity: critical"
    chosen = users(rule, "match: {reason: Quiet}, ignore: true")._replace(
        exclude=frozenset({"Odd"}), include=frozenset({"Odd", "Quiet", "Started", "NodeNotReady"})
    )
    assert judge(said("Odd"), chosen) == Verdict(None, False)
    assert not judge(said("Quiet"), chosen).recorded
    added = judge(said("Started", type="Normal"), chosen)
    assert (added.recorded, added.included, added.severity, added.rule and added.rule.id) == (True, True, 0, "other")
    again = judge(said("NodeNotReady"), chosen)
    assert (again.recorded, again.included, again.severity) == (True, True, 1), "a built-in rule leaves it out"


def test_defaults() -> None:
    assert by(said("Odd", type="Normal"), Chosen()) == "normal"
    assert by(said("Odd", type="Warning"), Chosen()) == "other"
    assert by(said("Odd", type=""), Chosen()) == "other"
    assert by(said("", type="Trace"), Chosen()) == "other"


@pytest.mark.parametrize(
    ("kind", "version", "expected"),
    [
        ("Node", "v1", "node not ready"),
        ("Node", "", "node not ready"),
        ("Node", "longhorn.io/v1beta2", "longhorn/node condition"),
        ("Node", "management.cattle.io/v3", "other"),
    ],
)
def test_the_api_group_counts(kind: str, version: str, expected: str) -> None:
    assert by(said("NodeNotReady", kind=kind, api_version=version), Chosen()) == expected


def test_no_built_in_rule_is_for_a_custom_resource_of_the_same_name() -> None:
    tried = 0
    for rule, compiled in zip(loader.built_in(), built_in_table().rules, strict=True):
        for kind in compiled.kinds.exact & set(GROUPS):
            for reason in {*compiled.reasons.exact, "OutOfcpu", "Odd"}:
                for type_, emitter in itertools.product(("Normal", "Warning"), ("kubelet", "karpenter", "strimzi.io/x")):
                    of = KindOfEvent("example.com/v1", kind, reason, type_, emitter)
                    assert not compiled.is_for(of) or rule.match.group != (), rule.id
                    tried += compiled.is_for(of._replace(api_version=f"{GROUPS[kind][0]}/v1".removeprefix("/")))
    assert tried > 200, "of the kinds of Kubernetes themselves they are"


def test_groups_of_a_users_rule() -> None:
    chosen = users(
        "match: {group: '*.example.com', reason: A}, ignore: true",
        "match: {group: '', kind: Widget, reason: A}, ignore: true",
        "match: {kind: Widget, reason: B}, ignore: true",
        "match: {kind: Deployment, reason: B}, ignore: true",
        "match: {kind: '*Set', reason: B}, ignore: true",
    )
    assert by(said("A", kind="Pod", api_version="a.example.com/v1"), chosen) == "1"
    assert by(said("A", kind="Widget", api_version="v1"), chosen) == "2"
    assert by(said("A", kind="Widget", api_version="other.org/v1"), chosen) == "other"
    assert by(said("A", kind="Widget", api_version=""), chosen) == "1", "who says no group may be of any"
    assert by(said("B", kind="Widget", api_version="any.org/v2"), chosen) == "3"
    assert by(said("B", kind="Deployment", api_version="any.org/v2"), chosen) == "other"
    assert by(said("B", kind="Deployment", api_version="extensions/v1beta1"), chosen) == "4"
    assert by(said("B", kind="CloneSet", api_version="apps.kruise.io/v1"), chosen) == "5"


def test_group_of() -> None:
    assert group_of("Pod", "v1") == ""
    assert group_of("Pod", "") == ""
    assert group_of("Ingress", "") == "networking.k8s.io"
    assert group_of("Widget", "") is None
    assert group_of("Widget", "example.com/v1") == "example.com"


def test_patterns() -> None:
    some = Patterns(("a", "b*", "*c", "*d*"))
    assert [text for text in ("a", "ab", "b", "bx", "xc", "c", "xdx", "d", "", "A") if some.fit(text)] == [
        *("a", "b", "bx", "xc", "c", "xdx", "d"),
    ]
    assert not Patterns(("",)).fit("a")
    assert Patterns(("*",)).fit("")
    assert Patterns(("**",)).fit("a")
    assert Patterns(()).fit("anything")


@given(st.text(max_size=10), st.lists(st.text(alphabet="ab*", min_size=1, max_size=4).filter(lambda one: "*" not in one[1:-1])))
def test_patterns_fit_as_a_shell_would(text: str, given_: list[str]) -> None:
    from fnmatch import fnmatchcase

    text = "".join("ab"[ord(one) % 2] for one in text)
    assert Patterns(given_).fit(text) == (not given_ or any(fnmatchcase(text, one) for one in given_))


def test_what_a_message_must_say() -> None:
    chosen = users(
        "match: {reason: Odd, message_prefix: [ab, cd], message_contains: [x, y]}, ignore: true",
        "match: {reason: Odd, message_contains: z}, ignore: true",
    )
    assert by(said("Odd", "ab y"), chosen) == "1"
    assert by(said("Odd", "cdx"), chosen) == "1"
    assert by(said("Odd", "ab"), chosen) == "other"
    assert by(said("Odd", " ab x"), chosen) == "other"
    assert by(said("Odd", "z"), chosen) == "2"


def test_emitter_count_and_age() -> None:
    chosen = users(
        "match: {reason: Odd, emitter: 'external-resizer *'}, ignore: true",
        "match: {reason: Odd, min_count: 3}, ignore: true",
        "match: {reason: Odd, min_seconds: 60}, ignore: true",
        "match: {reason: Slow, min_seconds: EVENT_WAIT_MINUTES}, ignore: true",
        wait_seconds=120,
    )
    assert by(said("Odd", emitter="external-resizer ebs.csi.aws.com"), chosen) == "1"
    assert by(said("Odd", emitter="external-resizer"), chosen) == "other"
    assert by(said("Odd", occurrences=3), chosen) == "2"
    assert by(said("Odd", occurrences=2, seconds=59.9), chosen) == "other"
    assert by(said("Odd", occurrences=2, seconds=60), chosen) == "3"
    assert by(said("Slow", seconds=119), chosen) == "other"
    assert by(said("Slow", seconds=120), chosen) == "4"


def test_a_claim_waits_as_long_as_the_setting_says() -> None:
    waiting = said("ExternalProvisioning", kind="PersistentVolumeClaim", type="Normal", occurrences=20, seconds=301)
    assert not judge(waiting, Chosen()).recorded
    assert judge(waiting, Chosen(table=Table(wait_seconds=300))).recorded


# Keys


def key(one: Said, chosen: Chosen = matcher.TABLE_ALONE) -> int:
    rule = judge(one, chosen).rule
    assert rule
    return rule.key(one, rule.facts(one))


def test_a_key_is_the_id_and_what_tells_events_apart() -> None:
    assert key(said("FailedScheduling", "0/1 nodes are available")) == hash64("cannot schedule")
    assert key(said("Odd", emitter="somebody")) == hash64("other", "Odd", "somebody")
    assert key(said("FailedMount", 'for volume "v" : x')) == hash64("cannot mount", "v")
    assert key(said("Unhealthy", "Liveness probe failed: x", path="spec.containers{app}")) == hash64(
        *("probe failing", "app", "liveness"),
    )


def test_the_container_that_an_event_names_is_in_the_key() -> None:
    """Of rules that had none in it; without a container the key is as it was."""
    one = said("FailedPreStopHook", path="spec.initContainers{prepare}")
    assert key(one) == hash64("other", "FailedPreStopHook", "kubelet", "prepare")
    assert key(said("FailedPreStopHook")) == hash64("other", "FailedPreStopHook", "kubelet")
    rule = judge(one, Chosen()).rule
    assert rule
    assert rule.facts(one).metadata == {"container": "prepare"}


def test_a_users_rule_has_keys_of_its_own() -> None:
    """A later release may bring a built-in rule of the same id."""
    chosen = users(
        "match: {reason: Odd}, severity: info, fold_by: [emitter]",
        "match: {reason: Also}, joins: 1",
        "match: {reason: X}, joins: other",
    )
    assert key(said("Odd"), chosen) == hash64("user/1", "kubelet") == key(said("Also"), chosen)
    assert key(said("X"), chosen) == hash64("other", "X", "kubelet")


def test_what_a_rule_that_joins_takes_over() -> None:
    chosen = users(
        "match: {reason: A}, severity: critical, title: Loud, primary: false, fold_by: volume, read: {volume: volume}",
        "match: {reason: B}, joins: 1",
        "match: {reason: C}, joins: 1, severity: info, title: Quiet, primary: true",
    )
    found = [judge(said(reason), chosen).rule for reason in "ABC"]
    assert [(one.severity, one.title, one.primary, one.fields) for one in found if one] == [
        (3, "Loud", False, ("volume",)),
        (3, "Loud", False, ("volume",)),
        (0, "Quiet", True, ("volume",)),
    ]


def test_the_latest_reason_is_told_where_events_may_have_several() -> None:
    chosen = users(
        "match: {reason: [A, B]}, severity: info", "match: {reason: C}, severity: info", "match: {reason: D}, joins: 2"
    )
    for reason, expected in (("A", {"reason": "A"}), ("C", {"reason": "C"})):
        rule = judge(said(reason), chosen).rule
        assert rule
        assert rule.facts(said(reason)).metadata == expected
    alone = users("match: {reason: C}, severity: info")
    rule = judge(said("C"), alone).rule
    assert rule
    assert rule.facts(said("C")).metadata == {}


# Anything


REASONS = sorted({reason for rule in built_in_table().rules for reason in rule.reasons.exact})
PREFIXES = sorted({part for rule in loader.built_in() for part in loader.values(rule.match.message_prefix)})
CONTAINED = sorted({part for rule in loader.built_in() for part in loader.values(rule.match.message_contains)})
KINDS = sorted({kind for rule in built_in_table().rules for kind in rule.kinds.exact})
anything = st.text(max_size=30)


@given(
    reason=st.sampled_from(REASONS) | anything,
    kind=st.sampled_from(KINDS) | anything,
    version=st.sampled_from(["", "v1", "apps/v1", "/", "a/b/c", "longhorn.io/v1"]) | anything,
    parts=st.lists(st.sampled_from([*PREFIXES, *CONTAINED, " -> ", ": ", '"', "{", "}", " is now: "]) | anything, max_size=6),
    kind_of=st.sampled_from(["Normal", "Warning", ""]) | anything,
    path=st.sampled_from(["", "spec.containers{a}", "{", "{}", "}{"]) | anything,
    occurrences=st.integers(1, 2**31 - 1),
    seconds=st.floats(0, 1e9),
)
def test_any_event_gets_a_verdict(
    reason: str, kind: str, version: str, parts: list[str], kind_of: str, path: str, occurrences: int, seconds: float
) -> None:
    about = Reference(kind, "shop", "web", "u1", path, version)
    one = Said(about, reason, "kubelet", "".join(parts), about, kind_of, occurrences, seconds)
    verdict = judge(one, Chosen())
    assert verdict.rule
    if verdict.recorded:
        facts = verdict.rule.facts(one)
        assert isinstance(verdict.rule.key(one, facts), int)
        assert set(facts.metadata) <= {*verdict.rule.fields, "reason", "container"}
        assert matcher.title(verdict.rule, kind, reason).strip() or not (kind.strip() or reason.strip())


def test_names_that_look_like_formats_are_texts() -> None:
    rule = built_in_table().other
    assert matcher.title(rule, "{reason}", "{kind.__class__}") == "{reason} {kind.__class__}"


@pytest.mark.parametrize("name", READERS)
def test_readers_take_time_in_proportion_to_the_message(name: str) -> None:
    def seconds(length: int) -> float:
        message = ("exceeded quota: " + 'volume "' + "unmounted volumes=[" + "Killed process 1 (") * (length // 60)
        one = said("Odd", message)
        began = time.process_time()
        for _ in range(5):
            READERS[name].read(one)
        return time.process_time() - began

    seconds(1_000)
    assert seconds(400_000) < 200 * max(seconds(40_000), 0.001)


def test_a_verdict_takes_time_in_proportion_to_the_message() -> None:
    def seconds(length: int) -> float:
        message = ("Node condition is now: " + "the object has been modified; " + '" not registere' + "[] pas") * (length // 70)
        began = time.process_time()
        for _ in range(5):
            for reason, kind in (("FailedMount", "Pod"), ("PolicyViolation", "Pod"), ("Odd", "Node")):
                judge(said(reason, message, kind), Chosen())
        return time.process_time() - began

    seconds(1_000)
    assert seconds(400_000) < 200 * max(seconds(40_000), 0.001)


def test_reasons_without_end_take_no_memory_without_end() -> None:
    table = Table()
    for number in range(2 * matcher.MAX_CACHED + 5):
        table.first(said(f"Odd{number}"))
    assert len(table._cache) <= matcher.MAX_CACHED
