"""After a right login with a hash of another server: hashes of our own take its place.

Only then is the password there to be hashed. It is done in the background, for nobody waits for it: what fails is done
at the next login.
"""

import asyncio

from pillarbox.directory.naming import NameRefused
from pillarbox.directory.sign_in import credentials
from pillarbox.directory.sign_in.credentials import Candidate
from pillarbox.mail.identifiers import AccountId
from pillarbox.server.login.password_checks import AuthenticationUnavailable, PasswordChecks
from pillarbox.world.database import DatabaseUnavailable
from pillarbox.world.world import World


class PasswordUpgrades:
    """Those of one process."""

    def __init__(self, world: World, checks: PasswordChecks) -> None:
        self._world = world
        self._checks = checks
        self._under_way: dict[AccountId, asyncio.Task[None]] = {}

    def begin(self, candidate: Candidate, password: str) -> None:
        """Upgrade the hash of this login, whose password was right; once where several log in together."""
        account = candidate.account.id
        if candidate.foreign is None or account in self._under_way:
            return
        task = asyncio.get_running_loop().create_task(self._upgrade(account, candidate.foreign, password))
        self._under_way[account] = task
        task.add_done_callback(lambda _: self._under_way.pop(account))

    async def settled(self) -> None:
        """Return once none is under way."""
        await asyncio.gather(*self._under_way.values())

    async def _upgrade(self, account: AccountId, foreign: str, password: str) -> None:
        database, now_ms = self._world.database, self._world.clock.now_ms()
        try:
            salt = await database.read(credentials.find_salt, account)
            if salt is None:
                return
            hashed = await self._checks.hash(password, salt)
            await database.write(credentials.upgrade, account, foreign, hashed, now_ms=now_ms)
        except (AuthenticationUnavailable, NameRefused):
            return  # many log in now, or it has characters that no password of ours may have
        except DatabaseUnavailable:
            self._world.telemetry.warning("password not upgraded", account=account)
