"""What restarting cannot mend stops the operator with exit code 78 and one line that names it."""

import contextlib
import os
import subprocess
from pathlib import Path

import apsw
import pytest

from tests.operator import BIN, WAIT_SECONDS

MODULES = ("msgspec", "structlog", "prometheus_client", "kube9_schema", "apsw", "kubernetes")
"""Of the supervisor, at its start and later, of the writer and of the watchers."""


def stopped(folder: Path, **environment: str) -> str:
    """Why it has ended: the one line that is more than information."""
    (folder / "data").mkdir(exist_ok=True)
    given = {"DB_PATH": str(folder / "data"), "KUBECONFIG": str(folder / "absent"), "HEALTH_PORT": "0", "LOG_LEVEL": "warning"}
    done = subprocess.run(
        [BIN / "kube9-operator"],
        env=os.environ | given | environment,
        cwd=folder,
        stderr=subprocess.PIPE,
        text=True,
        check=False,
        timeout=WAIT_SECONDS,
    )
    assert done.returncode == 78, done.stderr
    (line,) = done.stderr.splitlines()
    return line


@pytest.mark.parametrize("module", MODULES)
def test_a_module_is_missing(tmp_path: Path, module: str) -> None:
    (tmp_path / "sitecustomize.py").write_text(f"import sys; sys.modules[{module!r}] = None\n", encoding="ascii")
    line = stopped(tmp_path, PYTHONPATH=str(tmp_path))
    assert "the installation is incomplete" in line
    assert module in line


def test_a_setting_is_wrong(tmp_path: Path) -> None:
    assert stopped(tmp_path, EVENT_QUEUE_SIZE="10").startswith("kube9-operator: EVENT_QUEUE_SIZE=10: must be ")


def test_there_is_no_folder_for_temporary_files(tmp_path: Path) -> None:
    (tmp_path / "sitecustomize.py").write_text(
        "import tempfile; tempfile._candidate_tempdir_list = lambda: ['/absent']\n", encoding="ascii"
    )
    line = stopped(tmp_path, PYTHONPATH=str(tmp_path), TMPDIR="/absent")
    assert line.startswith("kube9-operator: TMPDIR=/absent: must be a writable folder: No usable temporary directory")


NEWER = (
    "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, name TEXT, applied_at TEXT)",
    "INSERT INTO schema_version VALUES (99, '0099_later.sql', '2030-01-01T00:00:00.000Z')",
)
ORIGINAL = (
    "CREATE TABLE schema_version (version INTEGER PRIMARY KEY, applied_at TEXT NOT NULL, description TEXT)",
    "CREATE TABLE events (id TEXT PRIMARY KEY, event_type TEXT NOT NULL, metadata TEXT, created_at TEXT NOT NULL)",
    "INSERT INTO events VALUES ('evt_20260102_030405_abcdef', 'cluster', '{}', '2026-01-02T03:04:05.678Z')",
    *(f"INSERT INTO schema_version VALUES ({n}, '2026-01-02T03:04:05.678Z', 'Migration {n}')" for n in range(1, 7)),
)
"""As https://github.com/alto9/kube9-operator makes it (src/database/schema.ts)."""
YOUNG = (*ORIGINAL, "DELETE FROM schema_version WHERE version > 3")
"""One of an early release, whose version is one of ours."""
OTHER = ("CREATE TABLE notes (text TEXT)",)


@pytest.mark.parametrize(
    ("statements", "said", "by_cli"),
    [
        (NEWER, "schema version 99", "newer than this program"),
        (ORIGINAL, "a database of alto9/kube9-operator (its schema 6)", "written by alto9/kube9-operator (its schema 6)"),
        (YOUNG, "alto9/kube9-operator (its schema 3)", "alto9/kube9-operator (its schema 3)"),
        (OTHER, "a database of another program", "no such table"),
    ],
    ids=["newer", "original", "young original", "other"],
)
def test_the_database_is_none_of_ours(tmp_path: Path, statements: tuple[str, ...], said: str, by_cli: str) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    path = folder / "kube9.db"
    with contextlib.closing(apsw.Connection(str(path))) as database:
        database.pragma("journal_mode", "WAL")
        for statement in statements:
            database.execute(statement)
    before = path.read_bytes()
    assert said in stopped(tmp_path, DB_PATH=str(folder))
    assert path.read_bytes() == before
    asked = subprocess.run(
        [BIN / "kube9-cli", "status", "--db", folder], capture_output=True, text=True, check=False, timeout=WAIT_SECONDS
    )
    assert (asked.returncode, by_cli in asked.stderr) == (1, True), asked.stderr
    assert path.read_bytes() == before
