"""report: its parts and sentences, its size, its structure, and that texts of the database stay texts."""

import re
from html.parser import HTMLParser
from pathlib import Path

import pytest

from kube9_cli.query.report import MOST_EVENTS
from kube9_cli.render.report import FILES
from kube9_schema.codes import SEVERITIES
from tests.cli import run_cli
from tests.record import Record
from tests.unit.test_timeline import covered, incident

assert incident  # a fixture of this name is used below

HOSTILE = (
    "<script>window.hurt=1</script>",
    '"><img src=x onerror="window.hurt=1">',
    "</style><style>body{display:none}</style>",
    "</script><script>window.hurt=1</script>",
    "<svg onload=window.hurt=1>",
    "javascript:window.hurt=1",
    "&lt;b&gt;",
    "\u202egnp.exe\u200b\x1b[31m",
)


def reported(record: Record, *arguments: str) -> str:
    path = record.folder / "report.html"
    done = run_cli(record.folder, "report", "--output", str(path), *(arguments or ("--since=1h",)))
    assert (done.returncode, done.stdout) == (0, ""), done.stderr
    return path.read_text(encoding="utf-8")


class Outline(HTMLParser):
    """What a page is made of."""

    def __init__(self, page: str) -> None:
        super().__init__()
        self.headings: list[int] = []
        self.ids: list[str] = []
        self.links: list[str] = []
        self.labels: list[str | None] = []
        self.fields: list[str | None] = []
        self.tags: list[tuple[str, dict[str, str | None]]] = []
        self.text = ""
        self.feed(page)

    def handle_starttag(self, tag: str, attrs: list[tuple[str, str | None]]) -> None:
        found = dict(attrs)
        self.tags.append((tag, found))
        if re.fullmatch(r"h[1-6]", tag):
            self.headings.append(int(tag[1]))
        if found.get("id"):
            self.ids.append(str(found["id"]))
        if tag == "a":
            self.links.append(str(found["href"]))
        if tag == "label":
            self.labels.append(found["for"])
        if tag in ("input", "select", "textarea"):
            self.fields.append(found["id"])

    def handle_data(self, data: str) -> None:
        self.text += data


def test_the_page_says_impact_onset_and_end(incident: Record) -> None:
    text = " ".join(Outline(reported(incident)).text.split())
    assert "What happened: everything" in text
    assert "Impact: 4 problems (1 critical, 3 error) of 4 objects. The worst is Node NotReady of Node/n2." in text
    assert re.search(r"Onset: [\d-]+ [\d:]+, with Rollout stuck\. The last recorded change before it was \S+ \S+ at ", text)
    assert "End: 3 of 4 problems in the picture have ended. The others go on, or nobody knows." in text
    assert "argocd" in text
    assert "No gap is known." in text
    assert re.search(r"Complete from [\d: -]+ to [\d: -]+ UTC", text), "with dates where a midnight is between"
    assert "by the rules of kube9-operator" in text


def test_the_scope_is_in_the_words_of_the_options(incident: Record) -> None:
    page = reported(
        incident, "--for=deploy/web", "-n=shop", "--severity=error+", "--exclude=reason=Stuck", "--tz=Europe/Berlin"
    )
    assert "<title>What happened: deploy/web, namespace shop, severity error or critical, without reason Stuck</title>" in page
    assert "CET" in page or "CEST" in page


def test_the_structure_can_be_navigated(incident: Record) -> None:
    found = Outline(reported(incident))
    assert found.headings[0] == 1
    assert found.headings.count(1) == 1
    assert all(later <= before + 1 for before, later in zip(found.headings, found.headings[1:], strict=False))
    assert sorted(found.fields, key=str) == sorted(found.labels, key=str), "each field has a label"
    assert len(found.ids) == len(set(found.ids))
    assert {link.removeprefix("#") for link in found.links} <= set(found.ids), "each link leads to a row"
    assert len(found.links) > 10
    tags = [tag for tag, _ in found.tags]
    assert tags.count("table") == tags.count("caption") > 2
    assert all(more.get("scope") == "col" for tag, more in found.tags if tag == "th")
    assert ("html", {"lang": "en"}) in found.tags


def test_nothing_is_asked_for_and_nothing_else_runs(incident: Record) -> None:
    page = reported(incident)
    (policy,) = [more["content"] for tag, more in Outline(page).tags if "http-equiv" in more]
    assert re.fullmatch(
        r"default-src 'none'; style-src 'sha256-\S+'; script-src 'sha256-\S+'; base-uri 'none'; form-action 'none'", str(policy)
    )
    assert page.index("Content-Security-Policy") < page.index("<style>"), "it counts for what comes after it"
    assert not re.search(
        r"\b(?:src|srcset|action|poster|data|style|on\w+)=|url\((?!#)|@import|https?:|//[a-z]", page.replace("// F", "")
    )
    assert {tag for tag, _ in Outline(page).tags}.isdisjoint({"img", "link", "iframe", "object", "embed", "base", "video"})


def test_texts_of_the_database_stay_texts(tmp_path: Path) -> None:
    record = Record(tmp_path)
    covered(record)
    for at, text in enumerate(HOSTILE):
        record.event(f"Pod/shop/web-{at}", text, title=text, description=text, severity="error", changed_by=text, node=text)
        record.event("Deployment/shop/web", text, title=text, severity="info", changed_by=text, previous=text, current=text)
    page = reported(record)
    assert page.count("<script>") == page.count("<style>") == 1
    found = Outline(page)
    assert not [more for _, more in found.tags if any(name.startswith("on") for name in more)]
    assert "window.hurt=1" in found.text
    assert not {"\x1b", "\u202e", "\u200b"} & set(page)


