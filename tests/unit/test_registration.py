"""Registration with a kube9 server: when, with what, what each answer means, and what must never leave or be logged."""

import base64
import json
import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from kube9_operator import __version__
from kube9_operator.collect.collector import Api
from kube9_operator.collect.kinds import READINGS
from kube9_operator.model.collection import cluster_hash
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.observation import SEVERITIES
from kube9_operator.model.registration import (
    FAILED,
    LIMITED,
    REGISTERED,
    REJECTED,
    Deliver,
    Delivered,
    Register,
    Registered,
    RegistrationFrame,
)
from kube9_operator.model.tally import Tally
from kube9_operator.register import key, registrar, server
from kube9_operator.register.proxy import proxy_to
from kube9_operator.register.schedule import LOOK_MS, MAX_SENT, MAX_WAITING, WAITS_MS, Schedule
from kube9_operator.register.server import Answer
from kube9_operator.settings import SettingError, from_environment
from kube9_operator.supervise.messages import Ready, RegistrationSaid
from kube9_operator.watch.errors import http_error
from kube9_operator.write.registration import Registrations
from kube9_operator.write.sqlite.session import Session
from tests.assessed import FakeClient, node
from tests.bench import database as made
from tests.connect_proxy import ConnectProxy
from tests.kube9_server import REGISTER, Kube9Server
from tests.made_clock import NOW_MS, Clock

DAY_MS, HOUR_MS = 86_400_000, 3_600_000
FIRST_MS = int(Deadlines().register_first * 1000)
UID = "7c1f0a52-6c0e-4b0c-9d3c-6a8c1a4c1f00"


class World:
    """A schedule with a made clock, and a key that changes."""

    def __init__(self, stamp: int = 1, until_ms: int = 0) -> None:
        self.clock, self.stamp, self.looks = Clock(), stamp, 0
        self.schedule = Schedule(self._look, Deadlines(), self.clock)
        assert self.schedule.due() is None, "nothing before it is known what is stored"
        self.schedule.writer_ready(Ready({}, "", 0, registered_until_ms=until_ms))

    def _look(self) -> int:
        self.looks += 1
        return self.stamp

    def task(self) -> Any:
        return (self.schedule.due() or (None,))[0]

    def after(self, ms: int) -> Any:
        self.clock.ms += ms
        return self.task()

    def answer(self, outcome: str, wait_ms: int = 0) -> None:
        self.schedule.receive(RegistrationSaid(outcome, wait_ms))
        self.schedule.ended("")


def test_without_a_key_nothing_ever_begins() -> None:
    world = World(stamp=0)
    world.schedule.collected(["coll_1"])
    for _ in range(50):
        assert world.after(HOUR_MS) is None


def test_it_registers_soon_after_the_start_and_again_after_the_interval() -> None:
    world = World()
    assert world.after(FIRST_MS - 1) is None
    assert world.after(1) == Register(world.clock.ms)
    world.answer(REGISTERED, 12 * HOUR_MS)
    assert world.after(12 * HOUR_MS - 1) is None
    assert isinstance(world.after(1), Register)
    world.answer(REGISTERED, DAY_MS)
    assert world.after(DAY_MS - 1) is None
    assert isinstance(world.after(1), Register)


def test_a_restart_does_not_register_again() -> None:
    world = World(until_ms=NOW_MS + HOUR_MS)
    assert world.after(FIRST_MS) is None
    world.schedule.collected(["coll_1"])
    assert world.task() == Deliver(["coll_1"])
    world.schedule.ended("")
    assert isinstance(world.after(HOUR_MS), Register)
    assert isinstance(World(until_ms=NOW_MS - 1).after(FIRST_MS), Register)
    assert isinstance(World(until_ms=NOW_MS + 30 * DAY_MS).after(FIRST_MS), Register), "stored before the clock was set back"


