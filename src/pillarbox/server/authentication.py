"""Who is it? One place for SMTP, IMAP and POP3 to ask.

    mechanisms(tls, ...)   what to announce
    begin(...)             an `Attempt`: feed it the client's responses until it gives an account or fails
    check_password(...)    for IMAP LOGIN and POP3 PASS

What is always true: the answer is an account or nothing, with no hint whether login or password was
wrong, and both cost the same; a guess is slowed before it is checked (see `slowing`); an app password is
tried first, because that is cheap; Argon2 runs in few threads (see `password_checks`).
"""

import asyncio
from collections.abc import Coroutine
from dataclasses import dataclass
from typing import assert_never

from pillarbox.directory import app_passwords, credentials, known_clients, secrets
from pillarbox.directory.accounts import Account, by_login, login_key
from pillarbox.directory.app_passwords import Scope
from pillarbox.directory.credentials import Candidate
from pillarbox.directory.known_clients import client_key
from pillarbox.protocol.sasl import mechanisms
from pillarbox.protocol.sasl.exchange import (
    Challenge,
    CheckPassword,
    Exchange,
    Failure,
    NeedKeys,
    Reason,
    Success,
)
from pillarbox.protocol.sasl.identity import MAX_IDENTITY_OCTETS, MAX_PASSWORD_OCTETS
from pillarbox.protocol.sasl.saslprep import PreparationFailed, prepare_query
from pillarbox.protocol.sasl.scram import ChannelBinding
from pillarbox.protocol.sasl.scram_keys import ScramKeys
from pillarbox.server.auth_throttle import AuthThrottle
from pillarbox.server.connection import TlsState
from pillarbox.server.password_checks import AuthenticationUnavailable, PasswordChecks
from pillarbox.world.clock import Clock
from pillarbox.world.database import Database, DatabaseUnavailable
from pillarbox.world.entropy import Entropy, nonce
from pillarbox.world.shared import Tallies
from pillarbox.world.telemetry import Telemetry

__all__ = ["Attempt", "AuthenticationUnavailable", "Authenticator", "Client"]

_DAY_MS = 24 * 3600 * 1000
_REMEMBERED_HERE = 50_000
"""Pairs of account and client that this process knows to be in the database already."""


@dataclass(frozen=True, slots=True)
class Client:
    """Who asks, and for what."""

    address: str
    """The IP address of the other end."""
    scope: Scope
    """The service that is to be opened: an app password must be made for it."""


