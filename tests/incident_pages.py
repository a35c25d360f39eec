"""`make picture`: the answers in docs/incident.md and its pictures, from the incident as the real operator records it."""

import base64
import re
import tempfile
from datetime import datetime
from pathlib import Path

from tests.browser import Browser
from tests.incident import AFTER, COLUMNS, DURING, Incident
from tests.picture import drawn

DOCS = Path(__file__).parent.parent / "docs"
DOCUMENT, TIMELINE, REPORT = DOCS / "incident.md", DOCS / "incident.svg", DOCS / "incident-report.png"
BEGIN = datetime.fromisoformat("2026-11-24T14:05:00+00:00").timestamp()
ASKED = {
    "kubectl kube9 events summary --severity warning+ --since 30m": DURING,
    "kubectl kube9 events timeline --for deploy/web -n shop --since 30m": DURING,
    "kubectl kube9 events get po/shop/web-7c8d5b6f9d-x2k4p": DURING,
    "kubectl kube9 events list -n shop --severity info --around 14:05": DURING,
    "kubectl kube9 insights list": AFTER,
    "kubectl kube9 events export --for deploy/web -n shop --since 14:00 -o csv > web.csv": AFTER,
    "kubectl kube9 report --for deploy/web -n shop --since 14:00 --output web.html": AFTER,
}
"""The command lines of the document, and the minute in which each is typed."""
IN_PICTURE = "kubectl kube9 events timeline --for deploy/web -n shop --since 30m"
ANSWER = re.compile(r"^    \$ (kubectl kube9 .*)\n(?:    .*\n|\n(?=    (?!\$ )))*", re.MULTILINE)
"""A command line of the document with its answer, in which lines may be empty."""
WINDOW = {"width": 1000, "height": 1150, "deviceScaleFactor": 1, "mobile": False}
"""The part of the report that is in the picture."""


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="kube9-incident-") as name:
        folder = Path(name)
        answers, picture = told(folder)
        DOCUMENT.write_text(answered(DOCUMENT.read_text(encoding="utf-8"), answers), encoding="utf-8")
        TIMELINE.write_text(picture, encoding="utf-8")
        REPORT.write_bytes(photograph(folder / "web.html", folder / "browser"))


def told(folder: Path) -> tuple[dict[str, str], str]:
    """What each command line says, and the picture of one of them. Files that they write are in the folder."""
    answers, picture = dict[str, str](), ""
    with Incident(folder, BEGIN, TZ="UTC") as incident:
        for minute, _ in incident.recorded():
            answers |= {line: incident.ask(line) for line, when in ASKED.items() if when == minute}
            if minute == ASKED[IN_PICTURE]:
                picture = drawn(IN_PICTURE, incident.ask(IN_PICTURE, COLUMNS, colours=True).splitlines(), COLUMNS)
    return answers, picture


def answered(text: str, answers: dict[str, str]) -> str:
    """The document with these answers."""

    def block(found: re.Match[str]) -> str:
        lines = (f"$ {found[1]}", *answers[found[1]].splitlines())
        return "".join(f"    {line}".rstrip() + "\n" for line in lines)

    return ANSWER.sub(block, text)


def photograph(page: Path, folder: Path) -> bytes:
    """The upper part of a page as Chromium shows it, as PNG."""
    folder.mkdir()
    with Browser(folder) as browser:
        browser.call("Emulation.setDeviceMetricsOverride", **WINDOW)
        browser.open(page)
        return base64.b64decode(browser.call("Page.captureScreenshot", format="png")["data"])


if __name__ == "__main__":
    main()
