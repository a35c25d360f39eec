"""What `assessments run` makes of what the operator says, or something that listens in its place."""

import contextlib
import json
import socket
import threading
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest

from kube9_cli import request
from kube9_cli.render import progress
from kube9_schema import requests as words
from kube9_schema.requests import MAX_MESSAGE_BYTES, socket_path
from tests.bench import database as made
from tests.cli import Answered, run_cli
from tests.unit.test_assessments_stored import NON_ROOT, REPLICAS, Stored

Says = Callable[..., list[Any]]


@pytest.fixture
def folder(tmp_path: Path) -> Path:
    """A database with an assessment that has ended."""
    connection = made.create(str(tmp_path))
    stored = Stored(connection)
    stored.begin(1)
    stored.check(REPLICAS, "passing", 1)
    stored.check(NON_ROOT, "skipped", 1)
    stored.end(1)
    stored.begin(2, "manual")
    stored.end(2, "its process failed 3 times")
    connection.close()
    return tmp_path


@pytest.fixture
def says(folder: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[Says]:
    """Listens in place of the operator: says these lines to the next client, and closes. Returns what it has been asked."""
    monkeypatch.setattr(words, "FOLDER", str(folder))
    listening = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
    listening.bind(socket_path(str(folder / "kube9.db")))
    listening.listen()
    threads: list[threading.Thread] = []

    def make(*lines: Any) -> list[Any]:
        asked: list[Any] = []

        def serve() -> None:
            client, _ = listening.accept()
            with client, contextlib.suppress(OSError):
                asked.append(json.loads(client.recv(MAX_MESSAGE_BYTES)))
                client.sendall(b"".join(one if isinstance(one, bytes) else json.dumps(one).encode() + b"\n" for one in lines))

        threads.append(threading.Thread(target=serve))
        threads[-1].start()
        return asked

    yield make
    for one in threads:
        one.join()
    listening.close()


def run(folder: Path, *arguments: str) -> Answered:
    return run_cli(folder, "assessments", "run", *arguments)


ENDED = (
    {"accepted": "asm_01"},
    {"progress": {"checks_done": 1, "checks_total": 2, "reading": "", "objects": 0}},
    {"ended": "asm_01"},
)


def test_the_assessment_is_shown_when_it_has_ended(folder: Path, says: Says) -> None:
    asked = says(*ENDED)
    done = run(folder, "--pillar", "security")
    assert (done.returncode, done.stderr) == (0, "")
    assert json.loads(done.stdout)["run_id"] == "asm_01"
    assert asked == [{"mode": "pillar", "pillar": "security"}]
    asked = says(*ENDED)
    assert run(folder, "--check", REPLICAS, "-o", "table").stdout.startswith("asm_01: completed")
    assert asked == [{"mode": "single-check", "check_id": REPLICAS}]


@pytest.mark.parametrize(
    ("lines", "error", "code"),
    [
        ([{"refused": "RUNNING", "details": "asm_07"}], "Another assessment is running", "ASSESSMENT_RUNNING"),
        ([{"refused": "INVALID", "details": "check_id is missing"}], "The operator refuses the request", "INVALID_ARGUMENT"),
        ([{"refused": "LATER"}], "The operator refuses the request", "REFUSED"),
        ([], "No operator is running on this database", "NO_OPERATOR"),
        ([{"accepted": "asm_01"}], "The operator has ended during the assessment", "OPERATOR_ENDED"),
        ([{"accepted": "asm_02"}, {"ended": "asm_02"}], "The assessment has failed", "ASSESSMENT_FAILED"),
        ([b"HTTP/1.1 400\r\n\r\n"], "The operator's answer cannot be read", "NO_OPERATOR"),
        ([b"[" * 3000 + b"\n"], "The operator's answer cannot be read", "NO_OPERATOR"),
        ([[]], "The operator's answer cannot be read", "NO_OPERATOR"),
        ([b"\xff\n"], "The operator's answer cannot be read", "NO_OPERATOR"),
        ([b"x" * 100_000], "The operator's answer cannot be read", "NO_OPERATOR"),
    ],
)
def test_every_other_answer_is_one_error(folder: Path, says: Says, lines: list[Any], error: str, code: str) -> None:
    says(*lines)
    done = run(folder)
    said = json.loads(done.stderr)
    assert (done.returncode, done.stdout) == (1, "")
    assert (said["error"], said["code"]) == (error, code)


def test_an_operator_that_says_nothing_or_takes_too_long(folder: Path, says: Says, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "ANSWER_SECONDS", 0.0)
    says({})
    done = run(folder)
    assert (done.returncode, json.loads(done.stderr)["error"]) == (2, "The operator does not answer")
    says({"accepted": "asm_01"})
    with pytest.raises(request.QueryError, match="takes too long"):
        request.run(str(folder / "kube9.db"), {}, request.Wait(-1.0, lambda: None, lambda _: None, lambda _: None))


def test_nobody_reads_the_answer_any_more(folder: Path, says: Says, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(request, "reader_is_gone", lambda: True)
    says({"accepted": "asm_01"})
    done = run(folder)
    assert (done.returncode, done.stdout, done.stderr) == (0, "", "")


def test_the_socket_of_another_user(folder: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: Any) -> None:
        raise PermissionError(13, "Permission denied")

    monkeypatch.setattr(request.socket.socket, "connect", refuse)
    done = run(folder)
    assert done.returncode == 3
    assert json.loads(done.stderr)["code"] == "NOT_PERMITTED"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("--pillar", "securty"), "did you mean security?"),
        (("--check", "replica-counts"), f"did you mean {REPLICAS}?"),
        (("--check", "securty.run-as-non-root"), f"did you mean {NON_ROOT}?"),
        (("--check", "nothing at all"), "kube9-cli assessments checks lists them"),
        (("--wait", "0"), "it must be a whole number from 1"),
        (("--pillar", "security", "--check", REPLICAS), "not allowed with argument"),
    ],
)
def test_a_wrong_argument_is_named_with_what_is_near(folder: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run(folder, *arguments)
    assert done.returncode == 1
    assert json.loads(done.stderr)["code"] == "INVALID_ARGUMENT"
    assert said in done.stderr


def test_the_progress_is_one_line_of_the_terminal(monkeypatch: pytest.MonkeyPatch, capsys: pytest.CaptureFixture[str]) -> None:
    shown = {"checks_done": 12, "checks_total": 31, "reading": "horizontalpodautoscalers", "objects": 12_000}
    assert progress.line(shown) == f"{progress.bar(12 / 31)} 12 of 31 checks, reading horizontalpodautoscalers (12,000)"
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: True)
    monkeypatch.setenv("COLUMNS", "60")
    line = progress.OfAssessment()
    line.draw(shown)
    line.clear()
    line.clear()
    drawn, *rest = capsys.readouterr().err.removeprefix(progress.CLEAR).split(progress.CLEAR)
    assert (len(drawn), rest) == (59, [""])
    monkeypatch.setattr(progress.sys.stderr, "isatty", lambda: False)
    line = progress.OfAssessment()
    line.begun("asm_01")
    line.draw(shown)
    line.clear()
    assert capsys.readouterr().err == ""
