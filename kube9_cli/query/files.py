"""Checks the files of a database before SQLite opens them, so that a pipe or a device cannot block it."""

import os

from kube9_cli.errors import QueryError
from kube9_schema.files import open_file

PARTS = ("-wal", "-shm", "-journal")
"""Files that SQLite may open besides the database."""


def uri(path: str) -> str:
    """The URI that opens the file without changing it or its folder. Raises QueryError if it cannot be read."""
    part = path
    try:
        os.close(open_file(path))
        for end in PARTS:
            part = path + end
            try:
                os.close(open_file(part))
            except FileNotFoundError:
                continue
    except PermissionError:
        # If the folder itself may not be searched, nothing is known about the file.
        folder = os.path.dirname(path) or "."
        seen = part if os.access(folder, os.X_OK) else folder
        details = f"uid {os.getuid()} may not read {seen}, which belongs to uid {os.stat(seen).st_uid}"
        raise QueryError("No permission to read the database", details, "NOT_PERMITTED", 3) from None
    except OSError as error:
        is_absent = part == path and isinstance(error, FileNotFoundError)
        hint = "; --db or DB_PATH says where it is" if is_absent else ""
        raise QueryError(_what(part, path), f"{part}: {error.strerror}{hint}") from None
    quoted = os.path.abspath(path).replace("%", "%25").replace("?", "%3f").replace("#", "%23")
    # A writer never removes its -wal and -shm files. Without them there is no writer, and the file cannot change.
    # Without `immutable`, SQLite would create these files as this user, and the operator might not be able to write them.
    unchanging = "" if _has_wal(path) else "&immutable=1"
    return f"file:{quoted}?mode=ro{unchanging}"


def _what(part: str, path: str) -> str:
    return "There is no database" if part == path else "The database cannot be read"


def _has_wal(path: str) -> bool:
    """Whether some of the record may be in a -wal file."""
    try:
        return os.stat(path + "-wal").st_size > 0 or os.path.exists(path + "-shm")
    except OSError:
        return os.path.exists(path + "-wal")