def test_failures_are_tried_after_5_10_and_20_minutes_then_the_next_day() -> None:
    world = World()
    assert world.after(FIRST_MS)
    assert [wait // 60_000 for wait in WAITS_MS] == [5, 10, 20]
    for wait in (*WAITS_MS, DAY_MS, *WAITS_MS):
        world.answer(FAILED)
        assert world.after(wait - 1) is None
        assert isinstance(world.after(1), Register)


def test_a_process_that_dies_is_a_failure() -> None:
    world = World()
    assert world.after(FIRST_MS)
    world.schedule.ended("was killed")
    assert world.after(WAITS_MS[0] - 1) is None
    assert isinstance(world.after(1), Register)


def test_a_success_resets_the_waits() -> None:
    world = World()
    assert world.after(FIRST_MS)
    world.answer(FAILED)
    assert world.after(WAITS_MS[0])
    world.answer(REGISTERED, DAY_MS)
    assert world.after(DAY_MS)
    world.answer(FAILED)
    assert isinstance(world.after(WAITS_MS[0]), Register)


def test_a_rejected_key_is_tried_again_the_next_day_and_another_one_at_once() -> None:
    world = World()
    assert world.after(FIRST_MS)
    world.answer(REJECTED)
    assert world.after(DAY_MS - LOOK_MS) is None
    assert isinstance(world.after(LOOK_MS), Register)
    world.answer(REJECTED)
    world.stamp = 2
    assert isinstance(world.after(LOOK_MS), Register)


def test_it_waits_as_long_as_the_server_says() -> None:
    world = World()
    assert world.after(FIRST_MS)
    world.answer(LIMITED, 90_000)
    assert world.after(89_999) is None
    assert isinstance(world.after(1), Register)
    world.answer(LIMITED)
    assert world.after(HOUR_MS - 1) is None
    assert isinstance(world.after(1), Register)


def test_a_rotated_key_registers_again_and_a_removed_one_ends_it() -> None:
    world = World()
    assert world.after(FIRST_MS)
    world.answer(REGISTERED, DAY_MS)
    world.stamp = 2
    assert isinstance(world.after(LOOK_MS), Register)
    world.answer(REGISTERED, DAY_MS)
    world.stamp = 0
    world.schedule.collected(["coll_1"])
    assert world.after(LOOK_MS) is None
    assert world.after(2 * DAY_MS) is None


def test_it_does_not_look_at_the_key_at_every_turn() -> None:
    for stamp in (0, 1):
        world = World(stamp)
        for _ in range(1000):
            world.after(10)
        assert world.looks <= 2


def test_collections_are_sent_once_it_is_registered_a_few_at_a_time() -> None:
    world = World()
    world.schedule.collected([f"coll_{number}" for number in range(MAX_WAITING + 5)])
    assert isinstance(world.after(FIRST_MS), Register)
    world.answer(FAILED)
    assert world.task() is None
    assert world.after(WAITS_MS[0])
    world.answer(REGISTERED, DAY_MS)
    sent: list[str] = []
    while isinstance(task := world.task(), Deliver):
        assert len(task.collections) <= MAX_SENT
        sent += task.collections
        world.schedule.ended("")
    assert sent == [f"coll_{number}" for number in range(5, MAX_WAITING + 5)], "the oldest are left out"


def test_a_process_that_dies_while_it_sends_is_started_three_times() -> None:
    world = World(until_ms=NOW_MS + DAY_MS)
    world.schedule.collected(["coll_1"])
    for _ in range(3):
        assert world.task() == Deliver(["coll_1"])
        world.schedule.ended("was killed")
    assert world.task() is None


# The key


def test_a_key_is_read_and_what_is_none_is_refused_without_being_shown(tmp_path: Path) -> None:
    path = tmp_path / "key"
    assert key.read(path) == ""
    assert key.Watched(str(path)).stamp() == key.Watched("").stamp() == 0
    path.write_text("", encoding="utf-8")
    assert key.read(path) == ""
    assert key.Watched(str(path)).stamp() == 0
    path.write_text("kdy_abc-DEF_123\n", encoding="utf-8")
    assert key.read(path) == "kdy_abc-DEF_123"
    first = key.Watched(str(path)).stamp()
    assert first != 0
    for wrong in ("hunter2", "kdy_hunter2 b", "kdy_hunter2\r\nX-Evil: 1", "kdy_", "kdy_" + "hunter2" * 1000, "kdy_hunter2ä"):
        path.write_text(wrong, encoding="utf-8")
        with pytest.raises(key.UnusableKey) as raised:
            key.read(path)
        assert "hunter2" not in str(raised.value)
    with pytest.raises(key.UnusableKey):
        key.read(tmp_path)


# Requests and answers


def api(*denied: str) -> Api:
    client = FakeClient(node("a"), node("b"), readings=READINGS)
    client.documents = {"/version": {"gitVersion": "v1.31.4+k3s1"}}
    client.documents["/api/v1/namespaces/kube-system"] = {"metadata": {"uid": UID, "name": "kube-system"}}
    client.failures = {path: [http_error(403, "forbidden")] for path in denied}
    link = type("Link", (), {"stop": type("Stop", (), {"wait": staticmethod(lambda _: False)})()})()
    return Api(client, Deadlines(), link)  # type: ignore[arg-type]


def test_the_body_says_what_the_contract_says_and_no_more() -> None:
    assert json.loads(registrar.about(api())) == {
        "operatorVersion": __version__,
        "clusterIdentifier": f"sha256:{cluster_hash(UID)}",
        "kubernetesVersion": "1.31.4+k3s1",
        "approximateNodeCount": 2,
    }
    assert len(cluster_hash(UID)) == 64
    assert json.loads(registrar.about(api("/api/v1/nodes")))["approximateNodeCount"] == 0
    with pytest.raises(registrar.Unregistered, match="kube-system"):
        registrar.about(api("/api/v1/namespaces/kube-system"))


def registered(**more: Any) -> bytes:
    return json.dumps({"status": "registered", "clusterId": "c-1", "tier": "pro", **more}).encode()


@pytest.mark.parametrize(
    ("answer", "outcome", "wait_ms"),
    [
        (Answer(200, 0, registered()), REGISTERED, DAY_MS),
        (Answer(200, 0, registered(status="reregistered")), REGISTERED, DAY_MS),
        (Answer(200, 0, registered(configuration={"reregistrationIntervalHours": 6})), REGISTERED, 6 * HOUR_MS),
        (Answer(200, 0, registered(configuration={"reregistrationIntervalHours": 0.001})), REGISTERED, DAY_MS),
        (Answer(200, 0, registered(configuration={"reregistrationIntervalHours": 1e9})), REGISTERED, DAY_MS),
        (Answer(200, 0, registered(status="hello")), FAILED, 0),
        (Answer(200, 0, b"<html>"), FAILED, 0),
        (Answer(200, 0, b'{"status": "registered"}'), FAILED, 0),
        (Answer(401, 0, b""), REJECTED, 0),
        (Answer(429, 120, b""), LIMITED, 120_000),
        (Answer(429, 0, b""), LIMITED, 0),
        (Answer(302, 0, b""), FAILED, 0),
        (Answer(403, 0, b""), FAILED, 0),
        (Answer(500, 0, b""), FAILED, 0),
    ],
)
def test_what_each_answer_means(answer: Answer, outcome: str, wait_ms: int) -> None:
    said, wait = registrar.judged(answer)
    assert (said.outcome, wait) == (outcome, wait_ms)
    assert bool(said.reason) == (outcome != REGISTERED)


def test_retry_after_is_a_number_or_a_date() -> None:
    assert server.retry_after("120", 0) == 120
    assert server.retry_after("Thu, 01 Jan 1970 00:02:00 GMT", 60) == 60
    assert server.retry_after("Thu, 01 Jan 1970 00:02:00 GMT", 600) == 0
    assert server.retry_after("99999999", 0) == server.MAX_RETRY_AFTER_SECONDS
    for text in ("", "soon", "-1", "1" * 5000):
        assert server.retry_after(text, 0) == 0


def test_an_answer_is_bounded_and_never_repeated(tmp_path: Path) -> None:
    with Kube9Server(tmp_path) as running:
        to = server.Server(running.url, str(running.ca_file), "kdy_hunter2")
        running.answers["/v1/collections"] = (202, {"message": "kdy_hunter2"})
        assert to.post("/v1/collections", b"{}").status == 202
        running.answers["/v1/collections"] = (200, {"message": "kdy_hunter2" * 10_000})
        with pytest.raises(server.Failed, match=r"^the answer is too large$"):
            to.post("/v1/collections", b"{}")
        running.headers = {"X-Long": "kdy_hunter2" * 10_000}
        with pytest.raises(server.Failed, match=r"^no answer of HTTP: LineTooLong$"):
            to.post("/v1/collections", b"{}")
        with pytest.raises(server.Failed, match="certificate verify failed"):
            server.Server(running.url, "", "kdy_hunter2").post("/v1/collections", b"{}")
        said, _ = registrar.judged(Answer(500, 0, b'{"message": "kdy_hunter2"}'))
        assert "hunter2" not in said.reason
    with pytest.raises(server.Failed, match="certificate authority"):
        server.Server(running.url, str(tmp_path / "none"), "kdy_hunter2")


@pytest.mark.parametrize("is_named", [True, False])
def test_a_server_is_asked_again_when_its_answers_say_so(
    tmp_path: Path, monkeypatch: pytest.MonkeyPatch, is_named: bool
) -> None:
    """Each row: the answer, its headers, and after how many seconds the next request comes."""
    use(monkeypatch, {})
    own = {"configuration": {"reregistrationIntervalHours": 12}} if is_named else {}
    table: list[tuple[int, dict[str, str], int]] = [
        *((500, {}, 300), (503, {}, 600), (500, {}, 1200), (302, {"Location": "https://127.0.0.1/"}, 86_400)),
        *((500, {}, 300), (401, {}, 86_400), (429, {"Retry-After": "120"}, 120), (429, {}, 3600)),
        (200, {}, 43_200 if is_named else 86_400),
    ]
    monkeypatch.setattr(registrar, "Api", lambda *_: api())
    monkeypatch.setattr(registrar, "Client", lambda *_: None)
    (tmp_path / "key").write_text("kdy_hunter2", encoding="utf-8")
    with Kube9Server(tmp_path) as running:
        given = {"API_KEY_FILE": str(tmp_path / "key"), "SERVER_URL": running.url, "SERVER_CA_FILE": str(running.ca_file)}
        settings = from_environment({"DB_PATH": "/", **given})
        world = World()
        assert isinstance(world.after(FIRST_MS), Register)
        for number, (status, headers, seconds) in enumerate(table, 1):
            running.answers[REGISTER], running.headers = (status, json.loads(registered(**own))), headers
            said, wait_ms = registrar.register(None, settings, Deadlines())  # type: ignore[arg-type]
            world.answer(said.outcome, wait_ms)
            assert len(running.asked) == number
            assert world.after(seconds * 1000 - 1) is None
            assert isinstance(world.after(1), Register)
        assert {one.path for one in running.asked} == {REGISTER}


# A proxy


@pytest.mark.parametrize(
    ("environment", "expected"),
    [
        ({}, None),
        ({"HTTPS_PROXY": "http://proxy:3128"}, ("proxy", 3128)),
        ({"https_proxy": "http://proxy:3128", "HTTPS_PROXY": "http://other:1"}, ("proxy", 3128)),
        ({"HTTPS_PROXY": "proxy:3128"}, ("proxy", 3128)),
        ({"HTTPS_PROXY": "http://proxy"}, ("proxy", 80)),
        ({"ALL_PROXY": "http://proxy:3128"}, ("proxy", 3128)),
        ({"HTTP_PROXY": "http://proxy:3128"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "other,kube9.example.com"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": ".example.com"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "kube9.example.com:443"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "*"}, None),
        ({"HTTPS_PROXY": "http://proxy:3128", "NO_PROXY": "example.org"}, ("proxy", 3128)),
    ],
)
def test_a_proxy_is_found_as_usual(
    environment: dict[str, str], expected: tuple[str, int] | None, monkeypatch: pytest.MonkeyPatch
) -> None:
    use(monkeypatch, environment)
    found = proxy_to("kube9.example.com", 443)
    assert (found[:2] if found else None) == expected


def use(monkeypatch: pytest.MonkeyPatch, environment: dict[str, str]) -> None:
    """These are the only variables about proxies."""
    for name in [one for one in os.environ if one.lower().endswith("_proxy")]:
        monkeypatch.delenv(name)
    for name, value in environment.items():
        monkeypatch.setenv(name, value)


@pytest.mark.parametrize(
    "url", ["https://u:hunter2@proxy", "socks5://u:hunter2@proxy", "http://u:hunter2@:1", "http://u:hunter2@p:x"]
)
def test_a_proxy_that_cannot_be_used_is_named_without_its_password(url: str, monkeypatch: pytest.MonkeyPatch) -> None:
    use(monkeypatch, {"HTTPS_PROXY": url})
    with pytest.raises(server.Failed, match="HTTPS_PROXY") as raised:
        server.Server("https://kube9.example.com", "", "kdy_hunter2")
    assert "hunter2" not in str(raised.value)


def test_a_proxy_sees_neither_key_nor_body(tmp_path: Path, monkeypatch: pytest.MonkeyPatch) -> None:
    with Kube9Server(tmp_path) as running, ConnectProxy() as proxy:
        use(monkeypatch, {"HTTPS_PROXY": f"http://us%20er:hunter2@{proxy.address}"})
        to = server.Server(running.url, str(running.ca_file), "kdy_hunter3")
        assert to.post("/v1/collections", b'{"body": 1}').status == 202
        (said,) = proxy.asked
        assert said == (running.url.removeprefix("https://"), f"Basic {base64.b64encode(b'us er:hunter2').decode()}")
        assert proxy.seen
        assert b"hunter3" not in proxy.seen
        assert b"body" not in proxy.seen
        (request,) = running.asked
        assert request.headers["authorization"] == "Bearer kdy_hunter3"
        assert "proxy-authorization" not in request.headers
        with pytest.raises(server.Failed, match="certificate verify failed"):
            server.Server(running.url, "", "kdy_hunter3").post("/v1/collections", b"{}")
        proxy.answer = 407
        with pytest.raises(server.Failed, match=rf"^the proxy answered 407 \(through the proxy {proxy.address}\)$"):
            to.post("/v1/collections", b"{}")
        assert len(running.asked) == 1


class To:
    """A server that answers as it is told: a status, or an error."""

    def __init__(self, *answers: int | str) -> None:
        self._answers = list(answers)
        self.asked: list[bytes] = []
        self.waits: list[float] = []

    def post(self, path: str, body: bytes) -> Answer:
        assert path == "/v1/collections"
        self.asked.append(body)
        found = self._answers.pop(0)
        if isinstance(found, str):
            raise server.Failed(found)
        return Answer(found, 0, b"")

    def wait(self, seconds: float) -> bool:
        self.waits.append(seconds)
        return False


@pytest.mark.parametrize(
    ("answers", "why", "waits"),
    [
        ((200,), "", []),
        ((202,), "", []),
        ((500, 503, 200), "", [1, 2]),
        (("refused", 200), "", [1]),
        ((500, 500, 500), "the server answered 500", [1, 2]),
        ((400,), "the server answered 400", []),
        ((429,), "the server answered 429", []),
        ((302,), "the server answered 302", []),
        (("refused", "refused", "refused"), "refused", [1, 2]),
    ],
)
def test_a_collection_is_tried_three_times_but_not_after_an_error_of_ours(
    answers: tuple[int | str, ...], why: str, waits: list[float]
) -> None:
    to = To(*answers)
    (said,) = registrar.delivered(to, {"coll_1": b"{}"}, to.wait)
    assert (said.reason, to.waits, len(to.asked)) == (why, waits, len(answers))


def test_after_one_without_an_answer_the_others_are_not_tried() -> None:
    to = To(200, "refused", "refused", "refused")
    said = registrar.delivered(to, {"coll_1": b"1", "coll_2": b"2", "coll_3": b"3"}, to.wait)
    assert [one.reason for one in said] == ["", "refused", "refused"]
    assert to.asked == [b"1", b"2", b"2", b"2"]


# What is stored


@pytest.fixture
def stored(tmp_path: Path) -> Iterator[tuple[Session, Registrations, Tally]]:
    connection = made.create(str(tmp_path))
    session, tally = Session(connection), Tally()
    yield session, Registrations(session, tally), tally
    connection.close()


def test_what_became_of_it_is_stored_counted_and_told_once(stored: tuple[Session, Registrations, Tally]) -> None:
    session, registrations, tally = stored
    frames = [
        RegistrationFrame(Registered(NOW_MS, REGISTERED, "", "registered", "c-1", "pro", DAY_MS)),
        RegistrationFrame(Registered(NOW_MS + 1, FAILED, "https://u:hunter2@x failed")),
        RegistrationFrame(Delivered(NOW_MS + 2, "coll_1", "")),
        RegistrationFrame(Delivered(NOW_MS + 3, "coll_2", "the server answered 500")),
    ]
    events = []
    for frame, until_ms in zip(frames, (NOW_MS + DAY_MS, 0, 0, 0), strict=True):
        with session.transaction(NOW_MS):
            events += registrations.apply(frame, NOW_MS)
        assert registrations.until_ms() == until_ms
    assert [(one.reason, SEVERITIES[one.severity]) for one in events] == [
        ("RegistrationSucceeded", "info"),
        ("RegistrationFailed", "error"),
        ("CollectionNotSent", "warning"),
    ]
    assert "hunter2" not in events[1].description + events[1].metadata
    assert json.loads(events[0].metadata)["tier"] == "pro"
    with session.transaction(NOW_MS):
        assert registrations.apply(frames[1], NOW_MS) == []
    assert tally.report().counts == {
        "kube9_registrations_total": {(REGISTERED,): 1, (FAILED,): 1},
        "kube9_collections_sent_total": {("sent",): 1, ("failed",): 1},
    }


# Settings


@pytest.mark.parametrize(
    ("environment", "said"),
    [
        ({"API_KEY_FILE": "key", "SERVER_URL": "https://x"}, "API_KEY_FILE=key"),
        ({"API_KEY_FILE": "/key"}, "SERVER_URL=: must be the address"),
        ({"SERVER_URL": "http://x"}, "with https"),
        ({"SERVER_URL": "https://user:pass@x"}, "with https"),
        ({"SERVER_URL": "https://x/?a=b"}, "with https"),
        ({"SERVER_URL": "https://x:70000"}, "up to 65535"),
        ({"SERVER_CA_FILE": "ca"}, "SERVER_CA_FILE=ca"),
    ],
)
def test_wrong_settings_are_named(environment: dict[str, str], said: str) -> None:
    with pytest.raises(SettingError, match=said):
        from_environment({"DB_PATH": "/", **environment})
