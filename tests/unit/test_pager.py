"""A list page by page, of objects of any size; and what a watch makes of a failure that nobody expects."""

import json
import queue
import threading
from collections.abc import Iterator
from typing import Any

import pytest

from kube9_operator.backoff import Backoff
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import ControlFrame, Frame, ListBegins, ListEnds, decode
from kube9_operator.model.tally import Tally
from kube9_operator.supervise.messages import Ready
from kube9_operator.watch import client as clients
from kube9_operator.watch import decoding, lines, list_decoding, reflector
from kube9_operator.watch.client import Answer
from kube9_operator.watch.comparer import Comparer
from kube9_operator.watch.errors import ApiError, UnexpectedAgain
from kube9_operator.watch.kinds import KINDS
from kube9_operator.watch.lister import Lister, Reads
from kube9_operator.watch.outbox import Outbox
from kube9_operator.watch.pager import Page, Pager
from kube9_operator.watch.reach import Reach
from kube9_operator.watch.reflector import Reflector

PODS = KINDS["pods"]


class Raw:
    """What urllib3 gives of an answer."""

    def __init__(self, body: bytes) -> None:
        self._body = body

    def read1(self, size: int) -> bytes:
        piece, self._body = self._body[:size], self._body[size:]
        return piece

    def release_conn(self) -> None:
        pass

    def close(self) -> None:
        pass


class Server:
    """A list of objects of these sizes, in place of a Client."""

    def __init__(self, *sizes: int) -> None:
        self._objects = [
            {
                "metadata": {"name": f"o{n}", "namespace": "shop", "uid": f"u{n}", "resourceVersion": str(n + 1)},
                "odd": "x" * size,
            }
            for n, size in enumerate(sizes)
        ]
        self.limits: list[int] = []
        self.server_ms = 0
        self.reach = Reach()

    def server_now_ms(self) -> int:
        return 0

    def get(self, path: str, query: list[tuple[str, str]], *_: Any, **__: Any) -> Answer:
        asked = dict(query)
        limit, begin = int(asked.get("limit", len(self._objects))), int(asked.get("continue", 0))
        self.limits.append(limit)
        found = self._objects[begin : begin + limit]
        meta = {"resourceVersion": "99"} | ({"continue": str(begin + limit)} if begin + limit < len(self._objects) else {})
        raw: Any = Raw(json.dumps({"metadata": meta, "items": found}, separators=(",", ":")).encode())
        return Answer(raw, None)

    def close(self) -> None:
        pass


@pytest.fixture
def small(monkeypatch: pytest.MonkeyPatch) -> None:
    """What is held of an answer is 3,000 bytes, and of an object 2,500."""
    monkeypatch.setattr(clients, "MAX_BODY_BYTES", 3_000)
    monkeypatch.setattr(lines, "MAX_OBJECT_BYTES", 2_500)
    monkeypatch.setattr("kube9_operator.watch.list_decoding.MAX_OBJECT_BYTES", 2_500)


def pager(server: Any) -> Pager:
    return Pager(PODS, server, Deadlines())


@pytest.mark.usefixtures("small")
def test_a_page_that_is_too_large_is_had_in_smaller_ones() -> None:
    server = Server(*[100] * 5, 2_000, 2_000, *[10] * 30)
    pages = list(pager(server).pages())
    assert [one.name for page in pages for one in page.batch.states] == [f"o{n}" for n in range(37)]
    assert sum(page.batch.counts.undecodable for page in pages) == 0
    assert server.limits[:3] == [250, 25, 2], "too large, too large, and not"
    assert max(server.limits[-3:]) > 2, "they grow again"


@pytest.mark.usefixtures("small")
def test_an_object_that_is_too_large_for_a_page_is_passed_over_and_named() -> None:
    pages = list(pager(Server(100, 10_000, 100)).pages())
    assert [one.name for page in pages for one in page.batch.states] == ["o0", "o1", "o2"], "it is there"
    assert [one.identity.name for page in pages for one in page.batch.unreadable] == ["o1"]
    assert pager(Server(10_000)).newest().resource_version == "99", "of which the freshness check is one too"


@pytest.mark.usefixtures("small")
def test_the_comparison_of_events_takes_any_size_and_failure() -> None:
    stop = threading.Event()
    server: Any = Server(10_000, *[400] * 20)
    calls: list[int] = []

    class Failing(Lister):
        def pages(self) -> Iterator[Page]:
            calls.append(1)
            if len(calls) < 3:
                raise RecursionError
            stop.set()
            return super().pages()

    lister = Failing(KINDS["events"], server, Deadlines())
    Comparer(lister, Outbox("events", Frames(), stop, 100, 1.0), stop, Deadlines(compare=0.001)).run()
    assert len(calls) == 3


class Frames:
    """Where frames go."""

    def __init__(self) -> None:
        self.sent: queue.SimpleQueue[Frame] = queue.SimpleQueue()

    def put(self, item: bytes, block: bool = True, timeout: float | None = None) -> None:
        self.sent.put(decode(item))


def test_what_ends_a_watch_twice_is_passed_over_by_a_list() -> None:
    frames, stop = Frames(), threading.Event()
    times = Deadlines(retry_first=0.001, retry_most=0.002, empty_list=0.001)
    server: Any = Server(10, 10)
    ready = Ready({"pods": "5"}, "", 0)
    began: list[str] = []

    class Failing(Lister):
        def cluster(self) -> str:
            return ""

        def watch(self, version: str, *_: Any, **__: Any) -> Reads:
            began.append(version)
            if version == "5":
                raise RecursionError("whatever it is")
            stop.set()
            yield from ()

    outbox = Outbox("pods", frames, stop, 100, 1.0)
    lister = Failing(PODS, server, times)
    watching = Reflector(PODS, ready, lister, outbox, stop, times, Tally(), Backoff(0.001, 0.002), 3_600_000)
    watching.run()
    assert began == ["5", "5", "99"], "again, and then from a list"
    assert watching.failures == 2
    marks: list[type] = []
    while ListEnds not in marks:
        frame = frames.sent.get(timeout=10)
        marks += [type(frame.control)] if isinstance(frame, ControlFrame) else []
    assert marks == [ListBegins, ListEnds]
    assert UnexpectedAgain in reflector.answers.ERRORS


def test_a_list_in_which_an_item_has_no_name_is_not_believed() -> None:
    with pytest.raises(ApiError, match="has no name"):
        list_decoding.page(b'{"metadata":{"resourceVersion":"9"},"items":[{"metadata":{}}]}', PODS)
    assert decoding.MAX_OBJECT_BYTES > 6 * 1.5 * 2**20
