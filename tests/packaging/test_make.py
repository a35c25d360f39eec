"""Targets of the Makefile that the documents name, made in a copy of the source, which they may change."""

import os
import subprocess
from pathlib import Path

import pytest

from kube9_cli.commands.completion import SHELLS
from tests.bench import __main__ as bench
from tests.document_commands import ROOT, shown
from tests.long import PARTS
from tests.packaging.copied import copied, make
from tests.tools import tool

EVENTS = Path("docs") / "events.md"
COMPLETIONS = Path("kube9_cli") / "completions"
MAKES = sorted({one.command for one in shown() if one.command.startswith("make ") and "…" not in one.command})


@pytest.fixture(scope="module")
def clone(tmp_path_factory: pytest.TempPathFactory) -> Path:
    return copied(tmp_path_factory.mktemp("made") / "clone")


def test_what_is_written_from_the_source_is_written_again(clone: Path) -> None:
    written = [EVENTS, *(COMPLETIONS / f"kube9-cli.{shell}" for shell in SHELLS)]
    before = [(clone / path).read_text(encoding="utf-8") for path in written]
    for path in written[1:]:
        (clone / path).unlink()
    page = (clone / EVENTS).read_text(encoding="utf-8")
    (clone / EVENTS).write_text(page.replace("| Pod BackOff |", "| another title |"), encoding="utf-8")
    make(clone, "completions", "documents")
    assert [
        (clone / path).read_text(encoding="utf-8").replace("| another title |", "| Pod BackOff |") for path in written
    ] == before


def test_what_was_made_is_cleaned_up(clone: Path) -> None:
    make(clone, "man")
    assert {path.name for path in (clone / "man").iterdir()} == {"kube9-cli.1", "kube9-operator.1"}
    make(clone, "clean")
    assert not (clone / "man").exists()
    assert (clone / "kube9_operator").exists()


@pytest.mark.cluster
def test_the_chart_is_a_file(clone: Path) -> None:
    make(clone, "chart", f"HELM={tool('helm')}")
    (packed,) = (clone / "dist").iterdir()
    assert packed.suffix == ".tgz"


@pytest.mark.long
def test_the_demo_ends_with_a_record_and_a_page(tmp_path: Path) -> None:
    clone = copied(tmp_path / "clone")
    said = make(clone, "demo")
    assert "$ kube9-cli events summary --severity warning+ --since 30m" in said
    assert "exit code 3" in said
    assert "Try next:" in said
    assert (clone / "demo" / "kube9.db").exists()
    assert (clone / "demo" / "web.html").read_text(encoding="utf-8").rstrip().endswith("</html>")


def test_the_long_tests_are_listed(clone: Path) -> None:
    said = make(clone, "test-long", "PART=list")
    assert [line.split()[0] for line in said.splitlines() if line.split()[0] in PARTS] == list(PARTS)


@pytest.mark.parametrize("command", MAKES)
def test_the_makefile_has_the_target(command: str) -> None:
    """And the parts of long tests and of measurements are those that there are."""
    target, *variables = command.removeprefix("make ").split(" ", 1)
    assert subprocess.run(["make", "-n", target], cwd=ROOT, capture_output=True, check=False, env=os.environ).returncode in (
        0,
        2,
    )
    given = dict(one.split("=", 1) for one in variables if one.startswith("PART="))
    every = {"test-long": {*PARTS, "list"}, "bench": {*bench.PARTS, bench.QUERIES, *bench.LONG, *bench.ON_A_CLUSTER}}
    assert {*given.values()} <= every.get(target, set())
