"""A list page by page, whatever the size of its objects: where a page is too large, smaller ones follow."""

import time
from collections.abc import Iterator
from typing import NamedTuple

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.watch import lines
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.client import Answer, Client
from kube9_operator.watch.decoding import TEXT_BYTES
from kube9_operator.watch.errors import TooLarge
from kube9_operator.watch.items import ListMeta, list_meta
from kube9_operator.watch.kind import Kind
from kube9_operator.watch.outline import MOST_BYTES, Outline
from kube9_operator.watch.whole_list import WholeList

SMALLER = 10
"""A page that is too large is asked for again with so many times fewer objects; after each that is not, with twice as many."""


class Page(NamedTuple):
    """A page of a list."""

    meta: ListMeta
    batch: Batch
    token: str
    """The continue token with which it was asked for, '' for the first."""
    began: float
    """When it was there and its decoding began, by a clock that nobody sets."""


class Pager:
    """The lists of one kind."""

    def __init__(self, kind: Kind, client: Client, deadlines: Deadlines) -> None:
        self._kind = kind
        self._client = client
        self._deadlines = deadlines

    def pages(self) -> Iterator[Page]:
        """Every page of one list. Raises ApiError; Expired if a continue token has expired."""
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

    def look(self) -> ListMeta:
        """The metadata of a list of one object, which may have any size. Raises ApiError."""
        outline = Outline(levels=2, string_bytes=TEXT_BYTES, most_bytes=MOST_BYTES)
        for chunk in self._get([("limit", "1")]).chunks():
            outline.feed(chunk)
        return list_meta(outline.json())

    def _held(self, answer: Answer, token: str) -> Page:
        body = answer.whole()
        began = time.monotonic()
        return Page(*lines.page(body, self._kind, self._client.server_now_ms()), token, began)

    def _streamed(self, answer: Answer, token: str) -> Page:
        """A page of one object: it may be larger than what is held of an answer."""
        began = time.monotonic()
        reading, batch = WholeList(self._kind), Batch(server_ms=self._client.server_now_ms())
        for chunk in answer.chunks():
            reading.feed(chunk, batch=batch)
        return Page(reading.end(), batch, token, began)

    def _get(self, query: list[tuple[str, str]]) -> Answer:
        accept = self._kind.accept(watch=False)
        return self._client.get(self._kind.path, query, self._deadlines.read, self._deadlines.page, accept=accept)
