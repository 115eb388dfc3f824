"""Setting a recovery address, and confirming it by the link that was sent to it."""

from pillarbox.admin import account_letters, password_reset
from pillarbox.admin.password_reset import NewMail
from pillarbox.config.schema import Config
from pillarbox.directory.sign_in import link_tokens, recovery_addresses
from pillarbox.directory.sign_in.recovery_addresses import Recovery, Waiting
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.entropy import nonce
from pillarbox.world.world import World


class RecoveryAddresses:
    """Those of accounts. Who calls `set` or `remove` has seen that the person has proved just now who they are."""

    def __init__(self, world: World, config: Config) -> None:
        self._world = world
        self._config = config

    @property
    def is_offered(self) -> bool:
        """Whether an address is good for anything: links are sent, and known to lead here."""
        return self._config.passwords.reset_by_mail and bool(self._config.web_url)

    async def of(self, account: AccountId) -> Recovery:
        """What an account has set. Raises `DatabaseUnavailable`."""
        now_ms = self._world.clock.now_ms()
        return await self._world.database.read(recovery_addresses.get, account, now_ms=now_ms)

    async def set(self, account: AccountId, address: str) -> str:
        """Send a link to an address, which counts once that was used; returns the address as it is kept. The owner is
        told by mail.

        Raises `NameRefused` (its text says why, in English), `DatabaseUnavailable`.
        """
        token, digest = link_tokens.issue(self._world.entropy)
        link = account_letters.confirmation_link(self._config.web_url, token)
        new = NewMail(digest, link, nonce(self._world.entropy), self._world.clock.now_ms())
        return await self._world.database.write_in_thread(
            password_reset.set_recovery_address, account, address, new
        )

    async def remove(self, account: AccountId) -> bool:
        """Remove it; returns whether there was one. The owner is told by mail. Raises `DatabaseUnavailable`."""
        world = self._world
        return await world.database.write(
            password_reset.remove_recovery_address,
            account,
            identity=nonce(world.entropy),
            now_ms=world.clock.now_ms(),
        )

    async def look(self, token: str) -> Waiting | None:
        """What the link with this token confirms, if it does. Uses nothing up. Raises `DatabaseUnavailable`."""
        digest, now_ms = link_tokens.digest_of(token), self._world.clock.now_ms()
        if digest is None:
            return None
        return await self._world.database.read(recovery_addresses.find_waiting, digest, now_ms=now_ms)

    async def confirm(self, token: str) -> str | None:
        """Let the address count; returns the login, `None` where the link is gone. Raises `DatabaseUnavailable`."""
        digest, world = link_tokens.digest_of(token), self._world
        if digest is None:
            return None
        return await world.database.write(
            password_reset.confirm_recovery_address,
            digest,
            identity=nonce(world.entropy),
            now_ms=world.clock.now_ms(),
        )
