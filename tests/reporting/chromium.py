"""A headless Chromium that a test drives: real pointer and keys, a phone's width, the dark, and its console.

It speaks the DevTools protocol over two pipes (https://chromedevtools.github.io/devtools-protocol/), which takes
no package beyond Python's own.
"""

import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

PROGRAM = shutil.which("chromium") or shutil.which("chromium-browser") or shutil.which("google-chrome")

# No sandbox, because containers often forbid it; and no talk with the browser maker's servers.
OPTIONS = (
    *("--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run", "--disable-sync"),
    *("--disable-background-networking", "--disable-component-update", "--remote-debugging-pipe"),
)
SECONDS = 60


class Chromium:
    """One browser with one tab; a context manager."""

    def __init__(self, profile: Path) -> None:
        self.console: list[str] = []
        """Everything that the page said: errors, warnings, refused requests."""
        ours, theirs = os.pipe()
        answers, asked = os.pipe()
        # The browser reads commands from its descriptor 3 and writes answers to 4.  (Plain sh knows only digits.)
        hand_over = f'exec 3<&{ours} 4>&{asked}; exec "$@"'
        command = ["bash", "-c", hand_over, "bash", PROGRAM, *OPTIONS, f"--user-data-dir={profile}", "about:blank"]
        self._process = subprocess.Popen(command, pass_fds=(ours, asked), stderr=subprocess.DEVNULL)
        os.close(ours)
        os.close(asked)
        self._write, self._read, self._rest, self._count, self._session = theirs, answers, b"", 0, None
        try:
            self._attach()
        except BaseException:
            self.__exit__()
            raise

    def _attach(self) -> None:
        """Ask for the one tab, and to be told what happens there."""
        target = self.ask("Target.createTarget", url="about:blank")["targetId"]
        self._session = self.ask("Target.attachToTarget", targetId=target, flatten=True)["sessionId"]
        for domain in ("Page", "Runtime", "Log", "DOM"):
            self.ask(f"{domain}.enable")

    def __enter__(self) -> "Chromium":
        return self

    def __exit__(self, *_: object) -> None:
        self._process.terminate()
        self._process.wait(timeout=SECONDS)
        os.close(self._write)
        os.close(self._read)

    def ask(self, method: str, **parameters: object) -> dict:
        """The browser's answer to one command."""
        self._count += 1
        message = {"id": self._count, "method": method, "params": parameters}
        if self._session:
            message["sessionId"] = self._session
        os.write(self._write, json.dumps(message).encode() + b"\0")
        while True:
            answer = self._next()
            if answer.get("id") == self._count:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]

    def _next(self) -> dict:
        """The next message; what is no answer is the console's, or of no interest."""
        end = time.monotonic() + SECONDS
        while b"\0" not in self._rest:
            ready, _, _ = select.select([self._read], [], [], max(0.0, end - time.monotonic()))
            assert ready, "the browser does not answer"
            self._rest += os.read(self._read, 1 << 16)
        line, _, self._rest = self._rest.partition(b"\0")
        message = json.loads(line)
        if message.get("method") == "Runtime.exceptionThrown":
            self.console.append(json.dumps(message["params"]["exceptionDetails"]))
        elif message.get("method") == "Runtime.consoleAPICalled":
            self.console.append(json.dumps(message["params"]["args"]))
        elif message.get("method") == "Log.entryAdded":
            self.console.append(f"{message['params']['entry']['text']} {message['params']['entry'].get('url', '')}")
        return message

    def open(
        self, path: Path, *, width: int = 1280, height: int = 900, dark: bool = False, scripts: bool = True
    ) -> None:
        """Show a page from disk; returns once it is loaded and its pictures are drawn."""
        self.ask("Emulation.setScriptExecutionDisabled", value=not scripts)
        self.ask(
            "Emulation.setDeviceMetricsOverride", width=width, height=height, deviceScaleFactor=1, mobile=width < 600
        )
        scheme = [{"name": "prefers-color-scheme", "value": "dark" if dark else "light"}]
        self.ask("Emulation.setEmulatedMedia", features=scheme)
        self.ask("Page.navigate", url=path.as_uri())
        self.until("document.readyState === 'complete'")

    def until(self, condition: str) -> None:
        """Wait for an expression to be true."""
        end = time.monotonic() + SECONDS
        while not self.js(f"Boolean({condition})"):
            assert time.monotonic() < end, condition
            time.sleep(0.02)

    def js(self, expression: str) -> object:
        """The value of an expression in the page; a promise is waited for."""
        found = self.ask("Runtime.evaluate", expression=expression, returnByValue=True, awaitPromise=True)
        assert "exceptionDetails" not in found, found["exceptionDetails"]
        return found["result"].get("value")

    def hover(self, x: float, y: float) -> None:
        self.ask("Input.dispatchMouseEvent", type="mouseMoved", x=x, y=y)

    def click(self, selector: str) -> None:
        """Press what `selector` finds with the pointer, in its middle."""
        find = f"document.querySelector({json.dumps(selector)})"
        place = (
            f"(() => {{ const it = {find}; it.scrollIntoView({{block: 'center', behavior: 'instant'}});"
            "const box = it.getBoundingClientRect(); return [box.x + box.width / 2, box.y + box.height / 2]; })()"
        )
        x, y = self.js(place)
        for kind in ("mousePressed", "mouseReleased"):
            self.ask("Input.dispatchMouseEvent", type=kind, x=x, y=y, button="left", clickCount=1)

    def press(self, key: str) -> None:
        """A key, by its name such as Tab or ArrowLeft."""
        codes = {"Tab": 9, "Enter": 13, "Escape": 27, "End": 35, "Home": 36, "ArrowLeft": 37, "ArrowRight": 39}
        for kind in ("keyDown", "keyUp"):
            text = {"text": "\r"} if key == "Enter" and kind == "keyDown" else {}
            self.ask("Input.dispatchKeyEvent", type=kind, key=key, code=key, windowsVirtualKeyCode=codes[key], **text)
