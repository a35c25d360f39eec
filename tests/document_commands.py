"""The command lines that the documents show: in indented blocks, and in code spans of the text."""

import re
import shlex
import textwrap
from collections.abc import Iterator
from pathlib import Path
from typing import NamedTuple

ROOT = Path(__file__).parent.parent
PROGRAMS = (
    *("kubectl", "helm", "make", "buildah", "podman", "docker", "crictl", "curl", "jq", "sqlite3", "pip", "python", "python3"),
    *("git", "go", "sh", "systemctl", "journalctl", "apt-get", "mkdir", "touch", "mv", "cp", "source", "man", "time"),
    *(".", ".venv/bin/python", "kube9-cli", "kube9-operator"),
)
ASSIGNMENT = re.compile(r"(?:[A-Z_]+=\S*\s+)+")
GOES_ON = re.compile(r"(?:\\|\||&&|\bdo)$")
SHELL = re.compile(r"(?:done|printf)\b")
"""What else begins a line of a loop."""
TWO_COMMENTS = re.compile(r"\s# .*\s# ")


class Shown(NamedTuple):
    """A command line, the document that shows it, and whether it stands in a block, to be typed as it is."""

    page: str
    command: str
    block: bool


def pages() -> Iterator[Path]:
    """The documents for people who run or change the operator, the release notes aside."""
    yield from sorted(one for one in ROOT.glob("*.md") if one.name != "CHANGELOG.md")
    for folder, name in (("docs", "*.md"), (".github", "*.md"), ("helm", "NOTES.txt")):
        yield from sorted((ROOT / folder).rglob(name))


def shown() -> Iterator[Shown]:
    """Every command line of the documents, in their order."""
    for page in pages():
        name, text = str(page.relative_to(ROOT)), page.read_text(encoding="utf-8")
        for block in blocks(text):
            yield from (Shown(name, one, True) for one in of_block(block))
        prose = re.sub(r"^    .*$", "", text, flags=re.MULTILINE)
        for span in re.findall(r"(?<!`)`([^`\n]+(?:\n[^`\n]+)?)`(?!`)", prose):
            one = normal(" ".join(span.split()))
            if is_command(one) and " " in one:
                yield Shown(name, one, False)


def blocks(text: str) -> Iterator[str]:
    """The indented blocks of a text, without their indentation: four spaces in Markdown, two in a template."""
    least = 2 if "{{" in text.partition("\n")[0] else 4
    for block in re.findall(rf"(?:^ {{{least},}}\S.*\n(?:\n(?= {{4}}))?)+", text, re.MULTILINE):
        yield textwrap.dedent(block)


def of_block(block: str) -> Iterator[str]:
    """The command lines of a block, without what they answer, and without the texts that they are given."""
    yield from (normal(line) for line in joined(without_documents(block)) if is_command(line))


def misplaced(text: str) -> Iterator[str]:
    """Lines of the blocks of a text that look as if somebody had wrapped the block like a paragraph.

    These are lines with two comments, and lines that are no command in a paragraph that begins with a command without a prompt.
    Such a paragraph shows what is typed, and no answers.
    """
    for block in blocks(text):
        for paragraph in re.split(r"\n\s*\n", without_documents(block)):
            yield from (line for line in paragraph.splitlines() if TWO_COMMENTS.search(line))
            lines = list(joined(paragraph))
            if lines and is_command(lines[0]) and not lines[0].startswith("$ "):
                yield from (line for line in lines if not is_command(line) and not SHELL.match(line))


def joined(block: str) -> Iterator[str]:
    """The lines of a block, each command as one line."""
    whole = ""
    for line in block.splitlines():
        whole = f"{whole} {line.strip()}" if whole else line.strip()
        if is_command(whole) and (GOES_ON.search(without_comment(whole)) or whole.count("'") % 2):
            whole = whole.removesuffix("\\").rstrip()
            continue
        yield whole
        whole = ""


def without_documents(block: str) -> str:
    """A block without the texts that its commands are given."""
    return re.sub(r"(<<'(EOF)')\n.*?^\s*\2$", r"\1", block, flags=re.DOTALL | re.MULTILINE)


def is_command(text: str) -> bool:
    """Whether a text begins with a program, after the variables that it is given."""
    words = ASSIGNMENT.sub("", text.removeprefix("$ "), count=1).split(maxsplit=1)
    return bool(words) and words[0] in PROGRAMS and not text.startswith("kubectl kube9: ")  # which is a message


def normal(text: str) -> str:
    """A command line with single spaces, without the prompt and the comment after it."""
    return " ".join(without_comment(text.removeprefix("$ ")).split())


def without_comment(text: str) -> str:
    """A command line without the comment after it."""
    return re.sub(r"\s+# .*$", "", text)


def of_the_cli(command: str) -> str:
    """What runs as `kube9-cli` or `kube9-operator query`, of a command line that runs it somewhere; '' for all others."""
    command = command.partition(" -- ")[2] if command.startswith("kubectl exec") else command
    command = re.sub(r"\$\(.*?\)| (?:>|\||&&)(?: .*)?$", "", command)
    command = re.sub(r"^kubectl kube9(?: --(?:operator|context) \S+)*(?= )", "kube9-cli", command)
    if not re.match(r"(?:kube9-cli|kube9-operator query) ", command):
        return ""
    return " ".join(shlex.split(command)) if "#" in command else command.strip()
