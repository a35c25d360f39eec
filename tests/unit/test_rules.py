"""The rules of the project as tests: how deadlines relate, what files say of themselves, what the chart repeats."""

import ast
import inspect
import re
import subprocess
from pathlib import Path

import pytest

from kube9_operator import __version__, preload
from kube9_operator.model.deadlines import GRACE_PERIOD_SECONDS, PROBE_TIMEOUT_SECONDS, Deadlines
from kube9_operator.register.registrar import TRIES
from kube9_operator.register.schedule import MAX_SENT
from kube9_operator.register.server import SECONDS
from kube9_operator.settings import SettingError, from_environment
from kube9_operator.write.events import coverage

ROOT = Path(__file__).parent.parent.parent
FORBIDDEN_NAMES = {"utils.py", "helpers.py", "common.py"}
SOURCES = sorted(path for name in ("kube9_operator", "kube9_cli", "schema") for path in (ROOT / name).glob("**/*.py"))


def test_every_deadline_relates() -> None:
    """There is none that no test holds to another."""
    told = inspect.getsource(test_deadlines_relate) + inspect.getsource(test_intervals_relate)
    assert [name for name in Deadlines.__struct_fields__ if not re.search(rf"\btimes\.{name}\b", told)] == []


def test_intervals_relate() -> None:
    times = Deadlines()
    assert times.shutdown() == times.stop_watchers + times.kill + times.flush + times.kill, "each step of _stop_children"
    assert times.migrate > times.hang, "the writer says beforehand that it takes long"
    assert times.restart_first < times.restart_most < times.healthy_after, (
        "a worker generation that fails at once is not healthy"
    )
    assert times.side_first < times.healthy_after < times.side_patience <= times.side_most, (
        "it was started several times by then"
    )
    assert times.side_first < times.assess_first < 3_600, "the first assessment is made within an hour"
    assert times.side_first < times.collect_first < times.assess_first, "the two do not begin at once"
    assert times.side_first < times.register_first < times.collect_first, "the first collections can be sent"
    # Ten collections after one that had no answer, each tried three times.
    assert times.register_most > SECONDS * (MAX_SENT + TRIES), "a slow server is no reason to end the registrar"
    assert times.collect_retry > times.collect_most, "a run ends before the next one begins"
    assert times.connect + times.page < times.assess_grace, "a request that has begun may end"
    assert times.restart_most < times.confirmation, "workers that end again and again make health unhealthy"
    assert times.connect + times.page < times.confirmation, "a list that fails once is had again in time"
    assert times.connect < times.read < times.page
    assert times.connect < times.plugin < times.page
    assert times.empty_watch < times.watch_least < times.watch_most
    assert times.empty_list < times.confirmation
    assert times.retry_most < times.retry_reset
    assert times.absent_retry < times.confirmation, "a custom resource that is absent is confirmed to be"
    assert times.absent_retry * 1000 < coverage.INSTALLED_MS, "and so it is just before it is installed"
    assert times.absent_retry < times.detect, "a definition is watched before the server is looked for again"
    assert times.compare > times.compare_patience
    assert times.compare_patience + times.connect + times.page < times.compare, "one comparison is over before the next"
    assert times.commit_wait < times.beat
    assert times.settle < times.lasting
    assert times.database_retry_first < times.database_retry_most
    assert times.flush / 2 + times.busy < times.flush, "a writer that gives up does so before it is killed"
    assert times.retention_retry < times.retention < times.inspect
    assert times.inspect_first < times.inspect_retry < times.inspect
    assert times.size_look < times.size_quiet < times.retention
    assert times.size_look < times.confirmation, "a flood is met before the disk is full"
    assert times.write_back < times.confirmation, "a copy of the file alone is not far behind"
    assert times.stuck() > times.confirmation, "what is stuck is red before its process is ended for it"
    assert times.volume_check < times.volume_stale, "a volume that answers is never taken for one that hangs"


def test_deadlines_relate() -> None:
    times = Deadlines()
    assert times.beat * 5 <= times.hang, "some beats may be late"
    assert times.beat < times.hang < times.shutdown() < GRACE_PERIOD_SECONDS
    assert times.shutdown() * 2 < GRACE_PERIOD_SECONDS, "the supervisor and the kubelet need some time too"
    assert times.patience + times.compare_patience < times.confirmation, "pressure and a late line lose no confirmation"
    assert times.orphan_exit < times.hang
    assert times.watch_most + times.watch_silence < times.confirmation, "a watch that stays silent is found before it is missed"
    assert times.bookmark < times.confirmation, "one that gets bookmarks too"
    assert times.bookmark > 75, "an API server sends them every 60 to 75 s"
    assert times.watch_most < times.bookmarked_least < times.bookmarked_most
    assert times.denied_retry < 300, "a permission that is given is used within five minutes"
    assert times.database_retry_most + times.busy < times.hang, "a writer that waits for the database still beats"
    assert times.lock_wait >= times.hang, "another operator that hangs is killed meanwhile"
    assert times.retry_first < times.retry_most < times.confirmation
    assert times.http_request <= PROBE_TIMEOUT_SECONDS, "a client that has given up holds no connection"
    assert times.volume_stale <= times.hang, "a volume that hangs is named before the writer is killed for it"


