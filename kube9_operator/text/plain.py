"""Text for people: what acts on a terminal, or is not seen, is shown as an escape. The CLI has a module of this kind too."""

INVISIBLE = frozenset(
    map(
        chr,
        (
            *(0x034F, 0x115F, 0x1160, 0x17B4, 0x17B5, 0x180B, 0x180C, 0x180D, 0x180F, 0x2800, 0x3164, 0xFFA0),
            *range(0xFE00, 0xFE10),
            *range(0xE0100, 0xE01F0),
        ),
    )
)
"""Printable for Python, and yet shown as nothing; a test compares them with those of the CLI."""


def plain(text: str) -> str:
    """The text with an escape, like \\x1b, for every character that is not seen as what it is."""
    if text.isprintable() and (text.isascii() or INVISIBLE.isdisjoint(text)):
        return text
    return "".join(one if one.isprintable() and one not in INVISIBLE else _escaped(one) for one in text)


def _escaped(character: str) -> str:
    return character.encode("unicode_escape", "backslashreplace").decode("ascii")
