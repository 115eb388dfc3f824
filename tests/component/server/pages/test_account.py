"""What people do on the pages of their own security, and that it holds at the other doors."""

import base64
import poplib
from collections.abc import Iterator, Mapping
from dataclasses import replace
from typing import Any

import pytest

from pillarbox.admin.permissions import NotPermitted
from pillarbox.config.sections.listen import Listen
from pillarbox.directory.sign_in import app_passwords, browser_sessions, passkeys, sign_ins, totp
from pillarbox.directory.sign_in.app_passwords import AppPassword, Scope
from pillarbox.directory.sign_in.passkeys import NewPasskey
from pillarbox.server.connection import SessionFactory
from pillarbox.server.http.routes import ROUTES
from pillarbox.server.http.service import HttpService
from pillarbox.server.sign_in.sessions import FRESH_MS
from pillarbox.world.database import Transaction
from tests.component.server.sign_in.test_resetting import has_recovery, inbox
from tests.kit import second_factor
from tests.kit.http.pages import Page, Person
from tests.kit.http.server import open_http
from tests.kit.provider import PASSWORD, PEOPLE, Provider
from tests.kit.server import Server, serve


@pytest.fixture
def server() -> Iterator[Server]:
    with serve("http", "pop3") as opened:
        yield opened


@pytest.fixture
def person(server: Server) -> Person:
    somebody = Person(server)
    somebody.sign_in()
    return somebody


def long_after_proof(server: Server) -> None:
    """Let the sessions of everybody be proven so long ago that it counts no more."""

    def verb(tx: Transaction) -> None:
        tx.execute("UPDATE browser_sessions SET proven_at_ms = proven_at_ms - ?", (2 * FRESH_MS,))

    server.run(server.provider.world.database.write(verb))


def listed(server: Server, person: int = 0) -> list[AppPassword]:
    account = server.provider.accounts[person]
    return server.run(server.provider.world.database.read(app_passwords.listing, account))


def lets_in(server: Server, password: str) -> bool:
    """Whether a mail program gets in with it."""
    client = poplib.POP3("127.0.0.1", server.ports["pop3"], timeout=20)
    try:
        client.user(PEOPLE[0])
        client.pass_(password)
    except poplib.error_proto:
        return False
    finally:
        client.close()
    return True


def links(page: Page) -> list[str]:
    return [one["href"] for one in page.all("a")]


# --- app passwords


def test_an_app_password_is_made_shown_once_and_revoked(server: Server, person: Person) -> None:
    assert "There is none yet." in person.get("/account/app-passwords").text
    made = person.send("/account/app-passwords/new", name="Phone", reach="all", days="90", networks="")
    assert (made.status, made.flaws()) == (200, [])
    (password,) = [line for line in made.text.split("\n") if line.count("-") == 4]
    assert PEOPLE[0] in made.text
    assert "mail.one.example" in made.text
    assert lets_in(server, password)
    server.run(server.provider.authenticator.settled())
    page = person.get("/account/app-passwords")
    assert page.flaws() == []
    assert "Phone" in page.text
    assert "from 127.0.0.1" in page.text
    assert password not in page.text
    (one,) = listed(server)
    assert one.expires_at_ms == one.created_at_ms + 90 * 24 * 3600 * 1000
    (ask,) = [link for link in links(page) if "revoke" in link]
    question = person.get(ask)
    assert question.flaws() == []
    assert "Revoke Phone?" in question.text
    done = person.send("/account/app-passwords/revoke", id=question.value("id"))
    assert done.path == "/account/app-passwords?done=revoked"
    assert "is revoked" in done.text
    assert not lets_in(server, password)


def test_only_servers_that_there_are_are_to_be_entered() -> None:
    def sessions(provider: Provider) -> Mapping[str, SessionFactory[Any]]:
        listen = Listen(imaps=("*:1993",), pop3s=(), submissions=("*:1465",))
        configured = replace(provider.config, listen=listen)
        service = HttpService(provider.world, provider.authenticator, configured, routes=ROUTES)
        return {"http": service.session}

    with serve("http", sessions=sessions) as server:
        person = Person(server)
        person.sign_in()
        made = person.send("/account/app-passwords/new", name="Phone", reach="all").text
    assert "Port 1993, with TLS" in made
    assert "Port 1465, with TLS" in made
    assert "POP3" not in made


