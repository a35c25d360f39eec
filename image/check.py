"""Proves in the image's build that the operator still has what it needs: every way to a cluster, every module, every program.

A way is gone with the operator's own client and a server on the loopback, so that what is imported late is imported too.
"""

import base64
import contextlib
import http.server
import importlib
import json
import os
import pkgutil
import subprocess
import sys
import tempfile
import threading
from collections.abc import Iterator
from pathlib import Path
from typing import Any

TOKEN = "a-token"
SECONDS = 5.0
PLUGIN = """
import json
print(json.dumps({"apiVersion": "client.authentication.k8s.io/v1", "kind": "ExecCredential", "status": {"token": "a-token"}}))
"""
PACKAGES = ("kube9_cli", "kube9_operator", "kube9_schema")
LATE = ("prometheus_client.exposition", "prometheus_client.core", "yaml")
"""What they import inside of functions."""
PROGRAMS = ("kube9-cli", "kube9-operator")


class Server(http.server.BaseHTTPRequestHandler):
    """Answers whoever has the token."""

    def do_GET(self) -> None:
        known = self.headers.get("Authorization") == f"Bearer {TOKEN}"
        body = json.dumps({"items": []} if known else {"message": "who is it?"}).encode()
        self.send_response(200 if known else 401)
        self.send_header("Content-Type", "application/json")
        self.send_header("Content-Length", str(len(body)))
        self.end_headers()
        self.wfile.write(body)

    def do_PATCH(self) -> None:
        self.rfile.read(int(self.headers["Content-Length"]))
        self.do_GET()

    def log_message(self, *_: object) -> None:
        """Nothing to say."""


def main() -> None:
    with served() as port, tempfile.TemporaryDirectory() as folder:
        path = Path(folder) / "kubeconfig"
        os.environ["KUBECONFIG"] = str(path)  # which is read at the import
        for name in PACKAGES:
            package = importlib.import_module(name)
            for module in pkgutil.walk_packages(package.__path__, f"{name}."):
                importlib.import_module(module.name)
        for name in LATE:
            importlib.import_module(name)
        for name, user in users(Path(folder)).items():
            path.write_text(json.dumps(kubeconfig(port, user)), encoding="utf-8")
            ask(name)
    for program in PROGRAMS:
        subprocess.run([Path(sys.executable).with_name(program), "--version"], check=True, stdout=subprocess.DEVNULL)


@contextlib.contextmanager
def served() -> Iterator[int]:
    """The port of a Server."""
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Server) as server:
        threading.Thread(target=server.serve_forever, daemon=True).start()
        yield server.server_port
        server.shutdown()


def users(folder: Path) -> dict[str, dict[str, Any]]:
    """The credentials that a kubeconfig can name and that need no program of a cloud."""
    (folder / "token").write_text(TOKEN, encoding="utf-8")
    (folder / "plugin.py").write_text(PLUGIN, encoding="utf-8")
    plugin = {
        "apiVersion": "client.authentication.k8s.io/v1",
        "command": sys.executable,
        "args": [str(folder / "plugin.py")],
        "interactiveMode": "Never",
    }
    # Of a provider that has not expired; nobody checks its signature here.
    claims = base64.urlsafe_b64encode(json.dumps({"exp": 2**33}).encode()).decode().rstrip("=")
    return {
        "token": {"token": TOKEN},
        "token file": {"tokenFile": str(folder / "token")},
        "exec plug-in": {"exec": plugin},
        "OpenID Connect": {"auth-provider": {"name": "oidc", "config": {"id-token": f"head.{claims}.sign"}}},
    }


def kubeconfig(port: int, user: dict[str, Any]) -> dict[str, Any]:
    return {
        "apiVersion": "v1",
        "kind": "Config",
        "current-context": "here",
        "contexts": [{"name": "here", "context": {"cluster": "here", "user": "me"}}],
        "clusters": [{"name": "here", "cluster": {"server": f"http://127.0.0.1:{port}"}}],
        "users": [{"name": "me", "user": user}],
    }


def ask(name: str) -> None:
    """Reads and writes with the credentials of `name`; exits where the answer is another than it should be."""
    from kube9_operator.watch.client import ApiError, Client
    from kube9_operator.watch.reach import Reach

    client = Client(SECONDS, Reach(), SECONDS)
    wanted = "401 who is it?" if name == "OpenID Connect" else "answered"
    try:
        client.get("/api/v1/events", [("limit", "1")], SECONDS, SECONDS, long=True).whole()
        client.apply("/api/v1/namespaces/n/configmaps/c", {"kind": "ConfigMap"}, SECONDS)
        said = "answered"
    except ApiError as error:
        said = str(error)
    client.close()
    if said != wanted:
        sys.exit(f"check: credentials by {name}: {said}, wanted: {wanted}")


if __name__ == "__main__":
    main()
