"""A secret of the installation, as a process keeps it (`directory.secrets`)."""

from pillarbox.directory.sign_in import secrets
from pillarbox.world.world import World


class InstallationSecret:
    """The secret of one name; made when it is first asked for."""

    def __init__(self, world: World, name: str) -> None:
        self._world = world
        self._name = name
        self._octets: bytes | None = None

    async def octets(self) -> bytes:
        """It. Raises `DatabaseUnavailable`."""
        # Read first: people log in and read their mail also while nothing can be written
        if self._octets is None:
            self._octets = await self._world.database.read(secrets.find, self._name)
        if self._octets is None:
            fresh = self._world.entropy.token_bytes(secrets.SECRET_OCTETS)
            self._octets = await self._world.database.write(secrets.ensure, self._name, fresh)
        return self._octets