def test_an_app_password_is_limited_as_the_form_says(server: Server, person: Person) -> None:
    form = {
        "name": "Reader",
        "reach": "some",
        "scope": "imap",
        "read_only": "on",
        "networks": "192.0.2.0/24, ::1",
    }
    person.send("/account/app-passwords/new", form)
    (one,) = listed(server)
    assert one.scopes == {Scope.IMAP}
    assert one.read_only
    assert one.networks == ("192.0.2.0/24", "::1/128")
    page = person.get("/account/app-passwords").text
    assert "Mail in folders (IMAP) · Read only · only from 192.0.2.0/24, ::1/128" in " ".join(
        page.split("\n")
    )


@pytest.mark.parametrize(
    ("form", "field", "said"),
    [
        ({"name": " "}, "name", "name that can be seen"),
        ({"name": "x" * 81}, "name", "too long"),
        ({"name": "a\x00b"}, "name", "name that can be seen"),
        ({"name": "Taken"}, "name", "with this name"),
        ({"name": "A", "networks": "everywhere"}, "networks", "no list of networks"),
        ({"name": "A", "networks": " ".join(f"10.0.0.{n}" for n in range(30))}, "networks", "no list"),
    ],
)
def test_what_is_wrong_is_told_beside_its_field(
    server: Server, person: Person, form: dict[str, str], field: str, said: str
) -> None:
    person.send("/account/app-passwords/new", name="Taken", reach="all")
    page = person.send("/account/app-passwords/new", {"reach": "all", **form})
    assert page.status == 422
    assert page.flaws() == []
    assert f"{field}-error" in page.described(field)
    assert said in page.text
    assert len(listed(server)) == 1


def test_an_app_password_is_for_something(server: Server, person: Person) -> None:
    page = person.send("/account/app-passwords/new", name="A", reach="some")
    assert page.status == 422
    assert "Tick what it is for." in page.text
    assert not listed(server)


@pytest.mark.parametrize("number", ["", "0", "x", "-1", "9" * 30, "²"])
def test_what_is_not_there_is_not_revoked(server: Server, person: Person, number: str) -> None:
    assert person.get(f"/account/app-passwords/revoke?id={'9' * 18}").path == "/account/app-passwords"
    assert person.send("/account/app-passwords/revoke", id=number).path == "/account/app-passwords"


def test_app_passwords_of_others_are_not_revoked(server: Server, person: Person) -> None:
    server.run(server.provider.app_password(1, Scope.IMAP))
    (theirs,) = listed(server, 1)
    assert person.get(f"/account/app-passwords/revoke?id={theirs.id}").path == "/account/app-passwords"
    person.send("/account/app-passwords/revoke", id=str(theirs.id))
    assert listed(server, 1) == [theirs]


# --- proving again


@pytest.mark.parametrize("path", ["/account/app-passwords/new", "/account/second-factor/set-up"])
def test_what_is_dangerous_asks_who_it_is(server: Server, person: Person, path: str) -> None:
    assert person.get(path).path == path  # they have just signed in
    long_after_proof(server)
    asked = person.get(path)
    assert asked.path.startswith("/account/prove?to=")
    assert asked.flaws() == []
    wrong = person.send("/account/prove", to=asked.value("to"), password="guess")
    assert wrong.status == 403
    assert wrong.described("password") == ["password-error"]
    token = person.cookies["pillarbox"]
    assert person.send("/account/prove", to=asked.value("to"), password=PASSWORD).path == path
    assert person.cookies["pillarbox"] != token  # who knew the one before knows nothing


def test_a_form_that_comes_too_late_does_nothing(server: Server, person: Person) -> None:
    long_after_proof(server)
    page = person.send("/account/app-passwords/new", name="Phone", reach="all")
    assert page.path == "/account/prove?to=%2Faccount%2Fapp-passwords%2Fnew"
    assert not listed(server)


