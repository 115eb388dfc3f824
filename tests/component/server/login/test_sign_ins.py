"""Who has signed in, as its owner sees it: by clients of the standard library, in each protocol."""

import asyncio
import imaplib
import poplib
import smtplib
from base64 import b64encode
from collections.abc import Callable, Iterator
from http.client import HTTPConnection
from pathlib import Path
from typing import Final

import pytest

from pillarbox.admin import devices as admin_devices
from pillarbox.admin.devices import Overview
from pillarbox.directory import accounts
from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.directory.sign_in.devices import Kind
from pillarbox.directory.sign_in.sign_ins import Result, SignIn, Way
from pillarbox.server.chores.sign_ins import OldSignIns
from tests.kit.http.server import HttpClient, open_http
from tests.kit.http.signing_in import PATH, SIGN_IN, post
from tests.kit.imap.client import open_imap
from tests.kit.provider import PASSWORD, PEOPLE, open_provider
from tests.kit.server import Server, serve

LOGIN: Final = PEOPLE[0]
HERE: Final = "127.0.0.1"
SERVICES: Final = ("imap", "pop3", "submission", "http")


@pytest.fixture
def server() -> Iterator[Server]:
    with serve(*SERVICES) as server:
        yield server


def imap(server: Server, password: str) -> bool:
    client = imaplib.IMAP4(HERE, server.ports["imap"], 20)
    try:
        client.login(LOGIN, password)
        client.xatom("ID", '("name" "Mail\x7f program" "version" "1.2")')
    except imaplib.IMAP4.error:
        return False
    finally:
        client.logout()
    return True


def pop3(server: Server, password: str) -> bool:
    client = poplib.POP3(HERE, server.ports["pop3"], 20)
    try:
        client.user(LOGIN)
        client.pass_(password)
    except poplib.error_proto:
        return False
    finally:
        client.quit()
    return True


def submission(server: Server, password: str) -> bool:
    with smtplib.SMTP(HERE, server.ports["submission"], timeout=20) as client:
        try:
            client.login(LOGIN, password)
        except smtplib.SMTPAuthenticationError:
            return False
    return True


def jmap(server: Server, password: str) -> bool:
    client = HTTPConnection(HERE, server.ports["http"], timeout=20)
    basic = b64encode(f"{LOGIN}:{password}".encode()).decode()
    fields = {"Host": "mail.one.example", "Authorization": f"Basic {basic}", "User-Agent": "Page/3"}
    client.request("GET", "/jmap/session", headers=fields)
    status = client.getresponse().status
    client.close()
    return status == 200


DOORS: Final[dict[Way, Callable[[Server, str], bool]]] = {
    Way.IMAP: imap,
    Way.POP3: pop3,
    Way.SMTP: submission,
    Way.JMAP: jmap,
}
AGENTS: Final = {Way.IMAP: "Mail\\x7f program 1.2", Way.JMAP: "Page/3"}


def overview(server: Server) -> Overview:
    server.run(server.provider.authenticator.settled())
    return server.provider.world.database.read_now(admin_devices.overview, LOGIN)


def shown(one: SignIn) -> tuple[object, ...]:
    attempt = one.attempt
    return attempt.way, attempt.address, attempt.method, attempt.result, attempt.reason, one.count, one.agent


@pytest.mark.parametrize("way", DOORS, ids=str)
def test_who_has_signed_in_and_who_has_failed(server: Server, way: Way) -> None:
    door = DOORS[way]
    assert door(server, PASSWORD)
    assert not door(server, "a guess")
    assert door(server, PASSWORD)
    found = overview(server)
    agent = AGENTS.get(way, "")
    tries = 2 if way is Way.SMTP else 1  # smtplib tries each mechanism
    of_failed = agent if way is Way.JMAP else ""
    assert {shown(one) for one in found.sign_ins} == {
        (way, HERE, "password", Result.SUCCEEDED, "", 2, agent),
        (way, HERE, "", Result.FAILED, "wrong password", tries, of_failed),
    }
    (device,) = found.devices
    assert (device.kind, device.name, device.way, device.agent) == (Kind.PROGRAM, "127.0.0.0/24", way, agent)


@pytest.mark.parametrize("way", DOORS, ids=str)
def test_an_app_password_is_a_device_which_its_owner_is_told_of(server: Server, way: Way) -> None:
    door = DOORS[way]
    door(server, PASSWORD)
    password = server.run(server.provider.app_password(0, Scope(way.value)))
    before = server.provider.messages(0)
    assert door(server, password)
    assert door(server, password)
    found = overview(server)
    assert [one.kind for one in found.devices] == [Kind.APP_PASSWORD, Kind.PROGRAM]
    assert found.devices[0].name == password, "its name, in this test"
    assert found.sign_ins[0].attempt.name == password
    assert (found.sign_ins[0].attempt.method, found.sign_ins[0].count) == ("app password", 2)
    assert server.provider.messages(0) == before + 1


def test_an_app_password_that_is_not_for_this_is_a_failure_with_words(server: Server) -> None:
    password = server.run(server.provider.app_password(0, Scope.POP3))
    assert not imap(server, password)
    (one,) = overview(server).sign_ins
    assert (one.attempt.method, one.attempt.reason) == (
        "app password",
        "the app password is for other services",
    )


