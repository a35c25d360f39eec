"""NamedTuple, as typing has it. Importing typing takes 3 ms of a start, and 10 with Python 3.11.

    TYPE_CHECKING = False
    if TYPE_CHECKING:
        from typing import Any, NamedTuple
    else:
        from kube9_cli.named_tuple import NamedTuple

It needs `from __future__ import annotations`, so that annotations are not evaluated. collections.namedtuple would compile a
function for each class, which takes 20 times as long as a class of these.
"""

from __future__ import annotations

from operator import itemgetter

try:
    from _collections import _tuplegetter as _getter  # type: ignore[import-not-found]
except ImportError:  # an interpreter without it

    def _getter(index: int, doc: str | None) -> property:
        return property(itemgetter(index), doc=doc)


TYPE_CHECKING = False
if TYPE_CHECKING:
    from collections.abc import Iterable
    from typing import Any, Self


class _Tuple(tuple):  # type: ignore[type-arg]
    """What all of them have."""

    __slots__ = ()
    _fields: tuple[str, ...] = ()
    _field_defaults: dict[str, Any] = {}  # noqa: RUF012  # each class has its own

    def __new__(cls, *values: Any, **named: Any) -> Self:
        """Raises TypeError for values that are missing, or too many."""
        if named or len(values) != len(cls._fields):
            given = dict(zip(cls._fields, values, strict=False))
            if len(values) > len(cls._fields) or not given.keys().isdisjoint(named) or not set(named) <= set(cls._fields):
                raise TypeError(f"{cls.__name__} takes {', '.join(cls._fields)}, each once")
            given = cls._field_defaults | given | named
            if len(given) != len(cls._fields):
                raise TypeError(f"{cls.__name__} needs {', '.join(one for one in cls._fields if one not in given)}")
            values = tuple(given[field] for field in cls._fields)
        return tuple.__new__(cls, values)

    @classmethod
    def _make(cls, values: Iterable[Any]) -> Self:
        """One with these values. Raises TypeError if there are more or fewer than fields."""
        made = tuple.__new__(cls, values)
        if len(made) != len(cls._fields):
            raise TypeError(f"{cls.__name__} has {len(cls._fields)} fields, not {len(made)}")
        return made

    def _replace(self, **changes: Any) -> Self:
        """The same with other values of these fields. Raises ValueError for an unknown one."""
        made = self._make(map(changes.pop, self._fields, self))
        if changes:
            raise ValueError(f"{type(self).__name__} has no {', '.join(changes)}")
        return made

    def _asdict(self) -> dict[str, Any]:
        """The values by the names of their fields."""
        return dict(zip(self._fields, self, strict=True))

    def __getnewargs__(self) -> tuple[Any, ...]:
        return tuple(self)

    def __repr__(self) -> str:
        shown = (f"{field}={value!r}" for field, value in zip(self._fields, self, strict=True))
        return f"{type(self).__name__}({', '.join(shown)})"


class _Meta(type):
    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Any:
        """Makes a class of named tuples of the annotations in a class body."""
        if not bases:
            return super().__new__(cls, name, bases, body)
        fields = tuple(body.pop("__annotations__", ()))
        defaults = {field: body.pop(field) for field in fields if field in body}
        getters = {field: _getter(at, None) for at, field in enumerate(fields)}
        own = {"__slots__": (), "_fields": fields, "_field_defaults": defaults, "__match_args__": fields}
        return type(name, (_Tuple,), body | getters | own)


class NamedTuple(metaclass=_Meta):
    """The base of a class whose annotations are the fields of a tuple."""