def test_proving_leads_to_no_other_server(server: Server, person: Person) -> None:
    long_after_proof(server)
    assert person.get("/account/prove?to=//evil.example").value("to") == "/account"
    assert person.send("/account/prove", to="//evil.example", password=PASSWORD).path == "/account"


# --- browsers


def test_browsers_are_signed_out_one_by_one_and_all(server: Server, person: Person) -> None:
    others = [Person(server) for _ in range(3)]
    for other in others:
        other.sign_in()
    page = person.get("/account/devices")
    assert page.flaws() == []
    assert page.text.count("Firefox, Linux") == 4
    assert page.text.count("this one") == 1
    assert "from 127.0.0.1" in page.text
    identifiers = [one["value"] for one in page.all("input") if one.get("name") == "id"]
    assert len(identifiers) == 3
    assert "is signed out" in person.send("/account/devices/end", id=identifiers[0]).text
    assert "was signed out already" in person.send("/account/devices/end", id=identifiers[0]).text
    assert [other.get("/account").path == "/account" for other in others].count(True) == 2
    assert "All other browsers" in person.send("/account/devices/end-others").text
    assert not any(other.get("/account").path == "/account" for other in others)
    assert person.get("/account").path == "/account"


def test_browsers_of_others_stay(server: Server, person: Person) -> None:
    other = Person(server)
    other.sign_in(1)
    account = server.provider.accounts[1]
    (theirs,) = server.run(
        server.provider.world.database.read(
            browser_sessions.listing, account, now_ms=server.provider.world.clock.now_ms()
        )
    )
    person.send("/account/devices/end", id=theirs.id)
    person.send("/account/devices/end-others")
    assert other.get("/account").path == "/account"


def test_programs_are_listed_and_forgotten(server: Server, person: Person) -> None:
    made = person.send("/account/app-passwords/new", name="Phone", reach="all")
    (password,) = [line for line in made.text.split("\n") if line.count("-") == 4]
    assert lets_in(server, password)
    assert lets_in(server, PASSWORD)
    server.run(server.provider.authenticator.settled())
    page = person.get("/account/devices")
    assert page.flaws() == []
    assert "Phone" in page.text
    assert "Program with the password of the account" in page.text
    (revoke,) = [link for link in links(page) if "revoke" in link]
    assert "Revoke Phone?" in person.get(revoke).text
    number = next(
        one["value"] for one in page.all("input") if one.get("name") == "id" and one["value"].isdigit()
    )
    assert [one["action"] for one in page.all("form")].count("/account/devices/end-program") == 1
    assert person.send("/account/devices/end-program", id="x").path == "/account/devices"
    assert "is signed out" in person.send("/account/devices/end-program", id=number).text
    assert "is forgotten" in person.send("/account/devices/forget", id=number).text
    assert "Program with" not in person.get("/account/devices").text.replace("A program with", "")
    assert person.send("/account/devices/forget", id=number).path == "/account/devices"
    assert person.send("/account/devices/forget", id="x").path == "/account/devices"


def test_how_a_program_is_kept_out_is_said_where_it_may_come_back(server: Server, person: Person) -> None:
    locked_out = "is locked out by changing that password"
    made = person.send("/account/app-passwords/new", name="Phone", reach="all")
    (password,) = [line for line in made.text.split("\n") if line.count("-") == 4]
    assert lets_in(server, password)
    server.run(server.provider.authenticator.settled())
    assert locked_out not in person.get("/account/devices").text
    assert lets_in(server, PASSWORD)
    server.run(server.provider.authenticator.settled())
    assert locked_out in person.get("/account/devices").text
    second_factor.add_factor(server)
    assert locked_out not in person.get("/account/devices").text


def test_the_last_sign_ins_are_listed_failed_ones_too(server: Server, person: Person) -> None:
    Person(server).sign_in(password="guess")
    assert lets_in(server, PASSWORD)
    server.run(server.provider.authenticator.settled())
    page = person.get("/account/sign-ins")
    assert page.flaws() == []
    assert "Mail program, fetching" in page.text
    assert "Firefox, Linux" in page.text
    assert page.text.count("failed: wrong password") == page.text.count("failed") == 1
    assert "guess" not in page.text


