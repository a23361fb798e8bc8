"""Chromium without a window, driven over a pipe (Chrome DevTools Protocol)."""

from __future__ import annotations

import json
import os
import shutil
import subprocess
import time
from collections.abc import Iterator
from contextlib import contextmanager
from pathlib import Path
from typing import Any

SWITCHES = [
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
    "--disable-dev-shm-usage",
    "--mute-audio",
    "--hide-scrollbars",
    "--use-fake-device-for-media-stream",
    "--remote-debugging-pipe",
]


def find_chromium() -> str | None:
    return shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")


class Refused(AssertionError):
    """Chromium did not do what it was asked."""


class Page:
    """One page; `log` gathers what the browser complains about."""

    def __init__(self, to: Any, answers: Any) -> None:
        self._to, self._answers = to, answers
        self._number = 0
        self._session: str | None = None
        self.log: list[str] = []
        target = self.call("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.call("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.call(f"{domain}.enable")

    def send(self, method: str, **params: Any) -> None:
        """Call without waiting for the answer."""
        self._number += 1
        session = {"sessionId": self._session} if self._session else {}
        message = {"id": self._number, "method": method, "params": params, **session}
        self._to.write(json.dumps(message).encode() + b"\0")
        self._to.flush()

    def call(self, method: str, **params: Any) -> dict[str, Any]:
        self.send(method, **params)
        while True:
            answer = self._receive()
            if answer.get("id") == self._number:
                if "error" in answer:
                    raise Refused(method, answer["error"])
                return answer["result"]

    def _receive(self) -> dict[str, Any]:
        text = bytearray()
        while (byte := self._answers.read(1)) != b"\0":
            assert byte, "Chromium has ended"
            text += byte
        answer = json.loads(text)
        said = answer.get("method") == "Runtime.consoleAPICalled" and answer["params"]["type"] in ("error", "warning")
        if said or answer.get("method") in ("Log.entryAdded", "Runtime.exceptionThrown"):
            self.log.append(json.dumps(answer["params"]))
        return answer

    def open(self, url: str) -> None:
        self.call("Page.navigate", url=url)
        self.wait("document.readyState === 'complete'")

    def evaluate(self, code: str) -> Any:
        found = self.call("Runtime.evaluate", expression=code, returnByValue=True, awaitPromise=True, userGesture=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def wait(self, condition: str, seconds: float = 20) -> None:
        until = time.monotonic() + seconds
        while not self._holds(condition):
            assert time.monotonic() < until, f"never: {condition}\n{self.text('body')}\n{self.log}"
            time.sleep(0.05)

    def _holds(self, condition: str) -> bool:
        try:
            return self.evaluate(f"Boolean({condition})")
        except Refused as error:
            if "navigated" not in str(error):
                raise
            return False  # asked while one page gave way to the next

    def text(self, selector: str) -> str:
        return self.evaluate(f"document.querySelector({selector!r}).innerText")

    def press(self, key: str, code: int) -> None:
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.call("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=code, **text)

    def choose(self, selector: str, files: list[Path]) -> None:
        node = self.call("Runtime.evaluate", expression=f"document.querySelector({selector!r})")["result"]["objectId"]
        self.call("DOM.setFileInputFiles", files=[str(file) for file in files], objectId=node)

    def size(self, width: int, height: int, *, mobile: bool = False) -> None:
        self.call("Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=mobile)

    def permit_camera(self, setting: str) -> None:
        """Answer for the user: granted or denied."""
        self.call("Browser.setPermission", permission={"name": "camera"}, setting=setting)


@contextmanager
def chromium(program: str, profile: Path, *switches: str) -> Iterator[Page]:
    """Start Chromium with a fake camera and a new profile; it reads commands from descriptor 3 and answers on 4."""
    reads, to = os.pipe()
    answers, writes = os.pipe()
    # the shell moves the ends of the pipes to 3 and 4, whatever their numbers are here
    moved = f'exec "$@" 3<&{reads} 4>&{writes}'
    command = ["bash", "-c", moved, "bash", program, *SWITCHES, f"--user-data-dir={profile}", *switches]
    with subprocess.Popen(command, pass_fds=(reads, writes), stderr=subprocess.DEVNULL) as browser:
        os.close(reads)
        os.close(writes)
        with os.fdopen(to, "wb") as sender, os.fdopen(answers, "rb") as receiver:
            page = Page(sender, receiver)
            try:
                yield page
            finally:
                page._session = None
                page.send("Browser.close")  # with a camera open it may end without an answer
        browser.wait(20)
