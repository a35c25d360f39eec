"""Every command line of kube9-cli in a document runs, and answers, or gives the error that belongs to this small record.

test_reference.py compares the form of all of them. What needs an operator, Argo CD or a log store runs in the tests of these,
and here gives the error that says so. Examples of `--watch` do not end: test_document_commands.py says what runs them.
"""

import json
import re
import shlex
from collections.abc import Iterator
from pathlib import Path

import pytest

from tests.cli import Answered, run_cli
from tests.document_commands import of_the_cli, shown
from tests.record import Record

UNFINISHED = re.compile(
    r"…|\[|\b(?:ID|APP|NAME|FOLDER|SHELL)\b|--store$|(?:events|insights) get$|kube9-cli (?:completion|assess \w+)$"
)
"""In a command that the text names, what says that something of it is to be filled in; `assess` is another name."""
EVENT = re.compile(r"evt_\d{8}_\d{6}_\w{6}")
CURSOR = re.compile(r"--after=e\S+")
CODES = (
    (r"assess(?:ments)? run\b", {"NO_OPERATOR"}),
    (r"assess(?:ments)? get\b", {"Assessment not found"}),
    (r"assess(?:ments)? latest\b", {"NO_ASSESSMENT"}),
    (r"collections get\b", {"Collection not found"}),
    (r"insights get\b", {"Insight not found"}),
    (r"argocd\b", {"APPLICATION_NOT_FOUND", "ARGOCD_NOT_DETECTED", "ARGOCD_DISABLED"}),
    (r"--store\b", {"STORE"}),
    (r"--limit 5000\b", {"INVALID_ARGUMENT"}),  # the example of an error
)
"""Which errors are right where the record has no such thing, by the command line. An error about an id has no code."""


def commands() -> Iterator[str]:
    """Every command line of the documents once, without what the shell does before and after it."""
    found = {of_the_cli(one.command) for one in shown() if one.block or not UNFINISHED.search(one.command)}
    yield from sorted(one for one in found if one and "--watch" not in one and "{{" not in one)


@pytest.fixture(scope="module")
def kept(tmp_path_factory: pytest.TempPathFactory) -> Iterator[tuple[Path, str]]:
    """A folder with the record of a shop, and the id of one of its events."""
    folder = tmp_path_factory.mktemp("shop")
    record = Record(folder)
    record.owns("Deployment/shop/web", "ReplicaSet/shop/web-5d9c7b8f6d")
    for pod in ("web-5d9c7b8f6d-x2k4p", "web-7c8d5b6f9d-x2k4p"):
        record.owns("ReplicaSet/shop/web-5d9c7b8f6d", f"Pod/shop/{pod}")
        event = record.event(f"Pod/shop/{pod}", severity="error", node="worker-2")
    record.event("Node//worker-2", "NodeNotReady", severity="critical")
    yield folder, event
    record.close()


def test_there_are_some() -> None:
    assert len(list(commands())) > 50


@pytest.mark.parametrize("command", [*commands()])
def test_it_runs(command: str, kept: tuple[Path, str], tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder, event = kept
    monkeypatch.chdir(tmp_path)
    for suffix in ("", "-wal"):
        (tmp_path / f"copy.db{suffix}").write_bytes((folder / f"kube9.db{suffix}").read_bytes())
    words = shlex.split(CURSOR.sub("", EVENT.sub(event, command.replace("NAMESPACE", "shop"))))
    words = [re.sub(r"https://logs\.example\.com:\d+", "http://127.0.0.1:9", word) for word in words]
    prog, arguments = ("kube9-cli", words[1:]) if words[0] == "kube9-cli" else ("kube9-operator query", words[2:])
    try:
        answer = run_cli(folder, *arguments, prog=prog)
    except SystemExit as ended:  # of help and completion, which write as argparse does
        answer = Answered(int(ended.code or 0), "written by argparse", "")
    if answer.returncode == 0:
        assert answer.stdout or "--output" in words
        return
    allowed = {code for pattern, codes in CODES if re.search(pattern, command) for code in codes}
    said = answer.stderr or answer.stdout
    assert said.startswith("{"), said
    error = json.loads(said)
    assert (error.get("code") or error["error"]) in allowed, said