def test_mails_about_new_devices_are_switched_off_and_on(server: Server, person: Person) -> None:
    page = person.get("/account/sign-ins")
    assert "A mail tells you of each new device, and" in page.text
    off = person.send("/account/sign-ins/notices", wanted=page.value("wanted"))
    assert off.path == "/account/sign-ins?done=notices_off"
    assert off.flaws() == []
    assert "No mail tells you of new devices, nor" in off.text
    assert told(server) == ["Mails about new devices and changed ways in were switched off for"]
    person.send("/account/sign-ins/notices", wanted="off")
    assert len(told(server)) == 1, "they were off"
    on = person.send("/account/sign-ins/notices", wanted=off.value("wanted"))
    assert "A mail tells you of each new device, and" in on.text


# --- two steps


def secret_in(page: Page) -> bytes:
    """The secret that somebody may type into an app."""
    (shown,) = [line for line in page.text.split("\n") if line.isupper() and line.count(" ") == 7]
    return base64.b32decode(shown.replace(" ", ""))


def test_one_time_codes_are_set_up_used_and_removed(server: Server, person: Person) -> None:
    now_ms = server.provider.world.clock.now_ms
    page = person.get("/account/second-factor/set-up")
    assert page.flaws() == []
    (picture,) = page.all("img")
    assert picture["src"].startswith("data:image/svg+xml")
    secret = secret_in(page)
    wrong = person.send("/account/second-factor/set-up", code="12")
    assert wrong.status == 422
    assert wrong.described("code") == ["code-error"]
    assert secret_in(wrong) == secret, "it is the same one"
    assert lets_in(server, PASSWORD)
    step = totp.step_at(now_ms())
    codes = person.send("/account/second-factor/set-up", code=totp.code_of(secret, step))
    assert codes.flaws() == []
    printed = [line for line in codes.text.split("\n") if line.count("-") == 2]
    assert len(printed) == 10
    assert not lets_in(server, PASSWORD)
    assert "10 are left." in person.get("/account/second-factor").text

    other = Person(server)
    asked = other.sign_in(to="/account/devices")
    assert asked.path == "/sign-in/code?to=%2Faccount%2Fdevices"
    assert asked.flaws() == []
    wrong = other.send("/sign-in/code", to=asked.value("to"), code="000-000")
    assert wrong.status == 403
    assert wrong.described("code") == ["code-error"]
    assert other.send("/sign-in/code", code="").status == 422
    fits = totp.code_of(secret, step + 1)
    assert other.send("/sign-in/code", to=asked.value("to"), code=fits).path == "/account/devices"
    again = Person(server)
    again.sign_in()
    assert again.send("/sign-in/code", code=fits).status == 403  # once
    assert again.send("/sign-in/code", code=printed[0].upper()).path == "/account"
    assert "9 are left." in person.get("/account/second-factor").text

    question = person.get("/account/second-factor/remove")
    assert question.flaws() == []
    assert "in mail programs too" in question.text
    assert "is removed" in person.send("/account/second-factor/remove").text
    assert lets_in(server, PASSWORD)
    assert Person(server).sign_in().path == "/account"


WARNED = "with the account's password are signed out"


@pytest.mark.parametrize("section", ["second-factor", "second-factor/set-up", "passkeys"])
def test_who_adds_the_first_second_factor_is_warned_of_mail_programs(secure: Server, section: str) -> None:
    person = Person(secure, secure=True)
    person.sign_in()
    page = person.get(f"/account/{section}")
    assert page.flaws() == []
    assert WARNED in page.text
    assert links(page).count("/account/app-passwords") == 2  # among the sections, and with the warning
    passkey(secure)
    assert WARNED not in person.get(f"/account/{section}").text


