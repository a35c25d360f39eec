"""What restarting cannot mend stops the operator with exit code 78 and one line that names it."""

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
    (folder / "data").mkdir()
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
    assert line.startswith("kube9-operator: TMPDIR=/absent: No usable temporary directory")


def test_the_database_is_newer(tmp_path: Path) -> None:
    folder = tmp_path / "made"
    folder.mkdir()
    database = apsw.Connection(str(folder / "kube9.db"))
    database.execute("CREATE TABLE schema_version (version INTEGER PRIMARY KEY, name TEXT, applied_at TEXT)")
    database.execute("INSERT INTO schema_version VALUES (99, '0099_later.sql', '2030-01-01T00:00:00.000Z')")
    database.close()
    assert "schema version 99" in stopped(tmp_path, DB_PATH=str(folder))
