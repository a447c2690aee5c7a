"""A browser without a window, driven over a pipe by Chromium's DevTools protocol.

Needs Chromium and nothing else: no port, no driver, no network.
"""

import base64
import fcntl
import json
import os
import shutil
import signal
import time
from collections.abc import Callable, Sequence
from pathlib import Path
from typing import Any

Json = dict[str, Any]

_NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable", "chrome")
_OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--hide-scrollbars"),
    *("--no-first-run", "--disable-background-networking", "--disable-component-update"),
    *("--disable-sync", "--remote-debugging-pipe"),
)
_SECONDS = 30.0


def find() -> str | None:
    """Return the path of a Chromium, if there is one: of $CONVCHECK_BROWSER, or on the PATH."""
    named = os.environ.get("CONVCHECK_BROWSER")
    return named or next(filter(None, map(shutil.which, _NAMES)), None)


def _spawn(program: str, options: Sequence[str], to_browser: int, from_browser: int) -> int:
    """Start a browser that reads commands from descriptor 3 and writes answers to 4."""
    high = [fcntl.fcntl(each, fcntl.F_DUPFD_CLOEXEC, 10) for each in (to_browser, from_browser)]
    actions = [
        *((os.POSIX_SPAWN_DUP2, each, to) for each, to in zip(high, (3, 4), strict=True)),
        *((os.POSIX_SPAWN_OPEN, to, os.devnull, os.O_WRONLY, 0) for to in (1, 2)),
    ]
    pid = os.posix_spawn(program, [program, *options], os.environ, file_actions=actions)
    for each in (to_browser, from_browser, *high):
        os.close(each)
    return pid


class BrowserError(RuntimeError):
    """The browser did not do what it was asked to."""


class Browser:
    """A running browser that shows one page at a time, cut off from any network.

    Args:
        program: path of Chromium.
        folder: an empty one, for its profile.
    """

    def __init__(self, program: str, folder: Path) -> None:
        to_browser, self._out = os.pipe()
        self._in, from_browser = os.pipe()
        os.set_blocking(self._in, False)
        options = (*_OPTIONS, f"--user-data-dir={folder}", "about:blank")
        self._pid = _spawn(program, options, to_browser, from_browser)
        self._buffer = b""
        self._number = 0
        self._session: str | None = None
        self.events: list[Json] = []
        targets = self.send("Target.getTargets")["targetInfos"]
        page = next(each["targetId"] for each in targets if each["type"] == "page")
        attached = self.send("Target.attachToTarget", targetId=page, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        self.send(
            "Network.emulateNetworkConditions",
            offline=True,
            latency=0,
            downloadThroughput=0,
            uploadThroughput=0,
        )

    def close(self) -> None:
        """End the browser."""
        try:
            self.send("Browser.close")
        except (BrowserError, OSError):
            os.kill(self._pid, signal.SIGKILL)
        os.waitpid(self._pid, 0)
        os.close(self._in)
        os.close(self._out)

    def send(self, method: str, **params: Any) -> Json:
        """Send a command and return its result; BrowserError where it failed."""
        self._number += 1
        message: Json = {"id": self._number, "method": method, "params": params}
        if self._session is not None:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                break
            self.events.append(answer)
        if "error" in answer:
            raise BrowserError(f"{method}: {answer['error']['message']}")
        result: Json = answer["result"]
        return result

    def _receive(self) -> Json:
        until = time.monotonic() + _SECONDS
        while b"\0" not in self._buffer:
            try:
                more = os.read(self._in, 1 << 20)
            except BlockingIOError:
                if time.monotonic() > until:
                    raise BrowserError(f"no answer in {_SECONDS:.0f} s") from None
                time.sleep(0.005)
                continue
            if not more:
                raise BrowserError("the browser has ended")
            self._buffer += more
        text, _, self._buffer = self._buffer.partition(b"\0")
        answer: Json = json.loads(text)
        return answer

    def open(self, address: str) -> None:
        """Show a page, and wait until it is loaded."""
        for url in ("about:blank", address):  # the first, as a new hash alone loads nothing
            self.events.clear()
            self.send("Page.navigate", url=url)
            self._until(lambda: any(e.get("method") == "Page.loadEventFired" for e in self.events))

    def wait(self, condition: str) -> None:
        """Wait until a JavaScript expression holds; BrowserError if it does not come about."""
        self._until(lambda: self.run(condition))

    def _until(self, condition: Callable[[], Any]) -> None:
        end = time.monotonic() + _SECONDS
        while not condition():
            if time.monotonic() > end:
                raise BrowserError("waited in vain")
            self.send("Browser.getVersion")  # so that events come in

    def run(self, script: str) -> Any:
        """Return the value of a JavaScript expression, once it is there."""
        answer = self.send(
            "Runtime.evaluate",
            expression=script,
            awaitPromise=True,
            returnByValue=True,
            userGesture=True,
        )
        if "exceptionDetails" in answer:
            raise BrowserError(str(answer["exceptionDetails"]))
        return answer["result"].get("value")

    def complaints(self) -> list[str]:
        """Return what the page wrote to the console as an error, and what it tried to fetch."""
        found = []
        for event in self.events:
            params = event.get("params", {})
            match event.get("method"):
                case "Log.entryAdded" if params["entry"]["level"] in ("error", "warning"):
                    found.append(params["entry"]["text"])
                case "Runtime.exceptionThrown":
                    found.append(str(params["exceptionDetails"]))
                case "Runtime.consoleAPICalled":
                    found.append(str(params["args"]))
                case "Network.requestWillBeSent":
                    url = params["request"]["url"]
                    if not url.startswith(("file:", "data:", "about:")):
                        found.append(f"fetched {url}")
        return found

    def press(self, key: str, *, shift: bool = False) -> None:
        """Press a key: Tab, Enter, Escape, ArrowDown, or a letter."""
        text = {"Enter": "\r"}.get(key, key if len(key) == 1 else "")
        code = {"Tab": 9, "Enter": 13, "Escape": 27, "ArrowDown": 40, "Home": 36}.get(key, 0)
        same = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 * shift}
        self.send("Input.dispatchKeyEvent", type="keyDown", text=text, **same)
        self.send("Input.dispatchKeyEvent", type="keyUp", **same)

    def size(self, width: int, height: int, scale: float = 1) -> None:
        """Give the page a size in CSS pixels."""
        self.send(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=scale,
            mobile=width < 500,
        )

    def media(self, scheme: str = "light", kind: str = "") -> None:
        """Choose light or dark, and screen or print."""
        features = [{"name": "prefers-color-scheme", "value": scheme}]
        self.send("Emulation.setEmulatedMedia", media=kind, features=features)

    def scripts(self, *, allowed: bool) -> None:
        """Allow the page its own scripts, or forbid them."""
        self.send("Emulation.setScriptExecutionDisabled", value=not allowed)

    def picture(self, *, whole: bool = False) -> bytes:
        """Return what is to be seen, as PNG; or the whole page."""
        answer = self.send("Page.captureScreenshot", format="png", captureBeyondViewport=whole)
        return base64.b64decode(answer["data"])

    def printed(self) -> bytes:
        """Return the page printed, as PDF."""
        answer = self.send("Page.printToPDF", printBackground=True, preferCSSPageSize=True)
        return base64.b64decode(answer["data"])
