"""One request and its answer: what a server without faults does, in parts that a fault can use."""

import asyncio
import contextlib
import json
import math
import socket
import struct
import time
import uuid
from email.utils import formatdate

from tests.standin.cluster import EVENTS, Cluster, Collection, encode, line, metadata_only, status

LINES_AT_ONCE = 200


class Exchange:
    """A list or a watch of a resource that is to be answered."""

    def __init__(
        self,
        cluster: Cluster,
        collection: Collection,
        reader: asyncio.StreamReader,
        writer: asyncio.StreamWriter,
        query: dict[str, str],
        metadata_only: bool = False,
    ) -> None:
        self.cluster = cluster
        self._collection = collection
        self._metadata_only = metadata_only
        self._bookmarked = collection.resource != EVENTS and query.get("allowWatchBookmarks") == "true"
        self._reader = reader
        self._writer = writer
        self._query = query
        self.watching = query.get("watch") == "1"
        self.version = int(query.get("resourceVersion") or cluster.version)
        self._until = time.monotonic() + float(query.get("timeoutSeconds", 60))
        self._begun = False
        self.pause_seconds = 0.0
        """After each byte."""
        self.leave_out = 0
        """So many lines of the watch."""

    def kinds(self) -> set[str]:
        """What a plan may call it."""
        if self.watching:
            return {"any", "watch"}
        look = self._query.get("limit") == "1"
        return {"any", "list", "look" if look else "page" if self._query.get("continue") else "first"}

    async def serve(self) -> None:
        """The answer as it should be."""
        if not self.watching:
            expired = self._query.get("continue") and self._query["continue"].partition(":")[0] not in self.cluster.snapshots
            await (self.respond(410, status(410, "Expired")) if expired else self.respond(200, self.page()))
            return
        self.begin()
        if self.version < self.cluster.compacted:
            await self.chunk(line("ERROR", status(410, "Expired")))
        else:
            await self._stream()
        await self.end()

    async def respond(self, code: int, body: bytes, headers: dict[str, str] | None = None) -> None:
        """A whole answer."""
        chosen = {"Content-Type": "application/json", "Content-Length": str(len(body)), "Date": self.date()} | (headers or {})
        head = [f"HTTP/1.1 {code} Answer", *(f"{key}: {value}" for key, value in chosen.items())]
        await self._send("\r\n".join(head).encode() + b"\r\n\r\n" + body)

    def page(self) -> bytes:
        """The body of the asked page of a list."""
        snapshot, _, start = self._query.get("continue", "").partition(":")
        if not snapshot:
            snapshot, start = str(uuid.uuid4()), "0"
            self.cluster.snapshots[snapshot] = (
                self.cluster.version,
                [self._collection.objects[key] for key in sorted(self._collection.objects)],
            )
        version, items = self.cluster.snapshots[snapshot]
        end = int(start) + int(self._query.get("limit", len(items) or 1))
        meta = {"resourceVersion": str(version)} | ({"continue": f"{snapshot}:{end}"} if end < len(items) else {})
        if end >= len(items):
            del self.cluster.snapshots[snapshot]
        texts = b",".join(map(self._form, items[int(start) : end]))
        kind = b"PartialObjectMetadata" if self._metadata_only else self._collection.kind.encode()
        return b'{"kind":"' + kind + b'List","metadata":' + encode(meta) + b',"items":[' + texts + b"]}"

    def _form(self, body: bytes) -> bytes:
        """An object in the form that was asked for."""
        return metadata_only(body) if self._metadata_only else body

    def _line(self, text: bytes) -> bytes:
        """A line of a watch in the form that was asked for."""
        if not self._metadata_only:
            return text
        found = json.loads(text)
        return line(found["type"], metadata_only(encode(found["object"])))

    def begin(self) -> None:
        """The head of a body in chunks, once."""
        if not self._begun:
            head = "HTTP/1.1 200 OK\r\nContent-Type: application/json\r\nTransfer-Encoding: chunked\r\n"
            self.write(f"{head}Date: {self.date()}\r\n\r\n".encode())
        self._begun = True

    async def chunk(self, data: bytes) -> None:
        if data:
            await self._send(f"{len(data):x}\r\n".encode() + data + b"\r\n")

    async def end(self) -> None:
        """The end of a body in chunks."""
        await self._send(b"0\r\n\r\n")

    async def next_line(self) -> bytes:
        """The next line that the watch is to get, as soon as there is one; b'' when its time is over."""
        new = await self._new(1)
        return new[0] if new else b""

    def date(self) -> str:
        """The Date of an answer, by the server's clock."""
        return formatdate(time.time() + self.cluster.ahead_seconds, usegmt=True)

    async def hung_up(self) -> None:
        """Waits until the client has gone."""
        with contextlib.suppress(ConnectionError):
            await self._reader.read(1)

    async def close(self) -> None:
        """Ends the connection in good order."""
        with contextlib.suppress(ConnectionError):
            await self._writer.drain()
        self._writer.close()

    def reset(self) -> None:
        """Ends the connection with a reset: what is under way is lost."""
        linger = struct.pack("ii", 1, 0)
        with contextlib.suppress(OSError):  # the client was faster
            self._writer.get_extra_info("socket").setsockopt(socket.SOL_SOCKET, socket.SO_LINGER, linger)
        self._writer.transport.abort()

    def write(self, data: bytes) -> None:
        self._writer.write(data)

    async def _stream(self) -> None:
        while new := await self._new(LINES_AT_ONCE):
            await self.chunk(b"".join(new))

    async def _new(self, most: int) -> list[bytes]:
        """The next lines, once there are any, or a bookmark; none when the time of the watch is over."""
        bookmark_at = time.monotonic() + (self.cluster.bookmark_seconds if self._bookmarked else math.inf)
        while (seconds := self._until - time.monotonic()) > 0:
            changed = self.cluster.changed
            at = self._collection.after(self.version)
            new = self._collection.history[at : at + most]
            if new:
                self.version = new[-1][0]
                skipped, self.leave_out = min(self.leave_out, len(new)), max(0, self.leave_out - len(new))
                if new[skipped:]:
                    return [self._line(text) for _, text in new[skipped:]]
                continue
            if time.monotonic() >= bookmark_at and self.cluster.version >= self.version:
                self.version = self.cluster.version
                kind, version = self._collection.kind, str(self.version)
                return [line("BOOKMARK", encode({"kind": kind, "metadata": {"resourceVersion": version}}))]
            with contextlib.suppress(TimeoutError):
                await asyncio.wait_for(changed.wait(), min(seconds, max(0.01, bookmark_at - time.monotonic())))
        return []

    async def _send(self, data: bytes) -> None:
        if not self.pause_seconds:
            self._writer.write(data)
            await self._writer.drain()
            return
        for at in range(len(data)):
            self._writer.write(data[at : at + 1])
            await self._writer.drain()
            await asyncio.sleep(self.pause_seconds)
