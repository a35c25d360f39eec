"""One thing after the other: what is refused, or fails in a way that nobody thought of, is set aside and blocks nothing."""

from collections.abc import Callable
from typing import TypeVar

from kube9_operator import logs
from kube9_operator.clock import now_ms
from kube9_operator.model.observation import Observation
from kube9_operator.model.resource_states import State
from kube9_operator.write.events.coverage import Ledger
from kube9_operator.write.events.store import Store
from kube9_operator.write.sqlite import database

Became = TypeVar("Became", str, str | None)


class Careful:
    """Works in the transaction that the caller holds."""

    def __init__(self, connection: database.Connection, store: Store, ledger: Ledger) -> None:
        self._connection = connection
        self._store = store
        self._ledger = ledger
        self.on = False
        """Something of the batch was refused: each is applied in a savepoint, so that it costs itself only."""

    def record(self, source: str, what: Observation | State, apply: Callable[[], Became]) -> Became | str:
        """What became of it. Not careful, whatever `apply` raises; careful, what is the fault of neither file nor memory
        makes a dead letter of it, and the rest of the transaction stands.
        """
        if not self.on:
            return apply()
        self._connection.execute("SAVEPOINT careful")
        try:
            return apply()
        except Exception as error:
            if not database.is_of_content(error):
                raise
            self._connection.execute("ROLLBACK TO careful")
            self._store.forget_words()
            if self._store.bounds.may_log(what.namespace):
                logs.get().error("event.refused", source=source, error=logs.one_line(error))
            self._ledger.refused(source, logs.one_line(error), what, now_ms())
            return "refused"
        finally:
            if self._connection.in_transaction:  # a full disk has rolled it back already
                self._connection.execute("RELEASE careful")
