"""Shows times as people read them: how long ago, or by the clock of a time zone. Pure."""

from __future__ import annotations

from datetime import UTC, datetime

TYPE_CHECKING = False  # importing typing takes 3 ms and more
if TYPE_CHECKING:
    from collections.abc import Iterable, Sequence

    from kube9_cli.zones import Zone

UNITS_SECONDS = ((86_400, "d"), (3_600, "h"), (60, "min"))


class Clock:
    """The time of an answer, and the zone of the times in it."""

    def __init__(self, now_seconds: float, zone: Zone | None = None, ages: bool = True) -> None:
        """With `ages`, tables show how long ago something was. Without a zone it is UTC."""
        self.now_seconds, self.ages = now_seconds, ages
        self._zone = zone
        self.now = self.at(now_seconds)
        name = self.now.tzname() or "local"
        self.zone_name = f"UTC{name}" if name[0] in "+-" else name

    def at(self, seconds: float) -> datetime:
        """A time in seconds since 1970, in this zone."""
        return self._zone.at(int(seconds * 1000)) if self._zone else datetime.fromtimestamp(seconds, UTC)

    @property
    def suffix(self) -> str:
        """What a heading adds: the zone, if the column has times of a clock."""
        return "" if self.ages else f" {self.zone_name}"

    def read(self, text: str) -> datetime:
        """An ISO 8601 time of an answer, in this zone. For a time that only a crafted database holds it is the latest one."""
        try:
            moment = datetime.fromisoformat(text)
            return self.at(moment.timestamp()) if self._zone else moment
        except (ValueError, OverflowError):
            return datetime.max.replace(tzinfo=UTC)

    def passed(self, moment: datetime) -> float:
        """The seconds since then; negative for a time to come."""
        return self.now_seconds - moment.timestamp()

    def range(self, begin: datetime, end: datetime | None = None, between: str = "") -> str:
        """One or two times with the zone. A date that is today's, or the same as that of the first time, is left out."""
        end = begin if end is None else end
        today = begin.date() == end.date() == self.now.date()
        form = "%H:%M" if begin.second == begin.microsecond == end.second == end.microsecond == 0 else "%H:%M:%S"
        first = f"{begin:{form if today else f'%Y-%m-%d {form}'}}"
        second = f"{between}{end:{form if begin.date() == end.date() else f'%Y-%m-%d {form}'}}" if between else ""
        return f"{first}{second} {self.zone_name}"

    def cells(self, ranges: Sequence[tuple[datetime, ...]]) -> list[str]:
        """The times of a column, the later one of a range first. All times of a column have the same form."""
        if self.ages:
            return ["..".join(age(self.passed(one)) for one in times) for times in ranges]
        form = self.form(one for times in ranges for one in times)
        return ["..".join(f"{one:{form}}" for one in times) for times in ranges]

    def form(self, moments: Iterable[datetime]) -> str:
        """The form of the clock that says as much as these times need: a date only if one is not of today."""
        days = {one.date() for one in moments}
        if days <= {self.now.date()}:
            return "%H:%M:%S"
        return "%m-%d %H:%M:%S" if {one.year for one in days} == {self.now.year} else "%Y-%m-%d %H:%M:%S"


def age(seconds: float) -> str:
    """How long ago, as kubectl shows it: 45s, 12m, 3h20m, 5d4h."""
    passed = max(0, int(seconds))
    if passed < 120:
        return f"{passed}s"
    minutes = passed // 60
    if minutes < 120:
        return f"{minutes}m"
    hours = minutes // 60
    if hours < 48:
        return f"{hours}h{minutes % 60}m" if minutes % 60 else f"{hours}h"
    return f"{hours // 24}d{hours % 24}h" if hours % 24 else f"{hours // 24}d"


def ago(seconds: float) -> str:
    """How long ago, in words: 5 s ago, 2 min ago, 3 h ago, 4 d ago."""
    passed = max(0, round(seconds))
    for size, unit in UNITS_SECONDS:
        if passed >= 2 * size:
            return f"{passed // size} {unit} ago"
    return f"{passed} s ago"
