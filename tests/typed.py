"""Commands of the documents, typed in a shell in their own words, but for the names that a test needs to be others."""

import re
import subprocess
import textwrap
from collections.abc import Mapping
from pathlib import Path
from typing import NamedTuple

from tests.document_commands import ROOT, blocks, shown


class Shell(NamedTuple):
    """Runs commands in a folder. `instead` has what stands in the place of which name of the documents."""

    folder: Path
    environment: Mapping[str, str]
    instead: Mapping[str, str]

    def block(self, page: str, begins: str) -> str:
        """What the one block of a document says that begins so."""
        return self.run(self.words(block(page, begins)))

    def line(self, page: str, begins: str) -> str:
        """What the one command line of a document's blocks says that begins so."""
        found = {one.command for one in shown() if one.block and one.page == page and one.command.startswith(begins)}
        assert len(found) == 1, found
        return self.run(self.words(found.pop()))

    def span(self, page: str, begins: str) -> str:
        """What the one command in the text of a document says that begins so."""
        return self.run(self.words(span(page, begins)))

    def words(self, command: str) -> str:
        for name, other in self.instead.items():
            command = command.replace(name, other)
        return command

    def run(self, script: str) -> str:
        done = subprocess.run(
            ["sh", "-euc", script],
            cwd=self.folder,
            env=self.environment,
            stdin=subprocess.DEVNULL,
            capture_output=True,
            text=True,
            check=False,
        )
        assert done.returncode == 0, f"{script}: {done.returncode}\n{done.stdout[-1000:]}{done.stderr[-3000:]}"
        return done.stdout


def block(page: str, begins: str) -> str:
    """The one block of a document that begins so."""
    (found,) = [one for one in blocks(text(page)) if one.startswith(begins)]
    return found


def span(page: str, begins: str) -> str:
    """The one command in the text of a document that begins so."""
    spans = re.findall(r"`([^`]+)`", text(page))  # one may go on in the next line
    found = {each for each in (" ".join(one.split()) for one in spans) if each.startswith(begins)}
    assert len(found) == 1, found
    return found.pop()


def section(page: str, heading: str) -> str:
    """The script of all blocks of a section, one after the other."""
    found = text(page).partition(f"\n{heading}\n")[2]
    assert found, heading
    return "".join(blocks(re.split(r"^#{2,} ", found, maxsplit=1, flags=re.MULTILINE)[0]))


def text(page: str) -> str:
    return textwrap.dedent((ROOT / page).read_text(encoding="utf-8"))
