"""Passkeys over HTTP: made by who is signed in, shown after the password and alone, each challenge once, and refused
otherwise. The browser is a software authenticator."""

import json
from collections.abc import Iterator
from concurrent.futures import ThreadPoolExecutor
from dataclasses import dataclass, field
from typing import Any

import pytest

from pillarbox.directory.sign_in import browser_sessions, passkeys, second_factors, sign_in_steps
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.pages.passkeys import ROUTES
from tests.component.server.sign_in.test_resetting import inbox
from tests.kit.authenticator import Authenticator
from tests.kit.http.server import HttpClient, Response, open_http
from tests.kit.http.signing_in import HOST, PATH, SECURE_ORIGIN, SIGN_IN, form
from tests.kit.provider import PASSWORD, PEOPLE
from tests.kit.server import Server


@dataclass
class Browser:
    """A browser with its cookies, and perhaps an authenticator."""

    server: Server
    phone: Authenticator = field(default_factory=Authenticator)
    cookies: dict[str, str] = field(default_factory=dict)
    origin: str = SECURE_ORIGIN

    def send(self, path: str, fields: dict[str, str], body: bytes) -> Response:
        method = "POST" if body else "GET"
        cookie = {"Cookie": "; ".join(f"{name}={value}" for name, value in self.cookies.items())}
        with HttpClient(self.server, tls=True) as client:
            answer = client.ask(
                f"{method} {path}", {**fields, **(cookie if self.cookies else {})}, body, host=HOST
            )
        for name, value in answer.cookies.items():
            token = value.partition(";")[0]
            self.cookies.pop(name, None)
            if token:
                self.cookies[name] = token
        return answer

    def post(self, path: str, content: object, **fields: str) -> Response:
        head = {"Content-Type": "application/json", "Origin": self.origin, **fields}
        return self.send(path, head, json.dumps(content).encode())

    def sign_in(self, person: int = 0) -> Response:
        """With the password."""
        return self.send(PATH, *form({"login": PEOPLE[person], "password": PASSWORD}))

    def who(self) -> str:
        return self.send(PATH, {}, b"").body.decode()

    def make(self, name: str = "", **other: Any) -> Response:
        options = self.post("/passkeys/make/options", {})
        assert options.status == 200, options.body
        made = self.phone.make(json.loads(options.body), other.pop("page", SECURE_ORIGIN), **other)
        return self.post("/passkeys/make", {"response": made, "name": name})

    def ask(self, occasion: str) -> dict[str, Any]:
        options = self.post(f"/passkeys/show/{occasion}/options", {})
        assert options.status == 200, options.body
        found: dict[str, Any] = json.loads(options.body)
        return found

    def show(self, occasion: str, **other: Any) -> Response:
        shown = self.phone.show(self.ask(occasion), other.pop("page", SECURE_ORIGIN), **other)
        return self.post(f"/passkeys/show/{occasion}", shown)


@pytest.fixture
def server() -> Iterator[Server]:
    with open_http(*SIGN_IN, *ROUTES, plain_allowed=False, url=SECURE_ORIGIN) as server:
        yield server


def owner(server: Server, person: int = 0) -> Browser:
    """Who has signed in with the password, and made a passkey."""
    browser = Browser(server)
    assert browser.sign_in(person).status == 200
    assert browser.make().status == 201
    return browser


def problem(answer: Response) -> tuple[int, str]:
    return answer.status, answer.problem.get("type", "")


REFUSED = (403, "urn:pillarbox:passkey-refused")
GONE = (410, "urn:pillarbox:step-ended")
PROVE = (403, "urn:pillarbox:prove-first")


def test_made_and_shown_after_the_password_and_alone(server: Server) -> None:
    browser = Browser(server)
    browser.sign_in()
    made = browser.make("Anna's phone")
    told = json.loads(made.body)
    assert (made.status, told["name"], len(told["recoveryCodes"])) == (201, "Anna's phone", 10)
    assert json.loads(browser.make().body)["recoveryCodes"] == [], "only with the first one"
    letters = inbox(server.provider)
    assert [text.startswith("A passkey was added to\r\n") for text in letters] == [True, True]
    assert all("    From: 127.0.0.1\r\n" in text for text in letters)
    assert '    Name: "Anna\'s phone"\r\n' in letters[0]

    other = Browser(server, browser.phone)
    assert other.sign_in().status == 202, "the password alone is not enough any more"
    assert other.who() == "nobody"
    assert other.show("code").status == 200
    assert other.who() == PEOPLE[0]

    third = Browser(server, browser.phone)
    assert third.ask("sign-in")["allowCredentials"] == []
    assert json.loads(third.show("sign-in").body) == {"login": PEOPLE[0]}
    assert third.who() == PEOPLE[0]
    methods = [one.method for one in sessions(server)]
    assert sorted(methods) == ["passkey", "password", "password+passkey"]
    listed = json.loads(third.send("/passkeys", {}, b"").body)
    assert listed[1]["lastAddress"] == "127.0.0.1"


