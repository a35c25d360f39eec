"""A watcher process: one thread for each watch, and a main thread that checks that they work."""

import threading
import time
from functools import partial
from typing import Any

from kube9_operator.backoff import Backoff
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.rules.loader import RulesError
from kube9_operator.model.rules.matcher import Chosen, Table
from kube9_operator.model.sources import APPLICATIONS, CUSTOM, PUBLISHER
from kube9_operator.settings import Settings
from kube9_operator.supervise.exits import CannotStart
from kube9_operator.supervise.link import Link
from kube9_operator.supervise.messages import Ready, WatcherReport
from kube9_operator.watch import plugin
from kube9_operator.watch.argocd import ArgoCd
from kube9_operator.watch.client import Client
from kube9_operator.watch.comparer import Comparer
from kube9_operator.watch.custom import CustomLister
from kube9_operator.watch.kinds import KINDS
from kube9_operator.watch.kinds.events import EVENTS, choosing
from kube9_operator.watch.lister import Lister
from kube9_operator.watch.outbox import Outbox
from kube9_operator.watch.reach import Reach
from kube9_operator.watch.reflector import Reflector
from kube9_operator.watch.status_map import StatusMap


def run(link: Link, queue: Any, ready: Ready, name: str, settings: Settings, deadlines: Deadlines) -> None:
    """Watches the sources of the process of this name until the link says stop, each from the version that `ready` has.

    Raises RuntimeError if a thread ends before that, or hangs; this ends the process and the worker generation.
    """
    client = partial(Client, deadlines.connect, Reach(), deadlines.plugin)
    ttl_ms = settings.event_ttl_seconds * 1000
    kinds = [
        choosing(chosen(settings)) if one.name == EVENTS.source else KINDS[one.name]
        for one in settings.watched().values()
        if one.process == name
    ]
    outboxes = {kind.source: Outbox(kind.source, queue, link.stop, settings.queue_size, deadlines.patience) for kind in kinds}
    reflectors = {
        kind.source: Reflector(
            kind,
            ready,
            (CustomLister if kind.source in CUSTOM else Lister)(kind, client(), deadlines),
            outboxes[kind.source],
            link.stop,
            deadlines,
            link.tally,
            Backoff(deadlines.retry_first, deadlines.retry_most),
            ttl_ms,
        )
        for kind in kinds
    }
    comparers = {
        f"{kind.source}-comparer": Comparer(Lister(kind, client(), deadlines), outboxes[kind.source], link.stop, deadlines)
        for kind in kinds
        if not kind.of_states
    }
    running: dict[str, Reflector | Comparer | StatusMap | ArgoCd] = {**reflectors, **comparers}
    if name == PUBLISHER and settings.namespace:
        running["status"] = StatusMap(
            link,
            client(),
            settings.namespace,
            settings.status_interval_seconds,
            deadlines,
        )
    if APPLICATIONS in outboxes:
        running["argocd"] = ArgoCd(client(), outboxes[APPLICATIONS], link.stop, settings, deadlines)
    threads = [threading.Thread(target=one.run, name=name, daemon=True) for name, one in running.items()]
    for thread in threads:
        thread.start()
    while not link.stop.wait(deadlines.beat):
        _check_threads(threads, reflectors, deadlines)
        link.beat(report=lambda: _report(reflectors, outboxes))
    if link.abandon:
        queue.cancel_join_thread()
        return
    for one in running.values():
        one.interrupt()
    plugin.end_all()
    until = time.monotonic() + deadlines.stop_watchers / 3
    for thread in threads:
        thread.join(max(0.0, until - time.monotonic()))
    until = time.monotonic() + deadlines.stop_watchers / 3
    for outbox in outboxes.values():
        outbox.close(max(0.0, until - time.monotonic()))


def chosen(settings: Settings) -> Chosen:
    """Returns what the settings say about Events. Raises CannotStart if the built-in rules cannot be read."""
    try:
        table = Table(settings.rules, settings.wait_minutes * 60)
    except RulesError as error:
        raise CannotStart(f"the installation is incomplete: {error}; install kube9-operator again") from None
    return Chosen(settings.reasons_include, settings.reasons_exclude, settings.event_ttl_seconds * 1000, table)


def _report(reflectors: dict[str, Reflector], outboxes: dict[str, Outbox]) -> WatcherReport:
    return WatcherReport(
        {source: one.problem() for source, one in reflectors.items()},
        {source: one.waiting() for source, one in outboxes.items()},
        {source: one.dropped for source, one in outboxes.items()},
        {source: one.failures for source, one in reflectors.items()},
        {source: one.unreadable.latest() for source, one in reflectors.items()},
        {source: problem for one in reflectors.values() for source, problem in one.problems().items()},
    )


def _check_threads(threads: list[threading.Thread], reflectors: dict[str, Reflector], deadlines: Deadlines) -> None:
    """Raises RuntimeError if a thread has ended or hangs: nothing else would notice."""
    for thread in threads:
        if not thread.is_alive():
            raise RuntimeError(f"the watch of {thread.name} ended")
    for source, reflector in reflectors.items():
        if reflector.idle_seconds() > deadlines.stuck():
            raise RuntimeError(f"the watch of {source} has done nothing for {reflector.idle_seconds():.0f} s")
