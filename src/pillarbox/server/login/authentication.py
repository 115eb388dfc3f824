"""Authentication for every protocol: SASL exchanges, and a login with a password.

    mechanisms(tls, ...)   what to announce
    begin(...)             an `Attempt`: feed it the client's responses until it gives an `Authenticated` or fails
    check_password(...)    for IMAP LOGIN, POP3 PASS and HTTP's Basic
    check_token(...)       for HTTP's Bearer

What is always true: the answer is an `Authenticated` or nothing, with no hint whether login or password was
wrong, and both cost the same; an attempt is delayed before it is checked (see `throttle`); an app
password is tried first, because that is cheap; Argon2 runs in few threads (see `password_checks`). What limits an app
password is looked at in one place (`_unsuitable`). One that has expired, or is used outside of its networks, is
answered as a wrong password is, and costs the same; only its owner sees which one it was. Whoever shows one from where
it may be used, but for a service that it is not for, is told so (`Unsuitable`): who has it could find that out, and its
owner has to.

The own password of an account that has a second factor lets no program in. Whoever has shown or proven it is told to
use an app password; a wrong one is answered as always, for the second factor is looked at last.
"""

from collections.abc import Coroutine
from dataclasses import dataclass, field
from typing import Final, TypeAlias, assert_never

from pillarbox.directory import accounts
from pillarbox.directory.accounts import Account, by_login
from pillarbox.directory.sign_in import app_passwords, credential_marks, credentials, secrets
from pillarbox.directory.sign_in.app_passwords import Matched, Scope
from pillarbox.directory.sign_in.browser_sessions import BrowserSession
from pillarbox.directory.sign_in.credential_marks import mark
from pillarbox.directory.sign_in.credentials import Candidate
from pillarbox.directory.sign_in.known_clients import client_key
from pillarbox.directory.sign_in.password_hash import PasswordHash
from pillarbox.directory.sign_in.sign_ins import Why
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
from pillarbox.server.login.history import Client, LoginHistory
from pillarbox.server.login.installation_secret import InstallationSecret
from pillarbox.server.login.password_checks import AuthenticationUnavailable, PasswordChecks
from pillarbox.server.login.password_upgrades import PasswordUpgrades
from pillarbox.server.login.sign_in_log import OWN_PASSWORD, UNKNOWN, Means
from pillarbox.world.entropy import nonce
from pillarbox.world.world import World

__all__ = ["Attempt", "Authenticated", "AuthenticationUnavailable", "Authenticator", "Client", "Unsuitable"]


@dataclass(frozen=True, slots=True)
class Authenticated:
    """Who has logged in, and by what."""

    account: Account
    app_password: Matched | None = None
    """None: with the account's own password, or a browser session."""
    credential: str = ""
    """The mark of the password that was given, or of the session (`directory.sign_in.credential_marks`)."""
    session: BrowserSession | None = None
    """The browser session whose cookie was shown."""

    def may_use(self, scope: Scope) -> bool:
        """Whether the same credential is good for this service as well."""
        return self.app_password is None or self.app_password.is_for(scope)

    @property
    def is_read_only(self) -> bool:
        """Whether nothing may be changed by what was logged in with."""
        return self.app_password is not None and self.app_password.read_only


INSTEAD: Final = "Application-specific password required"
"""What people search for, and mail programs look for in an answer: large providers say it so."""
ACCOUNT_PATH: Final = "/account"
"""Where somebody makes an app password, below the URL for browsers."""
_LONGEST_HINT: Final = 300
"""Octets of a URL that is told: POP3 and SMTP have 512 for a line."""


@dataclass(frozen=True, slots=True)
class Unsuitable:
    """A password is right, but no good here. A failed login."""

    why: str
    """For the log."""
    words: str = ""
    """For the client, as a sentence without its end; empty: it is answered as a wrong password is."""
    needs_app_password: bool = False
    """It is the account's own, which programs may not use. It slows nobody down as a guess would."""
    app_password: Matched | None = field(default=None, compare=False)
    """It is this one, for its owner's list of sign-ins."""

    def hint(self, web_url: str) -> str:
        """Where `needs_app_password`, all that the client's person is told, where `web_url` is this server's for
        browsers, or empty. It ends with a URL, and so without a full stop."""
        page = web_url + ACCOUNT_PATH
        if not web_url or len(page) > _LONGEST_HINT:
            return f"{INSTEAD}: ask who runs this server for one"
        return f"{INSTEAD}: make one at {page}"


