"""A session that ends takes with it all that it has opened and made, wherever that is, at once."""

import asyncio
import json
from collections.abc import Callable, Iterator
from pathlib import Path
from typing import Any

import pytest
from starlette.responses import JSONResponse, Response

from pillarbox.admin import accounts as account_verbs
from pillarbox.admin import browser_sessions as verbs
from pillarbox.app.database import SCHEMAS
from pillarbox.directory import accounts
from pillarbox.directory.sign_in import browser_sessions, credentials
from pillarbox.directory.sign_in.app_passwords import Scope
from pillarbox.directory.sign_in.browser_sessions import Method, Opening, digest_of
from pillarbox.directory.sign_in.credential_marks import valid
from pillarbox.directory.sign_in.password_hash import hash_password
from pillarbox.server.chores.table import end_browser_sessions
from pillarbox.server.http.request import HttpRequest
from pillarbox.server.http.route import Route
from pillarbox.world.database import Transaction
from pillarbox.world.database.sqlite import open_database
from tests.component.server.http.test_http_sessions import (
    UPGRADE,
    Subscribers,
    end_withdrawn,
    read_frame,
    routes,
)
from tests.kit.http.server import HttpClient, open_http
from tests.kit.http.signing_in import PREFIX, SECURE_ORIGIN, SIGN_IN, post, signed_in
from tests.kit.jmap.client import open_jmap
from tests.kit.jmap.pushing import PushService, settled, verified
from tests.kit.people import NOW_MS, person
from tests.kit.provider import PASSWORD, PEOPLE
from tests.kit.pump import until
from tests.kit.server import Server

NEW = "another secret"


async def mine(request: HttpRequest) -> Response:
    session = request.browser_session
    return JSONResponse(
        {
            "session": session.id if session else "",
            "fresh": session is not None and request.sessions.is_fresh(session),
        }
    )


@pytest.fixture
def subscribers() -> Subscribers:
    return Subscribers()


@pytest.fixture
def server(subscribers: Subscribers) -> Iterator[Server]:
    kept = (one for one in routes(subscribers) if one.path != "/mine")
    with open_http(
        *SIGN_IN, *kept, Route(path="/mine", methods=("GET",), handler=mine), plain_allowed=False
    ) as opened:
        yield opened


@pytest.fixture
def client(server: Server) -> Iterator[HttpClient]:
    with HttpClient(server, tls=True) as opened:
        yield opened


def identifier(client: HttpClient, cookie: str) -> str:
    answer = client.ask("GET /mine", {"Cookie": cookie})
    assert answer.status == 200
    return str(json.loads(answer.body)["session"])


def write(server: Server, verb: Callable[..., Any], *arguments: Any, **more: Any) -> Any:
    world = server.provider.world
    done = server.run(world.database.write(verb, *arguments, **more))
    end_withdrawn(server)
    return done


def now_ms(server: Server) -> int:
    return server.provider.world.clock.now_ms()


def change_password(server: Server, *, keep_sessions: bool = False, staying: str = "") -> None:
    salt = server.read(account_verbs.password_salt, PEOPLE[0])
    hashed = hash_password(NEW, argon2_salt=bytes(16), scram_salt=salt)
    write(
        server,
        account_verbs.set_password,
        PEOPLE[0],
        hashed,
        now_ms=now_ms(server),
        keep_sessions=keep_sessions,
        staying=staying,
    )


def is_signed_in(server: Server, cookie: str) -> bool:
    with HttpClient(server, tls=True) as other:
        return other.ask("GET /mine", {"Cookie": cookie}).status == 200


# --- what a session has opened


def test_a_websocket_and_an_event_stream_end(
    server: Server, client: HttpClient, subscribers: Subscribers
) -> None:
    cookie = signed_in(client)
    session = identifier(client, cookie)
    with HttpClient(server, tls=True) as socket, HttpClient(server, tls=True) as stream:
        assert socket.ask("GET /ws", {"Cookie": cookie, "Origin": SECURE_ORIGIN, **UPGRADE}).status == 101
        stream.send(f"GET /events HTTP/1.1\r\nHost: mail.one.example\r\nCookie: {cookie}\r\n\r\n".encode())
        assert stream.response(head=True).status == 200
        assert stream.chunk()
        assert write(server, verbs.end, PEOPLE[0], session, now_ms=now_ms(server))
        assert read_frame(socket)[0] == 8
        assert socket.rest() == b""
        assert stream.rest().endswith(b"0\r\n\r\n")
        server.run(until(lambda: subscribers.gone == 2))
    assert client.rest() == b"", "nor is it remembered where it was shown before"
    assert not is_signed_in(server, cookie)


