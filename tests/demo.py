"""`make demo`: a few minutes in the life of a cluster, recorded by the real operator and told by the real CLI."""

import os
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.operator import BIN, Operator, until
from tests.standin import StandIn, warning

START = time.time() - 600


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="kube9-demo-") as folder, StandIn() as standin:
        operator = Operator(Path(folder), standin.kubeconfig(Path(folder)), LOG_LEVEL="debug")
        with operator:
            tell(operator, standin)
        say("The operator has stopped. Its history is still there to be read:")
        ask(operator, "events", "list", "--severity=warning", "--limit=1")


def tell(operator: Operator, standin: StandIn) -> None:
    """The story: each step happens in the stand-in API server, and is asked of the CLI when it is recorded."""
    say("A pod cannot be scheduled. The scheduler writes two Events for it, in the newer form.")
    for number, series in ((1, None), (2, {"count": 2, "lastObservedTime": stamp(42)})):
        standin.write(scheduling(number, series))
    say("A quota is full. The controller writes an Event for each pod that it cannot make: ten, each with another text.")
    for number in range(10):
        standin.write(quota(number))
    until(lambda: sum(event["count"] for event in operator.events()) == 13, "the list")
    ask(operator, "events", "list")

    say("A container crashes and is restarted, again and again: one Event, updated twelve times.")
    for count in range(1, 13):
        standin.write(crash(count))
        until(lambda expected=count: crashes(operator) == expected, f"crash {count}")
    ask(operator, "events", "get", event_id(operator, "web-6f7d"))

    say("The writer is killed with SIGKILL, and Events go on. Another takes over; nothing is lost, nothing is counted twice.")
    operator.kill("writer")
    standin.write(
        crash(13), warning("cache-0", "FailedMount", 'MountVolume.SetUp failed: configmap "cache" not found', when=START + 500)
    )
    until(lambda: crashes(operator) == 13 and len(operator.events()) == 4, "what happened meanwhile")
    ask(operator, "events", "list")

    say("The API server forgets the version that the operator would go on from. It lists again, and says that it had to.")
    operator.stop()
    standin.write(crash(14))
    standin.control("compact")
    operator.start()
    until(lambda: crashes(operator) == 14, "the list")
    ask(operator, "events", "list")
    say("The books balance: every Event received is accounted for.")
    ask(operator, "status")


def scheduling(number: int, series: dict[str, object] | None) -> dict[str, object]:
    message = "0/1 nodes are available: 1 Insufficient cpu. preemption: 0/1 nodes are available."
    event = warning("giant", "FailedScheduling", message, reportingComponent="default-scheduler", source={}, series=series)
    event["metadata"]["name"] = f"giant.18eab71e4192f22{number}"
    return event | {"eventTime": stamp(40 + number), "firstTimestamp": None, "lastTimestamp": None, "count": None}


def quota(number: int) -> dict[str, object]:
    message = (
        f'Error creating: pods "api-5c9b-{number}" is forbidden: exceeded quota: small, requested: pods=1, used: pods=3, '
        "limited: pods=3"
    )
    event = warning(
        "api-5c9b", "FailedCreate", message, when=START + 60 + number, source={"component": "replicaset-controller"}
    )
    event["metadata"]["name"] = f"api-5c9b.18eab71e4192f23{number}"
    event["involvedObject"]["kind"] = "ReplicaSet"
    return event


def crash(count: int) -> dict[str, object]:
    message = "Back-off restarting failed container app in pod web-6f7d_shop(909e1677-c7fe-4615-b618-045e08e53650)"
    event = warning("web-6f7d", "BackOff", message, count=count, when=START + 100)
    return event | {"lastTimestamp": stamp(100 + 30 * count)[:19] + "Z"}


def stamp(seconds: float) -> str:
    """A time of the story, with microseconds as the newer recorder writes it."""
    return time.strftime("%Y-%m-%dT%H:%M:%S.000000Z", time.gmtime(START + seconds))


def crashes(operator: Operator) -> int:
    """How often the container has crashed by the record."""
    return sum(event["count"] for event in operator.events("--object-name=web-6f7d"))


def event_id(operator: Operator, name: str) -> str:
    """The id of the only event about the object."""
    (event,) = operator.events(f"--object-name={name}")
    return str(event["id"])


def say(text: str) -> None:
    print(f"\n\x1b[1m{text}\x1b[0m" if sys.stdout.isatty() else f"\n{text}", flush=True)


def ask(operator: Operator, *arguments: str) -> None:
    """Shows a command and what it answers."""
    print(f"$ kube9-cli {' '.join(arguments)}", flush=True)
    formats = () if sys.stdout.isatty() else ("-o", "table")
    subprocess.run([BIN / "kube9-cli", *arguments, *formats], env=operator.environment, check=True, stderr=subprocess.STDOUT)


if __name__ == "__main__":
    assert shutil.which("kube9-cli", path=os.fspath(BIN)), "run it by `make demo`"
    main()
