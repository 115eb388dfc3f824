"""The webmail against a demo: its own client in Node, and the page in Chromium."""

import json
import smtplib
import subprocess
from collections.abc import Iterator
from email.message import EmailMessage
from pathlib import Path
from typing import Any

import pytest

from pillarbox.server.webmail.built import FOLDER
from tests.interop.browser import Browser, chromium
from tests.interop.demo import Demo, Person
from tests.interop.programs import missing, need
from tests.interop.test_pages import axe, flaws, look
from tests.kit.paths import ROOT

pytestmark = pytest.mark.interop
VITE = ROOT / "webmail" / "node_modules" / "vite" / "bin" / "vite.js"
BUILD_S = 60
RUN_S = 60
FIRST_LOAD_OCTETS = 150_000
WATCH = "window.refused = []; addEventListener('securitypolicyviolation', (e) => refused.push(e.blockedURI));"


def server_of(provider: Demo) -> str:
    return f"http://localhost:{provider.ports['http']}"


def deliver(provider: Demo, person: Person, subject: str) -> None:
    """Mail from elsewhere."""
    message = EmailMessage()
    message["From"], message["To"], message["Subject"] = "Vera <vera@else.example>", person.address, subject
    message.set_content("The harbour is quiet.")
    with smtplib.SMTP(provider.host, provider.ports["smtp"]) as client:
        client.send_message(message, "vera@else.example", [person.address])


# --- the client


@pytest.fixture(scope="module")
def client(tmp_path_factory: pytest.TempPathFactory) -> Path:
    """The client, as a module that Node runs."""
    if not VITE.exists():
        missing("what webmail/package-lock.json names is not installed (dev/webmail does)")
    folder = tmp_path_factory.mktemp("client")
    (folder / "package.json").write_text('{"type": "module"}')
    command = [
        need("node"),
        str(VITE),
        "build",
        "--ssr",
        "src/jmap/index.ts",
        "--outDir",
        str(folder / "out"),
    ]
    subprocess.run(command, cwd=ROOT / "webmail", check=True, capture_output=True, text=True, timeout=BUILD_S)
    return folder / "out" / "index.js"


def test_the_client(plain_provider: Demo, client: Path) -> None:
    person = plain_provider.newcomer()
    deliver(plain_provider, person, "The first")
    script = Path(__file__).with_name("webmail.mjs")
    process = subprocess.Popen(
        [need("node"), script, client, server_of(plain_provider), person.address, person.password],
        stdout=subprocess.PIPE,
        stderr=subprocess.PIPE,
        text=True,
    )
    seen: list[dict[str, Any]] = []
    assert process.stdout is not None
    for line in process.stdout:
        seen.append(json.loads(line))
        if "listening" in seen[-1]:
            deliver(plain_provider, person, "The second")
    _, said = process.communicate(timeout=RUN_S)
    assert process.returncode == 0, said
    assert seen == [
        {"signedIn": 303, "to": "/mail"},
        {"username": person.address, "subjects": ["The first"]},
        {"refused": "accountNotFound", "created": 1, "isMine": True},
        {"listening": True},
        {"subjects": ["The second", "The first"]},
        {"after": "ended", "ended": 1},
    ]


# --- the page


@pytest.fixture(scope="module")
def browser(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Browser]:
    if not (FOLDER / "index.html").exists():
        missing("the webmail is not built (dev/webmail build)")
    with chromium(tmp_path_factory.mktemp("chromium")) as opened:
        opened.before_pages(WATCH)
        yield opened


@pytest.fixture
def person(plain_provider: Demo, browser: Browser) -> Person:
    """Somebody who has signed in, and sees the newest mail."""
    person = plain_provider.newcomer()
    deliver(plain_provider, person, "Boat for the weekend")
    browser.forget_cookies()
    browser.open(f"{server_of(plain_provider)}/mail/inbox")
    browser.type("#address", person.address)
    browser.type("#password", person.password)
    browser.click(".form button")
    browser.comes_to(f"{server_of(plain_provider)}/mail/inbox")
    browser.until("document.querySelector('main').innerText.includes('Boat for the weekend')")
    return person