def sessions(server: Server) -> list[browser_sessions.BrowserSession]:
    world = server.provider.world
    return server.run(
        world.database.read(
            browser_sessions.listing, server.provider.accounts[0], now_ms=world.clock.now_ms()
        )
    )


@pytest.mark.parametrize("occasion", ["sign-in", "code"])
def test_a_challenge_is_used_once(server: Server, occasion: str) -> None:
    phone = owner(server).phone
    browser = Browser(server, phone)
    if occasion == "code":
        browser.sign_in()
    shown = phone.show(browser.ask(occasion), SECURE_ORIGIN)
    cookies = dict(browser.cookies)
    assert browser.post(f"/passkeys/show/{occasion}", shown).status == 200
    again = Browser(server, phone, cookies)
    assert problem(again.post(f"/passkeys/show/{occasion}", shown)) == GONE
    assert again.who() == "nobody"
    # In a step of its own, what was signed for another one is no better
    fresh = Browser(server, phone)
    fresh.ask("sign-in")
    assert problem(fresh.post("/passkeys/show/sign-in", shown)) == REFUSED


def test_two_at_the_same_moment(server: Server) -> None:
    phone = owner(server).phone
    browser = Browser(server, phone)
    shown = phone.show(browser.ask("sign-in"), SECURE_ORIGIN)
    twice = [Browser(server, phone, dict(browser.cookies)) for _ in range(2)]
    with ThreadPoolExecutor(2) as threads:
        answers = list(threads.map(lambda one: one.post("/passkeys/show/sign-in", shown).status, twice))
    assert sorted(answers) == [200, 410]


def test_a_new_challenge_ends_the_one_before(server: Server) -> None:
    phone = owner(server).phone
    browser = Browser(server, phone)
    browser.sign_in()
    before = phone.show(browser.ask("code"), SECURE_ORIGIN)
    now = phone.show(browser.ask("code"), SECURE_ORIGIN)
    assert problem(browser.post("/passkeys/show/code", before)) == REFUSED
    assert browser.post("/passkeys/show/code", now).status == 200


def test_a_step_of_somebody_else(server: Server) -> None:
    hers, his = owner(server, 0), owner(server, 1)
    browser = Browser(server, his.phone)
    browser.sign_in(0)
    assert problem(browser.show("code")) == REFUSED
    # What was signed in his step says nothing in hers
    stranger = Browser(server, hers.phone)
    stranger.sign_in(1)
    signed = hers.phone.show({**stranger.ask("code"), "allowCredentials": []}, SECURE_ORIGIN)
    assert problem(browser.post("/passkeys/show/code", signed)) == REFUSED
    assert browser.who() == "nobody"


def test_few_tries(server: Server) -> None:
    phone = owner(server).phone
    browser = Browser(server, phone)
    browser.sign_in()
    options = browser.ask("code")
    wrong = phone.show(options, "https://evil.example")
    for _ in range(sign_in_steps.MAX_TRIES - 1):
        assert problem(browser.post("/passkeys/show/code", wrong)) == REFUSED
    assert problem(browser.post("/passkeys/show/code", wrong)) == GONE
    assert problem(browser.post("/passkeys/show/code", phone.show(options, SECURE_ORIGIN))) == GONE


@pytest.mark.parametrize(
    "other", [{"page": "https://evil.example"}, {"page": "http://127.0.0.1:8080"}, {"party": "evil.example"}]
)
def test_shown_or_made_on_a_page_elsewhere(server: Server, other: dict[str, Any]) -> None:
    browser = owner(server)
    assert problem(browser.make(**dict(other))) == REFUSED
    assert problem(Browser(server, browser.phone).show("sign-in", **dict(other))) == REFUSED


