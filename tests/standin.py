"""A stand-in API server: Events listed and watched as a real one does it, over plain HTTP, in a process of its own.

`python -m tests.standin` prints its address and serves until its standard input closes. A `StandIn` starts one and steers it.
Steering is POST /control/NAME with a JSON body: see `CONTROLS`.
"""

import asyncio
import contextlib
import json
import subprocess
import sys
import time
import urllib.request
import uuid
from collections.abc import Iterator
from pathlib import Path
from typing import Any
from urllib.parse import parse_qsl, urlsplit

Key = tuple[str, str]


class Cluster:
    """The Events, every version of them that is not compacted yet, and who watches."""

    def __init__(self) -> None:
        self.version = 100
        self.compacted = 0
        self.events: dict[Key, bytes] = {}
        self.history: list[tuple[int, bytes]] = []
        self.changed = asyncio.Event()
        self.streams: set[asyncio.Task[None]] = set()
        self.answers: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.snapshots: dict[str, tuple[int, list[bytes]]] = {}
        self.uid = str(uuid.uuid4())
        self.gone: set[str] = set()
        self.prepared: list[tuple[Key, bytes, bytes]] = []

    def write(self, event: dict[str, Any]) -> None:
        """Creates the Event, or changes it where one of its name is there."""
        key = (event["metadata"]["namespace"], event["metadata"]["name"])
        kind = "MODIFIED" if key in self.events else "ADDED"
        self.version += 1
        meta = {"uid": str(uuid.uuid4()), "creationTimestamp": now()} | event["metadata"]
        event = {"kind": "Event", "apiVersion": "v1"} | event
        event["metadata"] = meta | {"resourceVersion": str(self.version)}
        self.events[key] = encode(event)
        self.history.append((self.version, line(kind, self.events[key])))

    def delete(self, key: Key) -> None:
        """Deletes an Event, as expiry does."""
        self.version += 1
        self.history.append((self.version, line("DELETED", self.events.pop(key))))

    def after(self, version: int) -> int:
        """Where in the history the first line after a version is."""
        low, high = 0, len(self.history)
        while low < high:
            middle = (low + high) // 2
            if self.history[middle][0] <= version:
                low = middle + 1
            else:
                high = middle
        return low


def now() -> str:
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime())


def encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def line(kind: str, body: bytes) -> bytes:
    return b'{"type":"' + kind.encode() + b'","object":' + body + b"}\n"


def status(code: int, reason: str) -> bytes:
    return encode(
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": reason}
    )


# Steering. Each takes the cluster and the decoded body.


def do_write(cluster: Cluster, body: Any) -> None:
    for event in body:
        cluster.write(event)


def do_delete(cluster: Cluster, body: Any) -> None:
    for namespace, name in body:
        cluster.delete((namespace, name))


def do_prepare(cluster: Cluster, body: Any) -> None:
    """Makes `count` Warnings of as many pods ready, each seen `times` times, for `release` to let loose at once."""
    for number in range(body["from"], body["from"] + body["count"]):
        name = f"web-{number % 97}-5d9c7b8f6d-{number:07d}"
        event = warning(name, body["reason"], "the probe failed: HTTP 503", count=body["times"])
        version = cluster.version + len(cluster.prepared) + 1
        event["metadata"] |= {"uid": str(uuid.uuid4()), "creationTimestamp": now(), "resourceVersion": str(version)}
        text = encode(event)
        cluster.prepared.append((("shop", event["metadata"]["name"]), text, line("MODIFIED", text)))


def do_release(cluster: Cluster, _body: Any) -> None:
    """Lets loose what is prepared; nothing else may be written in between."""
    for key, text, watched in cluster.prepared:
        cluster.version += 1
        cluster.events[key] = text
        cluster.history.append((cluster.version, watched))
    cluster.prepared.clear()


def do_compact(cluster: Cluster, _body: Any) -> None:
    """Forgets the history, as etcd does every five minutes."""
    cluster.compacted = cluster.version
    cluster.history.clear()


def do_restore(cluster: Cluster, body: Any) -> None:
    """Goes back to an earlier version, as a restored backup does: what was written since is gone."""
    kept = [entry for entry in cluster.history if entry[0] <= body]
    for _, text in cluster.history[len(kept) :]:
        meta = json.loads(text)["object"]["metadata"]
        cluster.events.pop((meta["namespace"], meta["name"]), None)
    cluster.history, cluster.version = kept, body
    do_cut(cluster, None)


def do_replace(cluster: Cluster, _body: Any) -> None:
    """Another cluster behind the same address: nothing is there, and kube-system has another uid."""
    cluster.uid = str(uuid.uuid4())
    cluster.events.clear()
    cluster.history.clear()
    do_cut(cluster, None)


