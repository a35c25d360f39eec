"""`kube9-cli --store` on a real VictoriaLogs: its answers are those of the databases whose records it has.

`make test-long PART=store` asks 2,000 command lines of more databases.
"""

import json
import os
import re
import subprocess
from collections.abc import Iterator
from pathlib import Path

import pytest

from kube9_cli.times import iso
from tests import fleet, sent
from tests.cli import run_cli
from tests.engine import Engine, engine_cluster
from tests.operator import until

NOW_MS = 1_795_003_600_123
LINES = int(os.environ.get("KUBE9_STORE_LINES", "60"))
SEED = int(os.environ.get("KUBE9_STORE_SEED", "0"))
SENDERS = (sent.Sender("eu", "uid-eu", "e" * 32), sent.Sender("us", "uid-us", "a" * 32))
DOCS = Path(__file__).parent.parent.parent / "docs"


@pytest.fixture(scope="module")
def engine(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Engine]:
    with Engine(tmp_path_factory.mktemp("engine")) as running:
        yield running


@pytest.fixture(scope="module")
def cases(engine: Engine, tmp_path_factory: pytest.TempPathFactory) -> list[fleet.Case]:
    folder = tmp_path_factory.mktemp("databases")
    made = [fleet.case(folder / sender.name, SEED + number, NOW_MS) for number, sender in enumerate(SENDERS)]
    for case, sender in zip(made, SENDERS, strict=True):
        engine.insert(fleet.records(case, sender))
    return made


