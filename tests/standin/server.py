"""Serving: connections, requests, tokens, the listening socket; which request meets which fault."""

import asyncio
import contextlib
import json
import socket
import ssl
import sys
from collections.abc import Awaitable, Callable
from functools import partial
from pathlib import Path
from typing import NamedTuple
from urllib.parse import parse_qsl, urlsplit

from tests.standin.cluster import EVENTS, Cluster, Collection, encode, status
from tests.standin.control import CONTROLS
from tests.standin.exchange import Exchange
from tests.standin.faults import FAULTS

MAX_BODY_BYTES = 2**26


class Request(NamedTuple):
    """A request that was read whole; the names of headers are in lower case."""

    method: str
    target: str
    headers: dict[str, str]
    body: bytes


Answer = Callable[[Cluster, asyncio.StreamReader, asyncio.StreamWriter, Request], Awaitable[None]]


async def connected(cluster: Cluster, answer: Answer, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, request after request."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError, asyncio.CancelledError):
        while not writer.is_closing():
            first, *rest = (await reader.readuntil(b"\r\n\r\n")).decode().split("\r\n")
            method, target, _ = first.split(" ")
            headers = {name.lower(): value.strip() for name, _, value in (one.partition(":") for one in rest)}
            body = await reader.readexactly(int(headers.get("content-length", 0)))
            await answer(cluster, reader, writer, Request(method, target, headers, body))
    writer.close()


async def steered(cluster: Cluster, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
    """A request to the second address."""
    answer = CONTROLS[request.target.removeprefix("/")](cluster, json.loads(request.body or b"null"))
    cluster.woken()
    text = encode({"version": cluster.version} if answer is None else answer)
    await Exchange(cluster, cluster.events, reader, writer, {}).respond(200, text)


async def asked(cluster: Cluster, reader: asyncio.StreamReader, writer: asyncio.StreamWriter, request: Request) -> None:
    """A request to the API."""
    url = urlsplit(request.target)
    served = (one for one in cluster.collections.values() if one.path == url.path and cluster.has(one.resource))
    collection = next(served, cluster.events)
    wanted = "as=PartialObjectMetadata" in request.headers.get("accept", "")
    exchange = Exchange(cluster, collection, reader, writer, dict(parse_qsl(url.query)), wanted)
    if cluster.token and request.headers.get("authorization") != f"Bearer {cluster.token}":
        await exchange.respond(401, status(401, "Unauthorized"))
    elif request.method == "PATCH":
        if cluster.apply_code == 200:
            cluster.applied[url.path] = json.loads(request.body) | {"query": url.query}
        await exchange.respond(cluster.apply_code, status(cluster.apply_code, "Applied"))
    elif url.path == "/version":
        await exchange.respond(200, encode({"gitVersion": "v1.36.2"}))
    elif url.path.startswith("/api/v1/namespaces/") and url.path.rpartition("/")[2] not in cluster.gone:
        await exchange.respond(200, encode({"kind": "Namespace", "metadata": {"uid": cluster.uid}}))
    elif (found := cluster.discovery(url.path)) is not None:
        await exchange.respond(200, encode(found))
    elif url.path != collection.path or request.method != "GET":
        await exchange.respond(404, status(404, "NotFound"))
    else:
        cluster.requests.append((collection.resource, request.target))
        await _listed_or_watched(cluster, collection, exchange)


async def _listed_or_watched(cluster: Cluster, collection: Collection, exchange: Exchange) -> None:
    if collection.refused:
        await exchange.respond(collection.refused, status(collection.refused, "refused"))
        return
    of_it = (one for one in cluster.plans if one.get("of", EVENTS) in (collection.resource, "all"))
    plan = next((one for one in of_it if one["on"] in exchange.kinds()), None)
    if plan and plan.get("after"):
        plan["after"] -= 1
        plan = None
    if plan:
        cluster.plans.remove(plan)
    watching = {asyncio.current_task()} if exchange.watching else set()
    cluster.streams |= watching
    try:
        await (FAULTS[plan["fault"]](exchange, plan) if plan else exchange.serve())
    except asyncio.CancelledError:
        exchange.reset()
        raise
    finally:
        cluster.streams -= watching


async def main(port: int, folder: str = "") -> None:
    """Serves until standard input closes."""
    cluster = Cluster()
    if folder:
        cluster.tls = ssl.SSLContext(ssl.PROTOCOL_TLS_SERVER)
        cluster.tls.load_cert_chain(Path(folder, "tls.crt"), Path(folder, "tls.key"))
    # Bound and never listening: the port stays ours while nobody listens.
    keeper = socket.socket()
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEADDR, 1)
    keeper.setsockopt(socket.SOL_SOCKET, socket.SO_REUSEPORT, 1)
    keeper.bind(("127.0.0.1", port))
    port = keeper.getsockname()[1]
    steering = await asyncio.start_server(partial(connected, cluster, steered), "127.0.0.1", 0, limit=MAX_BODY_BYTES)
    listening = asyncio.create_task(_listen(cluster, port, await _open(cluster, port)))
    print(f"http{'s' if folder else ''}://127.0.0.1:{port}")
    print(f"http://127.0.0.1:{steering.sockets[0].getsockname()[1]}", flush=True)
    gone = asyncio.Event()
    asyncio.get_running_loop().add_reader(sys.stdin, lambda: None if sys.stdin.read(1) else gone.set())
    await gone.wait()
    listening.cancel()


async def _open(cluster: Cluster, port: int) -> asyncio.Server:
    serve = partial(connected, cluster, asked)
    return await asyncio.start_server(serve, "127.0.0.1", port, limit=MAX_BODY_BYTES, ssl=cluster.tls, reuse_port=True)


async def _listen(cluster: Cluster, port: int, server: asyncio.Server) -> None:
    """Closes the listening socket for a while whenever a fault says so."""
    while True:
        seconds = await cluster.away.get()
        server.close()
        await asyncio.sleep(seconds)
        server = await _open(cluster, port)
