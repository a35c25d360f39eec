"""The API key: a file, as a Secret is mounted. Its content is in no log, no error and no message."""

import re
from pathlib import Path

MAX_BYTES = 4096
FORM = re.compile(r"kdy_[A-Za-z0-9_-]+")


class UnusableKey(Exception):
    """The file has something else than a key, or cannot be read. Its text does not have the content."""


def read(path: Path) -> str:
    """Returns the key; '' if there is no file, or it is empty. Raises UnusableKey.

    What does not look like a key is never sent: it may be another secret that was mounted by mistake.
    """
    try:
        with path.open("rb") as file:
            content = file.read(MAX_BYTES + 1)
    except FileNotFoundError:
        return ""
    except OSError as error:
        raise UnusableKey(f"the file of the API key cannot be read: {error.strerror}") from None
    text = content.decode("utf-8", "replace").strip()
    if text and (len(content) > MAX_BYTES or not FORM.fullmatch(text)):
        raise UnusableKey("the file of the API key has no key: it must begin with kdy_")
    return text


class Watched:
    """Tells whether the file of the key is there, and whether it is another one than before."""

    def __init__(self, path: str) -> None:
        """Without a path there is no key."""
        self._path = Path(path) if path else None

    def stamp(self) -> int:
        """Returns a number that changes with the file, which Kubernetes replaces; 0 if there is none, or it is empty."""
        if self._path is None:
            return 0
        try:
            found = self._path.stat()
        except OSError:
            return 0
        return hash((found.st_mtime_ns, found.st_ino, found.st_size)) or 1 if found.st_size else 0
