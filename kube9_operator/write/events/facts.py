"""Single values that the database keeps by name: the table facts."""

from typing import Any

from kube9_operator.write.events import stored
from kube9_operator.write.sqlite.database import Connection, one


class Facts:
    """Reads and writes facts, without a cache."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection

    def get(self, name: str, default: Any = None) -> Any:
        """The value of a fact, or the default if there is none."""
        row = one(self._connection, "SELECT value FROM facts WHERE name = ?", (name,))
        return default if row is None else row[0]

    def number(self, name: str, default: int) -> int:
        """The value of a fact that is a number. Raises Damaged if it is none."""
        return stored.number(self.get(name, default))

    def set(self, name: str, value: int | str) -> None:
        """Stores a fact in the current transaction."""
        self._connection.execute("INSERT OR REPLACE INTO facts (name, value) VALUES (?, ?)", (name, value))
