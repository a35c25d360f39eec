"""Words of the project's early vocabulary stay out of documents, messages, names and comments: the glossary has others."""

import re
from pathlib import Path

import pytest

ROOT = Path(__file__).parent.parent.parent
SEARCHED = (
    "kube9_operator",
    "kube9_cli",
    "schema",
    "tests",
    "docs",
    "helm",
    "image",
    "*.md",
    "Makefile",
    "Containerfile",
    "*.cfg",
    "*.toml",
)
TEXTS = {".py", ".md", ".sql", ".yaml", ".yml", ".txt", ".tpl", ".json", ".cfg", ".toml", ".1", ".golden", ""}
OLD = re.compile(r"sighting|happening|vouch|diary|chronicle|untold|befell|forwent|adopter", re.IGNORECASE)
ALLOWED = {
    # Where tests of an earlier time are now.
    "docs/testing.md": "`node/test_happenings.py`",
    # Columns keep their names until the next version of the storage.
    "schema/0001_first.sql": "    sighting   BLOB",
    "tests/unit/schema.golden.sql": "    sighting   BLOB",
    "kube9_operator/write/events/coverage.py": "INSERT INTO dead_letters (source, error, sighting",
    "kube9_operator/write/events/sweep.py": "octet_length(sighting)",
}
"""By file the beginning or the middle of the only lines that may have one."""


def files() -> list[Path]:
    found = [path for pattern in SEARCHED for path in ROOT.glob(pattern)]
    inside = [path for folder in found if folder.is_dir() for path in folder.rglob("*")]
    return sorted(
        path
        for path in (*found, *inside)
        if path.is_file() and path.suffix in TEXTS and "__pycache__" not in path.parts and path != Path(__file__)
    )


def old_words(path: Path) -> list[str]:
    name = str(path.relative_to(ROOT))
    allowed = ALLOWED.get(name)
    lines = path.read_text(encoding="utf-8", errors="replace").splitlines()
    if name == "ARCHITECTURE.md":  # its glossary says which names remain in tables
        lines = [line for line in lines if not line.startswith("| ")]
    return [f"{name}: {line.strip()[:120]}" for line in lines if OLD.search(line) and not (allowed and allowed in line)]


def test_old_words_stay_out() -> None:
    assert len(files()) > 300
    assert [line for path in files() for line in old_words(path)] == []


@pytest.mark.parametrize("name", ALLOWED)
def test_what_is_allowed_is_there(name: str) -> None:
    assert ALLOWED[name] in (ROOT / name).read_text(encoding="utf-8")
