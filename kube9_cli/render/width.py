"""Texts in the columns of a terminal: how many they take, and how they are cut and wrapped. Pure."""

CUT = "…"
LONG_WORD = 30
"""A word of so many characters may be broken."""


class _Columns(dict[str, int]):
    """How many columns of a terminal a character takes. A page has many characters, and few different ones."""

    def __missing__(self, character: str) -> int:
        import unicodedata  # only where it is needed

        if unicodedata.category(character) in ("Mn", "Me"):
            takes = 0
        else:
            takes = 2 if unicodedata.east_asian_width(character) in "WF" else 1
        self[character] = takes
        return takes


_columns = _Columns({CUT: 1} | {chr(code): 1 for code in range(128)}).__getitem__


def columns(text: str) -> int:
    """How many columns of a terminal a text takes: East Asian characters and emoji take two, accents none."""
    return len(text) if text.isascii() else sum(map(_columns, text))


def beginning(text: str, most: int) -> str:
    """As much of the text as fits into so many columns. It looks no further than that, because a message may be long."""
    first = text[: max(0, most)]
    if first.isascii() and text[len(first) : len(first) + 1].isascii():
        return first
    room = most
    for at, character in enumerate(text):
        room -= _columns(character)
        if room < 0:
            return text[:at]
    return text


def ending(text: str, most: int) -> str:
    """As much of the end of the text as fits into so many columns. It does not begin with an accent."""
    at = len(text)
    for character in reversed(text):
        wide = _columns(character)
        if wide > most:
            break
        most -= wide
        at -= 1
    while at < len(text) and _columns(text[at]) == 0:
        at += 1
    return text[at:]


def fits(text: str, most: int) -> bool:
    """Whether the text takes no more columns."""
    return len(beginning(text, most)) == len(text)


def cut(text: str, most: int) -> str:
    """The text, cut at its end if it takes more columns."""
    return text if fits(text, most) else beginning(text, most - 1) + CUT * (most > 0)


def cut_inside(text: str, most: int, first: int | None = None) -> str:
    """The text, cut in its middle if it takes more columns. `first` columns are of its beginning, half of them by default."""
    if fits(text, most):
        return text
    if most < 1:
        return ""
    first = most // 2 if first is None else first
    return beginning(text, first) + CUT + ending(text, most - 1 - first)


def padded(text: str, wide: int) -> str:
    """The text, filled up with spaces."""
    return text + " " * (wide - columns(text))


def wrapped(text: str, wide: int, most_lines: int) -> list[str]:
    """The text in lines of at most so many columns, broken between words where it is possible.

    Of a text that needs more than `most_lines` the middle is left out: an error often ends with its cause.
    """
    lines, room = _broken(text, wide, most_lines), wide * most_lines
    while len(lines) > most_lines and room > 0:
        lines = _broken(_abridged(text, room), wide, most_lines)
        room -= max(1, wide // 8)  # breaking between words takes room too
    return lines


def _abridged(text: str, most: int) -> str:
    """The text without its middle if it takes more columns. Words stay whole where they are not long."""
    if fits(text, most) or most < LONG_WORD:
        return cut_inside(text, most)
    first = beginning(text, most * 3 // 5)
    last = ending(text, most - columns(first) - len(f" {CUT} "))
    space = first.rfind(" ", max(0, len(first) - LONG_WORD))
    first = first if space < 0 else first[:space]
    space = last.find(" ", 0, LONG_WORD)
    return f"{first} {CUT} {last[space + 1 :]}".strip()


def _broken(text: str, wide: int, most_lines: int) -> list[str]:
    """The text in lines, no more than one above `most_lines`. Only a word that is longer than a line is broken."""
    lines: list[str] = []
    while not fits(text, wide) and len(lines) < most_lines:
        line = beginning(text, wide)
        end = len(line) if text[len(line)] == " " else line.rfind(" ")
        if end < 1 or not fits(text[end + 1 :].partition(" ")[0], wide):
            end = max(1, len(line))
        lines.append(text[:end].rstrip())
        text = text[end:].lstrip()
    return [*lines, text] if text or not lines else lines
