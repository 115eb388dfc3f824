"""Recovery codes at sign-in, and making new ones (`directory.sign_in.recovery_codes`)."""

from pillarbox.admin import second_factors
from pillarbox.directory.sign_in import recovery_codes, secrets
from pillarbox.mail.identifiers import AccountId
from pillarbox.world.world import World


class RecoveryCodes:
    """The recovery codes of accounts. Whoever calls `use` slows guesses down and counts them."""

    def __init__(self, world: World) -> None:
        self._world = world

    async def use(self, account: AccountId, code: str, _known: str = "") -> bool:
        """Whether this is a code of the account that was not used yet; then it is used up, whoever shows it.

        Of equal codes at the same moment, one is right. Raises `DatabaseUnavailable`.
        """
        database = self._world.database
        secret = await database.read(secrets.find, secrets.CREDENTIALS)
        digest = recovery_codes.digest_of(code, secret) if secret else None
        if digest is None or not await database.read(recovery_codes.exists, account, digest):
            return False  # a wrong one costs no transaction
        return await database.write(recovery_codes.use, account, digest)

    async def left(self, account: AccountId) -> int:
        """How many there still are. Raises `DatabaseUnavailable`."""
        return await self._world.database.read(recovery_codes.left, account)

    async def renew(self, account: AccountId) -> list[str]:
        """Make new codes, to be shown once, instead of all before, for an account that has a second factor. Raises
        `DatabaseUnavailable`."""
        world, codes = self._world, second_factors.generate(self._world.entropy)
        await world.database.write(
            second_factors.store_recovery_codes,
            account,
            codes,
            fresh=world.entropy.token_bytes(secrets.SECRET_OCTETS),
            now_ms=world.clock.now_ms(),
        )
        return codes
