"""The options that select events: what is wrong is named, with what is allowed; times of a clock."""

import json
import os
from datetime import datetime
from pathlib import Path

import pytest

from kube9_cli import kinds, patterns, zones
from kube9_cli.query import texts
from kube9_cli.selection import Clock
from kube9_schema.api_groups import GROUPS
from kube9_schema.codes import EVENT_TYPES, SEVERITIES
from tests.cli import run_cli

TYPES = "it must be one or more of: " + ", ".join(EVENT_TYPES)
LEVELS = "it must be one or more of: " + ", ".join(SEVERITIES)
FIELDS = "it must be FIELD=VALUE, with one of: for, namespace, kind, name, reason, node, type, severity, source, search"
ZONES = "it must be a time zone, such as Europe/Berlin, +02:00, UTC or local"
FORMS = "it must be one of: json, yaml, table, wide, name, jsonl, csv, custom-columns=COLUMNS"
WRONG = [
    (["-A", "--object-namespace=shop"], "Argument --object-namespace: not allowed with", "give one of them"),
    (["--type=Warning"], "Invalid --type Warning", f"{TYPES}; for Kubernetes' type Warning use --severity warning"),
    (["--type=normal"], "Invalid --type normal", f"{TYPES}; for Kubernetes' type Normal use --severity info"),
    (["--type=error"], "Invalid --type error", f"{TYPES}; error is a severity: use --severity error"),
    (["--type=clutser"], "Invalid --type clutser", f"{TYPES}; did you mean cluster?"),
    (["--severity=eror+"], "Invalid --severity eror+", f"{LEVELS}; did you mean error?"),
    (
        ["--severity=Normal"],
        "Invalid --severity Normal",
        f"{LEVELS}; most Events of Kubernetes' type Normal",
    ),
    (["--severity=health"], "Invalid --severity health", f"{LEVELS}; health is a type: use --type health"),
    (["--count=some"], "Invalid --count some", "it must be one of: exact, none"),
    (["--for=deploy"], "Invalid --for deploy", "it must be KIND/NAME or KIND NAME, such as deploy/web"),
    (["--for", "deploy/web/x"], "Invalid --for deploy/web/x", "it must be KIND/NAME or KIND NAME"),
    (["--for=/web"], "Invalid --for /web", "it must be KIND/NAME or KIND NAME"),
    (["--for", "deploy/a", "b"], "Invalid --for deploy/a b", "it must be KIND/NAME or KIND NAME"),
    (["--name=a,,b"], "Invalid --name: it is empty", "it must be printable text"),
    (["--reason=" + "a" + ",a" * 50], "Too many values for --reason: 51", "it takes at most 50"),
    (["--search= "], "Invalid --search: it is empty", "it must be one or more words, or a phrase in double quotes"),
    (['--search=""'], 'Invalid --search ""', "a phrase in double quotes must not be empty"),
    (['--search=a "b c'], 'Invalid --search a "b c', 'the phrase that begins with "b has no closing double quote'),
    (['--exclude=search="b'], 'Invalid --exclude search "b', 'the phrase that begins with "b has no'),
    (["--search=" + "a " * 51], "Too many values for --search: 51", "it takes at most 50"),
    (["--for=po/a"] * 51, "Too many values for --for: 51", "it takes at most 50"),
    (["--exclude=name=a"] * 51, "Too many values for --exclude name: 51", "it takes at most 50"),
    (["--name=" + "x" * 1001], "Invalid --name " + "x" * 100 + "…", "it has 1001 characters; at most 1000 are allowed"),
    (["--type="], "Invalid --type: it is empty", TYPES),
    (["--limit="], "Invalid --limit: it is empty", "it must be a whole number from 1 to 1000"),
    (["--since= "], "Invalid --since: it is empty", "it must be an ISO 8601 date or time"),
    (["--until=\x1b[31m"], "Invalid --until '\\x1b[31m'", "it must be an ISO 8601 date or time"),
    (["--time="], "Invalid --time: it is empty", "it must be one of: age, utc, local"),
    (["--tz="], "Invalid --tz: it is empty", "it must be a time zone"),
    (["--tz=europe/berlin"], "Invalid --tz europe/berlin", "it must be a time zone, such as Europe/Berlin"),
    (["--tz=europe/pari"], "Invalid --tz europe/pari", f"{ZONES}; did you mean Europe/Paris?"),
    (["--window=", "--around=1h"], "Invalid --window: it is empty", "it must be a duration"),
    (["--format=jason"], "Invalid --format jason", f"{FORMS}; did you mean json?"),
    (["--sort=LAST"], "Invalid --sort LAST", "it must be one of: last, first, created, count, severity; did you mean last?"),
    (["--exclude=shop"], "Invalid --exclude shop", FIELDS),
    (["--exclude=name"], "Invalid --exclude name", FIELDS),
    (["--exclude=namspace=shop"], "Invalid --exclude namspace=shop", f"{FIELDS}; did you mean namespace?"),
    (["--exclude=type=Warning"], "Invalid --exclude type Warning", TYPES),
    (["--exclude=object-kind=Pod"], "Invalid --exclude object-kind=Pod", FIELDS),
    (["--tz=Nowhere/Land"], "Invalid --tz Nowhere/Land", "it must be a time zone, such as Europe/Berlin, +02:00, UTC or local"),
    (["--since=25:00"], "Invalid --since 25:00", "it must be an ISO 8601 date or time"),
    (["--since=14:05 14:06"], "Invalid --since 14:05 14:06", "it must be an ISO 8601 date or time"),
    (["--after=x", "--offset=1"], "Argument --after: not allowed with --offset", "give one of them"),
    (["--after=x", "--watch"], "Argument --after: not allowed with --watch", "give one of them"),
    (["--after=x"], "Invalid --after x", "it must be the pagination.next of an earlier answer"),
    (["--around=2h", "--sort=first"], "Argument --around: not allowed with --sort", "give one of them"),
    (["--around=noon"], "Invalid --around noon", "it must be an ISO 8601 date or time"),
    (["--around=evt_1"], "Invalid event id evt_1", "it must look like evt_"),
    (["--around=2h", "--window=x"], "Invalid --window x", "it must be a duration, such as 15m or 1h30m"),
    (["--window=5m"], "Argument --window: not allowed without --around", "it says how much time on each side of --around"),
    (["--watch", "--until=1h"], "Argument --watch: not allowed with --until", "give one of them"),
    (["--watch", "--reverse"], "Argument --watch: not allowed with --reverse", "give one of them"),
    (["--watch", "-o", "yaml"], "Argument --watch: not allowed with --format yaml", "use -o json for one JSON object"),
    (["--limit=0", "--around=2h"], "Argument --limit 0: not allowed with --around", "--limit must be from 1 to 1000"),
    (["--limit=0", "--offset=1"], "Argument --limit 0: not allowed with --offset", "--limit must be from 1 to 1000"),
    (["--severty=error"], "Unrecognized arguments: --severty=error", "Did you mean --severity? See kube9-cli events list -"),
    (["extra"], "Unrecognized arguments: extra", "see kube9-cli events list --help"),
]


