"""Headless Chromium through its own debugging pipe: no driver, no port, no third-party client.

    def test_page(chromium: Chromium) -> None:
        tab = chromium.tab()
        tab.open("http://127.0.0.1:…/")
        assert tab.complaints == []

`complaints` are what a developer would see in red: console errors, violations of the content
security policy, failed loads, exceptions.
"""

import base64
import itertools
import json
import os
import shutil
import subprocess
import tempfile
from collections.abc import Iterator
from dataclasses import dataclass, field
from pathlib import Path
from select import select
from time import monotonic
from typing import Any, Final

import pytest

ANSWER_SECONDS_MAX: Final = 30.0
_FLAGS: Final = (
    "--headless",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--hide-scrollbars",
    "--remote-debugging-pipe",
)


def chromium_binary() -> str | None:
    """Where Chromium is; None where it is not installed."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


@dataclass(slots=True)
class Chromium:
    """A running browser; its answers and events come through one pipe."""

    process: "subprocess.Popen[bytes]"
    to_browser: int
    from_browser: int
    numbers: Iterator[int] = field(default_factory=lambda: itertools.count(1))
    buffered: bytes = b""
    tabs: dict[str, "Tab"] = field(default_factory=dict)

    def tab(self, width: int = 1366, height: int = 768, *, dark: bool = False) -> "Tab":
        """A new tab in a browser profile of its own: no cookies from others."""
        context = self.call("Target.createBrowserContext")["browserContextId"]
        target = self.call("Target.createTarget", url="about:blank", browserContextId=context)
        session = self.call("Target.attachToTarget", targetId=target["targetId"], flatten=True)[
            "sessionId"
        ]
        tab = Tab(self, session)
        self.tabs[session] = tab
        for domain in ("Page", "Runtime", "Log", "Network"):
            tab.call(f"{domain}.enable")
        tab.resize(width, height)
        scheme = "dark" if dark else "light"
        tab.call(
            "Emulation.setEmulatedMedia",
            features=[{"name": "prefers-color-scheme", "value": scheme}],
        )
        return tab

    def call(self, method: str, session: str | None = None, **params: object) -> dict[str, Any]:
        """Ask the browser and wait for its answer; events on the way go to their tabs."""
        number = next(self.numbers)
        message: dict[str, object] = {"id": number, "method": method, "params": params}
        if session is not None:
            message["sessionId"] = session
        os.write(self.to_browser, json.dumps(message).encode() + b"\0")
        deadline = monotonic() + ANSWER_SECONDS_MAX
        while True:
            answer = self.receive(deadline)
            if answer.get("id") == number:
                assert "error" not in answer, f"{method}: {answer['error']}"
                result: dict[str, Any] = answer["result"]
                return result
            self.note(answer)

    def receive(self, deadline: float) -> dict[str, Any]:
        """The next message of the browser."""
        while b"\0" not in self.buffered:
            ready, _, _ = select([self.from_browser], [], [], max(0.0, deadline - monotonic()))
            assert ready, "Chromium did not answer in time"
            piece = os.read(self.from_browser, 1 << 16)
            assert piece, "Chromium has ended"
            self.buffered += piece
        message, _, self.buffered = self.buffered.partition(b"\0")
        decoded: dict[str, Any] = json.loads(message)
        return decoded

    def note(self, message: dict[str, Any]) -> None:
        """Hand an event to its tab."""
        tab = self.tabs.get(message.get("sessionId", ""))
        if tab is not None and "method" in message:
            tab.events.append((message["method"], message["params"]))


@dataclass(slots=True)
class Tab:
    """A page being looked at."""

    browser: Chromium
    session: str
    events: list[tuple[str, dict[str, Any]]] = field(default_factory=list)

    def call(self, method: str, **params: object) -> dict[str, Any]:
        """Ask about this tab."""
        return self.browser.call(method, self.session, **params)

    def resize(self, width: int, height: int) -> None:
        """Look through a window of this size."""
        self.call(
            "Emulation.setDeviceMetricsOverride",
            width=width,
            height=height,
            deviceScaleFactor=1,
            mobile=width < 600,
        )

    def open(self, address: str) -> int:
        """Go to an address and wait until it is loaded; the status of the document."""
        self.events.clear()
        self.call("Page.navigate", url=address)
        return self.loaded()

    def submit(self, form: str, **fields: str) -> int:
        """Fill a form as a person would and send it; the status of the page that follows."""
        for name, value in fields.items():
            self.evaluate(
                f"document.querySelector({json.dumps(f'{form} [name={name}]')}).value"
                f" = {json.dumps(value)}"
            )
        self.events.clear()
        self.evaluate(f"document.querySelector({json.dumps(form)}).requestSubmit()")
        return self.loaded()

    def click(self, selector: str) -> int:
        """Click something that leads to another page; the status of that page."""
        self.events.clear()
        self.evaluate(f"document.querySelector({json.dumps(selector)}).click()")
        return self.loaded()

    def fill(self, selector: str, value: str) -> None:
        """Type into a field, or choose in a list."""
        self.evaluate(f"document.querySelector({json.dumps(selector)}).value = {json.dumps(value)}")

    def choose_file(self, selector: str, path: Path) -> None:
        """Choose a file for an upload, as the file dialog would."""
        root = self.call("DOM.getDocument")["root"]["nodeId"]
        node = self.call("DOM.querySelector", nodeId=root, selector=selector)["nodeId"]
        self.call("DOM.setFileInputFiles", files=[str(path)], nodeId=node)

    def loaded(self) -> int:
        """Wait for the load event; the status of the document that was loaded last."""
        deadline = monotonic() + ANSWER_SECONDS_MAX
        while not any(method == "Page.loadEventFired" for method, _ in self.events):
            self.browser.note(self.browser.receive(deadline))
        statuses = [
            int(params["response"]["status"])
            for method, params in self.events
            if method == "Network.responseReceived" and params["type"] == "Document"
        ]
        return statuses[-1]

    def evaluate(self, expression: str) -> Any:  # whatever JSON value the expression has
        """The value of an expression in the page; debugging is exempt from the page's policy."""
        result = self.call("Runtime.evaluate", expression=expression, returnByValue=True)
        assert "exceptionDetails" not in result, result
        return result["result"].get("value")

    def screenshot(self, path: Path) -> None:
        """Save a picture of the whole page."""
        size = self.call("Page.getLayoutMetrics")["cssContentSize"]
        picture = self.call(
            "Page.captureScreenshot",
            captureBeyondViewport=True,
            clip={"x": 0, "y": 0, "width": size["width"], "height": size["height"], "scale": 1},
        )
        path.write_bytes(base64.b64decode(picture["data"]))

    @property
    def complaints(self) -> list[str]:
        """Everything that a developer would see in red since the page was opened."""
        found = []
        for method, params in self.events:
            if method == "Log.entryAdded" and params["entry"]["level"] in ("error", "warning"):
                found.append(str(params["entry"]["text"]))
            elif method == "Runtime.exceptionThrown":
                found.append(str(params["exceptionDetails"]))
            elif method == "Runtime.consoleAPICalled" and params["type"] in ("error", "warning"):
                found.append(str(params["args"]))
            elif method == "Network.loadingFailed" and not params.get("canceled"):
                found.append(str(params["errorText"]))
        return found


