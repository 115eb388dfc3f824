"""A headless Chromium, driven over WebDriver (W3C): opens pages, runs scripts in them."""

import contextlib
import json
import subprocess
import urllib.request
from collections.abc import Iterator
from pathlib import Path
from typing import Any

from tests.interop.programs import need

# What Chromium asks the internet for by itself is switched off
ARGUMENTS = (
    "--headless",
    "--no-sandbox",
    "--disable-gpu",
    "--disable-dev-shm-usage",
    "--disable-quic",
    "--no-first-run",
    "--disable-background-networking",
    "--disable-component-update",
    "--disable-sync",
)
SCRIPT_S = 30
ATTEMPTS = 3


class Browser:
    """One window."""

    def __init__(self, driver: str, folder: Path) -> None:
        self._driver = driver
        options = {"args": [*ARGUMENTS, f"--user-data-dir={folder}"], "binary": need("chromium")}
        wanted = {"browserName": "chrome", "acceptInsecureCerts": True, "goog:chromeOptions": options}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{made['sessionId']}"
        self._ask("POST", f"{self._session}/timeouts", {"script": SCRIPT_S * 1000})

    def open(self, url: str) -> None:
        """Load a page to its end."""
        self._ask("POST", f"{self._session}/url", {"url": url})

    def run(self, script: str, *arguments: object) -> Any:
        """What the body of an async function returns."""
        body = (
            "const done = arguments[arguments.length - 1];"
            f"(async (...arguments) => {{ {script} }})(...arguments)"
            ".then((value) => done({ value }), (error) => done({ error: String(error) }));"
        )
        found = self._ask("POST", f"{self._session}/execute/async", {"script": body, "args": list(arguments)})
        assert "error" not in found, found["error"]
        return found.get("value")

    def close(self) -> None:
        """End it."""
        self._ask("DELETE", self._session)

    def _ask(self, method: str, path: str, content: object = None) -> Any:
        octets = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self._driver + path, octets, method=method)
        request.add_header("Content-Type", "application/json")
        with urllib.request.urlopen(request, timeout=2 * SCRIPT_S) as response:
            return json.load(response)["value"]


@contextlib.contextmanager
def chromium(folder: Path) -> Iterator[Browser]:
    """Start it with an empty profile in this folder."""
    need("chromium")
    for attempt in range(ATTEMPTS):
        process, port = _driver()
        if port:
            break
        process.wait(SCRIPT_S)  # the port that it had chosen was taken meanwhile
        assert attempt + 1 < ATTEMPTS, "chromedriver does not start"
    try:
        browser = Browser(f"http://127.0.0.1:{port}", folder)
        try:
            yield browser
        finally:
            browser.close()
    finally:
        process.terminate()
        process.wait(SCRIPT_S)
        assert process.stdout is not None
        process.stdout.close()


def _driver() -> "tuple[subprocess.Popen[str], str]":
    """chromedriver and its port, which is empty where it has ended at once."""
    command = [need("chromedriver"), "--port=0"]
    process = subprocess.Popen(command, stdout=subprocess.PIPE, stderr=subprocess.DEVNULL, text=True)
    assert process.stdout is not None
    said = next((line for line in process.stdout if "started successfully" in line), "")
    return process, said.rstrip(".\n").rpartition(" ")[2]