def do_delete_namespace(cluster: Cluster, body: Any) -> None:
    """Deletes a namespace, and its Events with it."""
    cluster.gone.add(body)
    for key in [key for key in cluster.events if key[0] == body]:
        cluster.delete(key)


def do_cut(cluster: Cluster, _body: Any) -> None:
    """Breaks every watch off."""
    for task in cluster.streams:
        task.cancel()


def do_answer(cluster: Cluster, body: Any) -> None:
    """The next requests get these answers: each {"code": …, "headers": {…}, "body": "…"}, or {"line": {…}} for a watch."""
    cluster.answers += body


CONTROLS = {
    "write": do_write,
    "delete": do_delete,
    "prepare": do_prepare,
    "release": do_release,
    "compact": do_compact,
    "restore": do_restore,
    "replace": do_replace,
    "delete_namespace": do_delete_namespace,
    "cut": do_cut,
    "answer": do_answer,
}


def warning(pod: str, reason: str, message: str, count: int = 1, when: float | None = None, **fields: Any) -> dict[str, Any]:
    """A Warning about a pod, as a kubelet writes it; its name follows from pod and reason."""
    at = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(when if when is not None else BORN))
    last = time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime((when if when is not None else BORN) + count - 1))
    event: dict[str, Any] = {
        "metadata": {"namespace": "shop", "name": f"{pod}.{reason.lower()}"},
        "involvedObject": {"kind": "Pod", "namespace": "shop", "name": pod, "uid": f"uid-{pod}", "apiVersion": "v1"},
        "reason": reason,
        "message": message,
        "type": "Warning",
        "count": count,
        "firstTimestamp": at,
        "lastTimestamp": last,
        "eventTime": None,
        "source": {"component": "kubelet", "host": "node1"},
        "reportingComponent": "kubelet",
    }
    return event | fields


BORN = time.time()
"""All Events of one process begin at one time, unless told otherwise."""


# Serving.


async def serve(cluster: Cluster, reader: asyncio.StreamReader, writer: asyncio.StreamWriter) -> None:
    """One connection, request after request."""
    with contextlib.suppress(ConnectionError, asyncio.IncompleteReadError):
        while head := await reader.readuntil(b"\r\n\r\n"):
            method, target, _ = head.split(b"\r\n", 1)[0].decode().split(" ")
            length = next((int(one[15:]) for one in head.split(b"\r\n") if one.lower().startswith(b"content-length:")), 0)
            body = await reader.readexactly(length) if length else b""
            await answer(cluster, writer, method, target, body)
    writer.close()


async def answer(cluster: Cluster, writer: asyncio.StreamWriter, method: str, target: str, body: bytes) -> None:
    url = urlsplit(target)
    query = dict(parse_qsl(url.query))
    if url.path == "/control/requests":
        await respond(writer, 200, encode(cluster.requests))
    elif url.path.startswith("/control/"):
        CONTROLS[url.path.removeprefix("/control/")](cluster, json.loads(body or b"null"))
        cluster.changed.set()
        cluster.changed = asyncio.Event()
        await respond(writer, 200, encode({"version": cluster.version}))
    elif url.path.startswith("/api/v1/namespaces/") and url.path.rpartition("/")[2] not in cluster.gone:
        await respond(writer, 200, encode({"kind": "Namespace", "metadata": {"uid": cluster.uid}}))
    elif url.path != "/api/v1/events" or method != "GET":
        await respond(writer, 404, status(404, "NotFound"))
    else:
        cluster.requests.append(target)
        planned = cluster.answers.pop(0) if cluster.answers else {}
        if "code" in planned:
            text = planned.get("body", status(planned["code"], "planned").decode()).encode()
            await respond(writer, planned["code"], text, planned.get("headers", {}))
        elif query.get("watch") == "1":
            await watch(cluster, writer, query, planned)
        else:
            await list_events(cluster, writer, query)


