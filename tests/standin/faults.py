"""What can go wrong with a list or a watch: each a function that answers one request. The names are what a plan says."""

import asyncio
import contextlib
from collections.abc import Awaitable, Callable
from typing import Any

from tests.standin.cluster import encode, line, status
from tests.standin.exchange import Exchange

Fault = Callable[[Exchange, dict[str, Any]], Awaitable[None]]

ANSWERS: dict[str, tuple[int, dict[str, str], bytes]] = {
    "HTTP 401": (401, {}, status(401, "Unauthorized")),
    "HTTP 403": (403, {}, status(403, "Forbidden")),
    "HTTP 404": (404, {"Content-Type": "text/plain"}, b"404 page not found\n"),
    "HTTP 410": (410, {}, status(410, "Expired")),
    "HTTP 429": (429, {"Retry-After": "1"}, status(429, "TooManyRequests")),
    "HTTP 500": (500, {}, status(500, "InternalError")),
    "HTTP 503": (503, {}, b""),
    "HTML": (200, {"Content-Type": "text/html"}, b"<html>\n<body>sign in</body>\n</html>\n"),
}
"""Whole answers: code, headers, body."""

INSERTED: dict[str, bytes] = {
    "line that does not decode": b'{"type":"MODIFIED","object":{"metadata":\n',
    "line of bytes": b"\xff\xfe\x00\n",
    "line of great depth": line("ADDED", b'{"metadata":{"name":"deep"},"message":' + b"[" * 9_000 + b"]" * 9_000 + b"}"),
    "line of great width": line("ADDED", b'{"metadata":{"name":"wide"},"message":"' + b"\\u003c" * 2_000_000 + b'"}'),
    "unknown line type": line("RENAMED", encode({"metadata": {}})),
    "BOOKMARK line": line("BOOKMARK", encode({"kind": "Event", "metadata": {"resourceVersion": "%VERSION"}})),
}
"""Lines at the beginning of a watch that otherwise goes on as it should."""

LAST: dict[str, bytes] = {
    "ERROR line 410": line("ERROR", status(410, "Expired")),
    "ERROR line 500": line("ERROR", status(500, "InternalError")),
    "ERROR line without a status": line("ERROR", b'"etcdserver: no leader"'),
    "empty watch": b"",
}
"""What a watch ends with at once."""


async def answer(exchange: Exchange, plan: dict[str, Any]) -> None:
    """The code, headers and body of the plan."""
    body = plan.get("body", status(plan["code"], "planned").decode()).encode()
    await exchange.respond(plan["code"], body, plan.get("headers", {}))


async def line_and_end(exchange: Exchange, plan: dict[str, Any]) -> None:
    """A watch of the line of the plan alone."""
    await _last(exchange, encode(plan["line"]) + b"\n")


async def expiring_token(exchange: Exchange, _plan: dict[str, Any]) -> None:
    """The list as it should be, but what it says to go on with is forgotten at once."""
    await exchange.serve()
    exchange.cluster.snapshots.clear()