Outcome: TypeAlias = Authenticated | Unsuitable | None
"""What a login comes to. None: login or password is wrong."""


class Authenticator:
    """Checks logins for one process. Made once; `close` ends its threads."""

    def __init__(self, world: World) -> None:
        self._world = world
        self._history = LoginHistory(world)
        self._checks = PasswordChecks(world.clock, world.entropy)
        self._upgrades = PasswordUpgrades(world, self._checks)
        self._secret = InstallationSecret(world, secrets.CREDENTIALS)

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

    async def check_password(self, login: str, password: str, client: Client) -> Outcome:
        """Who that is, if this is a login and its password (or an app password for this scope).

        Raises `AuthenticationUnavailable` where too many wait already, `DatabaseUnavailable`.
        """
        return await self.check_prepared(*_prepared(login, password), client)

    async def prove_password(self, login: str, password: str, client: Client) -> Outcome:
        """Who that is, if this is a login and its own password: for a person, who has more to show perhaps. So a
        success is not recorded: see `signed_in`.

        An app password is refused, in words. Raises as `check_password` does.
        """
        return await self._proven(*_prepared(login, password), client, is_person=True)

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
        matched = await self._matching(token)
        unsuitable = _unsuitable(matched, client) if matched else None
        if _is_silent(unsuitable):
            matched = None
        account = await self._world.database.read(accounts.get, matched.account) if matched else None
        login = account.login if account else ""
        await self._history.slow_down(account, login, client, password=token)
        if matched is None or account is None or not account.enabled:
            # A disabled account tells nothing of its passwords
            outside = unsuitable if matched is None else None
            return await self._refused(outside, login, client, password=token)
        if unsuitable:
            return await self._refused(unsuitable, login, client, password=token)
        who = _by_app_password(account, matched)
        if not await self._is_good(who, None):
            return await self._refused(None, login, client, password=token)
        return self._succeeded(who, login, client)

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

    # --- for `Attempt`

    async def check_prepared(self, login: str, password: str, client: Client) -> Outcome:
        """`check_password` of what SASLprep has prepared; empty strings are never right."""
        who = await self._proven(login, password, client)
        return self._succeeded(who, login, client) if isinstance(who, Authenticated) else who

    async def _proven(self, login: str, password: str, client: Client, *, is_person: bool = False) -> Outcome:
        account, candidate = await self._world.database.read(credentials.of_login, login)
        known = await self._history.slow_down(account, login, client, password=password)
        right = await self._checked(candidate, login, password, client, urgent=known)
        if is_person and right and _is_app_password(right):
            right = Unsuitable(Why.FOR_PROGRAMS.value, _FOR_PROGRAMS, app_password=right.app_password)
        if not isinstance(right, Authenticated):
            return await self._refused(right, login, client, password=password)
        if candidate and candidate.second_factor and not right.app_password and not is_person:
            return self._without_second_factor(candidate, client)
        if not await self._is_good(right, candidate, is_person=is_person):
            return await self._refused(None, login, client, password=password)
        return right

    async def scram_keys(self, login: str, client: Client) -> ScramKeys:
        """The keys for a SCRAM exchange; for an unknown login, keys that no password fits.

        They are read before the delay: whether they are still good is asked at the end, as late as the client likes.
        """
        account, keys = await self._world.database.read(
            credentials.scram_keys,
            login,
            secret=await self._secret.octets(),
            address=client.address,
            now_ms=self._world.clock.now_ms(),
        )
        await self._history.slow_down(account, login, client)
        return keys

    async def scram_succeeded(self, success: Success, client: Client) -> Outcome:
        """Who a finished SCRAM exchange has proven to be there; `None` where account or password are gone by now,
        or the account is disabled."""
        proven = await self._world.database.read(
            credentials.find_proven, success.login, success.stored_key, success.credential
        )
        candidate, matched = proven or (None, None)
        unsuitable = _unsuitable(matched, client) if matched else None
        if candidate is None or unsuitable:
            return await self._refused(unsuitable, success.login, client)
        if candidate.second_factor and not matched:
            return self._without_second_factor(candidate, client)
        who = _by_app_password(candidate.account, matched) if matched else _by_password(candidate)
        return self._succeeded(who, success.login, client)

    async def scram_failed(self, login: str, client: Client, *, why: str, name: str) -> None:
        """A SCRAM exchange failed at its proof. `name`: of the app password that was proven all the same."""
        means = Means(_APP_PASSWORD, name) if name else UNKNOWN
        await self._history.failed(login, client, why=why, means=means)

    async def may_act_as(self, account: Account, authorization: str) -> bool:
        """Whether the account may take on this authorization identity; so far, only its own."""
        if not authorization:
            return True
        wanted = await self._world.database.read(by_login, authorization)
        return wanted is not None and wanted.id == account.id

    async def _is_good(
        self, who: Authenticated, candidate: Candidate | None, *, is_person: bool = False
    ) -> bool:
        """Whether the password has not been withdrawn while it was being checked, which may take seconds: sessions
        that are open by then have ended, and this one would not."""
        read, account, used = self._world.database.read, who.account.id, who.app_password
        if used is not None:
            return await read(credential_marks.app_password_stands, account, used.digest)
        assert candidate is not None, "it was checked against its hash"
        return await read(credential_marks.own_stands, account, candidate.hashed, of_person=is_person)

    def _without_second_factor(self, candidate: Candidate, client: Client) -> Unsuitable:
        """The own password was right, and lets no program in."""
        self._history.refused(candidate.account, client, why=_SECOND_FACTOR.why)
        return _SECOND_FACTOR

    def _succeeded(self, who: Authenticated, login: str, client: Client) -> Authenticated:
        used = who.app_password
        means = OWN_PASSWORD if used is None else Means(_APP_PASSWORD, used.name, used.id)
        self._history.succeeded(who.account, login, client, means)
        return who

    async def _refused(
        self, unsuitable: Unsuitable | None, login: str, client: Client, *, password: str = ""
    ) -> Unsuitable | None:
        """Record a failed login; what the client is to know of it."""
        why = unsuitable.why if unsuitable else ""
        used = unsuitable.app_password if unsuitable else None
        means = Means(_APP_PASSWORD, used.name) if used else UNKNOWN
        await self._history.failed(
            login, client, password=password, why=why, means=means, owner=used.account if used else None
        )
        return unsuitable if unsuitable and unsuitable.words else None

    async def _checked(
        self, candidate: Candidate | None, login: str, password: str, client: Client, *, urgent: bool
    ) -> Outcome:
        """Never anybody without a candidate, but as slow as with one."""
        outside = None
        if password:
            matched = await self._matching(password)
            if candidate and matched and matched.account == candidate.account.id:
                unsuitable = _unsuitable(matched, client)
                if not _is_silent(unsuitable):
                    return unsuitable or _by_app_password(candidate.account, matched)
                outside = unsuitable
        if candidate is None or candidate.foreign or not password:
            found = await self._checked_foreign(candidate, login, password, client, urgent=urgent)
            return found or outside
        right = await self._checks.holds(candidate.argon2, password, urgent=urgent, network=client.network)
        if right:
            return _by_password(candidate)
        await self._stand_in(login)
        return outside

    async def _checked_foreign(
        self, candidate: Candidate | None, login: str, password: str, client: Client, *, urgent: bool
    ) -> Authenticated | None:
        """A login with a hash of another server, or without any that counts; then it is pretended."""
        if candidate and candidate.foreign and password:
            right = await self._checks.holds_foreign(
                candidate.foreign, password, urgent=urgent, network=client.network
            )
            if right:
                self._upgrades.begin(candidate, password)
                return _by_password(candidate)
            await self._stand_in(login)
            return None
        instead = await self._stand_in(login)
        if instead is None:
            await self._checks.holds(None, password, urgent=urgent, network=client.network)
        else:
            await self._checks.holds_foreign(
                instead, password, urgent=urgent, network=client.network, pretended=True
            )
        return None

    async def _stand_in(self, login: str) -> str | None:
        """What an unknown login is checked against. Asked after each wrong password, so that it takes as long."""
        secret = await self._secret.octets()
        return await self._world.database.read(credentials.stand_in, login, secret=secret)

    async def _matching(self, password: str) -> Matched | None:
        """The app password that this is, for whatever it may be used."""
        digest = app_passwords.digest_of(password, await self._secret.octets())
        if digest is None:
            return None
        now_ms = self._world.clock.now_ms()
        return await self._world.database.read(app_passwords.matching, digest, now_ms=now_ms)


