"""`argocd apps` and `argocd resource-tree`: answers, and every error with its exit code. The API is a stand-in over TLS."""

import contextlib
import hashlib
import http.server
import json
import os
import ssl
import threading
import tracemalloc
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any
from unittest import mock

import pytest

from kube9_cli.query import argocd_api
from kube9_operator.model.resource_states import Application
from kube9_schema import facts
from kube9_schema.argocd import BASE_URL, CA_FILE, FIELDS, TOKEN, TOKEN_FILE
from tests.cli import Answered, run_cli
from tests.kept import NOW, kept, state
from tests.standin.client import make_certificate

APP = Application(
    api_version="argoproj.io/v1alpha1",
    project="shop",
    sync="OutOfSync",
    revision="77aa1e",
    health="Degraded",
    health_message="web has no pods",
    health_since_ms=NOW,
    phase="Failed",
    started_ms=NOW,
    finished_ms=NOW + 1_000,
    message="one or more objects failed to apply",
    synced_revision="0f3e1d",
    initiated_by="ada",
)


def test_the_fields_that_are_read_are_those_of_the_state() -> None:
    assert Application.__struct_fields__[: len(FIELDS)] == FIELDS


@pytest.fixture(scope="module")
def database(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """A database with Applications, in a cluster with Argo CD."""
    path = tmp_path_factory.mktemp("argocd") / "kube9.db"
    with kept() as keeper:
        keeper.cluster = "uid-1"
        keeper.lists(
            "applications",
            state("web", APP, namespace="argocd"),
            state("db", Application("v1", sync="Synced", health="Healthy"), namespace="argocd"),
            state("web", Application("v1"), namespace="teams"),
        )
        detected = json.dumps({"detected": True, "namespace": "argocd", "version": "v3.1.0", "checked_ms": NOW})
        keeper.connection.execute("INSERT INTO facts (name, value) VALUES (?, ?)", (facts.ARGOCD, detected))
        keeper.connection.execute("VACUUM INTO ?", (str(path),))
    return path


def ask(database: Path, *arguments: str, **environment: str) -> Answered:
    with mock.patch.dict(os.environ, environment):
        return run_cli(database, "argocd", *arguments)


def test_applications_are_listed_and_shown(database: Path) -> None:
    found = json.loads(ask(database, "apps", "list").stdout)
    assert [(one["app_namespace"], one["app_name"]) for one in found["applications"]] == [
        ("argocd", "db"),
        ("argocd", "web"),
        ("teams", "web"),
    ]
    assert found["applications"][1] | {"observed_at": ""} == {
        "cluster_id": "uid-1",
        "app_namespace": "argocd",
        "app_name": "web",
        "observed_at": "",
        "sync_status": "OutOfSync",
        "health_status": "Degraded",
    }
    assert found["pagination"] == {"total": 3, "limit": 50, "offset": 0}
    some = json.loads(ask(database, "apps", "list", "--name", "web", "--limit", "1", "--offset", "1").stdout)
    assert ([one["app_namespace"] for one in some["applications"]], some["pagination"]["total"]) == (["teams"], 2)
    assert json.loads(ask(database, "apps", "list", "--cluster-id", "other").stdout)["applications"] == []
    assert json.loads(ask(database, "apps", "list", "--since", "2035-01-01").stdout)["pagination"]["total"] == 0
    one = json.loads(ask(database, "apps", "get", "uid-1", "argocd", "web").stdout)
    assert one == json.loads(ask(database, "apps", "get", "argocd", "web").stdout)
    assert one["status"]["operation"]["initiated_by"] == "ada"
    assert one["drift"] == {"out_of_sync": True, "wanted_revision": "77aa1e", "synced_revision": "0f3e1d"}
    shown = ask(database, "apps", "get", "argocd", "web", "-o", "table").stdout
    assert "argocd/web: OutOfSync, Degraded" in shown
    assert "Last operation: Failed" in shown


def test_what_argo_cd_has_not_said_is_unknown(database: Path) -> None:
    given = ("teams", "web")
    (one,) = json.loads(ask(database, "apps", "list", "-n", given[0]).stdout)["applications"]
    assert (one["sync_status"], one["health_status"]) == ("Unknown", "Unknown")
    status = json.loads(ask(database, "apps", "get", *given).stdout)["status"]
    assert [name for name, value in status.items() if value is not None] == ["sync_status", "health_status"]
    assert ask(database, "apps", "get", *given, "-o", "table").stdout == "teams/web: Unknown, Unknown\n"


def test_the_table_fits_the_terminal(tmp_path: Path) -> None:
    name = f"{'long-' * 30}name"
    with kept() as keeper:
        keeper.lists("applications", state(name, APP, namespace="platform-applications-production"))
        keeper.connection.execute("VACUUM INTO ?", (str(tmp_path / "kube9.db"),))
    answer = ask(tmp_path, "apps", "list", "-o", "table", COLUMNS="80")
    heading, line = answer.stdout.splitlines()
    assert heading.split() == ["NAMESPACE", "NAME", "SYNC", "HEALTH", "CHANGED"]
    assert "OutOfSync  Degraded  " in line
    assert len(line) <= 80
    assert answer.stderr == "1 of 1 Applications.\n"
    assert name in ask(tmp_path, "apps", "list", "-o", "wide", COLUMNS="80").stdout
    clock = ask(tmp_path, "apps", "list", "-o", "table", "--time", "utc").stdout.splitlines()
    assert clock[0].endswith("CHANGED UTC")


def test_an_empty_list_says_that_argo_cd_was_not_detected(database: Path, tmp_path: Path) -> None:
    with kept() as keeper:
        keeper.connection.execute("VACUUM INTO ?", (str(tmp_path / "kube9.db"),))
    assert json.loads(ask(tmp_path, "apps", "list").stdout)["hints"] == ["Argo CD was not detected in this cluster."]
    answer = ask(tmp_path, "apps", "list", "-o", "table")
    assert (answer.stdout, answer.stderr) == ("", "No Applications. Argo CD was not detected in this cluster.\n")
    assert "hints" not in json.loads(ask(database, "apps", "list", "--name", "other").stdout)


def test_an_application_that_is_not_known(database: Path) -> None:
    answer = ask(database, "apps", "get", "argocd", "other")
    assert (answer.returncode, json.loads(answer.stderr)["code"]) == (1, "APPLICATION_NOT_FOUND")


# The resource tree

Plan = Callable[[http.server.BaseHTTPRequestHandler], None]
TREE = {"nodes": [{"kind": "Pod", "name": f"web-{number}", "parentRefs": [{"kind": "ReplicaSet"}]} for number in range(20_000)]}


class ArgoCd:
    """A stand-in of Argo CD's API over TLS: one token is good, and a plan says how requests are answered."""

    def __init__(self, folder: Path) -> None:
        self.token = "token-1"
        self.asked: list[str] = []
        self.plan: Plan = lambda request: self.answer(request, 200, json.dumps(TREE).encode())
        self.ca = folder / "tls.crt"
        make_certificate(folder)
        outer = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_GET(self) -> None:
                outer.asked.append(self.path)
                if self.headers["Authorization"] != f"Bearer {outer.token}":
                    outer.answer(self, 401, b'{"error":"no session"}')
                else:
                    outer.plan(self)

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self._server.handle_error = lambda *_: None  # type: ignore[method-assign]
        context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        context.load_cert_chain(folder / "tls.crt", folder / "tls.key")
        self._server.socket = context.wrap_socket(self._server.socket, server_side=True, do_handshake_on_connect=False)
        self.url = f"https://127.0.0.1:{self._server.server_address[1]}"
        threading.Thread(target=self._server.serve_forever, args=(0.01,), daemon=True).start()

    def answer(
        self, request: http.server.BaseHTTPRequestHandler, code: int, body: bytes, kind: str = "application/json"
    ) -> None:
        request.send_response(code)
        request.send_header("Content-Type", kind)
        request.send_header("Content-Length", str(len(body)))
        request.end_headers()
        with contextlib.suppress(OSError):
            request.wfile.write(body)

    def close(self) -> None:
        self._server.shutdown()
        self._server.server_close()


@pytest.fixture
def api(tmp_path: Path) -> Iterator[ArgoCd]:
    made = ArgoCd(tmp_path)
    yield made
    made.close()


def tree(database: Path, api: ArgoCd, *arguments: str, **environment: str) -> Answered:
    given = {BASE_URL: api.url, CA_FILE: str(api.ca), TOKEN: api.token} | environment
    return ask(database, "resource-tree", "get", *(arguments or ("web", "--namespace=argocd", "--format=json")), **given)


def refused(answer: Answered) -> tuple[int, str]:
    envelope = json.loads(answer.stderr)
    assert (envelope["ok"], answer.stdout) == (False, "")
    assert set(envelope) <= {"ok", "code", "message", "details"}
    assert envelope["message"]
    return answer.returncode, envelope["code"]


def test_a_large_tree_is_whole_and_unchanged(database: Path, api: ArgoCd) -> None:
    answer = tree(database, api)
    assert (answer.returncode, answer.stderr, answer.stdout) == (0, "", json.dumps(TREE))
    assert api.asked == ["/api/v1/applications/web/resource-tree?appNamespace=argocd"]


def test_a_large_tree_takes_little_memory(database: Path, api: ArgoCd) -> None:
    one = json.dumps({"kind": "Pod", "name": "web-7f9c5b", "health": {"message": "✓"}}, ensure_ascii=False).encode()
    body = b'{"nodes":[' + b",".join([one] * 100_000) + b"]}"
    assert len(body) > 5 * 2**20
    api.plan = lambda request: api.answer(request, 200, body)
    given = argocd_api.Access(api.url, api.token, str(api.ca))
    tracemalloc.start()
    try:
        pieces = argocd_api.resource_tree(given, "web", "argocd", 30.0)
        digest = hashlib.sha256()
        for piece in pieces:
            digest.update(piece.encode())
        _, peak = tracemalloc.get_traced_memory()
    finally:
        tracemalloc.stop()
    assert digest.digest() == hashlib.sha256(body).digest()
    assert peak < 3 * 2**20


@pytest.mark.parametrize(
    ("status", "expected"),
    [
        (400, (2, "INVALID_ARGUMENT")),
        (401, (4, "ARGOCD_AUTH_FAILED")),
        (403, (5, "ARGOCD_RBAC_DENIED")),
        (404, (3, "APPLICATION_NOT_FOUND")),
        (408, (6, "TIMEOUT")),
        (302, (7, "ARGOCD_API_UNREACHABLE")),
        (500, (7, "ARGOCD_API_UNREACHABLE")),
        (503, (7, "ARGOCD_API_UNREACHABLE")),
        (504, (6, "TIMEOUT")),
        (204, (1, "INTERNAL_ERROR")),
    ],
)
def test_each_status_has_its_code(database: Path, api: ArgoCd, status: int, expected: tuple[int, str]) -> None:
    api.plan = lambda request: api.answer(request, status, b'{"message":"secret-of-the-server"}')
    answer = tree(database, api)
    assert refused(answer) == expected
    assert "secret-of" not in answer.stderr
    assert api.token not in answer.stderr


@pytest.mark.parametrize(
    "arguments",
    [("web",), ("Web!", "--namespace=argocd"), ("web", "--namespace=../x"), ("web", "--namespace="), ("--namespace=argocd",)],
)
def test_wrong_arguments(database: Path, api: ArgoCd, arguments: tuple[str, ...]) -> None:
    assert refused(tree(database, api, *arguments)) == (2, "INVALID_ARGUMENT")
    assert api.asked == []


def test_a_token_is_read_again_for_each_request(database: Path, api: ArgoCd, tmp_path: Path) -> None:
    file = tmp_path / "token"
    given = {TOKEN: "", TOKEN_FILE: str(file)}
    assert refused(tree(database, api, **given)) == (4, "ARGOCD_TOKEN_MISSING")
    file.write_text("token-1\n", encoding="ascii")
    assert tree(database, api, **given).returncode == 0
    api.token = "token-2"
    assert refused(tree(database, api, **given)) == (4, "ARGOCD_AUTH_FAILED")
    file.write_text("token-2\n", encoding="ascii")
    assert tree(database, api, **given).returncode == 0
    assert refused(tree(database, api, **{TOKEN: "two words"})) == (4, "ARGOCD_TOKEN_MISSING")


def test_an_api_that_cannot_be_reached_or_trusted(database: Path, api: ArgoCd, tmp_path: Path) -> None:
    for given in ({CA_FILE: ""}, {BASE_URL: "https://127.0.0.1:9"}, {BASE_URL: "argocd"}, {CA_FILE: str(tmp_path / "absent")}):
        assert refused(tree(database, api, **given)) == (7, "ARGOCD_API_UNREACHABLE")
    assert api.asked == [], "the token is not sent to a server that is not trusted"
    said = json.loads(tree(database, api, **{CA_FILE: ""}).stderr)
    assert (said["message"], CA_FILE in said["details"]) == ("the certificate of Argo CD's API is not trusted", True)


def test_an_answer_that_does_not_end_or_breaks_off(database: Path, api: ArgoCd) -> None:
    released = threading.Event()

    def endless(request: http.server.BaseHTTPRequestHandler) -> None:
        request.send_response(200)
        request.send_header("Content-Type", "application/json")
        request.send_header("Content-Length", "1000")
        request.end_headers()
        request.wfile.write(b'{"nodes":')
        request.wfile.flush()
        released.wait(30)

    api.plan = endless
    assert refused(tree(database, api, "web", "--namespace=argocd", "--timeout=1")) == (6, "TIMEOUT")
    released.set()
    assert refused(tree(database, api)) == (7, "ARGOCD_API_UNREACHABLE")


def test_what_is_no_answer_of_argo_cd(database: Path, api: ArgoCd) -> None:
    for body, kind in ((b"<html>", "text/html"), (b'{"nodes":"\xff"}', "application/json"), (b'{"\xe2', "application/json")):
        api.plan = lambda request, body=body, kind=kind: api.answer(request, 200, body, kind)  # type: ignore[misc]
        assert refused(tree(database, api)) == (1, "INTERNAL_ERROR")


def test_a_tree_that_is_too_large(database: Path, api: ArgoCd, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr(argocd_api, "MOST_BYTES", 1000)
    assert refused(tree(database, api)) == (1, "INTERNAL_ERROR")


def test_without_argo_cd_or_a_database(api: ArgoCd, tmp_path: Path) -> None:
    path = tmp_path / "other" / "kube9.db"
    path.parent.mkdir()
    with kept() as keeper:
        keeper.connection.execute("VACUUM INTO ?", (str(path),))
    assert refused(tree(path, api)) == (7, "ARGOCD_NOT_DETECTED")
    assert refused(tree(tmp_path / "none", api)) == (1, "INTERNAL_ERROR")
    assert api.asked == []
