"""Numbers as a line of bars. Pure."""

BARS = "▁▂▃▄▅▆▇█"
NONE = " "


def sparkline(numbers: list[int]) -> str:
    """One character for each number: a blank for none, otherwise a bar. The highest bar is the greatest number."""
    most = max(numbers, default=0)
    return "".join(BARS[max(0, -(-number * len(BARS) // most) - 1)] if number > 0 else NONE for number in numbers)


def buckets(moments: list[tuple[float, int]], begin: float, end: float, count: int) -> list[int]:
    """The numbers that belong to moments, added up in `count` equal parts of the time from begin to end."""
    found = [0] * count
    for moment, number in moments:
        part = (moment - begin) / (end - begin) if end > begin else 0.0
        found[min(count - 1, max(0, int(part * count)))] += number
    return found