def test_a_report_of_five_thousand_events_is_small(tmp_path: Path) -> None:
    """With messages that take all the room that there is."""
    record = Record(tmp_path)
    record.event("Pod/shop/web", description="ä" * 1000)
    sql = """WITH RECURSIVE n (i) AS (SELECT 1 UNION ALL SELECT i + 1 FROM n WHERE i < ?)
        INSERT INTO {0} SELECT {1} FROM {0}, n"""
    for table, key in (("events", "id"), ("texts", "event")):
        columns = [row[1] for row in record.connection.execute(f"PRAGMA table_info({table})")]
        shown = ", ".join(f"{one} + i" if one == key else one for one in columns)
        record.connection.execute(sql.format(table, shown), (MOST_EVENTS + 100,))
    record.connection.execute("UPDATE series SET count = count + ?", (MOST_EVENTS + 100,))
    record.connection.execute("UPDATE totals SET count = count + ?", (MOST_EVENTS + 100,))
    page = reported(record)
    assert page.count("<tr id=") == MOST_EVENTS
    assert f"{MOST_EVENTS:,} events, of {MOST_EVENTS + 101:,}, the newest first." in page
    assert len(page.encode()) < 2_000_000


def test_changes_are_in_order_and_readable(tmp_path: Path) -> None:
    """Of two changes in one range of time, the one that ended first is first. Values of fields are texts, not Python."""
    record = Record(tmp_path)
    covered(record)
    made = {"changed": ["containers[app].command"], "changed_by": "helm"}
    path = "spec.template.spec.containers[app].command"
    about, reason = "Deployment/shop/web", "DeploymentConfigurationChanged"
    record.event(about, "DeploymentScaled", severity="info", ago=9, lasts=3, previous=0, current=1)
    record.event(about, "DeploymentScaled", severity="info", ago=9, lasts=2, previous=1, current=0)
    record.event(about, reason, severity="info", ago=5, previous={path: "sleep 1"}, current={path: "exit 3"}, **made)
    record.event(about, reason, severity="info", ago=4, previous={"a": 1, "b": "x"}, current={"a": 2}, **made)
    record.event(about, "DeploymentDeleted", severity="info", ago=3, description="Deployment web was deleted")
    record.event(about, "Pulled", severity="info", ago=2)
    table = reported(record).partition('<section id="changes">')[2].partition("</section>")[0]
    rows = [re.findall(r"<td>(.*?)</td>", row) for row in table.partition("<tbody>")[2].split("</tr>")[:-1]]
    assert [row[3:] for row in rows] == [
        ["1", "0", ""],
        ["0", "1", ""],
        ["sleep 1", "exit 3", "helm"],
        ["a: 1, b: x", "2", "helm"],
        ["", "Deployment web was deleted", ""],
    ]
    times = [re.sub(r"<.*?>", "", row[0]) for row in rows]
    assert [" to " in time for time in times] == [True, True, False, False, False]


def test_where_it_is_written(incident: Record, tmp_path: Path) -> None:
    done = run_cli(incident.folder, "report", "--since=1h")
    assert done.stdout.startswith("<!doctype html>")
    assert done.stderr.startswith("A report of 7 events. Complete from ")
    for output, error in ((str(tmp_path), "it is a folder"), ("", "it is empty")):
        done = run_cli(incident.folder, "report", f"--output={output}")
        assert done.returncode == 1
        assert error in done.stderr
    done = run_cli(incident.folder, "report", "--output=/nowhere/report.html")
    assert done.returncode == 1
    assert "The answer cannot be written" in done.stderr


def test_a_quiet_time_is_a_report_too(tmp_path: Path) -> None:
    record = Record(tmp_path)
    covered(record)
    text = Outline(reported(record)).text
    assert "No problem was recorded in this time." in text
    assert "No event matches." in text


def colours(style: str, scheme: str) -> dict[str, str]:
    text = style if scheme == "light" else style.partition("prefers-color-scheme: dark")[2].partition("}")[0]
    return dict(re.findall(r"--(\w+): (#[0-9a-f]{6})", text.partition("@media")[0] if scheme == "light" else text))


def luminance(colour: str) -> float:
    """https://www.w3.org/TR/WCAG22/#dfn-relative-luminance"""
    parts = [int(colour[at : at + 2], 16) / 255 for at in (1, 3, 5)]
    linear = [part / 12.92 if part <= 0.04045 else ((part + 0.055) / 1.055) ** 2.4 for part in parts]
    return 0.2126 * linear[0] + 0.7152 * linear[1] + 0.0722 * linear[2]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_every_text_has_enough_contrast(scheme: str) -> None:
    """4.5 to 1 for text (https://www.w3.org/TR/WCAG22/#contrast-minimum)."""
    known = colours((Path(FILES) / "report.css").read_text(encoding="utf-8"), scheme)
    assert {"text", "soft", "link", "good", *SEVERITIES} <= known.keys()
    for name in ("text", "soft", "link", "good", *SEVERITIES):
        for behind in ("page", "band"):
            light, dark = sorted((luminance(known[name]), luminance(known[behind])), reverse=True)
            assert (light + 0.05) / (dark + 0.05) >= 4.5, (name, behind)
