"""Setting a password by a link, on the pages, as a browser without script does it."""

from collections.abc import Iterator

import pytest

from pillarbox.admin import password_reset
from pillarbox.directory.sign_in import link_tokens, totp
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.server.http.routes import ROUTES
from pillarbox.server.sign_in.recovery_address import RecoveryAddresses
from pillarbox.server.sign_in.resetting import MAX_ASKED_BY_NETWORK
from tests.component.server.sign_in.test_resetting import FAR, URL, has_recovery, inbox, queued, token_in
from tests.kit.http.pages import Person
from tests.kit.http.server import open_http
from tests.kit.provider import PASSWORD, PEOPLE
from tests.kit.server import Server

NEW = "quite another secret"
SECRET = bytes(range(20))


@pytest.fixture
def server() -> Iterator[Server]:
    with open_http(*ROUTES, plain_allowed=False, url=URL) as opened:
        yield opened


@pytest.fixture
def person(server: Server) -> Person:
    return Person(server)


def link(server: Server, *, asks: bool = True) -> str:
    """The path of a new link."""
    provider = server.provider
    token, digest = link_tokens.issue(provider.world.entropy)
    making = provider.world.database.write(
        password_reset.make_link,
        PEOPLE[0],
        digest,
        valid_ms=60_000,
        asks_factor=asks,
        now_ms=provider.world.clock.now_ms(),
    )
    server.run(making)
    return f"/reset/{token}"


def settled(server: Server) -> None:
    server.run(server.provider.authenticator.settled())


def test_a_link_sets_a_password(server: Server, person: Person) -> None:
    other = Person(server)
    assert other.sign_in().path == "/account"
    form = person.get(link(server))
    assert (form.status, form.path, form.flaws()) == (200, "/reset", [])
    assert PEOPLE[0] in form.text
    done = person.send("/reset", new=NEW, again=NEW)
    assert (done.status, done.path) == (200, "/reset/done")
    assert "in mail programs that have no app password" in done.text
    assert "pillarbox-reset" not in person.cookies
    assert other.get("/account").path.startswith("/sign-in"), "sessions have ended"
    assert person.sign_in(password=PASSWORD).status == 403
    assert person.sign_in(password=NEW).path == "/account"


def test_what_a_new_password_does_not_end_is_said(server: Server, person: Person) -> None:
    assert "the recovery address stay" not in person.get("/reset/done").text
    server.run(server.provider.app_password(0, Scope.MAIL))
    person.get(link(server))
    done = person.send("/reset", new=NEW, again=NEW)
    assert (done.path, done.flaws()) == ("/reset/done?note=stays", [])
    assert "the recovery address stay" in done.text
    assert "/account" in [one["href"] for one in done.all("a")]
    person.get(link(server))
    assert person.send("/reset", new=NEW, again=NEW, revoke="on").path == "/reset/done"


def test_the_token_is_in_no_address(server: Server, person: Person) -> None:
    path = link(server)
    token = path.rpartition("/")[2]
    opened = person.ask("GET", path, None, {})
    assert (opened.status, opened["location"], opened["cache-control"]) == (303, "/reset", "no-store")
    assert opened["referrer-policy"] == "no-referrer"
    assert token not in opened.body.decode()
    (cookie,) = [value for name, value in opened.fields if name.lower() == "set-cookie"]
    assert cookie == f"pillarbox-reset={token}; Path=/; Max-Age=3600; HttpOnly; SameSite=Lax"
    form = person.get("/reset")
    assert token not in form.body.decode()
    assert token not in str(server.provider.telemetry.events)


def test_whoever_opens_links_uses_nothing_up(server: Server, person: Person) -> None:
    path = link(server)
    for method in ("GET", "HEAD", "GET"):
        scanner = Person(server)
        scanner.ask(method, path, None, {})
        scanner.get("/reset")
    assert person.ask("POST", path, {}, {"Origin": person.origin}).status == 405
    person.get(path)
    assert person.send("/reset", new=NEW, again=NEW).path == "/reset/done"


def test_a_link_comes_from_a_mail_of_another_site(server: Server, person: Person) -> None:
    fields = {
        "Sec-Fetch-Site": "cross-site",
        "Sec-Fetch-Mode": "navigate",
        "Sec-Fetch-Dest": "document",
        "Referer": "https://webmail.example/",
    }
    person.sign_in()
    assert person.ask("GET", link(server), None, fields).status == 303
    foreign = person.ask("POST", "/reset", {"new": NEW, "again": NEW}, {"Origin": "https://evil.example"})
    assert foreign.status == 403
    assert person.ask("POST", "/reset/ask", {"address": PEOPLE[0]}, {}).status == 403, "no Origin"


def test_links_that_are_gone(server: Server, person: Person) -> None:
    path = link(server)
    link(server)
    for gone in (path, "/reset/" + "x" * 43, "/reset/x", "/reset/%F0%9F%92%A3", "/reset/" + "x" * 3000):
        found = person.get(gone)
        assert (found.status, found.path) == (200, "/reset/ask?note=gone")
        assert "can't be used" in found.text
        assert "pillarbox-reset" not in person.cookies
    assert person.send("/reset", new=NEW, again=NEW).path == "/reset/ask?note=gone"
    assert person.get("/reset").path == "/reset"


