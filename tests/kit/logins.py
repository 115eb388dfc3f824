"""Logins with everything behind them in memory, and time that passes as they need."""

import asyncio
from collections.abc import Awaitable, Callable, Coroutine
from dataclasses import dataclass
from typing import Any

from pillarbox.directory.accounts import Account
from pillarbox.directory.schema import SCHEMA
from pillarbox.directory.sign_in import (
    app_passwords,
    secrets,
)
from pillarbox.directory.sign_in.app_passwords import Limits, Scope
from pillarbox.protocol.sasl.client import Credentials, choose
from pillarbox.protocol.sasl.exchange import Challenge
from pillarbox.server.connection import TlsState
from pillarbox.server.login.authenticator import Authenticator
from pillarbox.server.login.client import Client
from pillarbox.server.login.outcome import Authenticated, Outcome, Unsuitable
from pillarbox.store.schema import SCHEMA as STORE
from pillarbox.world.clock import VirtualClock
from pillarbox.world.database import Database, DatabaseUnavailable
from pillarbox.world.database.sqlite import memory_database
from pillarbox.world.shared import Shared
from pillarbox.world.telemetry import MemoryTelemetry
from tests.kit.people import NOW_MS, SALT, person
from tests.kit.world import world_of

HOME = Client("192.0.2.1", Scope.IMAP)
AWAY = Client("198.51.100.1", Scope.IMAP)
SECRET = b"S" * 32


@dataclass
class Bench:
    """An authenticator with everything behind it in memory."""

    authenticator: Authenticator
    database: Database
    clock: VirtualClock
    telemetry: MemoryTelemetry
    anna: Account
    bert: Account
    shared: Shared

    async def login(self, login: str, password: str, client: Client = HOME) -> Account | None:
        """`check_password`, with time passing as it needs; the account."""
        return account_of(await self.passing(self.authenticator.check_password(login, password, client)))

    async def token(self, token: str, client: Client = HOME) -> Account | None:
        """`check_token`, likewise."""
        return account_of(await self.passing(self.authenticator.check_token(token, client)))

    async def passing(self, checking: Coroutine[Any, Any, Outcome]) -> Outcome:
        """What this gives, with time passing as it needs."""
        attempt = asyncio.ensure_future(checking)
        while not attempt.done():
            await self.clock.advance(self.clock.next_timer_in or 0)
            await asyncio.sleep(0.0005)
        await self.authenticator.settled()  # so that time passes for delays alone
        return await attempt


def account_of(who: object) -> Account | None:
    return who.account if isinstance(who, Authenticated) else None


def run(scenario: Callable[[Bench], Awaitable[Any]]) -> None:
    async def inside() -> None:
        database = memory_database([SCHEMA, STORE])
        clock, telemetry = VirtualClock(NOW_MS), MemoryTelemetry()
        anna = database.write_now(person, "anna@one.example", "open sesame")
        bert = database.write_now(person, "bert@one.example")
        database.write_now(secrets.ensure, secrets.CREDENTIALS, SECRET)
        world = world_of(database, clock, telemetry=telemetry)
        authenticator = Authenticator(world)
        await scenario(Bench(authenticator, database, clock, telemetry, anna, bert, world.shared))
        await authenticator.close()
        await database.close()

    asyncio.run(inside())


def add_app(bench: Bench, account: Account, *scopes: Scope, **limits: Any) -> str:
    password = app_passwords.format_app_password(bytes(range(13)))
    stored = app_passwords.hash_app_password(password, secret=SECRET, scram_salt=SALT, iterations=15_000)
    bench.database.write_now(
        app_passwords.add,
        account.id,
        stored,
        name="phone",
        scopes=frozenset(scopes),
        now_ms=NOW_MS,
        limits=Limits(**limits),
    )
    return password


def tls(**bindings: bytes) -> TlsState:
    data = {kind.replace("_", "-"): octets for kind, octets in bindings.items()}
    return TlsState("TLSv1.3", "TLS_AES_256_GCM_SHA384", 256, data.get)


BOUND = tls(tls_exporter=b"E" * 32, tls_server_end_point=b"P" * 32)


async def by_scram(bench: Bench, login: str, password: str, at: Client = HOME) -> object:
    client = choose(
        ["SCRAM-SHA-256"], Credentials(login, password), nonce="c", binding=None, plain_allowed=False
    )
    attempt = bench.authenticator.begin("SCRAM-SHA-256", at, BOUND, plain_allowed=False)
    assert client is not None
    assert attempt is not None
    outcome = await attempt.respond(client.initial)
    while isinstance(outcome, Challenge):
        outcome = await attempt.respond(client.respond(outcome.octets))
    return outcome if not isinstance(outcome, Unsuitable) or client.server_proven else "not proven"


async def tried(
    bench: Bench, way: str, login: str, password: str, client: Client
) -> tuple[object, list[bytes]]:
    """What comes of a login, and the challenges before that."""
    authenticator = bench.authenticator
    if way == "password":
        return await bench.passing(authenticator.check_password(login, password, client)), []
    if way == "token":
        return await bench.passing(authenticator.check_token(password, client)), []
    exchange = choose([way], Credentials(login, password), nonce="c", binding=None, plain_allowed=True)
    assert exchange is not None
    attempt = authenticator.begin(way, client, BOUND, plain_allowed=False)
    assert attempt is not None
    challenges, outcome = list[bytes](), await attempt.respond(exchange.initial)
    while isinstance(outcome, Challenge):
        challenges.append(outcome.octets)
        outcome = await attempt.respond(exchange.respond(outcome.octets))
    return outcome, challenges


class Full:
    """A database on a full disk."""

    def __init__(self, database: Database) -> None:
        self._database = database

    def __getattr__(self, name: str) -> Any:
        return getattr(self._database, name)

    async def write(self, *_verb: object, **_arguments: object) -> None:
        raise DatabaseUnavailable("database or disk is full")
