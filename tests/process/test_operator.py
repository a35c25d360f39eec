"""The whole operator against the stand-in API server: real processes, real signals, real files."""

import json
import os
import shutil
import signal
import subprocess
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kube9_schema import SCHEMA_VERSION
from tests.operator import BIN, OF_EVENTS, Operator, until
from tests.standin import StandIn, warning


@pytest.fixture
def operator(tmp_path: Path, standin: StandIn) -> Operator:
    return Operator(tmp_path, standin.kubeconfig(tmp_path))


def counts(operator: Operator, *arguments: str) -> dict[str, int]:
    """Of each recorded object its count; an object that is recorded twice fails."""
    events = operator.events(*arguments)
    found = {event["object_name"]: event["count"] for event in events}
    assert len(found) == len(events)
    return found


def test_records_what_is_listed_and_what_is_watched(operator: Operator, standin: StandIn) -> None:
    standin.write(warning("early", "Unhealthy", "not yet\n", count=3), warning("calm", "Pulled", "fine", type="Normal"))
    operator.prepared = False
    with operator:
        until(lambda: counts(operator) == {"early": 3}, "the list")
        standin.write(warning("early", "Unhealthy", "not yet\n", count=4), warning("late", "FailedMount", "no volume"))
        until(lambda: counts(operator) == {"early": 4, "late": 1}, "the watch")
        listed = operator.cli("events", "list", OF_EVENTS)
        covered = listed["coverage"]
        assert (covered["complete"], covered["gaps"], covered["unavailable"]) == (True, [], [])
        status = operator.cli("status")["watches"]["events"]
        assert covered["from"] == status["covered_from"]
        assert covered["from"] < covered["until"] <= status["confirmed_until"]
        assert operator.accounting() | {"received": 4, "stored": 2, "updated": 1, "filtered": 1} == operator.accounting()
        until(lambda: operator.cli("status")["health"] == "healthy", "every list")
        assert operator.stop() == 0
    stopped = operator.cli("status")
    assert stopped["status"] == "stopped"
    assert stopped["health"].startswith("unhealthy: the operator stopped at ")
    assert operator.integrity() == "ok"
    assert not [line for line in operator.log() if line["level"] in ("warning", "error")]


@pytest.mark.parametrize("victim", ["writer", "watcher-events", "supervisor"])
def test_a_kill_loses_and_doubles_nothing(operator: Operator, standin: StandIn, victim: str) -> None:
    standin.write(*(warning(f"pod-{number}", "BackOff", "again") for number in range(200)))
    with operator:
        until(lambda: len(counts(operator)) == 200, "the list")
        standin.write(*(warning(f"pod-{number}", "BackOff", "again", count=2) for number in range(100)))
        operator.kill(victim)
        standin.write(*(warning(f"pod-{number}", "BackOff", "again", count=3) for number in range(50)))
        standin.write(*(warning(f"new-{number}", "BackOff", "again") for number in range(50)))
        if victim == "supervisor":
            operator.start()
        expected = {f"pod-{number}": 3 if number < 50 else 2 if number < 100 else 1 for number in range(200)}
        expected |= {f"new-{number}": 1 for number in range(50)}
        until(lambda: counts(operator) == expected, "every count after the kill")
        assert operator.cli("events", "list", OF_EVENTS)["coverage"]["complete"]
        operator.accounting()
        assert operator.stop() == 0
    assert operator.integrity() == "ok"
    lists = [request for request in standin.control("requests") if "limit=500" in request]
    assert len(lists) == 1, "it goes on from its version and does not list again"


def test_a_hung_child_is_killed(operator: Operator, standin: StandIn) -> None:
    operator.deadlines["hang"] = 3.0
    with operator:
        standin.write(warning("one", "BackOff", "again"))
        until(lambda: counts(operator) == {"one": 1}, "the first")
        operator.kill("writer", signal.SIGSTOP)
        standin.write(warning("two", "BackOff", "again"))
        until(lambda: counts(operator) == {"one": 1, "two": 1}, "a writer in place of the hung one")
    assert [line for line in operator.log() if "writer hangs in phase 'running'" in line.get("reason", "")]


