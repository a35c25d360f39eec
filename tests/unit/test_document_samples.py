"""The lines of coverage in docs/cli.md are lines that the program prints, made from databases at fixed times. The summary in
docs/extension.md is what the command above it answers.
"""

import json
import shlex
import time
from datetime import datetime
from pathlib import Path

import pytest

from kube9_operator.model.frame import Confirmed, Control, ControlFrame, ListEnds, Unavailable
from kube9_operator.watch.answers import ERRORS, STATUSES
from kube9_operator.watch.errors import TlsFailed
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.lifecycle import Lifecycle
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite.session import Session
from tests.bench import database
from tests.cli import run_cli
from tests.record import MINUTE, Record

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "cli.md"
CONTRACT = DOCUMENT.parent / "extension.md"


class Cluster:
    """A database that is written at times which are set by hand."""

    def __init__(self, folder: Path, patch: pytest.MonkeyPatch) -> None:
        self._folder, self._patch = folder, patch
        self._session = Session(database.create(str(folder)))
        self._coverage = Coverage(self._session, Store(self._session, quiet_ms=60 * MINUTE), event_ttl_ms=60 * MINUTE)
        self._lifecycle = Lifecycle(self._session.connection, self._coverage)

    def listed(self, clock: str, *sources: str) -> None:
        """These sources are listed."""
        now_ms = self._set(clock)
        self._write(now_ms, {source: ListEnds("1", now_ms) for source in sources})

    def confirmed(self, clock: str, *sources: str) -> None:
        """Watches of these sources are confirmed."""
        now_ms = self._set(clock)
        self._write(now_ms, {source: Confirmed(now_ms) for source in sources})

    def not_permitted(self, clock: str, source: str) -> None:
        """The permission for a source is taken away."""
        self._write(self._set(clock), {source: Unavailable(STATUSES[403].why)})

    def alive(self, clock: str, **troubles: str) -> None:
        """The operator writes only its health."""
        self._write(self._set(clock), {}, json.dumps({"status": "degraded", "reasons": [], "troubles": troubles}))

    def line(self, clock: str, *arguments: str) -> str:
        """What `events list` prints on stderr at this time."""
        self._set(clock)
        done = run_cli(self._folder, "events", "list", "-o", "table", *arguments)
        assert done.returncode == 0, done.stderr
        return done.stderr.strip()

    def coverage(self, clock: str, *arguments: str) -> str:
        """The same without the number of events, which every line but one begins with in the document."""
        words = self.line(clock, *arguments).split(" ")
        return " ".join(words[next(at for at, word in enumerate(words) if word.startswith(("Complete", "Incomplete"))) :])

    def _set(self, clock: str) -> int:
        now_ms = round(datetime.fromisoformat(f"2026-11-24T{clock}+00:00").timestamp() * 1000)
        self._patch.setattr(time, "time", lambda: now_ms / 1000)
        self._patch.setattr(time, "time_ns", lambda: now_ms * 1_000_000)
        return now_ms

    def _write(self, now_ms: int, controls: dict[str, Control], health: str = "{}") -> None:
        with self._session.transaction(now_ms):
            for source, control in controls.items():
                self._coverage.update(ControlFrame(source, control), {}, now_ms)
            if not self._lifecycle.last_commit_ms():
                self._lifecycle.started(now_ms)
            self._lifecycle.health(health)
            self._lifecycle.alive(now_ms)


@pytest.fixture
def cluster(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Cluster:
    return Cluster(tmp_path, monkeypatch)


def in_document(line: str) -> bool:
    """Whether the document has this line, which it may wrap."""
    return line in " ".join(DOCUMENT.read_text(encoding="utf-8").split())


def test_a_complete_list(cluster: Cluster) -> None:
    cluster.listed("05:26:00", "events", "pods")
    cluster.confirmed("05:41:20", "events", "pods")
    line = cluster.coverage("05:41:22")
    assert in_document(line), line


def test_gaps_of_an_operator_that_was_away(cluster: Cluster) -> None:
    cluster.listed("04:00:00", "events", "pods")
    cluster.confirmed("05:12:30", "events", "pods")
    cluster.listed("06:18:40", "events", "pods")
    cluster.confirmed("06:19:58", "events", "pods")
    line = cluster.coverage("06:20:00", "--type=cluster")
    assert in_document(line), line


def test_watches_that_fail_now(cluster: Cluster) -> None:
    cluster.listed("05:20:00", "events", "nodes")
    cluster.confirmed("05:38:10", "nodes")
    cluster.not_permitted("05:38:20", "nodes")
    cluster.confirmed("05:39:55", "events")
    cluster.alive("05:42:10", events=ERRORS[TlsFailed].why)
    line = cluster.coverage("05:42:20")
    assert in_document(line), line


def test_a_time_before_the_record(cluster: Cluster) -> None:
    cluster.listed("05:26:10", "events")
    line = cluster.line("05:26:12", "--since=2026-11-24T05:00Z")
    assert in_document(line), line


def test_the_summary_is_what_its_command_answers(tmp_path: Path) -> None:
    """All names, and all values that do not depend on the time."""
    section = CONTRACT.read_text(encoding="utf-8").partition("### Summaries\n")[2]
    _, _, *command = shlex.split(section.strip().partition("\n")[0])
    written = json.loads(section[section.index('    {"groups"') :].partition("\n\n")[0])
    record = Record(tmp_path)
    for number, count in enumerate((3, 4)):
        pod = f"Pod/shop/web-{number}"
        record.event(pod, "ImagePullBackOff", severity="error", count=count, image="shop/web:2.4")
        record.owns("Deployment/shop/web", pod)
    record.close()
    made = json.loads(run_cli(tmp_path, *(f"{one[:8]}1d" if one.startswith("--since=") else one for one in command)).stdout)
    (group,), (example,) = made["groups"], written["groups"]
    assert (list(made), list(made["range"])) == (list(written), list(written["range"]))
    assert list(group) == [name for name in example if name != "new"], "this record does not reach back far enough to say it"
    timeless = ("group", "severity", "events", "occurrences")
    assert [group[name] for name in timeless] == [example[name] for name in timeless]
    assert [made[name] for name in ("by", "events", "occurrences", "pagination")] == [
        written[name] for name in ("by", "events", "occurrences", "pagination")
    ]
