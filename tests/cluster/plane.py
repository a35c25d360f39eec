"""A real control plane: etcd, API server and, where wanted, controller-manager and scheduler.

Everything they write is below one folder, with a log of each. On 127.0.0.1 there are no nodes, so no pod ever runs; tests/node
gives it another address, in a network of its own, and a node.
"""

import contextlib
import http.client
import json
import os
import secrets
import shutil
import socket
import ssl
import subprocess
from ipaddress import ip_address
from pathlib import Path
from typing import Any

from tests.operator import until
from tests.standin import kubeconfig

VERSION = "v1.36.3"
BINARIES = ("etcd", "kube-apiserver", "kube-controller-manager", "kube-scheduler")
READY_SECONDS = 120.0
STOP_SECONDS = 5.0
"""With open watches the API server takes up to a minute to stop by itself."""
REQUEST_SECONDS = 30.0


def assets() -> Path | None:
    """The folder that holds the binaries, or None where one is missing."""
    cache = Path(os.environ.get("XDG_CACHE_HOME") or Path.home() / ".cache")
    chosen = os.environ.get("KUBEBUILDER_ASSETS")
    folder = Path(chosen) if chosen else cache / "kube9-operator" / "cluster-tools" / VERSION
    return folder if all(os.access(folder / name, os.X_OK) for name in BINARIES) else None


class ApiError(Exception):
    """The API server, or etcd, refused a request."""

    def __init__(self, status: int, text: str) -> None:
        super().__init__(f"{status} {text}")
        self.status = status


class Connection(http.client.HTTPSConnection):
    """Can be closed whenever it breaks off: Python's own leaves a socket open if the server ends before the handshake."""

    def __init__(self, address: str, port: int, context: ssl.SSLContext) -> None:
        super().__init__(address, port, timeout=REQUEST_SECONDS, context=context)
        self._tls = context

    def connect(self) -> None:
        """Connects, and makes the handshake."""
        self.sock = self._tls.wrap_socket(socket.socket(), server_hostname=self.host)
        self.sock.settimeout(REQUEST_SECONDS)
        self.sock.connect((self.host, self.port))


