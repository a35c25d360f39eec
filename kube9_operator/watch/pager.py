"""Requests lists: page by page, in one answer (a full list), or only as far as needed to know the server's version."""

from collections.abc import Iterator
from typing import NamedTuple

from kube9_operator.clock import SYSTEM, Clock
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.watch import list_decoding
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.client import Answer, Client
from kube9_operator.watch.decoding import TEXT_BYTES
from kube9_operator.watch.errors import TooLarge
from kube9_operator.watch.kind import Kind
from kube9_operator.watch.list_decoding import ListMeta, ListReader, list_meta
from kube9_operator.watch.outline import MOST_BYTES, Outline

SMALLER = 10
"""A page that is too large is requested again with this many times fewer objects. After each other page, the size doubles."""


class Page(NamedTuple):
    """A page of a list, or a piece of a full list."""

    meta: ListMeta
    """The metadata of the page. Only the last piece of a full list has it."""
    batch: Batch
    token: str
    """The continue token with which the page was requested; '' for the first page, and in a full list."""
    began: float
    """When its decoding began, by the monotonic clock."""


class Pager:
    """Lists one kind of object."""

    def __init__(self, kind: Kind, client: Client, deadlines: Deadlines, clock: Clock = SYSTEM) -> None:
        self._kind = kind
        self._path = kind.path
        self._client = client
        self._deadlines = deadlines
        self._clock = clock

    def pages(self) -> Iterator[Page]:
        """Yields all pages of one list, smaller ones if a page is too large to be held.

        Raises ApiError; Expired if a continue token has expired.
        """
        token: str | None = ""
        limit = self._kind.page_limit
        while token is not None:
            answer = self._get([("limit", str(limit))] + ([("continue", token)] if token else []))
            try:
                page = self._streamed(answer, token) if limit == 1 else self._held(answer, token)
            except TooLarge:
                limit = max(1, limit // SMALLER)
                continue
            yield page
            limit = min(self._kind.page_limit, limit * 2)
            token = page.meta.continue_ or None

    def full_list(self) -> Iterator[Page]:
        """Yields a list in pieces, from one answer: no continue token can expire. It is never held whole. Raises ApiError."""
        reader = ListReader(self._kind)
        for chunk in self._ask([], self._deadlines.read).chunks():
            began = self._clock.monotonic()
            yield Page(ListMeta(), reader.feed(chunk, self._client.server_now_ms()), "", began)
        yield Page(reader.end(), Batch(), "", self._clock.monotonic())

    def newest(self) -> ListMeta:
        """Returns the metadata of a list of one object, of any size: the freshness check. Raises ApiError."""
        outline = Outline(levels=2, string_bytes=TEXT_BYTES, most_bytes=MOST_BYTES)
        for chunk in self._get([("limit", "1")]).chunks():
            outline.feed(chunk)
        return list_meta(outline.json())

    def _held(self, answer: Answer, token: str) -> Page:
        body = answer.whole()
        began = self._clock.monotonic()
        return Page(*list_decoding.page(body, self._kind, self._client.server_now_ms()), token, began)

    def _streamed(self, answer: Answer, token: str) -> Page:
        """Reads a page of one object, which may be larger than what is held of an answer."""
        began = self._clock.monotonic()
        reader, batch = ListReader(self._kind), Batch(server_ms=self._client.server_now_ms())
        for chunk in answer.chunks():
            reader.feed(chunk, batch=batch)
        return Page(reader.end(), batch, token, began)

    def _get(self, query: list[tuple[str, str]]) -> Answer:
        return self._ask(query, self._deadlines.read, self._deadlines.page)

    def _ask(
        self, query: list[tuple[str, str]], read_seconds: float, total_seconds: float | None = None, watch: bool = False
    ) -> Answer:
        """Sends a request about all objects of the kind. Raises ApiError."""
        accept = self._kind.accept(watch)
        return self._client.get(self._path, query, read_seconds, total_seconds, long=watch, accept=accept)