@pytest.mark.parametrize(("arguments", "error", "details"), WRONG, ids=lambda value: str(value)[:40])
def test_wrong_arguments_are_named_with_what_is_allowed(arguments: list[str], error: str, details: str) -> None:
    done = run_cli(Path("/nowhere"), "events", "list", *arguments)
    assert (done.returncode, done.stdout) == (1, "")
    said = json.loads(done.stderr)
    assert said["error"].startswith(error)
    assert said["details"].startswith(details)
    assert said["code"] == "INVALID_ARGUMENT"


def test_a_right_field_without_a_value_gets_no_hint() -> None:
    assert json.loads(run_cli(Path("/nowhere"), "events", "list", "--exclude=name").stderr)["details"] == FIELDS


@pytest.mark.parametrize("options", [["--time=local"], ["--tz=local"], ["--since=14:05"]])
def test_a_wrong_zone_of_the_environment_is_named(options: list[str], monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Nowhere/Land")
    done = run_cli(Path("/nowhere"), "events", "list", "-o", "table", *options)
    details = "the environment variable TZ must be a time zone, such as Europe/Berlin or UTC; --tz is used in its place"
    assert (done.returncode, done.stderr) == (1, f"Invalid TZ Nowhere/Land: {details}\n")


def at(text: str) -> int:
    return int(datetime.fromisoformat(text).timestamp() * 1000)


BERLIN = zones.zone("Europe/Berlin")
NOW = at("2026-07-02T09:30:00+02:00")


@pytest.mark.parametrize(
    ("text", "moment"),
    [
        ("09:05", "2026-07-02T09:05:00+02:00"),
        ("9:05:07", "2026-07-02T09:05:07+02:00"),
        ("14:05", "2026-07-01T14:05:00+02:00"),
        ("today", "2026-07-02T00:00:00+02:00"),
        ("today 14:05", "2026-07-02T14:05:00+02:00"),
        ("Yesterday", "2026-07-01T00:00:00+02:00"),
        ("yesterday 22:00", "2026-07-01T22:00:00+02:00"),
        ("22:00 yesterday", "2026-07-01T22:00:00+02:00"),
    ],
)
def test_a_time_of_a_clock_is_the_last_one_in_its_zone(text: str, moment: str) -> None:
    assert zones.parse(text, NOW, BERLIN) == at(moment)


def test_the_night_in_which_clocks_change() -> None:
    autumn = at("2026-10-25T12:00:00+01:00")
    assert zones.parse("02:30", autumn, BERLIN) == at("2026-10-25T02:30:00+02:00"), "the first of two"
    assert zones.parse("today", autumn, BERLIN) == at("2026-10-25T00:00:00+02:00")
    spring = at("2026-03-29T12:00:00+02:00")
    assert zones.parse("02:30", spring, BERLIN) == at("2026-03-29T03:30:00+02:00"), "no clock shows it"


def test_a_time_until_which_is_after_that_since_which() -> None:
    """Whatever the time is: at 00:10, the last 06:00 is before yesterday 22:00."""
    for now in ("2026-11-24T00:10:00+01:00", "2026-11-24T09:00:00+01:00", "2026-11-24T23:00:00+01:00"):
        since = zones.parse("yesterday 22:00", at(now), BERLIN)
        assert zones.parse("06:00", at(now), BERLIN, since) == at("2026-11-24T06:00:00+01:00")
    now, since = at("2026-11-24T09:00:00+01:00"), at("2026-11-24T06:00:00+01:00")
    assert zones.parse("08:00", now, BERLIN, since) == at("2026-11-24T08:00:00+01:00"), "the last one is after it"
    assert zones.parse("06:00", now, BERLIN, since) == at("2026-11-25T06:00:00+01:00")
    assert zones.parse("yesterday 06:00", now, BERLIN, since) == at("2026-11-23T06:00:00+01:00"), "its day is given"


@pytest.mark.parametrize("text", ["", "24:00", "12:60", "yesterday today", "noon", "14:05:00:00", "-1:00"])
def test_what_no_clock_shows(text: str) -> None:
    with pytest.raises(ValueError, match=f"^{text}$"):
        zones.parse(text, NOW, BERLIN)


@pytest.mark.parametrize(
    ("asked", "variable", "name", "hour"),
    [
        ("Europe/Berlin", "Asia/Tokyo", "Europe/Berlin", 9),
        (None, "Asia/Tokyo", "Asia/Tokyo", 16),
        (None, ":Asia/Tokyo", "Asia/Tokyo", 16),
        (None, "", "UTC", 7),
        ("local", "Asia/Tokyo", "Asia/Tokyo", 16),
        ("+0530", "UTC", "UTC+05:30", 13),
        ("-03:00", "UTC", "UTC-03:00", 4),
        ("UTC", "Asia/Tokyo", "UTC", 7),
    ],
)
def test_the_zone_is_that_of_the_option_or_of_the_environment(
    monkeypatch: pytest.MonkeyPatch, asked: str | None, variable: str, name: str, hour: int
) -> None:
    monkeypatch.setenv("TZ", variable)
    zone = zones.zone(asked)
    assert (zone.name, zone.at(NOW).hour) == (name, hour)


def test_a_zone_is_only_named_where_it_matters(monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("TZ", "Asia/Tokyo")
    clock = Clock(None)
    now = clock.time("now", "--since")
    assert now
    assert clock.time("2h ago", "--since") == clock.time("2h", "--since") == now - 7_200_000
    assert clock.time("2026-07-02T10:00", "--since") == at("2026-07-02T10:00:00+00:00"), "ISO 8601 without a zone is UTC"
    assert clock.zone is None
    clock.time("14:05", "--since")
    assert clock.zone is not None
    assert clock.zone.name == "Asia/Tokyo"
    assert (zone := Clock("Europe/Berlin").zone) is not None
    assert zone.name == "Europe/Berlin"
    assert os.environ["TZ"] == "Asia/Tokyo"


@pytest.mark.parametrize(
    ("typed", "kind"),
    [
        ("po", "Pod"),
        ("PODS", "Pod"),
        ("ingresses", "Ingress"),
        ("networkpolicies", "NetworkPolicy"),
        ("endpoints", "Endpoints"),
        ("deployments.apps", "Deployment"),
        ("deploy.v1.apps", "Deployment"),
        ("deployments.extensions", "Deployment"),
        ("nodes.longhorn.io", None),
        ("gateways", None),
    ],
)
def test_a_kind_of_kubernetes_by_any_of_its_names(typed: str, kind: str | None) -> None:
    assert kinds.built_in(typed) == kind


@pytest.mark.parametrize(
    ("typed", "known"),
    [
        ("po", True),
        ("applications", True),
        ("Application", True),
        ("helmreleases.helm.toolkit.fluxcd.io", True),
        ("kustomizations.v1.kustomize.toolkit.fluxcd.io", True),
        ("applications.app.k8s.io", False),
        ("gateway", False),
        ("", False),
    ],
)
def test_kinds_that_are_known_before_anything_is_recorded_of_them(typed: str, known: bool) -> None:
    assert kinds.is_known(typed) is known


def test_every_kind_of_kubernetes_has_its_names() -> None:
    assert {kinds.built_in(kind) for kind in GROUPS} == set(GROUPS)
    assert set(kinds.SHORT_NAMES) <= set(GROUPS)
    assert kinds.split("nodes.v1beta2.longhorn.io") == ("nodes", "longhorn.io")
    assert kinds.split("Pods.v1") == ("pods", "")
    assert kinds.split("backups.v1.velero.io") == kinds.split("backups.velero.io") == ("backups", "velero.io")
    assert kinds.split("things.velero.v2.io") == ("things", "velero.v2.io")


@pytest.mark.parametrize(
    ("pattern", "text", "matches"),
    [
        ("web-*", "web-0", True),
        ("web-*", "web", False),
        ("web-?", "web-10", False),
        ("*-web", "a-web", True),
        ("[ab]*", "[ab]c", True),
        ("[ab]*", "ac", False),
        ("a.c", "abc", False),
    ],
)
def test_patterns(pattern: str, text: str, matches: bool) -> None:
    assert patterns.matcher([pattern], any_case=False)(text) is matches
    assert patterns.matcher(["other", pattern.upper()], any_case=True)(text) is matches
    assert text.startswith(patterns.beginning(pattern)) or not matches


def test_a_pattern_takes_linear_time() -> None:
    assert not patterns.matcher(["*a" * 100 + "b"], any_case=False)("a" * 20_000)


@pytest.mark.parametrize(
    ("terms", "metadata", "matches"),
    [
        (("web", "137"), '{"exit_code":137}', True),
        (("exit_code",), '{"exit_code":137}', False),
        (('say "hi"',), '{"message":"say \\"hi\\""}', True),
        (("a\\b",), '{"list":["a\\\\b"]}', True),
        (("b\\",), '{"list":["a\\\\b"]}', False),
        (("true",), '{"flag":true}', False),
        (("refused", "nowhere"), '{"message":"refused"}', False),
        (("refused x",), '{"one":"refused","two":"x"}', False),
        (("1.5",), '{"load":1.5}', True),
        (("strasse",), '{"place":"Straße"}', True),
        (("strasse",), '{"place":"Stra\\u00dfe"}', True),
    ],
)
def test_texts_that_contain_terms(terms: tuple[str, ...], metadata: str, matches: bool) -> None:
    assert texts.containing(terms)(None, "Web-0", metadata, "BackOff", None) is matches
