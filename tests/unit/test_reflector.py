"""What a reflector does about each answer of the API server, with a made server, clock and outbox: the table of answers.

The same faults meet a whole operator in tests/process/test_faults.py.
"""

from collections.abc import Iterator
from typing import Any, NamedTuple

import pytest

from kube9_operator.backoff import Backoff
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import ListBegins, ListEnds
from kube9_operator.model.tally import RECORDED, Tally
from kube9_operator.supervise.messages import Ready
from kube9_operator.watch import answers
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.errors import ApiError, Expired, TooLarge, http_error
from kube9_operator.watch.kinds import KINDS
from kube9_operator.watch.list_decoding import ListMeta
from kube9_operator.watch.lister import Reads
from kube9_operator.watch.pager import Page
from kube9_operator.watch.reflector import Reflector
from tests.unit.api import FAULTS, Clock, Logged, Response, Run, Server, Sink, Stop

TIMES = Deadlines()
PODS = tuple(f"pod-{number}" for number in range(7))
BROKEN = "the answer is missing or broken"
EXPIRED = "the version has expired"
PLAIN = "watch again"


class Case(NamedTuple):
    """A fault of one kind of request, and what has to follow."""

    fault: str
    on: str
    then: str = PLAIN
    """Or "list again", "wait long", "go on": what the next request is."""
    why: str = ""
    """What the log says, once; '' for nothing aloud."""
    reason: str = ""
    """What the next list gives as its reason."""
    undecodable: int = 0
    reloads: bool = False
    least_wait: float = 0.0
    times: int = 3
    """In a row, at most."""

    def __str__(self) -> str:
        return f"{self.fault}, {self.on}"


REFUSALS = {
    "HTTP 401": {"why": "the credentials are not accepted", "reloads": True},
    "HTTP 403": {"why": "not permitted", "then": "wait long", "reloads": True},
    "HTTP 404": {"why": "not served", "then": "wait long"},
    "HTTP 429": {"why": "the API server is busy", "least_wait": 7.0},
    "HTTP 500": {"why": "the API server reports an internal error"},
    "HTTP 503": {"why": "the API server reports an internal error"},
}
CASES = [
    *(Case(fault, on, **said) for on in ("freshness", "watch") for fault, said in REFUSALS.items()),  # type: ignore[arg-type]
    *(Case(fault, "freshness", why=BROKEN) for fault in ("HTML", "truncated body", "body breaks off", "silence", "drip")),
    Case("refused", "freshness"),
    Case("refused", "watch"),
    *(Case("HTTP 410", on, "list again", EXPIRED, "expired") for on in ("freshness", "watch")),
    Case("ERROR line 410", "watch", "list again", EXPIRED, "expired"),
    Case("empty watch", "watch", "list again", "the version has expired: the watch ended at once", "expired"),
    Case("ERROR line 500", "watch", why="the API server reports an internal error"),
    Case("ERROR line without a status", "watch", why=BROKEN),
    Case("HTML", "watch", why=BROKEN, undecodable=3),
    *(Case(fault, "watch", why=BROKEN) for fault in ("reset in mid-line", "silence", "drip")),
    Case("no last chunk", "watch", why=BROKEN, times=1),
    Case("half a line", "watch", "list again", "the version has expired: the watch ended at once", "expired", times=1),
    *(Case("byte by byte", on, "go on") for on in ("freshness", "watch")),
    Case("line that does not decode", "watch", "go on", undecodable=1, times=1),
    Case("line of bytes", "watch", "go on", undecodable=1, times=1),
    *(Case(fault, "watch", "go on", times=1) for fault in ("unknown line type", "BOOKMARK line")),
    Case("gone back", "freshness", "list again", "the API server went back to an earlier state", "behind", times=1),
    Case(
        "another cluster",
        "freshness",
        "list again",
        "the API server belongs to another cluster",
        "another cluster",
        reloads=True,
        times=1,
    ),
    *(Case(f"clock jumps {way}", on, "go on") for way in ("ahead", "back") for on in ("freshness", "watch")),
]
"""Met after the first list, when Events have happened that the watch is to bring."""
IN_LISTS = [
    *(
        Case(fault, on, "list again", why)
        for on in ("first", "page")
        for fault, why in (
            ("HTTP 500", "the API server reports an internal error"),
            ("HTML", BROKEN),
            ("truncated body", BROKEN),
            ("body breaks off", BROKEN),
            ("silence", BROKEN),
        )
    ),
    *(Case("refused", on, "list again") for on in ("first", "page")),
    *(Case("HTTP 403", on, "wait long", "not permitted", reloads=True) for on in ("first", "page")),
    Case("HTTP 410", "page", "whole", EXPIRED, "expired"),
]
"""Met in the first list."""


