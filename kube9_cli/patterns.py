"""Values of filters: literal, or patterns with * (any characters) and ? (any character). Pure."""

from __future__ import annotations

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Callable, Iterable

SPECIAL = "*?"


def is_pattern(text: str) -> bool:
    """Whether the text has a special character."""
    return any(one in text for one in SPECIAL)


def beginning(text: str) -> str:
    """What each text that matches the pattern begins with."""
    return text[: next((at for at, one in enumerate(text) if one in SPECIAL), len(text))]


def end(text: str) -> str:
    """What each text that matches the pattern ends with."""
    return beginning(text[::-1])[::-1]


def matcher(texts: Iterable[str], any_case: bool) -> Callable[[str], bool]:
    """A function that says whether a text matches one of these patterns. It takes linear time, whatever the patterns are."""
    texts = tuple(texts)
    if any_case and not any(is_pattern(one) or not one.isascii() for one in texts):
        wanted = {one.lower() for one in texts}  # importing re takes 6 ms
        return lambda text: text.lower() in wanted
    import fnmatch  # only where it is needed
    import re

    # The translation has only atomic groups, so it never tracks back.
    parts = [fnmatch.translate(one.replace("[", "[[]")) for one in texts]
    compiled = re.compile("|".join(parts), re.IGNORECASE if any_case else 0)
    return lambda text: compiled.match(text) is not None
