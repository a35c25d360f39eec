"""Modules in the current directory that say so when anything imports them."""

import sys
from importlib import metadata
from pathlib import Path

OWN = ("kube9_operator", "kube9_cli", "kube9_schema", "schema", "sitecustomize", "usercustomize")
CONFESS = 'open(__file__ + ".imported", "w").close()\nraise RuntimeError(__file__)\n'


def make(folder: Path) -> Path:
    """Makes a module of every name that Python or an installed package has. Returns the folder."""
    folder.mkdir()
    installed = {name for name in metadata.packages_distributions() if name.isidentifier()}
    for name in {*sys.stdlib_module_names, *installed, *OWN}:
        (folder / f"{name}.py").write_text(CONFESS, encoding="ascii")
    return folder


def imported(folder: Path) -> list[str]:
    """Those that were imported."""
    return sorted(path.name for path in folder.glob("*.imported"))
