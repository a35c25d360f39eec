"""Programs that some tests need: on the PATH, or where `make cluster-tools` puts them."""

import os
import shutil
from pathlib import Path

import pytest

from tests.cluster.plane import VERSION


def tool(name: str, brought_by: str = "make cluster-tools") -> str:
    """The path of a program; without it the test is skipped with the command that brings it, or fails where none may be."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    chosen = os.environ.get("KUBEBUILDER_ASSETS")
    folder = Path(chosen) if chosen else cache / "kube9-operator" / "cluster-tools" / VERSION
    found = shutil.which(name, path=f"{folder}{os.pathsep}{os.environ.get('PATH', os.defpath)}")
    if found is None:
        missing = f"needs {name}: {brought_by}"
        if os.environ.get("KUBE9_REQUIRE_TOOLS") == "1":
            pytest.fail(missing, pytrace=False)
        pytest.skip(missing)
    return found