def test_other_sessions_go_on(server: Server, client: HttpClient) -> None:
    first, second = signed_in(client), signed_in(client)
    others = signed_in(client, 1)
    with HttpClient(server, tls=True) as other:
        session = identifier(other, second)
    assert write(server, verbs.end_all, PEOPLE[0], now_ms=now_ms(server), but=session) == 1
    assert [is_signed_in(server, cookie) for cookie in (first, second, others)] == [False, True, True]
    assert not write(server, verbs.end, PEOPLE[1], session, now_ms=now_ms(server)), "it is another account's"
    assert is_signed_in(server, second)
    assert write(server, verbs.end_all, PEOPLE[0], now_ms=now_ms(server)) == 1
    assert [is_signed_in(server, cookie) for cookie in (first, second, others)] == [False, False, True]


def test_a_password_change_ends_them_but_for_the_one_that_makes_it(
    server: Server, client: HttpClient
) -> None:
    first, second = signed_in(client), signed_in(client)
    with HttpClient(server, tls=True) as other:
        session = identifier(other, second)
    change_password(server, keep_sessions=True)
    assert [is_signed_in(server, cookie) for cookie in (first, second)] == [True, True]
    change_password(server, staying=session)
    assert [is_signed_in(server, cookie) for cookie in (first, second)] == [False, True]
    change_password(server)
    assert not is_signed_in(server, second)


def test_they_end_with_the_account(server: Server, client: HttpClient) -> None:
    first, second = signed_in(client), signed_in(client, 1)
    account = server.provider.accounts[0]
    write(server, accounts.set_enabled, account, enabled=False)
    assert not is_signed_in(server, first)
    write(server, accounts.set_enabled, account, enabled=True)
    assert not is_signed_in(server, first), "who has it by then is to sign in anew"
    write(server, account_verbs.remove, PEOPLE[1])
    assert not is_signed_in(server, second)
    rows = server.read(lambda tx: tx.rows("SELECT 1 FROM browser_sessions"))
    assert not rows


@pytest.mark.replaces_functions
def test_a_password_that_is_changed_while_it_is_checked_opens_nothing(
    server: Server, client: HttpClient, monkeypatch: pytest.MonkeyPatch
) -> None:
    authenticator = server.provider.authenticator
    prove = authenticator.prove_password

    async def slowly(*given: Any) -> Any:
        who = await prove(*given)
        world = server.provider.world
        hashed = hash_password(NEW, argon2_salt=bytes(16), scram_salt=bytes(16))
        account = server.provider.accounts[0]
        await world.database.write(credentials.set_password, account, hashed, now_ms=world.clock.now_ms())
        return who

    monkeypatch.setattr(authenticator, "prove_password", slowly)
    answer = post(client, {"login": PEOPLE[0], "password": PASSWORD})
    assert (answer.status, answer.cookies) == (403, {})


def test_a_websocket_too_gives_the_cookie_anew(server: Server, client: HttpClient) -> None:
    cookie = signed_in(client)
    write(server, lambda tx: tx.execute("UPDATE browser_sessions SET cookie_at_ms = 0"))
    with HttpClient(server, tls=True) as socket:
        opened = socket.ask("GET /ws", {"Cookie": cookie, "Origin": SECURE_ORIGIN, **UPGRADE})
        assert opened.status == 101
        assert opened.cookies[f"{PREFIX}pillarbox"].startswith(f"{cookie.partition('=')[2]}; ")


# --- proving once more


def test_who_proves_it_again_has_another_token_and_the_same_session(
    server: Server, client: HttpClient
) -> None:
    cookie = signed_in(client)
    session = identifier(client, cookie)
    write(server, lambda tx: tx.execute("UPDATE browser_sessions SET proven_at_ms = proven_at_ms - 1000000"))
    with HttpClient(server, tls=True) as other:
        assert json.loads(other.ask("GET /mine", {"Cookie": cookie}).body)["fresh"] is False
        wrong = post(other, {"again": "wrong"}, cookie=cookie)
        assert wrong.status == 403
        answer = post(other, {"again": PASSWORD}, cookie=cookie)
        assert answer.status == 200
        renewed = f"{PREFIX}pillarbox={answer.cookies[f'{PREFIX}pillarbox'].partition(';')[0]}"
        assert renewed != cookie
        said = json.loads(other.ask("GET /mine", {"Cookie": renewed}).body)
        assert said == {"session": session, "fresh": True}
    with HttpClient(server, tls=True) as other:
        on_its_way = other.ask("GET /mine", {"Cookie": cookie})
        assert on_its_way.status == 200, "requests with the token before may be on their way"
        assert json.loads(on_its_way.body) == {"session": session, "fresh": False}, "and it may be a thief's"
    write(server, lambda tx: tx.execute("UPDATE browser_sessions SET former_until_ms = 1"))
    assert not is_signed_in(server, cookie)
    assert is_signed_in(server, renewed)


