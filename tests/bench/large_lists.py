"""An API server with large lists in a process of its own, and what a process takes that reads them.

The objects are as large as those of a cluster: their managedFields, annotations and statuses are there, and nobody reads them.
"""

import json
import multiprocessing
import os
import tempfile
import time
from collections.abc import Callable
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from multiprocessing.connection import Connection
from pathlib import Path
from typing import Any, NamedTuple
from urllib.parse import parse_qs, urlsplit

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.watch.client import Client
from kube9_operator.watch.reach import Reach
from tests.assessed import Manifest, container, merged, node, running, workload
from tests.standin import kubeconfig

PODS, DEPLOYMENTS, NODES = 10_000, 2_000, 200
NAMESPACES = 50
FILLER_BYTES = 5_000
"""What a pod of life has beside the fields that are read."""
OWN = "service-@SERVICE@"
NAMESPACE = "team-@TEAM@"
Lists = dict[str, tuple[int, Manifest]]
"""By path how many objects there are, and one of them with @OBJECT@, @SERVICE@ and @TEAM@ in place of its numbers."""
Work = Callable[[Client, Deadlines], dict[str, Any]]


class Taken(NamedTuple):
    """What the work of one process took, which had done nothing before, and what the work gave."""

    seconds: float
    processor: float
    peak: float
    """MiB above idle, at most."""
    idle: float
    """MiB resident."""
    given: dict[str, Any]


def pod() -> Manifest:
    """One of PODS pods of DEPLOYMENTS Deployments, in NAMESPACES namespaces, with ten variables."""
    variables = [{"name": f"SETTING_{number}", "value": "x" * 20} for number in range(10)]
    return running(f"{OWN}-5f7c-@OBJECT@", NAMESPACE, f"Deployment/{OWN}", containers=[container(env=variables)])


def deployment() -> Manifest:
    """One of DEPLOYMENTS Deployments."""
    return workload(name=OWN, namespace=NAMESPACE, replicas=PODS // DEPLOYMENTS)


def machine() -> Manifest:
    """One of NODES nodes."""
    return node("node-@OBJECT@", cpu="16", memory="64Gi")


def measure(lists: Lists, work: Work) -> Taken:
    """Does the work, a function of a module, in a process of its own, with these lists."""
    context = multiprocessing.get_context("spawn")
    from_server, to_client = context.Pipe(duplex=False)
    server = context.Process(target=_serve, args=(to_client, lists), daemon=True)
    server.start()
    port = from_server.recv()
    results, to_us = context.Pipe(duplex=False)
    with tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kubeconfig"
        path.write_text(kubeconfig(f"http://127.0.0.1:{port}", {"token": "none"}, {}), encoding="utf-8")
        measured = context.Process(target=_do, args=(work, str(path), to_us), daemon=True)
        measured.start()
        found: Taken = results.recv()
        measured.join()
    server.terminate()
    server.join()
    return found


def _do(work: Work, path: str, results: Connection) -> None:
    os.environ |= {"KUBECONFIG": path, "NO_PROXY": "127.0.0.1"}
    deadlines = Deadlines()
    client = Client(deadlines.connect, Reach(), deadlines.plugin)
    client.get("/apis", [], 10.0).whole()
    idle = _resident("VmRSS")
    began, processor = time.monotonic(), time.process_time()
    given = work(client, deadlines)
    # Not ru_maxrss: that of a child begins with what its parent had.
    peak = _resident("VmHWM") - idle
    results.send(Taken(time.monotonic() - began, time.process_time() - processor, peak, idle, given))


def _resident(which: str) -> float:
    """MiB that are resident (VmRSS), or were at most (VmHWM)."""
    lines = Path("/proc/self/status").read_text(encoding="utf-8").splitlines()
    return int(next(line for line in lines if line.startswith(f"{which}:")).split()[1]) / 1024


def _serve(port: Connection, lists: Lists) -> None:
    """An API server that has these objects, and makes each page when it is asked for."""
    fields = {f"f:field-{at}": {} for at in range(FILLER_BYTES // 20)}
    filler = {"metadata": {"managedFields": [{"manager": "kube-controller-manager", "fieldsV1": fields}]}}
    encoded = {path: (number, json.dumps(merged(one, filler)).encode()) for path, (number, one) in lists.items()}
    documents = {
        "/apis": b'{"groups":[]}',
        "/version": b'{"gitVersion":"v1.36.3"}',
        "/api/v1/namespaces/kube-system": b'{"metadata":{"name":"kube-system","uid":"7c1f0a52-6c0e-4b0c-9d3c-6a8c1a4c1f00"}}',
    }

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_GET(self) -> None:
            asked = urlsplit(self.path)
            query = parse_qs(asked.query)
            body = documents.get(asked.path, b"{}")
            if asked.path in encoded:
                number, one = encoded[asked.path]
                begin, limit = int(query.get("continue", ["0"])[0]), int(query.get("limit", ["500"])[0])
                some = b",".join(_numbered(one, at) for at in range(begin, min(begin + limit, number)))
                more = str(begin + limit) if begin + limit < number else ""
                meta = json.dumps({"resourceVersion": "1", "continue": more}).encode()
                body = b'{"kind":"List","metadata":' + meta + b',"items":[' + some + b"]}"
            self.send_response(200 if asked.path in encoded or asked.path in documents else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: Any) -> None:
            pass

    httpd = ThreadingHTTPServer(("127.0.0.1", 0), Handler)
    port.send(httpd.server_address[1])
    httpd.serve_forever()


def _numbered(one: bytes, at: int) -> bytes:
    numbers = {b"@OBJECT@": at, b"@SERVICE@": at % DEPLOYMENTS, b"@TEAM@": at % DEPLOYMENTS % NAMESPACES}
    for placeholder, number in numbers.items():
        one = one.replace(placeholder, str(number).encode())
    return one
