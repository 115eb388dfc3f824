"""`pillarbox account sessions` and `sign-out`, also of a server that runs, with two workers."""

import http.client
import json
from collections.abc import Iterator
from contextlib import closing
from pathlib import Path
from typing import Any

import pytest

from pillarbox.app.database import SCHEMAS
from pillarbox.directory import accounts
from pillarbox.directory.sign_in import browser_sessions
from pillarbox.directory.sign_in.browser_sessions import Method, Opening, digest_of
from pillarbox.world.clock import SystemClock
from pillarbox.world.database import Transaction
from pillarbox.world.database.sqlite import open_database
from tests.component.app.test_serving_http import ServedHttp
from tests.kit.command_line import CommandLine, set_up

TOKENS = ("t" * 43, "u" * 43)


def open_sessions(there: CommandLine) -> list[str]:
    """Sign anna in with two browsers; their ids."""
    now_ms = SystemClock().now_ms()

    def verb(tx: Transaction) -> list[str]:
        account = accounts.by_login(tx, "anna@example.org")
        assert account is not None
        for number, token in enumerate(TOKENS):
            opening = Opening(
                id=f"{number}aaaa",
                digest=digest_of(token),
                method=Method.PASSWORD,
                agent=f"Browser {number}",
                address="192.0.2.1",
                device=b"",
            )
            browser_sessions.open_session(
                tx, account.id, opening, now_ms=now_ms + number, expires_at_ms=now_ms + 10**9
            )
        return ["0aaaa", "1aaaa"]

    database = open_database(there.data / "pillarbox.db", SCHEMAS)
    try:
        return database.write_now(verb)
    finally:
        database.close_now()


def test_sessions_are_listed_and_ended(tmp_path: Path) -> None:
    there, _ = set_up(tmp_path)
    assert there.text("account", "sessions", "anna") == "0 sessions.\n"
    first, second = open_sessions(there)
    listed: Any = there.json("account", "sessions", "anna")
    assert [(one["id"], one["agent"], one["address"]) for one in listed] == [
        (second, "Browser 1", "192.0.2.1"),
        (first, "Browser 0", "192.0.2.1"),
    ]
    assert not set(TOKENS) & set(json.dumps(listed).split('"')), "nobody is told a token"
    text = there.text("account", "sessions", "anna")
    assert "Browser 1" in text
    assert "2 sessions." in text
    assert "Give an ID" in there.refused("account", "sign-out", "anna")
    assert "Give an ID" in there.refused("account", "sign-out", "anna", first, "--all")
    assert "has no session" in there.refused("account", "sign-out", "anna", "nothing")
    assert "no account" in there.refused("account", "sign-out", "nobody", "--all")
    assert there.json("account", "sign-out", "anna", first) == {"sessions": 1}
    assert "has no session" in there.refused("account", "sign-out", "anna", first)
    assert there.text("account", "sign-out", "anna", "--all") == "1 session ended.\n"
    assert there.text("account", "sign-out", "anna", "--all") == "0 sessions ended.\n"


class TwoWorkers(ServedHttp):
    """A server with two workers."""

    def configured(self, config: str) -> str:
        return f"workers = 2\n{config}"


@pytest.fixture
def served(tmp_path: Path) -> Iterator[TwoWorkers]:
    server = TwoWorkers(tmp_path)
    try:
        yield server
    finally:
        server.end()


def ask(
    client: http.client.HTTPSConnection, token: str, path: str = "/jmap/session"
) -> http.client.HTTPResponse:
    client.request("GET", path, headers={"Cookie": f"__Host-pillarbox={token}"})
    return client.getresponse()


def test_a_session_ends_in_every_worker_at_once(served: TwoWorkers) -> None:
    first, _ = open_sessions(served.there)
    ended, other = TOKENS
    events = "/jmap/eventsource/?types=*&closeafter=no&ping=0"
    clients = [served.client() for _ in range(8)]
    streams = [ask(client, ended, events) for client in clients]
    assert [stream.status for stream in streams] == [200] * 8
    with closing(served.client()) as kept:
        assert ask(kept, other).read()
        assert served.there.json("account", "sign-out", "anna", first) == {"sessions": 1}
        for stream in streams:
            stream.read()  # to its end, which comes
        with closing(served.client()) as again:
            answer = ask(again, ended)
            assert answer.status == 401
            assert json.loads(answer.read())["type"] == "urn:pillarbox:session-ended"
        assert ask(kept, other).status == 200
    for client in clients:
        client.close()
