"""Sends what changes, in order, and knows what is settled. No I/O of its own: reader, transport, clock and file are passed in.

A store may answer 200 before the data is on its disk: VictoriaLogs writes every 5 s. So a batch is *settled* only if its
connection still answers `SETTLE_SECONDS` after the batch was accepted. After any break, and at the start, the sink goes on from
what is settled. What was sent after that comes twice, with the same revisions.
"""

from collections import deque
from collections.abc import Callable, Mapping, Sequence
from datetime import UTC
from email.utils import parsedate_to_datetime
from typing import NamedTuple, Protocol

import msgspec

from kube9_operator import logs
from kube9_operator.backoff import Backoff
from kube9_operator.clock import Clock
from kube9_operator.model.sink_position import Position
from kube9_operator.sink import records
from kube9_operator.sink.records import Encoded
from kube9_operator.sink.transport import Answer, Lost, Transport, Unusable

SETTLE_SECONDS = 15.0
RETRIED = (429, 502, 503, 504)
"""Of these OTLP says that the request is to be sent again: https://opentelemetry.io/docs/specs/otlp/#retryable-response-codes"""
REFUSED = (400, 413)
"""Something in the request is wrong, or it is too large: halves may do better."""
FIRST_WAIT, LONGEST_WAIT = 1.0, 30.0
SLOW_WAIT = 30.0
"""For what somebody has to change: a token, a certificate, a URL."""
LONGEST_ASKED = 600.0
"""Of `Retry-After`. A longer one is not obeyed."""
PATIENCE_SECONDS = 60.0
"""A store that is not reachable for longer than this makes health degraded. What somebody has to change does at once."""
PART_BYTES = 2**20
SAVE_SECONDS = 1.0
IDLE_SECONDS = 0.5
LOG_SECONDS = 60.0


class Mark(NamedTuple):
    """A place in what is sent."""

    seq: int
    backfilled: int | None
    until_ms: int


class Batch(NamedTuple):
    """Records, and the place after them."""

    records: Sequence[Encoded]
    mark: Mark


class Source(Protocol):
    """What there is to send."""

    def next(self, mark: Mark) -> Batch | None:
        """The records after a place; None if there are none now."""

    def encode(self, some: Sequence[Encoded]) -> bytes:
        """The records as a request."""

    def first(self) -> Position:
        """The settled place: as it is stored, or the beginning."""


def parts(some: Sequence[Encoded]) -> list[Sequence[Encoded]]:
    """The records divided into requests of about PART_BYTES."""
    found: list[Sequence[Encoded]] = []
    begin = size = 0
    for at, one in enumerate(some):
        more = len(one.data)
        if at > begin and size + more > PART_BYTES:
            found.append(some[begin:at])
            begin, size = at, 0
        size += more
    return [*found, some[begin:]] if some else []


def retry_after(headers: Mapping[str, str], now_ms: int) -> float:
    """The seconds of the header Retry-After, which may be a number or a date; 0 if it is absent or neither of them.

    A date is by the clock of the store, which its header Date shows.
    """
    text = headers.get("retry-after", "").strip()
    if text.isascii() and text.isdigit():
        return float(text)
    until = _http_date(text)
    now = _http_date(headers.get("date", "")) or now_ms / 1_000
    return max(0.0, until - now) if until else 0.0


def _http_date(text: str) -> float:
    """A date of HTTP in seconds since 1970; 0 for any other text: https://www.rfc-editor.org/rfc/rfc9110#name-date-time-formats"""
    try:
        found = parsedate_to_datetime(text)
        return found.replace(tzinfo=found.tzinfo or UTC).timestamp()
    except (ValueError, TypeError, IndexError, OverflowError):
        return 0.0


class Sent(NamedTuple):
    """Something that was accepted, and is not settled yet."""

    mark: Mark | None
    """The place after it; None if it is only a part of a batch."""
    connection: int
    """0 if the store closed it in order, with the answer: that is no sign of a crash."""
    at: float


class Counts(Protocol):
    """Where records are counted."""

    def __call__(self, outcome: str, number: int) -> None:
        """Counts records."""


