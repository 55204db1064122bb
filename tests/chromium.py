"""A headless Chromium, driven over a pipe by the DevTools protocol. Nothing listens on a port."""

import base64
import hashlib
import json
import os
import select
import shutil
import subprocess
import tarfile
import time
from pathlib import Path
from typing import Any

import pytest

AXE = ("axe-core@4.14.1", "e6b0ce02b84d892e2e33e403485e7f3d6c29e2be6df65daf44d89ba564139745")
NAMES = ("chromium", "chromium-browser", "google-chrome", "google-chrome-stable")
ANSWER_SECONDS = 120.0
SILENT = {"Log.entryAdded", "Runtime.consoleAPICalled", "Runtime.exceptionThrown",
          "Network.loadingFailed"}  # fmt: skip
"""Events that a page without a fault has none of."""


def find() -> str | None:
    """The browser's program; on CI, as root on Debian, it is installed where there is none."""
    if not _program() and os.environ.get("CI") and os.geteuid() == 0 and shutil.which("apt-get"):
        install = "apt-get update -qq && apt-get install -y -qq --no-install-recommends chromium"
        quiet = {**os.environ, "DEBIAN_FRONTEND": "noninteractive"}
        subprocess.run(["sh", "-c", install], env=quiet, check=False, stdout=subprocess.DEVNULL)
    return _program()


def _program() -> str | None:
    return next((path for name in NAMES if (path := shutil.which(name))), None)


def started(profile: Path) -> "Browser":
    """A browser; the test is skipped where there is none."""
    program = find()
    if not program:
        pytest.skip("expected Chromium, found none; apt-get install chromium")
    return Browser(program, profile)


def axe(where: Path) -> str:
    """The source of axe-core, by npm; the test is skipped where npm cannot fetch it."""
    name, digest = AXE
    if not shutil.which("npm"):
        pytest.skip("expected npm, found none; apt-get install npm")
    command = ["npm", "pack", name, "--silent", "--prefer-offline", "--pack-destination", where]
    done = subprocess.run(command, cwd=where, capture_output=True, text=True, check=False)
    found = list(where.glob("*.tgz"))
    if not found:
        pytest.skip(f"expected {name}, could not be fetched: {done.stderr.strip()[-200:]}")
    assert hashlib.sha256(found[0].read_bytes()).hexdigest() == digest
    with tarfile.open(found[0]) as archive:
        source = archive.extractfile("package/axe.min.js")
        assert source is not None
        return source.read().decode("utf-8")


