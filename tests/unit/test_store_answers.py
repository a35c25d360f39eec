"""What `kube9-cli --store` says when a store does not answer as it should: one line, and the exit code of docs/cli.md."""

import gzip
import json
import re
import threading
import urllib.parse
from collections.abc import Iterator
from http.server import BaseHTTPRequestHandler, ThreadingHTTPServer
from pathlib import Path
from typing import Any

import pytest

from kube9_cli.central import logsql
from kube9_cli.selection import About
from kube9_schema.attributes import OWNERS
from tests.cli import Answered, run_cli

COVERAGE = {
    "_time": "2026-11-24T10:00:00Z",
    "service.instance.id": "a" * 32,
    "k8s.cluster.uid": "uid-1",
    "k8s.cluster.name": "one",
}


class Answer:
    """What a store answers next, and what it was asked."""

    status, kind = 200, "application/stream+json"
    headers: dict[str, str]
    body: bytes
    cut = False

    def __init__(self) -> None:
        self.headers, self.body = {}, b""
        self.asked: list[tuple[str, dict[str, str], dict[str, str]]] = []


@pytest.fixture
def answer() -> Iterator[Answer]:
    made = Answer()

    class Handler(BaseHTTPRequestHandler):
        protocol_version = "HTTP/1.1"

        def do_POST(self) -> None:
            body = self.rfile.read(int(self.headers["Content-Length"])).decode()
            made.asked.append((self.path, dict(self.headers), dict(urllib.parse.parse_qsl(body))))
            self.send_response(made.status)
            self.send_header("Content-Type", made.kind)
            self.send_header("Content-Length", str(len(made.body) + 10 * made.cut))
            for name, value in made.headers.items():
                self.send_header(name, value)
            self.end_headers()
            self.wfile.write(made.body)
            self.close_connection = made.cut

        def log_message(self, *_: Any) -> None:
            pass

    with ThreadingHTTPServer(("127.0.0.1", 0), Handler) as server:
        thread = threading.Thread(target=server.serve_forever, kwargs={"poll_interval": 0.01})
        thread.start()
        made.url = f"http://127.0.0.1:{server.server_port}"  # type: ignore[attr-defined]
        try:
            yield made
        finally:
            server.shutdown()
            thread.join()


def asked(answer: Answer, tmp_path: Path, *more: str) -> Answered:
    return run_cli(tmp_path, "events", "list", "-o", "table", "--store", answer.url, *more)  # type: ignore[attr-defined]


def lines(*records: dict[str, str]) -> bytes:
    return b"".join(json.dumps(one).encode() + b"\n" for one in records)


@pytest.mark.parametrize(
    ("status", "kind", "body", "code", "said"),
    [
        (401, "text/plain", b"", 3, "The store does not accept the credentials: "),
        (403, "text/plain", b"", 3, "The store does not accept the credentials: "),
        (302, "text/plain", b"", 1, "The store redirects: "),
        (404, "text/plain", b"nothing here", 1, "This is no VictoriaLogs: "),
        (200, "text/html", b"<html>hello</html>", 1, "This is no VictoriaLogs: "),
        (503, "text/html", b"<html>hello</html>", 1, "This is no VictoriaLogs: "),
        (502, "text/plain", b"cannot reach\nstorage node 10.0.0.1", 1, "The store cannot answer: "),
        (200, "application/json", b"garbage\n", 1, "This is no VictoriaLogs: "),
        (200, "application/json", b"[1]\n", 1, "This is no VictoriaLogs: "),
        (200, "application/json", b'{"a": 1}\n', 1, "This is no VictoriaLogs: "),
        (200, "application/json", b"", 1, "The store has no records of kube9-operator: "),
    ],
)
def test_each_wrong_answer_is_one_line(
    answer: Answer, tmp_path: Path, status: int, kind: str, body: bytes, code: int, said: str
) -> None:
    answer.status, answer.kind, answer.body = status, kind, body
    done = asked(answer, tmp_path)
    assert (done.returncode, done.stdout) == (code, "")
    assert done.stderr.startswith(said)
    assert done.stderr.count("\n") == 1


def test_a_node_that_is_down_is_named(answer: Answer, tmp_path: Path) -> None:
    answer.status, answer.kind, answer.body = 502, "text/plain", b"cannot reach\nstorage node 10.0.0.1"
    assert "502: cannot reach storage node 10.0.0.1" in asked(answer, tmp_path).stderr
    assert answer.asked[0][2]["allow_partial_response"] == "0"


def test_an_answer_that_is_cut_is_an_error(answer: Answer, tmp_path: Path) -> None:
    answer.body, answer.cut = lines(COVERAGE), True
    done = asked(answer, tmp_path)
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith("The answer of the store broke off: ")


def test_a_packed_answer_that_is_cut_is_an_error(answer: Answer, tmp_path: Path) -> None:
    answer.body = gzip.compress(lines(COVERAGE))[:-9]
    answer.headers["Content-Encoding"] = "gzip"
    assert asked(answer, tmp_path).stderr.startswith("The answer of the store broke off: ")


