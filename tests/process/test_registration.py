"""Registration of a whole operator with a stand-in of a kube9 server: what leaves the cluster, and what does not."""

import json
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import urlsplit

import pytest

from kube9_operator import __version__
from kube9_schema.collections import TYPES
from tests.kube9_server import COLLECTIONS, REGISTER, Kube9Server
from tests.operator import Operator, until
from tests.standin import StandIn

SHORT = {"register_first": 0.0, "collect_first": 0.0, "side_first": 0.05}
KEY = "kdy_hunter2-Very_Secret"


@pytest.fixture
def server(tmp_path: Path) -> Iterator[Kube9Server]:
    folder = tmp_path / "server"
    folder.mkdir()
    with Kube9Server(folder) as running:
        yield running


def operator(tmp_path: Path, standin: StandIn, server: Kube9Server, key: str = KEY, **environment: str) -> Operator:
    path = tmp_path / "key"
    if key:
        path.write_text(key, encoding="utf-8")
    chosen = {"API_KEY_FILE": str(path), "SERVER_URL": server.url, "SERVER_CA_FILE": str(server.ca_file)} | environment
    made = Operator(tmp_path, standin.kubeconfig(tmp_path), SHORT, LOG_LEVEL="debug", **chosen)
    made.prepared = "ASKED" not in environment  # it is the start of a Python that reads the audit
    return made


AUDIT = """
import json, os, sys

def note(event, arguments):
    if event in ("socket.getaddrinfo", "socket.gethostbyname", "socket.gethostbyaddr", "socket.connect", "socket.sendto"):
        at = arguments[-1] if event in ("socket.connect", "socket.sendto") else arguments
        if not isinstance(at, (str, bytes)):  # a socket of this machine
            with open(os.environ["ASKED"], "a") as file:
                print(json.dumps([str(at[0]), int(at[1])]), file=file)

sys.addaudithook(note)
"""
"""What each Python process of the operator does before anything else: it notes which hosts are looked up and connected to."""


def audited(tmp_path: Path) -> dict[str, str]:
    """The environment in which that is noted."""
    folder = tmp_path / "audit"
    folder.mkdir()
    (folder / "sitecustomize.py").write_text(AUDIT, encoding="utf-8")
    return {"PYTHONPATH": str(folder), "ASKED": str(folder / "asked")}


def contacted(tmp_path: Path) -> set[tuple[str, int]]:
    """Host and port of whatever was looked up or connected to."""
    lines = (tmp_path / "audit" / "asked").read_text(encoding="utf-8").splitlines()
    return {(host, port) for host, port in map(json.loads, lines)}


def at(url: str) -> tuple[str, int]:
    """Host and port of a URL."""
    parts = urlsplit(url)
    return parts.hostname or "", parts.port or 0


def told(running: Operator) -> list[dict[str, Any]]:
    return [one for one in running.events("--type=operator") if one["metadata"]["reason"].startswith("Registration")]


def test_with_a_key_the_server_sees_the_documented_requests(tmp_path: Path, standin: StandIn, server: Kube9Server) -> None:
    with operator(tmp_path, standin, server, **audited(tmp_path)) as running:
        until(lambda: len(server.of(COLLECTIONS)) == 3 and told(running), "the collections")
        stored = {one["collection_id"]: running.cli("collections", "get", one["collection_id"]) for one in listed(running)}
        assert [one["metadata"]["reason"] for one in told(running)] == ["RegistrationSucceeded"]
        until(lambda: running.counter("kube9_collections_sent_total", outcome="sent") == 3, "the counter")
        assert running.counter("kube9_registrations_total", outcome="registered") == 1
        running.stop()
        assert KEY not in running.log_text()
    assert all(KEY.encode() not in path.read_bytes() for path in running.data.iterdir() if path.is_file())
    (registration,) = server.of(REGISTER)
    assert {(one.method, one.path) for one in server.asked} == {("POST", REGISTER), ("POST", COLLECTIONS)}
    for one in server.asked:
        assert one.headers["authorization"] == f"Bearer {KEY}"
        assert one.headers["user-agent"] == f"kube9-operator/{__version__}"
        assert one.headers["content-type"] == "application/json"
    assert sorted(registration.body) == ["approximateNodeCount", "clusterIdentifier", "kubernetesVersion", "operatorVersion"]
    assert registration.body["clusterIdentifier"].startswith("sha256:")
    sent = {one.body["data"]["collectionId"]: one.body for one in server.of(COLLECTIONS)}
    assert sent == stored
    assert sorted(one["type"] for one in sent.values()) == sorted(TYPES)
    assert contacted(tmp_path) == {at(standin.address), at(server.url)}


def listed(running: Operator) -> list[dict[str, Any]]:
    found: list[dict[str, Any]] = running.cli("collections", "list")["collections"]
    return found


def test_without_a_key_nothing_leaves_the_cluster(tmp_path: Path, standin: StandIn, server: Kube9Server) -> None:
    with operator(tmp_path, standin, server, key="", **audited(tmp_path), SERVER_URL="https://kube9.example.com") as running:
        until(lambda: len(running.cli("collections", "list")["collections"]) == 3 if database(running) else False, "them")
        assert told(running) == []
        assert "registrar" not in running.health()[1]["processes"]
    assert contacted(tmp_path) == {at(standin.address)}, "not even the name of the server is looked up"


def database(running: Operator) -> bool:
    return (running.data / "kube9.db-wal").exists() and bool(running.events("--type=operator"))


@pytest.mark.parametrize("fault", ["untrusted", "redirected", "rejected"])
def test_a_server_that_cannot_be_used_is_told_of_and_gets_no_more(
    tmp_path: Path, standin: StandIn, server: Kube9Server, fault: str
) -> None:
    environment = {"SERVER_CA_FILE": ""} if fault == "untrusted" else {}
    server.answers[REGISTER] = (307, {}) if fault == "redirected" else (401, {"message": KEY})
    server.headers = {"Location": f"{server.url}/elsewhere"} if fault == "redirected" else {}
    with operator(tmp_path, standin, server, **environment) as running:
        (event,) = until(lambda: database(running) and told(running), "the failure")
        assert (event["metadata"]["reason"], event["severity"]) == ("RegistrationFailed", "error")
        said = {"untrusted": "certificate verify failed", "redirected": "307, a redirect", "rejected": "401"}[fault]
        assert said in event["metadata"]["why"]
        until(lambda: len(listed(running)) == 3, "the collections")
        running.stop()
        assert KEY not in running.log_text()
    assert [one.path for one in server.asked] == ([] if fault == "untrusted" else [REGISTER])
