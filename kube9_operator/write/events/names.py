"""Numbers for texts that repeat and for objects, given when they are first seen."""

from kube9_operator.model.tally import OTHER
from kube9_operator.write.events.bounds import Bounds
from kube9_operator.write.sqlite.database import Connection, one

MAX_CACHED_WORDS = 20_000
WORD_BYTES = 20
"""What a word takes besides its own bytes, which are there twice: in the table and in its index."""


class Names:
    """The tables words and objects. The cache may hold what is not committed yet: see `forget`."""

    def __init__(self, connection: Connection, bounds: Bounds) -> None:
        self._connection = connection
        self._bounds = bounds
        self._words: dict[str, int] = {}
        self._asked_for: set[int] | None = None
        self.added_bytes = 0
        """What new words took since the last sweep, those of transactions that were rolled back included."""
        self.new: list[int] = []
        """Objects that were given a number in the transaction at hand, whose owners are to be looked for; some may have been
        taken back since.
        """
        self.other_uids: dict[str, str] = {}
        """Uids that stand for others: that of a mirror pod for that of its static pod."""

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
            known = self._known(word)
            self._cache(word, self._add(word) if known is None else known)
        return self._words[word]

    def word_of(self, namespace: str, word: str) -> int:
        """The number of a word that something in a namespace brings; that of OTHER where it is new and may not be added."""
        if not word:
            return 0
        known = self._words.get(word)
        if known is None:
            known = self._known(word)
            if known is None:
                if not self._bounds.may_add(namespace, word_bytes(word)):
                    return self.word(OTHER)
                known = self._add(word)
            self._cache(word, known)
        return known

    def is_other(self, *numbers: int) -> bool:
        """Whether any of these, as `word_of` has just given them, stands for a word that was not added."""
        return self._words.get(OTHER) in numbers

    def about(self, kind: int, namespace: int, name: str, uid: str) -> tuple[int, bool]:
        """The number of an object, and whether it was given just now; `kind` and `namespace` are numbers of words."""
        values = (name, kind, namespace, self.other_uids.get(uid, uid))
        found = one(
            self._connection, "SELECT id FROM objects WHERE name = ? AND kind = ? AND namespace = ? AND uid = ?", values
        )
        if found is not None:
            return int(found[0]), False
        self._connection.execute("INSERT INTO objects (name, kind, namespace, uid) VALUES (?, ?, ?, ?)", values)
        number = self._connection.last_insert_rowid()
        self.new.append(number)
        return number, True

    def _known(self, word: str) -> int | None:
        found = one(self._connection, "SELECT id FROM words WHERE word = ?", (word,))
        return None if found is None else int(found[0])

    def _add(self, word: str) -> int:
        self._connection.execute("INSERT INTO words (word) VALUES (?)", (word,))
        self.added_bytes += word_bytes(word)
        return self._connection.last_insert_rowid()

    def _cache(self, word: str, number: int) -> None:
        if len(self._words) >= MAX_CACHED_WORDS:
            self.forget()
        self._words[word] = number


def word_bytes(word: str) -> int:
    """What a word takes in the database, roughly."""
    return 2 * len(word.encode("utf-8", "replace")) + WORD_BYTES