@pytest.mark.parametrize("part", range(4))
def test_random_command_lines(engine: Engine, cases: list[fleet.Case], part: int) -> None:
    wrong = []
    for line in range(part, LINES, 4):
        case, sender = cases[line // 4 % 2], SENDERS[line // 4 % 2]
        arguments = fleet.command_line(case, line)
        if why := fleet.difference(case, engine.url, sender.name, arguments):
            wrong.append(f"{line}: {arguments}\n{why}")
    assert not wrong, "\n\n".join(wrong[:5])


def test_the_union_is_in_order_and_is_paged(engine: Engine, cases: list[fleet.Case]) -> None:
    every = []
    with fleet.clock(NOW_MS):
        for case, sender in zip(cases, SENDERS, strict=True):
            local = json.loads(run_cli(case.folder, "events", "list", "--limit", "1000", "-o", "json").stdout)
            every += [(one["last_seen_at"], one["id"], sender.name) for one in local["events"]]
        found, after = [], list[str]()
        while True:
            done = run_cli(cases[0].folder, "events", "list", "--limit", "70", "-o", "json", "--store", engine.url, *after)
            page = json.loads(done.stdout)
            found += [(one["last_seen_at"], one["id"], one["cluster"]) for one in page["events"]]
            assert page["pagination"]["total"] == len(every)
            if "next" not in page["pagination"]:
                break
            after = ["--after", page["pagination"]["next"]]
    assert sorted(found) == sorted(every)
    assert [one[:2] for one in found] == sorted((one[:2] for one in every), reverse=True)


def test_a_report_of_all_clusters(engine: Engine, cases: list[fleet.Case], tmp_path: Path) -> None:
    file = tmp_path / "report.html"
    with fleet.clock(NOW_MS):
        given = "report", "--since", "7d", "--store", engine.url, "--output", str(file)
        done = run_cli(cases[0].folder, *given)
    assert done.returncode == 0, done.stderr
    page = file.read_text(encoding="utf-8")
    assert "eu: " in page
    assert "us: " in page


def test_the_queries_of_the_documents_are_queries(engine: Engine) -> None:
    """Those of docs/fleet.md, and of the dashboard with the values that Grafana puts in."""
    text = (DOCS / "fleet.md").read_text(encoding="utf-8")
    queries = re.findall(r"^    (\{kube9\.stream=.*(?:\n      \|.*)*)", text, re.MULTILINE)
    board = json.loads((DOCS / "grafana" / "kube9-fleet.json").read_text(encoding="utf-8"))
    queries += [target["expr"] for panel in board["panels"] for target in panel["targets"]]
    assert len(queries) > 8
    for query in queries:
        engine.query(query.replace("$cluster", ".*").replace("$__interval", "1h"))


# A cluster of VictoriaLogs


def test_a_storage_node_that_is_down_is_an_error_and_never_a_part_of_the_answer(tmp_path: Path) -> None:
    records = [_record(number) for number in range(40)]
    with engine_cluster(tmp_path) as nodes:
        nodes.insert.insert([*records, _coverage()])
        nodes.flush()
        given = "events", "list", "--limit", "1000", "--store", nodes.select.url
        assert len(json.loads(run_cli(tmp_path, *given, "-o", "json").stdout)["events"]) == len(records)
        other = nodes.storage[1]
        other.stop()  # in order: one that is killed loses what it has accepted in the last five seconds
        done = run_cli(tmp_path, *given, "-o", "table")
        assert (done.returncode, done.stdout) == (1, "")
        assert done.stderr.count("\n") == 1
        assert str(other.port) in done.stderr
        other.start()
        until(lambda: run_cli(tmp_path, *given, "-o", "json").returncode == 0, "the node to be asked again")
        assert len(json.loads(run_cli(tmp_path, *given, "-o", "json").stdout)["events"]) == len(records)


def test_a_password_and_a_certificate(tmp_path: Path) -> None:
    key, certificate = tmp_path / "key.pem", tmp_path / "certificate.pem"
    named = "-subj", "/CN=store", "-addext", "subjectAltName=IP:127.0.0.1"
    command = [
        "openssl",
        "req",
        "-x509",
        "-newkey",
        "rsa:2048",
        "-nodes",
        "-days",
        "2",
        *named,
        "-keyout",
        key,
        "-out",
        certificate,
    ]
    subprocess.run(command, check=True, capture_output=True)
    options = "-tls", f"-tlsCertFile={certificate}", f"-tlsKeyFile={key}", "-httpAuth.username=me", "-httpAuth.password=hidden"
    headers = tmp_path / "headers"
    headers.write_text("Authorization: Basic bWU6aGlkZGVu\n")  # me:hidden
    with Engine(tmp_path / "engine", *options, scheme="https") as engine:
        given = "events", "list", "-o", "table", "--store", engine.url
        assert run_cli(tmp_path, *given).stderr.startswith("The certificate of the store is not trusted: ")
        trusting = *given, "--store-ca", str(certificate)
        refused = run_cli(tmp_path, *trusting)
        assert (refused.returncode, refused.stderr.partition(":")[0]) == (3, "The store does not accept the credentials")
        accepted = run_cli(tmp_path, *trusting, "--store-headers", str(headers))
        assert accepted.stderr.startswith("The store has no records of kube9-operator: ")


def _record(number: int) -> dict[str, str]:
    """An event of a namespace of its own, so that each storage node has some."""
    sender = SENDERS[0]
    at = iso(NOW_MS + number)
    return sender.resource("events", f"team-{number}") | {
        "_time": at,
        "_msg": "it failed",
        "severity_number": "17",
        "severity_text": "error",
        "kube9.event.number": str(NOW_MS // 1000 * 36**6 + number),
        "kube9.event.revision": str(number),
        "kube9.event.id": f"evt_20261118_000000_{number:06}",
        "kube9.event.type": "cluster",
        "kube9.event.created_at": at,
        "kube9.event.metadata": "{}",
        "k8s.event.reason": "Failed",
        "k8s.event.count": "1",
        "k8s.event.start_time": at,
        "k8s.object.kind": "Pod",
        "k8s.object.name": f"web-{number}",
    }


def _coverage() -> dict[str, str]:
    return SENDERS[0].resource("coverage") | {"_time": iso(NOW_MS), "_msg": "coverage"}
