"""The sink of a running operator, against a stand-in store over HTTP, and its transport against a server with TLS."""

import contextlib
import http.server
import json
import socket
import ssl
import subprocess
import threading
import time
import zlib
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest
from opentelemetry.proto.collector.logs.v1.logs_service_pb2 import ExportLogsServiceRequest

from kube9_operator.clock import SYSTEM
from kube9_operator.sink.transport import HttpTransport, Lost, Target, Unusable, headers, warnings
from kube9_schema import ids
from tests.operator import FAST, Operator, until
from tests.standin import StandIn, warning


class Store(http.server.ThreadingHTTPServer):
    """Keeps the records that it is sent, as an engine does."""

    daemon_threads = True

    def __init__(self) -> None:
        super().__init__(("127.0.0.1", 0), Handler)
        self.status = 200
        self.headers_seen: list[dict[str, str]] = []
        self.records: list[dict[str, Any]] = []
        threading.Thread(target=self.serve_forever, args=(0.05,), daemon=True).start()

    @property
    def url(self) -> str:
        return f"http://127.0.0.1:{self.server_port}/v1/logs"

    def events(self) -> dict[str, dict[str, Any]]:
        """For each event, the record with the greatest revision."""
        found: dict[str, dict[str, Any]] = {}
        for record in self.records:
            number = record.get("kube9.event.id")
            if number and record["kube9.event.revision"] >= found.get(number, record)["kube9.event.revision"]:
                found[number] = record
        return found


class Handler(http.server.BaseHTTPRequestHandler):
    """Answers over one connection, until that is closed."""

    protocol_version = "HTTP/1.1"
    server: Store

    def do_POST(self) -> None:
        data = self.rfile.read(int(self.headers["Content-Length"]))
        self.server.headers_seen.append(dict(self.headers))
        if self.server.status == 200:
            request = ExportLogsServiceRequest.FromString(zlib.decompress(data, wbits=31))
            for logs in request.resource_logs:
                resource = {one.key: one.value.string_value for one in logs.resource.attributes}
                for record in (record for scope in logs.scope_logs for record in scope.log_records):
                    own = {one.key: getattr(one.value, one.value.WhichOneof("value")) for one in record.attributes}
                    self.server.records.append(resource | own | {"body": record.body.string_value, "name": record.event_name})
        self.send_response(self.server.status)
        if self.server.status == 302:
            self.send_header("Location", "http://127.0.0.1:1/elsewhere")
        self.send_header("Content-Length", "0")
        self.end_headers()

    def log_message(self, *_: object) -> None:
        pass


@pytest.fixture
def store() -> Iterator[Store]:
    server = Store()
    yield server
    server.shutdown()
    server.server_close()


@contextlib.contextmanager
def answering(body: bytes) -> Iterator[str]:
    """The URL of a server that gives one answer, in chunks, and closes the connection."""
    with socket.create_server(("127.0.0.1", 0)) as server:

        def answer() -> None:
            with server.accept()[0] as connection:
                connection.recv(65_536)
                connection.sendall(b"HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n" + body)

        thread = threading.Thread(target=answer)
        thread.start()
        yield f"http://127.0.0.1:{server.getsockname()[1]}/"
        thread.join()


@pytest.mark.parametrize("size", [1, 7, 16_384])
def test_the_lines_of_an_answer_are_whole_wherever_it_is_cut(size: int) -> None:
    lines = [b'{"number":"%d"}' % number for number in range(3_000 if size > 7 else 20)]
    text = b"\n".join(lines) + b"\n"
    chunks = [text[at : at + size] for at in range(0, len(text), size)]
    body = b"".join(b"%x\r\n%s\r\n" % (len(one), one) for one in chunks)
    with answering(body + b"0\r\n\r\n") as url:
        assert list(HttpTransport(Target(url)).ask(b"", {})) == lines
    with answering(body) as url, pytest.raises(Lost):  # the end is missing
        list(HttpTransport(Target(url)).ask(b"", {}))


def test_a_line_without_an_end_is_not_kept() -> None:
    with answering(b"4000\r\n" + b"x" * 0x4000 + b"\r\n0\r\n\r\n") as url, pytest.raises(Lost, match="too long"):
        list(HttpTransport(Target(url)).ask(b"", {}))


