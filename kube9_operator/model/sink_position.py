"""How far the sink is: a small file beside the database. The sink writes it, and the writer reads it."""

import contextlib
import os
from pathlib import Path

import msgspec

FILE_NAME = "sink.json"
MAX_BYTES = 4_096


class Position(msgspec.Struct, frozen=True):
    """What is settled: accepted by the other store, and on its disk as far as can be known."""

    instance: str
    """The database that it is about."""
    target: str
    """The store that it is about: a hash of its URL. Another store gets everything from the beginning."""
    journal: int
    """The number with which the journal began that it is about."""
    from_ms: int
    """Events recorded before this time are not sent."""
    seq: int = 0
    """The last change in the journal that is settled."""
    backfilled: int | None = -1
    """The last event that is settled, of those recorded before the journal; None if all are."""
    until_ms: int = 0
    """Until when everything that was committed is settled, in ms since 1970; 0 until the backfill is."""
    refused: int = 0
    """Records that the other store has refused."""

    def kept_from_ms(self) -> int:
        """Events recorded from this time on are not settled."""
        return max(self.from_ms, self.until_ms)


def load(folder: str) -> Position | None:
    """Reads the position; None if there is none, or none that can be read."""
    try:
        with open(Path(folder) / FILE_NAME, "rb") as file:
            return msgspec.json.decode(file.read(MAX_BYTES), type=Position)
    except (OSError, msgspec.MsgspecError, UnicodeDecodeError):
        return None


def save(folder: str, position: Position) -> None:
    """Writes the position, so that it is there as a whole even after a power cut. Raises OSError."""
    path = Path(folder) / FILE_NAME
    new = path.with_suffix(".new")
    descriptor = os.open(new, os.O_WRONLY | os.O_CREAT | os.O_TRUNC | os.O_CLOEXEC, 0o644)
    try:
        os.write(descriptor, msgspec.json.encode(position))
        os.fsync(descriptor)
    finally:
        os.close(descriptor)
    new.replace(path)
    with contextlib.suppress(OSError):  # some file systems cannot sync a folder
        folder_descriptor = os.open(folder, os.O_RDONLY | os.O_DIRECTORY | os.O_CLOEXEC)
        try:
            os.fsync(folder_descriptor)
        finally:
            os.close(folder_descriptor)
