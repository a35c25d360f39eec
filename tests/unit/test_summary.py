"""events summary: its groups and numbers against plain Python over the same rows, its bounds, and how it reads."""

import csv
import io
import json
import random
import time
from collections import Counter
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from kube9_cli.query import conditions, summary, sums
from kube9_cli.query.groups import MOST_MARKS, span
from kube9_cli.render.clock import Clock
from kube9_cli.render.look import Look
from kube9_cli.render.summary import closing, lines, owner
from kube9_schema import DATABASE_NAME, ids
from kube9_schema.causes import Recorded, cause_of
from kube9_schema.codes import EVENT_TYPES, SEVERITIES
from tests import cli_database
from tests.bench import database as made
from tests.cases import Cluster, Json, cluster
from tests.cli import run_cli
from tests.filed import assert_filed, file_again
from tests.record import Record
from tests.unit.test_cases import back_off, crashing, pod
from tests.unit.test_causes import an_event

COUNT = 300
HOUR_MS, DAY_MS = 3_600_000, 86_400_000
SEVEN_DAYS = ("--since=7d", "--limit=1000")


CROWD = 2_400


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    folder = tmp_path_factory.mktemp("summary")
    cli_database.build(folder, COUNT)
    connection = made.database.connect(str(folder), busy_seconds=5.0)
    chance = random.Random(5)
    for (number,) in connection.execute("SELECT id FROM events").fetchall():
        connection.execute("UPDATE events SET count = ? WHERE id = ?", (chance.randint(1, 9), number))
    file_again(connection)
    connection.close()
    return folder


@pytest.fixture(scope="module")
def rows(folder: Path) -> list[Json]:
    connection = made.database.connect(str(folder), busy_seconds=5.0)
    names = ("id", "severity", "type", "count", "first_ms", "last_ms", "kind", "namespace", "reason", "node", "name")
    found = [
        dict(zip(names, row, strict=True))
        for row in connection.execute(
            """SELECT e.id, e.severity, e.type, e.count, e.first_ms, e.last_ms, k.word, n.word, r.word, d.word, o.name
            FROM events e JOIN objects o ON o.id = e.object JOIN words k ON k.id = e.kind JOIN words n ON n.id = e.namespace
            JOIN words r ON r.id = e.reason JOIN words d ON d.id = e.node"""
        )
    ]
    connection.close()
    for one in found:
        one["severity"], one["type"] = SEVERITIES[one["severity"]], EVENT_TYPES[one["type"]]
    return found


def asked(folder: Path, *arguments: str) -> Json:
    done = run_cli(folder, "events", "summary", *arguments)
    assert done.returncode == 0, done.stderr
    answer: Json = json.loads(done.stdout)
    return answer


def expected(rows: list[Json], by: tuple[str, ...], answer: Json) -> dict[str, tuple[Any, ...]]:
    """What each group should have, by its fields as JSON."""
    since, until, start = (ms(answer["range"][name]) for name in ("since", "until", "activity_from"))
    step = answer["range"]["step_seconds"] * 1000
    marks = (until - start - 1) // step + 1
    groups: dict[str, list[Json]] = {}
    for row in rows:
        if row["last_ms"] >= since and row["first_ms"] < until:
            groups.setdefault(json.dumps({field: row[field] for field in by if row[field]}), []).append(row)
    return {
        key: (
            max(found, key=lambda row: SEVERITIES.index(row["severity"]))["severity"],
            len(found),
            sum(row["count"] for row in found),
            min(row["first_ms"] for row in found),
            max(row["last_ms"] for row in found),
            [
                sum(row["first_ms"] < start + step * (at + 1) and row["last_ms"] >= start + step * at for row in found)
                for at in range(marks)
            ],
            max(row["id"] for row in found),
        )
        for key, found in groups.items()
    }


def got(answer: Json) -> dict[str, tuple[Any, ...]]:
    return {
        json.dumps(one["group"]): (
            one["severity"],
            one["events"],
            one["occurrences"],
            ms(one["first_seen_at"]),
            ms(one["last_seen_at"]),
            one["activity"],
            ids.decode(one["newest"]),
        )
        for one in answer["groups"]
    }


def ms(text: str) -> int:
    from tests.cases import ms as seconds

    return seconds(text[:-5] + "Z") + int(text[-4:-1])


