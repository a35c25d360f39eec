"""Lists and watches one kind of object at the API server: all that a reflector asks of it.

client-go's counterpart is the ListerWatcher of tools/cache.
"""

from collections.abc import Generator
from typing import NamedTuple

from kube9_operator.watch import cluster_identity
from kube9_operator.watch.batch import Batch
from kube9_operator.watch.client import Answer
from kube9_operator.watch.lines import ErrorLine, Stream
from kube9_operator.watch.pager import Pager


class Read(NamedTuple):
    """What one read of a watch gave."""

    batch: Batch
    began: float
    """When its decoding began, by the monotonic clock."""


Reads = Generator[Read, None, None]
"""Closing it closes the watch."""


class Lister(Pager):
    """The requests of one watch. For one thread, but for `interrupt`."""

    def locate(self) -> None:
        """Finds the path of the objects, if it may change: see watch/custom.py."""

    def cluster(self) -> str:
        """Returns which cluster the server belongs to; '' if that may not be read. Raises ApiError."""
        return cluster_identity.cluster_uid(self._client, self._deadlines)

    def namespace_remains(self, namespace: str) -> bool:
        """Returns whether a namespace exists and is not being deleted. Raises ApiError."""
        return cluster_identity.namespace_remains(namespace, self._client, self._deadlines)

    def watch(self, version: str, seconds: int, silent_seconds: float, total_seconds: float) -> Reads:
        """Begins a watch from `version`, which the server is to end after `seconds`, and returns what it delivers.

        The watch fails after `silent_seconds` without a byte, and after `total_seconds`. Raises ApiError: here if the server
        refuses, in the iterator if the watch fails later.
        """
        query = [
            ("watch", "1"),
            ("resourceVersion", version),
            ("allowWatchBookmarks", "true"),
            ("timeoutSeconds", str(seconds)),
        ]
        return self._reads(self._ask(query, silent_seconds, total_seconds, watch=True))

    def _reads(self, answer: Answer) -> Reads:
        stream = Stream(self._kind)
        for chunk in answer.chunks():
            began = self._clock.monotonic()
            try:
                batch = stream.feed(chunk, self._client.server_now_ms())
            except ErrorLine as line:
                yield Read(line.batch, began)
                raise line.error from None
            yield Read(batch, began)

    @property
    def server_ms(self) -> int:
        """The time of the last answer by the server's clock, in ms since 1970; 0 if it is not known."""
        return self._client.server_ms

    def server_now_ms(self) -> int:
        """Returns the present time by the server's clock, in ms since 1970; by our own clock if it is not known."""
        return self._client.server_now_ms()

    def reload_credentials(self) -> None:
        """Has configuration and credentials read again before the next request."""
        self._client.reload_credentials()

    def interrupt(self) -> None:
        """Ends a read that waits for the server. May be called from another thread."""
        self._client.interrupt()

    def close(self) -> None:
        """Closes the connections."""
        self._client.close()