class Delivery:
    """Sends to one store. `step` does one thing, and says how many seconds to wait before the next."""

    def __init__(
        self,
        source: Source,
        transport: Transport,
        save: Callable[[Position], None],
        clock: Clock,
        count: Counts,
        backoff: Backoff | None = None,
    ) -> None:
        self._source = source
        self._transport = transport
        self._save = save
        self._clock = clock
        self._count = count
        self._backoff = backoff or Backoff(FIRST_WAIT, LONGEST_WAIT)
        self.position = source.first()
        self._saved = self.position
        self._saved_at = 0.0
        self._at = self._settled_mark()
        self._sent: deque[Sent] = deque()
        self._answered: dict[int, float] = {}
        """When each connection answered last."""
        self._parts: deque[Sequence[Encoded]] = deque()
        """What is left of the current batch."""
        self._mark: Mark | None = None
        """The place after it."""
        self._not_before = 0.0
        self._trouble = ""
        self._trouble_since: float | None = None
        self._is_permanent = False
        self._logged_at: dict[str, float] = {}

    # What others want to know

    def sent_mark(self) -> Mark:
        """The place up to which everything was accepted."""
        return self._at

    def has_unsettled(self) -> bool:
        """Whether something was accepted that is not settled."""
        return bool(self._sent) or bool(self._parts)

    def trouble(self) -> str:
        """Why nothing can be sent; '' if it can, or if that may pass soon."""
        if self._trouble_since is None:
            return ""
        lasts = self._clock.monotonic() - self._trouble_since
        return self._trouble if self._is_permanent or lasts >= PATIENCE_SECONDS else ""

    def works(self) -> bool:
        """Whether the last request was accepted."""
        return self._trouble_since is None

    def renew(self) -> None:
        """Begins with what the source says: another database or another journal is there."""
        self.position = self._source.first()
        self._go_back()

    def move(self, **changes: int) -> None:
        """Changes other fields of the position, such as what is verified."""
        self.position = msgspec.structs.replace(self.position, **changes)

    # Sending

    def step(self, extra: Callable[[], Sequence[Encoded]] = lambda: ()) -> float:
        """Settles what is due, then sends one request. `extra` is asked for records besides those of the source."""
        now = self._clock.monotonic()
        if now < self._not_before:
            return min(IDLE_SECONDS, self._not_before - now)
        try:
            self._settle()
            is_taken = not self._parts and self._take(extra)
            if self._parts:
                return self._send()
            return 0.0 if is_taken else IDLE_SECONDS
        except Lost as error:
            self._go_back()
            return self._wait(f"the connection is lost: {error}", self._backoff.next())
        except Unusable as error:
            self._go_back()
            return self._wait(str(error), SLOW_WAIT, is_permanent=True)
        finally:
            self.store()

    def store(self, at_once: bool = False) -> None:
        """Writes the position if it has changed, once a second at most."""
        now = self._clock.monotonic()
        if self.position == self._saved or (now - self._saved_at < SAVE_SECONDS and not at_once):
            return
        try:
            self._save(self.position)
        except OSError as error:
            self._log("sink.position_not_written", error=logs.one_line(error))
        else:
            self._saved = self.position
        self._saved_at = now

    def _take(self, extra: Callable[[], Sequence[Encoded]]) -> bool:
        """Takes what is to be sent next. Says whether there was anything."""
        if more := extra():
            self._mark = None
            self._parts.extend(parts(more))
            return True
        batch = self._source.next(self._at)
        if batch is None:
            return False
        self._mark = batch.mark
        self._parts.extend(parts(batch.records))
        if not self._parts:  # nothing is to be sent for these changes
            self._accepted(None)
        return True

    def _send(self) -> float:
        answer = self._post(self._source.encode(self._parts[0]))
        status = answer.status
        if 200 <= status < 300:
            self._note_partial(answer, len(self._parts[0]))
            self._parts.popleft()
            self._worked(answer)
            self._accepted(answer)
            return 0.0
        if status in RETRIED:
            return self._wait(f"it answers {status}", self._asked(answer))
        if status in REFUSED:
            return self._refused(answer)
        if status in (401, 403):
            return self._wait(f"it answers {status}: check SINK_HEADERS_FILE or the client certificate", SLOW_WAIT, True)
        if 300 <= status < 400:
            return self._wait(f"it answers {status}: redirects are not followed; check SINK_URL", SLOW_WAIT, True)
        return self._wait(f"it answers {status}: check SINK_URL", SLOW_WAIT, True)

    def _post(self, data: bytes, connection: int | None = None) -> Answer:
        """Sends a request. If its answer closes the connection in order, what was accepted over that is not lost."""
        answer = self._transport.post(data, connection)
        if answer.is_last:
            self._sent = deque(
                sent._replace(connection=0) if sent.connection == answer.connection else sent for sent in self._sent
            )
            return answer._replace(connection=0)
        return answer

    def _accepted(self, answer: Answer | None) -> None:
        """Notes that a part of the batch was accepted, or that there was nothing to send."""
        now = self._clock.monotonic()
        mark = self._mark if not self._parts else None
        if answer is not None:
            self._sent.append(Sent(mark, answer.connection, now))
        elif mark is not None and not self._sent:
            self._reach(mark)
        elif mark is not None:
            self._sent[-1] = self._sent[-1]._replace(mark=mark)
        if mark is not None:
            self._at, self._mark = mark, None

    def _refused(self, answer: Answer) -> float:
        """Halves what was refused, down to the one record."""
        part = self._parts.popleft()
        if len(part) > 1:
            half = len(part) // 2
            self._parts.extendleft((part[half:], part[:half]))
            return 0.0
        self._parts.appendleft(part)
        probe = self._post(b"")
        if not 200 <= probe.status < 300:
            return self._wait(f"it answers {answer.status}, to an empty request too: check SINK_URL", SLOW_WAIT, True)
        self._parts.popleft()
        self._worked(probe)
        self._count("refused", 1)
        self.move(refused=self.position.refused + 1)
        self._log("sink.record_refused", status=answer.status, event=part[0].number)
        self._accepted(None)
        return 0.0

    def _note_partial(self, answer: Answer, number: int) -> None:
        rejected = 0
        if answer.body:
            try:
                partial = records.partial(answer.body)
            except ValueError:
                partial = records.Partial(0, "")  # some stores answer with a text
            rejected = min(number, partial.rejected)
            if rejected:
                self.move(refused=self.position.refused + rejected)
                self._count("refused", rejected)
                self._log("sink.records_rejected", records=rejected, why=partial.message[:200])
        self._count("sent", number - rejected)

    # Settling

    def _settle(self) -> None:
        """Settles what was accepted long enough ago, if its connection holds. Raises Lost if one has broken."""
        for number in {sent.connection for sent in self._sent}:
            if number and not self._transport.holds(number):
                raise Lost("the other side has closed it")
        now = self._clock.monotonic()
        while self._sent and now - self._sent[0].at >= SETTLE_SECONDS:
            first = self._sent[0]
            if self._answered.get(first.connection, 0.0) - first.at < SETTLE_SECONDS:
                answer = self._post(b"", first.connection or None)
                if not 200 <= answer.status < 300:
                    raise Lost(f"it answers {answer.status}")
                self._answered[first.connection] = self._clock.monotonic()
            self._sent.popleft()
            if first.mark is not None:
                self._reach(first.mark)
        used = {sent.connection for sent in self._sent}
        self._transport.keep(used)
        self._answered = {number: at for number, at in self._answered.items() if number in used}

    def _reach(self, mark: Mark) -> None:
        """Notes that everything up to a place is settled."""
        until_ms = mark.until_ms if mark.backfilled is None else 0
        self.position = msgspec.structs.replace(
            self.position, seq=mark.seq, backfilled=mark.backfilled, until_ms=until_ms or self.position.until_ms
        )

    def _settled_mark(self) -> Mark:
        return Mark(self.position.seq, self.position.backfilled, self.position.until_ms)

    def _go_back(self) -> None:
        """Goes back to what is settled: the rest is sent again."""
        self._transport.close()
        self._sent.clear()
        self._parts.clear()
        self._answered.clear()
        self._mark = None
        self._at = self._settled_mark()

    # Trouble

    def _worked(self, answer: Answer) -> None:
        self._answered[answer.connection] = self._clock.monotonic()
        if self._trouble_since is not None:
            logs.get().info("sink.restored", seconds=round(self._clock.monotonic() - self._trouble_since, 1))
        self._trouble, self._trouble_since, self._is_permanent = "", None, False
        self._backoff.reset()

    def _wait(self, why: str, seconds: float, is_permanent: bool = False) -> float:
        now = self._clock.monotonic()
        if self._trouble_since is None:
            self._trouble_since = now
        if why != self._trouble:
            self._log("sink.failed", why=why, wait_seconds=round(seconds, 1))
        self._trouble, self._is_permanent = why, is_permanent
        self._not_before = now + seconds
        return min(IDLE_SECONDS, seconds)

    def _asked(self, answer: Answer) -> float:
        """How long to wait: as the store asks, or longer and longer."""
        return max(self._backoff.next(), min(LONGEST_ASKED, retry_after(answer.headers, self._clock.now_ms())))

    def _log(self, what: str, **fields: object) -> None:
        """Logs a warning, each at most once a minute."""
        now = self._clock.monotonic()
        if now - self._logged_at.get(what, -LOG_SECONDS) >= LOG_SECONDS:
            self._logged_at[what] = now
            logs.get().warning(what, **fields)
