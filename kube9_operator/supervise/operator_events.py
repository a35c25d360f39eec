"""Events that the supervisor records about the operator: start, stop, a failed process, and changes of health."""

from kube9_operator.clock import iso, now_ms
from kube9_operator.model import operator_event
from kube9_operator.supervise.event_outbox import EventOutbox
from kube9_operator.supervise.health import Health
from kube9_operator.supervise.health_events import HealthEvents
from kube9_operator.supervise.messages import OutboxBatch
from kube9_schema.codes import ERROR, INFO, WARNING


class OperatorEvents:
    """Makes the events when they happen, and keeps them until the writer has committed them."""

    def __init__(self, version: str, namespace: str, health: Health) -> None:
        self._version = version
        self._namespace = namespace
        self._health = health
        self._health_events = HealthEvents()
        self._outbox = EventOutbox()
        self._began_ms = now_ms()
        self._started = False

    def note_writer_ready(self, last_alive_ms: int) -> None:
        """A writer has opened the database. The first one makes the event of the start.

        `last_alive_ms` is when the previous writer was last known to be alive, 0 if there was none.
        """
        self._outbox.writer_replaced()
        if self._started:
            return  # another worker generation of the same operator
        self._started = True
        metadata: dict[str, object] = {"version": self._version, "namespace": self._namespace}
        down = ""
        if last_alive_ms:
            seconds = max(0, self._began_ms - last_alive_ms) // 1000
            metadata |= {"down_seconds": seconds, "down_since": iso(last_alive_ms)}
            down = f" It was down for {seconds} s."
        place = f" in namespace {self._namespace}" if self._namespace else ""
        text = f"kube9-operator {self._version} started{place}.{down}"
        self._outbox.add(
            operator_event.observation("OperatorStarted", INFO, "Operator started", text, self._began_ms, metadata)
        )

    def note_stop(self) -> None:
        """A signal asked the operator to stop."""
        text = f"kube9-operator {self._version} was asked to stop by a signal."
        metadata = {"version": self._version, "namespace": self._namespace}
        self._outbox.add(operator_event.observation("OperatorStopping", INFO, "Operator stopping", text, now_ms(), metadata))

    def note_failure(self, process: str, reason: str) -> None:
        """A process failed, and all workers are restarted. Repetitions are one event with a count."""
        self._note_failure(process, reason, ERROR, "All workers are restarted and continue from the last commit.")

    def note_side_failure(self, process: str, reason: str) -> None:
        """A side process failed, and is started again. Repetitions are one event with a count."""
        self._note_failure(process, reason, WARNING, "It is started again. Everything else goes on.")

    def _note_failure(self, process: str, reason: str, severity: int, then: str) -> None:
        title = f"Process {process} failed"
        metadata = {"process": process, "why": reason}
        key = f"ProcessFailed {process}"
        self._outbox.add(
            operator_event.observation(
                "ProcessFailed", severity, title, f"{reason}. {then}", now_ms(), metadata, operator_event.SYSTEM, key=key
            )
        )

    def note_health_changes(self) -> None:
        """Makes events of what has changed in health. The supervisor calls this in every turn of its loop."""
        document = self._health.document()
        can_judge = self._health.hears_writer() and not self._health.database_trouble()
        self._outbox.add(*self._health_events.changes(document, self._health.database_trouble(), can_judge, now_ms()))
        self._outbox.set_health(self._health.for_record(document))

    def acknowledge(self, number: int) -> None:
        """The writer has committed the batch with this number."""
        self._outbox.acknowledge(number)

    def next_batch(self, final: bool = False) -> OutboxBatch | None:
        """Returns the batch to send to the writer now, see `EventOutbox.next_batch`."""
        return self._outbox.next_batch(final)
