"""Records one observation or one state after the other, in the transaction of a batch.

If something in a batch was refused, each item gets a savepoint of its own, so that a refused item costs only itself.
"""

from collections.abc import Callable
from typing import NamedTuple, TypeVar

from kube9_operator import logs
from kube9_operator.clock import now_ms
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import KINDS, State
from kube9_operator.text import truncation
from kube9_operator.write.events.coverage import Coverage
from kube9_operator.write.events.store import Applied, Outcome, Store
from kube9_operator.write.resources.enrichment import Enrichment
from kube9_operator.write.resources.owners import Owners
from kube9_operator.write.sqlite import database
from kube9_operator.write.sqlite.session import Session

Result = TypeVar("Result")


class Recorded(NamedTuple):
    """An observation, and what became of it."""

    observation: Observation
    outcome: Outcome


class Recorder:
    """Records observations with everything that belongs to a new event."""

    def __init__(self, session: Session, store: Store, coverage: Coverage, owners: Owners, enrichment: Enrichment) -> None:
        self._session = session
        self._store = store
        self._coverage = coverage
        self._owners = owners
        self._enrichment = enrichment
        self.use_savepoints = False
        """Whether each item gets a savepoint."""

    def record(self, source: str, observation: Observation) -> Recorded:
        """Records an observation of a source."""
        if not self.use_savepoints:  # as `contain` does, without what a function of its own costs
            return Recorded(observation, self._apply(observation).outcome)
        applied = self.contain(source, observation, lambda: self._apply(observation), Applied("refused"))
        return Recorded(observation, applied.outcome)

    def contain(self, source: str, item: Observation | State, apply: Callable[[], Result], refused: Result) -> Result:
        """Calls `apply`, in a savepoint if there are any.

        With a savepoint, an item that fails because of its content becomes a dead letter, and `refused` is returned. The
        rest of the transaction stands. Without one, every error is raised.
        """
        if not self.use_savepoints:
            return apply()
        try:
            with self._session.savepoint():
                return apply()
        except Exception as error:
            if not database.is_of_content(error):
                raise
            why = logs.one_line(error)
            if self._store.bounds.may_log(item.namespace):
                kind = item.kind if isinstance(item, Observation) else KINDS[source]
                logs.get().error("event.refused", source=source, object=f"{kind}/{item.namespace}/{item.name}", error=why)
            self._coverage.refused(source, why, item, now_ms())
            return refused

    def _apply(self, observation: Observation) -> Applied:
        if observation.from_status:  # a watcher has noted the others
            truncation.note(observation.kind, observation.metadata)
        applied = self._store.apply(observation)
        if applied.outcome == "stored":
            self._enrichment.event_stored(observation, applied.event_id)
            self._owners.event_stored(observation, applied.event_id)
        return applied
