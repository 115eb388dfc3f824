"""Whether a password is right: an app password first, then the account's own."""

from pillarbox.directory.sign_in import app_passwords, credentials, secrets
from pillarbox.directory.sign_in.app_passwords import Matched
from pillarbox.directory.sign_in.credentials import Candidate
from pillarbox.server.login.client import Client
from pillarbox.server.login.installation_secret import InstallationSecret
from pillarbox.server.login.outcome import (
    Authenticated,
    Outcome,
    by_app_password,
    by_password,
    is_silent,
    unsuitable_for,
)
from pillarbox.server.login.password_checks import PasswordChecks
from pillarbox.server.login.password_upgrades import PasswordUpgrades
from pillarbox.world.world import World


class StoredPasswords:
    """The passwords that the database has, as one process checks them."""

    def __init__(self, world: World, checks: PasswordChecks, upgrades: PasswordUpgrades) -> None:
        self._world = world
        self._checks = checks
        self._upgrades = upgrades
        self.secret = InstallationSecret(world, secrets.CREDENTIALS)
        """What app passwords and the answers to unknown logins are made with."""

    async def checked(
        self, candidate: Candidate | None, login: str, password: str, client: Client, *, urgent: bool
    ) -> Outcome:
        """Never anybody without a candidate, but as slow as with one."""
        outside = None
        if password:
            matched = await self.matching(password)
            if candidate and matched and matched.account == candidate.account.id:
                unsuitable = unsuitable_for(matched, client)
                if not is_silent(unsuitable):
                    return unsuitable or by_app_password(candidate.account, matched)
                outside = unsuitable
        if candidate is None or candidate.foreign or not password:
            found = await self._checked_foreign(candidate, login, password, client, urgent=urgent)
            return found or outside
        right = await self._checks.holds(candidate.argon2, password, urgent=urgent, network=client.network)
        if right:
            return by_password(candidate)
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
                return by_password(candidate)
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
        secret = await self.secret.octets()
        return await self._world.database.read(credentials.stand_in, login, secret=secret)

    async def matching(self, password: str) -> Matched | None:
        """The app password that this is, for whatever it may be used."""
        digest = app_passwords.digest_of(password, await self.secret.octets())
        if digest is None:
            return None
        now_ms = self._world.clock.now_ms()
        return await self._world.database.read(app_passwords.matching, digest, now_ms=now_ms)