def a_server() -> Server:
    server = Server(Clock())
    server.write(*PODS)
    return server


def test_a_list_and_watches_without_a_fault() -> None:
    server = a_server()
    run = Run(server)
    assert server.asked[:6] == ["cluster", "first", "page", "page", "cluster", "freshness"]
    assert run.sink.counts == dict.fromkeys(PODS, 1)
    assert (run.sink.reasons(), run.log.problems(), run.sink.undecodable, server.stop.waits) == ([""], [], 0, [])
    assert [type(one) for one in run.sink.control if isinstance(one, ListBegins | ListEnds)] == [ListBegins, ListEnds]


def test_what_is_timed_is_how_long_events_took_to_their_place_in_the_queue() -> None:
    timed = Run(a_server(), wait_seconds=2.0).tally.report().histograms
    assert set(timed) == {"kube9_events_recorded_duration_seconds"}
    reads = sum(timed[RECORDED].buckets)
    assert 0 < reads <= len(PODS)
    assert timed[RECORDED].sum == 2.0 * reads, "the wait for room counts"


def test_a_watch_goes_on_from_where_the_record_ends() -> None:
    server = a_server()
    run = Run(server, version="104", cluster=server.uid)
    assert server.asked[:3] == ["cluster", "freshness", "watch"]
    assert server.versions[0] == "104"
    assert run.sink.counts == dict.fromkeys(PODS[4:], 1)
    assert run.sink.reasons() == [], "nothing was listed"


def test_what_happened_before_the_freshness_check_confirms_nothing() -> None:
    """More of the same may follow: a query in between would call a time complete that lacks it."""
    server = a_server()
    plain, behind = server._answer, {"late": 2}

    def answer(kind: str, query: dict[str, str]) -> Response:
        if kind != "watch" or not behind:
            return plain(kind, query)
        behind.clear()
        read = server.lines(query)
        server.write("pod-new")
        return server.streamed(*read, server.history[-1][1])

    server._answer = answer  # type: ignore[method-assign]
    run = Run(server, version="102", cluster=server.uid)
    newest = str(server.version)
    assert run.sink.confirms[-1] == (newest, True)
    assert [confirms for version, confirms in run.sink.confirms if version != newest] == [False] * (len(PODS) - 2)


@pytest.mark.parametrize(("case", "times"), [(case, times) for case in CASES for times in {1, case.times}], ids=str)
def test_a_fault_of_a_watch(case: Case, times: int) -> None:
    server = a_server()
    begun_at = server.version
    server.between, server.after = ("pod-0", "pod-1"), ("pod-1", "late")
    server.plans = [(case.on, case.fault)] * times
    run = Run(server)

    assert run.sink.counts == server.counts(), "nothing is lost, and each has its latest count"
    failed = times if case.then != "go on" else 0
    assert len(server.stop.waits) == run.reflector.failures == failed
    assert run.log.problems() == ([case.why] if case.why else []), "one line, however often"
    lists = 1 + (failed if case.then == "list again" else 0)
    assert run.sink.reasons() == ["", *[case.reason] * (lists - 1)]
    assert run.sink.undecodable == case.undecodable * times
    assert (server.reloads > 0) is case.reloads
    assert run.sink.unavailable() == ([case.why] * times if case.then == "wait long" else [])
    if case.then == PLAIN and case.on == "watch" and case.fault not in ("no last chunk", "reset in mid-line"):
        assert server.versions[:2] == [str(begun_at)] * 2, "from the version before"
    for seconds, doubled in zip(server.stop.waits, range(times), strict=False):
        first = TIMES.denied_retry if case.then == "wait long" else TIMES.retry_first
        assert seconds <= max(first * 2**doubled, case.least_wait)
        assert seconds >= max(case.least_wait, first / 2)


@pytest.mark.parametrize("case", IN_LISTS, ids=str)
def test_a_fault_in_a_list(case: Case) -> None:
    server = a_server()
    server.plans = [(case.on, case.fault)]
    run = Run(server)
    assert run.sink.counts == server.counts()
    assert run.sink.reasons() == [case.reason]
    assert len(server.stop.waits) == 1
    assert run.log.problems() == ([case.why] if case.why else [])
    assert ("whole" in server.asked) is (case.then == "whole"), "an expired page is read in one answer"
    assert run.sink.unavailable() == ([case.why] if case.then == "wait long" else [])
    assert server.reloads == (1 if case.reloads else 0)


