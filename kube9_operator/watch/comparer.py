"""A stream can be alive and wrong: lists all Events from time to time, for the writer to compare with what it has recorded."""

import threading

from kube9_operator import logs
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import Compare
from kube9_operator.watch.client import ApiError, Client
from kube9_operator.watch.kind import Kind
from kube9_operator.watch.outbox import Outbox, Stopped
from kube9_operator.watch.pager import Pager

ORDINARY_EVENTS = 5_000
"""With more than these, it is done rarer in proportion: a list of that many costs the API server a few hundred ms."""


class Comparer:
    """The lists of one source. What it finds missing, the writer decides; trouble with the API server is the reflector's."""

    def __init__(self, kind: Kind, client: Client, outbox: Outbox, stop: threading.Event, deadlines: Deadlines) -> None:
        self._pager = Pager(kind, client, deadlines)
        self._client = client
        self._outbox = outbox
        self._stop = stop
        self._deadlines = deadlines

    def run(self) -> None:
        """Until the process is to end."""
        wait = self._deadlines.compare
        while not self._stop.wait(wait):
            listed = 0
            try:
                for page in self._pager.pages():
                    listed += page.batch.counts.received
                    self._outbox.send(Compare(page.batch.observations))
            except Stopped:
                break
            except ApiError as error:
                logs.get().debug("comparison.failed", error=logs.one_line(error))
            except Exception as error:  # a comparison that fails is no reason to end the watch
                logs.get().error("comparison.failed", error=logs.one_line(error))
            wait = self._deadlines.compare * max(1.0, listed / ORDINARY_EVENTS)
        self._client.close()

    def interrupt(self) -> None:
        """Ends a read that waits for the API server."""
        self._client.interrupt()
