"""The reference documents say what the code says: README, and configuration.md, metrics.md, cli.md, README.md in docs."""

import argparse
import contextlib
import itertools
import re
import shlex
from pathlib import Path
from typing import Any

import pytest
import yaml

from kube9_cli import selection
from kube9_cli.arguments import UsageError
from kube9_cli.parser import Parser
from kube9_cli.parser import get_parser as cli_parser
from kube9_operator.http.prometheus import METRICS
from kube9_operator.model import sources
from kube9_operator.parser import ENVIRONMENT
from kube9_operator.settings import VARIABLES
from tests.commands import levels, parsed

ROOT = Path(__file__).parent.parent.parent
README = (ROOT / "README.md").read_text(encoding="utf-8")
DOCS = ROOT / "docs"
CONFIGURATION, METRICS_PAGE, CLI, INDEX = (
    (DOCS / name).read_text(encoding="utf-8") for name in ("configuration.md", "metrics.md", "cli.md", "README.md")
)
CHART = ROOT / "helm" / "kube9-operator"
COMMON = (
    *("format", "no_headers", "color", "time", "tz", "timeout", "db", "exit_on_stdin_close"),
    *("store", "cluster", "store_headers", "store_ca"),
)
"""Options of every query, by their names in the code."""
COMMANDS = [
    one for one in levels(cli_parser()) if not any(isinstance(part, argparse._SubParsersAction) for part in one._actions)
]
"""Those that have no commands below them."""
OF_COMMON = "## Options of every query\n"
OF_SELECTION = "The options that select events are those of [events list](#kube9-cli-events-list)."
"""In the section of a command, in place of these options."""


def selecting() -> set[str]:
    """The options that select events, by their names in the code."""
    parser = Parser(add_help=False)
    selection.add(parser)
    return {action.dest for action in parser._actions}


def section(text: str, heading: str) -> str:
    """What is below a heading, up to the next one."""
    assert f"\n{heading}" in text
    return text.partition(f"\n{heading}")[2].partition("\n## ")[0]


def rows(text: str) -> list[list[str]]:
    """The cells of all tables in the text."""
    lines = [line for line in text.splitlines() if line.startswith("| ") and not line.startswith("| ---")]
    return [[cell.strip() for cell in line.strip("|").split(" | ")] for line in lines]


def test_every_setting_is_in_the_document_with_its_default() -> None:
    said = {cells[0].strip("`"): cells[1].strip("`").strip() for cells in rows(section(CONFIGURATION, "## Settings\n"))[1:]}
    said.pop("KUBECONFIG")
    assert said == {variable: default for variable, default, _ in VARIABLES.values()}


def test_every_setting_is_in_the_document_with_its_chart_value() -> None:
    """A value that the chart has, with the same default, and that the pod gets under the name of the variable."""
    values = yaml.safe_load((CHART / "values.yaml").read_text(encoding="utf-8"))
    pod = (CHART / "templates" / "statefulset.yaml").read_text(encoding="utf-8")
    helpers = (CHART / "templates" / "_helpers.tpl").read_text(encoding="utf-8")
    defaults = {variable: default for variable, default, _ in VARIABLES.values()}
    for variable, _, path, _ in (
        [cell.strip("`") for cell in cells] for cells in rows(section(CONFIGURATION, "## Settings\n"))[1:]
    ):
        if path in ("set by the chart", "not set"):
            assert (f"name: {variable}\n" in pod) == (path == "set by the chart")
            continue
        value: Any = values
        for key in path.split("."):
            value = value[key]
        rendered = pod.partition(f"- name: {variable}\n")[2].partition("- name:")[0]
        if variable == "DATABASE_MAX_SIZE_MIB":
            assert (value, "maxSizeMiB" in rendered, ".Values.events.maxSizeMiB" in helpers) == (None, True, True)
            continue
        assert f".Values.{path} " in rendered.replace(")", " "), variable
        said = ",".join(value) if isinstance(value, list) else str(value).lower() if isinstance(value, bool) else str(value)
        assert said == defaults[variable], variable


def test_every_setting_is_in_the_man_page_with_its_default() -> None:
    assert set(ENVIRONMENT) == {variable for variable, _, _ in VARIABLES.values()} | {"KUBECONFIG"}
    for variable, default, _ in VARIABLES.values():
        said = re.search(r"\(default: (.*)\)$", ENVIRONMENT[variable])
        assert (said[1] if said else "") == default, variable


