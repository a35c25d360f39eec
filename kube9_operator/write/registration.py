"""Stores until when the cluster is registered with a kube9 server, and makes the events that tell of registrations.

A registration is known by its time, so what arrives twice does nothing.
"""

from kube9_operator.model import operator_event
from kube9_operator.model.observation import Observation
from kube9_operator.model.registration import NOT_SENT, REGISTERED, SENT, Delivered, Registered, RegistrationFrame
from kube9_operator.model.tally import Tally
from kube9_operator.text import limits
from kube9_operator.write.events.facts import Facts
from kube9_operator.write.sqlite.session import Participant, Session
from kube9_schema import codes, facts

REGISTRATIONS, DELIVERIES = "kube9_registrations_total", "kube9_collections_sent_total"
MAX_REASON_CHARACTERS = 400


class Registrations(Participant):
    """Works in the transactions of the session, and counts what is durable."""

    def __init__(self, session: Session, tally: Tally) -> None:
        self._facts = Facts(session.connection)
        self._tally = tally
        self._counted: list[tuple[str, str]] = []
        """The metric and the outcome of each frame of this transaction."""
        self._counted_before = 0
        """How many there were when the savepoint began."""
        session.register(self)

    def begin(self, _now_ms: int) -> None:
        """Forgets what was counted before."""
        self._counted.clear()

    def savepoint_begins(self) -> None:
        """Remembers what is counted."""
        self._counted_before = len(self._counted)

    def savepoint_rolled_back(self) -> None:
        """Forgets what was counted since."""
        del self._counted[self._counted_before :]

    def committed(self) -> None:
        """Counts."""
        for metric, outcome in self._counted:
            self._tally.add(metric, outcome)

    def until_ms(self) -> int:
        """Returns until when the cluster is registered, in ms since 1970; 0 if it is not."""
        return self._facts.number(facts.REGISTERED_UNTIL, 0)

    def apply(self, frame: RegistrationFrame, _now_ms: int) -> list[Observation]:
        """Applies what the registrar says. Returns the events about it, which the caller records."""
        if isinstance(frame.said, Registered):
            return self._registered(frame.said)
        return self._delivered(frame.said)

    def _registered(self, said: Registered) -> list[Observation]:
        if self._facts.number(facts.REGISTRATION_LAST, 0) == said.at_ms:
            return []
        self._facts.set(facts.REGISTRATION_LAST, said.at_ms)
        is_registered = said.outcome == REGISTERED
        self._facts.set(facts.REGISTERED_UNTIL, said.at_ms + said.interval_ms if is_registered else 0)
        self._counted.append((REGISTRATIONS, said.outcome))
        if is_registered:
            metadata = {"status": said.status, "server_cluster_id": said.cluster_id, "tier": said.tier}
            text = f"The cluster is {said.status} with the kube9 server."
            title = "Registered with the kube9 server"
            return [operator_event.observation("RegistrationSucceeded", codes.INFO, title, text, said.at_ms, metadata)]
        why, _ = limits.line(said.reason, MAX_REASON_CHARACTERS)
        metadata = {"why": why, "outcome": said.outcome}
        text = f"The cluster could not be registered with the kube9 server: {why}."
        title, key = "Registration failed", f"RegistrationFailed {said.outcome}"
        return [operator_event.observation("RegistrationFailed", codes.ERROR, title, text, said.at_ms, metadata, key=key)]

    def _delivered(self, said: Delivered) -> list[Observation]:
        self._counted.append((DELIVERIES, NOT_SENT if said.reason else SENT))
        if not said.reason:
            return []
        why, _ = limits.line(said.reason, MAX_REASON_CHARACTERS)
        metadata = {"why": why, "collection_id": said.collection}
        text = f"A collection could not be sent to the kube9 server: {why}. It stays in the database."
        title, key = "Collection not sent", "CollectionNotSent"
        return [operator_event.observation("CollectionNotSent", codes.WARNING, title, text, said.at_ms, metadata, key=key)]