def test_everything_is_sent_whatever_dies(standin: StandIn, store: Store, tmp_path: Path) -> None:
    token = tmp_path / "headers"
    token.write_text("Authorization: Bearer secret-one\n", encoding="utf-8")
    data = tmp_path / "data"
    data.mkdir()
    standin.write(*broken(range(20)))
    given = {"SINK_URL": store.url, "SINK_HEADERS_FILE": str(token), "CLUSTER_NAME": "prod-eu"}
    with Operator(data, standin.kubeconfig(tmp_path), FAST | {"side_first": 0.05}, **given) as operator:
        until(lambda: len(store.events()) >= 20, "the events are sent")
        assert store.headers_seen[0]["Authorization"] == "Bearer secret-one"
        token.write_text("Authorization: Bearer secret-two\n", encoding="utf-8")
        store.status = 401
        standin.write(*broken(range(20, 40)))
        until(lambda: "SINK_HEADERS_FILE" in str(operator.health()[1]["reasons"]), "health tells of the wrong token")
        assert operator.health()[1]["status"] == "degraded"
        assert operator.health("/livez")[0] == 200
        operator.kill("sink")
        store.status = 200
        until(lambda: len(store.events()) >= 40, "the events are sent by the next sink")
        assert store.headers_seen[-1]["Authorization"] == "Bearer secret-two"
        operator.kill("writer")
        standin.write(*broken(range(40), count=5))
        local = until(lambda: _all_counted(operator), "the counts have risen")
        until(lambda: _agree(store, local), "the store has the same")
        assert {record["k8s.cluster.name"] for record in store.records} == {"prod-eu"}
        assert len({record["service.instance.id"] for record in store.records}) == 1
        until(lambda: any(record["name"] == "kube9.coverage" for record in store.records), "coverage is sent")
        assert operator.counter("kube9_sink_records_total", outcome="sent") >= 40
        text = operator.log_text()
    assert "secret-" not in text
    assert "sink.insecure" in text


BEFORE = time.time() - 600


def broken(numbers: range, count: int = 1) -> list[dict[str, Any]]:
    """Events about that many pods."""
    return [warning(f"web-{number}", "BackOff", f"Back-off of {number}", count=count, when=BEFORE) for number in numbers]


def _all_counted(operator: Operator) -> list[dict[str, Any]] | None:
    found = [one for one in operator.events("--limit=1000") if one["event_type"] == "cluster"]
    return found if len(found) == 40 and all(one["count"] == 5 for one in found) else None


def _agree(store: Store, local: list[dict[str, Any]]) -> bool:
    central = store.events()
    return all(
        one["id"] in central
        and central[one["id"]]["kube9.event.number"] == ids.decode(one["id"])
        and central[one["id"]]["k8s.event.count"] == one["count"]
        and central[one["id"]]["body"] == one["description"]
        and central[one["id"]]["kube9.event.title"] == one["title"]
        and central[one["id"]]["k8s.object.name"] == one["object_name"]
        and json.loads(central[one["id"]]["kube9.event.metadata"]).items() <= one["metadata"].items()
        for one in local
    )


# The transport


CA = """[ca]
default_ca = own
[own]
database = index.txt
serial = serial
new_certs_dir = .
default_md = sha256
policy = any
x509_extensions = more
[any]
commonName = supplied
[more]
subjectAltName = IP:127.0.0.1
basicConstraints = CA:TRUE
[req]
distinguished_name = name
[name]
"""


def certificate(folder: Path, name: str, until: str = "20991231235959Z") -> Path:
    """A file with a key and a certificate of 127.0.0.1, which signs itself; NAME.pem.crt has the certificate alone."""
    made = folder / f"{name}.pem"
    own = folder / f"{name}.ca"
    own.mkdir()
    for file, text in (("config", CA), ("index.txt", ""), ("serial", "01")):
        (own / file).write_text(text, encoding="utf-8")

    def openssl(*arguments: str) -> None:
        subprocess.run(["openssl", *arguments], check=True, capture_output=True, cwd=own)

    openssl("ecparam", "-name", "prime256v1", "-genkey", "-noout", "-out", "key")
    openssl("req", "-new", "-key", "key", "-subj", f"/CN={name}", "-out", "request", "-config", "config")
    dates = ("-startdate", "20200101000000Z", "-enddate", until)
    signing = ("-selfsign", "-keyfile", "key", "-in", "request", "-out", f"{made}.crt")
    openssl("ca", "-batch", "-notext", "-config", "config", *signing, *dates)
    made.write_text((own / "key").read_text("utf-8") + Path(f"{made}.crt").read_text("utf-8"), encoding="utf-8")
    return made


