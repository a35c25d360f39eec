"""The workflows of GitHub run targets that the Makefile has, and the templates of issues are what GitHub takes."""

import re
from pathlib import Path
from typing import Any

import pytest
import yaml

from kube9_operator import __version__

ROOT = Path(__file__).parent.parent.parent
WORKFLOWS = sorted((ROOT / ".github" / "workflows").glob("*.yml"))
TEMPLATES = sorted(path for path in (ROOT / ".github" / "ISSUE_TEMPLATE").glob("*.yml") if path.name != "config.yml")
TARGETS = set(re.findall(r"^([a-z-]+):", (ROOT / "Makefile").read_text(encoding="utf-8"), re.MULTILINE))


def read(path: Path) -> dict[str, Any]:
    found: dict[str, Any] = yaml.safe_load(path.read_text(encoding="utf-8"))
    return found


def commands(path: Path) -> list[str]:
    return [step["run"] for job in read(path)["jobs"].values() for step in job["steps"] if "run" in step]


def test_they_run_our_own_commands() -> None:
    everything = "\n".join(line for path in WORKFLOWS for line in commands(path))
    used = re.findall(r"\bmake (?:-s )?([a-z-]+)", everything)
    assert set(used) <= TARGETS
    assert {"test", "image", "push-chart", "krew"} <= set(used)
    assert ".ci/run" in everything
    assert (ROOT / ".ci" / "run").exists()


@pytest.mark.parametrize("path", WORKFLOWS, ids=lambda path: path.name)
def test_they_may_do_no_more_than_they_say(path: Path) -> None:
    """Each has its permissions and a limit of time, and names the release of each action."""
    found = read(path)
    assert found["permissions"]["contents"] in ("read", "write")
    for job in found["jobs"].values():
        assert job["timeout-minutes"]
        for step in job["steps"]:
            assert re.fullmatch(r"actions/[a-z-]+@v\d+", step.get("uses", "actions/checkout@v4"))


@pytest.mark.parametrize("path", TEMPLATES, ids=lambda path: path.name)
def test_a_template_asks_for_something(path: Path) -> None:
    found = read(path)
    assert {"name", "description", "body"} <= set(found)
    ids = [part["id"] for part in found["body"] if part["type"] != "markdown"]
    assert ids
    assert len(set(ids)) == len(ids)
    assert all(part["type"] in ("markdown", "textarea", "input") for part in found["body"])
    assert any(part.get("validations", {}).get("required") for part in found["body"])


def test_documents_name_this_release() -> None:
    """In file names and tags of docs/install.md and docs/cli.md."""
    for name in ("install.md", "cli.md"):
        text = (ROOT / "docs" / name).read_text(encoding="utf-8")
        named = re.findall(
            r"kube9-operator:(\d[\d.]*\d)|(?:kube9|kube9-operator)-(\d[\d.]*\d)\.(?:tgz|tar)|--version (\d[\d.]*\d)", text
        )
        assert named
        assert {each for one in named for each in one if each} == {__version__}