def test_a_dead_fork_server_is_replaced(operator: Operator, standin: StandIn) -> None:
    with operator:
        until(lambda: operator.pid("watcher-events"), "the watcher")
        writer = operator.pid("writer")
        assert writer
        os.kill(int(Path(f"/proc/{writer}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[1]), signal.SIGKILL)
        standin.write(warning("one", "BackOff", "again"))
        until(lambda: counts(operator) == {"one": 1}, "recording to go on")


def test_a_version_that_has_expired_lists_again_and_misses_nothing(operator: Operator, standin: StandIn) -> None:
    with operator:
        standin.write(warning("one", "BackOff", "again"))
        until(lambda: counts(operator) == {"one": 1}, "the first")
        operator.stop()
        standin.write(warning("two", "BackOff", "again"), warning("one", "BackOff", "again", count=9))
        standin.control("compact")
        operator.start()
        until(lambda: counts(operator) == {"one": 9, "two": 1}, "the list")
        assert operator.cli("events", "list", OF_EVENTS)["coverage"]["complete"], (
            "Events live for an hour: all that were written are there"
        )
        operator.accounting()


def gaps(operator: Operator) -> list[dict[str, str]]:
    found: list[dict[str, str]] = operator.cli("events", "list", OF_EVENTS)["coverage"]["gaps"]
    return found


def test_what_may_have_expired_before_the_list_is_a_gap_with_true_bounds(standin: StandIn, tmp_path: Path) -> None:
    operator = Operator(tmp_path, standin.kubeconfig(tmp_path), KUBERNETES_EVENT_TTL_SECONDS="1")
    with operator:
        standin.write(warning("one", "BackOff", "again"))
        until(lambda: counts(operator) == {"one": 1}, "the first")
        operator.stop()
        confirmed = operator.cli("status")["watches"]["events"]["confirmed_until"]
        standin.write(warning("two", "BackOff", "again"))
        standin.control("compact")
        down = time.time()
        until(lambda: time.time() > down + 1.5, "the end of what Events live")
        operator.start()
        (gap,) = until(lambda: gaps(operator), "the gap")
        restarted = next(
            line
            for line in operator.log()
            if line["event"] == "watch.listed" and (line["source"], line["version"]) == ("events", "102")
        )
        assert gap["from"] == confirmed
        assert confirmed < gap["to"] < restarted["timestamp"]
        assert gap["reason"].startswith("not watched, and Events of that time had expired")
        until(lambda: [one for one in standin.control("requests")[-3:] if "watch=1" in one], "the watch")
        assert gaps(operator) == [gap], "it does not grow"


def test_a_server_that_has_gone_back_is_listed_again(operator: Operator, standin: StandIn) -> None:
    with operator:
        standin.write(warning("one", "BackOff", "again"))
        until(lambda: counts(operator) == {"one": 1}, "the first")
        standin.write(*(warning(f"lost-{number}", "BackOff", "again") for number in range(9)))
        until(lambda: len(counts(operator)) == 10, "those that the backup does not have")
        standin.control("restore", 101)
        standin.write(warning("two", "BackOff", "again"))
        until(lambda: "two" in counts(operator), "what happened after the restore")
        until(lambda: gaps(operator), "the gap")
        assert gaps(operator)[0]["reason"].startswith("the API server went back to an earlier state")
        assert len(counts(operator)) == 11, "what was recorded stays"


def test_another_cluster_behind_the_same_address(operator: Operator, standin: StandIn) -> None:
    with operator:
        standin.write(warning("one", "BackOff", "again"))
        until(lambda: counts(operator) == {"one": 1}, "the first")
        # A list that began in the old cluster would end in the new one, and make those of before list once more.
        until(lambda: operator.health()[0] == 200, "all first lists")
        standin.control("replace")
        standin.write(warning("two", "BackOff", "again"))
        until(lambda: counts(operator) == {"one": 1, "two": 1}, "what happened in the other one")
        until(lambda: gaps(operator), "the gap")
        assert [gap["reason"] for gap in gaps(operator)] == ["the API server belongs to another cluster from here on"]
        assert operator.stop() == 0
        operator.start()
        standin.write(warning("three", "BackOff", "again"))
        until(lambda: len(counts(operator)) == 3, "the watch to go on")
        listed = [line for line in operator.log() if (line["event"], line.get("source")) == ("watch.listed", "events")]
        assert len(listed) == 2, "one list of each cluster"


def test_events_that_go_early_shorten_what_they_are_taken_to_live(operator: Operator, standin: StandIn) -> None:
    names = ("shop", "stock", "till", "leaving")
    for namespace in names:
        events = [warning(f"pod-{number}", "BackOff", "again") for number in range(5)]
        standin.write(*(event | {"metadata": event["metadata"] | {"namespace": namespace}} for event in events))
    with operator:
        until(lambda: operator.events(), "the list")
        standin.control("delete_namespace", "leaving")
        doomed = [(namespace, f"pod-{number}.backoff") for namespace in names[:3] for number in range(5)]
        standin.control("delete", doomed[:-1])
        until(lambda: operator.accounting()["filtered"] == 19, "the deletions")
        assert "event_ttl.changed" not in operator.log_text(), "a namespace that goes says nothing, and two are not several"
        standin.control("delete", doomed[-1:])
        until(lambda: "event_ttl.changed" in operator.log_text(), "a shorter life")


ANSWERS: dict[str, dict[str, Any]] = {
    "throttled": {"code": 429, "headers": {"Retry-After": "1"}},
    "failed": {"code": 500},
    "away": {"code": 503},
    "not accepted": {"code": 401},
    "not permitted": {"code": 403},
    "gone": {"code": 410},
    "a page of a proxy": {"code": 200, "body": "<html>sign in</html>"},
}


@pytest.mark.parametrize("planned", ANSWERS.values(), ids=list(ANSWERS))
def test_an_error_is_answered_and_over(operator: Operator, standin: StandIn, planned: dict[str, Any]) -> None:
    standin.control("answer", [planned, planned])
    standin.write(warning("one", "BackOff", "again"))
    with operator:
        until(lambda: counts(operator) == {"one": 1}, "the list after the error")
        until(
            lambda: [line for line in operator.log() if line["event"] == "watch.restored" and line["source"] == "events"],
            "the end of the trouble",
        )
    troubles = [line for line in operator.log() if line["event"] == "watch.failed" and line["source"] == "events"]
    assert len(troubles) == 1, "one line, however often it is tried"


def test_broken_and_cut_watches_go_on(operator: Operator, standin: StandIn) -> None:
    operator.deadlines["compare"] = 600.0
    with operator:
        for number in range(5):
            standin.write(warning(f"pod-{number}", "BackOff", "again"))
            until(lambda expected=number + 1: len(counts(operator)) == expected, f"pod {number}")
            standin.control("cut")
        assert operator.cli("events", "list", OF_EVENTS)["coverage"]["complete"]
    assert len([one for one in standin.control("requests") if "limit=500" in one]) == 1


def test_lines_that_do_not_decode_are_counted_and_passed_over(operator: Operator, standin: StandIn) -> None:
    with operator:
        until(lambda: operator.pid("watcher-events"), "the watcher")
        standin.write(
            warning("one", "BackOff", "again") | {"count": "many"},
            warning("two", "BackOff", "again", firstTimestamp="yesterday"),
            warning("three", "BackOff", "again"),
        )
        until(lambda: counts(operator) == {"three": 1}, "the one that decodes")
        assert operator.accounting()["undecodable"] == 2


def test_the_same_commands_under_the_name_of_the_operator(operator: Operator, standin: StandIn) -> None:
    standin.write(warning("one", "BackOff", "again"))
    with operator:
        until(lambda: counts(operator) == {"one": 1}, "the list")
        arguments = ["events", "list", "--object-namespace=shop", "--since=2020-01-01T00:00:00.000Z", "--object-kind=Pod"]
        by_extension = operator.command("query", *arguments, "--limit=25", "--format=json", program="kube9-operator")
        assert by_extension["events"] == operator.events()


def test_two_operators_on_one_folder(operator: Operator, standin: StandIn, tmp_path: Path) -> None:
    with operator:
        until(lambda: operator.pid("watcher-events"), "the first operator")
        other = tmp_path / "other"
        other.mkdir()
        (other / "data").symlink_to(operator.data)
        second = Operator(other, standin.kubeconfig(tmp_path))
        second.start()
        assert second.wait() == 78
        assert f"is held by process {operator.pid('writer')} on" in second.log_text()
        standin.write(warning("one", "BackOff", "again"))
        until(lambda: counts(operator) == {"one": 1}, "the first operator to go on")


def test_a_folder_that_may_not_be_written(operator: Operator, standin: StandIn) -> None:
    operator.data.chmod(0o555)
    # Root may write everywhere by a capability, which it can be without.
    operator.start(*(["setpriv", "--bounding-set=-dac_override"] if os.getuid() == 0 else []))
    assert operator.wait() == 78
    assert "cannot be written by uid" in operator.log_text()
    assert f"the folder is owned by uid {operator.data.stat().st_uid}, mode 555" in operator.log_text()


def test_a_newer_database_is_refused_and_left_untouched(operator: Operator, standin: StandIn) -> None:
    with operator:
        until(lambda: operator.pid("watcher-events"), "the database")
    subprocess.run(
        [BIN / "python", "-c", f"import apsw; apsw.Connection({str(operator.data / 'kube9.db')!r}).execute("
         "\"INSERT INTO schema_version VALUES (99, '0099_later.sql', '')\")"],
        check=True,
    )  # fmt: skip
    before = (operator.data / "kube9.db").read_bytes()
    operator.start()
    assert operator.wait() == 78
    assert f"the database has schema version 99, this program knows {SCHEMA_VERSION}" in operator.log_text()
    assert (operator.data / "kube9.db").read_bytes() == before
    assert (operator.data / "kube9.db-wal").read_bytes() == b""


@pytest.mark.parametrize(
    "wrong",
    [
        {"DB_PATH=relative": "must be the absolute path of a folder, such as /data"},
        {
            "LOG_LEVEL=loud": "must be one of debug, info, warning, error",
            "DB_PATH=/nowhere": "must be an existing folder",
            "EVENT_QUIET_MINUTES=0": "must be a whole number of minutes from 1 to 10080",
        },
    ],
    ids=len,
)
def test_wrong_settings_stop_the_start_and_are_all_named(tmp_path: Path, wrong: dict[str, str]) -> None:
    done = subprocess.run(
        [BIN / "kube9-operator", "serve"],
        env=os.environ | {"DB_PATH": str(tmp_path)} | dict(setting.split("=") for setting in wrong),
        capture_output=True,
        text=True,
        check=False,
    )
    said = "".join(f"kube9-operator: {setting}: {allowed}\n" for setting, allowed in wrong.items())
    assert (done.returncode, done.stderr) == (78, said)


def test_the_version_has_to_be_written() -> None:
    with open("/dev/full", "w") as full:
        done = subprocess.run(
            [BIN / "kube9-operator", "--version"], stdout=full, stderr=subprocess.PIPE, text=True, check=False
        )
    said = "kube9-operator: the version cannot be written: No space left on device\n"
    assert (done.returncode, done.stderr) == (1, said)


def test_without_credentials_it_says_so_and_waits(tmp_path: Path) -> None:
    operator = Operator(tmp_path, tmp_path / "absent")
    with operator:
        until(lambda: "no usable credentials" in operator.log_text(), "the reason in the log")
        assert operator.events() == []
        assert not operator.cli("events", "list", OF_EVENTS)["coverage"]["complete"]
        assert "in KUBECONFIG=" in operator.log_text()
        assert {line["why"] for line in operator.log() if line["event"] == "watch.failed"} == {"no usable credentials"}
        assert operator.stop() == 0


@pytest.fixture
def not_ignored() -> Iterator[None]:
    """SIGHUP is not ignored by what a test starts, also if the tests run under nohup."""
    before = signal.signal(signal.SIGHUP, signal.SIG_DFL)
    yield
    signal.signal(signal.SIGHUP, before)


@pytest.mark.usefixtures("not_ignored")
def test_a_terminal_that_is_closed_stops_it_in_order(tmp_path: Path, standin: StandIn) -> None:
    made = Operator(tmp_path, standin.kubeconfig(tmp_path))
    made.prepared = False  # the process that it would be a fork of has inherited whether SIGHUP is ignored
    with made as operator:
        standin.write(warning("one", "BackOff", "again"))
        until(lambda: counts(operator) == {"one": 1}, "the list")
        assert operator.process
        operator.process.send_signal(signal.SIGHUP)
        assert operator.wait() == 0
        said = operator.cli("status")
        assert (said["status"], said["watches"]["events"]["state"]) == ("stopped", "stopped")


@pytest.mark.skipif(
    os.getuid() != 0 or not shutil.which("unshare"), reason="needs root and unshare: apt-get install util-linux"
)
def test_as_pid_1_it_reaps_orphans(operator: Operator, standin: StandIn) -> None:
    standin.write(warning("one", "BackOff", "again"))
    operator.start("unshare", "--pid", "--fork", "--kill-child", "--mount-proc")
    assert operator.process
    try:
        until(lambda: counts(operator) == {"one": 1}, "the list")
        supervisor = operator.children()[0]
        # A grandchild whose parent ends at once becomes a child of PID 1 of the namespace.
        inside = ["nsenter", "--target", str(supervisor), "--pid", "--mount", "sh", "-c", "sleep 0.1 & exit"]
        subprocess.run(inside, check=True)
        until(lambda: not _zombies(operator), "the orphan to be reaped")
        os.kill(supervisor, signal.SIGTERM)
        assert operator.wait() == 0
    finally:
        operator.process.kill()
        operator.process.wait()
    assert json.dumps(operator.log()).count("operator.stopped") == 1


def _zombies(operator: Operator) -> list[int]:
    found = []
    for pid in operator.children():
        try:
            if Path(f"/proc/{pid}/stat").read_text(encoding="utf-8").rpartition(")")[2].split()[0] == "Z":
                found.append(pid)
        except OSError:
            continue
    return found
