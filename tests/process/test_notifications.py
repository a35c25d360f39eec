"""The recipes of docs/notifications.md, word by word, with a webhook on the loopback."""

import http.server
import json
import os
import re
import signal
import subprocess
import textwrap
import threading
from collections.abc import Iterator
from pathlib import Path
from types import TracebackType
from typing import Any

import pytest

from tests import kubectl
from tests.operator import until
from tests.record import Record
from tests.tools import tool

DOCUMENT = Path(__file__).parent.parent.parent / "docs" / "notifications.md"
AT_ONCE, WITHOUT_LOSS = (
    textwrap.dedent(block) for block in re.findall(r"(?:^    .*\n)+", DOCUMENT.read_text(encoding="utf-8"), re.MULTILINE)
)


class Webhook:
    """Takes messages as long as the `with` block. While it `refuses`, it takes none."""

    def __init__(self) -> None:
        self.texts: list[str] = []
        self.refuses = False
        self.refused = 0
        webhook = self

        class Handler(http.server.BaseHTTPRequestHandler):
            def do_POST(self) -> None:
                body = self.rfile.read(int(self.headers["Content-Length"]))
                if webhook.refuses:
                    webhook.refused += 1
                else:
                    webhook.texts.append(json.loads(body)["text"])
                self.send_response(503 if webhook.refuses else 200)
                self.send_header("Content-Length", "0")
                self.end_headers()

            def log_message(self, *_: Any) -> None:
                pass

        self._server = http.server.ThreadingHTTPServer(("127.0.0.1", 0), Handler)
        self.address = f"http://127.0.0.1:{self._server.server_address[1]}/hook"
        self._thread = threading.Thread(target=self._server.serve_forever)

    def __enter__(self) -> "Webhook":
        self._thread.start()
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._server.shutdown()
        self._thread.join()
        self._server.server_close()


@pytest.fixture
def webhook() -> Iterator[Webhook]:
    for name in ("jq", "curl"):
        tool(name, f"apt-get install {name}")
    with Webhook() as running:
        yield running


@pytest.fixture
def record(tmp_path: Path) -> Iterator[Record]:
    (tmp_path / "data").mkdir()
    made = Record(tmp_path / "data")
    yield made
    made.close()


def environment(folder: Path, webhook: Webhook) -> dict[str, str]:
    own = {"DB_PATH": str(folder / "data"), "WEBHOOK": webhook.address, "NO_PROXY": "127.0.0.1"}
    return os.environ | kubectl.install(folder) | own


def error(record: Record, name: str, severity: str = "error") -> str:
    return record.event(
        f"Pod/shop/{name}", "CrashLoopBackOff", severity=severity, title="Crash", description=f'of "{name}"', ago=0
    )


def test_at_once(record: Record, webhook: Webhook, tmp_path: Path) -> None:
    error(record, "before")
    command = ["sh", "-c", AT_ONCE]
    with subprocess.Popen(command, cwd=tmp_path, env=environment(tmp_path, webhook), start_new_session=True) as running:
        try:
            until(lambda: webhook.texts, "the first message")
            first = error(record, "first")
            until(lambda: len(webhook.texts) == 2, "a new event")
            error(record, "harmless", severity="warning")
            record.again(first)
            error(record, "second")
            until(lambda: len(webhook.texts) == 3, "another one, and neither the warning nor the first once more")
            record.event("", "WriterFailed", severity="error", event_type="operator", title="Failed", description="x", ago=0)
            until(lambda: len(webhook.texts) == 4, "an event without an object")
        finally:
            os.killpg(running.pid, signal.SIGINT)
    of_pods = [f'error Pod shop {name}: Crash. of "{name}"' for name in ("before", "first", "second")]
    assert webhook.texts == [*of_pods, "error: Failed. x"]


def test_without_losing_any(record: Record, webhook: Webhook, tmp_path: Path) -> None:
    def run() -> None:
        command = ["sh", "-c", WITHOUT_LOSS]
        subprocess.run(command, cwd=tmp_path, env=environment(tmp_path, webhook), check=False, capture_output=True)

    error(record, "a")
    error(record, "b", severity="warning")
    error(record, "c")
    run()
    assert [text.partition(":")[0] for text in webhook.texts] == ["error Pod shop a", "error Pod shop c"]
    run()
    assert len(webhook.texts) == 2
    error(record, "d")
    error(record, "e")
    record.event("", "WriterFailed", severity="error", event_type="operator", title="Failed", description="x", ago=0)
    webhook.refuses = True
    run()
    assert (len(webhook.texts), webhook.refused) == (2, 1), "it stops at the first that is not taken"
    webhook.refuses = False
    run()
    assert [text.partition(":")[0] for text in webhook.texts[2:]] == ["error Pod shop d", "error Pod shop e", "error"]
