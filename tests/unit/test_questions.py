"""The answers in docs/cli.md to what an on-call engineer asks are those of the program, at its size of a terminal."""

import re

from tests import questions

VARIES = re.compile(r"(version \d+\.\d+\.\d+|Database .*)")
"""What another release, or another schema, has."""


def test_the_document_has_what_the_program_answers() -> None:
    written = questions.SECTION.search(questions.DOCUMENT.read_text(encoding="utf-8"))
    assert written, "there is such a section"
    made = questions.section()
    assert VARIES.sub("", written[0]) == VARIES.sub("", made), "renew it with `python -m tests.questions`, and read it"
    assert max(len(line) for line in made.splitlines() if line.startswith("    ")) <= 4 + questions.WIDTH
