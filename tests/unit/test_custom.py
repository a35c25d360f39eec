"""Custom resources that come and go while they are watched, with a made server, clock and outbox: no fault, and no noise."""

from typing import Any

import pytest

from kube9_operator.backoff import Backoff
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import Absent, ListEnds, Unavailable
from kube9_operator.model.sources import CUSTOM
from kube9_operator.model.tally import Tally
from kube9_operator.supervise.messages import Ready
from kube9_operator.watch.client import Client
from kube9_operator.watch.custom import CustomLister, discover
from kube9_operator.watch.errors import ApiError, NotInstalled
from kube9_operator.watch.kinds import KINDS
from kube9_operator.watch.reach import Reach
from kube9_operator.watch.reflector import Reflector
from tests.standin.cluster import encode, status
from tests.unit.api import Clock, Logged, Response, Server, Sink

APPLICATIONS = CUSTOM["applications"]
TIMES = Deadlines()


class CustomServer(Server):
    """A server with definitions: by API group its versions, the preferred one first, and their resources."""

    def __init__(self, clock: Clock) -> None:
        super().__init__(clock)
        self.groups: dict[str, dict[str, list[str]]] = {}
        self.paths: list[str] = []
        self.steps: list[Any] = []
        """What happens before each look for the definition; after the last one the reflector is stopped."""
        self.refused = 0
        """The HTTP status of lists and watches; 0 if they are answered."""

    def call(self, path: str, query: dict[str, str]) -> Response:
        self.paths.append(path)
        if path.startswith("/api/"):
            return super().call(path, query)
        _, _, group, *rest = path.split("/")
        if not rest and self.steps:
            self.steps.pop(0)()
        elif not rest:
            self.stop.set()
        versions = self.groups.get(group)
        if versions is None or (rest and rest[0] not in versions):
            return self.whole(status(404, "NotFound"), 404)
        if not rest:
            named = [{"groupVersion": f"{group}/{one}", "version": one} for one in versions]
            return self.whole(encode({"kind": "APIGroup", "versions": named, "preferredVersion": named[0]}))
        if len(rest) == 1:
            return self.whole(encode({"resources": [{"name": name} for name in versions[rest[0]]]}))
        if self.refused or rest[1] not in versions[rest[0]]:
            return self.whole(status(self.refused or 404, "refused"), self.refused or 404)
        self.asked.append("watch" if query.get("watch") else "list")
        if query.get("watch"):
            return self.streamed()
        return self.whole(encode({"metadata": {"resourceVersion": str(self.version)}, "items": []}))


def client(server: CustomServer) -> Client:
    return Client(1.0, Reach(), 1.0, server.clock, server.connect)


def run(server: CustomServer, version: str = "") -> tuple[Sink, Logged, Reflector]:
    """A reflector of Applications, until it was stopped."""
    sink, log = Sink(server.clock, 0.0), Logged()
    made: Any = log
    kind = KINDS["applications"]
    reflector = Reflector(
        kind,
        Ready({"applications": version} if version else {}, "cluster-1", 0),
        CustomLister(kind, client(server), TIMES, server.clock),
        sink,
        server.stop,
        TIMES,
        Tally(),
        Backoff(TIMES.retry_first, TIMES.retry_most),
        clock=server.clock,
        log=made,
    )
    server.watches_left = 100
    reflector.run()
    return sink, log, reflector


@pytest.fixture
def server() -> CustomServer:
    return CustomServer(Clock())


def has(server: CustomServer, *resources: str) -> None:
    server.groups["argoproj.io"] = {"v1": ["rollouts"], "v1alpha1": list(resources)}


def lacks(server: CustomServer) -> None:
    server.groups.clear()


def heard(log: Logged) -> list[str]:
    """What is in the log at level info and above."""
    return [event for level, event, _ in log.lines if level != "debug"]


def test_the_version_is_discovered(server: CustomServer) -> None:
    has(server, "applications", "applicationsets")
    assert discover(APPLICATIONS, client(server), TIMES).path == "/apis/argoproj.io/v1alpha1/applications"
    server.groups["argoproj.io"] = {"v2": ["applications"], "v1alpha1": ["applications"]}
    assert discover(APPLICATIONS, client(server), TIMES).api_version == "argoproj.io/v2"