class Attempt:
    """One SASL exchange of one client: octets in; a challenge, who it is, or a failure out."""

    __slots__ = ("_authenticator", "_client", "_exchange", "_login")

    def __init__(self, authenticator: Authenticator, exchange: Exchange, client: Client) -> None:
        self._authenticator = authenticator
        self._exchange = exchange
        self._client = client
        self._login = ""

    async def respond(self, octets: bytes | None) -> Challenge | Authenticated | Unsuitable | Failure:
        """Take the client's response, decoded; `None` where it sent no initial response.

        After anything but a `Challenge` the attempt is over. Raises `AuthenticationUnavailable`,
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

    async def _check_password(self, check: CheckPassword) -> Authenticated | Unsuitable | Failure:
        who = await self._authenticator.check_prepared(check.login, check.password, self._client)
        step = self._exchange.decide(granted=isinstance(who, Authenticated))
        if isinstance(who, Authenticated) and isinstance(step, Failure):
            return step
        return await self._authorized(who, check.authorization)

    async def _succeeded(self, success: Success) -> Authenticated | Unsuitable | Failure:
        who = await self._authenticator.scram_succeeded(success, self._client)
        return await self._authorized(who, success.authorization)

    async def _failed(self, failure: Failure) -> Failure:
        if failure.reason is Reason.CREDENTIALS and self._login:
            why = failure.detail if failure.detail in credentials.SILENT else ""
            await self._authenticator.scram_failed(self._login, self._client, why=why, name=failure.name)
        return failure

    async def _authorized(self, who: Outcome, authorization: str) -> Authenticated | Unsuitable | Failure:
        if not isinstance(who, Authenticated):
            return who or _REFUSED
        if await self._authenticator.may_act_as(who.account, authorization):
            return who
        return Failure(Reason.CREDENTIALS, "may not act as that identity")


def _by_password(candidate: Candidate) -> Authenticated:
    return Authenticated(candidate.account, None, candidate.mark)


def _by_app_password(account: Account, matched: Matched) -> Authenticated:
    return Authenticated(account, matched, mark(matched.digest))


_SECOND_FACTOR: Final = Unsuitable(Why.SECOND_FACTOR.value, INSTEAD, needs_app_password=True)
_APP_PASSWORD: Final = "app password"  # noqa: S105 - no password
_FOR_PROGRAMS: Final = "this is an app password, which is for programs"
_READ_ONLY: Final = "this app password is read-only, and may not send mail"


def _is_silent(unsuitable: Unsuitable | None) -> bool:
    """Whether it is answered as a wrong password is, as slowly."""
    return unsuitable is not None and not unsuitable.words


def _is_app_password(outcome: Outcome) -> bool:
    """Whether an app password was shown, from where it may be used."""
    if isinstance(outcome, Authenticated):
        return outcome.app_password is not None
    return outcome is not None and bool(outcome.words)


def _prepared(login: str, password: str) -> tuple[str, str]:
    """Both as SASLprep wants them; empty where they cannot be right."""
    try:
        name, key = prepare_query(login), prepare_query(password)
    except PreparationFailed:
        return "", ""
    if len(name.encode()) > MAX_IDENTITY_OCTETS or len(key.encode()) > MAX_PASSWORD_OCTETS:
        return "", ""
    return name, key


def _unsuitable(matched: Matched, client: Client) -> Unsuitable | None:
    """Why an app password is no good for what this client wants; the one place that says so."""
    if matched.has_expired:
        return Unsuitable(Why.EXPIRED.value, app_password=matched)
    if not matched.is_allowed_at(client.address):
        return Unsuitable(Why.OUTSIDE.value, app_password=matched)
    if not matched.is_for(client.scope):
        service = client.scope.upper()
        return Unsuitable(
            Why.OTHER_SERVICE.value, f"this app password is not for {service}", app_password=matched
        )
    if client.scope is Scope.SMTP and matched.read_only:
        return Unsuitable(Why.READ_ONLY.value, _READ_ONLY, app_password=matched)
    return None


_REFUSED: Final = Failure(Reason.CREDENTIALS, "refused")


def _channel(tls: TlsState | None) -> ChannelBinding | None:
    """What a mechanism may bind to. A connection that can be bound to gives its server's end point."""
    if tls is None or tls.channel_binding("tls-server-end-point") is None:
        return None
    return tls.channel_binding
