"""Passkeys in Chromium, whose virtual authenticator makes and shows them: as second step, alone, and not on a page of
another origin."""

import http.server
import threading
from collections.abc import Iterator
from dataclasses import dataclass
from pathlib import Path
from typing import Any

import pytest

from tests.interop.browser import Browser, chromium
from tests.interop.demo import Demo, demo

pytestmark = pytest.mark.interop

OPTIONS = """
  const reply = await fetch("/passkeys/show/sign-in/options", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: "{}",
  });
  return await reply.json();
"""
GET = (
    "navigator.credentials.get({ publicKey: PublicKeyCredential.parseRequestOptionsFromJSON(arguments[0]) })"
)
SEND = """
  const reply = await fetch("/passkeys/show/sign-in", {
    method: "POST", headers: { "Content-Type": "application/json" }, body: JSON.stringify(arguments[0]),
  });
  return [reply.status, (await reply.json()).type];
"""
BY_BUTTON = "PublicKeyCredential.isConditionalMediationAvailable = async () => false;"
"""Without this the browser fills in what its authenticator has, which consents to everything."""
LISTED = "return await (await fetch('/passkeys')).json()"


@dataclass
class Person:
    """Somebody at a browser."""

    browser: Browser
    at: str
    login: str
    password: str

    def until(self, test: str) -> None:
        """Wait for what a script says."""
        self.browser.until(test)

    def arrived(self, path: str) -> None:
        """Wait for a page."""
        self.until(f"location.pathname === '{path}' && document.readyState === 'complete'")

    def with_password(self) -> None:
        """Type login and password."""
        self.browser.open(f"{self.at}/sign-in")
        self.browser.type("input[name=address]", self.login)
        self.browser.type("input[name=password]", self.password)
        self.browser.click("form button")

    def make(self) -> None:
        """On the account's page, press the button that makes one."""
        self.browser.open(f"{self.at}/account/passkeys")
        self.until("!document.querySelector('[data-passkey=make]').hidden")
        self.browser.type("[data-passkey=make] input[name=name]", "Test key")
        self.browser.click("[data-passkey=make] button")

    def listed(self) -> list[dict[str, Any]]:
        """The passkeys of who is signed in."""
        found: list[dict[str, Any]] = self.browser.run(LISTED)
        return found


@pytest.fixture(scope="module")
def provider(tmp_path_factory: pytest.TempPathFactory) -> Iterator[Demo]:
    with demo(tmp_path_factory.mktemp("demo"), "--plain", "--users", "20") as running:
        yield running


@pytest.fixture
def person(provider: Demo, tmp_path: Path) -> Iterator[Person]:
    with chromium(tmp_path) as browser:
        someone = provider.newcomer()
        yield Person(browser, f"http://localhost:{provider.ports['http']}", someone.login, someone.password)


def signed_in_with_passkey(person: Person) -> str:
    """Sign in with the password, and make a passkey; the authenticator."""
    key = person.browser.add_authenticator()
    person.with_password()
    person.arrived("/account")
    person.make()
    person.until("!document.querySelector('[data-passkey-made]').hidden")
    return key


@pytest.mark.parametrize("scheme", ["http", "https"])
def test_made_and_shown_as_second_step_and_alone(provider: Demo, person: Person, scheme: str) -> None:
    person.at = f"{scheme}://localhost:{provider.ports[scheme]}"
    browser = person.browser
    browser.before_pages(BY_BUTTON)
    key = signed_in_with_passkey(person)
    codes = browser.run(
        "return [...document.querySelectorAll('[data-passkey-codes] li')].map((li) => li.textContent)"
    )
    assert len(codes) == 10
    shown = browser.text("main")
    assert "The passkey is added." in shown
    assert "There is none yet." not in shown
    assert "May be left empty" not in shown
    (made,) = browser.credentials(key)
    assert (made["rpId"], made["isResidentCredential"]) == ("localhost", True)
    (listed,) = person.listed()
    assert (listed["name"], listed["alone"]) == ("Test key", True)

    # A second one on the same device: the browser knows
    person.make()
    person.until("!document.querySelector('[data-passkey-known]').hidden")
    assert len(person.listed()) == 1

    # One on another device, by a name that is taken: the same one gets another name
    browser.remove_authenticator(key)
    second = browser.add_authenticator()
    person.make()
    person.until("!document.querySelector('[data-passkey-refused]').hidden")
    browser.type("[data-passkey=make] input[name=name]", " of the office")
    browser.click("[data-passkey=make] button")
    person.until("location.search === '?done=passkey_added'")
    assert "The passkey is added." in browser.text("main")
    assert len(browser.credentials(second)) == 1
    browser.remove_authenticator(second)
    newer = max(person.listed(), key=lambda one: one["id"])
    browser.run(
        "await fetch(`/passkeys/${arguments[0]}/remove`, {method: 'POST', headers: {'Content-Type':"
        " 'application/json', 'X-Pillarbox': '1'}, body: '{}'})",
        newer["id"],
    )
    key = browser.add_authenticator()
    browser.add_credential(key, made)

    browser.forget_cookies()
    person.with_password()
    person.arrived("/sign-in/code")
    browser.click("[data-passkey] button")
    person.arrived("/account")
    (listed,) = person.listed()
    assert listed["lastUsed"]

    browser.forget_cookies()
    browser.open(f"{person.at}/sign-in")
    browser.click("[data-passkey] button")
    person.arrived("/account")
    assert person.login in browser.run("return document.body.innerText")