@pytest.mark.parametrize(
    "by", ["namespace", "kind", "severity", "type", "reason", "node", "name", "namespace,kind,reason", "severity,node"]
)
@pytest.mark.parametrize("times", [(), ("--since=7d",), ("--since=5d", "--until=2d"), ("--since=30d",), ("--since=90m",)])
def test_the_numbers_are_those_of_the_rows(folder: Path, rows: list[Json], by: str, times: tuple[str, ...]) -> None:
    answer = asked(folder, f"--by={by}", "--limit=1000", *times)
    wanted = expected(rows, tuple(by.split(",")), answer)
    assert got(answer) == wanted
    assert answer["pagination"] == {"total": len(wanted), "limit": 1000, "returned": len(wanted)}
    assert answer["events"] == sum(one[1] for one in wanted.values())
    assert answer["occurrences"] == sum(one[2] for one in wanted.values())
    assert answer["by"] == by.split(",")


def test_filters_select_as_in_a_list(folder: Path, rows: list[Json]) -> None:
    one = rows[7]
    filters = {"severity": one["severity"], "object-kind": one["kind"], "object-namespace": one["namespace"]}
    for name, value in filters.items():
        given = [f"--{name}={value}"] if value else []
        listed = json.loads(run_cli(folder, "events", "list", "--since=7d", *given).stdout)["pagination"]["total"]
        assert asked(folder, *SEVEN_DAYS, *given)["events"] == listed
    assert asked(folder, *SEVEN_DAYS, f"--object-name={one['name']}")["groups"][0]["newest"] == ids.encode(one["id"])
    nothing = asked(folder, "--object-kind=Nothing")
    assert (nothing["groups"], nothing["events"], nothing["pagination"]["total"]) == ([], 0, 0)


@pytest.mark.parametrize("options", [(), ("--severity=warning+", "--exclude=kind=job")])
@pytest.mark.parametrize("command", ["summary", "timeline"])
def test_events_that_are_found_first_are_those_of_the_rows(
    folder: Path, rows: list[Json], command: str, options: tuple[str, ...]
) -> None:
    """An object's events are found by indexes if they are few; otherwise SQLite looks at all events."""
    newest = max(row["last_ms"] for row in rows)
    given = (f"--since={iso(newest - 5 * DAY_MS)}", f"--until={iso(newest - DAY_MS)}", "--for=node/node-1", *options)
    found = []
    for scanned in (0, 10**9):
        with (
            mock.patch.object(conditions, "SCANNED_PER_FOUND", scanned),
            mock.patch.object(conditions, "found_first", wraps=conditions.found_first) as used,
        ):
            found.append(json.loads(run_cli(folder, "events", command, *given).stdout))
        assert used.called
    assert found[0] == found[1]
    assert found[0]["events"] == json.loads(run_cli(folder, "events", "list", *given).stdout)["pagination"]["total"] > 0


@pytest.mark.parametrize("order", ["severity", "count", "events", "last"])
def test_the_first_groups_are_the_wanted_ones(folder: Path, order: str) -> None:
    keys = {
        "severity": lambda one: (SEVERITIES.index(one["severity"]), one["occurrences"]),
        "count": lambda one: one["occurrences"],
        "events": lambda one: one["events"],
        "last": lambda one: one["last_seen_at"],
    }
    found = asked(folder, *SEVEN_DAYS, "--by=namespace,reason", f"--sort={order}")["groups"]
    values = [keys[order](one) for one in found]
    assert values == sorted(values, reverse=True)
    few = asked(folder, "--since=7d", "--by=namespace,reason", f"--sort={order}", "--limit=4")
    assert [one["group"] for one in few["groups"]] == [one["group"] for one in found[:4]]
    assert few["pagination"] == {"total": len(found), "limit": 4, "returned": 4}


def test_both_sides_of_a_moment(folder: Path, rows: list[Json]) -> None:
    one = rows[100]
    first, last = one["first_ms"], one["last_ms"]
    for given, begin in ((iso(last), last), (ids.encode(one["id"]), first)):
        answer = asked(folder, f"--around={given}", "--window=2h", "--by=kind")
        assert (ms(answer["range"]["since"]), ms(answer["range"]["until"])) == (begin - 2 * HOUR_MS, last + 2 * HOUR_MS + 1)
        assert got(answer) == expected(rows, ("kind",), answer)
        assert answer["asked"]["around"] == iso(begin)
    assert run_cli(folder, "events", "summary", "--window=2h").returncode == 1
    assert "Event not found" in run_cli(folder, "events", "summary", "--around=evt_20200101_000000_000000").stderr
    shown = run_cli(folder, "events", "summary", f"--around={ids.encode(one['id'])}", "-o", "table")
    assert f"Around {ids.encode(one['id'])}: from 15m before it began to 15m after it was last seen." in shown.stderr


