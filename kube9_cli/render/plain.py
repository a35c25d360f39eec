"""Text that no terminal acts on and that deceives no reader. Pure.

Whoever may write Events is not whoever reads them. Three ways to show a character that is not plain: as a space (tables and
errors), escaped for JSON, escaped for YAML.
"""

import json
from collections.abc import Callable

FILLERS = (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0)
INVISIBLE = frozenset(map(chr, (*FILLERS, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
"""Printable for Python, and yet shown as nothing: fillers, joiners and variation selectors (Default_Ignorable_Code_Point of
https://www.unicode.org/reports/tr44/, and the blank of Braille). Controls, bidirectional and zero-width characters,
separators, tags, surrogates and unassigned characters are not printable.
"""


class _Shown(dict[int, str]):
    """For str.translate: each character as it is, or as it is shown where it is not plain."""

    def __init__(self, instead: Callable[[str], str]) -> None:
        super().__init__()
        self._instead = instead

    def __missing__(self, code: int) -> str:
        character = chr(code)
        shown = self[code] = character if is_plain(character) else self._instead(character)
        return shown


def is_plain(text: str) -> bool:
    """Whether every character of it is seen, and does nothing but to be seen."""
    return text.isprintable() and (text.isascii() or INVISIBLE.isdisjoint(text))


def plain(text: str) -> str:
    """The text with a space for every character that is not plain."""
    return text if is_plain(text) else text.translate(_spaces)


def in_json(text: str) -> str:
    """A JSON text with those characters of its strings escaped: what is decoded is the same."""
    return text if is_plain(text) else text.translate(_json)


def in_yaml(text: str) -> str:
    """A YAML text with those characters of its double-quoted strings escaped, its own newlines apart."""
    return text.translate(_yaml)


def whole_characters(text: str) -> str:
    """The text with the replacement character for every lone surrogate, which neither UTF-8 nor YAML can have."""
    return text if is_plain(text) else text.encode("utf-16", "surrogatepass").decode("utf-16", "replace")


def _escaped_for_yaml(character: str) -> str:
    code = ord(character)
    return f"\\u{code:04X}" if code <= 0xFFFF else f"\\U{code:08X}"


_spaces = _Shown(lambda _: " ")
_json = _Shown(lambda character: json.dumps(character)[1:-1])
_yaml = _Shown(_escaped_for_yaml)
_yaml[ord("\n")] = "\n"