def test_browsers_that_the_password_alone_has_let_in_are_signed_out_by_a_second_factor(
    server: Server, person: Person
) -> None:
    """One of them may be whoever the second factor is to keep out."""
    stranger, other = Person(server), Person(server)
    stranger.sign_in()
    other.sign_in(1)
    secret = secret_in(person.get("/account/second-factor/set-up"))
    step = totp.step_at(server.provider.world.clock.now_ms())
    person.send("/account/second-factor/set-up", code=totp.code_of(secret, step))
    assert person.get("/account").path == "/account"
    assert stranger.get("/account").path == "/sign-in?to=%2Faccount"
    assert other.get("/account").path == "/account"


def test_a_secret_that_another_session_has_seen_is_not_set_up(server: Server, person: Person) -> None:
    """Whoever knows the password may have looked, and be kept out by the second factor from then on."""
    stranger = Person(server)
    stranger.sign_in()
    seen = stranger.get("/account/second-factor/set-up").all("img")
    page = person.get("/account/second-factor/set-up").all("img")
    assert page == person.get("/account/second-factor/set-up").all("img"), "it stays, once it was scanned"
    assert seen
    assert page != seen


def test_a_sign_in_ends_after_too_many_codes(server: Server) -> None:
    provider = server.provider
    now_ms = provider.world.clock.now_ms()
    server.run(provider.world.database.write(second_factor.give, provider.accounts[0], now_ms=now_ms))
    person = Person(server)
    person.sign_in()
    pages = [person.send("/sign-in/code", code="000000") for _ in range(5)]
    assert [page.status for page in pages] == [403, 403, 403, 403, 200]
    assert "too many attempts" in pages[-1].text
    assert "pillarbox-step" not in person.cookies


def test_who_has_a_second_factor_proves_it(server: Server, person: Person) -> None:
    provider = server.provider
    now_ms = provider.world.clock.now_ms()
    server.run(provider.world.database.write(second_factor.give, provider.accounts[0], now_ms=now_ms))
    long_after_proof(server)
    asked = person.get("/account/second-factor/recovery-codes")
    assert asked.flaws() == []
    assert asked.path.startswith("/account/prove")
    assert person.send("/account/prove", to=asked.value("to"), code="000000").status == 403
    code = second_factor.code(provider.world.clock.now_ms())
    question = person.send("/account/prove", to=asked.value("to"), code=code)
    assert question.path == "/account/second-factor/recovery-codes"
    made = person.send("/account/second-factor/recovery-codes")
    assert made.flaws() == []
    assert len([line for line in made.text.split("\n") if line.count("-") == 2]) == 10
    assert not set(second_factor.RECOVERY_CODES) & set(made.text.split("\n"))


def test_a_sign_in_that_is_completed_where_one_proves_who_one_is_replaces_the_session(
    server: Server, person: Person
) -> None:
    """Somebody else has begun to sign in with the same browser."""
    provider, now_ms = server.provider, server.provider.world.clock.now_ms()
    server.run(provider.world.database.write(second_factor.give, provider.accounts[1], now_ms=now_ms))
    former = person.cookies["pillarbox"]
    long_after_proof(server)
    proof = person.get("/account/prove?to=/account")
    assert proof.path.startswith("/account/prove")
    person.sign_in(1)
    assert "pillarbox-step" in person.cookies
    page = person.send("/account/prove", code=second_factor.code(now_ms), to="/account")
    assert PEOPLE[1] in page.text
    person.cookies["pillarbox"] = former
    assert person.get("/account").path == "/sign-in?to=%2Faccount"


def test_nobody_without_a_second_factor_gets_recovery_codes(server: Server, person: Person) -> None:
    assert person.get("/account/second-factor/recovery-codes").path == "/account/second-factor"
    assert person.send("/account/second-factor/recovery-codes").path == "/account/second-factor"


# --- the password


