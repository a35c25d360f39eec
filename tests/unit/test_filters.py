"""A filter is one entry of FILTERS: parser, conditions, search and totals follow from it."""

import itertools
import json
from pathlib import Path
from typing import Any

import pytest

from kube9_cli import selection
from kube9_cli.query import conditions
from kube9_cli.selection import FILTERS, Filter, values
from tests import cli_database
from tests.cli import run_cli

COUNT = 400
TITLE = Filter(
    "--title",
    metavar="TITLE[,...]",
    about="only events with these titles",
    check=values,
    stored="word",
    column="title",
    any_case=True,
)


@pytest.fixture(scope="module")
def folder(tmp_path_factory: pytest.TempPathFactory) -> Path:
    made = tmp_path_factory.mktemp("filters")
    cli_database.build(made, COUNT)
    return made


@pytest.fixture
def with_title(monkeypatch: pytest.MonkeyPatch) -> None:
    for module in (selection, conditions):
        monkeypatch.setattr(module, "FILTERS", (*FILTERS, TITLE))


def listed(folder: Path, *arguments: str) -> dict[str, Any]:
    done = run_cli(folder, "events", "list", "--limit=1000", *arguments)
    assert done.returncode == 0, done.stderr
    answer: dict[str, Any] = json.loads(done.stdout)
    return answer


@pytest.mark.usefixtures("with_title")
def test_a_new_filter_works_alone_and_with_every_other(folder: Path) -> None:
    events = listed(folder)["events"]
    title, namespace, name = (events[0]["title"], events[0]["object_namespace"], events[0]["object_name"])
    others = [
        ("--severity=warning", lambda event: event["severity"] == "warning"),
        ("--type=cluster", lambda event: event["event_type"] == "cluster"),
        ("--object-kind=pod", lambda event: event["object_kind"] == "Pod"),
        (f"--object-namespace={namespace}", lambda event: event.get("object_namespace") == namespace),
        (f"--object-name={name}", lambda event: event["object_name"] == name),
    ]
    for count in range(3):
        for chosen in itertools.combinations(others, count):
            options = [option for option, _ in chosen]
            for excluded in (False, True):
                expected = [
                    event["id"]
                    for event in events
                    if (event["title"] == title) is not excluded and all(matches(event) for _, matches in chosen)
                ]
                own = f"--exclude=title={title.lower()}" if excluded else f"--title={title.lower()}"
                answer = listed(folder, own, *options)
                assert [event["id"] for event in answer["events"]] == expected, options
                assert answer["pagination"]["total"] == len(expected), options


@pytest.mark.usefixtures("with_title")
def test_a_value_that_was_never_recorded_matches_nothing(folder: Path) -> None:
    assert listed(folder, "--title=Never")["events"] == []
    assert listed(folder, "--exclude=title=Never")["pagination"]["total"] == COUNT


def test_without_the_entry_there_is_no_option(folder: Path) -> None:
    assert "Unrecognized arguments: --title=x" in run_cli(folder, "events", "list", "--title=x").stderr
