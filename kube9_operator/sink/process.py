"""The sink process: sends what is recorded to another store. It only reads the database, so it may be killed at any time."""

import hashlib
import os
import time
from collections.abc import Iterator, Sequence
from pathlib import Path
from typing import Any

from kube9_cli.errors import QueryError
from kube9_operator import logs
from kube9_operator.clock import SYSTEM, Clock
from kube9_operator.model import sink_position
from kube9_operator.model.deadlines import Deadlines
from kube9_operator.model.tally import SINK_RECORDS, SINK_REQUEST, Tally
from kube9_operator.settings import Settings
from kube9_operator.sink import coverage, records
from kube9_operator.sink.delivery import Delivery
from kube9_operator.sink.records import Encoded
from kube9_operator.sink.source import DatabaseSource, NotReady, Renewed
from kube9_operator.sink.transport import READ_SECONDS, Answer, HttpTransport, Lost, Target, Transport, Unusable, warnings
from kube9_operator.sink.verification import FORM, PATH, Ask, Unanswered, Verification, body
from kube9_operator.supervise.link import Link
from kube9_operator.supervise.messages import SinkReport
from kube9_schema import DATABASE_NAME

NICENESS = 10
"""The writer and the watchers come first."""
SHARE = 0.5
"""While there is more to send, it sleeps for this part of the time that it has worked."""
COVERAGE_SECONDS = 60.0
COUNT_SECONDS = 10.0
RETRY_SECONDS = 1.0
DAY_MS = 86_400_000


def run(link: Link, _pipe: Any, settings: Settings, deadlines: Deadlines) -> None:
    """Sends until the link says stop."""
    os.nice(NICENESS)
    target = Target(
        settings.sink_url,
        settings.sink_headers_file,
        settings.sink_ca_file,
        settings.sink_client_cert_file,
        settings.sink_client_key_file,
    )
    for warning in warnings(target):
        logs.get().warning("sink.insecure", why=warning)
    days = settings.sink_backfill_days
    source = DatabaseSource(
        str(Path(settings.database_folder) / DATABASE_NAME),
        settings.database_folder,
        hashlib.sha256(settings.sink_url.encode()).hexdigest()[:16],
        settings.cluster_name,
        None if days is None else days * DAY_MS,
        SYSTEM,
    )
    transport = _Timed(HttpTransport(target), link)
    verification = None
    if settings.sink_query_url:
        url = settings.sink_query_url.rstrip("/")
        url = url if url.endswith(PATH) else url + PATH
        verification = Verification(asking(HttpTransport(target._replace(url=url)), link), source.database, SYSTEM)
    Sink(link, source, transport, settings.database_folder, SYSTEM, verification).send_until_stopped(deadlines.beat)


def asking(transport: HttpTransport, link: Link) -> Ask:
    """Asks the store, and shows while it reads that it is alive."""

    def ask(query: str) -> Iterator[bytes]:
        link.beat("reading back", deadline=3 * READ_SECONDS)
        try:
            yield from transport.ask(body(query), FORM)
        except (Lost, Unusable) as error:
            raise Unanswered(str(error)) from None

    return ask


class _Timed:
    """Measures each request, and says before it that it may take long."""

    def __init__(self, transport: Transport, link: Link) -> None:
        self._transport = transport
        self._link = link
        self.holds, self.keep, self.close = transport.holds, transport.keep, transport.close

    def post(self, data: bytes, connection: int | None = None) -> Answer:
        """Sends a request."""
        self._link.beat("sending", deadline=3 * READ_SECONDS)
        began = time.monotonic()
        try:
            return self._transport.post(data, connection)
        finally:
            self._link.tally.observe(SINK_REQUEST, time.monotonic() - began)


class Sink:
    """Sends what one source has over one transport."""

    def __init__(
        self,
        link: Link,
        source: DatabaseSource,
        transport: Transport,
        folder: str,
        clock: Clock,
        verification: Verification | None = None,
    ) -> None:
        self._verification = verification
        self._link = link
        self._source = source
        self._transport = transport
        self._folder = folder
        self._clock = clock
        self._delivery: Delivery | None = None
        self._coverage_at = 0.0
        self._count_at = 0.0
        self._pending = 0
        self._failing = ""
        """Why the database cannot be read."""

    def send_until_stopped(self, beat: float) -> None:
        """Sends until the link says stop. It sleeps in proportion to its work."""
        while not self._link.stop.is_set():
            began = time.monotonic()
            wait = self.step()
            self._link.beat("waiting" if wait else "sending", report=self.report)
            worked = time.monotonic() - began
            self._link.stop.wait(min(beat, wait or SHARE * worked))
        if self._delivery is not None:
            self._delivery.store(at_once=True)

    def step(self) -> float:
        """Does one thing. Returns how many seconds to wait before the next."""
        try:
            if self._delivery is None:
                self._delivery = Delivery(self._source, self._transport, self._save, self._clock, _counting(self._link.tally))
            wait = self._delivery.step(self._extra)
            if self._clock.monotonic() >= self._count_at:
                self._count_at = self._clock.monotonic() + COUNT_SECONDS
                self._pending = self._source.pending(self._delivery.sent_mark())
        except Renewed:
            logs.get().info("sink.begins_again", why="the database or its journal is another one")
            self._delivery = None
            return 0.0
        except NotReady:
            return RETRY_SECONDS
        except QueryError as error:
            if not self._failing:
                logs.get().warning("sink.delayed", error=f"{error}: {error.details}")
            self._failing = str(error)
            return RETRY_SECONDS
        self._failing = ""
        return wait

    def report(self) -> SinkReport:
        """How far it is."""
        if self._delivery is None:
            return SinkReport(0.0, 0, 0, 0, "")
        position = self._delivery.position
        is_behind = self._pending or not self._delivery.works()
        lag = self._clock.monotonic() - self._source.caught_up_at if is_behind else 0.0
        return SinkReport(lag, self._pending, position.until_ms, position.verified_ms, self._delivery.trouble())

    def _extra(self) -> Sequence[Encoded]:
        """The record of coverage, if one is due; or what is missing in the store."""
        if self._delivery is None:
            return ()
        if (due := self._coverage(self._delivery)) is not None:
            return (due,)
        if self._verification is None or not self._delivery.works():
            return ()
        before = self._delivery.position
        position, missing = self._verification.step(before)
        self._delivery.move(verified_ms=position.verified_ms, missing=position.missing)
        if missing:
            self._link.tally.add(SINK_RECORDS, "sent_again", number=len(missing))
        if position.missing > before.missing:
            self._link.tally.add(SINK_RECORDS, "missing", number=position.missing - before.missing)
        return missing

    def _coverage(self, delivery: Delivery) -> Encoded | None:
        """The record of coverage, if one is due."""
        now = self._clock.monotonic()
        # In trouble it is the next request at once: if nothing changes, only its answer shows that the store is back.
        if now < self._coverage_at and delivery.works():
            return None
        self._coverage_at = now + COVERAGE_SECONDS
        values = coverage.values(self._source.database(), delivery.position)
        return records.coverage(values, self._clock.now_ms())

    def _save(self, position: sink_position.Position) -> None:
        sink_position.save(self._folder, position)


def _counting(tally: Tally) -> Any:
    """Counts records by what became of them."""

    def count(outcome: str, number: int) -> None:
        tally.add(SINK_RECORDS, outcome, number=number)

    return count