def test_the_password_is_changed_and_others_are_signed_out(server: Server, person: Person) -> None:
    other = Person(server)
    other.sign_in()
    page = person.get("/account/password")
    assert page.flaws() == []
    assert "in mail programs that have no app password" in page.text
    form = {"old": PASSWORD, "new": "correct horse battery", "again": "correct horse battery"}
    person.send("/account/password", {**form, "old": "wrong"})
    done = person.send("/account/password", form)
    assert (done.status, done.path) == (200, "/account/password?done=password")
    assert "is changed" in done.text
    assert person.get("/account").path == "/account"
    assert other.get("/account").path.startswith("/sign-in")
    server.run(server.provider.authenticator.settled())
    found = server.run(server.provider.world.database.read(sign_ins.listing, server.provider.accounts[0]))
    assert {one.attempt.way for one in found} == {"web"}, "no program has shown the password"
    assert not lets_in(server, PASSWORD)
    assert lets_in(server, form["new"])


def test_what_a_new_password_does_not_end_is_shown(secure: Server) -> None:
    person = Person(secure, secure=True)
    person.sign_in()
    form = {"old": PASSWORD, "new": "correct horse battery", "again": "correct horse battery"}
    done = person.send("/account/password", form)
    assert "ends none of these" not in done.text
    person.send("/account/app-passwords/new", name="Phone", reach="all", days="", networks="")
    done = person.send("/account/password", {**form, "old": form["new"]})
    assert (done.path, done.flaws()) == ("/account/password?done=password", [])
    assert "ends none of these" in done.text
    assert person.get("/account/password").text.count("ends none of these") == 0
    # Beside the links to all sections
    assert (links(done).count("/account/app-passwords"), links(done).count("/account/passkeys")) == (2, 1)
    secure.run(has_recovery(secure.provider))
    passkey(secure)
    person.send("/account/prove", password=form["new"])
    done = person.get("/account/password?done=password")
    for section in ("passkeys", "app-passwords", "recovery-address"):
        assert links(done).count(f"/account/{section}") == 2


def told(server: Server) -> list[str]:
    """The first lines of the letters to the person."""
    return [text.partition("\r\n")[0] for text in inbox(server.provider)]


def test_the_owner_is_told_of_changed_ways_in(secure: Server) -> None:
    person = Person(secure, secure=True)
    person.sign_in()
    person.send("/account/app-passwords/new", name="Phone", reach="all", days="", networks="")
    number = passkey(secure)
    person.send("/account/passkeys/remove", id=str(number))
    person.send("/account/passkeys/remove", id=str(number))
    secret = secret_in(person.get("/account/second-factor/set-up"))
    step = totp.step_at(secure.provider.world.clock.now_ms())
    person.send("/account/second-factor/set-up", code="12")
    person.send("/account/second-factor/set-up", code=totp.code_of(secret, step))
    person.send("/account/second-factor/remove")
    person.send("/account/second-factor/remove")
    form = {"old": PASSWORD, "new": "correct horse battery", "again": "correct horse battery"}
    person.send("/account/password", {**form, "old": "wrong"})
    person.send("/account/password", form)
    assert told(secure) == [
        "An app password was made for",
        "A passkey was removed from",
        "One-time codes of an app were set up for",
        "The one-time codes of an app were removed from",
        "The password was changed for",
    ]
    for text in inbox(secure.provider):
        assert "From: 127.0.0.1" in text
        assert "https://mail.one.example/account\r\n" in text


def test_others_stay_signed_in_if_wished(server: Server, person: Person) -> None:
    other = Person(server)
    other.sign_in()
    form = {"old": PASSWORD, "new": "correct horse battery", "again": "correct horse battery", "keep": "on"}
    person.send("/account/password", form)
    assert other.get("/account").path == "/account"


@pytest.mark.parametrize(
    ("form", "status", "field", "said"),
    [
        ({"old": "guess"}, 403, "old", "not the present password"),
        ({"again": "another horse"}, 422, "again", "not the same"),
        ({"new": "short", "again": "short"}, 422, "new", "8 characters are needed"),
        ({"new": "", "again": ""}, 422, "new", "can't be used"),
    ],
)
def test_a_password_that_is_not_set_is_told(
    server: Server, person: Person, form: dict[str, str], status: int, field: str, said: str
) -> None:
    sent = {"old": PASSWORD, "new": "correct horse battery", "again": "correct horse battery", **form}
    page = person.send("/account/password", sent)
    assert (page.status, page.flaws()) == (status, [])
    assert f"{field}-error" in page.described(field)
    assert said in page.text
    assert not any(one.get("value") for one in page.all("input") if one.get("type") == "password")
    assert lets_in(server, PASSWORD)


