"""What the stand-in holds: the Events, every version of them that is not compacted yet, who watches, what is planned."""

import asyncio
import bisect
import json
import ssl
import time
import uuid
from typing import Any

Key = tuple[str, str]


class Cluster:
    """The state of one server."""

    def __init__(self) -> None:
        self.version = 100
        self.compacted = 0
        self.uid = str(uuid.uuid4())
        self.gone: set[str] = set()
        """Namespaces that were deleted."""
        self.events: dict[Key, bytes] = {}
        self.history: list[tuple[int, bytes]] = []
        self.snapshots: dict[str, tuple[int, list[bytes]]] = {}
        """Of lists that are read page by page."""
        self.prepared: list[tuple[Key, bytes, bytes]] = []
        self.changed = asyncio.Event()
        self.streams: set[asyncio.Task[Any] | None] = set()
        self.token = ""
        """The only one that is accepted; '' accepts anybody."""
        self.plans: list[dict[str, Any]] = []
        self.requests: list[str] = []
        self.away: asyncio.Queue[float] = asyncio.Queue()
        """Times for which nobody is to listen, in seconds."""
        self.tls: ssl.SSLContext | None = None
        self.ahead_seconds = 0.0
        """Of its clock, by which objects are dated and answers carry a Date."""

    def write(self, event: dict[str, Any]) -> None:
        """Creates the Event, or changes it where one of its name is there."""
        key = (event["metadata"]["namespace"], event["metadata"]["name"])
        kind = "MODIFIED" if key in self.events else "ADDED"
        self.version += 1
        meta = {"uid": str(uuid.uuid4()), "creationTimestamp": now(self.ahead_seconds)} | event["metadata"]
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
        return bisect.bisect_right(self.history, version, key=lambda entry: entry[0])

    def compact(self) -> None:
        """Forgets the history."""
        self.compacted = self.version
        self.history.clear()

    def restore(self, version: int) -> None:
        """Goes back to an earlier version: what was written since is gone, and whoever watches is cut off."""
        at = self.after(version)
        kept, undone = self.history[:at], self.history[at:]
        for key in {_key(text) for _, text in undone}:
            self.events.pop(key, None)
            earlier = next((text for _, text in reversed(kept) if _key(text) == key), b"")
            if earlier and not earlier.startswith(b'{"type":"DELETED"'):
                self.events[key] = encode(json.loads(earlier)["object"])
        self.history, self.version, self.compacted = kept, version, min(self.compacted, version)
        self.cut()

    def replace(self) -> None:
        """Becomes another cluster behind the same address: nothing is there, and kube-system has another uid."""
        self.uid = str(uuid.uuid4())
        self.events.clear()
        self.history.clear()
        self.cut()

    def cut(self) -> None:
        """Breaks every watch off, but for the one that asks for it."""
        for task in self.streams - {asyncio.current_task()}:
            if task:
                task.cancel()

    def woken(self) -> None:
        """Lets every watch look for what is new."""
        self.changed.set()
        self.changed = asyncio.Event()


def now(ahead_seconds: float = 0.0) -> str:
    """The time by a clock that is ahead."""
    return time.strftime("%Y-%m-%dT%H:%M:%SZ", time.gmtime(time.time() + ahead_seconds))


def encode(value: Any) -> bytes:
    return json.dumps(value, separators=(",", ":")).encode()


def line(kind: str, body: bytes) -> bytes:
    """A line of a watch."""
    return b'{"type":"' + kind.encode() + b'","object":' + body + b"}\n"


def status(code: int, reason: str) -> bytes:
    """The object that says what went wrong."""
    return encode(
        {"kind": "Status", "apiVersion": "v1", "status": "Failure", "code": code, "reason": reason, "message": reason}
    )


def _key(text: bytes) -> Key:
    meta = json.loads(text)["object"]["metadata"]
    return meta["namespace"], meta["name"]
