"""Lists all Events from time to time, so that the writer finds what a watch has missed: a watch can be alive and wrong."""

import threading

from kube9_operator import logs
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.frame import Compare
from kube9_operator.watch.errors import ApiError
from kube9_operator.watch.lister import Lister
from kube9_operator.watch.outbox import Outbox, Stopped

ORDINARY_EVENTS = 5_000
"""With more Events than this, lists are rarer in proportion. A list of this many takes the API server a few hundred ms."""


class Comparer:
    """The comparing lists of one source. The writer decides what is missing. The reflector reports problems."""

    def __init__(self, lister: Lister, outbox: Outbox, stop: threading.Event, deadlines: Deadlines) -> None:
        self._lister = lister
        self._outbox = outbox
        self._stop = stop
        self._deadlines = deadlines

    def run(self) -> None:
        """Runs until the process is to end."""
        wait = self._deadlines.compare
        while not self._stop.wait(wait):
            listed = 0
            try:
                for page in self._lister.pages():
                    listed += page.batch.counts.received
                    self._outbox.send(Compare(page.batch.observations, page.meta.resource_version))
            except Stopped:
                break
            except ApiError as error:
                logs.get().debug("comparison.failed", error=logs.one_line(error))
            except Exception as error:  # a failed comparison must not end the watches
                logs.get().error("comparison.failed", error=logs.one_line(error))
            wait = self._deadlines.compare * max(1.0, listed / ORDINARY_EVENTS)
        self._lister.close()

    def interrupt(self) -> None:
        """Ends a read that waits for the API server."""
        self._lister.interrupt()
