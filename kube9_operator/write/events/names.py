"""Numbers for texts that repeat and for objects, given when they are first used. Owns the tables words and objects."""

from collections.abc import Callable
from typing import Any, NamedTuple

from kube9_operator.model.tally import OTHER
from kube9_operator.write.events.bounds import Bounds
from kube9_operator.write.sqlite.database import Connection, one, rows
from kube9_operator.write.sqlite.session import Participant
from kube9_schema import api_groups

MAX_CACHED_WORDS = 20_000
WORD_BYTES = 20
"""What a word takes besides its own bytes, which are stored twice: in the table and in its index."""


class Api(NamedTuple):
    """The API of an object, as numbers of words."""

    group: int = 0
    """The API group as part of the object's identity: see kube9_schema.api_groups."""
    version: int = 0
    """The apiVersion; 0 if it is unknown."""
    is_built_in: bool = True
    """The kind is one of Kubernetes' own: then an object of another group is another object."""


BUILT_IN = Api()


class Place(NamedTuple):
    """What many objects have in common, as numbers of words."""

    namespace: int
    kind: int
    api: Api


class Named(NamedTuple):
    """What identifies an object: words, and the number of its API group."""

    kind: str
    namespace: str
    name: str
    uid: str
    group: int


class About(NamedTuple):
    """An object of the table objects."""

    number: int
    is_new: bool
    owner: int | None
    """The object that controls it; None if that is not known."""
    first: int | None
    """The first object of its name, kind, namespace and group; None if that was not looked up, because there are many."""


MOST_OF_NAME = 8
"""Objects of one name that are read at once. A pod of a StatefulSet that comes again and again may have hundreds."""
OF_NAME = f"""SELECT id, uid, api_group, api_version, owner FROM objects INDEXED BY objects_by_name
    WHERE name = ? AND kind = ? AND namespace = ? LIMIT {MOST_OF_NAME}"""  # noqa: S608
"""Unordered, because ORDER BY makes this search eight times as slow."""
OF_UID = """SELECT id, uid, api_group, api_version, owner FROM objects INDEXED BY objects_by_name
    WHERE name = ? AND kind = ? AND namespace = ? AND uid = ?"""