def test_waits_double_up_to_a_bound_and_begin_again_when_it_works() -> None:
    server = a_server()
    server.plans = [("freshness", "HTTP 500")] * 12
    Run(server)
    waits = server.stop.waits
    assert len(waits) == 12
    for number, seconds in enumerate(waits):
        bound = min(TIMES.retry_first * 2**number, TIMES.retry_most)
        assert bound / 2 <= seconds <= bound
    again = a_server()
    again.plans = [("freshness", "HTTP 500"), ("freshness", "HTTP 500"), ("watch", "BOOKMARK line"), ("freshness", "HTTP 500")]
    Run(again)
    assert again.stop.waits[2] <= TIMES.retry_first


def test_what_cannot_be_decoded_is_named() -> None:
    server = a_server()
    server.plans = [("watch", "an object that does not decode")]
    run = Run(server)
    named = ["shop/broken at version 103"]
    assert run.reflector.unreadable.latest() == named
    assert [fields["object"] for _, event, fields in run.log.lines if event == "lines.undecodable"] == named


class Scripted:
    """A lister that fails as it is told, once, and then has nothing to list or watch. No server, no client, no bytes."""

    server_ms = 0

    def __init__(self, error: ApiError, stop: Stop) -> None:
        self.errors = [error]
        self.asked: list[str] = []
        self.reloads = 0
        self._stop = stop

    def locate(self) -> None:
        pass

    def cluster(self) -> str:
        return "cluster-1"

    def pages(self) -> Iterator[Page]:
        self.asked.append("list")
        yield Page(ListMeta("9"), Batch(), "", 0.0)

    full_list = pages

    def newest(self) -> ListMeta:
        return ListMeta("9")

    def watch(self, version: str, *_: Any) -> Reads:
        self.asked.append(f"watch from {version}")
        if self.errors:
            raise self.errors.pop()
        self._stop.set()
        yield from ()

    def namespace_remains(self, _namespace: str) -> bool:
        return True

    def server_now_ms(self) -> int:
        return 0

    def reload_credentials(self) -> None:
        self.reloads += 1

    def interrupt(self) -> None:
        pass

    close = interrupt


EVERY_ERROR = [
    *(
        (one, meaning)
        for kind, meaning in answers.ERRORS.items()
        for one in [Expired(410, "") if kind is Expired else kind("")]
    ),
    *((http_error(status, ""), meaning) for status, meaning in answers.STATUSES.items()),
    (http_error(503, ""), answers.SERVER),
    (http_error(418, ""), answers.OTHER),
    (TooLarge(""), answers.OTHER),
]


@pytest.mark.parametrize(
    ("error", "meaning"), EVERY_ERROR, ids=lambda one: type(one).__name__ + str(getattr(one, "status", ""))
)
def test_every_row_of_the_table_of_answers(error: ApiError, meaning: answers.Meaning) -> None:
    clock = Clock()
    stop, log, sink = Stop(clock), Logged(), Sink(clock, 0.0)
    lister = Scripted(error, stop)
    made: Any = log
    reflector = Reflector(
        *(KINDS["events"], Ready({"events": "5"}, "cluster-1", 0), lister, sink, stop, TIMES, Tally()),
        Backoff(3.0, 60.0, jitter=(1.0, 1.0)),
        clock=clock,
        log=made,
    )
    reflector.run()
    lists = meaning.then == "list again"
    assert lister.asked == ["watch from 5", *(["list", "watch from 9"] if lists else ["watch from 5"])]
    assert sink.reasons() == ([meaning.reason] if lists else [])
    assert sink.unavailable() == ([meaning.why] if meaning.then == "wait long" else [])
    assert stop.waits == [TIMES.denied_retry if meaning.then == "wait long" else 3.0]
    assert lister.reloads == int(meaning.reload_credentials)
    assert [fields["why"] for _, event, fields in log.lines if event == "watch.failed"] == [meaning.why]


def test_every_fault_is_tried() -> None:
    assert {case.fault for case in CASES} | {case.fault for case in IN_LISTS} | {"an object that does not decode"} == set(
        FAULTS
    )
