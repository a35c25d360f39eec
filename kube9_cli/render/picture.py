"""The timeline of a report as a picture (SVG): a lane for each owner, bars for problems, points for changes. Pure."""

from html import escape
from typing import Any

from kube9_cli.query.report import Report
from kube9_cli.render.clock import Clock
from kube9_cli.render.escape import plain
from kube9_cli.render.summary import owner
from kube9_cli.render.table import about, placed, short
from kube9_cli.render.width import cut_inside
from kube9_cli.selection import Selection

WIDTH, LABELS, LANE, TOP = 1_000, 240, 20, 24
MOST_LANES = 30
LABEL_CHARACTERS = 36
TICKS = 6
LEAST_BAR = 3.0
SEVERITIES = ("warning", "error", "critical")


def drawn(found: Report, selection: Selection, clock: Clock) -> list[str]:
    """The section with the picture."""
    lines = found.timeline.lines
    if not lines:
        return []
    begin, end = (selection.since_ms or 0) / 1000, (selection.until_ms or 0) / 1000
    scale = _Scale(begin, end, clock)
    lanes: dict[str, list[dict[str, Any]]] = {}
    for line in lines:
        lanes.setdefault(_lane(line), []).append(line)
    shown = list(lanes.items())[:MOST_LANES]
    height = TOP + LANE * len(shown) + LANE
    parts = [
        '<section><h2 id="timeline">Timeline</h2>',
        f'<svg viewBox="0 0 {WIDTH} {height}" aria-labelledby="timeline">',
        '<defs><pattern id="unwatched" width="6" height="6" patternUnits="userSpaceOnUse">'
        '<path class="hatch" d="M0 6L6 0"></path></pattern></defs>',
    ]
    for (x, wide), said in _gaps(found, scale).items():
        parts.append(f'<rect class="gap" x="{x}" y="{TOP}" width="{wide}" height="{LANE * len(shown)}">{_title(said)}</rect>')
    for at in range(TICKS + 1):
        x = round(LABELS + (WIDTH - LABELS) * at / TICKS, 1)
        anchor = "end" if at == TICKS else "middle"
        moment = clock.at(begin + (end - begin) * at / TICKS)
        parts.append(f'<line class="axis" x1="{x}" x2="{x}" y1="{TOP}" y2="{height - LANE}"></line>')
        parts.append(f'<text class="faint" x="{x}" y="{TOP - 8}" text-anchor="{anchor}">{moment:%m-%d %H:%M}</text>')
    if found.timeline.onset_ms is not None:
        x = scale.at(found.timeline.onset_ms / 1000)
        parts.append(f'<line class="onset" x1="{x}" x2="{x}" y1="{TOP}" y2="{height - LANE}">{_title("onset")}</line>')
    ids = {event["id"] for event in found.events}
    for at, (name, of_lane) in enumerate(shown):
        y = TOP + LANE * at
        label = escape(plain(cut_inside(name, LABEL_CHARACTERS)))
        parts.append(f'<text x="0" y="{y + 14}">{label}{_title(name)}</text>')
        parts += [_mark(line, y, scale, ids) for line in of_lane if line["change"] in ("broke", "changed", "recovered")]
    left = len(lanes) - len(shown)
    parts.append("</svg>")
    said = (
        f"Times in {clock.zone_name}. Bars are problems, from the first to the last time they were seen; points are changes. "
    )
    said += "Hatched times were not fully watched. The dashed line is the onset."
    said += f" {left} more objects are not drawn." if left else ""
    return [*parts, f'<p class="soft">{escape(said)}</p>', "</section>"]


def _gaps(found: Report, scale: "_Scale") -> dict[tuple[float, float], str]:
    """Where something was not watched, and what. Places that overlap are one."""
    joined: list[tuple[float, float, set[str]]] = []
    for gap in sorted(found.coverage["gaps"], key=lambda gap: (gap["from"], gap["to"])):
        x, wide = scale.part(gap["from"], gap["to"])
        if joined and x <= joined[-1][1]:
            begin, end, sources = joined.pop()
            joined.append((begin, max(end, x + wide), sources | {gap["source"]}))
        elif wide:
            joined.append((x, x + wide, {gap["source"]}))
    return {(x, round(end - x, 1)): f"not fully watched: {', '.join(sorted(sources))}" for x, end, sources in joined}


def _lane(line: dict[str, Any]) -> str:
    """The outermost owner."""
    if "cause" in line:
        return placed(line, short(owner(line["owner"])))
    above = line.get("owner")
    if above is None:
        return placed(line, short(about(line)))
    names = (above["kind"], line.get("object_namespace", ""), above["name"])
    return placed(line, short("/".join(name for name in names if name)))


def _mark(line: dict[str, Any], y: int, scale: "_Scale", ids: set[str]) -> str:
    """A bar or a point, which leads to its event."""
    said = f"{line['at']}: {line.get('title', line.get('cause', ''))}"
    if line["change"] == "broke":
        x, wide = scale.part(line["at"], line["last_seen_at"])
        severity = line["severity"] if line["severity"] in SEVERITIES else SEVERITIES[0]
        mark = (
            f'<rect class="bar bar-{severity}" x="{x}" y="{y + 4}" width="{max(LEAST_BAR, wide)}" height="{LANE - 8}">'
            f"{_title(said)}</rect>"
        )
    else:
        x = scale.part(line["at"], line["at"])[0]
        look = "good" if line["change"] == "recovered" else "info"
        mark = f'<circle class="dot-{look}" cx="{x}" cy="{y + LANE // 2}" r="4">{_title(said)}</circle>'
    return f'<a href="#{line["event"]}">{mark}</a>' if line["event"] in ids else mark


def _title(said: str) -> str:
    return f"<title>{escape(plain(said))}</title>"


class _Scale:
    """Where times are in the picture."""

    def __init__(self, begin: float, end: float, clock: Clock) -> None:
        self._begin, self._length, self._clock = begin, max(0.001, end - begin), clock

    def at(self, seconds: float) -> float:
        """The place of a time. One outside of the asked time is at the edge."""
        part = min(1.0, max(0.0, (seconds - self._begin) / self._length))
        return round(LABELS + (WIDTH - LABELS) * part, 1)

    def part(self, begin: str, end: str) -> tuple[float, float]:
        """The place of a time that lasts, and how wide it is."""
        first, last = (self.at(self._clock.read(one).timestamp()) for one in (begin, end))
        return first, round(last - first, 1)
