"""Decides when the collector runs, and for which collections. No I/O."""

from collections.abc import Callable
from typing import Any

import msgspec

from kube9_operator.clock import SYSTEM, Clock
from kube9_operator.model.collection import Task, new_request
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.settings import Settings
from kube9_operator.supervise.messages import CollectionsFailed, Message, Ready
from kube9_schema.collections import INVENTORY, METADATA, PATTERNS

MAX_ATTEMPTS = 3
"""So often a run is made again if its process dies. After that its collections have failed."""


class Schedule:
    """Keeps one run at a time going, until it is stored how its collections have ended."""

    def __init__(
        self,
        settings: Settings,
        deadlines: Deadlines,
        clock: Clock = SYSTEM,
        stored: Callable[[list[str]], None] = lambda _: None,
    ) -> None:
        """`stored` is called with the ids of collections when they are in the database."""
        self._intervals_ms = {
            METADATA: settings.cluster_metadata_interval_seconds * 1000,
            INVENTORY: settings.resource_inventory_interval_seconds * 1000,
            PATTERNS: settings.configuration_patterns_interval_seconds * 1000,
        }
        self._retry_ms = int(deadlines.collect_retry * 1000)
        self._clock = clock
        self._stored = stored
        self._first_ms = clock.now_ms() + int(deadlines.collect_first * 1000)
        """Before this time it begins none."""
        self._next_ms: dict[str, int] = {}
        """When each type is due; empty until a writer has said what is stored."""
        self._task: Task | None = None
        self._attempts = 0
        self._failed: list[str] = []
        """The types that the process says have failed in this run."""

    def writer_ready(self, ready: Ready) -> None:
        """Learns from the first writer what is stored. Later writers know no more than this."""
        if not self._next_ms:
            now_ms = self._clock.now_ms()
            # A time that has not come yet was stored before the clock was set back.
            last_ms = {kind: min(ready.collected_ms.get(kind, 0), now_ms) for kind in self._intervals_ms}
            self._next_ms = {kind: last_ms[kind] and last_ms[kind] + every for kind, every in self._intervals_ms.items()}

    def due(self) -> tuple[Any, ...] | None:
        """Returns the next run of the collector; None if there is none now."""
        now_ms = self._clock.now_ms()
        if self._task is None and self._next_ms and now_ms >= self._first_ms:
            requests = [new_request(kind, now_ms) for kind, due_ms in self._next_ms.items() if now_ms >= due_ms]
            self._task, self._attempts, self._failed = (Task(requests) if requests else None), 0, []
        return None if self._task is None else (self._task,)

    def receive(self, message: Message) -> None:
        """Notes which collections have failed."""
        if isinstance(message, CollectionsFailed):
            self._failed = message.types

    def ended(self, failure: str) -> None:
        """The process has ended: `failure` says how, '' if everything is stored."""
        task = self._task
        if task is None:
            return
        if failure:
            self._attempts += 1
            if self._attempts >= MAX_ATTEMPTS and not task.given_up:
                why = f"the collector failed {self._attempts} times; at last it {failure}"
                self._task = msgspec.structs.replace(task, given_up=why)
            return
        self._task, now_ms = None, self._clock.now_ms()
        failed = {request.type for request in task.requests} if task.given_up else set(self._failed)
        for request in task.requests:
            every = self._intervals_ms[request.type]
            soon = now_ms + min(every, self._retry_ms)
            self._next_ms[request.type] = soon if request.type in failed else request.requested_ms + every
        self._stored([request.id for request in task.requests if request.type not in failed])