class Authenticator:
    """Checks logins for one process. Made once; `close` ends its threads."""

    def __init__(
        self, *, database: Database, clock: Clock, entropy: Entropy, telemetry: Telemetry, tallies: Tallies
    ) -> None:
        self._database = database
        self._clock = clock
        self._entropy = entropy
        self._telemetry = telemetry
        self._slowing = AuthThrottle(clock.monotonic, tallies)
        self._checks = PasswordChecks(clock, entropy)
        self._secret: bytes | None = None
        self._remembered: dict[tuple[int, str], int] = {}
        self._tasks: set[asyncio.Task[None]] = set()

    def mechanisms(self, tls: TlsState | None, *, plain_allowed: bool) -> tuple[str, ...]:
        """The SASL mechanisms to announce on such a connection, best first; may be none."""
        return mechanisms.offered(
            tls=tls is not None, plain_allowed=plain_allowed, binding=_channel(tls) is not None
        )

    def begin(
        self, mechanism: str, client: Client, tls: TlsState | None, *, plain_allowed: bool
    ) -> "Attempt | None":
        """Begin an exchange; `None` for a mechanism that is not offered on this connection."""
        if mechanism.upper() not in self.mechanisms(tls, plain_allowed=plain_allowed):
            return None
        exchange = mechanisms.start(mechanism, nonce=nonce(self._entropy), channel=_channel(tls))
        return Attempt(self, exchange, client) if exchange else None

    async def check_password(self, login: str, password: str, client: Client) -> Account | None:
        """The account, if this is its login and its password (or an app password for this scope).

        Raises `AuthenticationUnavailable` where too many wait already, `DatabaseUnavailable`.
        """
        try:
            prepared = prepare_query(login), prepare_query(password)
        except PreparationFailed:
            prepared = "", ""
        name, key = prepared
        if len(name.encode()) > MAX_IDENTITY_OCTETS or len(key.encode()) > MAX_PASSWORD_OCTETS:
            name = key = ""
        return await self.check_prepared(name, key, client)

    async def check_prepared(self, login: str, password: str, client: Client) -> Account | None:
        """`check_password` of what SASLprep has prepared; empty strings open nothing."""
        candidate = self._database.read_now(credentials.find, login) if login else None
        known = await self._slow_down(candidate.account if candidate else None, login, client)
        granted = await self._opens(candidate, password, client.scope, urgent=known)
        account = candidate.account if candidate and granted else None
        self._note(account, login, client)
        return account

    async def scram_keys(self, login: str, client: Client) -> ScramKeys:
        """The keys for a SCRAM exchange; for an unknown login, keys that nothing opens."""
        account = self._database.read_now(by_login, login)
        await self._slow_down(account, login, client)
        return self._database.read_now(
            credentials.scram_keys,
            login,
            secret=await self._installation_secret(),
            scope=client.scope,
            now_ms=self._clock.now_ms(),
        )

    def conclude(self, success: Success, client: Client) -> Account | None:
        """Whom a finished SCRAM exchange has proven."""
        candidate = self._database.read_now(credentials.find, success.login)
        account = candidate.account if candidate else None
        self._note(account, success.login, client)
        if account and success.credential is not None:
            self._in_background(self._mark_used(success.credential))
        return account

    def refused(self, login: str, client: Client) -> None:
        """A SCRAM exchange failed at its proof."""
        self._note(None, login, client)

    def may_act_as(self, account: Account, authorization: str) -> bool:
        """Whether the account may take on this identity; so far, only its own."""
        if not authorization:
            return True
        wanted = self._database.read_now(by_login, authorization)
        return wanted is not None and wanted.id == account.id

    async def settled(self) -> None:
        """Return once every note about past logins is written."""
        await asyncio.gather(*self._tasks)

    async def close(self) -> None:
        """Write the last notes and let the threads end."""
        await self.settled()
        self._checks.close()

    async def _slow_down(self, account: Account | None, login: str, client: Client) -> bool:
        """Wait as long as the guesses so far deserve; tells whether the client is known to the account."""
        who, where = _key(account, login), client_key(client.address)
        known = account is not None and self._is_known(account, where)
        wait = self._slowing.admit(who, where, known=known)
        if wait is None:
            self._telemetry.count("authentications", outcome="turned away", scope=client.scope)
            raise AuthenticationUnavailable("too many attempts wait already")
        if wait:
            await self._clock.sleep(wait)
        return known

    async def _opens(self, candidate: Candidate | None, password: str, scope: Scope, *, urgent: bool) -> bool:
        if candidate and password and await self._opens_as_app(candidate.account, password, scope):
            return True
        argon2 = candidate.argon2 if candidate else None
        return await self._checks.holds(argon2 if password else None, password, urgent=urgent)

    async def _opens_as_app(self, account: Account, password: str, scope: Scope) -> bool:
        digest = app_passwords.digest_of(password, await self._installation_secret())
        if digest is None:
            return False
        number = self._database.read_now(
            app_passwords.matching, account.id, digest, scope=scope, now_ms=self._clock.now_ms()
        )
        if number is not None:
            self._in_background(self._mark_used(number))
        return number is not None

    def _note(self, account: Account | None, login: str, client: Client) -> None:
        where = client_key(client.address)
        if account is None:
            self._slowing.failed(_key(self._database.read_now(by_login, login), login), where)
        else:
            self._slowing.succeeded(_key(account, login), where)
            self._remember(account, where)
        outcome = "failed" if account is None else "succeeded"
        self._telemetry.count("authentications", outcome=outcome, scope=client.scope)
        if account is None:
            # The login is not logged: people type passwords there.
            self._telemetry.event("login failed", address=client.address, scope=client.scope)

    def _is_known(self, account: Account, where: str) -> bool:
        if (account.id, where) in self._remembered:
            return True
        now_ms = self._clock.now_ms()
        return (
            self._database.read_now(known_clients.last_seen_at_ms, account.id, where, now_ms=now_ms)
            is not None
        )

    def _remember(self, account: Account, where: str) -> None:
        now_ms = self._clock.now_ms()
        if now_ms - self._remembered.get((account.id, where), 0) < _DAY_MS:
            return
        if len(self._remembered) >= _REMEMBERED_HERE:
            self._remembered.clear()
        self._remembered[account.id, where] = now_ms
        self._in_background(self._database.write(known_clients.remember, account.id, where, now_ms=now_ms))

    async def _mark_used(self, number: int) -> None:
        await self._database.write(app_passwords.mark_used, number, now_ms=self._clock.now_ms())

    async def _installation_secret(self) -> bytes:
        if self._secret is None:
            fresh = self._entropy.token_bytes(secrets.SECRET_OCTETS)
            self._secret = await self._database.write(secrets.ensure, secrets.CREDENTIALS, fresh)
        return self._secret

    def _in_background(self, work: Coroutine[None, None, None]) -> None:
        task = asyncio.get_running_loop().create_task(self._tolerate(work))
        self._tasks.add(task)
        task.add_done_callback(self._tasks.discard)

    async def _tolerate(self, work: Coroutine[None, None, None]) -> None:
        try:
            await work
        except DatabaseUnavailable:
            # Who logged in is not turned away because we could not make a note of it.
            self._telemetry.warning("login not noted")


