"""A stand-in for a registry of OCI artifacts on the loopback: enough of the distribution specification to push and to pull.

https://github.com/opencontainers/distribution-spec/blob/v1.1.1/spec.md; without uploads in parts, deletion and users.
"""

import hashlib
import http.server
import json
import re
import threading
import uuid
from types import TracebackType
from typing import Any
from urllib.parse import parse_qs, urlsplit

BLOB = re.compile(r"/v2/(.+)/blobs/(sha256:[0-9a-f]{64})")
UPLOAD = re.compile(r"/v2/(.+)/blobs/uploads/([0-9a-f-]*)")
MANIFEST = re.compile(r"/v2/(.+)/manifests/(.+)")
TAGS = re.compile(r"/v2/(.+)/tags/list")


class Registry:
    """Runs as long as the `with` block. `manifests` are by repository and tag or digest, `blobs` by digest."""

    def __init__(self) -> None:
        self.blobs: dict[str, bytes] = {}
        self.manifests: dict[tuple[str, str], tuple[str, bytes]] = {}
        self.uploads: dict[str, bytes] = {}
        registry = self

        class Handler(_Handler):
            held = registry

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"127.0.0.1:{self._server.server_address[1]}"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> "Registry":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


class _Handler(http.server.BaseHTTPRequestHandler):
    protocol_version = "HTTP/1.1"
    held: Registry

    def do_GET(self) -> None:
        """A blob, a manifest, the tags, or that this is a registry."""
        path = urlsplit(self.path).path
        if path in ("/v2", "/v2/"):
            self._answer(200, b"{}")
        elif found := BLOB.fullmatch(path):
            blob = self.held.blobs.get(found[2])
            self._answer(404 if blob is None else 200, blob or b"", "application/octet-stream", digest=found[2])
        elif found := MANIFEST.fullmatch(path):
            kind, manifest = self.held.manifests.get((found[1], found[2]), ("", b""))
            self._answer(200 if kind else 404, manifest, kind or "application/json", digest=digest_of(manifest))
        elif found := TAGS.fullmatch(path):
            tags = sorted(tag for name, tag in self.held.manifests if name == found[1] and ":" not in tag)
            self._answer(200, json.dumps({"name": found[1], "tags": tags}).encode())
        else:
            self._answer(404)

    def do_HEAD(self) -> None:
        """The same without its body."""
        self.do_GET()

    def do_POST(self) -> None:
        """An upload begins."""
        found, number = UPLOAD.fullmatch(urlsplit(self.path).path), str(uuid.uuid4())
        self._body()
        self.held.uploads[number] = b""
        self._answer(202, location=f"/v2/{found[1] if found else ''}/blobs/uploads/{number}")

    def do_PATCH(self) -> None:
        """A part of an upload."""
        found = UPLOAD.fullmatch(urlsplit(self.path).path)
        assert found
        self.held.uploads[found[2]] += self._body()
        self._answer(202, location=self.path)

    def do_PUT(self) -> None:
        """An upload ends, or a manifest."""
        address, body = urlsplit(self.path), self._body()
        if found := UPLOAD.fullmatch(address.path):
            blob = self.held.uploads.pop(found[2]) + body
            (wanted,) = parse_qs(address.query)["digest"]
            if wanted != digest_of(blob):
                self._answer(400)
                return
            self.held.blobs[wanted] = blob
            self._answer(201, location=f"/v2/{found[1]}/blobs/{wanted}", digest=wanted)
            return
        found = MANIFEST.fullmatch(address.path)
        assert found
        digest = digest_of(body)
        for tag in (found[2], digest):
            self.held.manifests[found[1], tag] = (self.headers["Content-Type"], body)
        self._answer(201, location=f"/v2/{found[1]}/manifests/{digest}", digest=digest)

    def _body(self) -> bytes:
        if self.headers.get("Transfer-Encoding") != "chunked":
            return self.rfile.read(int(self.headers.get("Content-Length") or 0))
        parts = []
        while size := int(self.rfile.readline().partition(b";")[0], 16):
            parts.append(self.rfile.read(size))
            self.rfile.readline()
        self.rfile.readline()  # no trailers come
        return b"".join(parts)

    def _answer(
        self, code: int, body: bytes = b"", kind: str = "application/json", location: str = "", digest: str = ""
    ) -> None:
        self.send_response(code)
        headers = {
            "Content-Type": kind,
            "Content-Length": str(len(body)),
            "Location": location,
            "Docker-Content-Digest": digest,
        }
        for name, value in headers.items():
            if value:
                self.send_header(name, value)
        self.end_headers()
        if self.command != "HEAD":
            self.wfile.write(body)

    def log_message(self, *_: Any) -> None:
        """Says nothing."""


def digest_of(content: bytes) -> str:
    return f"sha256:{hashlib.sha256(content).hexdigest()}"