@pytest.fixture
def secure(tmp_path: Path) -> Iterator[tuple[Store, Path]]:
    """A store that wants a client certificate, and its own."""
    own, client = certificate(tmp_path, "store"), certificate(tmp_path, "client")
    server = Store()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    context.verify_mode = ssl.CERT_REQUIRED
    context.load_verify_locations(f"{client}.crt")
    server.socket = context.wrap_socket(server.socket, server_side=True)
    yield server, tmp_path
    server.shutdown()
    server.server_close()


def test_tls_is_verified_and_the_client_shows_who_it_is(secure: tuple[Store, Path]) -> None:
    server, folder = secure
    url = server.url.replace("http:", "https:")
    client, ca = str(folder / "client.pem"), f"{folder / 'store.pem'}.crt"
    transport = HttpTransport(Target(url, "", ca, client, client))
    assert transport.post(b"").status == 200
    transport.close()
    with pytest.raises(Unusable, match="certificate is not valid: self-signed certificate"):
        HttpTransport(Target(url, "", "", client, client)).post(b"")
    with pytest.raises(Lost):  # without a certificate of its own
        HttpTransport(Target(url, "", ca)).post(b"")
    with pytest.raises(Unusable, match=r"the certificates cannot be used \(.*nothing.*\): No such file or directory"):
        HttpTransport(Target(url, "", str(folder / "nothing"))).post(b"")


def refused(target: Target) -> str:
    """Why a request cannot be made; '' if it can."""
    transport = HttpTransport(target)
    try:
        transport.post(b"")
    except Unusable as error:
        return str(error)
    finally:
        transport.close()
    return ""


def test_a_certificate_of_the_past(tmp_path: Path) -> None:
    own = certificate(tmp_path, "store", "20200102000000Z")
    server = Store()
    context = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
    context.load_cert_chain(own)
    server.socket = context.wrap_socket(server.socket, server_side=True)
    assert "certificate has expired" in refused(Target(server.url.replace("http:", "https:"), "", f"{own}.crt"))
    server.shutdown()
    server.server_close()


def test_redirects_are_not_followed_and_a_closed_connection_shows(store: Store) -> None:
    transport = HttpTransport(Target(store.url))
    store.status = 302
    assert transport.post(b"").status == 302
    store.status = 200
    answer = transport.post(b"")
    assert transport.holds(answer.connection)
    store.shutdown()
    store.server_close()
    transport.close()
    assert not transport.holds(answer.connection)
    with pytest.raises(Lost):
        transport.post(b"", answer.connection)
    with pytest.raises(Lost):
        transport.post(b"")


def test_a_connection_is_replaced_after_a_while_and_the_old_one_kept_for_a_question(store: Store) -> None:
    class Clock:
        at = 0.0

        def monotonic(self) -> float:
            return self.at

        def now_ms(self) -> int:
            return SYSTEM.now_ms()

    clock = Clock()
    transport = HttpTransport(Target(store.url), clock)
    first = transport.post(b"").connection
    clock.at += 30
    assert transport.post(b"").connection == first
    clock.at += 31
    second = transport.post(b"").connection
    assert second != first
    assert transport.post(b"", first).connection == first
    transport.keep([])
    assert not transport.holds(first)
    assert transport.holds(second)
    transport.close()


def test_headers_are_read_from_a_file_and_never_shown(tmp_path: Path) -> None:
    path = tmp_path / "headers"
    path.write_text("Authorization: Bearer a:b\n\nX-Scope-OrgID: shop \n", encoding="utf-8")
    assert headers(str(path)) == {"Authorization": "Bearer a:b", "X-Scope-OrgID": "shop"}
    path.write_text("Authorization: Bearer a\nsecret\n", encoding="utf-8")
    with pytest.raises(Unusable, match=r"line 2 must be a header") as found:
        headers(str(path))
    assert "secret" not in str(found.value)
    with pytest.raises(Unusable, match="cannot be read: No such file"):
        headers(str(tmp_path / "absent"))
    assert headers("") == {}


def test_a_token_over_plain_http_is_warned_of() -> None:
    assert len(warnings(Target("http://logs/", "/etc/token"))) == 1
    assert warnings(Target("https://logs/", "/etc/token")) == warnings(Target("http://logs/")) == []
