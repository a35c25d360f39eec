"""How long the search of a report of 5,000 events takes in a browser, and how large the report is."""

import json
import statistics
import tempfile
from pathlib import Path

from tests import cli_database
from tests.browser import Browser
from tests.cli import run_cli

EVENTS = 5_000
ROUNDS = 20
TEXTS = ("team-1", "failedmount team-2", "evicted")
"""Each follows one that shows other rows."""
SEARCHED = """(() => {
    const field = document.getElementById('search'), times = [];
    for (const text of %s) {
        const began = performance.now();
        field.value = text;
        field.dispatchEvent(new Event('input'));
        document.body.offsetHeight;
        times.push(performance.now() - began);
    }
    return times;
})()"""


def run() -> None:
    """Prints the lowest and the median time of each search, from the input to the new layout."""
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder, "report.html")
        cli_database.build(Path(folder), EVENTS)
        done = run_cli(Path(folder), "report", "--since=8d", "--output", str(path))
        assert done.returncode == 0, done.stderr
        print(f"a report of {EVENTS:,} events: {path.stat().st_size / 1e6:.2f} MB")
        with Browser(Path(folder)) as browser:
            browser.open(path)
            times = browser.run(SEARCHED % json.dumps(TEXTS * ROUNDS))
    for at, text in enumerate(TEXTS):
        mine = times[at :: len(TEXTS)]
        print(f"search for {text!r}: {min(mine):.0f} ms at least, {statistics.median(mine):.0f} at the median")
