"""A headless Chromium for the tests of the report: it opens a page, runs JavaScript in it, and says what it asked for."""

import json
import os
import subprocess
import time
from pathlib import Path
from types import TracebackType
from typing import Any

import websocket

from tests.tools import tool

Json = dict[str, Any]


class Browser:
    """One page. `requests` are the addresses that it asked for, `said` what it logged."""

    def __init__(self, folder: Path, *options: str) -> None:
        arguments = ("--headless", "--no-sandbox", "--disable-gpu", "--remote-debugging-port=0", "--remote-allow-origins=*")
        chromium = tool("chromium", "apt-get install chromium")
        self._folder = folder
        self._process = subprocess.Popen(
            [chromium, *arguments, *options, f"--user-data-dir={folder}", "about:blank"],
            stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL,
            env=os.environ | {"HOME": str(folder)},
        )
        self.requests: list[str] = []
        self.said: list[Json] = []
        self._number = 0

    def __enter__(self) -> "Browser":
        port_file = self._folder / "DevToolsActivePort"
        until = time.monotonic() + 60
        while not (port_file.exists() and port_file.read_text().count("\n")):
            assert time.monotonic() < until, "Chromium does not start"
            assert self._process.poll() is None, "Chromium has ended"
            time.sleep(0.05)
        port, path = port_file.read_text().split("\n")[:2]
        self._socket = websocket.create_connection(f"ws://127.0.0.1:{port}{path}", timeout=60)
        targets = self._call("Target.getTargets")["targetInfos"]
        (page,) = [one["targetId"] for one in targets if one["type"] == "page"]
        self._session = self._call("Target.attachToTarget", targetId=page, flatten=True)["sessionId"]
        for domain in ("Page", "Network", "Runtime", "Log"):
            self.call(f"{domain}.enable")
        return self

    def __exit__(self, kind: type[BaseException] | None, error: BaseException | None, trace: TracebackType | None) -> None:
        self._socket.close()
        self._process.terminate()
        self._process.wait()

    def open(self, page: Path) -> None:
        """Opens a file and waits until it is loaded."""
        self.call("Page.navigate", url=page.as_uri())
        self._until_event("Page.loadEventFired")

    def run(self, script: str) -> Any:
        """The value of an expression of JavaScript in the page, which may be a promise."""
        found = self.call("Runtime.evaluate", expression=script, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found
        return found["result"].get("value")

    def call(self, method: str, **parameters: Any) -> Json:
        """Calls a method of the DevTools protocol for the page."""
        return self._call(method, self._session, **parameters)

    def _call(self, method: str, session: str = "", **parameters: Any) -> Json:
        self._number += 1
        message = {"id": self._number, "method": method, "params": parameters} | ({"sessionId": session} if session else {})
        self._socket.send(json.dumps(message))
        while True:
            got = self._receive()
            if got.get("id") == self._number:
                assert "error" not in got, got
                result: Json = got["result"]
                return result

    def _until_event(self, name: str) -> None:
        while self._receive().get("method") != name:
            pass

    def _receive(self) -> Json:
        got: Json = json.loads(self._socket.recv())
        if got.get("method") == "Network.requestWillBeSent":
            self.requests.append(got["params"]["request"]["url"])
        elif got.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown", "Runtime.consoleAPICalled"):
            self.said.append(got["params"])
        return got