def test_requests_of_pages_elsewhere(server: Server) -> None:
    browser = owner(server)
    browser.origin = "https://evil.example"
    for path in ("/passkeys/show/sign-in/options", "/passkeys/make/options", "/passkeys/1/remove"):
        assert browser.post(path, {}).status == 403
    browser.origin = SECURE_ORIGIN
    assert browser.post("/passkeys/make/options", {}, **{"Sec-Fetch-Site": "same-site"}).status == 403
    text = browser.send(
        "/passkeys/make/options", {"Origin": SECURE_ORIGIN, "Content-Type": "text/plain"}, b"{}"
    )
    assert text.status == 415


def test_made_only_by_who_is_signed_in_and_has_just_proved_it(server: Server) -> None:
    assert Browser(server).post("/passkeys/make/options", {}).status == 401
    browser = owner(server)
    options = browser.post("/passkeys/make/options", {})
    stale(server)
    made = browser.phone.make(json.loads(options.body), SECURE_ORIGIN)
    number = json.loads(browser.send("/passkeys", {}, b"").body)[0]["id"]
    for path, content in (
        ("/passkeys/make/options", {}),
        ("/passkeys/make", {"response": made}),
        (f"/passkeys/{number}/remove", {}),
    ):
        assert problem(browser.post(path, content)) == PROVE
    assert browser.show("prove").status == 200
    assert browser.post("/passkeys/make", {"response": made}).status == 201


def stale(server: Server) -> None:
    """Nobody has proved lately who they are."""

    def verb(tx: Any) -> None:
        tx.execute("UPDATE browser_sessions SET proven_at_ms = proven_at_ms - 3600000")

    server.run(server.provider.world.database.write(verb))


def test_a_proof_gives_the_same_session_another_token(server: Server) -> None:
    browser = owner(server)
    before = dict(browser.cookies)
    stale(server)
    assert browser.show("prove").status == 200
    assert browser.cookies["__Host-pillarbox"] != before["__Host-pillarbox"]
    assert len(sessions(server)) == 1
    assert Browser(server).post("/passkeys/show/prove/options", {}).status == 401


def test_a_step_for_a_new_one_is_good_for_nothing_else(server: Server) -> None:
    browser = owner(server)
    options = json.loads(browser.post("/passkeys/make/options", {}).body)
    shown = browser.phone.show(
        {"challenge": options["challenge"], "rpId": options["rp"]["id"]}, SECURE_ORIGIN
    )
    assert problem(browser.post("/passkeys/show/sign-in", shown)) == GONE
    # The other way round, and in another session of the same person
    stranger = Browser(server, browser.phone)
    assert stranger.show("sign-in").status == 200
    options = json.loads(browser.post("/passkeys/make/options", {}).body)
    made = Authenticator().make(options, SECURE_ORIGIN)
    stranger.cookies["__Host-pillarbox-passkey"] = browser.cookies["__Host-pillarbox-passkey"]
    assert problem(stranger.post("/passkeys/make", {"response": made})) == GONE
    asked = stranger.ask("sign-in")
    made = Authenticator().make({**options, "challenge": asked["challenge"]}, SECURE_ORIGIN)
    assert problem(stranger.post("/passkeys/make", {"response": made})) == GONE


def test_a_password_changed_meanwhile_ends_the_step(server: Server) -> None:
    phone = owner(server).phone
    browser = Browser(server, phone)
    browser.sign_in()
    shown = phone.show(browser.ask("code"), SECURE_ORIGIN)
    world = server.provider.world
    server.run(world.database.write(sign_in_steps.drop_all, server.provider.accounts[0]))
    assert problem(browser.post("/passkeys/show/code", shown)) == GONE


def test_renamed_and_removed(server: Server) -> None:
    browser, other = owner(server), owner(server, 1)
    browser.make("Second")
    first, second = json.loads(browser.send("/passkeys", {}, b"").body)
    assert json.loads(browser.post(f"/passkeys/{first['id']}/rename", {"name": " Phone "}).body) == {
        "name": "Phone"
    }
    assert browser.post(f"/passkeys/{first['id']}/rename", {"name": "Second"}).status == 422
    assert browser.post(f"/passkeys/{first['id']}/rename", {"name": "\n"}).status == 422
    for path in (f"/passkeys/{first['id']}/rename", "/passkeys/999/rename", "/passkeys/x/rename"):
        assert other.post(path, {"name": "mine"}).status == 404
    assert other.post(f"/passkeys/{first['id']}/remove", {}).status == 404
    assert json.loads(browser.post(f"/passkeys/{first['id']}/remove", {}).body) == {"wasLast": False}
    assert has_second_factor(server)
    assert json.loads(browser.post(f"/passkeys/{second['id']}/remove", {}).body) == {"wasLast": True}
    assert not has_second_factor(server)
    removed = [text for text in inbox(server.provider) if text.startswith("A passkey was removed from")]
    assert len(removed) == 2
    assert Browser(server).sign_in().status == 200, "the password alone is enough again"