class ControlPlane:
    """Runs as long as the `with` block."""

    def __init__(
        self,
        folder: Path,
        binaries: Path,
        controllers: bool = False,
        event_ttl: str = "1h0m0s",
        compaction_interval: str = "5m0s",
        address: str = "127.0.0.1",
        inside: tuple[str, ...] = (),
        manager_options: tuple[str, ...] = (),
    ) -> None:
        """`inside` is a command that runs others where `address` is; `manager_options` are the controller-manager's."""
        self._folder = folder
        self._binaries = binaries
        self._controllers = controllers
        self._event_ttl = event_ttl
        self._compaction_interval = compaction_interval
        self._address = address
        self._inside = inside
        self._manager_options = manager_options
        self._token = secrets.token_hex(16)
        self._etcd_port, self._etcd_peer_port, self._port = free_ports(3)
        self._certificate = folder / "certificates" / "apiserver.crt"
        self._running: dict[str, subprocess.Popen[bytes]] = {}

    def __enter__(self) -> "ControlPlane":
        try:
            self._start()
        except BaseException:
            self.stop()
            raise
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Stops all: whoever needs another goes first."""
        for name in reversed(BINARIES):
            self._stop(name)
        # 64 MB of preallocated log, and pytest keeps the folders of three runs.
        shutil.rmtree(self._folder / "etcd", ignore_errors=True)

    def restart_api_server(self, kill: bool = False) -> None:
        """Stops the API server, with every watch, or kills it, and starts it again at the same port."""
        self._stop("kube-apiserver", kill)
        self._start_api_server()

    def compact(self) -> None:
        """Makes etcd forget every version but the newest, as the API server has it do every few minutes."""
        newest = self._etcd("/v3/maintenance/status", {})["header"]["revision"]
        self._etcd("/v3/kv/compaction", {"revision": newest, "physical": True})

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig file of an administrator."""
        path = folder / "kubeconfig"
        authority = {"certificate-authority": str(self._certificate)}
        server = f"https://{self._address}:{self._port}"
        path.write_text(kubeconfig(server, {"token": self._token}, authority), encoding="utf-8")
        return path

    def access(self) -> tuple[str, str, Path]:
        """Where the API server is, the token of an administrator, and the certificate that its certificate is checked with."""
        return f"https://{self._address}:{self._port}", self._token, self._certificate

    def connection(self) -> http.client.HTTPSConnection:
        """A connection for `request`, to be closed by the caller."""
        return Connection(self._address, self._port, ssl.create_default_context(cafile=self._certificate))

    def request(self, connection: http.client.HTTPConnection, method: str, path: str, body: Any = None) -> Any:
        """The decoded answer to one request. A PATCH is merged. Raises ApiError where it is refused."""
        kind = "application/merge-patch+json" if method == "PATCH" else "application/json"
        headers = {"Authorization": f"Bearer {self._token}", "Content-Type": kind}
        connection.request(method, path, None if body is None else json.dumps(body), headers)
        with connection.getresponse() as answer:  # which keeps the socket open if it breaks off
            text = answer.read()
        if answer.status >= 300:
            raise ApiError(answer.status, f"{method} {path}: {text.decode(errors='replace')}")
        return json.loads(text) if answer.headers.get_content_type() == "application/json" else text.decode()

    def api(self, method: str, path: str, body: Any = None) -> Any:
        """The decoded answer to one request on a connection of its own. Raises ApiError where it is refused."""
        with contextlib.closing(self.connection()) as connection:
            return self.request(connection, method, path, body)

    def _start(self) -> None:
        etcd, peer = (f"http://{self._address}:{port}" for port in (self._etcd_port, self._etcd_peer_port))
        self._run(
            "etcd",
            *("--data-dir", self._folder / "etcd"),
            "--unsafe-no-fsync",
            *("--listen-client-urls", etcd, "--advertise-client-urls", etcd),
            *("--listen-peer-urls", peer, "--initial-advertise-peer-urls", peer, "--initial-cluster", f"default={peer}"),
        )
        key = self._folder / "service-accounts.key"
        subprocess.run(["openssl", "genrsa", "-out", key, "2048"], check=True, capture_output=True)
        users = f"{self._token},admin,admin,system:masters\n"
        (self._folder / "tokens").write_text(users, encoding="utf-8")
        self._start_api_server()
        if self._controllers:
            chosen = ("--kubeconfig", self.kubeconfig(self._folder), "--leader-elect=false", "--secure-port", "0")
            self._run(
                "kube-controller-manager",
                *chosen,
                *("--service-account-private-key-file", key, "--root-ca-file", self._certificate),
                *("--pvclaimbinder-sync-period", "2s"),
                *self._manager_options,
            )
            self._run("kube-scheduler", *chosen)

    def _start_api_server(self) -> None:
        until(lambda: is_free(self._address, self._port), "the API server's port to be free")
        key = self._folder / "service-accounts.key"
        self._run(
            "kube-apiserver",
            *("--etcd-servers", f"http://{self._address}:{self._etcd_port}"),
            *("--etcd-compaction-interval", self._compaction_interval),
            *("--event-ttl", self._event_ttl),
            *("--bind-address", self._address, "--advertise-address", self._address, "--secure-port", self._port),
            # A loopback address may not be an endpoint of the service `kubernetes`, and nobody asks for it.
            *("--endpoint-reconciler-type", "none" if ip_address(self._address).is_loopback else "lease"),
            # Nobody knows the name of a node.
            *("--kubelet-preferred-address-types", "InternalIP"),
            *("--service-cluster-ip-range", "10.96.0.0/16"),
            "--allow-privileged",
            *("--cert-dir", self._certificate.parent),
            *("--token-auth-file", self._folder / "tokens", "--authorization-mode", "RBAC"),
            *("--service-account-issuer", "https://kubernetes.default.svc"),
            *("--service-account-key-file", key, "--service-account-signing-key-file", key),
        )
        until(self._is_ready, f"the API server to be ready, see {self._folder}/kube-apiserver.log", READY_SECONDS)

    def _is_ready(self) -> bool:
        for name, process in self._running.items():
            assert process.poll() is None, f"{name} has ended, see {self._folder}/{name}.log"
        with contextlib.suppress(OSError, http.client.HTTPException, ApiError):
            return bool(self.api("GET", "/readyz") == "ok")
        return False

    def _run(self, name: str, *arguments: object) -> None:
        with (self._folder / f"{name}.log").open("ab") as log:
            command = [*self._inside, str(self._binaries / name), *map(str, arguments)]
            self._running[name] = subprocess.Popen(command, stdin=subprocess.DEVNULL, stdout=log, stderr=log)

    def _stop(self, name: str, kill: bool = False) -> None:
        process = self._running.pop(name, None)
        if process is None:
            return
        (process.kill if kill else process.terminate)()
        try:
            process.wait(STOP_SECONDS)
        except subprocess.TimeoutExpired:
            process.kill()
            process.wait()

    def _etcd(self, path: str, body: Any) -> Any:
        with contextlib.closing(http.client.HTTPConnection(self._address, self._etcd_port, timeout=REQUEST_SECONDS)) as etcd:
            etcd.request("POST", path, json.dumps(body))
            answer = etcd.getresponse()
            text = answer.read()
            if answer.status != 200:
                raise ApiError(answer.status, f"{path}: {text.decode(errors='replace')}")
            return json.loads(text)


def free_ports(count: int) -> list[int]:
    """Ports that nobody listens at, all different."""
    with contextlib.ExitStack() as stack:
        sockets = [stack.enter_context(socket.socket()) for _ in range(count)]
        for one in sockets:
            one.bind(("127.0.0.1", 0))
        return [one.getsockname()[1] for one in sockets]


def is_free(address: str, port: int) -> bool:
    """Whether nobody listens there."""
    with socket.socket() as probe:
        probe.settimeout(REQUEST_SECONDS)
        return probe.connect_ex((address, port)) != 0