class Names(Participant):
    """Looks up and adds words and objects. Words are cached."""

    def __init__(self, connection: Connection, bounds: Bounds) -> None:
        self._connection = connection
        self._bounds = bounds
        self._words: dict[str, int] = {}
        self._apis: dict[tuple[str, str], Api] = {}
        """By kind and apiVersion, where both words were added. The words are in the cache above as long as these are here."""
        self._places: dict[tuple[str, str, str], Place] = {}
        """By namespace, kind and apiVersion, likewise."""
        self._asked_for: set[int] | None = None
        self.added_bytes = 0
        """What new words took since the last sweep. An estimate: it includes transactions that were rolled back."""
        self._new_objects: list[int] = []
        self._new_objects_before: list[int] = []
        """As they were when the transaction began."""
        self.regrouped: Callable[[int], None] = lambda _: None
        """Called with an object whose API group has become known."""
        self.added: Callable[[int, Named], int | None] = lambda *_: None
        """Called with an object that is new, before its first event is stored. Stores and returns the object that controls
        it; None if that is not known."""
        self.other_uids: dict[str, str] = {}
        """Uids that stand for others: that of a mirror pod for that of its static pod."""

    def begin(self, _now_ms: int) -> None:
        """Remembers the objects that are new before this transaction."""
        self._new_objects_before = self._new_objects.copy()

    def rolled_back(self) -> None:
        """Forgets words and objects that may have been rolled back."""
        self._clear_cache()
        self._new_objects = self._new_objects_before

    def savepoint_rolled_back(self) -> None:
        """Forgets words that may have been rolled back. A new object that was rolled back is skipped when it is read."""
        self._clear_cache()

    def start_noting(self) -> None:
        """Starts to note which words are asked for. If that was started before, it starts again."""
        self._words.clear()
        self._apis.clear()
        self._places.clear()
        self._asked_for = set()

    def asked_for(self) -> set[int]:
        """The numbers of the words that were asked for since `start_noting`."""
        self._clear_cache()
        return self._asked_for or set()

    def stop_noting(self) -> None:
        """Ends what `start_noting` began."""
        self._asked_for = None

    def take_new_object(self) -> int | None:
        """Takes one of the objects that were added lately, so that its owner is looked for; None if there are no more."""
        return self._new_objects.pop() if self._new_objects else None

    def take_back(self, number: int) -> None:
        """Takes the object that was added just now."""
        if self._new_objects and self._new_objects[-1] == number:
            self._new_objects.pop()

    def word(self, word: str) -> int:
        """The number of a word; 0 for the empty one."""
        if not word:
            return 0
        known = self._words.get(word)
        if known is None:
            known = self._known(word)
            self._cache(word, self._add(word) if known is None else known)
        return self._words[word]

    def word_of(self, namespace: str, word: str) -> int:
        """The number of a word from an object of a namespace; the number of OTHER if the namespace may not add words."""
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

    def words_of(self, namespace: str | None, *words: str) -> list[int]:
        """The numbers of several words from an object of a namespace; None for words that need no bound.

        One call for each word would cost a tenth of a new event.
        """
        known = self._words
        if namespace is None:
            return [known[word] if word in known else self.word(word) for word in words]
        return [known[word] if word in known else self.word_of(namespace, word) for word in words]

    def is_other(self, *numbers: int) -> bool:
        """Whether any of these, as `word_of` has just given them, stands for a word that was not added."""
        return self._words.get(OTHER) in numbers

    def about(self, kind: int, namespace: int, name: str, uid: str, api: Api = BUILT_IN) -> About:
        """The object of these names, which is added if it is new; `kind` and `namespace` are numbers of words.

        Of a kind that Kubernetes does not have, an object of an unknown group is the one that is known: older releases did not
        store groups, and recorders may leave them out.
        """
        uid = self.other_uids.get(uid, uid)
        place = (name, kind, namespace)
        of_name: list[tuple[Any, ...]] = self._connection.execute(OF_NAME, place).fetchall()
        is_whole = len(of_name) < MOST_OF_NAME
        found = [row for row in of_name if row[1] == uid] if is_whole else rows(self._connection, OF_UID, (*place, uid))
        if len(found) > 1:
            found.sort(key=lambda row: row[2] != api.group)
        for number, _, group, version, owner in found:
            if group == api.group or not (api.is_built_in or (group and api.group)):
                if (api.group and not group) or (api.version and not version):
                    self._connection.execute(
                        "UPDATE objects SET api_group = ?, api_version = ? WHERE id = ?",
                        (group or api.group, version or api.version, number),
                    )
                    if api.group and not group:
                        self.regrouped(number)
                        is_whole = False  # it may be the first of another group now
                return About(number, False, owner, _first(of_name, group) if is_whole else None)
        self._connection.execute(
            "INSERT INTO objects (name, kind, namespace, uid, api_group, api_version) VALUES (?, ?, ?, ?, ?, ?)",
            (name, kind, namespace, uid, api.group, api.version),
        )
        number = self._connection.last_insert_rowid()
        self._new_objects.append(number)
        first = (_first(of_name, api.group) if of_name else None) or number if is_whole else None
        return About(number, True, None, first)

    def place(self, namespace: str, kind: str, api_version: str, is_bounded: bool) -> Place:
        """The namespace, kind and API of an object, as numbers. The words of a bounded one count for its namespace."""
        key = namespace, kind, api_version
        known = self._places.get(key)
        if known is None:
            number = self.word(namespace)
            (of_kind,) = self.words_of(namespace if is_bounded else None, kind)
            known = Place(number, of_kind, self.api(namespace, kind, api_version))
            if not self.is_other(of_kind) and (kind, api_version) in self._apis:
                self._places[key] = known
        return known

    def api(self, namespace: str, kind: str, api_version: str) -> Api:
        """The API of an object of this kind, which something in a namespace has named."""
        known = self._apis.get((kind, api_version))
        if known is not None:
            return known
        group = self.word_of(namespace, api_groups.identity_group(kind, api_version))
        version = self.word_of(namespace, api_version)
        is_built_in = kind in api_groups.GROUPS
        if self.is_other(group, version):
            return Api(0 if self.is_other(group) else group, 0 if self.is_other(version) else version, is_built_in)
        found = self._apis[kind, api_version] = Api(group, version, is_built_in)
        return found

    def _clear_cache(self) -> None:
        if self._asked_for is not None:
            self._asked_for.update(self._words.values())
        self._words.clear()
        self._apis.clear()
        self._places.clear()

    def _known(self, word: str) -> int | None:
        found = one(self._connection, "SELECT id FROM words WHERE word = ?", (word,))
        return None if found is None else int(found[0])

    def _add(self, word: str) -> int:
        self._connection.execute("INSERT INTO words (word) VALUES (?)", (word,))
        self.added_bytes += word_bytes(word)
        return self._connection.last_insert_rowid()

    def _cache(self, word: str, number: int) -> None:
        if len(self._words) >= MAX_CACHED_WORDS:
            self._clear_cache()
        self._words[word] = number


def _first(of_name: list[tuple[Any, ...]], group: int) -> int | None:
    """The first of these rows of OF_NAME that is of a group."""
    return min((row[0] for row in of_name if row[2] == group), default=None)


def word_bytes(word: str) -> int:
    """Roughly what a word takes in the database."""
    return 2 * len(word.encode("utf-8", "replace")) + WORD_BYTES
