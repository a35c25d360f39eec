"""Numbers for texts that repeat and for objects, given when they are first seen."""

from typing import NamedTuple

from kube9_operator.model.tally import OTHER
from kube9_operator.write.events.bounds import Bounds
from kube9_operator.write.sqlite.database import Connection, one, rows
from kube9_schema import api_groups

MAX_CACHED_WORDS = 20_000
WORD_BYTES = 20
"""What a word takes besides its own bytes, which are there twice: in the table and in its index."""


class Api(NamedTuple):
    """The API of an object, as numbers of words."""

    group: int = 0
    """The API group as part of the object's identity: see kube9_schema.api_groups."""
    version: int = 0
    """The apiVersion; 0 if it is unknown."""
    is_built_in: bool = True
    """The kind is one of Kubernetes' own: then an object of another group is another object."""


BUILT_IN = Api()


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

    def about(self, kind: int, namespace: int, name: str, uid: str, api: Api = BUILT_IN) -> tuple[int, bool]:
        """The number of an object, and whether the object is new; `kind` and `namespace` are numbers of words.

        Of a kind that Kubernetes does not have, an object of an unknown group is the one that is known: older releases did not
        store groups, and recorders may leave them out.
        """
        found = rows(
            self._connection,
            "SELECT id, api_group, api_version FROM objects WHERE name = ? AND kind = ? AND namespace = ? AND uid = ?",
            (name, kind, namespace, uid),
        )
        for number, group, version in sorted(found, key=lambda row: row[1] != api.group):
            if group == api.group or not (api.is_built_in or (group and api.group)):
                if (api.group and not group) or (api.version and not version):
                    self._connection.execute(
                        "UPDATE objects SET api_group = ?, api_version = ? WHERE id = ?",
                        (group or api.group, version or api.version, number),
                    )
                return int(number), False
        self._connection.execute(
            "INSERT INTO objects (name, kind, namespace, uid, api_group, api_version) VALUES (?, ?, ?, ?, ?, ?)",
            (name, kind, namespace, uid, api.group, api.version),
        )
        number = self._connection.last_insert_rowid()
        self.new.append(number)
        return number, True

    def api(self, namespace: str, kind: str, api_version: str) -> Api:
        """The API of an object of this kind, which something in a namespace has named."""
        group = self.word_of(namespace, api_groups.identity_group(kind, api_version))
        version = self.word_of(namespace, api_version)
        group, version = (0 if self.is_other(number) else number for number in (group, version))
        return Api(group, version, kind in api_groups.GROUPS)

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