def test_the_old_password_is_not_enough_where_there_is_a_second_factor(
    server: Server, person: Person
) -> None:
    provider = server.provider
    now_ms = provider.world.clock.now_ms()
    server.run(provider.world.database.write(second_factor.give, provider.accounts[0], now_ms=now_ms))
    assert "Mail programs need app passwords" in person.get("/account/password").text
    long_after_proof(server)
    form = {"old": PASSWORD, "new": "correct horse battery", "again": "correct horse battery"}
    assert person.get("/account/password").path == "/account/prove?to=%2Faccount%2Fpassword"
    assert person.send("/account/password", form).path == "/account/prove?to=%2Faccount%2Fpassword"
    assert Person(server).sign_in().path.startswith("/sign-in/code")  # it is still the same one


# --- the recovery address


def test_a_recovery_address_is_set_and_removed() -> None:
    with open_http(*ROUTES, url="https://mail.one.example") as server:
        person = Person(server)
        person.sign_in()
        assert "There is none yet." in person.get("/account/recovery-address").text
        refused = person.send("/account/recovery-address/set", address="me@one.example")
        assert (refused.status, refused.flaws()) == (422, [])
        assert "address-error" in refused.described("address")
        assert refused.value("address") == "me@one.example"
        waiting = person.send("/account/recovery-address/set", address="me@elsewhere.example")
        assert waiting.path == "/account/recovery-address?done=address_sent"
        assert "me@elsewhere.example is to be confirmed" in waiting.text
        assert person.get("/account/recovery-address/remove").flaws() == []
        removed = person.send("/account/recovery-address/remove")
        assert "There is none yet." in removed.text
        long_after_proof(server)
        assert person.get("/account/recovery-address/set").path.startswith("/account/prove")


# --- passkeys


def passkey(server: Server, person: int = 0) -> int:
    """A passkey of somebody, which nobody holds."""
    new = NewPasskey(
        credential=bytes([person]) * 16,
        public_key=b"key",
        sign_count=0,
        transports=("internal",),
        aaguid=bytes(16),
        domain="mail.one.example",
        verified=True,
        backup_eligible=False,
        backed_up=False,
    )
    account = server.provider.accounts[person]
    added = server.run(
        server.provider.world.database.write(passkeys.add, account, new, name="Laptop", now_ms=0)
    )
    return added.id


def occasions(page: Page) -> list[str]:
    """What the script is to ask for passkeys for."""
    return [one["data-passkey"] for one in page.all("div") if "data-passkey" in one]


@pytest.fixture
def secure() -> Iterator[Server]:
    with open_http(*ROUTES, url="https://mail.one.example") as opened:
        yield opened


def test_passkeys_are_listed_renamed_and_removed(secure: Server) -> None:
    person = Person(secure, secure=True)
    person.sign_in()
    assert all(name.startswith("__Host-") for name in person.cookies)
    assert "There is none yet." in person.get("/account/passkeys").text
    number, theirs = passkey(secure), passkey(secure, 1)
    page = person.get("/account/passkeys")
    assert page.flaws() == []
    assert page.text.count("Laptop") == 1
    assert occasions(page) == ["make"]
    renamed = person.send("/account/passkeys/rename", id=str(number), name="Desk <1>")
    assert renamed.path == "/account/passkeys?done=renamed"
    assert "Desk <1>" in renamed.text
    refused = person.send("/account/passkeys/rename", id=str(number), name=" ")
    assert (refused.status, refused.flaws()) == (422, [])
    (field,) = [one for one in refused.all("input") if one.get("id") == f"name-{number}"]
    assert field["aria-describedby"] == f"name-{number}-error"
    assert person.send("/account/passkeys/rename", id=str(theirs), name="Mine").path == "/account/passkeys"
    assert person.get(f"/account/passkeys/remove?id={theirs}").path == "/account/passkeys"
    assert person.send("/account/passkeys/remove", id=str(theirs)).path == "/account/passkeys"
    question = person.get(f"/account/passkeys/remove?id={number}")
    assert question.flaws() == []
    assert "in mail programs too" in question.text
    gone = person.send("/account/passkeys/remove", id=question.value("id"))
    assert gone.path == "/account/passkeys?done=last_passkey_removed"
    long_after_proof(secure)
    assert occasions(person.get("/account/passkeys")) == []
    assert person.get("/account/passkeys/remove").path.startswith("/account/prove")


