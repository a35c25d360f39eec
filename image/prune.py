"""Deletes what the operator's dependencies bring and nothing of it ever imports, where the image's build has installed them.

    python3 image/prune.py FOLDER-OF-PACKAGES

What is to be deleted and is not there is an error: another release of a dependency is looked at, not guessed. That all works
without it is proved by image/check.py, which the build runs afterwards.
"""

import shutil
import sys
from pathlib import Path

UNUSED = {
    "kubernetes/client/models/[!_]*.py": "a thousand models; the operator decodes JSON itself, and the package asks for none",
    "kubernetes/client/api/[!_]*.py": "the generated calls; the operator uses ApiClient",
    "kubernetes/aio": "all of this once more, for asyncio",
    "apsw/tests": "tests",
    "apsw/sqlite_extra_binaries": "extensions and programs of SQLite",
    "apsw/*.pyi": "types for who writes code",
    "pydantic/v1": "the interface of its first version",
}


def main(packages: Path) -> None:
    for pattern, what in UNUSED.items():
        found = list(packages.glob(pattern))
        if not found:
            sys.exit(f"prune: no {pattern} ({what}) in {packages}")
        for path in found:
            if path.is_dir():
                shutil.rmtree(path)
            else:
                path.unlink()


if __name__ == "__main__":
    main(Path(sys.argv[1]))