async def respond(writer: asyncio.StreamWriter, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
    lines = [f"HTTP/1.1 {code} Answer", "Content-Type: application/json", f"Content-Length: {len(body)}"]
    lines += [f"{key}: {value}" for key, value in (headers or {}).items()]
    writer.write("\r\n".join(lines).encode() + b"\r\n\r\n" + body)
    await writer.drain()


async def list_events(cluster: Cluster, writer: asyncio.StreamWriter, query: dict[str, str]) -> None:
    token = query.get("continue", "")
    snapshot, _, start = token.partition(":")
    if token and snapshot not in cluster.snapshots:
        await respond(writer, 410, status(410, "Expired"))
        return
    if not token:
        snapshot, start = str(uuid.uuid4()), "0"
        cluster.snapshots[snapshot] = (cluster.version, [cluster.events[key] for key in sorted(cluster.events)])
    version, items = cluster.snapshots[snapshot]
    end = int(start) + int(query.get("limit", len(items) or 1))
    meta = {"resourceVersion": str(version)} | ({"continue": f"{snapshot}:{end}"} if end < len(items) else {})
    page = items[int(start) : end]
    if end >= len(items):
        del cluster.snapshots[snapshot]
    await respond(writer, 200, b'{"kind":"EventList","metadata":' + encode(meta) + b',"items":[' + b",".join(page) + b"]}")


async def watch(cluster: Cluster, writer: asyncio.StreamWriter, query: dict[str, str], planned: dict[str, Any]) -> None:
    task = asyncio.current_task()
    assert task
    writer.write(b"HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n\r\n")
    cluster.streams.add(task)
    version = int(query.get("resourceVersion") or cluster.version)
    until = time.monotonic() + float(query.get("timeoutSeconds", 60))
    try:
        if version < cluster.compacted:
            chunk(writer, line("ERROR", status(410, "Expired")))
        elif "line" in planned:
            chunk(writer, encode(planned["line"]) + b"\n")
        else:
            await stream(cluster, writer, version, until)
        writer.write(b"0\r\n\r\n")
        await writer.drain()
    except asyncio.CancelledError:
        writer.transport.abort()
    finally:
        cluster.streams.discard(task)


async def stream(cluster: Cluster, writer: asyncio.StreamWriter, version: int, until: float) -> None:
    while time.monotonic() < until:
        changed = cluster.changed
        at = cluster.after(version)
        new = cluster.history[at : at + 200]
        if new:
            chunk(writer, b"".join(text for _, text in new))
            version = new[-1][0]
            await writer.drain()
        else:
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), until - time.monotonic())


def chunk(writer: asyncio.StreamWriter, data: bytes) -> None:
    writer.write(f"{len(data):x}\r\n".encode() + data + b"\r\n")


async def main(port: int) -> None:
    cluster = Cluster()
    server = await asyncio.start_server(lambda r, w: serve(cluster, r, w), "127.0.0.1", port, limit=2**26)
    print(f"http://127.0.0.1:{server.sockets[0].getsockname()[1]}", flush=True)
    loop = asyncio.get_running_loop()
    gone = loop.create_future()
    loop.add_reader(sys.stdin, lambda: sys.stdin.read(1) or gone.done() or gone.set_result(None))
    await gone


class StandIn:
    """A stand-in API server in a process of its own, for as long as the `with` block."""

    def __init__(self, port: int = 0) -> None:
        self._process = subprocess.Popen(
            [sys.executable, "-m", "tests.standin", str(port)],
            stdin=subprocess.PIPE,
            stdout=subprocess.PIPE,
            cwd=Path(__file__).parent.parent,
        )
        assert self._process.stdout
        self.address = self._process.stdout.readline().decode().strip()

    def __enter__(self) -> "StandIn":
        return self

    def __exit__(self, *_: object) -> None:
        self.stop()

    def stop(self) -> None:
        """Kills the server, with every connection."""
        self._process.kill()
        self._process.communicate()

    def control(self, name: str, body: Any = None) -> Any:
        """Steers it: one of CONTROLS, or "requests" for what was asked so far."""
        request = urllib.request.Request(f"{self.address}/control/{name}", data=encode(body), method="POST")
        with urllib.request.urlopen(request) as answered:
            return json.load(answered)

    def write(self, *events: dict[str, Any]) -> None:
        """Creates or changes Events."""
        self.control("write", events)

    def kubeconfig(self, folder: Path) -> Path:
        """A kubeconfig file that leads to this server."""
        path = folder / "kubeconfig"
        path.write_text(kubeconfig(self.address, {}), encoding="utf-8")
        return path


def kubeconfig(server: str, user: dict[str, str], cluster: dict[str, str] | None = None) -> str:
    """The text of a kubeconfig, as JSON, which is YAML."""
    return json.dumps(
        {
            "apiVersion": "v1",
            "kind": "Config",
            "clusters": [{"name": "test", "cluster": {"server": server} | (cluster or {})}],
            "users": [{"name": "test", "user": user}],
            "contexts": [{"name": "test", "context": {"cluster": "test", "user": "test"}}],
            "current-context": "test",
        }
    )


def each(items: Iterator[Any], size: int) -> Iterator[list[Any]]:
    """The items in lists of at most `size`."""
    batch: list[Any] = []
    for item in items:
        batch.append(item)
        if len(batch) == size:
            yield batch
            batch = []
    if batch:
        yield batch


if __name__ == "__main__":
    asyncio.run(main(int(sys.argv[1]) if len(sys.argv) > 1 else 0))
