"""Shows characters that are not plain: as a space (tables and errors), escaped for JSON, or escaped for YAML. Pure."""

from __future__ import annotations

from kube9_cli import json_text
from kube9_schema.plain import is_plain

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Callable


class _Shown(dict[int, str]):
    """A table for str.translate: plain characters as they are, others as `instead` shows them."""

    def __init__(self, instead: Callable[[str], str]) -> None:
        super().__init__()
        self._instead = instead

    def __missing__(self, code: int) -> str:
        character = chr(code)
        shown = self[code] = character if is_plain(character) else self._instead(character)
        return shown


def plain(text: str) -> str:
    """The text with a space in place of each character that is not plain."""
    return text if is_plain(text) else text.translate(_spaces)


def in_json(text: str) -> str:
    """A JSON text with these characters escaped in its strings. It decodes to the same value."""
    return text if is_plain(text) else text.translate(_json)


def in_yaml(text: str) -> str:
    """A YAML text with these characters escaped in its double-quoted strings. The newlines of YAML itself stay."""
    return text.translate(_yaml)


def whole_characters(text: str) -> str:
    """The text with the replacement character in place of each lone surrogate, which UTF-8 and YAML cannot represent."""
    return text if is_plain(text) else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _escaped_for_yaml(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


_spaces = _Shown(lambda _: " ")
_json = _Shown(lambda character: json_text.quoted(character)[1:-1])
_yaml = _Shown(_escaped_for_yaml)
_yaml[ord("\n")] = "\n"
