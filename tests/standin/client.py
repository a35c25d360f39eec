"""What a test holds of a stand-in API server: its process, its controls, its kubeconfig, Events to write."""

import json
import os
import subprocess
import sys
import time
import urllib.request
from pathlib import Path
from typing import Any

from tests.prepared import TEMPLATE

BORN = time.time()
"""All Events of one process begin at one time, unless told otherwise."""
SERVE = "import asyncio; from tests.standin.server import main; asyncio.run(main({}))"


class StandIn:
    """A stand-in API server in a process of its own, for as long as the `with` block; with a `folder` it speaks TLS."""

    def __init__(self, port: int = 0, folder: Path | None = None, token: str = "") -> None:
        self.folder = folder
        if folder is not None:
            make_certificate(folder)
        where = f"{port}, {str(folder)!r}" if folder else str(port)
        theirs, ours = os.pipe()
        self._input = os.fdopen(ours, "wb", 0)
        printed, output = os.pipe()
        self._process = TEMPLATE.start(SERVE.format(where), dict(os.environ), (theirs, output, 2)) or subprocess.Popen(
            [sys.executable, "-c", SERVE.format(where)], stdin=theirs, stdout=output, cwd=Path(__file__).parent.parent.parent
        )
        os.close(theirs)
        os.close(output)
        with open(printed, encoding="utf-8") as lines:
            self.address, self._steering = lines.readline().strip(), lines.readline().strip()
        if token:
            self.control("token", token)

    def __enter__(self) -> "StandIn":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Kills the server, with every connection."""
        self._process.kill()
        self._process.wait()
        self._input.close()

    def control(self, name: str, body: Any = None) -> Any:
        """Steers it, or asks it: one of `control.CONTROLS`."""
        request = urllib.request.Request(f"{self._steering}/{name}", data=json.dumps(body).encode(), method="POST")
        with urllib.request.urlopen(request) as answered:
            return json.load(answered)

    def write(self, *events: dict[str, Any]) -> None:
        """Creates or changes Events."""
        self.control("write", events)

    def put(self, resource: str, *objects: dict[str, Any]) -> None:
        """Creates or changes objects of a resource; a minimum of metadata is enough."""
        self.control("put", [[resource, one] for one in objects])

    def remove(self, resource: str, namespace: str, name: str) -> None:
        """Deletes an object."""
        self.control("remove", [[resource, namespace, name]])

    def plan(self, fault: str, on: str = "any", **given: Any) -> None:
        """The next request of this kind meets this fault of `faults.FAULTS`; see `control.do_plan`."""
        self.control("plan", [{"fault": fault, "on": on} | given])

    def kubeconfig(self, folder: Path, **user: str) -> Path:
        """A kubeconfig file that leads to this server, for a user with a `token` or a `tokenFile`."""
        path = folder / "kubeconfig"
        cluster = {"certificate-authority": str(self.folder / "tls.crt")} if self.folder else {}
        path.write_text(kubeconfig(self.address, user, cluster), encoding="utf-8")
        return path


def make_certificate(folder: Path) -> None:
    """A new key and a certificate for 127.0.0.1 that is its own authority: tls.key and tls.crt, in the place of others."""
    key: list[str | Path] = [
        "-newkey",
        "ec",
        "-pkeyopt",
        "ec_paramgen_curve:prime256v1",
        "-nodes",
        "-keyout",
        folder / "tls.key",
    ]
    name: list[str | Path] = [
        "-subj",
        "/CN=stand-in",
        "-addext",
        "subjectAltName=IP:127.0.0.1",
        "-days",
        "2",
        "-out",
        folder / "tls.crt",
    ]
    subprocess.run(["openssl", "req", "-x509", *key, *name], check=True, capture_output=True)


def kubeconfig(server: str, user: dict[str, str], cluster: dict[str, str] | None = None) -> str:
    """The text of a kubeconfig, as JSON, which is YAML."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": server} | (cluster or {})}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
    )


def warning(pod: str, reason: str, message: str, count: int = 1, when: float | None = None, **fields: Any) -> dict[str, Any]:
    """A Warning about a pod, as a kubelet writes it; its name follows from pod and reason."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when if when is not None else BORN))
    last = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((when if when is not None else BORN) + count - 1))
    event: dict[str, Any] = {
        "metadata": {"namespace": "shop", "name": f"{pod}.{reason.lower()}"},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": pod, "uid": f"uid-{pod}", "apiVersion": "v1"},
        "reason": reason,
        "message": message,
        "type": "Warning",
        "count": count,
        "firstTimestamp": at,
        "lastTimestamp": last,
        "eventTime": None,
        "source": {"component": "kubelet", "host": "node1"},
        "reportingComponent": "kubelet",
    }
    return event | fields