def has_second_factor(server: Server) -> bool:
    account: AccountId = server.provider.accounts[0]
    return server.run(server.provider.world.database.read(second_factors.has_second_factor, account))


def test_a_name_that_is_taken_ends_nothing(server: Server) -> None:
    browser = Browser(server)
    browser.sign_in()
    assert browser.make("Phone").status == 201
    options = json.loads(browser.post("/passkeys/make/options", {}).body)
    made = browser.phone.make(options, SECURE_ORIGIN)
    assert browser.post("/passkeys/make", {"response": made, "name": "Phone"}).status == 422
    assert browser.post("/passkeys/make", {"response": made, "name": "Other phone"}).status == 201


def test_one_that_was_removed_while_it_was_shown(server: Server) -> None:
    browser = owner(server)
    browser.make()
    other = Browser(server, browser.phone)
    shown = browser.phone.show(other.ask("sign-in"), SECURE_ORIGIN)
    for one in json.loads(browser.send("/passkeys", {}, b"").body):
        browser.post(f"/passkeys/{one['id']}/remove", {})
    assert problem(other.post("/passkeys/show/sign-in", shown)) == REFUSED


@pytest.mark.parametrize(
    ("before", "after", "warned"), [(0, 0, False), (5, 6, False), (6, 6, True), (6, 0, True)]
)
def test_a_counter_that_does_not_rise_lets_in_and_warns(
    server: Server, before: int, after: int, warned: bool
) -> None:
    browser = Browser(server)
    browser.sign_in()
    assert browser.make(count=before).status == 201
    server.provider.telemetry.events.clear()
    assert Browser(server, browser.phone).show("sign-in", count=after).status == 200
    (listed,) = json.loads(browser.send("/passkeys", {}, b"").body)
    assert (listed["warned"] is not None) is warned
    (kept,) = server.run(server.provider.world.database.read(passkeys.listing, server.provider.accounts[0]))
    assert kept.sign_count == max(before, after)
    names = [name for name, _ in server.provider.telemetry.events]
    assert ("passkey may be copied" in names) is warned
    # Its owner gets one mail about it
    again = Browser(server, browser.phone)
    assert again.show("sign-in", count=after + 1 if not warned else after).status == 200
    mails = [octets for octets in _mails(server) if b"may have been copied" in octets]
    assert len(mails) == int(warned)
    if warned:
        assert b"To: " + PEOPLE[0].encode() in mails[0]


def _mails(server: Server) -> list[bytes]:
    return server.run(
        server.provider.world.database.read(
            lambda tx: [octets for (octets,) in tx.rows("SELECT octets FROM blob_octets")]
        )
    )


@pytest.mark.parametrize("body", [b"{", b"[]", b'"x"', b"[" * 60_000, b'{"response": {}}', b"\xff" * 100])
def test_bodies_that_are_none(server: Server, body: bytes) -> None:
    browser = owner(server)
    head = {"Content-Type": "application/json", "Origin": SECURE_ORIGIN}
    browser.ask("sign-in")
    assert problem(browser.send("/passkeys/show/sign-in", head, body)) == REFUSED
    browser.post("/passkeys/make/options", {})
    assert browser.send("/passkeys/make", head, body).status in (400, 403)
    assert browser.send("/passkeys/1/rename", head, body).status in (400, 404, 413)
    assert browser.send("/passkeys/show/sign-in", head, b" " * 70_000).status == 413
    assert browser.post("/passkeys/show/elsewhere/options", {}).status == 404
    assert problem(Browser(server).post("/passkeys/show/code/options", {})) == GONE


def test_where_there_are_none() -> None:
    with open_http(*SIGN_IN, *ROUTES, plain_allowed=False, url="https://192.0.2.7") as elsewhere:
        answer = Browser(elsewhere).post("/passkeys/show/sign-in/options", {})
        assert (answer.status, answer.problem["reason"]) == (409, "address")
        assert "IP address" in answer.problem["detail"]
    with open_http(*SIGN_IN, *ROUTES, plain_allowed=False, url="https://one.example") as elsewhere:
        answer = Browser(elsewhere).post("/passkeys/show/sign-in/options", {})
        assert (answer.status, answer.problem["reason"]) == (409, "other_page")
