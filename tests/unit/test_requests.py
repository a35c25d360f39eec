"""The operator's socket: one clear answer to whoever asks for an assessment, and nothing that a client sends harms anything."""

import contextlib
import json
import os
import socket
import stat
import struct
import time
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kube9_operator.assess import requests
from kube9_operator.assess.requests import MAX_CLIENTS, Requests
from kube9_operator.assess.schedule import Schedule
from kube9_operator.model.assessment import Request
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.settings import from_environment
from kube9_operator.supervise.messages import AssessmentProgress, Ready
from kube9_schema import requests as words
from kube9_schema.requests import MAX_MESSAGE_BYTES, socket_path

FULL = b'{"mode": "full"}\n'


class World:
    """An operator's schedule and socket, without its processes: the test is the supervisor's loop and the thread."""

    def __init__(self, folder: Path) -> None:
        self.database = str(folder / "kube9.db")
        self.schedule = Schedule(from_environment({"DB_PATH": "/", "ASSESSMENT_ENABLED": "false"}), Deadlines())
        self.schedule.writer_ready(Ready({}, "", 0))
        self.schedule.due()
        self.schedule.ended("")
        self.requests = Requests(self.schedule, self.database, 600.0)
        self.clients: list[socket.socket] = []

    def listen(self) -> None:
        self.requests.listen()

    def client(self, *sent: bytes) -> socket.socket:
        made = socket.socket(socket.AF_UNIX, socket.SOCK_STREAM)
        self.clients.append(made)
        made.settimeout(5.0)
        made.connect(socket_path(self.database))
        for data in sent:
            made.sendall(data)
        self.turns()
        return made

    def turns(self) -> None:
        """Lets the thread do all that it can do now."""
        for _ in range(4):
            with contextlib.suppress(BlockingIOError):
                self.requests._waker.send(b"\0")
            self.requests.turn()

    def running(self) -> Request:
        (task,) = self.schedule.due() or (None,)
        assert isinstance(task, Request)
        return task

    def close(self) -> None:
        for one in (*self.clients, *(client.socket for client in self.requests._clients)):
            one.close()
        for end in (self.requests._wakeup, self.requests._waker, self.requests._listening):
            if end:
                end.close()
        self.requests._selector.close()


