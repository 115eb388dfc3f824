"""The pages in Chromium: signing in with and without script, and what axe finds on each page."""

import os
from collections.abc import Iterator
from pathlib import Path
from typing import Any

import pytest

from pillarbox.server.http.routes import ROUTES
from pillarbox.server.pages.account.visiting import SECTIONS
from tests.interop.browser import Browser, chromium
from tests.kit.http.server import open_http
from tests.kit.provider import PASSWORD, PEOPLE
from tests.kit.server import Server

pytestmark = pytest.mark.interop
FORMS = ("/account/app-passwords/new", "/account/second-factor/set-up", "/account/recovery-address/set")
WIDTHS = (320, 768, 1280)


@pytest.fixture(scope="module")
def server() -> Iterator[Server]:
    with open_http(*ROUTES, url="https://mail.one.example") as opened:
        yield opened


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    with chromium(tmp_path_factory.mktemp("chromium")) as opened:
        yield opened


def url(server: Server, path: str) -> str:
    return f"http://localhost:{server.ports['http']}{path}"


def sign_in(server: Server, browser: Browser, password: str = PASSWORD) -> None:
    """As a person does: typed, and the button pressed."""
    browser.forget_cookies()
    browser.open(url(server, "/sign-in?to=/account/devices"))
    browser.type("#address", PEOPLE[0])
    browser.type("#password", password)
    browser.click(".form button")


@pytest.mark.parametrize("without_script", [True, False])
def test_signing_in(server: Server, browser: Browser, without_script: bool) -> None:
    browser.command("Emulation.setScriptExecutionDisabled", value=without_script)
    sign_in(server, browser, "guess")
    browser.comes_to(url(server, "/sign-in"))
    assert "do not fit together" in browser.text("main")
    sign_in(server, browser)
    browser.comes_to(url(server, "/account/devices"))
    assert "Chrome, Linux" in browser.text("main")
    browser.click(".side-foot button")
    browser.comes_to(url(server, "/signed-out"))
    browser.command("Emulation.setScriptExecutionDisabled", value=False)


def axe() -> str:
    """The npm package axe-core, in a folder of `NODE_PATH`."""
    for folder in os.environ.get("NODE_PATH", "").split(os.pathsep):
        script = Path(folder) / "axe-core" / "axe.min.js"
        if folder and script.exists():
            return script.read_text()
    pytest.skip("the npm package axe-core is not installed (in NODE_PATH)")


def look(browser: Browser, width: int, scheme: str) -> None:
    """Look at pages with a window of this width, by light or in the dark."""
    browser.command(
        "Emulation.setDeviceMetricsOverride", width=width, height=800, deviceScaleFactor=1, mobile=False
    )
    browser.command(
        "Emulation.setEmulatedMedia", features=[{"name": "prefers-color-scheme", "value": scheme}]
    )


def flaws(browser: Browser, script: str) -> Any:
    """What axe finds; what is too wide for the window; and what the page may not do by its own policy."""
    found = browser.run(
        script
        + "; const found = await axe.run(document, {runOnly: ['wcag2a', 'wcag2aa', 'wcag21aa', 'wcag22aa',"
        " 'best-practice']});"
        "return found.violations.map((one) => [one.id, one.nodes.map((node) => node.html).join(' ')]);"
    )
    wide = browser.run("return document.documentElement.scrollWidth > document.documentElement.clientWidth")
    return [*found, *(["too wide"] if wide else [])]


@pytest.mark.parametrize("scheme", ["light", "dark"])
def test_what_axe_finds(server: Server, browser: Browser, scheme: str) -> None:
    script = axe()
    found: dict[str, Any] = {}

    def check(path: str) -> None:
        for width in WIDTHS:
            look(browser, width, scheme)
            browser.open(url(server, path))
            found[f"{path} {width}"] = flaws(browser, script)

    browser.forget_cookies()
    for path in ("/", "/sign-in", "/sign-in?note=expired", "/signed-out"):
        check(path)
    sign_in(server, browser, "guess")
    browser.comes_to(url(server, "/sign-in"))
    found["wrong"] = flaws(browser, script)
    sign_in(server, browser)
    browser.comes_to(url(server, "/account/devices"))
    for path in ("/", "/account", *(section.path for section in SECTIONS), *FORMS):
        check(path)
    assert not {path: what for path, what in found.items() if what}
    assert len(found) > 3 * len(SECTIONS)