class Browser:
    """One page at a time; `events` is what the protocol said of it since `open`."""

    def __init__(self, program: str, profile: Path) -> None:
        self.events: list[dict[str, Any]] = []
        self._last = 0
        self._rest = b""
        theirs_in, self._out = os.pipe()
        self._in, theirs_out = os.pipe()
        options = ["--headless=new", "--remote-debugging-pipe", "--no-first-run", "--disable-gpu",
                   "--disable-background-networking", "--disable-component-update",
                   "--disable-default-apps", "--disable-sync", "--hide-scrollbars",
                   f"--user-data-dir={profile}"]  # fmt: skip
        if os.geteuid() == 0:
            options.append("--no-sandbox")  # it refuses to run as root with one
        # The protocol's pipes are file descriptors 3 and 4 of the browser.
        wrapper = f'exec "$@" 3<&{theirs_in} 4>&{theirs_out}'
        self._process = subprocess.Popen(
            ["bash", "-c", wrapper, "bash", program, *options, "about:blank"],
            pass_fds=(theirs_in, theirs_out), stdout=subprocess.DEVNULL,
            stderr=subprocess.DEVNULL, start_new_session=True)  # fmt: skip
        os.close(theirs_in)
        os.close(theirs_out)
        self._session: str | None = None
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        attached = self.ask("Target.attachToTarget", targetId=target, flatten=True)
        self._session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Network", "Log", "DOM", "CSS"):
            self.ask(f"{domain}.enable")

    def open(self, page: Path | str, width: int, height: int = 900, dark: bool = False) -> None:
        """Loads a file or an address, as on a screen of this size, to its end, fonts included."""
        url = page if isinstance(page, str) else page.as_uri()
        self.ask("Emulation.setDeviceMetricsOverride", width=width, height=height,
                 deviceScaleFactor=1, mobile=width < 600)  # fmt: skip
        scheme = {"name": "prefers-color-scheme", "value": "dark" if dark else "light"}
        self.ask("Emulation.setEmulatedMedia", features=[scheme])
        self.events.clear()
        self.ask("Page.navigate", url=url)
        deadline = time.monotonic() + ANSWER_SECONDS
        while not any(event["method"] == "Page.loadEventFired" for event in self.events):
            assert time.monotonic() < deadline, f"{page}: not loaded in {ANSWER_SECONDS:g} s"
            self._read(0.1)
        self.evaluate("document.fonts.ready.then(() => null)")

    def evaluate(self, expression: str) -> Any:
        """The value of a JavaScript expression in the page; a promise's once it has one."""
        answer = self.ask("Runtime.evaluate", expression=expression, awaitPromise=True,
                          returnByValue=True)  # fmt: skip
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, expression: str) -> None:
        """Returns once an expression in the page is true."""
        deadline = time.monotonic() + ANSWER_SECONDS
        while not self.evaluate(f"!!({expression})"):
            assert time.monotonic() < deadline, f"not true in {ANSWER_SECONDS:g} s: {expression}"
            self._read(0.01)

    def type(self, text: str) -> None:
        """Presses a key for each character, as on a keyboard that has them all."""
        for character in text:
            self.press(character, text=character)

    def press(self, key: str, code: int = 0, text: str = "", shift: bool = False) -> None:
        """Presses a key by its name: Tab is 9, Enter 13."""
        pressed = {"key": key, "windowsVirtualKeyCode": code, "modifiers": 8 if shift else 0}
        self.ask("Input.dispatchKeyEvent", type="keyDown", text=text, **pressed)
        self.ask("Input.dispatchKeyEvent", type="keyUp", **pressed)

    def screenshot(self, path: Path) -> bytes:
        """The whole page as PNG, written to `path` as well."""
        answer = self.ask("Page.captureScreenshot", captureBeyondViewport=True, format="png")
        data = base64.b64decode(answer["data"])
        path.write_bytes(data)
        return data

    def check(self, axe: str) -> None:
        """The page has no serious finding of axe-core, whose source is given."""
        self.evaluate(f"{axe}; null")
        found = self.evaluate("axe.run().then(({violations, passes}) => ({passes: passes.length,"
                              " serious: violations.filter(v => /serious|critical/.test(v.impact))"
                              ".map(v => [v.id, v.nodes.map(n => n.html)])}))")  # fmt: skip
        assert found["serious"] == []
        assert found["passes"] > 15

    def ask(self, method: str, **parameters: Any) -> dict[str, Any]:
        """Sends a command and waits for its answer."""
        self._last += 1
        message = {"id": self._last, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._out, json.dumps(message).encode() + b"\0")
        deadline = time.monotonic() + ANSWER_SECONDS
        while time.monotonic() < deadline:
            for answer in self._read(deadline - time.monotonic()):
                if answer.get("id") == self._last:
                    assert "error" not in answer, f"{method}: {answer['error']}"
                    return answer["result"]
        raise AssertionError(f"{method}: no answer in {ANSWER_SECONDS:g} s")

    def close(self) -> None:
        """Ends the browser and waits for it."""
        self._session = None
        try:
            self.ask("Browser.close")
        except (AssertionError, OSError):
            self._process.kill()
        self._process.wait(ANSWER_SECONDS)
        os.close(self._in)
        os.close(self._out)

    def _read(self, seconds: float) -> list[dict[str, Any]]:
        """Answers that came within `seconds`; events are put aside."""
        if not select.select([self._in], [], [], max(seconds, 0))[0]:
            return []
        data = os.read(self._in, 1 << 20)
        assert data, "the browser ended"
        *whole, self._rest = (self._rest + data).split(b"\0")
        messages = [json.loads(one) for one in whole]
        self.events += [one for one in messages if "method" in one]
        return [one for one in messages if "id" in one]