async def truncated_body(exchange: Exchange, _plan: dict[str, Any]) -> None:
    """Half of a list, with a Content-Length that is right."""
    body = exchange.page()
    await exchange.respond(200, body[: len(body) // 2])


async def body_breaks_off(exchange: Exchange, _plan: dict[str, Any]) -> None:
    """Half of a list, and the connection ends before its Content-Length."""
    body = exchange.page()
    exchange.write(b"HTTP/1.1 200 OK\r\nContent-Length: %d\r\n\r\n" % len(body) + body[: len(body) // 2])
    await exchange.close()


async def refused(exchange: Exchange, plan: dict[str, Any]) -> None:
    """No answer, and for some seconds nobody listens."""
    exchange.cluster.away.put_nowait(plan.get("seconds", 0.3))
    exchange.cluster.cut()
    exchange.reset()


async def reset_in_mid_line(exchange: Exchange, _plan: dict[str, Any]) -> None:
    """Half of the next line, then a reset."""
    exchange.begin()
    text = await exchange.next_line()
    await exchange.chunk(text[: len(text) // 2])
    exchange.reset()


async def half_line(exchange: Exchange, _plan: dict[str, Any]) -> None:
    """Half of the next line, then the end, as if that were all."""
    exchange.begin()
    text = await exchange.next_line()
    await exchange.chunk(text[: len(text) // 2])
    await exchange.end()


async def no_last_chunk(exchange: Exchange, _plan: dict[str, Any]) -> None:
    """The next line, then the end of the connection without the end of the body."""
    exchange.begin()
    await exchange.chunk(await exchange.next_line())
    await exchange.close()


async def silence(exchange: Exchange, _plan: dict[str, Any]) -> None:
    """The head of an answer and then nothing, for as long as the client has patience."""
    exchange.begin()
    await exchange.hung_up()


async def held(exchange: Exchange, _plan: dict[str, Any]) -> None:
    """The answer as it should be, once the test lets it go."""
    await exchange.cluster.let_go.wait()
    await exchange.serve()


async def byte_by_byte(exchange: Exchange, plan: dict[str, Any]) -> None:
    """The answer as it should be, slowly."""
    exchange.pause_seconds = plan.get("seconds", 0.001)
    await exchange.serve()


async def drip(exchange: Exchange, plan: dict[str, Any]) -> None:
    """One byte after another for ever, and never a line: never silent for long, and never of use."""
    exchange.begin()
    gone = asyncio.create_task(exchange.hung_up())
    with contextlib.suppress(ConnectionError):
        while not gone.done():
            await exchange.chunk(b" ")
            await asyncio.wait([gone], timeout=plan.get("seconds", 0.05))
    gone.cancel()


async def left_out(exchange: Exchange, _plan: dict[str, Any]) -> None:
    """A watch that lacks its next line: alive and wrong."""
    exchange.leave_out = 1
    await exchange.serve()


async def gone_back(exchange: Exchange, plan: dict[str, Any]) -> None:
    """The server has been restored from a backup that lacks the last changes; `write` is what was written since."""
    exchange.cluster.restore(max(100, exchange.cluster.version - plan.get("by", 10)))
    for event in plan.get("write", ()):
        exchange.cluster.write("events", event)
    await exchange.serve()


async def clock_jumps(exchange: Exchange, plan: dict[str, Any]) -> None:
    """The server's clock is set: by default a day ahead."""
    exchange.cluster.ahead_seconds += plan.get("seconds", 86_400.0)
    await exchange.serve()


async def another_cluster(exchange: Exchange, _plan: dict[str, Any]) -> None:
    """Another cluster is behind the same address."""
    exchange.cluster.replace()
    await exchange.serve()


async def compacted(exchange: Exchange, _plan: dict[str, Any]) -> None:
    """The history is forgotten before the answer."""
    exchange.cluster.compact()
    await exchange.serve()


async def _last(exchange: Exchange, text: bytes) -> None:
    exchange.begin()
    await exchange.chunk(text)
    await exchange.end()


def _answers(code: int, headers: dict[str, str], body: bytes) -> Fault:
    return lambda exchange, _plan: exchange.respond(code, body, headers)


def _ends_with(text: bytes) -> Fault:
    return lambda exchange, _plan: _last(exchange, text)


def _begins_with(text: bytes) -> Fault:
    async def fault(exchange: Exchange, _plan: dict[str, Any]) -> None:
        exchange.begin()
        await exchange.chunk(text.replace(b"%VERSION", str(exchange.version).encode()))
        await exchange.serve()

    return fault


FAULTS: dict[str, Fault] = {
    **{name: _answers(*given) for name, given in ANSWERS.items()},
    **{name: _begins_with(text) for name, text in INSERTED.items()},
    **{name: _ends_with(text) for name, text in LAST.items()},
    "answer": answer,
    "line": line_and_end,
    "expiring token": expiring_token,
    "truncated body": truncated_body,
    "body breaks off": body_breaks_off,
    "refused": refused,
    "reset in mid-line": reset_in_mid_line,
    "half a line": half_line,
    "no last chunk": no_last_chunk,
    "silence": silence,
    "held": held,
    "byte by byte": byte_by_byte,
    "drip": drip,
    "left out": left_out,
    "gone back": gone_back,
    "another cluster": another_cluster,
    "clock jumps ahead": clock_jumps,
    "clock jumps back": lambda exchange, plan: clock_jumps(exchange, {"seconds": -86_400.0} | plan),
    "compacted": compacted,
}
