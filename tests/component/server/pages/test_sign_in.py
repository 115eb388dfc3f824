"""Signing in and out on the pages, as a browser without script does it."""

from collections.abc import Iterator

import pytest

from pillarbox.server.http.routes import ROUTES
from pillarbox.server.pages import forms
from pillarbox.world.database import DatabaseUnavailable
from tests.kit.http.pages import Page, Person
from tests.kit.http.server import open_http
from tests.kit.provider import PASSWORD, PEOPLE
from tests.kit.server import Server


@pytest.fixture
def server() -> Iterator[Server]:
    with open_http(*ROUTES, plain_allowed=False) as opened:
        yield opened


@pytest.fixture
def person(server: Server) -> Person:
    return Person(server)


def test_signing_in_and_out(person: Person) -> None:
    form = person.get("/sign-in")
    assert (form.status, form.title) == (200, "Sign in to one.example")
    home = person.sign_in()
    assert (home.status, home.path) == (200, "/account")
    assert PEOPLE[0] in home.text
    assert person.get("/sign-in").path == "/account"  # who is signed in goes on
    out = person.send("/sign-out")
    assert (out.status, out.path) == (200, "/signed-out")
    assert "pillarbox" not in person.cookies
    assert person.get("/account").path == "/sign-in?to=%2Faccount"


def test_signing_out_ends_the_session_itself(person: Person) -> None:
    person.sign_in()
    kept = dict(person.cookies)
    person.send("/sign-out")
    person.cookies = kept
    assert person.get("/account").path == "/sign-in?to=%2Faccount"


def test_one_goes_on_to_where_one_was_going(person: Person) -> None:
    form = person.get("/account/devices")
    assert form.path == "/sign-in?to=%2Faccount%2Fdevices"
    assert form.value("to") == "/account/devices"
    assert person.sign_in(to=form.value("to")).path == "/account/devices"


@pytest.mark.parametrize("to", ["//evil", "/\\evil", "https:", "https://evil.example/", "/\t/evil", ""])
def test_one_goes_on_to_no_other_server(person: Person, to: str) -> None:
    assert person.get(f"/sign-in?to={to.replace(chr(9), '%09')}").value("to") == "/account"
    assert person.sign_in(to=to).path == "/account"
    assert person.get(f"/sign-in?to={to.replace(chr(9), '%09')}").path == "/account"


def test_a_wrong_login_is_told_and_nothing_else(person: Person) -> None:
    wrong = person.sign_in(password="guess")
    nobody = person.send("/sign-in", address="nobody@one.example", password="guess")
    for page in (wrong, nobody):
        assert page.status == 403
        assert "do not fit together" in page.text
        assert page.flaws() == []
        assert page.described("address") == page.described("password") == ["problem"]
        assert page.value("password") == ""
    assert wrong.value("address") == PEOPLE[0]
    assert wrong.body.replace(PEOPLE[0].encode(), b"") == nobody.body.replace(b"nobody@one.example", b"")
    assert not person.cookies


def test_what_is_missing_is_told_beside_its_field(person: Person) -> None:
    page = person.send("/sign-in", address=" ", password="")
    assert page.status == 422
    assert page.described("address") == ["address-error"]
    assert page.described("password") == ["password-error"]
    assert page.flaws() == []


def test_what_is_typed_is_shown_and_not_run(person: Person) -> None:
    page = person.send("/sign-in", address='"><script>alert(1)</script>', password="x")
    assert b"<script>alert" not in page.body
    assert page.value("address") == '"><script>alert(1)</script>'


def test_an_app_password_is_for_programs(server: Server, person: Person) -> None:
    password = server.run(server.provider.app_password(0))
    assert "for a mail program" in person.sign_in(password=password).text


def test_a_form_of_another_site_is_refused(person: Person) -> None:
    form = {"address": PEOPLE[0], "password": PASSWORD}
    for origin in ({"Origin": "https://evil.example"}, {"Origin": "null"}, {}):
        page = person.ask("POST", "/sign-in", form, origin)
        assert page.status == 403
        assert page.flaws() == []
        assert "another site" in page.text
        assert not person.cookies


def test_other_sites_sign_nobody_out(person: Person) -> None:
    person.sign_in()
    page = person.ask("POST", "/sign-out", {}, {"Origin": "https://evil.example"})
    assert page.status == 403
    assert person.get("/account").path == "/account"


@pytest.mark.parametrize(
    ("body", "kind", "status"),
    [
        (b"a=" + b"x" * forms.MAX_FORM_OCTETS, "application/x-www-form-urlencoded", 413),
        (b"a=%ff", "application/x-www-form-urlencoded", 400),
        (b"\xff", "application/x-www-form-urlencoded", 400),
        (b"&".join([b"a=1"] * (forms.MAX_FIELDS + 1)), "application/x-www-form-urlencoded", 400),
        (b"{}", "application/json", 415),
    ],
)
def test_a_form_that_is_none(server: Server, person: Person, body: bytes, kind: str, status: int) -> None:
    import http.client

    connection = http.client.HTTPConnection("127.0.0.1", person.port, timeout=20)
    fields = {"Host": person.host, "Origin": person.origin, "Content-Type": kind}
    connection.request("POST", "/sign-in", body, fields)
    response = connection.getresponse()
    page = Page(response.status, response.getheaders(), response.read(), "/sign-in")
    connection.close()
    assert page.status == status
    assert page.flaws() == []
    assert "Nothing was changed" in page.text


def test_a_code_is_asked_for_only_within_a_sign_in(person: Person) -> None:
    assert person.get("/sign-in/code?to=/account/devices").path == "/sign-in?to=%2Faccount%2Fdevices"
    page = person.send("/sign-in/code", code="123456")
    assert page.path == "/sign-in?note=expired&to=%2Faccount"
    assert "took too long" in page.text


@pytest.mark.replaces_functions
def test_the_database_is_away(server: Server, person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    async def away(*_: object) -> None:
        raise DatabaseUnavailable("it is")

    monkeypatch.setattr("pillarbox.server.sign_in.sign_in.SignIn.with_password", away)
    page = person.sign_in()
    assert page.status == 503
    assert page["retry-after"]
    assert "Your mail is safe" in page.text
    assert page.value("address") == PEOPLE[0]


def test_a_session_replaces_the_one_before(server: Server, person: Person) -> None:
    person.sign_in()
    first = person.cookies["pillarbox"]
    person.sign_in(1)
    assert person.cookies["pillarbox"] != first
    assert PEOPLE[1] in person.get("/account").text
    person.cookies["pillarbox"] = first
    assert person.get("/account").path == "/sign-in?to=%2Faccount"


@pytest.mark.replaces_functions
def test_nobody_signs_in_where_others_may_listen(person: Person, monkeypatch: pytest.MonkeyPatch) -> None:
    monkeypatch.setattr("pillarbox.server.http.context.HttpContext.cookie_prefix", lambda *_: None)
    form = person.get("/sign-in")
    assert form.status == 403
    assert "https://" in form.text
    assert not form.all("form")
    page = person.sign_in()
    assert page.status == 403
    assert "https://" in page.text
    assert not person.cookies


def test_the_front_page_is_for_people_and_programs(person: Person) -> None:
    assert person.ask("GET", "/", None, {"Accept": "*/*"}).body == b"Pillarbox at mail.one.example.\n"
    front = person.get("/")
    assert [one["href"] for one in front.all("a")] == ["/sign-in"]
    person.sign_in()
    assert [one["href"] for one in person.get("/").all("a")] == ["/account"]
