"""Each login: slowed, looked at, recorded."""

from pillarbox.directory.accounts import Account, by_login
from pillarbox.directory.sign_in import credential_marks, credentials
from pillarbox.directory.sign_in.credentials import Candidate
from pillarbox.directory.sign_in.sign_ins import Why
from pillarbox.protocol.sasl.exchange import Success
from pillarbox.protocol.sasl.scram_keys import ScramKeys
from pillarbox.server.login.client import Client
from pillarbox.server.login.history import LoginHistory
from pillarbox.server.login.outcome import (
    APP_PASSWORD,
    FOR_PROGRAMS,
    SECOND_FACTOR,
    Authenticated,
    Outcome,
    Unsuitable,
    by_app_password,
    by_password,
    is_app_password,
    unsuitable_for,
)
from pillarbox.server.login.sign_in_log import OWN_PASSWORD, UNKNOWN, Means
from pillarbox.server.login.stored_passwords import StoredPasswords
from pillarbox.world.world import World


class Logins:
    """The logins of one process, whatever they come by."""

    def __init__(self, world: World, history: LoginHistory, stored: StoredPasswords) -> None:
        self._world = world
        self._history = history
        self._stored = stored

    async def check_prepared(self, login: str, password: str, client: Client) -> Outcome:
        """`check_password` of what SASLprep has prepared; empty strings are never right."""
        who = await self.proven(login, password, client)
        return self.succeeded(who, login, client) if isinstance(who, Authenticated) else who

    async def proven(self, login: str, password: str, client: Client, *, is_person: bool = False) -> Outcome:
        """Who that is; a failure is recorded, a success not yet. `is_person`: somebody who may have more to show."""
        account, candidate = await self._world.database.read(credentials.of_login, login)
        known = await self._history.slow_down(account, login, client, password=password)
        right = await self._stored.checked(candidate, login, password, client, urgent=known)
        if is_person and right and is_app_password(right):
            right = Unsuitable(Why.FOR_PROGRAMS.value, FOR_PROGRAMS, app_password=right.app_password)
        if not isinstance(right, Authenticated):
            return await self.refused(right, login, client, password=password)
        if candidate and candidate.second_factor and not right.app_password and not is_person:
            return self._without_second_factor(candidate, client)
        if not await self.is_good(right, candidate, is_person=is_person):
            return await self.refused(None, login, client, password=password)
        return right

    async def scram_keys(self, login: str, client: Client) -> ScramKeys:
        """The keys for a SCRAM exchange; for an unknown login, keys that no password fits.

        They are read before the delay: whether they are still good is asked at the end, as late as the client likes.
        """
        account, keys = await self._world.database.read(
            credentials.scram_keys,
            login,
            secret=await self._stored.secret.octets(),
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
        unsuitable = unsuitable_for(matched, client) if matched else None
        if candidate is None or unsuitable:
            return await self.refused(unsuitable, success.login, client)
        if candidate.second_factor and not matched:
            return self._without_second_factor(candidate, client)
        who = by_app_password(candidate.account, matched) if matched else by_password(candidate)
        return self.succeeded(who, success.login, client)

    async def scram_failed(self, login: str, client: Client, *, why: str, name: str) -> None:
        """A SCRAM exchange failed at its proof. `name`: of the app password that was proven all the same."""
        means = Means(APP_PASSWORD, name) if name else UNKNOWN
        await self._history.failed(login, client, why=why, means=means)

    async def may_act_as(self, account: Account, authorization: str) -> bool:
        """Whether the account may take on this authorization identity; so far, only its own."""
        if not authorization:
            return True
        wanted = await self._world.database.read(by_login, authorization)
        return wanted is not None and wanted.id == account.id

    async def is_good(
        self, who: Authenticated, candidate: Candidate | None, *, is_person: bool = False
    ) -> bool:
        """Whether the password has not been withdrawn while it was being checked, which may take seconds: sessions
        that are open by then have ended, and this one would not."""
        read, account, used = self._world.database.read, who.account.id, who.app_password
        if used is not None:
            return await read(credential_marks.app_password_stands, account, used.digest)
        assert candidate is not None, "it was checked against its hash"
        return await read(credential_marks.own_stands, account, candidate.hashed, of_person=is_person)

    def succeeded(self, who: Authenticated, login: str, client: Client) -> Authenticated:
        """Record a login that was right."""
        used = who.app_password
        means = OWN_PASSWORD if used is None else Means(APP_PASSWORD, used.name, used.id)
        self._history.succeeded(who.account, login, client, means)
        return who

    async def refused(
        self, unsuitable: Unsuitable | None, login: str, client: Client, *, password: str = ""
    ) -> Unsuitable | None:
        """Record a failed login; what the client is to know of it."""
        why = unsuitable.why if unsuitable else ""
        used = unsuitable.app_password if unsuitable else None
        means = Means(APP_PASSWORD, used.name) if used else UNKNOWN
        await self._history.failed(
            login, client, password=password, why=why, means=means, owner=used.account if used else None
        )
        return unsuitable if unsuitable and unsuitable.words else None

    def _without_second_factor(self, candidate: Candidate, client: Client) -> Unsuitable:
        """The own password was right, and lets no program in."""
        self._history.refused(candidate.account, client, why=SECOND_FACTOR.why)
        return SECOND_FACTOR