def test_a_demo_says_at_which_ports_its_mail_is(provider: Demo, person: Person) -> None:
    person.with_password()
    person.arrived("/account")
    person.browser.open(f"{person.at}/account/app-passwords/new")
    person.browser.type("#name", "Phone")
    person.browser.click(".page .button-main")
    person.until("document.querySelector('.facts')")
    shown = person.browser.text(".facts")
    for service in ("imaps", "pop3s", "submissions"):
        assert f"Port {provider.ports[service]}, with TLS" in shown


def test_filled_in_by_the_browser(person: Person) -> None:
    signed_in_with_passkey(person)
    person.browser.forget_cookies()
    person.browser.open(f"{person.at}/sign-in?to=/account/devices")
    person.arrived("/account/devices")


def test_not_without_its_holder(person: Person) -> None:
    key = signed_in_with_passkey(person)
    browser = person.browser
    (made,) = browser.credentials(key)
    browser.remove_authenticator(key)
    other = browser.add_authenticator(isUserVerified=False)
    browser.add_credential(other, made)
    browser.forget_cookies()
    browser.open(f"{person.at}/sign-in")
    browser.click("[data-passkey] button")
    person.until("!document.querySelector('[data-passkey-problem]').hidden")
    assert browser.url.endswith("/sign-in")


def test_another_origin(provider: Demo, person: Person) -> None:
    person.browser.before_pages(BY_BUTTON)
    signed_in_with_passkey(person)
    browser, port = person.browser, provider.ports["http"]
    elsewhere = f"http://127.0.0.1:{port}"
    browser.open(f"{elsewhere}/sign-in")
    assert browser.run("return document.querySelectorAll('[data-passkey]').length") == 0, (
        "the button is absent"
    )
    assert "localhost" in browser.run("return document.body.innerText"), (
        "and the page says where there are some"
    )
    told = browser.run(
        "const reply = await fetch('/passkeys/show/sign-in/options',"
        " {method: 'POST', headers: {'Content-Type': 'application/json'}, body: '{}'});"
        " return [reply.status, (await reply.json()).reason]"
    )
    assert told == [409, "address"]
    # What is asked for by our page, asked for by another
    browser.open(f"{person.at}/sign-in")
    options = browser.run(OPTIONS)
    browser.open(f"{elsewhere}/sign-in")
    assert (
        browser.run(f"return await {GET}.then(() => 'let in', (error) => error.name)", options)
        == "SecurityError"
    )


class Nothing(http.server.BaseHTTPRequestHandler):
    """An empty page."""

    def do_GET(self) -> None:
        self.send_response(200)
        self.send_header("Content-Type", "text/html")
        self.end_headers()
        self.wfile.write(b"<!doctype html><title>elsewhere</title>")

    def log_message(self, *_: object) -> None:
        """Nothing."""


def test_another_port_of_the_same_host(person: Person) -> None:
    """The browser asks its person there, and we refuse what comes of it."""
    person.browser.before_pages(BY_BUTTON)
    signed_in_with_passkey(person)
    browser = person.browser
    browser.forget_cookies()
    browser.open(f"{person.at}/sign-in")
    options = browser.run(OPTIONS)
    with http.server.ThreadingHTTPServer(("127.0.0.1", 0), Nothing) as server:
        thread = threading.Thread(target=server.serve_forever)
        thread.start()
        browser.open(f"http://localhost:{server.server_address[1]}/")
        signed = browser.run(f"return (await {GET}).toJSON()", options)
        server.shutdown()
        thread.join()
    browser.open(f"{person.at}/signed-out")
    assert browser.run(SEND, signed) == [403, "urn:pillarbox:passkey-refused"]
    options = browser.run(OPTIONS)
    signed = browser.run(f"return (await {GET}).toJSON()", options)
    assert browser.run(SEND, signed) == [200, None], "the same on our page"


# --- one request at a time, and challenges that do not end while a page lies open

FAKE = """
  window.asked = [];
  window.timers = [];
  const real = window.setTimeout;
  window.setTimeout = (work, ms) => (ms > 60000 ? window.timers.push({ work, ms }) : real(work, ms));
  PublicKeyCredential.isConditionalMediationAvailable = async () => true;
  navigator.credentials.get = ({ mediation, publicKey, signal }) => new Promise((_, refuse) => {
    const running = window.asked.filter((one) => !one.ended).length;
    const one = { mediation: mediation || "", running, ended: false, challenge: publicKey.challenge.join() };
    window.asked.push(one);
    signal.addEventListener("abort", () => real(() => {
      one.ended = true;
      refuse(new DOMException("ended", "AbortError"));
    }, 50));
  });
"""


def test_one_request_at_a_time_and_challenges_that_do_not_end(person: Person) -> None:
    browser = person.browser
    browser.before_pages(FAKE)
    browser.open(f"{person.at}/sign-in")
    person.until("window.asked.length === 1")
    # The page lies open until the challenge would end
    browser.run("const { work, ms } = window.timers.at(-1); if (ms >= 600000) throw ms; work();")
    person.until("window.asked.length === 2")
    browser.click("[data-passkey] button")
    person.until("window.asked.length === 3")
    first, second, third = browser.run("return window.asked")
    assert [one["mediation"] for one in (first, second, third)] == ["conditional", "conditional", ""]
    assert [one["running"] for one in (first, second, third)] == [0, 0, 0]
    assert len({one["challenge"] for one in (first, second, third)}) == 3
    assert [one["ended"] for one in (first, second, third)] == [True, True, False]
