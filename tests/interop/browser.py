"""A headless Chromium, driven over WebDriver (W3C): opens pages, runs scripts in them."""

import contextlib
import json
import subprocess
import time
import urllib.error
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


class DriverFailed(Exception):
    """What WebDriver says why it can't (W3C WebDriver §6.6)."""


class Browser:
    """One window."""

    def __init__(self, driver: str, folder: Path) -> None:
        self._driver = driver
        options = {"args": [*ARGUMENTS, f"--user-data-dir={folder}"], "binary": need("chromium")}
        wanted = {"browserName": "chrome", "acceptInsecureCerts": True, "goog:chromeOptions": options}
        made = self._ask("POST", "/session", {"capabilities": {"alwaysMatch": wanted}})
        self._session = f"/session/{made['sessionId']}"
        times = {"script": SCRIPT_S * 1000, "implicit": SCRIPT_S * 1000}
        self._ask("POST", f"{self._session}/timeouts", times)

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

    def until(self, test: str) -> None:
        """Wait until this expression is true, on whatever page the browser comes to."""
        end = time.monotonic() + SCRIPT_S
        while not self._holds(test):
            assert time.monotonic() < end, f"never: {test}"
            time.sleep(0.02)

    def _holds(self, test: str) -> bool:
        script = {"script": f"return Boolean({test})", "args": []}
        try:
            return bool(self._ask("POST", f"{self._session}/execute/sync", script))
        except DriverFailed:  # the page goes away, or has not all of its elements yet
            return False

    @property
    def url(self) -> str:
        """Where it is."""
        return str(self._ask("GET", f"{self._session}/url"))

    def comes_to(self, url: str) -> None:
        """Wait until it is at this address: pages go on a while after what was clicked."""
        end = time.monotonic() + SCRIPT_S
        while self.url != url:
            assert time.monotonic() < end, f"it is at {self.url}"
            time.sleep(0.02)

    def click(self, selector: str) -> None:
        """Click on what this CSS selector finds, as a person does."""
        self._ask("POST", f"{self._session}/element/{self._element(selector)}/click", {})

    def type(self, selector: str, text: str) -> None:
        """Type into a field."""
        self._ask("POST", f"{self._session}/element/{self._element(selector)}/value", {"text": text})

    def text(self, selector: str) -> str:
        """What an element shows."""
        return str(self._ask("GET", f"{self._session}/element/{self._element(selector)}/text"))

    def command(self, name: str, **parameters: object) -> None:
        """Have the browser itself do something (the protocol of its developer tools)."""
        content = {"cmd": name, "params": parameters}
        self._ask("POST", f"{self._session}/goog/cdp/execute", content)

    def forget_cookies(self) -> None:
        """Be a browser that was never here."""
        self._ask("DELETE", f"{self._session}/cookie")

    def add_authenticator(self, **options: object) -> str:
        """Plug an authenticator in, which consents to all that it is asked (Web Authentication §11); its name."""
        usual = {
            "protocol": "ctap2",
            "transport": "internal",
            "hasResidentKey": True,
            "hasUserVerification": True,
            "isUserConsenting": True,
            "isUserVerified": True,
        }
        return str(self._ask("POST", f"{self._session}/webauthn/authenticator", {**usual, **options}))

    def remove_authenticator(self, name: str) -> None:
        """Unplug it."""
        self._ask("DELETE", f"{self._session}/webauthn/authenticator/{name}")

    def add_credential(self, authenticator: str, credential: dict[str, Any]) -> None:
        """Give an authenticator a passkey of another one."""
        self._ask("POST", f"{self._session}/webauthn/authenticator/{authenticator}/credential", credential)

    def before_pages(self, script: str) -> None:
        """Run a script in each page before its own."""
        wanted = {"cmd": "Page.addScriptToEvaluateOnNewDocument", "params": {"source": script}}
        self._ask("POST", f"{self._session}/goog/cdp/execute", wanted)

    def credentials(self, authenticator: str) -> list[dict[str, Any]]:
        """The passkeys that an authenticator has."""
        path = f"{self._session}/webauthn/authenticator/{authenticator}/credentials"
        found: list[dict[str, Any]] = self._ask("GET", path)
        return found

    def _element(self, selector: str) -> str:
        wanted = {"using": "css selector", "value": selector}
        found = self._ask("POST", f"{self._session}/element", wanted)
        return str(next(iter(found.values())))

    def close(self) -> None:
        """End it."""
        self._ask("DELETE", self._session)

    def _ask(self, method: str, path: str, content: object = None) -> Any:
        octets = None if content is None else json.dumps(content).encode()
        request = urllib.request.Request(self._driver + path, octets, method=method)
        request.add_header("Content-Type", "application/json")
        try:
            with urllib.request.urlopen(request, timeout=2 * SCRIPT_S) as response:
                return json.load(response)["value"]
        except urllib.error.HTTPError as failed:
            told = json.load(failed)["value"]
            raise DriverFailed(f"{told['error']}: {told['message']}") from None


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
