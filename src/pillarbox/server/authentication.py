"""Authentication for every protocol: SASL exchanges, and a login with a password.

    mechanisms(tls, ...)   what to announce
    begin(...)             an `Attempt`: feed it the client's responses until it gives an account or fails
    check_password(...)    for IMAP LOGIN and POP3 PASS

What is always true: the answer is an account or nothing, with no hint whether login or password was
wrong, and both cost the same; an attempt is delayed before it is checked (see `auth_throttle`); an app
password is tried first, because that is cheap; Argon2 runs in few threads (see `password_checks`).
"""

from typing import Final, assert_never

from pillarbox.directory import app_passwords, credentials, secrets
from pillarbox.directory.accounts import Account, by_login
from pillarbox.directory.app_passwords import Scope
from pillarbox.directory.credentials import Candidate
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
from pillarbox.server.connection import TlsState
from pillarbox.server.login_history import Client, LoginHistory
from pillarbox.server.password_checks import AuthenticationUnavailable, PasswordChecks
from pillarbox.world.entropy import nonce
from pillarbox.world.world import World

__all__ = ["Attempt", "AuthenticationUnavailable", "Authenticator", "Client"]


class Authenticator:
    """Checks logins for one process. Made once; `close` ends its threads."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._history = LoginHistory(world)
        self._checks = PasswordChecks(world.clock, world.entropy)
        self._secret: bytes | None = None

    # --- for the protocols

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
        exchange = mechanisms.start(mechanism, nonce=nonce(self._world.entropy), channel=_channel(tls))
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

    async def settled(self) -> None:
        """Return once all that is recorded of past logins is written."""
        await self._history.settled()

    async def close(self) -> None:
        """Write what is still to be recorded, and let the threads end."""
        await self.settled()
        self._checks.close()

    # --- for `Attempt`

    async def check_prepared(self, login: str, password: str, client: Client) -> Account | None:
        """`check_password` of what SASLprep has prepared; empty strings are never right."""
        candidate = await self._world.database.read(credentials.find, login) if login else None
        account = candidate.account if candidate else None
        known = await self._history.slow_down(account, login, client, password=password)
        right = await self._is_right(candidate, password, client, urgent=known)
        if candidate is None or not right:
            await self._history.failed(login, client, password=password)
            return None
        self._history.succeeded(candidate.account, login, client)
        return candidate.account

    async def scram_keys(self, login: str, client: Client) -> ScramKeys:
        """The keys for a SCRAM exchange; for an unknown login, keys that no password fits."""
        database = self._world.database
        await self._history.slow_down(await database.read(by_login, login), login, client)
        return await database.read(
            credentials.scram_keys,
            login,
            secret=await self._installation_secret(),
            scope=client.scope,
            now_ms=self._world.clock.now_ms(),
        )

    async def scram_succeeded(self, success: Success, client: Client) -> Account | None:
        """The account that a finished SCRAM exchange has proven; `None` where it is gone or disabled by now."""
        candidate = await self._world.database.read(credentials.find, success.login)
        if candidate is None:
            await self._history.failed(success.login, client)
            return None
        self._history.succeeded(candidate.account, success.login, client)
        if success.credential is not None:
            self._history.app_password_used(success.credential)
        return candidate.account

    async def scram_failed(self, login: str, client: Client) -> None:
        """A SCRAM exchange failed at its proof."""
        await self._history.failed(login, client)

    async def may_act_as(self, account: Account, authorization: str) -> bool:
        """Whether the account may take on this authorization identity; so far, only its own."""
        if not authorization:
            return True
        wanted = await self._world.database.read(by_login, authorization)
        return wanted is not None and wanted.id == account.id

    async def _is_right(
        self, candidate: Candidate | None, password: str, client: Client, *, urgent: bool
    ) -> bool:
        """Never true without a candidate, but as slow as with one."""
        if candidate and password and await self._is_app_password(candidate.account, password, client.scope):
            return True
        argon2 = candidate.argon2 if candidate and password else None
        return await self._checks.holds(argon2, password, urgent=urgent, network=client.network)

    async def _is_app_password(self, account: Account, password: str, scope: Scope) -> bool:
        digest = app_passwords.digest_of(password, await self._installation_secret())
        if digest is None:
            return False
        identifier = await self._world.database.read(
            app_passwords.matching, account.id, digest, scope=scope, now_ms=self._world.clock.now_ms()
        )
        if identifier is not None:
            self._history.app_password_used(identifier)
        return identifier is not None

    async def _installation_secret(self) -> bytes:
        # Read first: people log in and read their mail also while nothing can be written
        if self._secret is None:
            self._secret = await self._world.database.read(secrets.find, secrets.CREDENTIALS)
        if self._secret is None:
            fresh = self._world.entropy.token_bytes(secrets.SECRET_OCTETS)
            self._secret = await self._world.database.write(secrets.ensure, secrets.CREDENTIALS, fresh)
        return self._secret


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
                    return await self._failed(step)
                case Success():
                    return await self._succeeded(step)
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
        return await self._authorized(account, check.authorization)

    async def _succeeded(self, success: Success) -> Account | Failure:
        account = await self._authenticator.scram_succeeded(success, self._client)
        return await self._authorized(account, success.authorization) if account else _REFUSED

    async def _failed(self, failure: Failure) -> Failure:
        if failure.reason is Reason.CREDENTIALS and self._login:
            await self._authenticator.scram_failed(self._login, self._client)
        return failure

    async def _authorized(self, account: Account, authorization: str) -> Account | Failure:
        if await self._authenticator.may_act_as(account, authorization):
            return account
        return Failure(Reason.CREDENTIALS, "may not act as that identity")


_REFUSED: Final = Failure(Reason.CREDENTIALS, "refused")


def _channel(tls: TlsState | None) -> ChannelBinding | None:
    """What a mechanism may bind to. A connection that can be bound to gives its server's end point."""
    if tls is None or tls.channel_binding("tls-server-end-point") is None:
        return None
    return tls.channel_binding