@pytest.fixture
def world(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> Iterator[World]:
    monkeypatch.setattr(words, "FOLDER", str(tmp_path / "sockets"))
    made = World(tmp_path)
    made.listen()
    yield made
    made.close()


def heard(client: socket.socket) -> list[dict[str, Any]]:
    """What the operator has said so far."""
    client.setblocking(False)
    data = b""
    with contextlib.suppress(BlockingIOError, ConnectionResetError):
        while more := client.recv(65536):
            data += more
    return [json.loads(line) for line in data.splitlines()]


def is_closed(client: socket.socket) -> bool:
    client.setblocking(False)
    try:
        return client.recv(1) == b""
    except BlockingIOError:
        return False
    except ConnectionResetError:
        return True


def test_who_asks_is_told_how_it_goes_on_until_it_has_ended(world: World) -> None:
    client = world.client(b'{"mode": "pillar", "pillar": "security"}\n')
    request = world.running()
    assert (request.origin, request.mode, request.pillar, request.timeout_seconds) == ("manual", "pillar", "security", 600)
    assert heard(client) == [{"accepted": request.id}]
    world.schedule.receive(AssessmentProgress(request.id, 3, 9, "pods", 500))
    world.turns()
    assert heard(client) == [{"progress": {"checks_done": 3, "checks_total": 9, "reading": "pods", "objects": 500}}]
    world.schedule.ended("")
    world.turns()
    assert heard(client) == [{"ended": request.id}]
    assert is_closed(client)
    assert not world.requests._clients


def test_a_second_one_is_told_which_assessment_is_running(world: World) -> None:
    first, second = world.client(FULL), world.client(FULL)
    request = world.running()
    assert heard(second) == [{"refused": "RUNNING", "details": request.id}]
    assert is_closed(second)
    world.schedule.ended("")
    world.turns()
    assert heard(first) == [{"accepted": request.id}, {"ended": request.id}]
    third = world.client(FULL)
    assert heard(third) == [{"accepted": world.running().id}]


def test_one_whose_process_dies_again_and_again_has_ended_when_that_is_stored(world: World) -> None:
    client = world.client(FULL)
    for _ in range(3):
        request = world.running()
        world.schedule.ended("was killed by signal 9")
    world.turns()
    assert heard(client) == [{"accepted": request.id}]
    world.schedule.due()
    world.schedule.ended("")
    world.turns()
    assert heard(client) == [{"ended": request.id}]


@pytest.mark.parametrize(
    ("sent", "said"),
    [
        (b"GET / HTTP/1.1\r\n", "JSON is malformed"),
        (b"\xff\xfe\x00\n", "JSON is malformed"),
        (b"\n", "truncated"),
        (b"[" * 4000 + b"\n", "Expected `object`, got `array`"),
        (b'{"mode": "full", "x": ' + b"[" * 4000 + b"\n", "unknown field `x`"),
        (b'{"mode": "all"}\n', "Invalid enum value 'all'"),
        (b'{"mode": "pillar", "pillar": "safety"}\n', "pillar must be one of: security"),
        (b'{"mode": "single-check"}\n', "check_id is missing"),
        (b'{"mode": "single-check", "check_id": "a b"}\n', "has only letters"),
        (b'{"mode": "single-check", "check_id": "a\\n"}\n', "has only letters"),
        (b'{"mode": "single-check", "check_id": "' + b"a" * 101 + b'"}\n', "length <= 100"),
        (b'{"timeout_seconds": -1}\n', ">= 0"),
        (b'{"timeout_seconds": 1e400}\n', ""),
        (b"x" * (MAX_MESSAGE_BYTES + 1), f"a request has more than {MAX_MESSAGE_BYTES} bytes"),
        (b'"' + b"x" * 100_000, f"a request has more than {MAX_MESSAGE_BYTES} bytes"),
    ],
)
def test_what_is_no_request_is_refused_and_begins_nothing(world: World, sent: bytes, said: str) -> None:
    client = world.client(sent)
    (answer,) = heard(client)
    assert answer["refused"] == "INVALID"
    assert said in answer["details"]
    assert len(answer["details"]) <= 200
    assert world.schedule.due() is None
    assert not world.requests._clients
    assert heard(world.client(FULL))[0].keys() == {"accepted"}


def test_a_request_may_come_in_pieces(world: World) -> None:
    client = world.client()
    for byte in FULL:
        client.sendall(bytes([byte]))
        world.turns()
    assert heard(client) == [{"accepted": world.running().id}]


def test_a_client_that_sends_no_request_is_closed_in_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    slow = world.client(b'{"mode"')
    now = time.monotonic()
    monkeypatch.setattr(requests.time, "monotonic", lambda: now + requests.PATIENCE_SECONDS + 1)
    world.turns()
    assert is_closed(slow)


def test_many_clients_close_each_other_but_never_the_one_that_waits(world: World) -> None:
    waits = world.client(FULL)
    idle = [world.client() for _ in range(3 * MAX_CLIENTS)]
    assert len(world.requests._clients) == MAX_CLIENTS
    assert [is_closed(one) for one in idle] == [True] * (2 * MAX_CLIENTS + 1) + [False] * (MAX_CLIENTS - 1)
    world.schedule.receive(AssessmentProgress(world.running().id, 1, 31, "", 0))
    world.turns()
    assert [message.keys() for message in heard(waits)] == [{"accepted"}, {"progress"}]


def test_a_client_that_reads_nothing_holds_up_nobody_and_takes_no_memory(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    client = world.client(FULL)
    request = world.running()
    (waiting,) = world.requests._clients
    waiting.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    for number in range(2000):
        world.schedule.receive(AssessmentProgress(request.id, 1, 31, "pods", number))
    world.turns()
    assert 0 < len(waiting.unsent) < 1000
    world.schedule.ended("")
    world.turns()
    assert waiting in world.requests._clients, "it has some seconds to read the end"
    assert heard(client)[-1]["progress"]
    world.turns()
    assert heard(client)[-1] == {"ended": request.id}


def test_one_that_never_reads_the_end_is_closed_in_time(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    world.client(FULL)
    request = world.running()
    (waiting,) = world.requests._clients
    waiting.socket.setsockopt(socket.SOL_SOCKET, socket.SO_SNDBUF, 1)
    for number in range(2000):
        world.schedule.receive(AssessmentProgress(request.id, 1, 31, "pods", number))
    world.schedule.ended("")
    world.turns()
    now = time.monotonic()
    monkeypatch.setattr(requests.time, "monotonic", lambda: now + requests.PATIENCE_SECONDS + 1)
    world.turns()
    assert not world.requests._clients


@pytest.mark.parametrize("more", [b"", b"another\n"], ids=["goes away", "says more"])
def test_the_assessment_of_a_client_that_goes_away_goes_on(world: World, more: bytes) -> None:
    client = world.client(FULL)
    request = world.running()
    if more:
        client.sendall(more)
    else:
        client.close()
    world.turns()
    assert not world.requests._clients
    world.schedule.receive(AssessmentProgress(request.id, 1, 31, "", 0))
    world.turns()
    world.schedule.ended("")
    world.turns()
    assert heard(world.client(FULL))[0].keys() == {"accepted"}


def test_another_user_is_turned_away(world: World, monkeypatch: pytest.MonkeyPatch) -> None:
    def peer(self: socket.socket, *_: Any) -> bytes:
        return struct.pack(requests.UCRED, 1, os.geteuid() + 1, 0)

    monkeypatch.setattr(socket.socket, "getsockopt", peer)
    client = world.client(FULL)
    assert is_closed(client)
    assert world.schedule.due() is None


def test_the_socket_is_the_users_alone(world: World) -> None:
    path = Path(socket_path(world.database))
    assert stat.S_IMODE(path.stat().st_mode) == 0o600
    assert stat.S_IMODE(path.parent.stat().st_mode) == 0o700


def test_a_folder_that_others_may_use_is_closed_to_them(world: World) -> None:
    folder = Path(socket_path(world.database)).parent
    folder.chmod(0o777)
    world.requests._selector.unregister(world.requests._listening)  # type: ignore[arg-type]
    world.requests._listening.close()  # type: ignore[union-attr]
    world.listen()
    assert stat.S_IMODE(folder.stat().st_mode) == 0o700


def test_the_folder_of_another_user_is_not_used(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    folder = tmp_path / "sockets"
    folder.mkdir()
    monkeypatch.setattr(words, "FOLDER", str(folder))
    world = World(tmp_path)
    user = os.geteuid()
    monkeypatch.setattr(requests.os, "geteuid", lambda: user + 1)
    with pytest.raises(PermissionError, match="is not a folder of the operator's user"):
        world.listen()
    monkeypatch.setattr(requests.os, "geteuid", lambda: user)
    folder.rmdir()
    folder.symlink_to(tmp_path)
    with pytest.raises(PermissionError):
        world.listen()
    world.close()


def test_a_socket_that_was_left_behind_is_replaced_and_only_the_own_one_is_removed(world: World, tmp_path: Path) -> None:
    path = Path(socket_path(world.database))
    later = World(tmp_path)
    later.listen()
    world.requests.end()
    assert path.exists(), "it is that of the later operator"
    assert heard(later.client(FULL))[0].keys() == {"accepted"}
    later.requests.end()
    assert not path.exists()
    later.close()


def test_two_databases_have_two_sockets(tmp_path: Path) -> None:
    (tmp_path / "link").symlink_to(tmp_path)
    assert socket_path(str(tmp_path / "kube9.db")) == socket_path(str(tmp_path / "link" / "kube9.db"))
    assert socket_path(str(tmp_path / "kube9.db")) != socket_path(str(tmp_path / "copy.db"))
