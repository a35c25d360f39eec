"""The report in a real browser: it asks for nothing, runs nothing of the record, and its table can be searched.

`make bench PART=page` measures the search.
"""

from pathlib import Path

import pytest

from tests import cli_database
from tests.browser import Browser
from tests.cli import run_cli
from tests.operator import until
from tests.record import Record
from tests.unit.test_report import HOSTILE, covered, reported

pytestmark = pytest.mark.cluster
SEARCHED = """(() => {
    const field = document.getElementById('search');
    field.value = %s;
    field.dispatchEvent(new Event('input'));
})()"""
ROWS = "document.querySelectorAll('#events tbody tr:not([hidden])')"
SHOWN = f"{ROWS}.length"


@pytest.fixture(scope="module")
def page(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A report of 5,000 events."""
    folder = tmp_path_factory.mktemp("report")
    cli_database.build(folder, 5_000)
    path = folder / "report.html"
    done = run_cli(folder, "report", "--since=8d", "--output", str(path))
    assert done.returncode == 0, done.stderr
    assert path.stat().st_size < 2_000_000
    return path


def test_five_thousand_events_are_searched_without_a_request(page: Path, tmp_path: Path) -> None:
    with Browser(tmp_path) as browser:
        browser.open(page)
        assert browser.run("document.querySelectorAll('#events tbody tr').length") == 5_000
        assert browser.run(SHOWN) == 100
        browser.run(SEARCHED % "'FailedMount team-2'")
        found = browser.run(f"Array.from({ROWS}, row => row.textContent)")
        assert found
        assert all("FailedMount" in row and "team-2" in row for row in found)
        browser.run("document.getElementById('all').click()")
        browser.run(SEARCHED % "''")
        assert browser.run(SHOWN) == 5_000, "all of them, once they were asked for"
        browser.run("severity.value = '3', severity.dispatchEvent(new Event('change'))")
        assert set(browser.run(f"Array.from({ROWS}, row => row.cells[1].textContent)")) == {"critical"}
        assert browser.requests == [page.as_uri()]
        assert browser.said == []


def test_a_link_shows_its_event_also_if_the_table_does_not(page: Path, tmp_path: Path) -> None:
    with Browser(tmp_path) as browser:
        browser.open(page)
        last = "document.querySelector('#events tbody tr:last-child')"
        assert browser.run(f"{last}.hidden")
        browser.run(f"location.hash = {last}.id")
        until(lambda: not browser.run(f"{last}.hidden"), "the row of the link")


def test_hostile_texts_execute_nothing(tmp_path: Path) -> None:
    record = Record(tmp_path)
    covered(record)
    for at, text in enumerate(HOSTILE):
        record.event(f"Pod/shop/web-{at}", text, title=text, description=text, severity="error", changed_by=text)
    reported(record)
    with Browser(tmp_path / "browser") as browser:
        browser.open(tmp_path / "report.html")
        assert browser.run("typeof window.hurt") == "undefined"
        assert browser.run(SHOWN) == len(HOSTILE)
        assert browser.run("getComputedStyle(document.body).display") == "block"
        assert browser.said == [], "no violation of the policy either: nothing tried"
        # The policy itself, for what escaping might ever miss.
        browser.run(
            "document.body.insertAdjacentHTML('beforeend', '<img src=https://example.invalid/x onerror=\"window.hurt=1\">')"
        )
        browser.run("new Promise(done => setTimeout(done, 200))")
        assert browser.run("typeof window.hurt") == "undefined"
        assert any("Content Security Policy" in str(entry) for entry in browser.said)


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_it_is_readable_in_both_schemes_and_on_paper(page: Path, tmp_path: Path, scheme: str) -> None:
    with Browser(tmp_path) as browser:
        browser.call("Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}])
        browser.open(page)
        colour, behind = browser.run(
            "(() => { const s = getComputedStyle(document.body); return [s.color, s.backgroundColor]; })()"
        )
        assert (colour, behind) == {
            "light": ("rgb(27, 31, 36)", "rgb(255, 255, 255)"),
            "dark": ("rgb(230, 237, 243)", "rgb(13, 17, 23)"),
        }[scheme]
        assert browser.run("document.documentElement.scrollWidth <= document.documentElement.clientWidth"), (
            "nothing is cut at the side"
        )
        browser.call("Emulation.setDeviceMetricsOverride", width=400, height=800, deviceScaleFactor=1, mobile=True)
        assert browser.run("document.documentElement.scrollWidth <= 400"), "a table scrolls, and not the page"
        browser.call("Emulation.clearDeviceMetricsOverride")
        browser.call("Emulation.setEmulatedMedia", media="print")
        assert browser.run("getComputedStyle(document.getElementById('filters')).display") == "none"
