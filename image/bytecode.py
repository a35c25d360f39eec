"""Compiles the standard library into a folder, for Pythons that come without its bytecode, as their own images do.

    python3 image/bytecode.py FOLDER

The folder is laid over the file system of the image. Nothing is ever compared with the sources, which do not change there.
"""

import importlib.util
import py_compile
import sys
import sysconfig
from pathlib import Path

NEVER_IMPORTED = {
    "dist-packages",
    "ensurepip",
    "idlelib",
    "lib2to3",
    "pydoc_data",
    "site-packages",
    "test",
    "tkinter",
    "turtledemo",
}


def main(folder: Path) -> None:
    library = Path(sysconfig.get_path("stdlib"))
    for path in sorted(library.rglob("*.py")):
        kept = Path(importlib.util.cache_from_source(str(path)))
        if NEVER_IMPORTED.isdisjoint(path.relative_to(library).parts) and not kept.exists():
            made = folder / kept.relative_to("/")
            py_compile.compile(str(path), str(made), str(path), invalidation_mode=py_compile.PycInvalidationMode.UNCHECKED_HASH)


if __name__ == "__main__":
    main(Path(sys.argv[1]))
