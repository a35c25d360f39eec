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

START = time.time() - 700


def main() -> None:
    with tempfile.TemporaryDirectory(prefix="kube9-demo-") as folder, StandIn() as standin:
        operator = Operator(Path(folder), standin.kubeconfig(Path(folder)), LOG_LEVEL="debug")
        with operator:
            tell(operator, standin)
        say("The operator has stopped. Its history is still there to be read, and says how far it is whole:")
        ask(operator, "events", "list", "--object-name=giant")


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

    say("The watch is cut off, again and again. It goes on from where it was: nothing is missing, and nothing is said to be.")
    for count in (13, 14, 15):
        standin.control("cut")
        standin.write(crash(count))
    until(lambda: crashes(operator) == 15, "what happened between the cuts")
    ask(operator, "events", "list", "--object-name=web-6f7d")

    say("The writer is killed with SIGKILL, and Events go on. Another takes over; nothing is lost, nothing is counted twice.")
    operator.kill("writer")
    missing = 'MountVolume.SetUp failed for volume "cache": configmap "cache" not found'
    standin.write(crash(16), warning("cache-0", "FailedMount", missing, when=START + 600))
    until(lambda: crashes(operator) == 16 and len(operator.events()) == 4, "what happened meanwhile")
    ask(operator, "events", "list")

    say("The API server forgets the version that the watch would go on from (410). It lists again. Events live for an hour, so")
    print("nothing can be missing, and the record is still complete:")
    standin.plan("HTTP 410", on="watch", of="events")
    standin.control("cut")
    standin.write(crash(17))
    until(lambda: crashes(operator) == 17, "the list")
    ask(operator, "events", "list", "--object-name=web-6f7d")

    say("The API server is away for longer than health lets pass (here 5 s, in life two minutes). Health is red, and says why:")
    standin.plan("refused", seconds=8)
    standin.control("cut")
    until(lambda: operator.health()[0] == 503, "health to be red")
    print(f"$ curl localhost:8080/healthz\n{operator.health()[1]['status']}: {operator.health()[1]['reasons'][0]}", flush=True)
    standin.write(crash(18))
    until(lambda: operator.health()[0] == 200, "it to heal")
    until(lambda: crashes(operator) == 18, "what happened meanwhile")
    print("… and when it is back, it heals by itself, with what happened meanwhile:", flush=True)
    ask(operator, "events", "list", "--object-name=web-6f7d")

    say("A burst: 20,000 Events of 20,000 pods at once.")
    standin.control("prepare", {"from": 0, "count": 20_000, "reason": "Unhealthy", "times": 1})
    began = time.monotonic()
    standin.control("release")
    until(lambda: operator.books()["stored"] == 20_004, "all of them")
    print(f"recorded after {time.monotonic() - began:.1f} s, as far as polling shows", flush=True)
    ask(operator, "events", "list", "--object-kind=Pod", "--limit=3")

    say("The operator stops for a while, another cluster takes the address, and the record says what it cannot vouch for:")
    operator.stop()
    standin.control("replace")
    operator.start()
    until(lambda: not operator.cli("events", "list")["coverage"]["complete"], "the gap")
    standin.write(
        warning("web-0", "Unhealthy", "Readiness probe failed: HTTP probe failed with statuscode: 503", when=time.time())
    )
    until(lambda: operator.events("--object-name=web-0"), "what happens in the other one")
    ask(operator, "events", "list", "--object-name=web-0")
    say("All that befell the operator itself is in its history, too, so that whoever reads that knows what to make of it:")
    ask(operator, "events", "list", "--type=operator,system")
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
