"""What the supervisor records of its own: that the operator starts, stops, loses a process, and what changes in its health."""

import json

from kube9_operator.clock import iso, now_ms
from kube9_operator.model import operator_event
from kube9_operator.model.observation import ERROR, INFO
from kube9_operator.supervise.child import OutboxBatch
from kube9_operator.supervise.event_outbox import Untold
from kube9_operator.supervise.health import Health
from kube9_operator.supervise.health_events import Chronicle


class Diary:
    """Events of the operator's own, noted when they happen and told to the writer as it can take them."""

    def __init__(self, version: str, namespace: str, health: Health) -> None:
        self._version = version
        self._namespace = namespace
        self._health = health
        self._chronicle = Chronicle()
        self._untold = Untold()
        self._began_ms = now_ms()
        self._started = False

    def writer_is_ready(self, last_word_ms: int) -> None:
        """A writer has the database open, in which another said at `last_word_ms` that it lived (0: nobody ever did)."""
        self._untold.another_writer()
        if self._started:
            return  # another generation of the same operator
        self._started = True
        metadata: dict[str, object] = {"version": self._version, "namespace": self._namespace}
        down = ""
        if last_word_ms:
            seconds = max(0, self._began_ms - last_word_ms) // 1000
            metadata |= {"down_seconds": seconds, "down_since": iso(last_word_ms)}
            down = f", after it was down for {seconds} s"
        place = f" in namespace {self._namespace}" if self._namespace else ""
        text = f"kube9-operator {self._version} started{place}{down}"
        self._untold.note(operator_event.happened("OperatorStarted", INFO, "Operator started", text, self._began_ms, metadata))

    def stops(self) -> None:
        """A signal asks the operator to end."""
        text = f"kube9-operator {self._version} was asked to stop"
        metadata = {"version": self._version, "namespace": self._namespace}
        self._untold.note(operator_event.happened("OperatorStopping", INFO, "Operator stopping", text, now_ms(), metadata))

    def ended(self, process: str, reason: str) -> None:
        """A process has ended that should not have, and with it its generation. Repetitions are one event, counted."""
        title = f"Process {process} failed"
        text = f"{reason}; all processes are started again, and go on from what is stored"
        metadata = {"process": process, "why": reason}
        self._untold.note(
            operator_event.happened(
                "ProcessFailed", ERROR, title, text, now_ms(), metadata, operator_event.SYSTEM, key=f"ProcessFailed {process}"
            )
        )

    def look(self) -> None:
        """Notes what has changed in health; to be called every turn of the loop."""
        document = self._health.document()
        can_judge = self._health.hears_writer() and not self._health.database_trouble()
        self._untold.note(*self._chronicle.look(document, self._health.database_trouble(), can_judge, now_ms()))
        self._untold.note_health(json.dumps({"status": document["status"], "reasons": document["reasons"]}))

    def committed(self, number: int) -> None:
        """The writer has committed the telling of this number."""
        self._untold.committed(number)

    def next(self, hurry: bool = False) -> OutboxBatch | None:
        """What the writer is to be told now, see `Untold.next`."""
        return self._untold.next(hurry)
