"""The answers in docs/cli.md to what an on-call engineer asks, and its timeline, are those of the program, at its size of a
terminal.
"""

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


def test_the_timeline_is_what_the_program_answers() -> None:
    text = questions.DOCUMENT.read_text(encoding="utf-8")
    written = questions.EXAMPLE.search(text)
    assert written, "there is such an example"
    made = questions.timeline()
    assert written[0] == made, "renew it with `python -m tests.questions`, and read it"
    (time,) = re.findall(r"`([\d:.]+)` is a range", text)
    assert f"    {time}  " in made, "the table below explains it"