# --- rows


def opening(number: int) -> Opening:
    return Opening(
        id=f"{number}",
        digest=digest_of(f"{number}"),
        method=Method.PASSWORD,
        agent="a\x1b[0m\nb" * 99,
        address="::1",
        device=b"",
    )


def test_the_session_that_was_used_least_ends_when_there_are_too_many(tmp_path: Path) -> None:
    database = open_database(tmp_path / "db", SCHEMAS, create=True)

    def verb(tx: Transaction) -> list[str]:
        anna = person(tx, "anna@one.example").id
        for number in range(browser_sessions.MAX_PER_ACCOUNT + 2):
            at_ms = NOW_MS + number
            browser_sessions.open_session(
                tx, anna, opening(number), now_ms=at_ms, expires_at_ms=at_ms + 10**9
            )
            browser_sessions.note_use(
                tx, "0", address="::1", now_ms=at_ms + 1, expires_at_ms=at_ms + 10**9, cookie=False
            )
        found = browser_sessions.listing(tx, anna, now_ms=NOW_MS)
        assert all(one.agent.isprintable() and len(one.agent) <= browser_sessions.MAX_AGENT for one in found)
        return [one.id for one in found]

    left = database.write_now(verb)
    assert len(left) == browser_sessions.MAX_PER_ACCOUNT
    assert "0" in left
    assert not {"1", "2"} & {*left}


def test_what_has_expired_is_removed_and_what_it_has_opened_ends(server: Server, client: HttpClient) -> None:
    cookie, other = signed_in(client), signed_in(client, 1)
    with HttpClient(server, tls=True) as socket:
        assert socket.ask("GET /ws", {"Cookie": cookie, "Origin": SECURE_ORIGIN, **UPGRADE}).status == 101
        account = server.provider.accounts[0]
        write(
            server,
            lambda tx: tx.execute(
                "UPDATE browser_sessions SET expires_at_ms = 1 WHERE account = ?", (account,)
            ),
        )
        write(
            server,
            lambda tx: tx.execute(
                "INSERT INTO sign_in_steps VALUES (x'00', 1, 'sign in', '', '', x'', 0, 1, '', 0, NULL)"
            ),
        )

        async def chore() -> bool:
            return await end_browser_sessions(server.provider.world, no_rest)

        assert server.run(chore()) is False
        end_withdrawn(server)
        assert read_frame(socket)[0] == 8
    world = server.provider.world
    for table, left in (("browser_sessions", 1), ("sign_in_steps", 0)):
        assert world.database.read_now(count, table) == left
    assert is_signed_in(server, other)


def test_a_mark_is_for_browsers_only(server: Server, client: HttpClient) -> None:
    signed_in(client)
    account = server.provider.accounts[0]

    def verb(tx: Transaction) -> tuple[int, int]:
        found = [valid(tx, account, scope=scope, now_ms=now_ms(server)) for scope in (Scope.JMAP, Scope.IMAP)]
        return len(found[0]), len(found[1])

    assert server.read(verb) == (2, 1)


def count(tx: Transaction, table: str) -> int:
    number: int = tx.value(f"SELECT COUNT(*) FROM {table}")
    return number


async def no_rest(_longest_s: float | None = None, /) -> None:
    """A chore's rest."""


# --- push subscriptions


def test_push_subscriptions_end() -> None:
    async def scenario() -> None:
        client = await open_jmap()
        world, service = client.provider.world, PushService()
        at_ms = world.clock.now_ms()

        def verb(tx: Transaction) -> str:
            made = browser_sessions.open_session(
                tx, client.account.id, opening(1), now_ms=at_ms, expires_at_ms=at_ms + 10**9
            )
            return made.mark

        own = client.credential
        client.credential = await world.database.write(verb)
        sender = service.sender(client)
        await verified(client, service)
        client.credential = own
        await verified(client, service, url="https://push.example/other", deviceClientId="b")

        assert world.database.read_now(count, "push_subscriptions") == 2
        assert await world.database.write(verbs.end, PEOPLE[0], "1", now_ms=at_ms)
        assert world.database.read_now(count, "push_subscriptions") == 1
        await settled(sender)
        await sender.stop()
        await client.provider.close()

    asyncio.run(scenario())
