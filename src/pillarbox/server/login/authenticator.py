"""What protocols ask: SASL exchanges, and a login with a password.

    mechanisms(tls, ...)   what to announce
    begin(...)             an `Attempt`: feed it the client's responses until it gives an `Authenticated` or fails
    check_password(...)    for IMAP LOGIN, POP3 PASS and HTTP's Basic
    check_token(...)       for HTTP's Bearer
    prove_password(...)    for people, who may have more to show (`server.sign_in`)

What is always true of them is said in the room's own words (`server.login`).
"""

from collections.abc import Coroutine

from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account
from pillarbox.directory.sign_in.known_clients import client_key
from pillarbox.directory.sign_in.password_hash import PasswordHash
from pillarbox.protocol.sasl import mechanisms
from pillarbox.protocol.sasl.identity import MAX_IDENTITY_OCTETS, MAX_PASSWORD_OCTETS
from pillarbox.protocol.sasl.saslprep import PreparationFailed, prepare_query
from pillarbox.protocol.sasl.scram import ChannelBinding
from pillarbox.server.connection import TlsState
from pillarbox.server.login.attempt import Attempt
from pillarbox.server.login.client import Client
from pillarbox.server.login.history import LoginHistory
from pillarbox.server.login.logins import Logins
from pillarbox.server.login.outcome import Outcome, by_app_password, is_silent, unsuitable_for
from pillarbox.server.login.password_checks import PasswordChecks
from pillarbox.server.login.password_upgrades import PasswordUpgrades
from pillarbox.server.login.sign_in_log import Means
from pillarbox.server.login.stored_passwords import StoredPasswords
from pillarbox.world.entropy import nonce
from pillarbox.world.world import World


class Authenticator:
    """Checks logins for one process. Made once; `close` ends its threads."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._history = LoginHistory(world)
        self._checks = PasswordChecks(world.clock, world.entropy)
        self._upgrades = PasswordUpgrades(world, self._checks)
        self._stored = StoredPasswords(world, self._checks, self._upgrades)
        self._logins = Logins(world, self._history, self._stored)

    def mechanisms(self, tls: TlsState | None, *, plain_allowed: bool) -> tuple[str, ...]:
        """The SASL mechanisms to announce on such a connection, best first; may be none."""
        return mechanisms.offered(
            tls=tls is not None, plain_allowed=plain_allowed, binding=_channel(tls) is not None
        )

    def begin(
        self, mechanism: str, client: Client, tls: TlsState | None, *, plain_allowed: bool
    ) -> Attempt | None:
        """Begin an exchange; `None` for a mechanism that is not offered on this connection."""
        if mechanism.upper() not in self.mechanisms(tls, plain_allowed=plain_allowed):
            return None
        exchange = mechanisms.start(mechanism, nonce=nonce(self._world.entropy), channel=_channel(tls))
        return Attempt(self._logins, exchange, client) if exchange else None

    async def check_password(self, login: str, password: str, client: Client) -> Outcome:
        """Who that is, if this is a login and its password (or an app password for this scope).

        Raises `AuthenticationUnavailable` where too many wait already, `DatabaseUnavailable`.
        """
        return await self._logins.check_prepared(*_prepared(login, password), client)

    async def prove_password(self, login: str, password: str, client: Client) -> Outcome:
        """Who that is, if this is a login and its own password: for a person, who has more to show perhaps. So a
        success is not recorded: see `signed_in`.

        An app password is refused, in words. Raises as `check_password` does.
        """
        return await self._logins.proven(*_prepared(login, password), client, is_person=True)

    def signed_in(self, account: Account, login: str, client: Client, means: Means) -> None:
        """A person has shown all that is asked for; `login` is how they wrote it."""
        self._history.succeeded(account, login, client, means)

    async def slow_down(self, account: Account | None, client: Client) -> str:
        """Delay an attempt of a person to show what comes second, or alone: then their account may not be known yet.
        Returns the client, if it has logged in to the account before, else an empty text. Raises
        `AuthenticationUnavailable`."""
        known = await self._history.slow_down(account, account.login if account else "", client)
        return client_key(client.address) if known else ""

    async def second_failed(self, account: Account | None, client: Client, *, why: str) -> None:
        """What a person has shown so was wrong."""
        await self._history.failed(account.login if account else "", client, why=why)

    def in_background(self, work: Coroutine[None, None, None]) -> None:
        """Record something of a login, while nobody waits for it."""
        self._history.in_background(work)

    async def check_token(self, token: str, client: Client) -> Outcome:
        """Who that is, if this is an app password for this scope: it is enough without a login.

        It is looked up before the delay, so that guesses of others delay nobody who has one: of 100 random bits, none
        is found by guessing. Raises as `check_password` does.
        """
        matched = await self._stored.matching(token)
        unsuitable = unsuitable_for(matched, client) if matched else None
        if is_silent(unsuitable):
            matched = None
        account = await self._world.database.read(accounts.get, matched.account) if matched else None
        login = account.login if account else ""
        await self._history.slow_down(account, login, client, password=token)
        if matched is None or account is None or not account.enabled:
            # A disabled account tells nothing of its passwords
            outside = unsuitable if matched is None else None
            return await self._logins.refused(outside, login, client, password=token)
        if unsuitable:
            return await self._logins.refused(unsuitable, login, client, password=token)
        who = by_app_password(account, matched)
        if not await self._logins.is_good(who, None):
            return await self._logins.refused(None, login, client, password=token)
        return self._logins.succeeded(who, login, client)

    async def hash_new(self, password: str, scram_salt: bytes) -> PasswordHash:
        """Hash a password that somebody has chosen, in the threads of the checks.

        Raises `NameRefused` for one that can't be used, `AuthenticationUnavailable`.
        """
        return await self._checks.hash(password, scram_salt)

    def told(self, account: Account, client: Client) -> None:
        """A client that has logged in says only now what it is."""
        self._history.told(account, client)

    async def settled(self) -> None:
        """Return once all that is recorded of past logins is written."""
        await self._history.settled()
        await self._upgrades.settled()

    async def close(self) -> None:
        """Write what is still to be recorded, and let the threads end."""
        await self.settled()
        self._checks.close()


def _prepared(login: str, password: str) -> tuple[str, str]:
    """Both as SASLprep wants them; empty where they cannot be right."""
    try:
        name, key = prepare_query(login), prepare_query(password)
    except PreparationFailed:
        return "", ""
    if len(name.encode()) > MAX_IDENTITY_OCTETS or len(key.encode()) > MAX_PASSWORD_OCTETS:
        return "", ""
    return name, key


def _channel(tls: TlsState | None) -> ChannelBinding | None:
    """What a mechanism may bind to. A connection that can be bound to gives its server's end point."""
    if tls is None or tls.channel_binding("tls-server-end-point") is None:
        return None
    return tls.channel_binding