def test_who_has_a_passkey_may_use_it_in_place_of_a_code(secure: Server) -> None:
    person = Person(secure, secure=True)
    asked = person.get("/sign-in")
    assert occasions(asked) == ["sign-in"]
    assert [one["src"].partition(".")[0] for one in asked.all("script")] == ["/assets/passkeys"]
    assert "webauthn" in next(one for one in asked.all("input") if one["name"] == "address")["autocomplete"]
    passkey(secure)
    code = person.sign_in()
    assert code.path.startswith("/sign-in/code")
    assert code.flaws() == []
    assert occasions(code) == ["code"]
    assert "Use your passkey." in code.text
    assert "Recovery code" in code.text  # no app shows digits
    assert "needs a script" in code.text
    assert "The people who run one.example can help." in code.text
    wrong = person.send("/sign-in/code", code="0")
    assert "Use your passkey." in wrong.text


def test_who_has_an_app_and_a_passkey_may_take_either(secure: Server) -> None:
    passkey(secure)
    second_factor.add_factor(secure)
    person = Person(secure, secure=True)
    code = person.sign_in()
    assert occasions(code) == ["code"]
    assert "Take the six digits" in code.text


def test_who_has_only_a_passkey_proves_it_or_shows_a_recovery_code(secure: Server) -> None:
    person = Person(secure, secure=True)
    person.sign_in()
    passkey(secure)
    long_after_proof(secure)
    asked = person.get("/account/second-factor/recovery-codes")
    assert (asked.flaws(), occasions(asked)) == ([], ["prove"])
    assert "Recovery code" in asked.text
    assert "app" not in asked.text.lower().replace("app passwords", "")


def test_pages_at_another_address_say_where_passkeys_work(secure: Server) -> None:
    person = Person(secure)
    number = passkey(secure)
    code = person.sign_in()
    assert (occasions(code), code.flaws()) == ([], [])
    assert "Passkeys work at https://mail.one.example only." in code.text
    secure.run(secure.provider.world.database.write(passkeys.remove, secure.provider.accounts[0], number))
    person.sign_in()
    page = person.get("/account/passkeys")
    assert "Passkeys work at https://mail.one.example only." in page.text


def test_a_page_without_passkeys_says_why(person: Person) -> None:
    page = person.get("/account/passkeys")
    assert page.flaws() == []
    assert not page.all("script")
    assert not person.get("/sign-in").all("script")
    assert "can't be added" in page.text
    assert WARNED not in page.text


# --- for all pages


@pytest.mark.replaces_functions
def test_what_is_not_permitted_is_a_page(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    def refuse(*_: object, **__: object) -> None:
        raise NotPermitted("not permitted")

    monkeypatch.setattr("pillarbox.server.pages.account.sign_ins.act", refuse)
    page = person.get("/account/sign-ins")
    assert (page.status, page.flaws()) == (403, [])
    assert "Nothing was changed." in page.text


def test_words_of_an_address_are_ours_alone(person: Person) -> None:
    page = person.get("/account/devices?done=<b>Send+money</b>")
    assert "money" not in page.text
    assert person.get("/account/devices?done=ended").text.count("is signed out") == 1


def test_pages_of_the_account_are_for_who_is_signed_in(server: Server) -> None:
    stranger = Person(server)
    for route in ROUTES:
        if route.path.startswith("/account"):
            if route.methods == ("GET",):
                assert stranger.get(route.path).path.startswith("/sign-in?to="), route.path
            else:
                assert stranger.send(route.path).path == "/sign-in?to=%2Faccount", route.path