def test_guesses_at_a_login_that_nobody_has_are_not_kept(server: Server) -> None:
    client = imaplib.IMAP4(HERE, server.ports["imap"], 20)
    with pytest.raises(imaplib.IMAP4.error):
        client.login("nobody@one.example", "a guess")
    client.logout()
    assert overview(server).sign_ins == ()


def test_what_a_device_has_open_is_ended(server: Server) -> None:
    password = server.run(server.provider.app_password(0, Scope.MAIL))
    imap(server, PASSWORD)
    imap(server, password)
    (phone, own), now_ms = overview(server).devices, server.provider.world.clock.now_ms()
    write = server.provider.world.database.write
    assert server.run(write(admin_devices.end, LOGIN, phone.id, now_ms=now_ms)) is None
    assert not imap(server, password)
    selection = server.run(write(admin_devices.end, LOGIN, own.id, now_ms=now_ms))
    assert selection is not None
    assert (selection.login, selection.network) == (LOGIN, "127.0.0.0/24")
    server.run(write(admin_devices.forget, LOGIN, own.id))
    assert overview(server).devices == ()
    for verb in (admin_devices.forget, lambda tx, *device: admin_devices.end(tx, *device, now_ms=now_ms)):
        with pytest.raises(NameRefused, match="no device"):
            server.run(write(verb, LOGIN, own.id))


def test_a_browser_is_known_again_by_its_cookie_and_signed_out() -> None:
    with open_http(*SIGN_IN, plain_allowed=False) as server, HttpClient(server, tls=True) as client:
        form = {"login": LOGIN, "password": PASSWORD}
        first = post(client, form)
        assert post(client, {**form, "password": "wrong"}).status == 403
        post(client, form)
        found = overview(server)
        assert [one.kind for one in found.devices] == [Kind.BROWSER, Kind.BROWSER]
        assert {(one.attempt.way, one.attempt.method, one.attempt.result) for one in found.sign_ins} == {
            (Way.WEB, "password", Result.SUCCEEDED),
            (Way.WEB, "", Result.FAILED),
        }
        assert server.provider.messages(0) == 1, "of the second browser"
        session = next(text for name, text in first.cookies.items() if name.endswith("pillarbox")).partition(
            ";"
        )[0]
        cookie = {"Cookie": f"__Host-pillarbox={session}"}
        assert client.ask(f"GET {PATH}", cookie).body == LOGIN.encode()
        oldest = min(found.devices, key=lambda one: one.id)
        server.run(server.provider.world.database.write(admin_devices.end, LOGIN, oldest.id, now_ms=0))
        with HttpClient(server, tls=True) as another:
            assert another.ask(f"GET {PATH}", cookie).body == b"nobody"
        device = next(text for name, text in first.cookies.items() if name.endswith("device")).partition(";")[
            0
        ]
        post(client, form, cookie=f"__Host-pillarbox-device={device}")
        assert len(overview(server).devices) == 2, "it is the first one"


@pytest.mark.replaces_functions
def test_it_lets_people_in_where_it_cannot_be_written(
    monkeypatch: pytest.MonkeyPatch, tmp_path: Path
) -> None:
    with open_imap(folder=tmp_path) as mail:
        monkeypatch.setattr("pillarbox.directory.sign_in.sign_ins.add", lambda *_: 1 / 0)
        mail.client()
        mail.runner.run(mail.provider.authenticator.settled())
        assert [name for name, _ in mail.provider.telemetry.failures] == ["login not recorded"]
        mail.provider.telemetry.failures.clear()


def test_old_ones_are_forgotten(tmp_path: Path) -> None:
    async def scenario() -> None:
        provider = await open_provider(tmp_path)
        database, chore = provider.world.database, OldSignIns(provider.config)
        days = provider.config.sign_in.history_days
        now_ms = provider.world.clock.now_ms()
        account = await database.read(accounts.by_login, LOGIN)
        assert account is not None
        for age, name in ((days + 1, "old"), (days - 1, "young")):
            at_ms = now_ms - age * 86_400_000
            await database.write(
                lambda tx, *values: tx.execute(
                    "INSERT INTO devices VALUES (NULL, ?, 'browser', ?, NULL, '', 0, ?, '', 'web', '', NULL)",
                    values,
                ),
                account.id,
                name,
                at_ms,
            )
            await database.write(
                lambda tx, *values: tx.execute(
                    "INSERT INTO sign_ins VALUES (NULL, ?, 0, 'web', ?, '', '', 'succeeded', '', '', 1, 0, ?)",
                    values,
                ),
                account.id,
                name,
                at_ms,
            )

        async def rest(_seconds: float | None = None) -> None:
            """Nobody else is served."""

        assert not await chore.run(provider.world, rest)
        found = await database.read(admin_devices.overview, LOGIN)
        assert [one.key for one in found.devices] == ["young"]
        assert [one.attempt.address for one in found.sign_ins] == ["young"]
        await provider.close()

    asyncio.run(scenario())
