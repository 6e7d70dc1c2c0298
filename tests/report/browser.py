"""A headless Chromium, spoken to through a pipe, for tests that look at a page as a reader does."""

import base64
import json
import os
import select
import shutil
import subprocess
import time
from pathlib import Path

FLAGS = (
    "--headless", "--no-sandbox", "--disable-gpu", "--disable-quic", "--no-first-run",
    "--disable-background-networking", "--disable-component-update", "--disable-sync",
    "--disable-dev-shm-usage", "--remote-debugging-pipe", "--window-size=1500,1000",
    # No name resolves: whatever a page wants from elsewhere fails and is seen in `requests`.
    "--host-resolver-rules=MAP * ~NOTFOUND",
)  # fmt: skip


def chromium():
    """The path of Chromium, or None."""
    return shutil.which("chromium") or shutil.which("chromium-browser")


class Browser:
    """One page of a browser. Use it as a context manager.

    `errors`: what the page's console reported as errors, and uncaught exceptions. `requests`: every
    URL the page asked for, also those that failed.
    """

    def __init__(self, profile):
        self.errors, self.requests, self.count, self.unread = [], [], 0, b""
        self.profile = Path(profile)

    def __enter__(self):
        # Chromium reads commands from descriptor 3 and writes answers to 4, each ended by a zero.
        commands, self.write_end = os.pipe()
        self.read_end, answers = os.pipe()
        command = [chromium(), *FLAGS, f"--user-data-dir={self.profile}", "about:blank"]
        redirected = ["bash", "-c", f'exec "$@" 3<&{commands} 4>&{answers}', "bash", *command]
        with open(self.profile.with_suffix(".log"), "wb") as log:
            self.process = subprocess.Popen(
                redirected, pass_fds=(commands, answers), stdout=log, stderr=log
            )
        os.close(commands)
        os.close(answers)
        self.session = None
        target = self.send("Target.createTarget", url="about:blank")["targetId"]
        attached = self.send("Target.attachToTarget", targetId=target, flatten=True)
        self.session = attached["sessionId"]
        for domain in ("Page", "Runtime", "Log", "Network"):
            self.send(f"{domain}.enable")
        return self

    def __exit__(self, *_):
        self.process.terminate()
        self.process.wait(30)
        os.close(self.write_end)
        os.close(self.read_end)

    def send(self, method, **parameters):
        """Send a command of the devtools protocol and return its result."""
        self.count += 1
        message = {"id": self.count, "method": method, "params": parameters}
        if self.session:
            message["sessionId"] = self.session
        data = json.dumps(message).encode() + b"\0"
        while data:
            data = data[os.write(self.write_end, data) :]
        end = time.monotonic() + 60
        while time.monotonic() < end:
            answer = self.receive(end)
            if answer.get("id") == self.count:
                assert "error" not in answer, (method, answer["error"])
                return answer["result"]
        raise AssertionError(f"Chromium did not answer {method}")

    def receive(self, end):
        """Return the next message, after keeping what it tells of errors and requests."""
        while b"\0" not in self.unread:
            ready, *_ = select.select([self.read_end], [], [], max(0, end - time.monotonic()))
            part = os.read(self.read_end, 2**20) if ready else b""
            assert part, f"Chromium ended or hangs, see {self.profile.with_suffix('.log')}"
            self.unread += part
        message, self.unread = self.unread.split(b"\0", 1)
        message = json.loads(message)
        name, about = message.get("method"), message.get("params", {})
        if name == "Network.requestWillBeSent":
            self.requests.append(about["request"]["url"][:200])
        elif name == "Runtime.exceptionThrown":
            self.errors.append(json.dumps(about["exceptionDetails"])[:500])
        elif name == "Log.entryAdded" and about["entry"]["level"] == "error":
            self.errors.append(about["entry"]["text"])
        elif name == "Runtime.consoleAPICalled" and about["type"] in ("error", "assert"):
            self.errors.append(json.dumps(about["args"])[:500])
        return message

    def open(self, path):
        """Open a local file and wait until it has loaded."""
        self.send("Page.navigate", url=Path(path).resolve().as_uri())
        self.wait_for("document.readyState == 'complete'")

    def evaluate(self, expression):
        """Return the value of a JavaScript expression; promises are awaited."""
        answer = self.send(
            "Runtime.evaluate", expression=expression, awaitPromise=True, returnByValue=True
        )
        assert "exceptionDetails" not in answer, answer["exceptionDetails"]
        return answer["result"].get("value")

    def wait_for(self, condition, seconds=30):
        """Wait until a JavaScript expression is true."""
        end = time.monotonic() + seconds
        while not self.evaluate(condition):
            assert time.monotonic() < end, f"never true: {condition}"
            time.sleep(0.02)

    def screenshot(self, path):
        """Save what the window shows as PNG."""
        data = self.send("Page.captureScreenshot", format="png")["data"]
        Path(path).write_bytes(base64.b64decode(data))