@pytest.mark.parametrize("groups", [{}, {"argoproj.io": {"v1alpha1": ["rollouts"]}}, {"argoproj.io": {"v1": []}}])
def test_another_resource_of_the_group_is_not_it(server: CustomServer, groups: Any) -> None:
    server.groups = groups
    with pytest.raises(NotInstalled):
        discover(APPLICATIONS, client(server), TIMES)


def test_an_answer_that_is_none_is_a_fault(server: CustomServer) -> None:
    server.groups["argoproj.io"] = {"v1alpha1": ["applications"]}
    server.whole = lambda *_: Response([b"<html>"])  # type: ignore[method-assign]
    with pytest.raises(ApiError) as raised:
        discover(APPLICATIONS, client(server), TIMES)
    assert not isinstance(raised.value, NotInstalled)


def test_absence_is_confirmed_and_no_problem(server: CustomServer) -> None:
    server.steps = [lambda: None] * 4
    sink, log, reflector = run(server)
    assert [type(one) for one in sink.control] == [Absent] * 5
    confirmed = [one.confirmed_ms for one in sink.control if isinstance(one, Absent)]
    assert confirmed == sorted(set(confirmed)), "each time up to that moment"
    assert server.stop.waits == [TIMES.absent_retry] * 5
    assert set(server.paths) == {"/apis/argoproj.io"}, "nothing else is asked for"
    assert (heard(log), reflector.failures, reflector.problem()) == (["watch.started"], 0, "")
    assert reflector.problems() == {"applications": None}


def test_a_definition_comes_goes_and_comes_again(server: CustomServer) -> None:
    def nothing() -> None:
        pass

    come, go = (lambda: has(server, "applications")), (lambda: lacks(server))
    server.steps = [nothing, come, nothing, nothing, go, nothing, come, nothing]
    sink, log, reflector = run(server)
    kinds = [type(one).__name__ for one in sink.control if isinstance(one, Absent | ListEnds | Unavailable)]
    assert kinds == ["Absent", "ListEnds", "Absent", "Absent", "ListEnds"]
    assert sink.reasons() == ["installed", "installed"]
    assert heard(log) == ["watch.started", "watch.listed", "watch.not_installed", "watch.listed"]
    assert (reflector.failures, reflector.problem()) == (0, "")
    assert all(path.startswith(("/apis/argoproj.io", "/api/v1/namespaces/")) for path in server.paths)


def test_a_definition_whose_storage_is_being_made_is_no_problem(server: CustomServer) -> None:
    def come() -> None:
        has(server, "applications")
        server.refused = 429

    def ready() -> None:
        server.refused = 0

    server.steps = [lambda: None, come, lambda: None, ready, lambda: None]
    sink, log, reflector = run(server)
    assert [type(one).__name__ for one in sink.control if isinstance(one, Absent | ListEnds | Unavailable)] == [
        "Absent",
        "ListEnds",
    ]
    assert (heard(log), reflector.failures) == (["watch.started", "watch.listed"], 0)


def test_a_definition_that_goes_during_a_watch(server: CustomServer) -> None:
    """Discovery may have it for a moment longer."""
    has(server, "applications")
    server.refused = 404
    sink, log, reflector = run(server, version="100")
    assert [type(one) for one in sink.control] == [Absent]
    assert (heard(log), reflector.failures) == (["watch.started", "watch.not_installed"], 0)


def test_a_definition_that_may_not_be_read(server: CustomServer) -> None:
    has(server, "applications")
    server.refused, server.steps = 403, [lambda: None, lambda: None]
    sink, log, reflector = run(server)
    assert sink.unavailable() == ["not permitted"] * 2
    assert reflector.problem() == "not permitted"
    assert heard(log) == ["watch.started"], "the supervisor logs it, once"
    assert server.stop.waits == [TIMES.denied_retry] * 2


def test_a_version_that_is_replaced_is_noticed(server: CustomServer) -> None:
    has(server, "applications")

    def replaced() -> None:
        server.groups["argoproj.io"] = {"v2": ["applications"]}

    server.steps = [lambda: None, lambda: None, replaced]
    _, _, reflector = run(server)
    assert "/apis/argoproj.io/v2/applications" in server.paths
    assert reflector.failures == 0
