"""`make demo`: some minutes in the life of a cluster, recorded by the real operator and shown by the real CLI. The record stays
in the folder `demo`, so that its reader can go on asking.
"""

import os
import shlex
import shutil
import subprocess
import sys
import tempfile
import time
from pathlib import Path

from tests.operator import BIN, Operator, until
from tests.standin import StandIn, warning

START = time.time() - 700
ROOT = Path(__file__).parent.parent
RECORD = ROOT / "demo"
PROGRAM = ".venv/bin/kube9-cli"


def main() -> None:
    began = time.monotonic()
    print("This demo needs no cluster. It takes less than a minute.")
    print("Starting a stand-in for a Kubernetes API server, and the operator …", flush=True)
    with tempfile.TemporaryDirectory(prefix="kube9-demo-") as folder, StandIn() as standin:
        operator = Operator(Path(folder), standin.kubeconfig(Path(folder)), LOG_LEVEL="debug")
        with operator:
            until(lambda: (operator.data / "kube9.db").exists() and operator.health()[0] == 200, "the operator to be healthy")
            print(f"The operator watches the stand-in. Its start took {time.monotonic() - began:.1f} s.", flush=True)
            tell(operator, standin)
        say("The operator has stopped. Its record can still be read.")
        ask(operator, "events", "list", "--object-name=giant")
        (example,) = operator.events("--object-name=web-6f7d")
        shutil.rmtree(RECORD, ignore_errors=True)
        shutil.copytree(operator.data, RECORD)
    say("Try next. The record of this demo is in the folder demo:")
    for what, command in next_commands(str(example["id"])):
        print(f"\n  # {what}\n  {shlex.join(command)}")
    print('\nThen record your own cluster: see "Run it on your machine" in README.md.', flush=True)


def next_commands(event: str) -> list[tuple[str, list[str]]]:
    """What a reader can ask the record, and how to type it in the folder of the project."""
    return [
        ("What went wrong?", [PROGRAM, "events", "list", "--db", "demo", "--severity", "error,critical"]),
        ("Why did web-6f7d crash, and when?", [PROGRAM, "events", "get", event, "--db", "demo"]),
        ("What happened to the operator itself?", [PROGRAM, "events", "list", "--db", "demo", "--type", "operator,system"]),
    ]


def tell(operator: Operator, standin: StandIn) -> None:
    """The story: each step happens in the stand-in, and is shown by the CLI when it is recorded."""
    say("1. A pod cannot be scheduled, and a quota is full. The controller tries ten times, each time with another text.")
    for number, series in ((1, None), (2, {"count": 2, "lastObservedTime": stamp(42)})):
        standin.write(scheduling(number, series))
    for number in range(10):
        standin.write(quota(number))
    until(lambda: sum(event["count"] for event in operator.events("--type=cluster")) == 13, "these Events")
    print("Twelve Events become two events with a count:")
    ask(operator, "events", "list", "--type=cluster")

    say("2. A container crashes and restarts twelve times. The event keeps when each crash was seen.")
    for count in range(1, 13):
        standin.write(crash(count))
        until(lambda expected=count: crashes(operator) == expected, f"crash {count}")
    ask(operator, "events", "get", event_id(operator, "web-6f7d"))

    say("3. The connection of the watch breaks three times. The watch continues where it stopped, and nothing is missing.")
    for count in (13, 14, 15):
        standin.control("cut")
        standin.write(crash(count))
    until(lambda: crashes(operator) == 15, "the crashes between the breaks")
    ask(operator, "events", "list", "--object-name=web-6f7d")

    say("4. SIGKILL ends the process that writes the database, while Events go on. A new process continues. Nothing is lost.")
    operator.kill("writer")
    missing = 'MountVolume.SetUp failed for volume "cache": configmap "cache" not found'
    standin.write(crash(16), warning("cache-0", "FailedMount", missing, when=START + 600))
    until(lambda: crashes(operator) == 16 and len(operator.events("--type=cluster")) == 4, "what happened meanwhile")
    ask(operator, "events", "list", "--type=cluster")

    away(operator, standin)

    say("7. A burst: 20,000 pods write an Event at once.")
    standin.control("prepare", {"from": 0, "count": 20_000, "reason": "Unhealthy", "times": 1})
    began = time.monotonic()
    standin.control("release")
    until(lambda: operator.accounting()["stored"] == 20_004, "all of them")
    print(f"All are recorded after {time.monotonic() - began:.1f} s.", flush=True)
    ask(operator, "events", "list", "--object-kind=Pod", "--limit=3")

    say("8. The operator is down for a while, and another cluster takes over the address. The answer names the gap.")
    operator.stop()
    standin.control("replace")
    operator.start()
    until(lambda: not operator.cli("events", "list")["coverage"]["complete"], "the gap")
    failed = "Readiness probe failed: HTTP probe failed with statuscode: 503"
    standin.write(warning("web-0", "Unhealthy", failed, when=time.time()))
    until(lambda: operator.events("--object-name=web-0"), "an event of the other cluster")
    ask(operator, "events", "list", "--object-name=web-0")


def away(operator: Operator, standin: StandIn) -> None:
    """Two ways in which the API server is not there."""
    say("5. The API server has forgotten where the watch would continue (HTTP 410). The operator lists all Events")
    print("again. An Event lives for an hour, so nothing is missing:")
    standin.plan("HTTP 410", on="watch", of="events")
    standin.control("cut")
    standin.write(crash(17))
    until(lambda: crashes(operator) == 17, "the full list")
    ask(operator, "events", "list", "--object-name=web-6f7d")

    say("6. The API server is unreachable. Health turns red after two minutes; in this demo after 5 s.")
    standin.plan("refused", seconds=8)
    standin.control("cut")
    until(lambda: operator.health()[0] == 503, "health to be red")
    print(f"$ curl localhost:8080/healthz\n{operator.health()[1]['status']}: {operator.health()[1]['reasons'][0]}", flush=True)
    standin.write(crash(18))
    until(lambda: operator.health()[0] == 200, "health to be green")
    until(lambda: crashes(operator) == 18, "what happened meanwhile")
    print("It is back, and the operator has recorded what happened meanwhile:", flush=True)
    ask(operator, "events", "list", "--object-name=web-6f7d")


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