class Attempt:
    """One SASL exchange of one client: octets in; a challenge, an account or a failure out."""

    __slots__ = ("_authenticator", "_client", "_exchange", "_login")

    def __init__(self, authenticator: Authenticator, exchange: Exchange, client: Client) -> None:
        self._authenticator = authenticator
        self._exchange = exchange
        self._client = client
        self._login = ""

    async def respond(self, octets: bytes | None) -> Challenge | Account | Failure:
        """Take the client's response, decoded; `None` where it sent no initial response.

        After an `Account` or a `Failure` the attempt is over. Raises `AuthenticationUnavailable`,
        `DatabaseUnavailable`; then it is over as well, and the client may try later.
        """
        step = self._exchange.respond(octets)
        while True:
            match step:
                case Challenge():
                    return step
                case Failure():
                    return self._failed(step)
                case Success():
                    return self._succeeded(step)
                case CheckPassword():
                    return await self._check_password(step)
                case NeedKeys(login):
                    self._login = login
                    step = self._exchange.supply(await self._authenticator.scram_keys(login, self._client))
                case _:
                    assert_never(step)

    async def _check_password(self, check: CheckPassword) -> Account | Failure:
        account = await self._authenticator.check_prepared(check.login, check.password, self._client)
        step = self._exchange.decide(granted=account is not None)
        if isinstance(step, Failure) or account is None:
            return step if isinstance(step, Failure) else _REFUSED
        return self._authorized(account, check.authorization)

    def _succeeded(self, success: Success) -> Account | Failure:
        account = self._authenticator.conclude(success, self._client)
        return self._authorized(account, success.authorization) if account else _REFUSED

    def _failed(self, failure: Failure) -> Failure:
        if failure.reason is Reason.CREDENTIALS and self._login:
            self._authenticator.refused(self._login, self._client)
        return failure

    def _authorized(self, account: Account, authorization: str) -> Account | Failure:
        if self._authenticator.may_act_as(account, authorization):
            return account
        return Failure(Reason.CREDENTIALS, "may not act as that identity")


_REFUSED = Failure(Reason.CREDENTIALS, "refused")


def _channel(tls: TlsState | None) -> ChannelBinding | None:
    """What a mechanism may bind to. A connection that can be bound to gives its server's end point."""
    if tls is None or tls.channel_binding("tls-server-end-point") is None:
        return None
    return tls.channel_binding


def _key(account: Account | None, login: str) -> str:
    return account.login if account else login_key(login)