def test_the_order_without_sort_depends_on_the_question(folder: Path) -> None:
    worst = asked(folder, *SEVEN_DAYS)
    assert worst["by"] == ["cause", "owner"]
    assert worst == asked(folder, *SEVEN_DAYS, "--sort=severity", "--by=cause,owner") | {
        "range": worst["range"],
        "coverage": worst["coverage"],
        "groups": worst["groups"],
    }
    noisiest = asked(folder, *SEVEN_DAYS, "--by=namespace")
    assert [one["occurrences"] for one in noisiest["groups"]] == sorted(
        (one["occurrences"] for one in noisiest["groups"]), reverse=True
    )


# Owners and causes


@pytest.fixture
def here(tmp_path: Path) -> Iterator[Cluster]:
    now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
    with cluster(now) as one:
        yield one


def saved(here: Cluster, folder: Path) -> Path:
    here.connection.execute("VACUUM INTO ?", (str(folder / DATABASE_NAME),))
    return folder


def replica_set(name: str, deployment: str, uid: str) -> Json:
    owner = {"controller": True, "apiVersion": "apps/v1", "kind": "Deployment", "name": deployment, "uid": uid}
    return {"metadata": {"namespace": "shop", "name": name, "uid": f"u-{name}", "ownerReferences": [owner]}}