def test_what_is_wrong_is_said_at_its_field(server: Server, person: Person) -> None:
    person.get(link(server))
    for new, again, field in (
        ("", "", "new"),
        (NEW, "x", "again"),
        ("short", "short", "new"),
        ("\0" * 9, "\0" * 9, "new"),
    ):
        page = person.send("/reset", new=new, again=again, revoke="on")
        assert (page.status, page.flaws()) == (422, [])
        assert f"{field}-error" in page.described(field)
        assert [one for one in page.all("input") if one.get("name") == "revoke" and "checked" in one]
    assert person.send("/reset", new=NEW, again=NEW).path == "/reset/done"


def test_the_second_factor_is_asked_for(server: Server, person: Person) -> None:
    provider = server.provider
    account, now_ms = provider.accounts[0], provider.world.clock.now_ms()
    step = totp.step_at(now_ms)

    def set_up(tx: object) -> None:
        totp.begin(tx, account, SECRET, now_ms=now_ms)  # type: ignore[arg-type]
        assert totp.confirm(tx, account, SECRET, step - 1, now_ms=now_ms)  # type: ignore[arg-type]

    server.run(provider.world.database.write(set_up))
    person.get(link(server))
    wrong = person.send("/reset", new=NEW, again=NEW, code="000000")
    assert (wrong.status, wrong.described("code")) == (403, ["code-hint", "code-error"])
    assert person.send("/reset", new=NEW, again=NEW).status == 403, "without one"
    code = totp.code_of(SECRET, totp.step_at(provider.world.clock.now_ms()))
    assert person.send("/reset", new=NEW, again=NEW, code=code).path == "/reset/done"
    enough = Person(server)
    form = enough.get(link(server, asks=False))
    assert not [one for one in form.all("input") if one.get("name") == "code"]
    assert enough.send("/reset", new=PASSWORD, again=PASSWORD).path == "/reset/done"


# --- asking for a link


def test_a_link_is_asked_for(server: Server, person: Person) -> None:
    server.run(has_recovery(server.provider))
    assert any(one["href"] == "/reset" for one in person.get("/sign-in").all("a"))
    form = person.get("/reset")
    assert (form.status, form.flaws()) == (200, [])
    assert person.send("/reset/ask", address="").described("address") == ["address-error"]
    asked = person.send("/reset/ask", address=PEOPLE[0])
    assert (asked.status, asked.path) == (200, "/reset/asked")
    settled(server)
    ((address, _, octets),) = queued(server.provider)
    assert address == FAR
    person.get(f"/reset/{token_in(octets)}")
    assert person.send("/reset", new=NEW, again=NEW).path == "/reset/done?note=stays"


def test_everybody_is_answered_the_same(server: Server) -> None:
    server.run(has_recovery(server.provider))
    answers = set()
    for address in (*PEOPLE, "nobody@one.example", "x@far.example", "\0", "@"):
        asking = Person(server)
        first = asking.ask("POST", "/reset/ask", {"address": address}, {"Origin": asking.origin})
        shown = asking.get("/reset/asked")
        fields = tuple(field for field in first.fields if field[0].lower() != "date")
        answers.add((first.status, fields, first.body, shown.body))
    assert len(answers) == 1
    settled(server)


def test_a_host_that_is_not_ours_is_in_no_mail(server: Server, person: Person) -> None:
    server.run(has_recovery(server.provider))
    for host, more in (
        ("evil.example", {}),
        (person.host, {"X-Forwarded-Host": "evil.example", "Forwarded": "host=evil.example"}),
    ):
        page = person.ask(
            "POST", "/reset/ask", {"address": PEOPLE[0]}, {"Origin": f"http://{host}", "Host": host, **more}
        )
        assert "evil" not in str(page.fields) + page.body.decode()
        settled(server)
    assert queued(server.provider)
    for _, _, octets in queued(server.provider):
        assert b"evil" not in octets
        token_in(octets)  # it begins with the configured URL


def test_a_network_asks_so_often(server: Server) -> None:
    asking = Person(server)
    for number in range(MAX_ASKED_BY_NETWORK + 5):  # this machine stands for many people
        assert asking.send("/reset/ask", address=f"nobody{number}@one.example").path == "/reset/asked"
    settled(server)


def test_where_links_are_not_sent_the_page_says_whom_to_ask() -> None:
    with open_http(*ROUTES, plain_allowed=False) as server:
        server.run(has_recovery(server.provider))
        person = Person(server)
        for page in (
            person.get("/reset"),
            person.get("/reset/ask"),
            person.send("/reset/ask", address=PEOPLE[0]),
        ):
            assert "The people who run one.example" in page.text
            assert not page.all("form")
            assert page.flaws() == []
        settled(server)
        assert not queued(server.provider)


# --- a recovery address


def test_a_recovery_address_is_confirmed(server: Server, person: Person) -> None:
    provider = server.provider
    provider.web_url = URL
    recovery = RecoveryAddresses(provider.world, provider.config)
    server.run(recovery.set(provider.accounts[0], FAR))
    path = "/reset/confirm/" + token_in(queued(provider)[0][2], "/reset/confirm/")
    for _ in range(2):  # opening it confirms nothing
        form = person.get(path)
        assert (form.status, form.path, form.flaws()) == (200, "/reset/confirm", [])
        assert FAR in form.text
    assert server.run(recovery.of(provider.accounts[0])).address is None
    done = person.send("/reset/confirm")
    assert (done.path, done.flaws()) == ("/reset/confirmed", [])
    assert server.run(recovery.of(provider.accounts[0])).address == FAR
    assert len(inbox(provider)) == 2
    assert "can't be used" in person.send("/reset/confirm").title
    assert "can't be used" in person.get(path).title