def launch(folder: Path) -> Chromium:
    """Start Chromium with a fresh profile in a folder."""
    binary = chromium_binary()
    assert binary is not None
    browser_reads, to_browser = os.pipe()
    from_browser, browser_writes = os.pipe()
    flags = [*_FLAGS, f"--user-data-dir={folder}"]
    if os.geteuid() == 0:
        flags.append("--no-sandbox")
    # The browser reads at 3 and writes at 4; a shell moves our pipes there.
    line = f'exec "$0" "$@" 3<&{browser_reads} 4>&{browser_writes}'
    process = subprocess.Popen(
        ["bash", "-c", line, binary, *flags],
        pass_fds=(browser_reads, browser_writes),
        stdin=subprocess.DEVNULL,
        stdout=subprocess.DEVNULL,
        stderr=subprocess.DEVNULL,
    )
    os.close(browser_reads)
    os.close(browser_writes)
    return Chromium(process, to_browser, from_browser)


@pytest.fixture(scope="session")
def chromium() -> Iterator[Chromium]:
    """A headless browser for this session; skips where Chromium is not installed."""
    if chromium_binary() is None:
        pytest.skip("Chromium is not installed: apt-get install chromium")
    folder = Path(tempfile.mkdtemp(prefix="kashi-chromium-"))
    browser = launch(folder)
    try:
        yield browser
    finally:
        browser.process.terminate()
        browser.process.wait(ANSWER_SECONDS_MAX)
        os.close(browser.to_browser)
        os.close(browser.from_browser)
        shutil.rmtree(folder, ignore_errors=True)