def test_events_of_one_cause_and_owner_are_one_group(here: Cluster, tmp_path: Path) -> None:
    """Two pods of two ReplicaSets of one Deployment, which was replaced by another of the same name."""
    now = here.now_ms
    ago = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(now // 1000 - 600))
    for at, uid in enumerate(("one", "two")):
        here.put("replicasets", replica_set(f"web-{at}", "web", uid))
        own = {"apiVersion": "apps/v1", "kind": "ReplicaSet", "name": f"web-{at}", "uid": f"u-web-{at}"}
        here.put("pods", pod(f"web-{at}-x7k2p", {"phase": "Running"}, owner=own))
        times = {"firstTimestamp": ago, "lastTimestamp": ago, "count": 3 + at}
        about = {"kind": "Pod", "name": f"web-{at}-x7k2p", "namespace": "shop", "uid": f"u-web-{at}-x7k2p", "apiVersion": "v1"}
        event = an_event("Failed", 'Failed to pull image "shop/web:2.4": not found', name=f"web-{at}-x7k2p", **times)
        here.event(event | {"involvedObject": about})
    alone = an_event("FailedMount", 'MountVolume.SetUp failed for volume "v" : timeout', name="alone", firstTimestamp=ago)
    here.event(alone | {"lastTimestamp": ago, "involvedObject": alone["involvedObject"] | {"uid": "u-alone"}})
    found = asked(saved(here, tmp_path), "--type=cluster")["groups"]
    assert [(one["group"], one["events"], one["occurrences"], one["severity"]) for one in found] == [
        (
            {
                "cause": "cannot pull image shop/web:2.4",
                "owner": {"kind": "Deployment", "namespace": "shop", "name": "web"},
            },
            2,
            7,
            "error",
        ),
        (
            {
                "cause": "FailedMount: timeout",
                "owner": {"kind": "Pod", "namespace": "shop", "name": "alone"},
            },
            1,
            1,
            "error",
        ),
    ]


def test_an_exit_code_is_the_cause_as_soon_as_it_is_known(tmp_path: Path) -> None:
    """Also if the kubelet's Event, which does not know it, came first."""
    for name in ("before", "after"):
        (tmp_path / name).mkdir()
    day = ("--since=2026-11-30", "--until=2026-12-01", "--by=cause", "--type=cluster")
    with cluster() as here:
        here.list_("pods")
        here.event(back_off(3))
        before = asked(saved(here, tmp_path / "before"), *day)["groups"]
        here.put("pods", crashing(3, code=3, message="FATAL: cannot reach postgres"))
        after = asked(saved(here, tmp_path / "after"), *day)["groups"]
    assert [one["group"] for one in before] == [{"cause": "BackOff"}]
    assert [one["group"] for one in after] == [{"cause": "exit code 3: FATAL: cannot reach postgres"}]


def test_what_the_operator_found_itself_is_from_the_operator(here: Cluster, tmp_path: Path) -> None:
    here.event(an_event("FailedMount", "it failed"), an_event("FailedSync", "it failed", name="other"))
    here.list_("pods")
    here.put("pods", crashing(3))
    found = asked(saved(here, tmp_path), "--since=2026-11-30T00:00Z", "--by=source", "--type=cluster")["groups"]
    assert {one["group"]["source"]: one["events"] for one in found} == {"kubelet": 2, "kube9-operator": 1}


def test_groups_of_owners_and_causes_are_those_of_the_events_one_by_one(tmp_path: Path) -> None:
    """A random record, grouped by what `events get` says of each event."""
    chance = random.Random(9)
    record = Record(tmp_path)
    messages = (("BackOff", "Back-off restarting"), ("FailedMount", "configmap x not found"), ("Failed", "it failed"))
    for deployment in ("web", "cart"):
        for namespace in ("shop", "dev"):
            for replica_set in range(2):
                record.owns(f"Deployment/{namespace}/{deployment}", f"ReplicaSet/{namespace}/{deployment}-{replica_set}")
                for number in range(2):
                    name = f"Pod/{namespace}/{deployment}-{replica_set}-{number}"
                    record.owns(f"ReplicaSet/{namespace}/{deployment}-{replica_set}", name)
                    for _ in range(4):
                        reason, message = chance.choice(messages)
                        more = chance.choice([{}, {}, {"last_exit_code": chance.choice([1, 3])}, {"image": "shop/web:2"}])
                        severity = chance.choice(["info", "warning", "error"])
                        times = {"ago": chance.randint(1, 50), "count": chance.randint(1, 9)}
                        record.event(name, reason, description=message, severity=severity, **times, **more)
    quota = record.event("ResourceQuota/shop/small", "FailedCreate", resource="pods", quota_limit="3")
    record.stopped_by_quota(quota, "ReplicaSet/shop/web-1")
    record.event("Node//n1", "NodeNotReady", severity="critical", description="Node n1 status is now: NodeNotReady")
    record.event("Node/longhorn-system/n1", "Degraded", api_version="longhorn.io/v1beta2", description="disk is full")
    record.event("", "GapFound", event_type="operator", source=None)
    record.close()
    listed = json.loads(run_cli(tmp_path, "events", "list", "--limit=1000").stdout)["events"]
    wanted: Counter[str] = Counter()
    for one in listed:
        owners = json.loads(run_cli(tmp_path, "events", "get", one["id"]).stdout).get("owners", [])
        about = {name: one[f"object_{name}"] for name in ("kind", "namespace", "name") if f"object_{name}" in one}
        if one.get("object_api_version", "").startswith("longhorn"):
            about["api_group"] = "longhorn.io"
        owner = about | owners[-1] if owners else about
        metadata = {key: value for key, value in one["metadata"].items() if key != "reason"}
        names = (one.get(f"object_{name}", "") for name in ("kind", "namespace", "name"))
        severity = SEVERITIES.index(one["severity"])
        cause = cause_of(Recorded(one["metadata"]["reason"], severity, *names, "", one.get("description", ""), metadata))
        wanted[json.dumps({"cause": cause} | ({"owner": owner} if owner else {}), sort_keys=True)] += one["count"]
    found = asked(tmp_path, "--limit=1000")["groups"]
    assert {json.dumps(one["group"], sort_keys=True): one["occurrences"] for one in found} == wanted
    assert len(wanted) > 20


# New groups, bounds


def test_a_group_is_new_if_the_time_before_is_recorded_and_has_none(tmp_path: Path) -> None:
    connection = made.create(str(tmp_path))
    made.fill(connection, 200)
    (begin, end) = connection.execute("SELECT min(first_ms), max(last_ms) FROM events").fetchone()
    middle = (begin + end) // 2
    connection.execute("UPDATE events SET reason = (SELECT id FROM words WHERE word = 'Evicted') WHERE first_ms > ?", (middle,))
    connection.execute(
        "UPDATE events SET reason = (SELECT id FROM words WHERE word = 'BackOff') WHERE first_ms <= ?", (middle,)
    )
    (last,) = connection.execute("SELECT id FROM events ORDER BY id DESC LIMIT 1").fetchone()
    connection.execute("UPDATE events SET reason = (SELECT id FROM words WHERE word = 'BackOff') WHERE id = ?", (last,))
    file_again(connection)
    connection.execute("UPDATE sources SET covered_from_ms = ?", (begin - 10,))
    connection.close()
    whole = f"--since={iso(middle)}", f"--until={iso(end + 1)}"
    for by in ("reason", "reason,kind", "cause"):
        found = asked(tmp_path, f"--by={by}", *whole)["groups"]
        old = {(one["group"].get("reason") or one["group"]["cause"][:7]) for one in found if not one["new"]}
        assert old == {"BackOff"}, by
        assert any(one["new"] for one in found)
    longer = asked(tmp_path, "--by=reason", f"--since={iso(middle - 2 * HOUR_MS)}", f"--until={iso(end + 1)}")
    assert all("new" not in one for one in longer["groups"]), "the time before is not recorded from its beginning"


@pytest.mark.parametrize("by", ["--by=cause,owner", "--by=owner,cause", "--by=namespace"])
@pytest.mark.parametrize("order", ["severity", "count", "events"])
@pytest.mark.parametrize(("days_ago", "until_days_ago"), [(8, -1), (9, 2), (6, 0), (7, 1)])
def test_what_was_added_up_tells_the_same_as_the_rows(
    folder: Path, rows: list[Json], by: str, order: str, days_ago: int, until_days_ago: int
) -> None:
    """The sums are of all events; those outside of the asked time are subtracted."""
    newest = max(row["last_ms"] for row in rows)
    times = (f"--{name}={iso(newest - days * 86_400_000)}" for name, days in (("since", days_ago), ("until", until_days_ago)))
    given = (by, *times, f"--sort={order}")
    for limit, ties in ((2, 0), (5, 3), (20, 100), (1000, 100)):
        by_time = {"LATER_PER_OWNED": 10**9 if limit % 2 else 0, "ROOTS_AT_ONCE": 3}
        with mock.patch.object(sums, "of", wraps=sums.of) as used, mock.patch.multiple(sums, MOST_TIES=ties, **by_time):
            found = asked(folder, *given, f"--limit={limit}")
        with mock.patch.object(sums, "can_tell", return_value=False):
            wanted = asked(folder, *given, f"--limit={limit}")
        assert used.called
        assert found == wanted


def test_of_equal_problems_those_that_were_seen_last_come_first(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.event("Pod/shop/worst", "Failed", severity="critical", ago=60, count=9)
    record.event("Pod/shop/before", "Failed", severity="critical", ago=60 * 24 * 8, count=7)
    for number in range(40):
        record.event(f"Pod/shop/web-{number}", "Failed", severity="critical", ago=5 + (number * 7) % 40)
    for number in range(3):  # it was worse before the asked time
        record.event(f"Pod/shop/web-{number}", "Failed", severity="critical", ago=60 * 24 * 8)
    record.close()
    given = ("--since=7d", "--limit=6")
    with mock.patch.object(sums, "can_tell", return_value=False):
        wanted = asked(tmp_path, *given)
    found = {}
    for name, walked in (("told", 50_000), ("too many", 5)):
        with mock.patch.multiple(sums, MOST_TIES=4, MOST_WALKED=walked), mock.patch.object(sums, "of", wraps=sums.of) as used:
            found[name] = asked(tmp_path, *given)
        assert used.call_count == 1
    for one in (wanted, *found.values()):
        del one["range"], one["coverage"]
    assert found == {"told": wanted, "too many": wanted}
    assert [one["group"]["owner"]["name"] for one in wanted["groups"][:2]] == ["worst", "web-0"]
    assert (wanted["pagination"]["total"], wanted["events"], wanted["occurrences"]) == (41, 41, 49)


@pytest.mark.parametrize("by", ["cause,owner", "owner", "cause", "owner,cause,node", "severity,owner", "source,owner"])
@pytest.mark.parametrize(
    ("order", "filters"),
    [("severity", ()), ("count", ("--severity=error+",)), ("events", ("--reason=Failed", "--exclude=kind=Job")), ("last", ())],
)
def test_the_first_of_many_groups_are_found_by_sql(
    folder: Path, by: str, order: str, filters: tuple[str, ...], monkeypatch: pytest.MonkeyPatch
) -> None:
    monkeypatch.setattr(sums, "can_tell", lambda *_: False)
    given = (f"--by={by}", f"--sort={order}", f"--since={'2d' if order == 'last' else '7d'}", *filters)
    for limit in (1, 5, 1000):
        wanted = asked(folder, *given, f"--limit={limit}")
        with mock.patch.object(summary, "MOST_GROUPS", 1), mock.patch.object(summary.Groups, "read") as read:
            found = asked(folder, *given, f"--limit={limit}")
        assert not read.called
        for one in (found, wanted):  # the question is asked at two times
            del one["range"], one["coverage"]
        assert found == wanted


def test_of_too_many_equal_groups_some_are_shown(tmp_path: Path) -> None:
    record = Record(tmp_path)
    record.event("Pod/shop/first", "Failed", severity="critical", ago=5)
    for number in range(11):
        record.event(f"Pod/shop/web-{number}", "Failed", severity="error", ago=5)
    record.close()
    with (
        mock.patch.object(sums, "can_tell", return_value=False),
        mock.patch.multiple(summary, MOST_GROUPS=11, MOST_TIES=0),
    ):
        found = [asked(tmp_path, "--since=7d", "--by=owner", "--limit=3") for _ in range(2)]
    assert found[0]["groups"] == found[1]["groups"]
    assert found[0]["groups"][0]["group"]["owner"]["name"] == "first"
    assert (found[0]["pagination"]["total"], found[0]["events"], len(found[0]["groups"])) == (12, 12, 3)


def test_sums_follow_every_change_of_owners_and_texts(tmp_path: Path) -> None:
    """Owners that become known later, of a quota too; a Deployment that is made again; times before the asked ones."""
    record = Record(tmp_path)
    for number in range(6):
        record.event(f"Pod/shop/web-{number % 3}", "BackOff", severity="error", exit_code=number % 2)
    quota = record.event("ResourceQuota/shop/small", "QuotaExceeded", resource="pods", quota_limit="1")
    record.owns("Deployment/shop/web", "ReplicaSet/shop/web-1")
    for number in range(3):
        record.owns("ReplicaSet/shop/web-1", f"Pod/shop/web-{number}")
    assert_filed(record.connection)
    record.stopped_by_quota(quota, "ReplicaSet/shop/web-1")
    record.event("Pod/shop/cart-1", "BackOff", severity="critical", ago=60 * 24 * 8)
    record.owns("Deployment/shop/web", "Pod/shop/cart-1", owner_uid="again")
    assert_filed(record.connection)
    record.close()
    found = asked(tmp_path, "--since=7d")
    with mock.patch.object(sums, "can_tell", return_value=False):
        wanted = asked(tmp_path, "--since=7d")
    assert found["groups"] == wanted["groups"]
    assert {one["group"]["owner"]["name"] for one in found["groups"]} == {"web"}
    assert found["events"] == 7


def iso(at: int) -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%S", time.gmtime(at // 1000)) + f".{at % 1000:03}Z"


@pytest.mark.parametrize("by", ["name", "cause,owner", "namespace,name", "owner,cause,node", "kind", "source,name", "severity"])
def test_more_groups_than_there_is_room_for_are_added_up(folder: Path, by: str, monkeypatch: pytest.MonkeyPatch) -> None:
    """As long as events of an earlier release are moved, and where names or other fields are what there are many of."""
    monkeypatch.setattr(sums, "can_tell", lambda *_: False)
    monkeypatch.setattr(summary.Groups, "read_first", lambda *_: False)
    whole = asked(folder, *SEVEN_DAYS, f"--by={by}")
    for most in (100, 20, 4, 1):
        monkeypatch.setattr(summary, "MOST_GROUPS", most)
        less = asked(folder, *SEVEN_DAYS, f"--by={by}")
        assert {name: less[name] for name in ("events", "occurrences")} == {
            name: whole[name] for name in ("events", "occurrences")
        }
        assert sum(one["events"] for one in less["groups"]) == whole["events"]
        assert [sum(marks) for marks in zip(*(one["activity"] for one in less["groups"]), strict=True)] == [
            sum(marks) for marks in zip(*(one["activity"] for one in whole["groups"]), strict=True)
        ]
        if by == "severity" or by.endswith("name"):
            assert less["groups"] == whole["groups"], "they come in the order of names, so few are in memory"
        else:
            assert len(less["groups"]) <= most
    if by == "cause,owner":
        monkeypatch.setattr(summary, "MOST_GROUPS", 100)
        owners = {
            one["group"]["owner"]["name"]
            for one in asked(folder, *SEVEN_DAYS, "--by=cause,owner")["groups"]
            if one["group"].get("owner")
        }
        assert owners == {"*"}


def test_the_marks_begin_at_full_units_and_are_few() -> None:
    chance = random.Random(1)
    for _ in range(2_000):
        until = chance.randint(10**9, 2 * 10**12)
        since = max(0, until - int(10 ** chance.uniform(0, 12)))
        made_of = span(since, until)
        assert 1 <= made_of.marks <= MOST_MARKS
        assert made_of.start % made_of.step == 0
        assert made_of.start <= since < made_of.start + made_of.step
        assert made_of.start + made_of.step * (made_of.marks - 1) < until <= made_of.start + made_of.step * made_of.marks
    day = span(1_795_000_000_000 - 24 * HOUR_MS, 1_795_000_000_000)
    assert day.step == 2 * HOUR_MS


@pytest.mark.parametrize(
    ("arguments", "error"),
    [
        (("--by=colour",), "Invalid --by colour"),
        (("--by=",), "Invalid --by: it is empty"),
        (("--sort=name",), "Invalid --sort name"),
        (("--limit=0",), "Invalid --limit 0"),
        (("--limit=1001",), "Invalid --limit 1001"),
        (("--since=yesterdayish",), "Invalid --since yesterdayish"),
    ],
)
def test_wrong_arguments(arguments: tuple[str, ...], error: str) -> None:
    done = run_cli(Path("/nowhere"), "events", "summary", *arguments)
    assert done.returncode == 1
    assert json.loads(done.stderr)["error"] == error


def test_a_time_that_has_not_come_is_an_empty_answer(folder: Path) -> None:
    answer = asked(folder, "--since=2099-01-01")
    assert answer["groups"] == []
    assert not answer["coverage"]["complete"]


# How it reads


DAY = "2026-11-29"


def answer(groups: list[Json], by: list[str], **coverage: Any) -> Json:
    return {
        "groups": groups,
        "by": by,
        "range": {"since": f"{DAY}T01:00:00.000Z", "until": f"{DAY}T03:00:00.000Z", "activity_from": "x", "step_seconds": 7200},
        "events": 7,
        "occurrences": 9,
        "pagination": {"total": len(groups), "limit": 20, "returned": len(groups)},
        "coverage": {"complete": True, "gaps": [], "unavailable": []} | coverage,
    }


def group(cause: str, name: str, **more: Any) -> Json:
    return {
        "group": {"cause": cause, "owner": {"kind": "Deployment", "namespace": "shop", "name": name}},
        "severity": "error",
        "events": 12,
        "occurrences": 340,
        "first_seen_at": f"{DAY}T01:00:00.000Z",
        "last_seen_at": f"{DAY}T02:00:00.000Z",
        "new": True,
        "activity": [0, 0, 1, 4, 8],
        "newest": "evt_20261130_010000_000000",
    } | more


CLOCK = Clock(1_795_968_000 - 1_795_968_000 % 86_400 + 3 * 3_600)
AT_80, UNLIMITED = Look(CLOCK, 80), Look(CLOCK)


def test_the_cause_has_a_line_of_its_own_at_80_columns() -> None:
    long = "exit code 3: " + "cannot reach postgres " * 10 + "at *:5432"
    given = answer([group(long, "web"), group("OOM", "a-very-long-name-of-a-deployment-" * 3, new=False)], ["cause", "owner"])
    table = lines(given, AT_80)
    assert len(table) == 5
    assert all(len(line) <= 80 for line in table)
    assert table[0].split() == ["SEVERITY", "EVENTS", "COUNT", "LAST", "ACTIVITY", "NEW", "OWNER"]
    assert table[1].endswith("new  deploy/shop/web")
    assert table[2].startswith("  exit code 3: cannot reach postgres")
    assert table[2].endswith("at *:5432")
    assert len(table[2]) == 80
    assert [line.split() for line in lines(given, AT_80._replace(headings=False))][1::2] == [
        line.split() for line in table[2::2]
    ]
    assert lines(given, UNLIMITED)[1].endswith(long)
    wide = lines(given, AT_80, wide=True)
    assert wide[0].split()[-3:] == ["NEWEST", "OWNER", "CAUSE"]
    assert "FIRST" in wide[0]
    assert "\x1b[31merror" in lines(given, AT_80._replace(colour=True))[1]
    by_clock = lines(given, AT_80._replace(clock=Clock(CLOCK.now_seconds, ages=False)))
    assert "LAST UTC" in by_clock[0]


@pytest.mark.parametrize("width", [40, 50, 60, 80, 100, 120, 200])
def test_no_line_is_longer_than_the_terminal(width: int) -> None:
    groups = [group("exit code 3: " + "x" * 110, f"a-very-long-name-of-a-deployment-{at}" * 3) for at in range(3)]
    for by in (["cause", "owner"], ["owner"], ["cause"]):
        table = lines(answer(groups, by), AT_80._replace(width=width))
        assert all(len(line) <= width for line in table), (by, table)


def test_one_line_for_each_namespace() -> None:
    groups = [group("", "") | {"group": {"namespace": name}} for name in ("shop", "a" * 63)] + [group("", "") | {"group": {}}]
    table = lines(answer(groups, ["namespace"]), AT_80)
    assert len(table) == 4
    assert all(len(line) <= 80 for line in table)
    assert table[1].endswith("shop")
    assert table[3].endswith("  -")


def test_a_short_cause_is_on_the_line_of_its_group() -> None:
    assert lines(answer([group("OOM", "web")], ["cause", "owner"]), AT_80)[1].endswith("deploy/shop/web  OOM")


def test_a_custom_kind_of_a_known_name_has_its_group() -> None:
    given = {"kind": "Node", "namespace": "longhorn-system", "name": "n1", "api_group": "longhorn.io"}
    assert owner(given) == "nodes.longhorn.io/longhorn-system/n1"
    assert owner(given | {"kind": "Cluster"}) == "Cluster/longhorn-system/n1"


def test_nothing_in_the_record_acts_on_a_terminal() -> None:
    given = answer([group("a\x1b[31m\u202eb", "w\x07eb")], ["cause", "owner"])
    for seen in (AT_80, UNLIMITED):
        assert all("\x1b" not in line and "\u202e" not in line for line in lines(given, seen))


def test_an_empty_answer_is_no_good_news_if_nothing_was_watched() -> None:
    gap = {"source": "events", "from": f"{DAY}T01:00:00.000Z", "to": f"{DAY}T02:00:00.000Z", "reason": "not watched"}
    assert " ".join(closing(answer([], []), CLOCK)).startswith("From 01:00 to 03:00 UTC: No events so far. ")
    said = " ".join(closing(answer([], [], complete=False, gaps=[gap]), CLOCK))
    assert said.startswith(
        "From 01:00 to 03:00 UTC: No events are recorded, but none of this time was watched, so something may have "
        "happened. Incomplete"
    )
    said = " ".join(closing(answer([group("x", "y")], ["cause"]), CLOCK))
    assert said.startswith("1 of 1 groups, 7 events from 01:00 to 03:00 UTC. A bar of ACTIVITY is 2 h. ")


def test_every_format(folder: Path) -> None:
    import yaml

    wanted = asked(folder, "--by=kind")
    shown = run_cli(folder, "events", "summary", "--by=kind", "-o", "yaml")
    assert yaml.safe_load(shown.stdout)["groups"] == wanted["groups"]
    for form in ("table", "wide"):
        shown = run_cli(folder, "events", "summary", "--by=kind", "-o", form)
        assert len(shown.stdout.splitlines()) == 1 + len(wanted["groups"])
        assert "A bar of ACTIVITY is 2 h." in shown.stderr
    shown = run_cli(folder, "events", "summary", "--by=kind,severity", "-o", "csv")
    table = list(csv.DictReader(io.StringIO(shown.stdout)))
    both = asked(folder, "--by=kind,severity")["groups"]
    assert [(row["kind"], row["severity"], int(row["occurrences"])) for row in table] == [
        (one["group"]["kind"], one["severity"], one["occurrences"]) for one in both
    ]
    assert "A bar of ACTIVITY is 2 h." in shown.stderr
    shown = run_cli(folder, "events", "summary", "--by=kind", "-o", "jsonl")
    assert [json.loads(line) for line in shown.stdout.splitlines()] == wanted["groups"]
    shown = run_cli(folder, "events", "summary", "--by=kind", "-o", "custom-columns=KIND:.group.kind,N:.events")
    assert [line.split() for line in shown.stdout.splitlines()] == [
        ["KIND", "N"],
        *([one["group"]["kind"], str(one["events"])] for one in wanted["groups"]),
    ]
    assert run_cli(folder, "events", "summary", "-o", "name").returncode == 1


# More groups than one query names


@pytest.fixture(scope="module")
def crowd(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """2,400 events of 2,400 pods in 1,201 namespaces, seen at the same time."""
    record = Record(tmp_path_factory.mktemp("crowd"))
    for number in range(CROWD):
        about = f"Pod/shop/db-{number}" if number % 2 else f"Pod/n{number // 2}/web-{number}"
        record.event(about, f"Reason{number}", title=f"Trouble {number}")
    return record.folder


@pytest.mark.parametrize("by", ["cause,owner", "namespace", "name", "reason,name"])
def test_a_thousand_groups_of_one_rank(crowd: Path, by: str) -> None:
    answer = asked(crowd, "--limit=1000", "--since=1h", f"--by={by}")
    assert len(answer["groups"]) == 1_000
    assert answer["events"] == CROWD


def test_views_of_thousands_of_groups_are_answered(crowd: Path, tmp_path: Path) -> None:
    done = run_cli(crowd, "events", "timeline", "--since=1h")
    assert done.returncode == 0, done.stderr
    assert json.loads(done.stdout)["events"] == CROWD
    done = run_cli(crowd, "report", "--since=1h", "--output", str(tmp_path / "report.html"))
    assert done.returncode == 0, done.stderr
