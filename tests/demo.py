"""`make demo`: an incident, recorded by the real operator and looked into with the real CLI, as docs/incident.md tells it.

The record stays in the folder `demo`, so that its reader can go on asking.
"""

import os
import shlex
import shutil
import sys
import tempfile
import time
from datetime import UTC, datetime, timedelta
from pathlib import Path

from tests.incident import AFTER, DURING, MINUTE, Incident
from tests.operator import BIN

ROOT = Path(__file__).parent.parent
RECORD = ROOT / "demo"
PROGRAM = ".venv/bin/kube9-cli"
REPORT = "web.html"
QUESTIONS = (
    ("1. Detect. What is wrong?", "kube9-cli events summary --severity warning+ --since 30m"),
    (
        "2. Look. What happened to this Deployment, in which order?",
        "kube9-cli events timeline --for deploy/web -n shop --since 30m",
    ),
    ("3. Why does its pod crash?", "kube9-cli events get po/shop/web-7c8d5b6f9d-x2k4p"),
    ("4. Who changed what around 14:05?", "kube9-cli events list -n shop --severity info --around 14:05"),
)
"""What is asked while the shop fails."""
LAST_QUESTIONS = (
    ("5. Is it over?", "kube9-cli insights list"),
    ("6. Hand over. A page for the others:", f"kube9-cli report --for deploy/web -n shop --around 14:05 --output {REPORT}"),
)


def main() -> None:
    began = time.monotonic()
    begin = latest_1405(datetime.now(UTC))
    print("This demo needs no cluster. It takes less than a minute. Nothing keeps running afterwards.")
    print("Starting a stand-in for a Kubernetes API server, and the operator. Their clock moves on between the steps.")
    print("All times are in UTC.", flush=True)
    with tempfile.TemporaryDirectory(prefix="kube9-demo-") as name:
        folder = Path(name)
        with Incident(folder, begin.timestamp(), TZ="UTC") as incident:
            for minute, what in incident.recorded():
                at = begin + timedelta(seconds=minute * MINUTE)
                print(f"{at:%H:%M}  {what}", flush=True)
                for question, line in {DURING: QUESTIONS, AFTER: LAST_QUESTIONS}.get(minute, ()):
                    ask(incident, question, line)
        shutil.rmtree(RECORD, ignore_errors=True)
        shutil.copytree(incident.operator.data, RECORD)
        shutil.copy(folder / REPORT, RECORD)
    say(f"The operator has stopped. All of this took {time.monotonic() - began:.0f} s. Its record is in the folder demo.")
    print(f"Open the report in a browser: {(RECORD / REPORT).as_uri()}")
    say("Try next:")
    for what, command in next_commands():
        print(f"\n  # {what}\n  {shlex.join(command)}")
    print('\nThen record your own cluster: see "Run it on your machine" in README.md.', flush=True)


def latest_1405(now: datetime) -> datetime:
    """The latest 14:05 after which the whole incident has passed."""
    today = now.replace(hour=14, minute=5, second=0, microsecond=0)
    return today if now > today + timedelta(minutes=AFTER + 5) else today - timedelta(days=1)


def next_commands() -> list[tuple[str, list[str]]]:
    """What a reader can ask the record, and how to type it in the folder of the project."""
    deployment = ["--for", "deploy/web", "-n", "shop", "--db", "demo"]
    return [
        (
            "What happened around 14:05, in all namespaces?",
            [PROGRAM, "events", "list", "--db", "demo", "--around", "14:05", "--tz", "UTC"],
        ),
        ("On what does each conclusion rest?", [PROGRAM, "insights", "list", *deployment, "-o", "wide"]),
        ("Everything about the Deployment, for a spreadsheet", [PROGRAM, "events", "export", *deployment, "-o", "csv"]),
    ]


def ask(incident: Incident, question: str, line: str) -> None:
    """Shows a question, the command for it, and what it answers."""
    say(question)
    print(f"$ {line}")
    columns = os.get_terminal_size().columns if sys.stdout.isatty() else 80
    print(incident.ask(line, columns or 80, colours=sys.stdout.isatty()), flush=True)


def say(text: str) -> None:
    print(f"\n\x1b[1m{text}\x1b[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


if __name__ == "__main__":
    assert shutil.which("kube9-cli", path=os.fspath(BIN)), "run it by `make demo`"
    main()
