"""NamedTuple, as typing has it. Importing typing would take 3 ms of every start, and up to 10 with Python 3.11.

    TYPE_CHECKING = False
    if TYPE_CHECKING:
        from typing import Any, NamedTuple
    else:
        from kube9_cli.named_tuple import NamedTuple

It needs `from __future__ import annotations`, so that annotations are not evaluated.
"""

from __future__ import annotations

from collections import namedtuple

TYPE_CHECKING = False
if TYPE_CHECKING:
    from typing import Any


class _Meta(type):
    def __new__(cls, name: str, bases: tuple[type, ...], body: dict[str, Any]) -> Any:
        """Makes a named tuple of the annotations in a class body, with its methods."""
        if not bases:
            return super().__new__(cls, name, bases, body)
        fields = tuple(body.get("__annotations__", ()))
        defaults = [body[field] for field in fields if field in body]
        made = namedtuple(name, fields, defaults=defaults, module=body["__module__"])  # type: ignore[misc]
        for key, value in body.items():
            if key not in fields and key not in ("__annotations__", "__module__", "__qualname__"):
                setattr(made, key, value)
        return made


class NamedTuple(metaclass=_Meta):
    """The base of a class whose annotations are the fields of a tuple."""