def test_who_signs_in_sees_their_mail_and_what_comes(
    plain_provider: Demo, browser: Browser, person: Person
) -> None:
    assert "Vera" in browser.text("main .row")
    assert browser.run("return document.title") == "Inbox – Pillarbox"
    deliver(plain_provider, person, "The blue one is free")
    browser.until("document.querySelector('main .row').innerText.includes('The blue one is free')")
    assert browser.run("return document.querySelector('nav [aria-current] .num').firstChild.data") == "2"


def test_addresses_are_what_is_shown(plain_provider: Demo, browser: Browser, person: Person) -> None:
    browser.run("window.isSame = true")
    browser.click("nav a[href='/mail/sent']")
    browser.until("document.querySelector('h1').innerText === 'Sent'")
    assert browser.url == f"{server_of(plain_provider)}/mail/sent"
    browser.run("history.back()")
    browser.until("document.querySelector('main').innerText.includes('Boat for the weekend')")
    assert browser.run("return window.isSame")
    browser.open(f"{server_of(plain_provider)}/mail/none")
    browser.until("document.querySelector('h1').innerText === 'There is no such folder'")


def test_the_page_asks_nobody_else_and_does_nothing_that_it_may_not(
    plain_provider: Demo, browser: Browser, person: Person
) -> None:
    browser.open(f"{server_of(plain_provider)}/mail/inbox")
    browser.until("document.querySelector('main').innerText.includes('Boat for the weekend')")
    deliver(plain_provider, person, "The blue one is free")
    browser.until("document.querySelector('main').innerText.includes('The blue one is free')")
    loaded = browser.run(
        "return performance.getEntriesByType('resource').map((one) => [one.name, one.encodedBodySize])"
    )
    assert browser.run("return refused") == []
    assert {"/".join(name.split("/")[:3]) for name, _ in loaded} == {server_of(plain_provider)}
    assert not [name for name, _ in loaded if "/jmap/eventsource/" in name], "a WebSocket tells of new mail"
    assert 0 < sum(size for name, size in loaded if "/webmail/" in name) <= FIRST_LOAD_OCTETS


def test_what_somebody_has_uploaded_is_no_script_of_the_page(browser: Browser, person: Person) -> None:
    script = """
        const session = await (await fetch("/jmap/session")).json();
        const account = Object.keys(session.accounts)[0];
        const url = session.uploadUrl.replace("{accountId}", account);
        const headers = { "X-Pillarbox": "1", "Content-Type": "text/javascript" };
        const made = await (await fetch(url, { method: "POST", headers, body: "window.ran = true" })).json();
        const values = { accountId: account, blobId: made.blobId, name: "a.js", type: "text/javascript" };
        const source = session.downloadUrl.replace(/{(\\w+)}/g, (_, name) => encodeURIComponent(values[name]));
        const status = (await fetch(source)).status;
        const element = document.createElement("script");
        try { element.src = source; } catch { return [status, "no address is taken"]; }
        document.head.append(element);
        await new Promise((done) => (element.onload = element.onerror = done));
        return [status, window.ran ?? "not run"];
    """
    assert browser.run(script) == [200, "no address is taken"]


def test_who_is_signed_out_elsewhere_is_told(browser: Browser, person: Person) -> None:
    browser.run(
        "await fetch('/sign-out', { method: 'POST', body: new URLSearchParams(), redirect: 'manual' })"
    )
    browser.until("document.querySelector('main').innerText.includes('You are signed out')")
    assert "Boat for the weekend" in browser.text("main")
    assert browser.run("return document.querySelector('main .btn').pathname") == "/sign-in"


@pytest.mark.parametrize("scheme", ["light", "dark"])
@pytest.mark.parametrize("width", [320, 768, 1280])
def test_axe_finds_nothing(browser: Browser, person: Person, width: int, scheme: str) -> None:
    look(browser, width, scheme)
    assert flaws(browser, axe()) == []