def test_every_metric_is_in_the_document_with_its_help() -> None:
    said = {
        f"| `{name}` | {metric.kind} | {', '.join(f'`{label}`' for label in metric.labels)} | {metric.help} |"
        for name, metric in METRICS.items()
    }
    assert set(re.findall(r"^\| `kube9_.*$", METRICS_PAGE, re.MULTILINE)) == said


def test_every_metric_that_a_document_names_exists() -> None:
    for page in (README, *(path.read_text(encoding="utf-8") for path in DOCS.glob("*.md"))):
        for name in re.findall(r"\bkube9_[a-z_]+(?:total|bytes|seconds|size|info|health|healthy)(?:_bucket)?\b", page):
            assert name.removesuffix("_bucket") in METRICS, name


@pytest.mark.parametrize("parser", COMMANDS, ids=lambda parser: str(parser.prog))
def test_every_command_and_option_is_in_the_document_with_its_default(parser: argparse.ArgumentParser) -> None:
    text = section(CLI, f"## {parser.prog}\n")
    own = rows(text)[1:]
    common = rows(section(CLI, OF_COMMON))[1:]
    elsewhere = {"help"} | (selecting() if OF_SELECTION in text else set())
    options = [action for action in parser._actions if action.option_strings and action.dest not in elsewhere]
    for table, mine in (
        (own, [one for one in options if one.dest not in COMMON]),
        (common, [one for one in options if one.dest in COMMON]),
    ):
        expected = {
            ", ".join(f"`{text}`" for text in one.option_strings).removesuffix("`")
            + (f" {one.metavar}`" if one.metavar else "`"): one.default
            for one in mine
        }
        said = {cells[0]: cells[1].strip("`") for cells in table if cells[0].startswith("`-")}
        if parser.prog.endswith(" report") and table is common:  # it has some of them, and the document says which
            said = {option: said[option] for option in expected}
        if mine:
            assert set(said) == set(expected)
        for option, default in expected.items():
            assert not default or said[option] == str(default), option


def test_every_command_is_in_the_overview() -> None:
    said = {" ".join(re.findall(r"\b[a-z0-9-]+\b", cells[0])) for cells in rows(CLI.partition("\n## ")[0])[1:]}
    assert said == {parser.prog for parser in COMMANDS}


@pytest.mark.parametrize("path", [ROOT / "README.md", *sorted(DOCS.glob("*.md"))], ids=lambda path: str(path.name))
def test_every_command_line_of_a_document_is_one(path: Path) -> None:
    """Those of kube9-cli and `kube9-operator query` in blocks of commands, also behind `kubectl exec … --` and `kubectl`."""
    block = "\n".join(re.findall(r"^    (.*)$", path.read_text(encoding="utf-8"), re.MULTILINE)).replace("\\\n", " ")
    for line, answer in itertools.pairwise([*block.splitlines(), ""]):
        command = line.removeprefix("$ ")
        command = command.partition(" -- ")[2] if command.startswith("kubectl exec") else command
        command = re.sub(r"\$\(.*?\)| (?:>|\||&&)(?: .*)?$", "", command)  # what the shell does before and after
        command = re.sub(r"^kubectl kube9(?: --(?:operator|context) \S+)*(?= )", "kube9-cli", command)
        if re.match(r"kube9-cli\b|kube9-operator query\b", command):
            with pytest.raises(UsageError) if answer.startswith('{"error"') else contextlib.nullcontext():
                parsed(shlex.split(command, comments=True))


def test_the_index_has_every_document() -> None:
    linked = {(DOCS / target).resolve() for target in re.findall(r"^\| \[[^]]+\]\(([^)#]+)\) \| \S", INDEX, re.MULTILINE)}
    pages = {page for page in DOCS.glob("*.md") if page.name != "README.md"}
    folders = {page.parent for page in DOCS.glob("*/*.md")}
    assert pages | folders | (set(ROOT.glob("*.md")) - {ROOT / "README.md"}) <= linked
    assert all(one.exists() for one in linked)


def test_the_readme_names_every_resource_that_is_watched() -> None:
    for source in (sources.SOURCES | sources.CUSTOM).values():
        assert f"`{source.name}`" in README, source.name
        assert not source.group or f"`{source.group}`" in README, source.group


def test_the_security_page_names_every_resource_that_may_be_read() -> None:
    said = (DOCS / "security.md").read_text(encoding="utf-8").partition("in all namespaces: ")[2].partition(". ")[0]
    assert set(re.split(r"[,;]\s+", said)) == (sources.SOURCES | sources.CUSTOM).keys()
