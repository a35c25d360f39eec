"""Programs that some tests need: on the PATH, or where `make cluster-tools` and `make engine-tools` put them."""

import os
import shutil
from pathlib import Path

import pytest

from tests.cluster.plane import VERSION

ENGINES = "v1.52.2"
"""The release of VictoriaLogs, which names the folder of the engines."""


def tool(name: str, brought_by: str = "make cluster-tools") -> str:
    """The path of a program; without it the test is skipped with the command that brings it, or fails where none may be."""
    folders = _folder("KUBEBUILDER_ASSETS", "cluster-tools", VERSION), _folder("KUBE9_ENGINE_TOOLS", "engine-tools", ENGINES)
    found = shutil.which(name, path=os.pathsep.join((*map(str, folders), os.environ.get("PATH", os.defpath))))
    if found is None:
        missing = f"needs {name}: {brought_by}"
        if os.environ.get("KUBE9_REQUIRE_TOOLS") == "1":
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    return found


def _folder(variable: str, tools: str, version: str) -> Path:
    """Where a build has put its programs."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    chosen = os.environ.get(variable)
    return Path(chosen) if chosen else cache / "kube9-operator" / tools / version
