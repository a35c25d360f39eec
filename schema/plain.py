"""Text for people: which characters a reader sees as what they are. Others may act on a terminal, or deceive.

Whoever may write Events is not the person who reads them.
"""

FILLERS = (0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0)
INVISIBLE = frozenset(map(chr, (*FILLERS, *range(0xFE00, 0xFE10), *range(0xE0100, 0xE01F0))))
"""Printable for Python, and yet shown as nothing: fillers, joiners and variation selectors (Default_Ignorable_Code_Point of
https://www.unicode.org/reports/tr44/, and the blank of Braille). Controls, bidirectional and zero-width characters,
separators, tags, surrogates and unassigned characters are not printable.
"""


def is_plain(text: str) -> bool:
    """Whether every character of the text is visible, and does nothing else."""
    return text.isprintable() and (text.isascii() or INVISIBLE.isdisjoint(text))


def plain(text: str) -> str:
    """The text with an escape, such as \\x1b, in place of each character that is not plain."""
    return text if is_plain(text) else "".join(one if is_plain(one) else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
