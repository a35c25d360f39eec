"""docs/incident.md and its picture are what the real operator records of an incident, and the CLI says of it."""

import re
from pathlib import Path

import pytest

from tests import incident_pages
from tests.incident_pages import ANSWER, ASKED, DOCUMENT, TIMELINE

VARIES = re.compile(
    r"""\d\d:\d\d:\d\d(\.\d+)?  # to the second
    | \d+\ ?(s|min|m|h)\b  # how long ago
    | evt_\w+
    | [▁▂▃▄▅▆▇█]  # bars of time
    | [\d.]+""",
    re.VERBOSE,
)
"""What a busy machine makes otherwise."""


@pytest.fixture(scope="module")
def told(tmp_path_factory: pytest.TempPathFactory) -> tuple[Path, dict[str, str], str]:
    folder = tmp_path_factory.mktemp("incident")
    return folder, *incident_pages.told(folder)


def words(text: str) -> list[str]:
    """The words of a text without what varies, wherever its lines are wrapped."""
    return VARIES.sub("", re.sub(r"<text[^>]*>|</?tspan[^>]*>", " ", text)).split()


def test_the_document_has_what_the_program_answers(told: tuple[Path, dict[str, str], str]) -> None:
    folder, answers, picture = told
    written = DOCUMENT.read_text(encoding="utf-8")
    assert ANSWER.findall(written) == list(ASKED)
    made = incident_pages.answered(written, answers)
    assert words(written) == words(made), "renew it with `make picture`, and read it"
    assert max(len(line) for line in made.splitlines() if line.startswith("    ")) <= 4 + incident_pages.COLUMNS + 30
    assert words(TIMELINE.read_text(encoding="utf-8")) == words(picture)
    assert (folder / "web.html").read_text(encoding="utf-8").rstrip().endswith("</html>")
    assert (folder / "web.csv").read_text(encoding="utf-8").count("\n") >= 10
