"""`make picture`: docs/events-list.svg, what `kube9-cli events list` says on a terminal of what Kubernetes wrote on a node, and
the answers in README, which are about the same Events.
"""

import json
import re
import shlex
import subprocess
import tempfile
from datetime import UTC, datetime, timedelta
from html import escape
from pathlib import Path

from tests import terminal
from tests.operator import BIN, Operator, until
from tests.standin import StandIn

ROOT = Path(__file__).parent.parent
DATA = ROOT / "tests" / "data" / "events-1.36.3.jsonl"
PICTURE = ROOT / "docs" / "events-list.svg"
README = ROOT / "README.md"
EXAMPLE = ("--object-name=noimage", "--object-namespace=shop")
"""The event that README shows in full."""
ANSWER = re.compile(r"^    \$ kube9-cli (.*)\n(?:    .*\n|\n(?=    (?!\$ )))+", re.MULTILINE)
"""A command of README with its answer, in which lines may be empty."""
README_WIDTH = 80
COMMAND = ("events", "list", "--type=cluster", "--limit=12")
WIDTH = 100
SECONDS = 60.0
COLOURS = {"90": "#8a93a5", "31": "#f07178", "32": "#a5d6a7", "33": "#ffcb6b", "1;31": "#ff5370"}
COLUMN, LINE, MARGIN = 7.8, 19, 18
TIME = re.compile(r'"\d{4}-\d\d-\d\dT\d\d:\d\d:\d\d(?:\.\d+)?Z"')


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="kube9-picture-") as folder, StandIn() as standin:
        standin.write(*events())
        with Operator(Path(folder), standin.kubeconfig(Path(folder)), {"confirmation": 120.0}) as operator:
            until(lambda: len(operator.events()) > 30, "what happened")
            until(lambda: covered_seconds(operator) > SECONDS, "a while that is covered", 3 * SECONDS)
            command = f"kubectl kube9 {' '.join(COMMAND)}"
            PICTURE.write_text(drawn(command, on_a_terminal(operator), WIDTH), encoding="utf-8")
            README.write_text(
                ANSWER.sub(lambda found: answered(operator, found[1]), README.read_text(encoding="utf-8")), "utf-8"
            )
    print(PICTURE.relative_to(ROOT), README.relative_to(ROOT))


def answered(operator: Operator, command: str) -> str:
    """A command as README shows it, with what it answers now."""
    (example,) = operator.events(*EXAMPLE)
    command = re.sub(r"\bevt_\w+", example["id"], command)
    said = subprocess.run(
        [BIN / "kube9-cli", *shlex.split(command), "-o", "table"],
        env=operator.environment | {"COLUMNS": str(README_WIDTH)},
        stdout=subprocess.PIPE,
        stderr=subprocess.STDOUT,
        text=True,
        check=True,
    ).stdout
    return "".join(f"    {line}".rstrip() + "\n" for line in (f"$ kube9-cli {command}", *said.splitlines()))


def covered_seconds(operator: Operator) -> float:
    """For how long the record is known to be whole."""
    coverage = operator.cli("events", "list")["coverage"]
    if "from" not in coverage:
        return 0.0
    return (datetime.fromisoformat(coverage["until"]) - datetime.fromisoformat(coverage["from"])).total_seconds()


def events() -> list[dict[str, object]]:
    """The Events of the node, moved so that the newest was written a minute ago."""
    text = DATA.read_text(encoding="utf-8")
    newest = max(datetime.fromisoformat(one.strip('"')) for one in TIME.findall(text))
    later = datetime.now(UTC) - timedelta(minutes=1) - newest

    def moved(found: re.Match[str]) -> str:
        at = datetime.fromisoformat(found[0].strip('"')) + later
        return f'"{at:%Y-%m-%dT%H:%M:%S}{f".{at:%f}" if "." in found[0] else ""}Z"'

    return [json.loads(line) for line in TIME.sub(moved, text).splitlines()]


def on_a_terminal(operator: Operator) -> list[str]:
    """What the command says on a terminal, line by line, with its colours."""
    environment = {name: value for name, value in operator.environment.items() if name != "NO_COLOR"} | {"TERM": "xterm"}
    environment.pop("COLUMNS", None)
    return terminal.on_a_terminal([str(BIN / "kube9-cli"), *COMMAND], WIDTH, environment).rstrip().split("\n")


def drawn(command: str, lines: list[str], width: int) -> str:
    """A terminal of this width as SVG: a command, and what it says."""
    shown = [f"$ {command}", *lines]
    wide, high = round(width * COLUMN + 2 * MARGIN), len(shown) * LINE + 2 * MARGIN
    body = "\n".join(
        f'<text x="{MARGIN}" y="{MARGIN + LINE * (number + 0.75):g}">{spans(line)}</text>' for number, line in enumerate(shown)
    )
    return (
        f'<svg xmlns="http://www.w3.org/2000/svg" viewBox="0 0 {wide} {high}" width="{wide}" height="{high}" role="img">\n'
        f"<title>{escape(command)}</title>\n"
        "<style>text { font: 13px ui-monospace, Menlo, Consolas, 'DejaVu Sans Mono', monospace; fill: #d8dee9; "
        "white-space: pre }</style>\n"
        f'<rect width="100%" height="100%" rx="8" fill="#1f2430"/>\n{body}\n</svg>\n'
    )


def spans(line: str) -> str:
    """A line, each stretch of one colour in its place, so that every font keeps the columns."""
    found, at, colour = "", 0, ""
    for part in re.split(r"(\x1b\[[\d;]*m)", line):
        if part.startswith("\x1b"):
            colour = COLOURS.get(part[2:-1], "")
            continue
        for word in re.finditer(r"\S+(?: \S+)*", part):
            fill = f' fill="{colour}"' if colour else ""
            place = MARGIN + (at + word.start()) * COLUMN
            found += f'<tspan x="{place:g}"{fill} textLength="{len(word[0]) * COLUMN:g}">{escape(word[0])}</tspan>'
        at += len(part)
    return found


if __name__ == "__main__":
    main()