@pytest.mark.parametrize("path", SOURCES, ids=lambda path: str(path.relative_to(ROOT)))
def test_files_say_what_they_are_about(path: Path) -> None:
    assert path.name not in FORBIDDEN_NAMES
    assert ast.get_docstring(ast.parse(path.read_text(encoding="utf-8")))


def test_the_chart_is_of_the_same_version() -> None:
    chart = (ROOT / "helm" / "kube9-operator" / "Chart.yaml").read_text(encoding="utf-8")
    assert re.findall(r"^(?:version|appVersion): (.*)$", chart, re.MULTILINE) == [__version__] * 2


def test_the_chart_leaves_time_for_all_deadlines() -> None:
    pod = (ROOT / "helm" / "kube9-operator" / "templates" / "statefulset.yaml").read_text(encoding="utf-8")
    assert f"terminationGracePeriodSeconds: {GRACE_PERIOD_SECONDS}\n" in pod
    assert set(re.findall(r"timeoutSeconds: (\d+)\n", pod)) == {str(PROBE_TIMEOUT_SECONDS)}


def test_defaults_are_settings(tmp_path: Path) -> None:
    chosen = from_environment({"DB_PATH": str(tmp_path), "LOG_LEVEL": " Warning "})
    assert (chosen.log_level, chosen.quiet_minutes) == ("warning", 60)
    assert from_environment({"DB_PATH": str(tmp_path), "LOG_LEVEL": "warn"}).log_level == "warning", "as the original has it"


def test_reasons_are_checked(tmp_path: Path) -> None:
    chosen = from_environment(
        {"DB_PATH": str(tmp_path), "EVENT_REASONS_INCLUDE": " Started , *", "EVENT_REASONS_EXCLUDE": "Odd"}
    )
    assert (chosen.reasons_include, chosen.reasons_exclude) == ({"Started", "*"}, {"Odd"})
    for variable, value in (("EVENT_REASONS_EXCLUDE", "*"), ("EVENT_REASONS_INCLUDE", "not one")):
        with pytest.raises(SettingError, match=variable):
            from_environment({"DB_PATH": str(tmp_path), variable: value})


def test_rules_of_a_user_are_read_with_the_settings(tmp_path: Path) -> None:
    file = tmp_path / "rules.yaml"
    file.write_text("rules: [{id: mine, match: {reason: X}, ignore: true}]", encoding="utf-8")
    given = {"DB_PATH": str(tmp_path), "EVENT_RULES_FILE": str(file)}
    assert [rule.id for rule in from_environment(given).rules] == ["mine"]
    assert from_environment({"DB_PATH": str(tmp_path)}).rules == ()
    with pytest.raises(SettingError, match=r"^EVENT_RULES_FILE=rules.yaml: must be the absolute path of a file$"):
        from_environment(given | {"EVENT_RULES_FILE": "rules.yaml"})
    file.write_text("rules: [{id: mine, match: {reason: X}, severity: fatal}]", encoding="utf-8")
    with pytest.raises(SettingError, match=r"^EVENT_RULES_FILE=/.*/rules.yaml: rule 'mine': severity: 'fatal': must be info"):
        from_environment(given)


def test_the_preload_module_imports() -> None:
    assert preload.LOADED, "one that fails to import fails silently in the fork server"


def test_tracked_files_speak_of_the_project_alone() -> None:
    tracked = subprocess.run(["git", "ls-files", "-z"], cwd=ROOT, capture_output=True, check=False).stdout.split(b"\0")
    if not tracked[0]:
        pytest.skip("needs the git checkout: git clone")
    for name in tracked[:-1]:
        path = ROOT / name.decode()
        if path.suffix not in (".sum", ".png") and path.is_file():
            found = re.search(
                r"/(?:root|work|farm)/|python(?:hosted)|proxy\.(?:golang)|registry\.(?:npmjs)|deb\.(?:debian)",
                path.read_text("utf-8"),
            )
            assert not found, f"{path}: {found}"
