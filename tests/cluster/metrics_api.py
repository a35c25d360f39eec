"""Figures of pods, as an autoscaler asks for them: a metrics API of our own, which the API server passes requests on to."""

import json
import ssl
import subprocess
import threading
import time
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

from tests.cluster.plane import ControlPlane
from tests.operator import until

GROUP, VERSION = "metrics.k8s.io", "v1beta1"
ROOT = f"/apis/{GROUP}/{VERSION}"
REGISTRATION = f"/apis/apiregistration.k8s.io/v1/apiservices/{VERSION}.{GROUP}"
RESOURCES = {
    "kind": "APIResourceList",
    "apiVersion": "v1",
    "groupVersion": f"{GROUP}/{VERSION}",
    "resources": [{"name": "pods", "namespaced": True, "kind": "PodMetrics", "singularName": "", "verbs": ["get", "list"]}],
}


class MetricsApi:
    """Served for as long as the `with` block: says of each pod of a namespace that it uses so much of a processor."""

    def __init__(self, plane: ControlPlane, namespace: str, folder: Path, cpu: str) -> None:
        self._plane = plane
        self._namespace = namespace
        key, certificate = folder / "metrics.key", folder / "metrics.crt"
        subject = ("-subj", "/CN=localhost", "-days", "1", "-nodes")
        subprocess.run(
            ["openssl", "req", "-x509", "-newkey", "rsa:2048", *subject, "-keyout", key, "-out", certificate],
            check=True,
            capture_output=True,
        )
        self._server = ThreadingHTTPServer(("127.0.0.1", 0), _handler(lambda: self._pods(cpu)))
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(certificate, key)
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True)
        self._thread = threading.Thread(target=self._server.serve_forever, name="metrics")

    def __enter__(self) -> "MetricsApi":
        self._thread.start()
        service = {"type": "ExternalName", "externalName": "localhost", "ports": [{"port": 443}]}
        self._plane.api(
            "POST", f"/api/v1/namespaces/{self._namespace}/services", {"metadata": {"name": "metrics"}, "spec": service}
        )
        where = {"name": "metrics", "namespace": self._namespace, "port": self._server.server_address[1]}
        priority = {"groupPriorityMinimum": 100, "versionPriority": 100, "insecureSkipTLSVerify": True}
        spec = {"group": GROUP, "version": VERSION, "service": where} | priority
        self._plane.api("POST", REGISTRATION.rpartition("/")[0], {"metadata": {"name": f"{VERSION}.{GROUP}"}, "spec": spec})
        until(self._is_available, "the metrics API")
        return self

    def __exit__(self, *_: object) -> None:
        # One that does not answer would hold up the deletion of every namespace.
        self._plane.api("DELETE", REGISTRATION)
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()

    def _is_available(self) -> bool:
        conditions = self._plane.api("GET", REGISTRATION).get("status", {}).get("conditions", [])
        return "True" in [one["status"] for one in conditions if one["type"] == "Available"]

    def _pods(self, cpu: str) -> dict[str, Any]:
        pods = self._plane.api("GET", f"/api/v1/namespaces/{self._namespace}/pods")["items"]
        now = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())
        items = [
            {
                "metadata": {key: one["metadata"][key] for key in ("name", "namespace", "labels")},
                "timestamp": now,
                "window": "10s",
                "containers": [{"name": "app", "usage": {"cpu": cpu, "memory": "10Mi"}}],
            }
            for one in pods
        ]
        return {"kind": "PodMetricsList", "apiVersion": f"{GROUP}/{VERSION}", "metadata": {}, "items": items}


def _handler(pods: Any) -> type[BaseHTTPRequestHandler]:
    class Handler(BaseHTTPRequestHandler):
        """Answers with what there is, or 404."""

        def do_GET(self) -> None:
            path = self.path.partition("?")[0]
            found = RESOURCES if path == ROOT else pods() if path.startswith(f"{ROOT}/") and path.endswith("/pods") else None
            body = json.dumps(found or {}).encode()
            self.send_response(200 if found else 404)
            self.send_header("Content-Type", "application/json")
            self.send_header("Content-Length", str(len(body)))
            self.end_headers()
            self.wfile.write(body)

        def log_message(self, *_: object) -> None:
            """Nobody reads it."""

    return Handler
