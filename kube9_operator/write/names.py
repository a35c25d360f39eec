"""Numbers for texts that repeat and for objects, given when they are first seen."""

from typing import Any

from kube9_operator.write.database import Connection, one

MAX_CACHED_WORDS = 20_000


class Names:
    """The tables words and objects. The cache may hold what is not committed yet: see `forget`."""

    def __init__(self, connection: Connection) -> None:
        self._connection = connection
        self._words: dict[str, int] = {}
        self._asked_for: set[int] | None = None
        self.new: list[int] = []
        """Objects that were given a number in the transaction at hand, whose owners are to be looked for; some may have been
        taken back since.
        """

    def forget(self) -> None:
        """To be called after a rollback."""
        if self._asked_for is not None:
            self._asked_for.update(self._words.values())
        self._words.clear()

    def watch(self) -> None:
        """Begins to note which words are asked for; anew where it was begun before."""
        self._words.clear()
        self._asked_for = set()

    def asked_for(self) -> set[int]:
        """The numbers of the words that were asked for since `watch`."""
        self.forget()
        return self._asked_for or set()

    def unwatch(self) -> None:
        """Ends what `watch` began."""
        self._asked_for = None

    def word(self, word: str) -> int:
        """The number of a word; 0 is none."""
        if not word:
            return 0
        known = self._words.get(word)
        if known is None:
            known, _ = self._row_id("SELECT id FROM words WHERE word = ?", "INSERT INTO words (word) VALUES (?)", (word,))
            if len(self._words) >= MAX_CACHED_WORDS:
                self.forget()
            self._words[word] = known
        return known

    def about(self, kind: int, namespace: int, name: str, uid: str) -> tuple[int, bool]:
        """The number of an object, and whether it was given just now; `kind` and `namespace` are numbers of words."""
        found = self._row_id(
            "SELECT id FROM objects WHERE name = ? AND kind = ? AND namespace = ? AND uid = ?",
            "INSERT INTO objects (name, kind, namespace, uid) VALUES (?, ?, ?, ?)",
            (name, kind, namespace, uid),
        )
        if found[1]:
            self.new.append(found[0])
        return found

    def _row_id(self, select: str, insert: str, values: tuple[Any, ...]) -> tuple[int, bool]:
        """The number of a row, and whether it is a new one."""
        found = one(self._connection, select, values)
        if found is None:
            self._connection.execute(insert, values)
            return self._connection.last_insert_rowid(), True
        number: int = found[0]
        return number, False