def test_a_store_that_is_not_there(tmp_path: Path) -> None:
    done = run_cli(tmp_path, "status", "-o", "json", "--store", "http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert json.loads(done.stderr) == {
        "error": "The store cannot be reached",
        "details": "http://127.0.0.1:1: Connection refused",
        "code": "STORE",
    }


def test_a_store_that_takes_too_long(answer: Answer, tmp_path: Path) -> None:
    answer.cut = True  # and never closes: the client waits for what is missing
    done = asked(answer, tmp_path, "--timeout", "0.000001")
    assert (done.returncode, done.stdout) == (2, "")
    assert done.stderr.startswith("The query took too long: ")


def test_tls_with_a_server_that_has_none(answer: Answer, tmp_path: Path) -> None:
    url = answer.url.replace("http:", "https:")  # type: ignore[attr-defined]
    done = run_cli(tmp_path, "events", "list", "-o", "table", "--store", url)
    assert done.returncode == 1
    assert done.stderr.startswith("TLS with the store fails: ")


def test_headers_come_from_a_file_and_are_never_shown(answer: Answer, tmp_path: Path) -> None:
    file = tmp_path / "headers"
    file.write_text("# of the proxy\nAuthorization: Bearer hidden-token\n\nAccountID: 7\n")
    answer.status = 401
    done = asked(answer, tmp_path, "--store-headers", str(file))
    _, headers, _ = answer.asked[0]
    assert (headers["Authorization"], headers["AccountID"]) == ("Bearer hidden-token", "7")
    assert "hidden" not in done.stderr
    file.write_text("Authorization Bearer hidden-token\n")
    done = asked(answer, tmp_path, "--store-headers", str(file))
    assert (done.returncode, done.stderr) == (1, f"The file of headers cannot be read: {file}: line 1 must be `Name: value`\n")


def test_a_cluster_that_the_store_does_not_know(answer: Answer, tmp_path: Path) -> None:
    answer.body = lines(COVERAGE)
    done = asked(answer, tmp_path, "--cluster", "onee")
    assert done.returncode == 1
    assert done.stderr == "Invalid --cluster onee: the store has records of: one; did you mean one?\n"


@pytest.mark.parametrize(
    ("arguments", "said"),
    [
        (("insights", "list"), "insights list needs the local database: "),
        (("assessments", "latest"), "assessments latest needs the local database: "),
        (("events", "list", "--watch"), "Argument --watch: not allowed with --store: "),
        (("events", "list", "--db", "/data"), "Argument --db: not allowed with --store: "),
    ],
)
def test_what_needs_the_database(tmp_path: Path, arguments: tuple[str, ...], said: str) -> None:
    done = run_cli(tmp_path, *arguments, "-o", "table", "--store", "http://127.0.0.1:1")
    assert (done.returncode, done.stdout) == (1, "")
    assert done.stderr.startswith(said)


@pytest.mark.parametrize(
    "url", ["", "logs", "ftp://logs", "http://", "http://a b", "http://a:x", "http://a:70000", "http://a/?b"]
)
def test_a_wrong_url(tmp_path: Path, url: str) -> None:
    done = run_cli(tmp_path, "events", "list", "-o", "table", "--store", url)
    assert done.returncode == 1
    assert done.stderr.startswith("Invalid --store")


def test_a_password_in_a_url_is_refused_and_not_shown(tmp_path: Path) -> None:
    done = run_cli(tmp_path, "events", "list", "-o", "table", "--store", "https://me:hidden@logs")
    assert done.returncode == 1
    assert "hidden" not in done.stderr
    assert "--store-headers" in done.stderr


def test_the_environment_names_a_store_too(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setenv("KUBE9_STORE", "http://127.0.0.1:1")
    assert run_cli(tmp_path, "status", "-o", "table").stderr.startswith("The store cannot be reached: ")
    assert run_cli(tmp_path, "status", "-o", "table", "--db", str(tmp_path)).stderr.startswith("There is no database: ")
    assert run_cli(tmp_path, "insights", "list", "-o", "table").stderr.startswith("insights list needs the local database: ")


def test_options_of_a_store_need_one(tmp_path: Path) -> None:
    done = run_cli(tmp_path, "status", "-o", "table", "--cluster", "one")
    assert done.stderr.startswith("Argument --cluster: not allowed without --store: ")
    done = run_cli(tmp_path, "events", "summary", "--by", "cluster", "-o", "table")
    assert done.stderr.startswith("Invalid --by cluster: only events of a store have a cluster")


@pytest.mark.parametrize("name", ['say "hi"-1', "back\\slash-1", "tab\t-1", "plain-1"])
def test_a_pattern_finds_every_name_in_a_text_of_json(name: str) -> None:
    owners = json.dumps([{"kind": "ReplicaSet", "name": name}], separators=(",", ":"))
    for pattern in ("*-*", "*-?", "?" * len(name), "*"):
        (regex,) = (one.partition(":~")[2] for one in logsql._about(About("ReplicaSet", pattern)) if OWNERS in one)
        assert re.search(json.loads(regex), owners), pattern
        assert not re.search(json.loads(regex), '[{"name":""}]') or pattern == "*"
