"""An assessment of 10,000 pods and 2,000 Deployments: how long it takes, and how much memory above an idle process.

The objects are as large as those of a cluster: their managedFields, annotations and statuses are there, although no check reads
them. They come over HTTP from a process of its own.
"""

import json
import multiprocessing
import os
import tempfile
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any
from urllib.parse import parse_qs, urlsplit

from kube9_operator.assess.listing import Listing
from kube9_operator.assess.readings import READINGS
from kube9_operator.assess.run import assess_run
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.watch.client import Client
from kube9_operator.watch.reach import Reach
from tests.assessed import Manifest, config_map, container, merged, node, role, running, workload
from tests.standin import kubeconfig

PODS, DEPLOYMENTS, NODES, ROLES, CONFIG_MAPS = 10_000, 2_000, 200, 1_000, 1_000
NAMESPACES = 50
FILLER_BYTES = 5_000
"""What a pod of life has beside the fields that checks read."""
BARS = {"seconds": 60.0, "MiB": 48.0}


def run(_large: Path) -> None:
    """One run in a process that has done nothing before."""
    context = multiprocessing.get_context("spawn")
    from_server, to_client = context.Pipe(duplex=False)
    server = context.Process(target=serve, args=(to_client,), daemon=True)
    server.start()
    port = from_server.recv()
    results, to_us = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kubeconfig"
        path.write_text(kubeconfig(f"http://127.0.0.1:{port}", {"token": "none"}, {}), encoding="utf-8")
        measured = context.Process(target=assess, args=(str(path), to_us), daemon=True)
        measured.start()
        found: dict[str, Any] = results.recv()
        measured.join()
    server.terminate()
    server.join()
    print(f"{PODS:,} pods, {DEPLOYMENTS:,} Deployments, {found['requests']:,} pages")
    print(f"{found['seconds']:.1f} s (bar {BARS['seconds']:.0f}), {found['processor']:.1f} s of the processor")
    print(f"{found['peak']:.1f} MiB above idle at most (bar {BARS['MiB']:.0f}), idle {found['idle']:.1f} MiB resident")
    print(", ".join(f"{status} {number}" for status, number in sorted(found["statuses"].items())))


def assess(path: str, results: Connection) -> None:
    """Runs all checks, and sends what they took."""
    os.environ |= {"KUBECONFIG": path, "NO_PROXY": "127.0.0.1"}
    deadlines = Deadlines()
    client = Client(deadlines.connect, Reach(), deadlines.plugin)
    client.get("/apis", [], 10.0).whole()
    idle = _resident("VmRSS")
    began, processor, pages = time.monotonic(), time.process_time(), 0

    def count(_: Any) -> None:
        nonlocal pages
        pages += 1

    statuses: dict[str, int] = {}
    for one in assess_run(Listing(client, deadlines, read_config_maps=True), progress=count):
        statuses[one.status] = statuses.get(one.status, 0) + 1
    results.send(
        {
            "seconds": time.monotonic() - began,
            "processor": time.process_time() - processor,
            # Not ru_maxrss: that of a child begins with what its parent had.
            "peak": _resident("VmHWM") - idle,
            "idle": idle,
            "requests": pages - sum(statuses.values()),
            "statuses": statuses,
        }
    )


def _resident(which: str) -> float:
    """MiB that are resident (VmRSS), or were at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(f"{which}:")).split()[1]) / 1024


def serve(port: Connection) -> None:
    """An API server that has these objects, and makes each page when it is asked for."""
    lists = _lists()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            query = parse_qs(asked.query)
            body = b'{"groups":[]}'
            if asked.path in lists:
                number, one = lists[asked.path]
                begin, limit = int(query.get("continue", ["0"])[0]), int(query.get("limit", ["500"])[0])
                some = b",".join(_numbered(one, at) for at in range(begin, min(begin + limit, number)))
                more = str(begin + limit) if begin + limit < number else ""
                meta = json.dumps({"resourceVersion": "1", "continue": more}).encode()
                body = b'{"kind":"List","metadata":' + meta + b',"items":[' + some + b"]}"
            self.send_response(200 if asked.path in lists or asked.path == "/apis" else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.send(httpd.server_address[1])
    httpd.serve_forever()


def _lists() -> dict[str, tuple[int, bytes]]:
    """By path how many objects there are, and one of them with OBJECT, SERVICE and TEAM in place of its numbers."""
    fields = {f"f:field-{at}": {} for at in range(FILLER_BYTES // 20)}
    filler = {"metadata": {"managedFields": [{"manager": "kube-controller-manager", "fieldsV1": fields}]}}
    variables = [{"name": f"SETTING_{number}", "value": "x" * 20} for number in range(10)]
    own = "service-@SERVICE@"
    pod = running(f"{own}-5f7c-@OBJECT@", "team-@TEAM@", f"Deployment/{own}", containers=[container(env=variables)])
    deployment = workload(name=own, namespace="team-@TEAM@", replicas=PODS // DEPLOYMENTS)
    settings = config_map("settings-@OBJECT@", "team-@TEAM@", data={f"key-{number}": "x" * 200 for number in range(50)})
    made: dict[str, tuple[int, Manifest]] = {one.path: (0, {}) for one in READINGS.values()}
    made[READINGS["pods"].path] = (PODS, pod)
    made[READINGS["deployments"].path] = (DEPLOYMENTS, deployment)
    made[READINGS["nodes"].path] = (NODES, node("node-@OBJECT@", cpu="16", memory="64Gi"))
    made[READINGS["roles"].path] = (ROLES, role("role-@OBJECT@", "team-@TEAM@", verbs=["get"], resources=["pods"]))
    made[READINGS["configmaps"].path] = (CONFIG_MAPS, settings)
    return {path: (number, json.dumps(merged(one, filler)).encode()) for path, (number, one) in made.items()}


def _numbered(one: bytes, at: int) -> bytes:
    numbers = {b"@OBJECT@": at, b"@SERVICE@": at % DEPLOYMENTS, b"@TEAM@": at % DEPLOYMENTS % NAMESPACES}
    for placeholder, number in numbers.items():
        one = one.replace(placeholder, str(number).encode())
    return one
