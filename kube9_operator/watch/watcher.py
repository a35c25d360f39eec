"""A watcher process: one thread a watch, and a main thread that sees that they live."""

import threading
import time
from functools import partial
from typing import Any

from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.sources import PUBLISHER, watched
from kube9_operator.settings import Settings
from kube9_operator.supervise.child import Link, Ready, Watching
from kube9_operator.watch import plugin
from kube9_operator.watch.client import Client
from kube9_operator.watch.comparer import Comparer
from kube9_operator.watch.kinds import KINDS
from kube9_operator.watch.kinds.events import choosing
from kube9_operator.watch.outbox import Outbox
from kube9_operator.watch.reach import Reach
from kube9_operator.watch.recognise import Chosen
from kube9_operator.watch.reflector import Reflector
from kube9_operator.watch.status_map import StatusMap


def run(link: Link, queue: Any, ready: Ready, name: str, settings: Settings, deadlines: Deadlines) -> None:
    """Watches the sources of the process of this name, each from where `ready` says, until the link says stop.

    A thread that ends before raises RuntimeError: with it the process and its generation end.
    """
    ttl_ms = settings.event_ttl_seconds * 1000
    by_settings = Chosen(settings.reasons_include, settings.reasons_exclude, ttl_ms)
    client = partial(Client, deadlines.connect, Reach(), deadlines.plugin)
    chosen = KINDS | {"events": choosing(by_settings)}
    kinds = [chosen[one.name] for one in watched(settings.watch_config_maps).values() if one.process == name]
    outboxes = {kind.source: Outbox(kind.source, queue, link.stop, settings.queue_size, deadlines.patience) for kind in kinds}
    reflectors = {
        kind.source: Reflector(kind, ready, client(), outboxes[kind.source], link.stop, deadlines, link.tally, ttl_ms)
        for kind in kinds
    }
    comparers = {
        f"{kind.source}-comparer": Comparer(kind, client(), outboxes[kind.source], link.stop, deadlines)
        for kind in kinds
        if not kind.of_states
    }
    running: dict[str, Reflector | Comparer | StatusMap] = {**reflectors, **comparers}
    if name == PUBLISHER and settings.namespace:
        running["status"] = StatusMap(
            link,
            client(),
            settings.namespace,
            settings.status_interval_seconds,
            deadlines,
        )
    threads = [threading.Thread(target=one.run, name=name, daemon=True) for name, one in running.items()]
    for thread in threads:
        thread.start()
    while not link.stop.wait(deadlines.beat):
        _see_that_they_live(threads, reflectors, deadlines)
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


def _report(reflectors: dict[str, Reflector], outboxes: dict[str, Outbox]) -> Watching:
    return Watching(
        {source: one.trouble() for source, one in reflectors.items()},
        {source: one.waiting() for source, one in outboxes.items()},
        {source: one.dropped for source, one in outboxes.items()},
        {source: one.failures for source, one in reflectors.items()},
        {source: one.unreadable.latest() for source, one in reflectors.items()},
        {source: problem for one in reflectors.values() for source, problem in one.problems().items()},
    )


def _see_that_they_live(threads: list[threading.Thread], reflectors: dict[str, Reflector], deadlines: Deadlines) -> None:
    """Raises RuntimeError for a thread that has ended or is stuck: nothing else would notice."""
    for thread in threads:
        if not thread.is_alive():
            raise RuntimeError(f"the watch of {thread.name} ended")
    for source, reflector in reflectors.items():
        if reflector.still_seconds() > deadlines.still():
            raise RuntimeError(f"the watch of {source} has done nothing for {reflector.still_seconds():.0f} s")
