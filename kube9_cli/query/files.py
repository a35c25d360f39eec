"""Whether the files of a database may be read, and how: looked at before SQLite opens them, so that nothing is waited for."""

import contextlib
import os

from kube9_cli.errors import QueryError
from kube9_schema.files import open_file

PARTS = ("-wal", "-shm", "-journal")
"""What SQLite may open beside the file."""


def uri(path: str) -> str:
    """How to open the file so that neither it nor its folder is changed. Raises QueryError where it cannot be read."""
    part = path
    try:
        os.close(open_file(path))
        for end in PARTS:
            part = path + end
            with contextlib.suppress(FileNotFoundError):
                os.close(open_file(part))
    except PermissionError:
        # Where the folder may not even be searched, its own owner is what there is to say.
        folder = os.path.dirname(path) or "."
        seen = part if os.access(folder, os.X_OK) else folder
        details = f"{seen}, owned by uid {os.stat(seen).st_uid}, may not be read by uid {os.getuid()}"
        raise QueryError("Not permitted to read the database", details, "NOT_PERMITTED", 3) from None
    except OSError as error:
        raise QueryError(_what(part, path), f"{part}: {error.strerror}") from None
    quoted = os.path.abspath(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    # A writer keeps its -wal and -shm files for good, so where there is none there is no writer, and the file cannot change.
    # Opened otherwise, SQLite would leave files of this user behind, which could keep the operator from writing.
    unchanging = "" if _has_wal(path) else "&immutable=1"
    return f"file:{quoted}?mode=ro{unchanging}"


def _what(part: str, path: str) -> str:
    return "There is no database to read" if part == path else "The database cannot be read"


def _has_wal(path: str) -> bool:
    """Whether some of the history may be in a -wal file."""
    try:
        return os.stat(path + "-wal").st_size > 0 or os.path.exists(path + "-shm")
    except OSError:
        return os.path.exists(path + "-wal")
